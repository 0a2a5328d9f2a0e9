"""PURE: the shape of a report, and what it looks like as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from core.clock import iso_local

DECIMALS: Final = 10_000
"""Shares are rounded to four decimals, half up."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell. A count has its number as value and numerator and no denominator.

    `pending` is the number of cases whose window has not passed, None for indicators without a
    window. A suppressed figure has no value, numerator or denominator.
    """

    value: float | int | None
    numerator: int | None
    denominator: int | None
    pending: int | None = None
    suppressed: bool = False


Cells = Mapping[str, Figure]
"""The figures of one place, by the code of the indicator."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a published report was made with: versions, the threshold, and the hash over it.

    `chain_heads` is the hash over the heads of both logs at the freeze, "" before it: whoever has
    this report can tell whether the logs were turned back since.
    """

    definitions: str
    software: str
    threshold: int
    sha256: str
    chain_heads: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a period as of an instant, for the nation, its regions and its units.

    `due_on` is a local date. A live report is in state `open` with revision 0; `view` says for
    whom it was cut (`whole` is not cut at all). `names` are those of units by code, as far as
    they were kept with it: paper tells them, and must be made again alike when a unit is renamed.
    """

    period: str
    due_on: date
    as_of: datetime
    nation: Cells
    regions: Mapping[str, Cells]
    units: Mapping[str, Cells]
    state: str = "open"
    revision: int = 0
    view: str = "whole"
    seal: Seal | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell in which two reports differ. A side that lacks the cell has None."""

    level: str
    place: str
    indicator: str
    one: Figure | None
    other: Figure | None

    def __str__(self) -> str:
        where = self.level if not self.place else f"{self.level} {self.place}"
        return f"{where} {self.indicator}: {_short(self.one)} against {_short(self.other)}"


@lru_cache(maxsize=8192)
def share(numerator: int, denominator: int, *, pending: int | None = None) -> Figure:
    """A numerator of a denominator; of nothing there is no share."""
    value = None
    if denominator:
        # Whole numbers, because binary fractions would round some halves down.
        value = (2 * numerator * DECIMALS + denominator) // (2 * denominator) / DECIMALS
    return Figure(value, numerator, denominator, pending)


@lru_cache(maxsize=8192)
def count(number: int) -> Figure:
    """A plain count."""
    return Figure(number, number, None)


def percent(figure: Figure, *, point: str = ",") -> str:
    """A share as people read it, `82,1 %`: one decimal, halves up; a dash for a share of nothing.

    Rounded once, from the fraction itself: `value` is rounded already, and 32 of 39 would be told
    as 82,0 (0,8205) and not as 82,1 (0,82051…).
    """
    if not figure.denominator or figure.numerator is None:
        return "–"
    tenths = (2000 * figure.numerator + figure.denominator) // (2 * figure.denominator)
    return f"{tenths // 10}{point}{tenths % 10} %"


def cells(report: Report) -> Iterator[tuple[str, str, str, Figure]]:
    """Every cell as (level, place, indicator, figure); the nation's place is empty."""
    for code, figure in report.nation.items():
        yield "nation", "", code, figure
    for level, places in (("region", report.regions), ("unit", report.units)):
        for place, figures in places.items():
            for code, figure in figures.items():
                yield level, place, code, figure


def compare(one: Report, other: Report) -> list[Difference]:
    """Every cell, at every level, in which two reports differ."""
    ours = {cell[:3]: cell[3] for cell in cells(one)}
    theirs = {cell[:3]: cell[3] for cell in cells(other)}
    return [
        Difference(*where, ours.get(where), theirs.get(where))
        for where in {**ours, **theirs}
        if ours.get(where) != theirs.get(where)
    ]


def of_unit(report: Report, unit: str) -> Report:
    """The report as the staff of one unit see it: that unit alone, unsuppressed."""
    return replace(report, view="unit", nation={}, regions={}, units={unit: report.units[unit]})


def of_places(report: Report, *, unit: str | None = None, region: str | None = None) -> Report:
    """The report with one unit or one region alone, and the nation beside it."""
    if unit is None and region is None:
        return report
    return replace(
        report,
        regions={} if region is None else {region: report.regions[region]},
        units={} if unit is None else {unit: report.units[unit]},
    )


def as_json(report: Report) -> dict[str, Any]:
    """The report as the command line and the API print it; a published one with its seal."""
    sealed = {} if report.seal is None else {"seal": asdict(report.seal)}
    return {
        "period": report.period,
        "due_on": report.due_on.isoformat(),
        "state": report.state,
        "revision": report.revision,
        "view": report.view,
        "as_of": iso_local(report.as_of),
        "nation": _plain(report.nation),
        "regions": {name: _plain(figures) for name, figures in report.regions.items()},
        "units": {code: _plain(figures) for code, figures in report.units.items()},
        **sealed,
    }


def _plain(figures: Cells) -> dict[str, Any]:
    return {
        code: {
            "value": figure.value,
            "numerator": figure.numerator,
            "denominator": figure.denominator,
            "pending": figure.pending,
            "suppressed": figure.suppressed,
        }
        for code, figure in figures.items()
    }


def _short(figure: Figure | None) -> str:
    if figure is None:
        return "nothing"
    if figure.suppressed:
        return ":"
    if figure.denominator is None:
        return str(figure.numerator)
    return f"{figure.numerator}/{figure.denominator}"

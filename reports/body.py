"""PURE: a report as the text that is kept of it: canonical JSON, read back to the same value.

Figures stand as rows (level, place, indicator, numerator, denominator, pending), nothing hidden:
the text stays in the house. What was published of it stands beside, as the keys that were hidden.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from core.chain import canonical
from core.clock import iso_local, parse_instant
from core.db import instant_text
from reports.figures import Cells, Figure, Report, cells, count, share
from reports.relations import PENDING, Key, Layout, Published, table_of

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A publication as it is kept: the whole figures, what was hidden, and by which rules."""

    report: Report
    layout: Layout
    hidden: frozenset[Key]
    threshold: int
    definitions: str
    software: str
    more: Mapping[str, Any]

    def published(self) -> Published:
        """As an attacker of a later publication knows it."""
        return Published(table_of(self.report, self.layout), self.hidden)


def text_of(kept: Kept) -> str:
    """The canonical text."""
    report = kept.report
    return canonical(
        {
            "format": FORMAT,
            "period": report.period,
            "due_on": report.due_on.isoformat(),
            "as_of": instant_text(report.as_of),
            "definitions": kept.definitions,
            "software": kept.software,
            "threshold": kept.threshold,
            "figures": [
                [level, place, code, figure.numerator, figure.denominator, figure.pending]
                for level, place, code, figure in cells(report)
            ],
            "hidden": [list(key) for key in sorted(kept.hidden)],
            "published_sha256": published_hash(cut(report, kept.hidden)),
            "groups": [[list(regions), list(units)] for regions, units in kept.layout.groups],
            "inside": {unit: sorted(inside) for unit, inside in kept.layout.inside.items()},
            "more": kept.more,
        }
    )


def kept_from(text: str, *, state: str, revision: int) -> Kept:
    """Read a text back."""
    read = json.loads(text)
    report = report_of(
        read["figures"],
        period=read["period"],
        due_on=date.fromisoformat(read["due_on"]),
        as_of=parse_instant(read["as_of"]),
        state=state,
        revision=revision,
    )
    return Kept(
        report,
        Layout(
            tuple((tuple(regions), tuple(units)) for regions, units in read["groups"]),
            {unit: frozenset(inside) for unit, inside in read["inside"].items()},
        ),
        frozenset((level, place, code) for level, place, code in read["hidden"]),
        read["threshold"],
        read["definitions"],
        read["software"],
        read["more"],
    )


def report_of(
    rows: Iterable[Any],
    *,
    period: str,
    due_on: date,
    as_of: datetime,
    state: str,
    revision: int,
    view: str = "whole",
) -> Report:
    """A report from rows (level, place, indicator, numerator, denominator, pending[, hidden])."""
    levels: dict[str, dict[str, dict[str, Figure]]] = {"nation": {}, "region": {}, "unit": {}}
    at, there = ("", ""), dict[str, Figure]()
    for level, place, code, *told in rows:
        if at != (level, place):  # rows of a place stand together
            at, there = (level, place), levels[level].setdefault(place, {})
        there[code] = _figure(*told)
    return Report(
        period,
        due_on,
        as_of,
        levels["nation"].get("", {}),
        levels["region"],
        levels["unit"],
        state,
        revision,
        view,
    )


@lru_cache(maxsize=8192)
def _figure(
    numerator: int | None,
    denominator: int | None,
    pending: int | None,
    hidden: bool = False,  # noqa: FBT001, FBT002 - the last column of a row, if it has one
) -> Figure:
    if hidden:
        return Figure(None, None, None, pending, suppressed=True)
    assert numerator is not None  # noqa: S101 - only what is hidden is without
    if denominator is None:
        return count(numerator)
    return share(numerator, denominator, pending=pending)


def cut(report: Report, hidden: Collection[Key]) -> Report:
    """The report as it is published: hidden figures hold no number, nor does what is pending."""

    def figures(level: str, place: str, whole: Cells) -> Cells:
        return {
            code: _cut(
                figure,
                hides=(level, place, code) in hidden,
                waits=(level, place, f"{code}{PENDING}") in hidden,
            )
            for code, figure in whole.items()
        }

    return replace(
        report,
        view="directorate",
        nation=figures("nation", "", report.nation),
        regions={name: figures("region", name, c) for name, c in report.regions.items()},
        units={code: figures("unit", code, c) for code, c in report.units.items()},
    )


def _cut(figure: Figure, *, hides: bool, waits: bool) -> Figure:
    pending = None if waits else figure.pending
    if hides:
        return Figure(None, None, None, pending, suppressed=True)
    return figure if pending == figure.pending else replace(figure, pending=pending)


def body_hash(text: str) -> str:
    """The SHA-256 over exactly these characters."""
    return sha256(text.encode()).hexdigest()


def published_hash(report: Report) -> str:
    """The SHA-256 over everything that is printed of a published report, places in any order."""
    rows = sorted(
        [level, place, code, figure.numerator, figure.denominator, figure.pending]
        for level, place, code, figure in cells(report)
    )
    head = [report.period, iso_local(report.as_of)]
    return sha256(canonical([head, rows]).encode()).hexdigest()

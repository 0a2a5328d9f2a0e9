"""PURE: which region a unit lies in on a day, by its effective-dated versions.

The version in force on a day is the last one that began on or before it; before the first one, the
first. So every day of a unit has exactly one region, also where versions leave a gap, and a figure
by region never loses a case. A unit without any version counts in `Annet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

REGIONS: Final = ("Nord", "Vest", "Sør", "Sørvest", "Øst", "Annet")
ELSEWHERE: Final = "Annet"

ALWAYS: Final = date.min
NEVER: Final = date.max


@dataclass(frozen=True, slots=True)
class Version:
    """From when a unit lies in a region; `valid_from` None means always."""

    unit: str
    valid_from: date | None
    region: str


@dataclass(frozen=True, slots=True)
class Span:
    """The local dates, `from_on` … before `to_on`, in which a unit lies in a region."""

    unit: str
    region: str
    from_on: date
    to_on: date


class Regions:
    """The regions of all units. `units` are the codes of all of them, in order."""

    def __init__(self, units: Iterable[str], versions: Iterable[Version]) -> None:
        began: dict[str, dict[date, str]] = {unit: {} for unit in sorted(units)}
        for version in versions:
            began[version.unit][version.valid_from or ALWAYS] = version.region
        self._spans: Mapping[str, tuple[Span, ...]] = {
            unit: _spans(unit, regions) for unit, regions in began.items()
        }

    @property
    def units(self) -> tuple[str, ...]:
        """The codes of all units."""
        return tuple(self._spans)

    def region_on(self, unit: str, day: date) -> str:
        """The region of a unit on a local date. Raises `KeyError` for an unknown unit."""
        for span in self._spans[unit]:
            if span.from_on <= day < span.to_on:
                return span.region
        return ELSEWHERE

    def regions_of(
        self, unit: str, first_on: date = ALWAYS, next_on: date = NEVER
    ) -> frozenset[str]:
        """The regions a unit lay in on some day of a stretch (half-open), by default ever."""
        spans = self._spans[unit]
        return frozenset(s.region for s in spans if s.from_on < next_on and first_on < s.to_on)

    def moved(self) -> list[str]:
        """The units that ever changed region."""
        return [unit for unit, spans in self._spans.items() if len({s.region for s in spans}) > 1]

    def eras(self, first_on: date, next_on: date) -> list[tuple[date, date]]:
        """A stretch of local dates cut wherever some unit changes region; mostly it stays whole.

        Within one era every unit lies in one region. Half-open, like the stretch.
        """
        changes = {span.from_on for spans in self._spans.values() for span in spans}
        cuts = sorted(day for day in changes if first_on < day < next_on)
        return list(zip([first_on, *cuts], [*cuts, next_on], strict=True))


def _spans(unit: str, began: Mapping[date, str]) -> tuple[Span, ...]:
    if not began:
        return (Span(unit, ELSEWHERE, ALWAYS, NEVER),)
    starts = sorted(began)
    ends = [*starts[1:], NEVER]
    return tuple(
        Span(unit, began[start], ALWAYS if start == starts[0] else start, end)
        for start, end in zip(starts, ends, strict=True)
    )

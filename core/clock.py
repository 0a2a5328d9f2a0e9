"""Time, once: what is stored is an instant in UTC, what people mean is Norwegian local time.

The clock is read at the edge (`system_now`, or a frozen one) and handed to the rules, which never
ask. Every instant is an aware `datetime` in UTC; a naive one is a fault of ours (`ValueError`).
`from_local` is the only place that knows what a daylight-saving night does to a local time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from core.errors import BadInput

__all__ = [
    "EARLIEST_YEAR",
    "LATEST_YEAR",
    "OSLO",
    "UTC",
    "Clock",
    "from_local",
    "frozen_clock",
    "iso_local",
    "local",
    "local_date",
    "month_of",
    "parse_date",
    "parse_instant",
    "system_now",
]

OSLO: Final = ZoneInfo("Europe/Oslo")

# Dates outside are typing mistakes; the year is the local one.
EARLIEST_YEAR: Final = 1900
LATEST_YEAR: Final = 2100

Clock: TypeAlias = Callable[[], datetime]

# ASCII digits on purpose: `\d` and `int()` take full-width ones too.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def system_now() -> datetime:
    """The instant it is, in UTC with microseconds. Only edges (web, flows, CLI) call this."""
    return datetime.now(UTC)


def frozen_clock(instant: datetime) -> Clock:
    """A clock that stands still at `instant`: for training folders, checks and tests."""
    standing = _aware(instant).astimezone(UTC)
    return lambda: standing


@lru_cache(maxsize=65_536)
def from_local(day: date, clock_time: time) -> datetime:
    """The instant, in UTC, of a Norwegian wall-clock time.

    A local time that occurs twice is the first; one that does not exist moves forward by the gap
    (DOMAIN rule 12). Any `fold` of `clock_time` is ignored. Pure, so remembered.
    """
    if clock_time.tzinfo is not None:
        raise ValueError("from_local takes a wall-clock time, not one with a zone of its own")
    # fold=0 reads an ambiguous time with the offset before the change (= the first of the two)
    # and a missing one with the offset before the gap (= moved forward by the gap).
    return datetime.combine(day, clock_time.replace(fold=0), OSLO).astimezone(UTC)


def local(instant: datetime) -> datetime:
    """The same instant on the Norwegian wall clock (aware, Europe/Oslo)."""
    return _aware(instant).astimezone(OSLO)


def local_date(instant: datetime) -> date:
    """The calendar day in Norway at `instant`."""
    return _aware(instant).astimezone(OSLO).date()


def month_of(instant: datetime) -> str:
    """The calendar month in Norway at `instant`, as `YYYY-MM`."""
    there = _aware(instant).astimezone(OSLO)
    return f"{there.year:04d}-{there.month:02d}"


def iso_local(instant: datetime) -> str:
    """ISO 8601 with Norway's offset, as every interface prints it; whole seconds without dot."""
    return _aware(instant).astimezone(OSLO).isoformat()


def parse_instant(text: str, *, field: str | None = None) -> datetime:
    """Read `2026-09-01T08:00+02:00` (or `Z`); without an offset it is Norwegian local time.

    Returns the instant in UTC. Raises `BadInput`: `bad_time` when it cannot be read or does not
    exist, `out_of_range` before 1900 or after 2100. A date alone is no instant.
    """
    written = text.strip()
    if _INSTANT.fullmatch(written) is None:
        raise _unreadable_time(field)
    try:
        read = datetime.fromisoformat(written)
        if EARLIEST_YEAR <= read.year <= LATEST_YEAR:
            if read.tzinfo is None:
                return from_local(read.date(), read.time())
            return read.astimezone(UTC)
    except ValueError as unreadable:
        raise _unreadable_time(field) from unreadable
    raise _out_of_range(field)


def parse_date(text: str, *, field: str | None = None) -> date:
    """Read `2026-12-01`. Raises `BadInput` (`bad_date`, or `out_of_range` as above)."""
    written = text.strip()
    try:
        if _DATE.fullmatch(written) is None:
            raise ValueError
        read = date.fromisoformat(written)
    except ValueError as unreadable:
        raise BadInput(
            "bad_date", "the date cannot be read: write it like 2026-12-01", field
        ) from unreadable
    if EARLIEST_YEAR <= read.year <= LATEST_YEAR:
        return read
    raise _out_of_range(field)


def _aware(instant: datetime) -> datetime:
    # `astimezone` would silently read a naive value in the zone of the machine.
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware: a datetime without zone came in")
    return instant


def _unreadable_time(field: str | None) -> BadInput:
    return BadInput(
        "bad_time",
        "the time cannot be read: write it like 2026-09-01T08:00+02:00"
        " (without an offset it is Norwegian time)",
        field,
    )


def _out_of_range(field: str | None) -> BadInput:
    return BadInput(
        "out_of_range",
        f"the date is before {EARLIEST_YEAR} or after {LATEST_YEAR}: check the year",
        field,
    )

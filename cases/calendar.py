"""Working days and wall clocks in Norway: all the counting of days that deadlines need.

Days are local dates in Europe/Oslo, instants aware datetimes in UTC. A working day is Monday to
Friday without Norwegian public holidays, 24 December and 31 December (DOMAIN rule 4). Everything
is pure and never reads the clock. The countings are remembered, because deadlines of many cases
fall on the same few thousand days.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import holidays

from core.clock import from_local, local, local_date

DUE_TIME: Final = time(15)
"""The local time at which a deadline counted in days falls due (DOMAIN rules 2 and 3)."""

RELEASE_TIME: Final = time(12)
"""The local time that a release date stands for where an instant is needed (DOMAIN, R)."""

_ONE_DAY: Final = timedelta(days=1)


class Span(StrEnum):
    """What an amount of time is counted in: elapsed hours, calendar days or working days."""

    HOURS = "h"
    DAYS = "d"
    WORKING_DAYS = "wd"


@lru_cache(maxsize=512)
def _closed_days(year: int) -> frozenset[date]:
    # The library knows neither of the two last days; a Sunday holiday is not moved in Norway.
    return frozenset(holidays.country_holidays("NO", years=year)) | {
        date(year, 12, 24),
        date(year, 12, 31),
    }


def is_working_day(day: date) -> bool:
    """Whether `day` is a working day (DOMAIN rule 4)."""
    return day.weekday() < 5 and day not in _closed_days(day.year)


def roll_back(day: date) -> date:
    """`day` if it is a working day, else the last working day before it."""
    while not is_working_day(day):
        day -= _ONE_DAY
    return day


def roll_forward(day: date) -> date:
    """`day` if it is a working day, else the first working day after it."""
    while not is_working_day(day):
        day += _ONE_DAY
    return day


@lru_cache(maxsize=16_384)
def add_working_days(day: date, n: int) -> date:
    """The n-th working day after `day`, or before it where `n` is negative.

    `day` itself is never counted and need not be a working day; with `n` = 0 it comes back as it
    is.
    """
    step = _ONE_DAY if n > 0 else -_ONE_DAY
    left = abs(n)
    while left:
        day += step
        if is_working_day(day):
            left -= 1
    return day


def next_working_day(day: date) -> date:
    """The first working day strictly after `day`."""
    return roll_forward(day + _ONE_DAY)


def at(day: date, clock_time: time) -> datetime:
    """The instant (UTC) of a local wall-clock time.

    A time that occurs twice is the first, one that does not exist moves forward by the gap
    (DOMAIN rule 12).
    """
    return from_local(day, clock_time)


def release_instant(on: date) -> datetime:
    """The instant (UTC) that the release date `on` stands for: 12:00 local time."""
    return from_local(on, RELEASE_TIME)


def shift_date(day: date, amount: int, span: Span) -> date:
    """The date `amount` calendar days or working days after `day` (before, where negative).

    Hours cannot be counted from a date: `ValueError`.
    """
    if span is Span.DAYS:
        return day + timedelta(days=amount)
    if span is Span.WORKING_DAYS:
        return add_working_days(day, amount)
    raise ValueError("hours are counted from an instant, not from a date")


@lru_cache(maxsize=16_384)
def shift(instant: datetime, amount: int, span: Span) -> datetime:
    """The instant `amount` of `span` after `instant` (before, where negative).

    Hours are elapsed. Days and working days keep the wall clock: "2 d before" is the same local
    time two calendar days earlier (DOMAIN rule 12).
    """
    if span is Span.HOURS:
        return instant + timedelta(hours=amount)
    there = local(instant)
    return from_local(shift_date(there.date(), amount, span), there.time())


def midpoint(one: datetime, other: datetime) -> datetime:
    """The instant halfway between two instants, in elapsed time."""
    return one + (other - one) / 2


def midnight_ending(day: date) -> datetime:
    """The instant (UTC) of the local midnight that ends `day`."""
    return from_local(day + _ONE_DAY, time())


__all__ = [
    "DUE_TIME",
    "RELEASE_TIME",
    "Span",
    "add_working_days",
    "at",
    "is_working_day",
    "local_date",
    "midnight_ending",
    "midpoint",
    "next_working_day",
    "release_instant",
    "roll_back",
    "roll_forward",
    "shift",
    "shift_date",
]

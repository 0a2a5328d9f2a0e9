"""PURE: the tertial (four-month period) that is counted, and the instant it is counted as of.

Days are local dates in Norway, instants aware datetimes in UTC. A period is half-open: it holds
`first_on`, and not `next_on`. An event belongs to the period of its local date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from cases.calendar import add_working_days, at, is_working_day, roll_back
from core.clock import EARLIEST_YEAR, LATEST_YEAR, local_date
from core.errors import BadInput

MICROSECOND: Final = timedelta(microseconds=1)
"""The finest step of an instant: the last instant before another one is this much earlier."""

CHECKED_AFTER: Final = 5
"""Working days after the end of a period within which the units check their figures."""

_WRITTEN: Final = re.compile(r"([0-9]{4})-T([1-3])", re.ASCII)
_DUE: Final = {1: (5, 19), 2: (9, 18), 3: (1, 19)}
_FRIDAY: Final = 4


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """One tertial: `number` 1 is January–April, 2 May–August, 3 September–December of `year`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2026-T3`. Raises `BadInput` (`bad_period`, or `out_of_range` for the year)."""
        read = _WRITTEN.fullmatch(text.strip())
        if read is None:
            raise BadInput(
                "bad_period",
                "the period cannot be read: write it like 2026-T3 (T1 is January to April, "
                "T2 May to August, T3 September to December)",
                "period",
            )
        year = int(read[1])
        if not EARLIEST_YEAR <= year <= LATEST_YEAR:
            raise BadInput(
                "out_of_range",
                f"the period is before {EARLIEST_YEAR} or after {LATEST_YEAR}: check the year",
                "period",
            )
        return cls(year, int(read[2]))

    @classmethod
    def of(cls, day: date) -> Period:
        """The period that a local date lies in."""
        return cls(day.year, (day.month - 1) // 4 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-T{self.number}"

    @property
    def first_on(self) -> date:
        """The first local date."""
        return date(self.year, 4 * self.number - 3, 1)

    @property
    def next_on(self) -> date:
        """The first local date after the period."""
        return (
            date(self.year + 1, 1, 1)
            if self.number == 3
            else date(self.year, self.first_on.month + 4, 1)
        )

    @property
    def last_on(self) -> date:
        """The last local date."""
        return self.next_on - timedelta(days=1)

    @property
    def first_at(self) -> datetime:
        """The local midnight that begins the period."""
        return at(self.first_on, time())

    @property
    def next_at(self) -> datetime:
        """The local midnight that ends the period; it belongs to the next one."""
        return at(self.next_on, time())

    @property
    def last_at(self) -> datetime:
        """The last instant of the period."""
        return self.next_at - MICROSECOND

    @property
    def due_on(self) -> date:
        """When the report is due: 19 May, 18 September or 19 January, or the working day before."""
        month, day = _DUE[self.number]
        return roll_back(date(self.next_on.year, month, day))

    @property
    def checked_by(self) -> date:
        """The day by which the units check their figures."""
        return add_working_days(self.last_on, CHECKED_AFTER)

    def holds(self, instant: datetime) -> bool:
        """Whether the local date of an instant lies in the period."""
        return self.first_on <= local_date(instant) < self.next_on


class Stage(StrEnum):
    """The stretches of a period's life before it is frozen; each is shown to everybody once."""

    FIRST_HALF = "first_half"
    SECOND_HALF = "second_half"
    ENDED = "ended"


def stage_of(period: Period, instant: datetime) -> Stage:
    """In which stage of a period an instant lies, by its local date: two months, two, and after."""
    day = local_date(instant)
    if day >= period.next_on:
        return Stage.ENDED
    half = date(period.year, period.first_on.month + 2, 1)
    return Stage.SECOND_HALF if day >= half else Stage.FIRST_HALF


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the figures of a period, by what was recorded up to and with `as_of`."""

    period: Period
    as_of: datetime

    @property
    def until(self) -> datetime:
        """The end (exclusive) of what is looked at: of the period, or just after `as_of`."""
        return min(self.period.next_at, self.as_of + MICROSECOND)

    @property
    def at_end(self) -> datetime:
        """The instant at which overdue tasks are counted: the period's last one, or `as_of`."""
        return min(self.period.last_at, self.as_of)


def before_closed_days(period: Period) -> list[date]:
    """The days of the period that are a Friday or whose next day is a closed weekday (I17)."""
    days = (
        period.first_on + timedelta(days=n) for n in range((period.next_on - period.first_on).days)
    )
    return [day for day in days if is_before_closed_day(day)]


def is_before_closed_day(day: date) -> bool:
    """Whether a day is a Friday, or the next day is Monday to Friday and not a working day."""
    following = day + timedelta(days=1)
    return day.weekday() == _FRIDAY or (following.weekday() < 5 and not is_working_day(following))

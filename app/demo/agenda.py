"""What will happen, in the order of its time: acts that may put later ones on the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Final, TypeAlias

from cases.calendar import is_working_day
from core.clock import from_local, local

Act: TypeAlias = Callable[[datetime], None]

OPENS: Final = 8
CLOSES_AT: Final = {True: 15, False: 20}
"""The hour from which the office, or (False) the wing, does nothing more."""


class Agenda:
    """Acts by time; of one instant in the order in which they were added.

    What lies after `until` is never done and not kept.
    """

    def __init__(self, until: datetime) -> None:
        self.until: Final = until
        self._acts: list[tuple[datetime, int, Act]] = []
        self._tie = count()

    def add(self, at: datetime, act: Act) -> None:
        """Put an act on the list."""
        if at <= self.until:
            heappush(self._acts, (at, next(self._tie), act))

    def next_at(self) -> datetime | None:
        """When the next act is, None when nothing is left."""
        return self._acts[0][0] if self._acts else None

    def take(self) -> tuple[datetime, Act]:
        """The next act and its time, taken off the list."""
        at, _, act = heappop(self._acts)
        return at, act


def at_work(at: datetime, chance: Random, *, office: bool) -> datetime:
    """The first moment from `at` on at which somebody is there to do it.

    The office works 08–16 on working days, the wing and the health service 08–21 every day.
    """
    there = local(at)
    day = there.date()
    closes = CLOSES_AT[office]
    if there.hour > closes or (office and not is_working_day(day)):
        day += timedelta(days=1)
        while office and not is_working_day(day):
            day += timedelta(days=1)
    elif there.hour >= OPENS:
        return at
    return from_local(day, time(OPENS + chance.randint(0, 2), chance.randint(0, 59)))

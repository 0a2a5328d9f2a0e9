"""The imprisonments of a demo's year, number by number. PURE.

Of a seed and a moment the same come, whatever becomes of them. About one in twenty was inside when
the year began and came in late with the first roster, and as many are of somebody who was released
before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final

from app.demo.dates import Category, WayOut, dates_known
from app.demo.persons import Person, somebody
from app.demo.stays import (
    Move,
    Stay,
    arrival,
    days_inside,
    leaving,
    office_hours,
    way_out,
    wishes,
    with_turns,
)
from app.demo.stories import STORIES
from app.demo.told import told
from core.clock import local_date

AGAIN: Final = 0.05
"""The share of imprisonments whose person was released from another one within the year."""

INSIDE_AT_FIRST: Final = 0.06


class Imprisonments:
    """Makes the imprisonments of one year that ends `now`, number by number.

    `sizes` are how many people each unit admits, in proportion; stories are told in the units
    `shown`, of which there are two at least, every other one in the first.
    """

    def __init__(
        self,
        seed: int,
        sizes: Mapping[str, float],
        shown: Sequence[str],
        *,
        begin: datetime,
        now: datetime,
    ) -> None:
        self._seed = seed
        self._shown = list(shown)
        self._units = list(sizes)
        self._sizes = list(sizes.values())
        self._begin = begin
        self._now = now
        self._last: Stay | None = None
        self._free: list[Stay] = []
        """Released to liberty, and not imprisoned again yet."""

    def make(self, number: int) -> Stay:
        """The next imprisonment; call it with 0, 1, 2 and so on."""
        chance = Random(f"{self._seed}/stay/{number}")
        story = STORIES[number] if number < len(STORIES) else None
        if story is None:
            stay = self._by_chance(number, chance)
        else:
            first, second = chance.sample(self._shown, 2)
            # Every other story in the first of them, where those who try a demo look first.
            if chance.random() < 0.5 and first != self._shown[0]:
                first, second = self._shown[0], first
            units = first, second
            stay = told(number, story, units, self._last, now=self._now, chance=chance)
        if story is None and stay.recorded_at_the_gate and _is_free(stay, self._now):
            self._free.append(stay)
        self._last = stay
        return stay

    # --- by chance -------------------------------------------------------------------------

    def _by_chance(self, number: int, chance: Random) -> Stay:
        category = chance.choices(tuple(Category), weights=(50, 37, 13))[0]
        days = days_inside(category, chance)
        back = self._back_again(chance)
        if back is None:
            admitted_at, days = self._admission(category, days, chance)
            young = chance.random() < 0.002
            person = somebody(number, chance, admitted_on=local_date(admitted_at), young=young)
        else:
            person, admitted_at = back
        admitted_on = local_date(admitted_at)
        way = way_out(category, days, person, chance)
        leaves_at = leaving(admitted_on, days, way, chance)
        opens_at = max(admitted_at, self._begin)
        if chance.random() < 0.02 and days > 12:
            opens_at += timedelta(days=chance.randint(3, 9))
        unit = self._unit(chance)
        stay = Stay(
            number=number,
            person=person,
            unit=unit,
            category=category,
            admitted_at=admitted_at,
            opens_at=min(opens_at, max(admitted_at, self._now - timedelta(hours=1))),
            leaves_at=leaves_at,
            way_out=way,
            dates=dates_known(category, way, admitted_at, leaves_at, chance),
            moves=self._moves(unit, admitted_at, leaves_at, chance),
            wishes=wishes(chance),
            recorded_at_the_gate=way is not WayOut.PLANNED or chance.random() < 0.72,
        )
        return with_turns(stay, chance)

    def _admission(self, category: Category, days: int, chance: Random) -> tuple[datetime, int]:
        """When somebody comes, and for how long; some were there before the year began."""
        year = (self._now - self._begin) / timedelta(days=1)
        if chance.random() < INSIDE_AT_FIRST and category is not Category.FINE:
            back = chance.randint(1, 400)
            on = local_date(self._begin) - timedelta(days=back)
            return arrival(on, chance), back + max(days, chance.randint(5, 200))
        on = local_date(self._begin) + timedelta(days=math.floor(chance.uniform(1, year - 0.5)))
        # Fewer come at the weekend.
        if on.weekday() >= 5 and chance.random() < 0.4 and on > local_date(self._begin):
            on -= timedelta(days=chance.randint(1, 3))
        at = arrival(on, chance)
        return min(at, self._now - timedelta(hours=2)), days

    def _back_again(self, chance: Random) -> tuple[Person, datetime] | None:
        """Somebody who was released and comes back, and when; None for somebody new."""
        if not self._free or chance.random() > AGAIN:
            return None
        earlier = chance.choice(self._free)
        self._free.remove(earlier)
        admitted_at = _back_again(earlier, chance)
        if admitted_at > self._now - timedelta(days=1):
            return None
        return earlier.person, admitted_at

    def _unit(self, chance: Random, but: str | None = None) -> str:
        while True:
            unit = chance.choices(self._units, weights=self._sizes)[0]
            if unit != but:
                return unit

    def _moves(
        self, unit: str, admitted_at: datetime, leaves_at: datetime, chance: Random
    ) -> tuple[Move, ...]:
        stay = leaves_at - admitted_at
        if stay < timedelta(days=14) or chance.random() > 0.16:
            return ()
        at = office_hours(local_date(admitted_at + stay * chance.uniform(0.1, 0.8)), chance)
        answer = chance.choices(("accept", "reject", "revoke", None), weights=(82, 9, 5, 4))[0]
        after = timedelta(hours=chance.expovariate(1 / 20) + 0.5)
        first = Move(at, self._unit(chance, unit), answer, after, chance.random() < 0.6)
        return (first,)


def _is_free(stay: Stay, now: datetime) -> bool:
    """Whether the person is at liberty now, and may come back."""
    return (
        stay.way_out is WayOut.PLANNED
        and stay.leaves_at < now - timedelta(days=2)
        and stay.dies_at is None
    )


def _back_again(earlier: Stay, chance: Random) -> datetime:
    """When somebody comes back: the same day, within 42 days, or later in the year."""
    drawn = chance.random()
    if drawn < 0.08:
        return earlier.leaves_at + timedelta(hours=chance.randint(3, 9))
    low, high = (2, 40) if drawn < 0.5 else (43, 200)
    return arrival(
        local_date(earlier.leaves_at) + timedelta(days=chance.randint(low, high)), chance
    )

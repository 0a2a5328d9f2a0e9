"""One imprisonment of a demo, and what chance makes of it. PURE: chance is a parameter.

Decided beforehand is only what no member of staff decides: admissions, courts, dates, the person's
own answers. What the prisons make of it is played (`app.demo.year`).

More than half are over within 90 days (DOMAIN source 3: 55 %).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from app.demo.dates import BY_PLAN, Category, Known, WayOut
from app.demo.persons import Person
from app.demo.stories import Story
from cases.calendar import roll_back
from core.clock import from_local

_MEDIAN_DAYS: Final = {Category.SENTENCE: 150, Category.REMAND: 45, Category.FINE: 12}
_SPREAD: Final = {Category.SENTENCE: 1.0, Category.REMAND: 1.2, Category.FINE: 0.8}
_LONGEST: Final = {Category.SENTENCE: 3000, Category.REMAND: 900, Category.FINE: 60}
SHORTEST: Final = 2
"""Days: who comes and goes between two rosters stands in none."""


@dataclass(frozen=True, slots=True)
class Move:
    """A transfer proposed at `at`; `answer` is accept, reject, revoke, or None for no answer.

    `after` is how long the answer takes. `by_roster`: the roster names the other unit.
    """

    at: datetime
    to_unit: str
    answer: str | None
    after: timedelta
    by_roster: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """One imprisonment. `opens_at` is from when it stands in a roster.

    `wishes` are the answers the person gives when asked, the first, the second and so on; the
    last stays. `withdraws_at` and `dies_at` may lie after the release. `careful`: whoever deals
    with it does everything in time.
    """

    number: int
    person: Person
    unit: str
    category: Category
    admitted_at: datetime
    opens_at: datetime
    leaves_at: datetime
    way_out: WayOut
    dates: tuple[Known, ...] = ()
    moves: tuple[Move, ...] = ()
    wishes: tuple[str, ...] = ("accepted",)
    withdraws_at: datetime | None = None
    dies_at: datetime | None = None
    recorded_at_the_gate: bool = True
    story: Story | None = None
    careful: bool = False


def days_inside(category: Category, chance: Random) -> int:
    """How long an imprisonment of a kind lasts."""
    drawn = math.exp(chance.gauss(math.log(_MEDIAN_DAYS[category]), _SPREAD[category]))
    return min(max(round(drawn), SHORTEST), _LONGEST[category])


def arrival(on: date, chance: Random) -> datetime:
    """When somebody who comes on a day arrives."""
    return from_local(on, time(chance.randint(7, 21), chance.choice((0, 10, 15, 30, 40, 45))))


def office_hours(on: date, chance: Random) -> datetime:
    """A moment at which the office is there, on a day or the working day before."""
    return from_local(roll_back(on), time(chance.randint(8, 14), chance.randint(0, 59)))


def way_out(category: Category, days: int, person: Person, chance: Random) -> WayOut:
    """How an imprisonment of so many days ends."""
    drawn = chance.random()
    if drawn < 0.002:
        return WayOut.DIED
    if drawn < 0.008:
        return WayOut.TRANSFERRED_OUT
    if drawn < 0.010:
        return WayOut.IN_ERROR
    if person.foreign and chance.random() < 0.25:
        return WayOut.DEPORTED
    drawn = chance.random()
    if category is Category.FINE:
        return WayOut.FINE_PAID if drawn < 0.2 else WayOut.PLANNED
    if category is Category.REMAND:
        return chance.choices(
            (WayOut.PLANNED, WayOut.COURT, WayOut.APPEAL, WayOut.OTHER), weights=(40, 48, 5, 7)
        )[0]
    if days > 60 and drawn < 0.08:
        return WayOut.HOME_DETENTION
    return WayOut.APPEAL if drawn > 0.985 else WayOut.PLANNED


def leaving(admitted_on: date, days: int, way: WayOut, chance: Random) -> datetime:
    """When it ends: by plan in the morning, else later in the day."""
    on = admitted_on + timedelta(days=days if way is not WayOut.IN_ERROR else 1)
    if way in BY_PLAN:
        earlier = roll_back(on)
        # Who would leave on a closed day mostly leaves before it.
        if earlier >= admitted_on + timedelta(days=SHORTEST) and chance.random() < 0.7:
            on = earlier
        return from_local(on, time(chance.randint(8, 11), chance.randint(0, 59)))
    return from_local(on, time(chance.randint(12, 18), chance.randint(0, 59)))


def wishes(chance: Random) -> tuple[str, ...]:
    """What somebody answers to the offer, and then to the next one."""
    drawn = chance.random()
    if drawn < 0.57:
        return ("accepted",)
    if drawn < 0.80:
        return ("declined",)
    if drawn < 0.83:
        return ("declined", "accepted")
    if drawn < 0.90:
        return ("not_now", "accepted")
    return ("not_now", "declined") if drawn < 0.94 else ("not_now",)


def with_turns(stay: Stay, chance: Random) -> Stay:
    """Some think better of it, and some die after the release."""
    inside = stay.leaves_at - stay.admitted_at
    drawn = chance.random()
    if drawn < 0.04:
        stay = replace(stay, withdraws_at=stay.admitted_at + inside * chance.uniform(0.2, 0.99))
    elif drawn < 0.06:
        stay = replace(stay, withdraws_at=stay.leaves_at + timedelta(days=chance.uniform(1, 40)))
    if chance.random() < 0.004:
        died_after = timedelta(days=min(chance.expovariate(1 / 9), 60) + 0.3)
        stay = replace(stay, dies_at=stay.leaves_at + died_after)
    return stay

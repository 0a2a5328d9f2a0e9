"""The imprisonments of a demo: who, where, how long, how it ends. PURE: chance is a parameter.

Decided beforehand is only what no member of staff decides: admissions, courts, dates, the person's
own answers. What the prisons make of it is played (`app.demo.year`). Of a seed and a moment the
same imprisonments come, whatever becomes of them.

More than half are over within 90 days (DOMAIN source 3: 55 %). About one in twenty was inside when
the year began, and came in late with the first roster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from app.demo.dates import (
    BY_PLAN,
    Category,
    Known,
    WayOut,
    dates_known,
    refused_the_day_before,
)
from app.demo.persons import (
    Person,
    foreign_number,
    no_number,
    norwegian_number,
    somebody,
    under_another_number,
)
from app.demo.stories import CAREFUL, INSIDE, PARTNER, STORIES, Story
from cases.calendar import roll_back
from cases.model import Protection
from core.clock import from_local, local_date

_MEDIAN_DAYS: Final = {Category.SENTENCE: 150, Category.REMAND: 45, Category.FINE: 12}
_SPREAD: Final = {Category.SENTENCE: 1.0, Category.REMAND: 1.2, Category.FINE: 0.8}
_LONGEST: Final = {Category.SENTENCE: 3000, Category.REMAND: 900, Category.FINE: 60}
SHORTEST: Final = 2
"""Days: who comes and goes between two rosters stands in none."""

AGAIN: Final = 0.05
"""The share of imprisonments whose person was released from another one within the year."""

INSIDE_AT_FIRST: Final = 0.06


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
    last stays. `withdraws_at` and `dies_at` may lie after the release. `partner` is the number of
    the imprisonment before, where the story needs it.
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


class Imprisonments:
    """Makes the imprisonments of one year that ends `now`, number by number.

    `sizes` are how many people each unit admits, in proportion.
    """

    def __init__(
        self, seed: int, sizes: Mapping[str, float], *, begin: datetime, now: datetime
    ) -> None:
        self._seed = seed
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
        stay = self._told(number, story, chance) if story else self._by_chance(number, chance)
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
            person = somebody(number, chance, admitted_on=local_date(admitted_at))
        else:
            person, admitted_at = back
        admitted_on = local_date(admitted_at)
        way = _way_out(category, days, person, chance)
        leaves_at = _leaving(admitted_on, days, way, chance)
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
            wishes=_wishes(chance),
            recorded_at_the_gate=way is not WayOut.PLANNED or chance.random() < 0.72,
        )
        return _with_turns(stay, chance)

    def _admission(self, category: Category, days: int, chance: Random) -> tuple[datetime, int]:
        """When somebody comes, and for how long; some were there before the year began."""
        year = (self._now - self._begin) / timedelta(days=1)
        if chance.random() < INSIDE_AT_FIRST and category is not Category.FINE:
            back = chance.randint(1, 400)
            on = local_date(self._begin) - timedelta(days=back)
            return _arrival(on, chance), back + max(days, chance.randint(5, 200))
        on = local_date(self._begin) + timedelta(days=math.floor(chance.uniform(1, year - 0.5)))
        # Fewer come at the weekend.
        if on.weekday() >= 5 and chance.random() < 0.4 and on > local_date(self._begin):
            on -= timedelta(days=chance.randint(1, 3))
        at = _arrival(on, chance)
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
        at = _office_hours(local_date(admitted_at + stay * chance.uniform(0.1, 0.8)), chance)
        answer = chance.choices(("accept", "reject", "revoke", None), weights=(82, 9, 5, 4))[0]
        after = timedelta(hours=chance.expovariate(1 / 20) + 0.5)
        first = Move(at, self._unit(chance, unit), answer, after, chance.random() < 0.6)
        return (first,)

    # --- as stories --------------------------------------------------------------------------

    def _told(self, number: int, story: Story, chance: Random) -> Stay:
        ago, ahead = INSIDE.get(story, (chance.randint(30, 90), chance.randint(20, 120)))
        today = local_date(self._now)
        admitted_on = today - timedelta(days=ago)
        admitted_at = _arrival(admitted_on, chance)
        way = _STORY_WAYS.get(story, WayOut.PLANNED)
        category = Category.REMAND if story is Story.COURT else Category.SENTENCE
        leaves_on = today + timedelta(days=ahead)
        leaves_at = from_local(leaves_on, time(chance.randint(9, 11), 30))
        last = self._last
        if story in PARTNER and last is not None and story is Story.SAME_DAY:
            admitted_at = last.leaves_at + timedelta(hours=6)
        unit = self._unit(chance)
        if story is Story.REFUSED_DATE:
            dates = refused_the_day_before(admitted_at, leaves_at, chance)
        else:
            dates = dates_known(category, way, admitted_at, leaves_at, chance)
        stay = Stay(
            number=number,
            person=self._person(number, story, admitted_on, chance),
            unit=unit,
            category=category,
            admitted_at=admitted_at,
            opens_at=admitted_at + timedelta(days=6 if story is Story.LATE_OPENED else 0),
            leaves_at=leaves_at,
            way_out=way,
            dates=dates,
            moves=self._moves_of(story, unit, chance),
            wishes=_STORY_WISHES.get(story, ("accepted",)),
            recorded_at_the_gate=story is not Story.FORGOTTEN,
            story=story,
            careful=story in CAREFUL,
        )
        if story is Story.WITHDRAWN:
            # The card is printed by then.
            return replace(stay, withdraws_at=leaves_at - timedelta(hours=20))
        if story is Story.WITHDRAWN_OUTSIDE:
            return replace(stay, withdraws_at=leaves_at + timedelta(days=8))
        if story is Story.DIED_OUTSIDE:
            return replace(stay, dies_at=leaves_at + timedelta(days=5))
        return stay

    def _person(self, number: int, story: Story, admitted_on: date, chance: Random) -> Person:
        last = self._last
        if last is not None and story in (Story.AGAIN, Story.SAME_DAY):
            return last.person
        if last is not None and story is Story.DOUBLE:
            return under_another_number(last.person, number, chance)
        protection = {
            Story.KODE_6: Protection.STRICTLY_CONFIDENTIAL,
            Story.KODE_7: Protection.CONFIDENTIAL,
        }.get(story, Protection.UNGRADED)
        phone = {Story.NO_PHONE: no_number, Story.FOREIGN_PHONE: foreign_number}.get(
            story, norwegian_number
        )
        made = somebody(
            number,
            chance,
            admitted_on=admitted_on,
            young=story is Story.YOUNG,
            foreign=story in (Story.DEPORTED, Story.BEFORE_DOUBLE),
            phone=phone,
            protection=protection,
        )
        if last is not None and story is Story.SHARED_PHONE:
            return replace(made, phone=last.person.phone)
        return made

    def _moves_of(self, story: Story, unit: str, chance: Random) -> tuple[Move, ...]:
        to_unit = self._unit(chance, unit)
        if story is Story.TRANSFER_OPEN:
            at = _office_hours(local_date(self._now) - timedelta(days=2), chance)
            return (Move(at, to_unit, None, timedelta()),)
        if story is Story.TRANSFER_REJECTED:
            at = _office_hours(local_date(self._now) - timedelta(days=20), chance)
            return (Move(at, to_unit, "reject", timedelta(hours=5)),)
        if story is Story.THERE_AND_BACK:
            on = local_date(self._now) - timedelta(days=15)
            return (
                Move(from_local(on, time(9)), to_unit, "accept", timedelta(hours=1)),
                Move(from_local(on, time(14)), unit, "accept", timedelta(hours=1)),
            )
        return ()


_STORY_WAYS: Final = {
    Story.COURT: WayOut.COURT,
    Story.HOME: WayOut.HOME_DETENTION,
    Story.DEPORTED: WayOut.DEPORTED,
    Story.DIED_INSIDE: WayOut.DIED,
    Story.IN_ERROR: WayOut.IN_ERROR,
    Story.TRANSFERRED_OUT: WayOut.TRANSFERRED_OUT,
}
_STORY_WISHES: Final = {
    Story.NOT_NOW_THEN_YES: ("not_now", "accepted"),
    Story.NOT_NOW: ("not_now",),
    Story.DECLINED: ("declined",),
}


def _is_free(stay: Stay, now: datetime) -> bool:
    """Whether the person is at liberty now, and may come back."""
    return (
        stay.way_out is WayOut.PLANNED
        and stay.leaves_at < now - timedelta(days=2)
        and stay.dies_at is None
    )


def _arrival(on: date, chance: Random) -> datetime:
    return from_local(on, time(chance.randint(7, 21), chance.choice((0, 10, 15, 30, 40, 45))))


def _office_hours(on: date, chance: Random) -> datetime:
    return from_local(roll_back(on), time(chance.randint(8, 14), chance.randint(0, 59)))


def _back_again(earlier: Stay, chance: Random) -> datetime:
    """When somebody comes back: the same day, within 42 days, or later in the year."""
    drawn = chance.random()
    if drawn < 0.08:
        return earlier.leaves_at + timedelta(hours=chance.randint(3, 9))
    low, high = (2, 40) if drawn < 0.5 else (43, 200)
    return _arrival(
        local_date(earlier.leaves_at) + timedelta(days=chance.randint(low, high)), chance
    )


def _way_out(category: Category, days: int, person: Person, chance: Random) -> WayOut:
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


def _leaving(admitted_on: date, days: int, way: WayOut, chance: Random) -> datetime:
    on = admitted_on + timedelta(days=days if way is not WayOut.IN_ERROR else 1)
    if way in BY_PLAN:
        earlier = roll_back(on)
        # Who would leave on a closed day mostly leaves before it.
        if earlier >= admitted_on + timedelta(days=SHORTEST) and chance.random() < 0.7:
            on = earlier
        return from_local(on, time(chance.randint(8, 11), chance.randint(0, 59)))
    return from_local(on, time(chance.randint(12, 18), chance.randint(0, 59)))


def _wishes(chance: Random) -> tuple[str, ...]:
    drawn = chance.random()
    if drawn < 0.64:
        return ("accepted",)
    if drawn < 0.80:
        return ("declined",)
    if drawn < 0.83:
        return ("declined", "accepted")
    if drawn < 0.91:
        return ("not_now", "accepted")
    return ("not_now", "declined") if drawn < 0.95 else ("not_now",)


def _with_turns(stay: Stay, chance: Random) -> Stay:
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

"""The stories of `app.demo.stories` as imprisonments. PURE."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from app.demo.dates import Category, WayOut, dates_known, refused_the_day_before
from app.demo.persons import (
    Person,
    foreign_number,
    no_number,
    norwegian_number,
    somebody,
    under_another_number,
)
from app.demo.stays import Move, Stay, arrival, office_hours
from app.demo.stories import CAREFUL, INSIDE, Story
from cases.model import Protection
from core.clock import from_local, local_date

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


def told(
    number: int,
    story: Story,
    units: tuple[str, str],
    last: Stay | None,
    *,
    now: datetime,
    chance: Random,
) -> Stay:
    """The imprisonment that shows a story, in the first of the units; `last` is the one before."""
    ago, ahead = INSIDE.get(story, (chance.randint(30, 90), chance.randint(20, 120)))
    today = local_date(now)
    admitted_on = today - timedelta(days=ago)
    admitted_at = arrival(admitted_on, chance)
    way = _STORY_WAYS.get(story, WayOut.PLANNED)
    category = Category.REMAND if story is Story.COURT else Category.SENTENCE
    leaves_on = today + timedelta(days=ahead)
    leaves_at = from_local(leaves_on, time(chance.randint(9, 11), 30))
    if last is not None and story is Story.SAME_DAY:
        admitted_at = last.leaves_at + timedelta(hours=6)
    if story is Story.REFUSED_DATE:
        dates = refused_the_day_before(admitted_at, leaves_at, chance)
    else:
        dates = dates_known(category, way, admitted_at, leaves_at, chance)
    stay = Stay(
        number=number,
        person=_person(number, story, last, admitted_on, chance),
        unit=units[0],
        category=category,
        admitted_at=admitted_at,
        opens_at=admitted_at + timedelta(days=6 if story is Story.LATE_OPENED else 0),
        leaves_at=leaves_at,
        way_out=way,
        dates=dates,
        moves=_moves(story, units, now, chance),
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


def _person(
    number: int, story: Story, last: Stay | None, admitted_on: date, chance: Random
) -> Person:
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


def _moves(story: Story, units: tuple[str, str], now: datetime, chance: Random) -> tuple[Move, ...]:
    unit, to_unit = units
    if story is Story.TRANSFER_OPEN:
        at = office_hours(local_date(now) - timedelta(days=5), chance)
        return (Move(at, to_unit, None, timedelta()),)
    if story is Story.TRANSFER_REJECTED:
        at = office_hours(local_date(now) - timedelta(days=20), chance)
        return (Move(at, to_unit, "reject", timedelta(hours=5)),)
    if story is Story.THERE_AND_BACK:
        on = local_date(now) - timedelta(days=15)
        return (
            Move(from_local(on, time(9)), to_unit, "accept", timedelta(hours=1)),
            Move(from_local(on, time(14)), unit, "accept", timedelta(hours=1)),
        )
    return ()

"""Who has not reported, and who is to be reminded when. Derived from facts, never stored.

A unit is to check its figures by the fifth working day after the period, and the report is due on
its due day. Reminders fall on working days at 08:05: when the period has ended, the day before the
check is to be done, five working days and one working day before the report is due, and on the due
day. Who reads them: the unit's leads and its coordinator. Their pages tell of it from the first of
the last two reminders on, until it is sent in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection

from cases.access import CASE_ROLES, Viewer
from cases.calendar import add_working_days, at, is_working_day, midnight_ending
from core.clock import local_date
from core.errors import NotAllowed
from reports.lifecycle import OWNING, SUBMITTING, Part, expected_units, parts, reported
from reports.tertial import Period

TOLD_BEFORE: Final = 5
"""So many working days before the due day pages begin to tell of a report that is not sent in."""

REMINDED_AT: Final = time(8, 5)
"""Local wall-clock time of a reminder: a slot of its own, which no digest of deadlines takes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A unit whose part is not submitted; `late` once the due day has passed."""

    period: Period
    unit: str
    due_on: date
    late: bool


def reminder_days(period: Period) -> list[date]:
    """The local dates on which units without a submitted part are reminded, in order."""
    due = period.due_on
    days = {
        add_working_days(period.last_on, 1),
        working_days_before(period.checked_by, 1),
        working_days_before(due, TOLD_BEFORE),
        working_days_before(due, 1),
        due,
    }
    return sorted(days)


def working_days_before(day: date, number: int) -> date:
    """The working day so many working days earlier."""
    while number:
        day -= timedelta(days=1)
        number -= is_working_day(day)
    return day


def reminders(tx: Connection, *, after: datetime, until: datetime) -> list[Waiting]:
    """The reminders whose time lies after one instant and up to another: for a loop that ticks.

    A unit that has submitted by `until` is not reminded. Several days missed (a pause) give one
    reminder for each unit and period, not a burst.
    """
    found: dict[tuple[str, str], Waiting] = {}
    for period in periods_before(local_date(until)):
        told = [at(day, REMINDED_AT) for day in reminder_days(period)]
        if any(after < instant <= until for instant in told):
            for each in waiting(tx, period, now=until):
                found[str(period), each.unit] = each
    return list(found.values())


def reminded_last(period: Period, *, now: datetime, within: timedelta) -> datetime | None:
    """The newest reminder of a period so far, None if it lies further back than `within`."""
    past = [at(day, REMINDED_AT) for day in reminder_days(period)]
    newest = max((instant for instant in past if instant <= now), default=None)
    return newest if newest is not None and now - newest < within else None


def waiting(tx: Connection, period: Period, *, now: datetime) -> list[Waiting]:
    """The units in the project that have not submitted their part; none before the period ends."""
    if now < period.next_at:
        return []
    late = local_date(now) > period.due_on
    return [
        Waiting(period, part.unit, period.due_on, late)
        for part in parts(tx, period, now=now)
        if part.state == "open"
    ]


def to_send_in(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Waiting]:
    """The reports that the viewer is to send in for their units, the earliest due first.

    From five working days before the due day until it is sent in; late once the due day has passed.
    A unit that was not known to be in the project by then was never asked. Empty for roles that
    send in none.
    """
    if viewer.role not in SUBMITTING:
        return []
    today, found = local_date(now), []
    for period in reversed(periods_before(today)):
        due = period.due_on
        if today < working_days_before(due, TOLD_BEFORE):
            continue
        missing = viewer.units - reported(tx, period, viewer.units)
        if missing:
            asked = expected_units(tx, period, now=min(now, midnight_ending(due)))
            found += [Waiting(period, unit, due, today > due) for unit in asked if unit in missing]
    return found


def standing(tx: Connection, viewer: Viewer, period: Period, *, now: datetime) -> list[Part]:
    """How far each unit's part is: of all units for the national owner, of their own for staff."""
    if viewer.role in OWNING:
        return parts(tx, period, now=now)
    if viewer.role not in CASE_ROLES:
        raise NotAllowed("How far reports are is seen by the units and by the national owner.")
    return [part for part in parts(tx, period, now=now) if part.unit in viewer.units]


def periods_before(day: date) -> list[Period]:
    """The two newest periods that have ended by a day: a due day may fall months later."""
    newest = Period.of(day)
    found = []
    for _ in range(2):
        newest = Period.of(newest.first_on - timedelta(days=1))
        found.append(newest)
    return found

"""PURE: what somebody should look at in a case now. Warnings never stop anybody.

They are derived from the present facts, like everything that is shown; `now` only ends those that
nobody can act on any more. Days are local dates; R is the release date in force, or the actual one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from cases.access import Viewer
from cases.calendar import is_working_day, local_date
from cases.consents import sees_details
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Participation,
    Phase,
)
from cases.rules import APPOINTMENT_WINDOW_DAYS

FIRST_WITHIN: Final = timedelta(days=3)
OAT_WITHIN: Final = timedelta(days=1)

_ONE_DAY: Final = timedelta(days=1)
_FRIDAY: Final = 4
_SATURDAY: Final = 5
_NO_LONGER: Final = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.MOVED})
_AHEAD: Final = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})


class CaseWarning(StrEnum):
    """What there is to look at."""

    FIRST_APPOINTMENT_LATE = "first_appointment_late"
    OAT_APPOINTMENT_LATE = "oat_appointment_late"
    CLOSED_DAYS_AFTER_RELEASE = "closed_days_after_release"
    APPOINTMENT_OUTSIDE_WINDOW = "appointment_outside_window"


def warnings(case: Case, *, now: datetime) -> tuple[CaseWarning, ...]:
    """Everything to look at in a case at `now`, in a fixed order.

    `FIRST_APPOINTMENT_LATE`: the first appointment is later than R + 3 d, and still to come.
    `OAT_APPOINTMENT_LATE`: the same of the first with OAT, after R + 1 d.
    `CLOSED_DAYS_AFTER_RELEASE`: the release is on a Friday or before a holiday, and nothing is
    agreed for R or R + 1: a contact the same day, or a call the day after. Until that day ends;
    what was only asked for is not agreed.
    `APPOINTMENT_OUTSIDE_WINDOW`: a confirmed one that is still to come lies outside R … R + 7 d.
    A contact that was tried and reached nobody, without having been agreed, quiets none of them.
    Nothing about a closed case, nor while the answer is no, nor as long as R is unknown.
    """
    R = case.release_on
    if R is None or case.phase is Phase.CLOSED or case.participation in _NOT_OFFERED:
        return ()
    booked = [
        each
        for each in case.appointments
        if each.status not in _NO_LONGER
        and local_date(each.starts_at) >= R
        and not (each.unbooked and each.status is AppointmentStatus.NO_SHOW)
    ]
    with_oat = [each for each in booked if each.kind is AppointmentKind.OAT]
    found: list[CaseWarning] = []
    if _first_is_late(booked, R + FIRST_WITHIN, now):
        found.append(CaseWarning.FIRST_APPOINTMENT_LATE)
    if _first_is_late(with_oat, R + OAT_WITHIN, now):
        found.append(CaseWarning.OAT_APPOINTMENT_LATE)
    if (
        before_closed_days(R)
        and local_date(now) <= R + _ONE_DAY
        and not any(
            local_date(each.starts_at) <= R + _ONE_DAY
            for each in booked
            if each.status is not AppointmentStatus.REQUESTED
        )
    ):
        found.append(CaseWarning.CLOSED_DAYS_AFTER_RELEASE)
    if any(each.starts_at > now and outside_window(case, each) for each in case.appointments):
        found.append(CaseWarning.APPOINTMENT_OUTSIDE_WINDOW)
    return tuple(found)


_NOT_OFFERED: Final = frozenset({Participation.DECLINED, Participation.WITHDRAWN})


def warnings_for(viewer: Viewer, case: Case, *, now: datetime) -> tuple[CaseWarning, ...]:
    """`warnings` without what would tell this viewer the kind of an appointment."""
    found = warnings(case, now=now)
    if sees_details(viewer, case, AppointmentKind.OAT):
        return found
    return tuple(each for each in found if each is not CaseWarning.OAT_APPOINTMENT_LATE)


def outside_window(case: Case, appointment: Appointment) -> bool:
    """Whether a confirmed appointment lies outside R … R + 7 d (flagged when R moves)."""
    if case.release_on is None or appointment.status is not AppointmentStatus.CONFIRMED:
        return False
    on = local_date(appointment.starts_at)
    last = case.release_on + timedelta(days=APPOINTMENT_WINDOW_DAYS)
    return not case.release_on <= on <= last


def before_closed_days(on: date) -> bool:
    """Whether a day is a Friday, or the next one a weekday on which everything is closed."""
    following = on + _ONE_DAY
    return on.weekday() == _FRIDAY or (
        following.weekday() < _SATURDAY and not is_working_day(following)
    )


def _first_is_late(booked: Iterable[Appointment], last: date, now: datetime) -> bool:
    first = min(booked, key=lambda each: (each.starts_at, each.id), default=None)
    return (
        first is not None
        and first.status in _AHEAD
        and first.starts_at > now
        and local_date(first.starts_at) > last
    )

"""PURE: how long the outcome of an appointment is waited for (DOMAIN section 7).

Asked at + 2 wd, `unknown` at + 5 wd, both on the appointment's own wall clock, as every "+ n wd".
Counted from the appointment, or from its confirmation where that came only after it had begun:
nobody can be asked about what was not yet known to be agreed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from cases.calendar import Span, shift
from cases.model import Appointment, AppointmentStatus, Case

ASKED_AFTER: Final = 2
UNKNOWN_AFTER: Final = 5
"""Working days."""


def asked_at(appointment: Appointment) -> datetime:
    """When it is asked how a confirmed appointment went."""
    return shift(_from(appointment), ASKED_AFTER, Span.WORKING_DAYS)


def unknown_at(appointment: Appointment) -> datetime:
    """When a confirmed appointment becomes `unknown`, if nobody has answered."""
    return shift(_from(appointment), UNKNOWN_AFTER, Span.WORKING_DAYS)


def _from(appointment: Appointment) -> datetime:
    return max(appointment.starts_at, appointment.confirmed_at or appointment.starts_at)


def awaited(case: Case) -> tuple[Appointment, ...]:
    """The appointments whose outcome is still to come: the confirmed ones."""
    return tuple(a for a in case.appointments if a.status is AppointmentStatus.CONFIRMED)


def timed_out(case: Case, now: datetime) -> tuple[Appointment, ...]:
    """The appointments whose outcome has been waited for long enough at `now`, the first first.

    Also in a closed case: an appointment ends in a state that says what is known of it.
    """
    late = [each for each in awaited(case) if unknown_at(each) <= now]
    return tuple(sorted(late, key=lambda each: (unknown_at(each), each.id)))


def with_unknown(case: Case, appointment: Appointment) -> Case:
    """The case with one appointment's outcome given up at its time."""
    given_up = replace(
        appointment, status=AppointmentStatus.UNKNOWN, outcome_at=unknown_at(appointment)
    )
    return replace(
        case,
        appointments=tuple(given_up if a.id == appointment.id else a for a in case.appointments),
    )

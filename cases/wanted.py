"""Which messages the released person should still get: a pure answer to the case as it stands.

The rules are those of the domain's messages "to the released person": with consent to SMS, for
confirmed appointments, from release to the end of follow-up; at 14:00 on the calendar day before,
else two hours before, else none. What the appointment is for makes no difference.

**What counts as the booking**: the later of confirmation and release, as it happened. A message
whose time has passed by less than three hours still goes; one that was never possible, because the
release was *recorded* later than that, goes two hours before instead, where that still lies ahead.
(A consent or a number that comes late does not count as booking: such a message still goes if no
more than three hours have passed, and is otherwise shown as dropped.)

The answer depends on the case alone, not on the clock: as long as `wanted` of a case is the same,
its stored messages need no change. Freshness is the outbox's: it never sends at or after
`expires_at`.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from cases.consents import consent_in_force
from cases.model import (
    FOLLOW_UP_DAYS,
    Appointment,
    AppointmentStatus,
    Case,
    CloseReason,
    ConsentPurpose,
    Destination,
    Participation,
    Phase,
    Protection,
)
from core.clock import from_local, iso_local, local, local_date
from notifications.message import Wanted
from notifications.reasons import Reason

REMINDER: Final = "appointment_reminder"
"""The template of every message to a released person."""

DAY_BEFORE_AT: Final = time(14)
HOURS_BEFORE: Final = timedelta(hours=2)
EARLIEST: Final = time(8)
LATEST: Final = time(20)
"""A message on the day itself goes between these local times, both included."""
PATIENCE: Final = timedelta(hours=3)
"""A message that could not go within this time is dropped."""

_NO_SMS: Final = frozenset(
    {Protection.STRICTLY_CONFIDENTIAL, Protection.STRICTLY_CONFIDENTIAL_ABROAD}
)
_CLOSED: Final = {
    CloseReason.DEPORTED: Reason.DEPORTED,
    CloseReason.DIED: Reason.DIED,
    CloseReason.REIMPRISONED: Reason.REIMPRISONED,
    CloseReason.WITHDRAWN: Reason.WITHDRAWN,
}
_NOT_CONFIRMED: Final = {
    AppointmentStatus.REQUESTED: Reason.NOT_CONFIRMED,
    AppointmentStatus.CANCELLED: Reason.APPOINTMENT_CANCELLED,
    AppointmentStatus.MOVED: Reason.MOVED,
    AppointmentStatus.ATTENDED: Reason.APPOINTMENT_OVER,
    AppointmentStatus.NO_SHOW: Reason.APPOINTMENT_OVER,
    AppointmentStatus.UNKNOWN: Reason.APPOINTMENT_OVER,
}


class Reminder(StrEnum):
    """The two rungs of a reminder; an appointment gets at most one of them."""

    DAY_BEFORE = "day_before"
    SAME_DAY = "same_day"


def wanted(case: Case) -> tuple[Wanted, ...]:
    """Every message the person should get as the case stands, by the time it should go."""
    if _against_all(case) is not None:
        return ()
    answers = (_reminder(case, appointment) for appointment in case.appointments)
    found = (answer for answer in answers if isinstance(answer, Wanted))
    return tuple(sorted(found, key=lambda message: (message.send_at, message.about)))


def still_wanted(case: Case, about: str) -> str | None:
    """None if the message may go as the case stands now, else the `Reason` why it may not."""
    if any(message.about == about for message in wanted(case)):
        return None
    return why_not(case, about)


def why_not(case: Case, about: str) -> str:
    """The `Reason` why a message that was wanted once is wanted no longer."""
    against = _against_all(case)
    if against is not None:
        return against
    parts = about.split("/")
    appointment = next((a for a in case.appointments if parts[1:2] == [a.id]), None)
    if appointment is None:
        return Reason.NO_APPOINTMENT
    answer = _reminder(case, appointment)
    if appointment.status is AppointmentStatus.CONFIRMED and (
        parts[-1] != iso_local(appointment.starts_at)
    ):
        return Reason.MOVED
    return Reason.REPLACED if isinstance(answer, Wanted) else answer


def why_none(case: Case) -> str:
    """The `Reason` why a case wants no message; of its appointments the one last touched tells."""
    against = _against_all(case)
    if against is not None:
        return against
    refused = [
        (appointment, answer)
        for appointment in case.appointments
        if isinstance(answer := _reminder(case, appointment), Reason)
    ]
    if not refused:
        return Reason.NO_APPOINTMENT
    return max(refused, key=lambda pair: (touched_at(pair[0]), pair[0].id))[1]


def _against_all(case: Case) -> Reason | None:
    """What stands against any message at all."""
    if case.phase is Phase.CLOSED:
        if case.close_reason is None:
            return Reason.CLOSED
        return _CLOSED.get(case.close_reason, Reason.CLOSED)
    if case.destination is Destination.DEPORTED:
        return Reason.DEPORTED
    if case.phase is not Phase.FOLLOW_UP or case.released_at is None:
        return Reason.NOT_RELEASED
    if case.participation in (Participation.DECLINED, Participation.WITHDRAWN):
        return Reason.WITHDRAWN
    if case.protection in _NO_SMS:
        return Reason.PROTECTED
    if consent_in_force(case, ConsentPurpose.SMS) is None:
        return Reason.NO_CONSENT
    if not case.reachable:
        return Reason.NO_NUMBER
    return None


def _reminder(case: Case, appointment: Appointment) -> Wanted | Reason:
    """The one reminder of an appointment, or why there is none."""
    if appointment.status is not AppointmentStatus.CONFIRMED:
        return _NOT_CONFIRMED[appointment.status]
    booked_at = _booked_at(case, appointment)
    send_at, rung = day_before(appointment), Reminder.DAY_BEFORE
    same_day = appointment.starts_at - HOURS_BEFORE
    in_hours = EARLIEST <= local(same_day).time() <= LATEST
    recorded_at = case.release_recorded_at
    if send_at <= booked_at:
        send_at, rung = same_day, Reminder.SAME_DAY
        if send_at <= booked_at:
            return Reason.BOOKED_TOO_LATE
        if not in_hours:
            return Reason.OUTSIDE_HOURS
    elif recorded_at is not None and send_at + PATIENCE <= recorded_at < same_day and in_hours:
        send_at, rung = same_day, Reminder.SAME_DAY
    if case.released_at is not None and local_date(send_at) > (
        local_date(case.released_at) + timedelta(days=FOLLOW_UP_DAYS)
    ):
        return Reason.AFTER_FOLLOW_UP
    return Wanted(
        about=f"{case.ref}/{appointment.id}/{rung.value}/{iso_local(appointment.starts_at)}",
        subject=case.ref,
        person=case.person,
        rung=rung.value,
        send_at=send_at,
        expires_at=min(send_at + PATIENCE, appointment.starts_at),
        starts_at=appointment.starts_at,
        template=REMINDER,
        language=case.language,
    )


def day_before(appointment: Appointment) -> datetime:
    """When the usual reminder of an appointment goes."""
    return from_local(local_date(appointment.starts_at) - timedelta(days=1), DAY_BEFORE_AT)


def unreminded(case: Case, *, now: datetime) -> list[tuple[Appointment, str]]:
    """Confirmed appointments ahead of somebody released that get no message, and the `Reason`."""
    against = _against_all(case)
    if against is Reason.NOT_RELEASED:
        return []
    ahead = (
        each
        for each in case.appointments
        if each.status is AppointmentStatus.CONFIRMED and each.starts_at > now
    )
    answers = [(each, against or _reminder(case, each)) for each in ahead]
    return [(each, answer) for each, answer in answers if isinstance(answer, Reason)]


def _booked_at(case: Case, appointment: Appointment) -> datetime:
    known = (appointment.confirmed_at or appointment.booked_at, case.released_at)
    return max(instant for instant in known if instant is not None)


def touched_at(appointment: Appointment) -> datetime:
    """When an appointment was last booked, confirmed, moved, called off or settled."""
    known = (appointment.booked_at, appointment.confirmed_at, appointment.outcome_at)
    return max(instant for instant in known if instant is not None)

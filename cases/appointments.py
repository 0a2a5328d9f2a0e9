"""Appointments in their plain form: booking, confirming, and how they went."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import queries, rules, store, vault
from cases.access import Viewer, check_may_open_cases
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Consent,
    ConsentPurpose,
    Receiver,
    Role,
)
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from cases.tables import appointment as appointment_table
from cases.tables import case_
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused

LONGEST: Final = 200
"""Characters of a name or place on a card."""

SHARED_WITH: Final[dict[AppointmentKind, Receiver]] = {
    AppointmentKind.GP: Receiver.HEALTH,
    AppointmentKind.OAT: Receiver.HEALTH,
    AppointmentKind.SPECIALIST_ADDICTION: Receiver.HEALTH,
    AppointmentKind.MUNICIPAL_ADDICTION: Receiver.HEALTH,
    AppointmentKind.DENTIST: Receiver.HEALTH,
    AppointmentKind.NALOXONE_OUTLET: Receiver.HEALTH,
    AppointmentKind.NAV: Receiver.NAV,
    AppointmentKind.HOUSING: Receiver.MUNICIPALITY,
}
"""Kinds whose details correctional staff see only with a sharing consent to this receiver."""

BOOKING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.HEALTH, Role.HEALTH_LEAD})
HEALTH_STAFF: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.OPERATOR})

NEXT: Final[dict[AppointmentStatus, frozenset[AppointmentStatus]]] = {
    AppointmentStatus.REQUESTED: frozenset(
        {AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED, AppointmentStatus.MOVED}
    ),
    AppointmentStatus.CONFIRMED: frozenset(
        {
            AppointmentStatus.ATTENDED,
            AppointmentStatus.NO_SHOW,
            AppointmentStatus.CANCELLED,
            AppointmentStatus.MOVED,
            AppointmentStatus.UNKNOWN,
        }
    ),
    AppointmentStatus.UNKNOWN: frozenset({AppointmentStatus.ATTENDED, AppointmentStatus.NO_SHOW}),
    AppointmentStatus.ATTENDED: frozenset({AppointmentStatus.NO_SHOW}),
    AppointmentStatus.NO_SHOW: frozenset({AppointmentStatus.ATTENDED}),
    AppointmentStatus.CANCELLED: frozenset(),
    AppointmentStatus.MOVED: frozenset(),
}
"""From which status an appointment may become which."""

_CASE_OF: Final = (
    select(case_.c.ref)
    .join(appointment_table, appointment_table.c.case_id == case_.c.id)
    .where(appointment_table.c.id == bindparam("id"))
)


class AppointmentNotFound(NotFound):
    """No such appointment, or another unit's."""

    message_key = "error.appointment_not_found"


@dataclass(frozen=True, slots=True)
class Booking:
    """What is booked. `starts_at` is an instant; `phone` is the contact's, for the card."""

    kind: str
    starts_at: datetime
    with_whom: str
    place: str
    phone: str | None = None
    status: str = "requested"


def consent_in_force(
    case: Case, purpose: ConsentPurpose, receiver: Receiver | None = None
) -> Consent | None:
    """The latest consent row of a purpose (and receiver) if it says *given*, else None."""
    rows = [c for c in case.consents if c.purpose is purpose and c.receiver is receiver]
    if not rows:
        return None
    latest = max(rows, key=lambda c: (c.happened_at, c.seq))
    return latest if latest.given else None


def sees_details(viewer: Viewer, case: Case, kind: AppointmentKind) -> bool:
    """Whether the viewer sees kind, with whom and where, and not just a time.

    Health staff always; coordinators and leads with the person's sharing consent to the receiver;
    officers never, for the kinds that tell.
    """
    if viewer.role in HEALTH_STAFF or kind not in SHARED_WITH:
        return True
    if viewer.role is Role.OFFICER:
        return False
    return consent_in_force(case, ConsentPurpose.SHARING, SHARED_WITH[kind]) is not None


def book(tx: Connection, viewer: Viewer, ref: str, booking: Booking, *, now: datetime) -> Case:
    """Book an appointment, requested or confirmed already."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, BOOKING, "book appointments")
    rules.check_open(before)
    kind = rules.one_of(AppointmentKind, booking.kind, "kind")
    status = rules.one_of(AppointmentStatus, booking.status, "status")
    if status not in (AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED):
        raise BadInput(
            "unknown_code", "An appointment is booked as requested or confirmed.", "status"
        )
    if not sees_details(viewer, before, kind):
        raise NotAllowed(
            f"Without the person's consent to sharing with {SHARED_WITH[kind]}, only health staff "
            f"book {kind}."
        )
    _check_when(before, booking.starts_at, now=now)
    details = {
        "with": _line(booking.with_whom, "with"),
        "place": _line(booking.place, "place"),
        "phone": _line(booking.phone, "phone") if booking.phone else None,
    }
    booked = Appointment(
        id=new_ref(),
        kind=kind,
        status=status,
        starts_at=booking.starts_at,
        booked_at=now,
        by=viewer.account,
        confirmed_at=now if status is AppointmentStatus.CONFIRMED else None,
        details=vault.seal(tx, before.person, vault.DETAILS, details),
    )
    changed = replace(before, appointments=(*before.appointments, booked))
    after = replan(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(
        tx,
        before,
        after,
        Verb.APPOINTMENT_BOOKED,
        viewer,
        now=now,
        controller="health" if SHARED_WITH.get(kind) is Receiver.HEALTH else "correctional",
    )


def _check_when(case: Case, starts_at: datetime, *, now: datetime) -> None:
    rules.check_reachable(local_date(starts_at), "at")
    if starts_at <= now:
        raise BadInput(
            "in_past", "An appointment lies in the future: check the date and the time.", "at"
        )
    if case.release_on is not None and local_date(starts_at) < case.release_on:
        raise Refused(
            f"The appointment on {local_date(starts_at)} is before the release on "
            f"{case.release_on}: check both dates."
        )


def _line(text: str | None, field: str) -> str:
    """One printable line of at most `LONGEST` characters. Raises `BadInput` when it is empty."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    if not cleaned:
        raise BadInput("empty", f"{field} is empty: the card needs it.", field)
    if len(cleaned) > LONGEST:
        raise BadInput("too_long", f"{field} is longer than {LONGEST} characters.", field)
    return cleaned


def record_outcome(
    tx: Connection,
    viewer: Viewer,
    appointment_id: str,
    status: str,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> Case:
    """Move an appointment to a new status, as far as its present one lets it."""
    check_may_open_cases(viewer)
    rules.check_role(viewer, BOOKING, "record how an appointment went")
    ref = tx.execute(_CASE_OF, {"id": appointment_id}).scalar_one_or_none()
    if ref is None:
        raise _not_found()
    try:
        before = queries.case_for_update(tx, viewer, ref)
    except rules.CaseNotFound:
        raise _not_found() from None
    this = next(a for a in before.appointments if a.id == appointment_id)
    if not sees_details(viewer, before, this.kind):
        raise NotAllowed("Only health staff change this appointment.")
    to = rules.one_of(AppointmentStatus, status, "status")
    if to not in NEXT[this.status]:
        raise Conflict(
            f"The appointment is {this.status}: it cannot become {to}.",
            {"status": this.status.value, "version": before.version},
        )
    went = (AppointmentStatus.ATTENDED, AppointmentStatus.NO_SHOW, AppointmentStatus.UNKNOWN)
    if to in went and this.starts_at > now:
        raise Refused("The appointment has not been yet: how it went can be recorded afterwards.")
    if to is AppointmentStatus.CONFIRMED:
        rules.check_open(before)
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    changed_one = replace(
        this,
        status=to,
        confirmed_at=at if to is AppointmentStatus.CONFIRMED else this.confirmed_at,
        outcome_at=at if to is not AppointmentStatus.CONFIRMED else this.outcome_at,
    )
    changed = replace(
        before,
        appointments=tuple(changed_one if a.id == this.id else a for a in before.appointments),
    )
    after = replan(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(
        tx, before, after, Verb.APPOINTMENT_OUTCOME, viewer, now=now, happened_at=at
    )


def outside_window(case: Case, appointment: Appointment) -> bool:
    """Whether a confirmed appointment lies outside R … R + 7 d (flagged when R moves)."""
    if case.release_on is None or appointment.status is not AppointmentStatus.CONFIRMED:
        return False
    on = local_date(appointment.starts_at)
    last = case.release_on + timedelta(days=rules.APPOINTMENT_WINDOW_DAYS)
    return not case.release_on <= on <= last


def _not_found() -> AppointmentNotFound:
    return AppointmentNotFound("There is no such appointment here. Check its number.")

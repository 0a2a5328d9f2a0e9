"""Appointments: booking, confirming, moving, calling off, and how they went.

What they rest on is pure: who may know the details (`cases.consents`), how long an outcome is
waited for (`cases.outcomes`), what there is to look at after a booking (`cases.warnings`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import queries, rules, store, vault
from cases.access import Viewer, check_may_open_cases
from cases.consents import SHARED_WITH, sees_details
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Receiver,
    Role,
)
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from cases.tables import appointment as appointment_table
from cases.tables import case_
from cases.warnings import outside_window
from core.clock import iso_local, local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from core.statement import Prepared

__all__ = [
    "BOOKING",
    "LONGEST",
    "NEXT",
    "SHARED_WITH",
    "AppointmentNotFound",
    "Booking",
    "book",
    "controller_of",
    "for_update",
    "move",
    "outside_window",
    "record_outcome",
    "sees_details",
    "with_changed",
]

FEWEST_DIGITS: Final = 3
LONGEST: Final = 200
"""Characters of a name or place on a card."""

BOOKING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.HEALTH, Role.HEALTH_LEAD})
WENT: Final = frozenset(
    {AppointmentStatus.ATTENDED, AppointmentStatus.NO_SHOW, AppointmentStatus.UNKNOWN}
)
"""Statuses that say how an appointment went, which nobody knows before it begins."""

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

_CASE_OF: Final = Prepared(
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


def book(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    booking: Booking,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Book an appointment, requested or confirmed already.

    One before the release in force is refused; what else there is to look at afterwards, late first
    appointments among it, `cases.warnings` says of the case that comes back.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, BOOKING, "book appointments")
    rules.check_version(before, version)
    rules.check_open(before)
    kind = rules.one_of(AppointmentKind, booking.kind, "kind")
    status = rules.one_of(AppointmentStatus, booking.status, "status")
    _check_bookable(status)
    if not sees_details(viewer, before, kind):
        raise NotAllowed(
            f"Without the person's consent to sharing with {SHARED_WITH[kind]}, only health staff "
            f"book {kind}."
        )
    _check_when(before, booking.starts_at, now=now)
    details = {
        "with": _line(booking.with_whom, "with"),
        "place": _line(booking.place, "place"),
        "phone": _phone(booking.phone) if booking.phone else None,
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
    return _write(
        tx,
        viewer,
        before,
        changed,
        verb=Verb.APPOINTMENT_BOOKED,
        kind=kind,
        now=now,
        at=now,
    )


def controller_of(kind: AppointmentKind) -> str:
    """Which kind of controller a fact about an appointment of this kind belongs to."""
    return "health" if SHARED_WITH.get(kind) is Receiver.HEALTH else "correctional"


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


def _phone(text: str) -> str:
    """A number for the card, written as somebody likes. Raises `BadInput` for one without digits.

    An extension or "spør etter Kari" may stand beside it; three digits are a number (113).
    """
    line = _line(text, "phone")
    if sum(character.isdecimal() for character in line) < FEWEST_DIGITS:
        raise BadInput("no_number", "phone holds no number: give one, or leave it out.", "phone")
    return line


def record_outcome(
    tx: Connection,
    viewer: Viewer,
    appointment_id: str,
    status: str,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    version: int | None = None,
) -> Case:
    """Bring an appointment to a new status, as far as its present one lets it.

    `moved` here says only that it was moved, to no time that is known yet; see `move`.
    """
    before, this = for_update(tx, viewer, appointment_id, "record how an appointment went")
    rules.check_version(before, version)
    to = rules.one_of(AppointmentStatus, status, "status")
    _check_next(before, this, to)
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    if to in WENT and at < this.starts_at:
        raise Refused(
            f"The appointment is at {iso_local(this.starts_at)} and has not been yet then: how it "
            "went can be recorded afterwards."
        )
    if to is AppointmentStatus.CONFIRMED:
        rules.check_open(before)
        changed = replace(this, status=to, confirmed_at=at)
    else:
        # A correction says what happened, not that it happened later: it stopped being confirmed
        # when the first outcome says so, which decides what was confirmed at the release.
        corrected = this.status in (AppointmentStatus.ATTENDED, AppointmentStatus.NO_SHOW)
        first = min(at, this.outcome_at) if corrected and this.outcome_at else at
        changed = replace(this, status=to, outcome_at=first)
    return _write(
        tx,
        viewer,
        before,
        with_changed(before, changed),
        verb=Verb.APPOINTMENT_OUTCOME,
        kind=this.kind,
        now=now,
        at=at,
    )


def move(
    tx: Connection,
    viewer: Viewer,
    appointment_id: str,
    starts_at: datetime,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    with_whom: str | None = None,
    place: str | None = None,
    phone: str | None = None,
    status: str | None = None,
    version: int | None = None,
) -> Case:
    """Move an appointment to another time: it becomes `moved`, and a new one stands in its place.

    The new one is linked by `moved_from` and has the status that the old one had, unless `status`
    says requested or confirmed; what is not said of whom, where and phone stays, and an empty phone
    takes the number away. Its reminder replaces the old one's. `happened_at` is when it was moved.
    """
    before, this = for_update(tx, viewer, appointment_id, "move an appointment")
    rules.check_version(before, version)
    rules.check_open(before)
    _check_next(before, this, AppointmentStatus.MOVED)
    to = rules.one_of(AppointmentStatus, status, "status") if status is not None else this.status
    _check_bookable(to)
    _check_when(before, starts_at, now=now)
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    said = {"with": with_whom, "place": place, "phone": phone}
    told = {
        name: _line(text, name) if name != "phone" else _phone(text) if text.strip() else ""
        for name, text in said.items()
        if text is not None
    }
    if starts_at == this.starts_at and not told:
        raise BadInput("same_time", f"The appointment is at {iso_local(starts_at)} already.", "at")
    moved_on = replace(
        this,
        id=new_ref(),
        status=to,
        starts_at=starts_at,
        booked_at=now,
        by=viewer.account,
        confirmed_at=at if to is AppointmentStatus.CONFIRMED else None,
        outcome_at=None,
        details=_resealed(tx, before, this, told),
        moved_from=this.id,
    )
    gone = with_changed(before, replace(this, status=AppointmentStatus.MOVED, outcome_at=at))
    after = replace(gone, appointments=(*gone.appointments, moved_on))
    return _write(
        tx,
        viewer,
        before,
        after,
        verb=Verb.APPOINTMENT_MOVED,
        kind=this.kind,
        now=now,
        at=at,
    )


def for_update(
    tx: Connection, viewer: Viewer, appointment_id: str, what: str
) -> tuple[Case, Appointment]:
    """An appointment that the viewer may change, with its case."""
    check_may_open_cases(viewer)
    row = _CASE_OF.row(tx, {"id": appointment_id})
    if row is None:
        raise _not_found()
    try:
        case = queries.case_for_update(tx, viewer, row[0])
    except rules.CaseNotFound:
        raise _not_found() from None
    rules.check_role(viewer, BOOKING, what)
    this = next(a for a in case.appointments if a.id == appointment_id)
    if not sees_details(viewer, case, this.kind):
        raise NotAllowed("Only health staff change this appointment.")
    return case, this


def _check_next(case: Case, this: Appointment, to: AppointmentStatus) -> None:
    if to not in NEXT[this.status]:
        raise Conflict(
            f"The appointment is {this.status}: it cannot become {to}.",
            {"status": this.status.value, "version": case.version},
        )


def _check_bookable(status: AppointmentStatus) -> None:
    if status not in (AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED):
        raise BadInput(
            "unknown_code", "An appointment is booked as requested or confirmed.", "status"
        )


def with_changed(case: Case, changed: Appointment) -> Case:
    """The case with one of its appointments as it is now."""
    return replace(
        case,
        appointments=tuple(changed if a.id == changed.id else a for a in case.appointments),
    )


def _resealed(tx: Connection, case: Case, this: Appointment, told: dict[str, str]) -> str:
    """The details of an appointment with what is told now in place of what was."""
    if not told:
        return this.details
    known = vault.unseal(tx, case.person, vault.DETAILS, this.details)
    known.update(told)
    if not known["phone"]:
        known["phone"] = None
    return vault.seal(tx, case.person, vault.DETAILS, known)


def _write(
    tx: Connection,
    viewer: Viewer,
    before: Case,
    changed: Case,
    *,
    verb: Verb,
    kind: AppointmentKind,
    now: datetime,
    at: datetime,
) -> Case:
    after = replan(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(
        tx, before, after, verb, viewer, now=now, happened_at=at, controller=controller_of(kind)
    )


def _not_found() -> AppointmentNotFound:
    return AppointmentNotFound("There is no such appointment here. Check its number.")

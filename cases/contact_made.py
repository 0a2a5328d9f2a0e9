"""A contact in the follow-up window that has been: recorded in one act, whether or not agreed on.

It stands among the appointments, as one of the kind OTHER that was held: `attended` where the
person was reached, `no_show` where not. Nothing was agreed beforehand, so it was never confirmed
(`Appointment.unbooked`): no figure that asks what was confirmed at the release knows of it, and a
contact that reached nobody quiets no warning. A note about the person is a health note: sealed
with the health answers, written and read by the health service alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from cases import health, queries, rules, store, vault
from cases.access import Viewer
from cases.appointments import BOOKING, for_update, with_changed
from cases.consents import HEALTH_STAFF
from cases.model import Appointment, AppointmentKind, AppointmentStatus, Case, Phase
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from core.clock import iso_local
from core.crypto import new_ref
from core.errors import BadInput, NotAllowed, Refused
from core.keystore import KeyDestroyed

HEALTH: Final = "health"
CORRECTIONAL: Final = "correctional"
"""The kind of controller that a contact belongs to: that of whoever recorded it."""

LONGEST_NOTE: Final = 500
"""Characters."""


class ContactHow(StrEnum):
    """In which way somebody was contacted."""

    PHONE = "phone"
    VISIT = "visit"


class ContactUndoReason(StrEnum):
    """Why a contact was taken back."""

    WRONG_PERSON = "wrong_person"
    NOT_DONE = "not_done"
    WRONG_DETAILS = "wrong_details"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it was. `note` is for the health service alone."""

    how: str
    reached: bool
    note: str | None = None


def record_contact(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    contact: Contact,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> Case:
    """Record a contact with somebody released, or that nobody was reached.

    Raises `Refused` outside the follow-up, `BadInput` for a time before the release or to come,
    `NotAllowed` for a note by anybody outside the health service.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, BOOKING, "record a contact")
    rules.check_open(before)
    how = rules.one_of(ContactHow, contact.how, "how")
    at = happened_at or now
    if before.phase is not Phase.FOLLOW_UP or before.released_at is None:
        raise Refused("The person is not released yet: a contact after the release comes then.")
    rules.check_happened(before, at, now=now, field="happened_at")
    if at < before.released_at:
        raise BadInput(
            "before_release",
            f"{iso_local(at)} is before the release {iso_local(before.released_at)}.",
            "happened_at",
        )
    of_health = viewer.role in HEALTH_STAFF
    side = HEALTH if of_health else CORRECTIONAL
    made = Appointment(
        id=new_ref(),
        kind=AppointmentKind.OTHER,
        status=AppointmentStatus.ATTENDED if contact.reached else AppointmentStatus.NO_SHOW,
        starts_at=at,
        booked_at=now,
        by=viewer.account,
        outcome_at=at,
        details=vault.seal(tx, before.person, vault.DETAILS, {"how": how.value, "by": side}),
    )
    if contact.note:
        if not of_health:
            raise NotAllowed("A note about a contact is the health service's to write.")
        note = rules.one_line(contact.note, "note", longest=LONGEST_NOTE)
        health.keep_answer(tx, before, health.note_of(made.id), note, viewer, now=now)
    changed = replace(before, appointments=(*before.appointments, made))
    return store.write_changes(
        tx,
        before,
        replan(before, changed, package_named(tx, before.package), now=now),
        Verb.CONTACT_RECORDED,
        viewer,
        now=now,
        happened_at=at,
        controller=side,
    )


def undo_contact(
    tx: Connection, viewer: Viewer, number: str, reason: str, *, now: datetime
) -> Case:
    """Take a contact back, with a reason; its note goes, the history shows both.

    What the health service recorded, it takes back itself.
    """
    before, this = for_update(tx, viewer, number, "take a contact back")
    why = rules.one_of(ContactUndoReason, reason, "reason")
    if not this.unbooked or this.status is AppointmentStatus.CANCELLED:
        raise Refused("There is no contact to take back: it is an appointment, or taken back.")
    side = _recorded_by(tx, before, this)
    if side == HEALTH and viewer.role not in HEALTH_STAFF:
        raise NotAllowed("The health service recorded this contact, and takes it back itself.")
    if viewer.role in HEALTH_STAFF:
        health.forget_answer(tx, before, health.note_of(this.id))
    gone = replace(this, status=AppointmentStatus.CANCELLED, outcome_at=now)
    changed = with_changed(before, gone)
    return store.write_changes(
        tx,
        before,
        replan(before, changed, package_named(tx, before.package), now=now),
        Verb.CONTACT_UNDONE,
        viewer,
        now=now,
        controller=side,
        undone={this.id: why.value},
    )


def may_undo(tx: Connection, viewer: Viewer, case: Case, this: Appointment) -> bool:
    """Whether this viewer could take a contact back as it stands."""
    if viewer.role not in BOOKING or not this.unbooked:
        return False
    if this.status is AppointmentStatus.CANCELLED:
        return False
    return viewer.role in HEALTH_STAFF or _recorded_by(tx, case, this) != HEALTH


def _recorded_by(tx: Connection, case: Case, this: Appointment) -> str:
    """Which side recorded a contact; of an erased person the health service's, to be safe."""
    try:
        details = vault.unseal(tx, case.person, vault.DETAILS, this.details)
    except KeyDestroyed:
        return HEALTH
    return details.get("by") or CORRECTIONAL

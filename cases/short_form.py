"""The short form of an unplanned release: what was done in ten minutes, in one verb.

From court, with hours' notice: one page says what was given, and every before-release task is
completed, or waived as `too_short_notice`, before the release is recorded. Whoever is on duty fills
it in for all; only the answer to the offer and sharing keep the roles that their own verbs have.

The call booked for the next working day is an appointment of kind OTHER, confirmed at once: it
stands on the card, is reminded of like every appointment, and its outcome is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Final

from sqlalchemy import Connection

from cases import naloxone, queries, rules, service, store, vault
from cases.access import Viewer
from cases.calendar import next_working_day
from cases.merging import owner_at
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Destination,
    Form,
    HandedOver,
    Owner,
    Participation,
    Role,
    Source,
    Task,
    TaskClass,
    TaskState,
    UnplannedReason,
    WaiveReason,
)
from cases.registry import package_named
from cases.release import RELEASING, released
from cases.settling import as_done, as_waived, finish, with_settled
from cases.store import Verb
from core.clock import from_local, iso_local, local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, Refused

FILLING_IN: Final = RELEASING | {Role.HEALTH, Role.HEALTH_LEAD}

CALL_AT: Final = time(10)
CALL_WITH: Final = "Kontaktperson"
CALL_PLACE: Final = "Telefon"
"""What the card says of a call where nothing more is known: neither name nor unit."""
LONGEST: Final = 200
LOT: Final = 40


@dataclass(frozen=True, slots=True)
class ShortForm:
    """The page, as it is filled in. Every measure is a yes or a no.

    `held_at` is when it was gone through (None: at the release). `accepted` is the answer to the
    offer where it was asked just then; None leaves the answer as it stands. `sharing` holds a yes
    or no for each receiver that was asked about. The call is with `call_with` on `call_phone`.
    `spray_lot` is the lot of the spray that was handed over, where somebody read it.
    """

    risk_talk: bool = False
    signs_and_113: bool = False
    spray: bool = False
    short_training: bool = False
    card: bool = False
    call_booked_at: datetime | None = None
    call_with: str | None = None
    call_phone: str | None = None
    sharing: Mapping[str, bool] = field(default_factory=dict)
    accepted: bool | None = None
    held_at: datetime | None = None
    spray_lot: str | None = None


def suggested_call(released_at: datetime) -> datetime:
    """When a form suggests the call: at 10:00 on the next working day after the release."""
    return from_local(next_working_day(local_date(released_at)), CALL_AT)


def release_unplanned(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    reason: str,
    form: ShortForm,
    *,
    now: datetime,
    released_at: datetime | None = None,
    to: str = "liberty",
    version: int | None = None,
) -> Case:
    """Record an unplanned release with its short form, in the caller's one transaction.

    Typed in after the release was recorded it completes what the release made `missed`, with the
    times before it; what was not done stays missed, and the release is marked unplanned. Raises
    `Refused` for a measure that the answer to the offer forbids, `BadInput`, `Conflict`.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, FILLING_IN, "release somebody with the short form")
    why = rules.one_of(UnplannedReason, reason, "reason")
    destination = rules.one_of(Destination, to, "to")
    at = _released_at(before, released_at, why, now=now)
    held_at = form.held_at or at
    rules.check_happened(before, held_at, now=now, field="held_at")
    if held_at > at:
        raise BadInput(
            "after_release",
            f"The form was gone through at {iso_local(held_at)}, after the release "
            f"{iso_local(at)}: check both.",
            "held_at",
        )
    case = _answered(tx, viewer, before, form, held_at, now=now)
    case = _settled(tx, viewer, case, form, held_at, now=now)
    if form.call_booked_at is not None:
        case = _with_call(tx, viewer, case, form, at=at, held_at=held_at, now=now)
    if case.released_at is None:
        changed = released(
            case,
            released_at=at,
            destination=destination,
            unplanned=why,
            source=Source.STAFF,
            now=now,
        )
    else:
        changed = replace(case, unplanned=why)
    after = finish(case, changed, package_named(tx, case.package), now=now)
    return store.write_changes(tx, case, after, Verb.RELEASED, viewer, now=now, happened_at=at)


def _released_at(
    case: Case, released_at: datetime | None, why: UnplannedReason, *, now: datetime
) -> datetime:
    """When the release was. Raises `Conflict` where another one stands already."""
    if case.released_at is None:
        rules.check_open(case)
        at = released_at or now
        rules.check_happened(case, at, now=now, field="released_at")
        return at
    if (released_at not in (None, case.released_at)) or case.unplanned not in (None, why):
        kind = f"unplanned ({case.unplanned})" if case.unplanned else "without a reason"
        raise Conflict(
            f"The release is recorded already, at {iso_local(case.released_at)}, {kind}.",
            {"released_at": iso_local(case.released_at), "version": case.version},
        )
    return case.released_at


def _answered(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    form: ShortForm,
    held_at: datetime,
    *,
    now: datetime,
) -> Case:
    """The answer to the offer and the consents to sharing, by their own verbs."""
    if form.accepted is not None:
        answer = Participation.ACCEPTED if form.accepted else Participation.DECLINED
        if answer is not case.participation:
            case = service.answer_offer(
                tx, viewer, case.ref, answer.value, now=now, happened_at=held_at
            )
    for receiver, given in form.sharing.items():
        case = service.record_consent(
            tx,
            viewer,
            case.ref,
            "sharing",
            given=given,
            now=now,
            receiver=receiver,
            happened_at=held_at,
        )
    return case


def _settled(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    form: ShortForm,
    held_at: datetime,
    *,
    now: datetime,
) -> Case:
    """Every before-release task done or waived; an event for each controller whose they are."""
    given = _given(form)
    lot = rules.one_line(form.spray_lot, "spray_lot", longest=LOT) if form.spray_lot else None
    refused = []
    settled: list[Task] = []
    for task in case.tasks:
        if task.finished or not (task.klass is TaskClass.BEFORE_RELEASE or task.code in given):
            continue
        done = task.code in given and given[task.code] is not None
        if not _waits(case, task):
            refused += [task.code] if done else []
        elif done:
            settled.append(
                as_done(
                    task,
                    unit=owner_at(case, held_at),
                    by=viewer.account,
                    done_at=held_at,
                    now=now,
                    form=Form.INDIVIDUAL.value if task.code in _HELD else None,
                    answer=given[task.code] if task.code == naloxone.HANDED_OVER else None,
                )
            )
        elif task.state is not TaskState.MISSED:
            settled.append(
                as_waived(
                    task,
                    WaiveReason.TOO_SHORT_NOTICE,
                    unit=owner_at(case, held_at),
                    by=viewer.account,
                    waived_at=held_at,
                    now=now,
                )
            )
    if refused:
        raise Refused(
            f"{', '.join(refused)} cannot be recorded, because the answer is {case.participation}: "
            "record an acceptance on the form, or leave it out."
        )
    package = package_named(tx, case.package)
    for of_health in (True, False):
        those = [task for task in settled if (task.owner is Owner.HEALTH) is of_health]
        if not those:
            continue
        after = with_settled(case, those, package, now=now)
        for task in those:
            naloxone.after_completion(tx, case, task, viewer, now=now, lot=lot)
        case = store.write_changes(
            tx,
            case,
            after,
            Verb.SHORT_FORM,
            viewer,
            now=now,
            happened_at=held_at,
            controller=rules.controller_of(those[0]),
        )
    return case


_HELD: Final = frozenset({"brief_info", "naloxone_training", "talk_held"})


def _given(form: ShortForm) -> dict[str, str | None]:
    """What the form says of a task: done (with its answer, or ""), or None where it was not."""
    in_hand = {
        (True, True): HandedOver.CARD_AND_SPRAY.value,
        (True, False): HandedOver.CARD_ONLY.value,
        (False, True): HandedOver.SPRAY_ONLY.value,
    }
    return {
        "talk_held": "" if form.risk_talk else None,
        "brief_info": "" if form.signs_and_113 else None,
        "naloxone_training": "" if form.short_training else None,
        "card_printed": "" if form.card else None,
        naloxone.HANDED_OVER: in_hand.get((form.card, form.spray)),
    }


def _waits(case: Case, task: Task) -> bool:
    try:
        rules.check_waits(case, task)
    except Refused:
        return False
    return True


def _with_call(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    form: ShortForm,
    *,
    at: datetime,
    held_at: datetime,
    now: datetime,
) -> Case:
    """The case with the call booked: confirmed when the form was gone through."""
    starts_at = form.call_booked_at
    if starts_at is None:
        return case
    rules.check_open(case)
    rules.check_reachable(local_date(starts_at), "call_booked_at")
    if starts_at <= at:
        raise BadInput(
            "before_release",
            f"The call at {iso_local(starts_at)} is not after the release {iso_local(at)}.",
            "call_booked_at",
        )
    details = {
        "with": rules.one_line(form.call_with or CALL_WITH, "call_with", longest=LONGEST),
        "place": CALL_PLACE,
        "phone": rules.one_line(form.call_phone, "call_phone", longest=LONGEST)
        if form.call_phone
        else None,
    }
    call = Appointment(
        id=new_ref(),
        kind=AppointmentKind.OTHER,
        status=AppointmentStatus.CONFIRMED,
        starts_at=starts_at,
        booked_at=now,
        by=viewer.account,
        confirmed_at=held_at,
        details=vault.seal(tx, case.person, vault.DETAILS, details),
    )
    changed = replace(case, appointments=(*case.appointments, call))
    after = finish(case, changed, package_named(tx, case.package), now=now)
    return store.write_changes(
        tx, case, after, Verb.APPOINTMENT_BOOKED, viewer, now=now, happened_at=held_at
    )

"""What a viewer may see of a case, field by field, as plain values ready to be printed or sent.

Every reading here writes its row in the access log, in the caller's transaction: commit before a
byte leaves. Times are ISO 8601 with Norway's offset, dates ISO, codes as stored.

Who sees what: the participation's reason and history only health roles; of a health task
correctional roles see the state, never the answer or who; of an appointment that tells something
only its time, unless the person consented to sharing; a unit that gave the case away reads for 14
days its own past. An erased person has no number; details that were sealed are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from cases import controllers, health, history, people, queries, standing, vault
from cases.access import Viewer, check_may_open_cases, sees_who
from cases.consents import sees_details
from cases.identity_number import classify
from cases.journal import AccessRow, append
from cases.ladder import OFFER_AGAIN
from cases.lists import CASES_LISTED, line_view, log_list
from cases.merging import owner_at
from cases.model import Absence, Appointment, Case, Phase, Role, Step, Task, answers_in_order
from cases.package import Package
from cases.queries import Place
from cases.registry import package_named
from cases.rules import one_of
from cases.tables import notice
from cases.vault import Identity
from cases.wanted import day_before, unreminded
from cases.warnings import outside_window, warnings_for
from core.clock import iso_local, local_date
from core.keystore import KeyDestroyed
from notifications import outbox
from notifications.reasons import meaning

View = dict[str, Any]
"""Plain JSON values."""

CASE_READ: Final = "case_read"
MESSAGES_READ: Final = "messages_read"

LANGUAGE: Final = "nb"
"""The language of the labels in a view; a page takes its own from the package."""

SOME_PLACE: Final = "avtale"
"""The place of an appointment whose details are not the viewer's to see."""

UNIT_WITHOUT_STAFF: Final = "unit_without_staff"
"""The code of a notice that found nobody in its role and no lead."""

NEVER: Final = "none"
"""The state of a message that was never to be sent."""

SEES_CONSENTS: Final = frozenset(
    {Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD, Role.OPERATOR}
)

_NOTICES: Final = (
    select(
        notice.c.task,
        notice.c.rung,
        notice.c.at,
        notice.c.to_role,
        notice.c.told_at,
        notice.c.unstaffed,
    )
    .where(notice.c.case_id == bindparam("case_id"))
    .order_by(notice.c.at, notice.c.id)
)


def read_case(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> View:
    """One case as this viewer may see it, the reading logged. Raises `CaseNotFound`, `NotAllowed`.

    A unit that gave the case away less than 14 days ago reads it as it was when it let go.
    """
    case = queries.case_by_ref(tx, viewer, ref, past=True, now=now)
    given_up = history.stay_given_up(viewer, case)
    if given_up is None:
        view = case_view(tx, viewer, case, now=now)
    else:
        past = history.until_given_up(tx, case, given_up)
        view = case_view(tx, viewer, past, now=given_up.to_at or now, present=case)
    look = AccessRow(
        scope=case.unit if given_up is None else given_up.unit,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=CASE_READ,
        case_ref=ref,
    )
    append(tx, [look], now=now)
    return view


def read_messages(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> list[View]:
    """What was, or is to be, sent to the person, and why or why not; the reading logged."""
    case = queries.case_by_ref(tx, viewer, ref)
    told = messages_view(tx, viewer, case, now=now)
    look = AccessRow(case.unit, now, viewer.account, viewer.role.value, MESSAGES_READ, ref)
    append(tx, [look], now=now)
    return told


def list_cases(
    tx: Connection,
    viewer: Viewer,
    *,
    now: datetime,
    unit: str | None = None,
    phase: str | None = None,
    overdue: bool = False,
    due_before: datetime | None = None,
    after: Place | None = None,
    limit: int | None = None,
) -> list[View]:
    """The viewer's cases, the earliest due first, the look logged with every case on the list.

    `overdue_tasks` counts what `overdue` says; for the rest see `queries.case_lines`. Raises
    `NotAllowed`, `BadInput`.
    """
    check_may_open_cases(viewer)
    of_phase = one_of(Phase, phase, "phase").value if phase is not None else None
    lines = list(
        queries.case_lines(
            tx,
            viewer,
            now=now,
            unit=unit,
            phase=of_phase,
            overdue=overdue,
            due_before=due_before,
            after=after,
            limit=limit,
        )
    )
    identities = people.opened(tx, {line.person: line.identity_enc for line in lines})
    log_list(tx, viewer, lines, CASES_LISTED, now=now, unit=unit)
    return [line_view(line, identities.get(line.person)) for line in lines]


def case_view(
    tx: Connection, viewer: Viewer, case: Case, *, now: datetime, present: Case | None = None
) -> View:
    """The whole case as values.

    With `present`, the case as it is, `case` is a past that was folded and `now` when it ended.
    What was taken back since is hidden in the past as well: consents are asked of both.

    Logs nothing: `read_case` is the door; a caller that shows a case it has loaded already writes
    its own row.
    """
    past = present is not None
    package = package_named(tx, case.package)
    identity = people.identity_of(tx, case.person)
    answers = _answers(tx, viewer, case)
    view: View = {
        "ref": case.ref,
        "version": case.version,
        "inmate_no": identity.inmate_no if identity is not None else None,
        "unit": case.unit,
        "package": case.package,
        "phase": case.phase.value,
        "participation": case.participation.value,
        "close_reason": case.close_reason.value if case.close_reason else None,
        "short_notice": standing.short_notice(case),
        "late_opened": case.late_opened,
        "under_18": _under_18(identity, case),
        # What protects an address belongs to the person today: no event knows an earlier one.
        "protection": case.protection.value if not past else None,
        "admitted_at": _at(case.admitted_at),
        "opened_at": _at(case.opened_at),
        "release": _release(case),
        "released_at": _at(case.released_at),
        "steps": _steps(case, package, viewer, answers, now),
        "release_dates": [
            {
                "kind": record.kind.value,
                "on": _on(record.on),
                "source": record.source.value,
                "recorded_at": _at(record.recorded_at),
                "by": record.by,
            }
            for record in case.release_dates
        ],
        "appointments": [
            appointment_view(tx, viewer, case, each, present=present or case, answers=answers)
            for each in sorted(case.appointments, key=lambda each: (each.starts_at, each.id))
        ],
        "transfers": [
            {
                "id": each.id,
                "from": each.from_unit,
                "to": each.to_unit,
                "state": each.state.value,
            }
            for each in sorted(case.transfers, key=lambda each: (each.proposed_at, each.id))
        ],
        "absences": [_absence(each) for each in case.absences],
        # What there was to look at before a case was given away is the receiver's now.
        "warnings": [] if past else [each.value for each in warnings_for(viewer, case, now=now)],
        # Messages go to released persons only, so a case that could be given away had none.
        "messages": [] if past else messages_view(tx, viewer, case, now=now),
        "notices": _notices(tx, viewer, case, until=now if past else None),
        "deviations": [
            {
                "task": each.task,
                "step": each.step.value,
                "missed_at": _at(each.missed_at),
                "corrected": each.corrected,
            }
            for each in standing.deviations(case)
        ],
    }
    if viewer.reads_health:
        view["answers"] = _offer_answers(tx, viewer, case)
    if viewer.role in SEES_CONSENTS:
        view["consents"] = _consents(tx, case)
    return view


def _under_18(identity: Identity | None, case: Case) -> bool | None:
    """Whether the person was a minor when the case was opened; None where no birth is known."""
    if identity is None:
        return None
    born_on = identity.born_on
    if born_on is None and identity.national_id is not None:
        born_on = classify(identity.national_id).born_on
    return standing.under_18(born_on, local_date(case.opened_at)) if born_on is not None else None


def _absence(absence: Absence) -> View:
    return {
        "number": absence.seq,
        "kind": absence.kind.value,
        "from": _on(absence.from_on),
        "to": _on(absence.to_on),
        "informed_at": _at(absence.informed_at),
        "cancelled": absence.cancelled_at is not None,
    }


def _release(case: Case) -> View | None:
    if case.release_on is None:
        return None
    return {
        "on": _on(case.release_on),
        "kind": case.release_kind.value if case.release_kind else None,
        "known_at": _at(case.release_known_at),
    }


def _steps(
    case: Case, package: Package, viewer: Viewer, answers: dict[str, str], now: datetime
) -> list[View]:
    # A case stores its tasks by code; people know them in the order of the package. What a rebase
    # left behind comes last.
    in_order = [task for rule in package.tasks if (task := case.task(rule.code)) is not None]
    in_order += [task for task in case.tasks if not package.has(task.code)]
    steps = []
    for step in Step:
        tasks = [task for task in in_order if task.step is step]
        if tasks:
            steps.append(
                {
                    "step": step.value,
                    "label": package.step_labels(step).in_language(LANGUAGE),
                    "state": standing.step_state(tasks, now).value,
                    "due_at": _at(standing.step_due(tasks)),
                    "tasks": [task_view(task, package, viewer, answers, now) for task in tasks],
                }
            )
    return steps


def task_view(
    task: Task, package: Package, viewer: Viewer, answers: Mapping[str, str], now: datetime
) -> View:
    """One task; `answers` are the health answers that this viewer may read, by task."""
    rule = package.rule(task.code) if package.has(task.code) else None
    view: View = {
        "task": task.code,
        "label": rule.labels.in_language(LANGUAGE) if rule is not None else task.code,
        "owner": task.owner.value,
        "state": task.state.value,
        "due_at": _at(task.due_at),
        "overdue": standing.is_overdue(task, now),
        "done_at": _at(task.done_at),
        "recorded_at": _at(task.recorded_at),
        "done_by": task.done_by if sees_who(viewer, task) else None,
        "form": task.form,
        "reason": task.reason if sees_who(viewer, task) else None,
    }
    answer = answers.get(task.code) if health.is_private(task) else task.answer
    if answer is not None and task.finished:
        view["answer"] = answer
    return view


def _answers(tx: Connection, viewer: Viewer, case: Case) -> dict[str, str]:
    """Health answers; nothing is selected for roles that may not read them."""
    try:
        return health.answers_for(tx, viewer, case)
    except KeyDestroyed:
        return {}


def appointment_view(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    each: Appointment,
    *,
    present: Case,
    answers: Mapping[str, str],
) -> View:
    """One appointment, its details where both the case and its `present` let the viewer see.

    Among `answers`, the health answers that this viewer may read, is the note of a contact.
    """
    if not all(sees_details(viewer, asked, each.kind) for asked in (case, present)):
        return {
            "id": each.id,
            "kind": None,
            "starts_at": _at(each.starts_at),
            "status": each.status.value,
            "with": None,
            "place": SOME_PLACE,
            "phone": None,
            "outside_window": outside_window(case, each),
            "moved_from": each.moved_from,
            "contact": each.unbooked,
            "how": None,
        }
    try:
        details = vault.unseal(tx, case.person, vault.DETAILS, each.details)
    except KeyDestroyed:
        details = {}
    view = {
        "id": each.id,
        "kind": each.kind.value,
        "starts_at": _at(each.starts_at),
        "status": each.status.value,
        "with": details.get("with"),
        "place": details.get("place"),
        "phone": details.get("phone"),
        "outside_window": outside_window(case, each),
        "moved_from": each.moved_from,
        "contact": each.unbooked,
        "how": details.get("how") if each.unbooked else None,
    }
    note = answers.get(health.note_of(each.id))
    return view if note is None else view | {"note": note}


def messages_view(tx: Connection, viewer: Viewer, case: Case, *, now: datetime) -> list[View]:
    """The messages to a case's person, in the order of their times.

    A confirmed appointment ahead of which nothing was ever to be sent stands among them with the
    state `none`, the time at which it would have been, and why.

    None for who may not read consents: that there is one says that the person agreed to SMS.
    """
    if viewer.role not in SEES_CONSENTS:
        return []
    delivery = outbox.delivery_of(tx, case.ref)
    stored = outbox.of_subject(tx, case.ref)
    known = {message.about.split("/")[1] for message in stored if "/" in message.about}
    never = [
        {
            "about": f"{case.ref}/{appointment.id}",
            "send_at": _at(day_before(appointment)),
            "state": NEVER,
            "why": why,
            "meaning": meaning(why),
            "delivery": None,
        }
        for appointment, why in unreminded(case, now=now)
        if appointment.id not in known
    ]
    told = [
        {
            "about": message.about,
            "send_at": _at(message.send_at),
            "state": message.state.value,
            "why": message.why,
            "meaning": meaning(message.why) if message.why else None,
            "delivery": delivery[message.id][0] if message.id in delivery else None,
        }
        for message in stored
    ]
    return sorted([*told, *never], key=lambda each: str(each["send_at"])) if never else told


def _notices(tx: Connection, viewer: Viewer, case: Case, *, until: datetime | None) -> list[View]:
    # "Ask again" tells that the answer once was "not now": the history of participation.
    rows: Iterable[Any] = tx.execute(_NOTICES, {"case_id": case.id})
    return [
        {
            "task": row.task or None,
            "rung": UNIT_WITHOUT_STAFF if row.unstaffed else row.rung,
            "at": _at(row.at),
            "told_at": _at(row.told_at),
            "to_role": row.to_role,
        }
        for row in rows
        if (until is None or row.told_at <= until)
        and (viewer.reads_health or row.rung != OFFER_AGAIN)
    ]


def _offer_answers(tx: Connection, viewer: Viewer, case: Case) -> list[View]:
    shown: list[View] = []
    for answer in answers_in_order(case.answers):
        # A reason belongs to the health service it was given to, and does not follow a transfer
        # to another one by itself.
        given_to = owner_at(case, answer.recorded_at)
        on = local_date(answer.recorded_at)
        mine = viewer.sees_all_units or bool(
            viewer.controllers & controllers.health_controllers(tx, [given_to], on)
        )
        shown.append(
            {
                "answer": answer.status.value,
                "reason": answer.reason if mine else None,
                "happened_at": _at(answer.happened_at),
                "recorded_at": _at(answer.recorded_at),
                "by": answer.by if mine else None,
            }
        )
    return shown


def _consents(tx: Connection, case: Case) -> list[View]:
    names = controllers.names(tx, {c.controller_id for c in case.consents if c.controller_id})
    return [
        {
            "purpose": consent.purpose.value,
            "to": consent.receiver.value if consent.receiver else None,
            "given": consent.given,
            "happened_at": _at(consent.happened_at),
            "recorded_at": _at(consent.recorded_at),
            "by": consent.by,
            "controller": names.get(consent.controller_id) if consent.controller_id else None,
            "language": consent.language,
            "text_version": consent.text_version,
            "how": consent.how.value if consent.how else None,
        }
        for consent in sorted(case.consents, key=lambda each: (each.happened_at, each.seq))
    ]


def _at(instant: datetime | None) -> str | None:
    return iso_local(instant) if instant is not None else None


def _on(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None

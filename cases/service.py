"""The verbs of one case: opening, tasks, the answer to the offer, consents.

Each verb does the whole change inside the caller's one transaction: it loads the case through
`visible_cases`, asks `rules`, makes the changed value, replans it, and `store` writes what differs.
Release, closing and dates stand in `release`, transfers and appointments in modules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Final

from sqlalchemy import Connection

from cases import health, naloxone, queries, rules, store
from cases.access import Viewer, may_complete
from cases.consents import with_consent
from cases.controllers import health_controllers
from cases.merging import owner_at
from cases.model import (
    Answer,
    AnswerReason,
    Case,
    ConsentHow,
    ConsentPurpose,
    Participation,
    Phase,
    Receiver,
    ReleaseDate,
    ReleaseKind,
    Role,
    Source,
    Stay,
    Task,
    TaskState,
    UndoReason,
    WaiveReason,
    answers_in_order,
)
from cases.package import Package
from cases.registry import package_for_new_cases, package_named
from cases.roster_values import language_of
from cases.settling import as_done, as_open, as_waived, finish, with_settled
from cases.standing import participation_at
from cases.store import Verb
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, Refused

ANSWERING: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD})
CONSENTING: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD})

LONGEST_VERSION: Final = 64
"""Characters of the name of a text's version."""


@dataclass(frozen=True, slots=True)
class TaskDone:
    """A completion as somebody reports it; `done_at` None means now.

    `lot`: read off the spray that was handed over, where one was.
    """

    task: str
    done_at: datetime | None = None
    form: str | None = None
    answer: str | None = None
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What opens a case. `admitted_at` is the true admission, `person` a reference."""

    person: str
    counted_as: str
    unit: str
    admitted_at: datetime
    release_on: date | None = None
    release_kind: ReleaseKind = ReleaseKind.FULL_TERM
    source: Source = Source.ROSTER
    earlier: str | None = None
    language: str = "nb"


def open_case(admission: Admission, viewer: Viewer, package: Package, *, now: datetime) -> Case:
    """The value of a new case (nothing is written); `store.write_changes` then writes it."""
    dates: tuple[ReleaseDate, ...] = ()
    if admission.release_on is not None:
        dates = (
            ReleaseDate(
                1,
                admission.release_kind,
                admission.release_on,
                admission.source,
                now,
                viewer.account,
            ),
        )
    case = Case(
        ref=new_ref(),
        person=admission.person,
        counted_as=admission.counted_as,
        unit=admission.unit,
        admitted_unit=admission.unit,
        package=package.key,
        admitted_at=admission.admitted_at,
        opened_at=now,
        earlier=admission.earlier,
        language=admission.language,
        tasks=_new_tasks(package),
        release_dates=dates,
        stays=(Stay(1, admission.unit, admission.admitted_at),),
    )
    return finish(None, case, package, now=now)


@lru_cache(maxsize=64)
def _new_tasks(package: Package) -> tuple[Task, ...]:
    """The tasks of every new case, before anything is planned, in the order of their codes."""
    tasks = (
        Task(
            code=rule.code,
            step=rule.step,
            owner=rule.owner,
            visibility=rule.visibility,
            klass=rule.klass,
            required=rule.required,
        )
        for rule in package.tasks
    )
    return tuple(sorted(tasks, key=attrgetter("code")))


def admit(tx: Connection, viewer: Viewer, admission: Admission, *, now: datetime) -> Case:
    """Open and write a case for a person who is known already."""
    case = open_case(
        admission, viewer, package_for_new_cases(tx, admission.unit, on=now), now=now
    )  # fmt: skip
    return store.write_changes(
        tx, None, case, Verb.CASE_OPENED, viewer, now=now, happened_at=admission.admitted_at
    )


def complete_task(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    done: TaskDone,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Complete a task. `done.done_at` may lie in the past (a late entry), never in the future.

    Raises `TaskNotOpen` (who and when), `NotYourTask`, `CaseNotFound`, `BadInput`, `Refused`.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    task = rules.task_of(before, done.task)
    package = package_named(tx, before.package)
    done_at = done.done_at or now
    rules.check_can_complete(
        before,
        task,
        package.rule(task.code) if package.has(task.code) else None,
        viewer,
        done_at=done_at,
        now=now,
        form=done.form,
        answer=done.answer,
        required=package.required_appointments,
    )
    private = health.is_private(task)
    settled = as_done(
        task,
        unit=owner_at(before, done_at),
        by=viewer.account,
        done_at=done_at,
        now=now,
        form=done.form,
        answer=None if private else done.answer,
    )
    after = with_settled(before, [settled], package, now=now)
    if private and done.answer is not None:
        health.keep_answer(tx, before, task.code, done.answer, viewer, now=now)
    lot = naloxone.lot_read(done.lot, settled)
    naloxone.after_completion(tx, before, settled, viewer, now=now, lot=lot)
    return store.write_changes(
        tx,
        before,
        after,
        Verb.TASK_COMPLETED,
        viewer,
        now=now,
        happened_at=done_at,
        controller=rules.controller_of(task),
    )


def waive_task(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    code: str,
    reason: str,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    version: int | None = None,
) -> Case:
    """Waive a task with a reason code. Only `done_elsewhere` counts as done."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    task = rules.task_of(before, code)
    why = rules.one_of(WaiveReason, reason, "reason")
    rules.check_can_waive(before, task, viewer)
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    waived = as_waived(
        task, why, unit=owner_at(before, at), by=viewer.account, waived_at=at, now=now
    )
    after = with_settled(before, [waived], package_named(tx, before.package), now=now)
    return store.write_changes(
        tx,
        before,
        after,
        Verb.TASK_WAIVED,
        viewer,
        now=now,
        happened_at=at,
        controller=rules.controller_of(task),
    )


def undo_task(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    code: str,
    reason: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Take back a completion or waiver; of the offer, the answer: the earlier one is in force."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    task = rules.task_of(before, code)
    why = rules.one_of(UndoReason, reason, "reason")
    if not may_complete(viewer, task):
        raise rules.NotYourTask(
            f"{code} belongs to the role {task.owner}: the role {viewer.role} cannot undo it"
        )
    if not task.finished:
        raise Refused(f"{code} is {task.state}: there is nothing to undo.")
    if code == "offer_answered":
        changed = _without_last_answer(before, task, now)
    else:
        changed = before.with_task(as_open(task))
        if health.is_private(task):
            health.forget_answer(tx, before, code)
        naloxone.after_undo(tx, before, task, viewer, now=now)
    after = finish(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(
        tx,
        before,
        after,
        Verb.TASK_UNDONE,
        viewer,
        now=now,
        controller=rules.controller_of(task),
        undone={code: why.value},
    )


def _without_last_answer(case: Case, task: Task, now: datetime) -> Case:
    standing = answers_in_order(case.answers)
    if not standing:
        raise Refused("No answer is in force: there is nothing to undo.")
    last = standing[-1]
    answers = tuple(replace(a, undone_at=now) if a.seq == last.seq else a for a in case.answers)
    reopened = as_open(task) if len(standing) == 1 else _answered(case, task, answers)
    return replace(case.with_task(reopened), answers=answers)


def _answered(case: Case, task: Task, answers: tuple[Answer, ...]) -> Task:
    """`offer_answered` as the first answer that stands settled it.

    A later answer replaces what is in force, not that the person was asked and answered then: the
    counts of a period must not change by what is said after it.
    """
    first = answers_in_order(answers)[0]
    return replace(
        task,
        state=TaskState.DONE,
        done_at=first.happened_at,
        recorded_at=first.recorded_at,
        done_by=first.by,
        done_unit=owner_at(case, first.happened_at),
        settled_at=first.happened_at,
    )


def answer_offer(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    status: str,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    reason: str | None = None,
    version: int | None = None,
) -> Case:
    """Record the answer to the offer; it completes `offer_answered` in the same transaction.

    Any answer may be replaced by a later one. After the release only a withdrawal can follow, or
    an answer that was given before the release and is entered late.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, ANSWERING, "record the answer to the offer")
    answered = rules.one_of(Participation, status, "answer")
    why = rules.one_of(AnswerReason, reason, "reason") if reason is not None else None
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    _check_answer(before, answered, at)
    if why is not None and answered not in (Participation.DECLINED, Participation.WITHDRAWN):
        raise Refused(f"A reason belongs to declined or withdrawn, not to {answered}.")
    answer = Answer(
        seq=max((a.seq for a in before.answers), default=0) + 1,
        status=answered,
        reason=why.value if why else None,
        happened_at=at,
        recorded_at=now,
        by=viewer.account,
    )
    answers = (*before.answers, answer)
    done = _answered(before, rules.task_of(before, "offer_answered"), answers)
    changed = replace(before.with_task(done), answers=answers)
    after = finish(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(
        tx, before, after, Verb.ANSWERED, viewer, now=now, happened_at=at, controller="health"
    )


def _check_answer(case: Case, answered: Participation, at: datetime) -> None:
    if answered is Participation.NOT_ASKED:
        raise Refused("not_asked is no answer: undo offer_answered to take an answer back.")
    if answered is case.participation and answered is not Participation.NOT_NOW:
        current = answers_in_order(case.answers)[-1]
        raise Conflict(
            f"The answer is already {answered}, recorded by {current.by}.",
            {"participation": answered.value, "version": case.version},
        )
    before_it = participation_at(case.answers, at)
    if answered is Participation.WITHDRAWN and before_it is not Participation.ACCEPTED:
        raise Refused(
            f"Only somebody who accepted can withdraw; the answer then was {before_it}. "
            "Record declined instead."
        )
    if case.released_at is None or at <= case.released_at:
        late_yes = case.released_at is not None
        if case.phase is Phase.CLOSED and not (late_yes and _closed_by_answer(case)):
            rules.check_open(case)
        return
    rules.check_open(case)
    if answered is not Participation.WITHDRAWN:
        raise Refused(
            "After the release only a withdrawal can be recorded, or an answer that was given "
            "before the release (with its time)."
        )


def _closed_by_answer(case: Case) -> bool:
    return case.close_reason is not None and case.close_reason.value in (
        "declined",
        "not_participating",
        "withdrawn",
    )


def record_consent(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    purpose: str,
    *,
    given: bool,
    now: datetime,
    receiver: str | None = None,
    happened_at: datetime | None = None,
    how: str | None = None,
    language: str | None = None,
    text_version: str | None = None,
    version: int | None = None,
) -> Case:
    """Record that a consent was given or withdrawn, for SMS, research, or sharing with a receiver.

    The ledger keeps every row, with the health service of the owning unit that answers for it and,
    as far as they are told, how it was given and to which text in which language (a code or a
    Norwegian name). Messages that are no longer wanted are cancelled, and details that may no
    longer be shared are hidden, at once. What each consent opens: `cases.consents.OPENS`.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, CONSENTING, "record consents")
    rules.check_version(before, version)
    what = rules.one_of(ConsentPurpose, purpose, "purpose")
    to = rules.one_of(Receiver, receiver, "to") if receiver is not None else None
    if (what is ConsentPurpose.SHARING) != (to is not None):
        raise Refused(
            "Sharing names its receiver (--to health, nav or municipality); "
            "the other consents have none."
        )
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    if given:
        rules.check_open(before)
    after = with_consent(
        before,
        what,
        to,
        given=given,
        happened_at=at,
        now=now,
        by=viewer.account,
        controller_id=min(health_controllers(tx, [before.unit], local_date(now)), default=None),
        language=_language(language) if language is not None else None,
        text_version=rules.one_line(text_version, "text_version", longest=LONGEST_VERSION)
        if text_version is not None
        else None,
        how=rules.one_of(ConsentHow, how, "how") if how is not None else None,
    )
    return store.write_changes(
        tx,
        before,
        after,
        Verb.CONSENT_RECORDED,
        viewer,
        now=now,
        happened_at=at,
        controller="health",
    )


def _language(text: str) -> str:
    code = language_of(text)
    if code is None:
        raise BadInput(
            "unknown_language",
            f"{text!r} is no language that is known here: give a code like nb, se or pl.",
            "language",
        )
    return code

"""PURE: what is allowed, and the refusals. Each says what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from cases.access import Viewer, acts_in, may_complete
from cases.model import (
    HEALTH_KINDS,
    WELFARE_KINDS,
    AppointmentKind,
    AppointmentStatus,
    Case,
    CloseReason,
    Owner,
    Participation,
    Phase,
    Role,
    Step,
    Task,
    TaskState,
)
from cases.package import NATIONAL_REQUIREMENT, Requirement, TaskRule
from core.clock import iso_local, local_date
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused

C = TypeVar("C", bound=StrEnum)

APPOINTMENT_WINDOW_DAYS: Final = 7
"""Appointments of the requirement lie within R … R + 7 d, by local date, both ends included."""

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2100, 12, 31)

_ENDS_THE_OFFER: Final = frozenset({Participation.DECLINED, Participation.WITHDRAWN})


class CaseNotFound(NotFound):
    """No such case, or another unit's: the two are never told apart."""

    message_key = "error.case_not_found"


class StaleVersion(Conflict):
    """The caller saw another version than the stored one; `current` names the stored one."""

    message_key = "error.stale_version"


class TaskNotOpen(Conflict):
    """The task is settled already; `current` says who did it and when."""

    message_key = "error.task_not_open"


class NotYourTask(NotAllowed):
    """Another role's task."""

    message_key = "error.not_your_task"


class CaseClosed(Refused):
    """The case is closed: nothing new can happen in it."""

    message_key = "error.case_closed"


def one_of(kind: type[C], text: str, field: str) -> C:
    """The code that a text names. Raises `BadInput` with the codes that exist."""
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise BadInput(
            "unknown_code", f"{field} must be one of {known}, not {text!r}", field
        ) from None


def check_reachable(day: date, field: str) -> None:
    """Raise `BadInput` for dates that can only be a slip of the finger."""
    if not EARLIEST <= day <= LATEST:
        raise BadInput(
            "out_of_range", f"{field} {day} is before 1900 or after 2100: check the year", field
        )


def check_happened(case: Case, happened_at: datetime, *, now: datetime, field: str) -> None:
    """A fact does not lie in the future, nor before the admission."""
    check_reachable(local_date(happened_at), field)
    if happened_at > now:
        raise BadInput(
            "in_future", f"{iso_local(happened_at)} has not been yet: give when it happened", field
        )
    if happened_at < case.admitted_at:
        raise BadInput(
            "before_admission",
            f"{iso_local(happened_at)} is before the admission {iso_local(case.admitted_at)}: "
            "give when it happened",
            field,
        )


def check_role(viewer: Viewer, roles: Iterable[Role], what: str) -> None:
    """Raise `NotAllowed` unless the viewer has one of the roles (the operator always has)."""
    allowed = frozenset(roles) | {Role.OPERATOR}
    if viewer.role not in allowed:
        raise NotAllowed(f"The role {viewer.role} may not {what}.")


def check_owns(viewer: Viewer, case: Case) -> None:
    """Raise `CaseNotFound` unless the case is in one of the viewer's units now."""
    if not acts_in(viewer, case.unit):
        raise case_not_found()


def case_not_found() -> CaseNotFound:
    """The one answer for an unknown case and for another unit's."""
    return CaseNotFound("There is no such case here. Check the number.")


def check_open(case: Case) -> None:
    """Raise `CaseClosed` for a closed case."""
    if case.phase is Phase.CLOSED:
        raise CaseClosed(
            f"The case is closed ({case.close_reason}) since "
            f"{iso_local(case.closed_at) if case.closed_at else 'before'}: nothing can be added."
        )


def check_version(case: Case, version: int | None) -> None:
    """Raise `Conflict` when the caller saw another version than the stored one."""
    if version is not None and version != case.version:
        raise StaleVersion(
            f"The case has changed since you opened it (version {case.version}, yours {version}). "
            "Look at it again and repeat.",
            {"version": case.version},
        )


def task_of(case: Case, code: str) -> Task:
    """The task with this code. Raises `BadInput` with the codes the case has."""
    task = case.task(code)
    if task is None:
        known = ", ".join(t.code for t in case.tasks)
        raise BadInput("unknown_task", f"There is no task {code!r}. The tasks are: {known}", "task")
    return task


def check_may_settle(case: Case, task: Task, viewer: Viewer) -> None:
    """Whether this viewer may complete or waive this task as it stands."""
    if not may_complete(viewer, task):
        raise NotYourTask(
            f"{task.code} belongs to the role {task.owner}: the role {viewer.role} cannot settle it"
        )
    check_waits(case, task)


def check_waits(case: Case, task: Task) -> None:
    """Whether this task as it stands waits to be settled, whoever does it."""
    if task.code == "offer_answered":
        raise Refused(
            "offer_answered is settled by the answer itself: record the person's answer "
            "(participation) instead."
        )
    if task.finished:
        raise TaskNotOpen(
            f"{task.code} is already {task.state}, recorded by {task.done_by} at "
            f"{iso_local(task.done_at) if task.done_at else '?'}: undo that first if it is wrong.",
            {
                "state": task.state.value,
                "done_at": iso_local(task.done_at) if task.done_at else None,
                "done_by": task.done_by,
                "version": case.version,
            },
        )
    if task.state is TaskState.CANCELLED:
        if case.phase is Phase.CLOSED:
            check_open(case)
        why = f"the answer is {case.participation}: record an acceptance first"
        if case.participation not in _ENDS_THE_OFFER:
            why = f"the case follows {case.package} now, which does not have it: nothing is to do"
        raise TaskNotOpen(
            f"{task.code} no longer applies, because {why}.",
            {"state": task.state.value, "version": case.version},
        )
    if (
        task.state is TaskState.PREPARED
        and case.participation is Participation.NOT_NOW
        and task.step is not Step.INTAKE_TALK
    ):
        raise TaskNotOpen(
            f"{task.code} waits, because the answer is not_now: record an acceptance first.",
            {"state": task.state.value, "version": case.version},
        )


def check_can_complete(
    case: Case,
    task: Task,
    rule: TaskRule | None,
    viewer: Viewer,
    *,
    done_at: datetime,
    now: datetime,
    form: str | None,
    answer: str | None,
    required: Requirement = NATIONAL_REQUIREMENT,
) -> None:
    """Everything that can stand against completing a task.

    `rule` is None for a task that the case's package does not have any more, `required` what that
    package asks of `appointments_confirmed`.
    """
    if not ended_by_closing(case, task) or not may_complete(viewer, task):
        check_may_settle(case, task, viewer)
    check_happened(case, done_at, now=now, field="done_at")
    check_before_closing(case, task, done_at)
    check_before_release(case, task, done_at)
    _check_choice(task.code, "form", form, rule.forms if rule is not None else ())
    _check_choice(task.code, "answer", answer, rule.answers if rule is not None else ())
    if task.code == "appointments_confirmed":
        check_appointments(case, required)


def check_answer(code: str, answer: str, rule: TaskRule | None) -> None:
    """Whether the task takes this answer. Raises `BadInput`."""
    _check_choice(code, "answer", answer, rule.answers if rule is not None else ())


def check_before_release(case: Case, task: Task, done_at: datetime) -> None:
    """What was missed at the release can only have been done before it."""
    if task.state is TaskState.MISSED and case.released_at and done_at > case.released_at:
        raise Refused(
            f"{task.code} was missed at the release {iso_local(case.released_at)}: it can only be "
            "completed with a time before that (--at)."
        )


def ended_by_closing(case: Case, task: Task) -> bool:
    """Whether the task waited until the closing ended it: what was done by then can be entered.

    Not what the answer to the offer had ended before, nor in a case registered in error.
    """
    return (
        case.phase is Phase.CLOSED
        and case.close_reason is not CloseReason.REGISTERED_IN_ERROR
        and task.state is TaskState.CANCELLED
        and task.settled_at is not None
        and task.settled_at == case.closed_at
    )


def check_before_closing(case: Case, task: Task, done_at: datetime) -> None:
    """What the closing ended can only have been done by then."""
    if ended_by_closing(case, task) and case.closed_at and done_at > case.closed_at:
        raise CaseClosed(
            f"The case is closed ({case.close_reason}) since {iso_local(case.closed_at)}: "
            f"{task.code} can only be completed with a time before that (--at)."
        )


def one_line(text: str, field: str, *, longest: int) -> str:
    """Text as one printable line. Raises `BadInput` when it is empty or too long."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not cleaned:
        raise BadInput("empty", f"{field} is empty.", field)
    if len(cleaned) > longest:
        raise BadInput("too_long", f"{field} is longer than {longest} characters.", field)
    return cleaned


def _check_choice(code: str, field: str, given: str | None, allowed: tuple[str, ...]) -> None:
    if given is None:
        return
    if not allowed:
        raise BadInput(f"{field}_not_asked", f"{code} takes no {field}", field)
    if given not in allowed:
        raise BadInput(
            "unknown_code", f"{field} of {code} must be one of {', '.join(allowed)}", field
        )


def check_can_waive(case: Case, task: Task, viewer: Viewer) -> None:
    """Everything that can stand against waiving a task."""
    check_may_settle(case, task, viewer)
    if task.state is TaskState.MISSED:
        raise Refused(
            f"{task.code} was missed at the release and counts as a deviation: it can be completed "
            "with the time it was done before the release, but not waived."
        )


def check_appointments(case: Case, required: Requirement = NATIONAL_REQUIREMENT) -> None:
    """The requirement of `appointments_confirmed` (a unit that cannot meet it waives the task).

    Of each set in `required` one appointment must be confirmed; one can serve several sets.
    """
    if case.release_on is None:
        raise Refused(
            "No release date is known, so appointments cannot be confirmed for it: set the release "
            "date first."
        )
    last = case.release_on + timedelta(days=APPOINTMENT_WINDOW_DAYS)
    kinds = {
        appointment.kind
        for appointment in case.appointments
        if appointment.status is AppointmentStatus.CONFIRMED
        and case.release_on <= local_date(appointment.starts_at) <= last
    }
    missing = [_spoken(group) for group in required if not kinds & group]
    if missing:
        task = case.task("appointments_confirmed")
        # What was missed is not waived, so that way out is not named.
        way_out = (
            "What was missed at the release is not waived: the deviation stays."
            if task is not None and task.state is TaskState.MISSED
            else "Book them, or waive the task with a reason."
        )
        raise Refused(
            f"Confirmed appointments from {case.release_on} to {last} are missing: "
            f"{' and '.join(missing)}. {way_out}"
        )


def _spoken(group: frozenset[AppointmentKind]) -> str:
    if group == HEALTH_KINDS:
        return "one with the health service"
    if group == WELFARE_KINDS:
        return "one with NAV or the municipality"
    return f"one of the kind {' or '.join(kind for kind in AppointmentKind if kind in group)}"


def controller_of(task: Task) -> str:
    """Which kind of controller a fact about this task belongs to."""
    return "health" if task.owner is Owner.HEALTH else "correctional"

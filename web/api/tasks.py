"""Tasks: done or waived, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from pydantic import model_validator
from sqlalchemy import Connection
from starlette.responses import Response

from cases import queries, rules, service, views
from cases.access import Viewer
from cases.model import Case, UndoReason, WaiveReason
from cases.registry import package_named
from cases.service import TaskDone
from core.clock import iso_local
from core.errors import BadInput, Conflict
from web.api.answers import IdempotencyKey, change
from web.api.changed import case_changed
from web.api.inputs import CaseRef, Code, Input, Instant, Version, mistake
from web.api.models import TaskChanged
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["tasks"])


class Outcome(StrEnum):
    """What came of a task."""

    DONE = "done"
    WAIVED = "waived"


class TaskOutcome(Input):
    """What came of a task, and when (`done_at`, also of a waiver; now, if left out).

    `form` and `answer` belong to `done`, a `reason` to `waived`.
    """

    outcome: Outcome
    done_at: Instant | None = None
    form: Code | None = None
    answer: Code | None = None
    reason: WaiveReason | None = None
    version: Version | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> TaskOutcome:
        if self.outcome is Outcome.DONE and self.reason is not None:
            raise mistake(BadInput("reason_not_asked", "reason belongs to waived", "reason"))
        if self.outcome is Outcome.WAIVED and self.reason is None:
            raise mistake(BadInput("missing", "a waiver has a reason", "reason"))
        if self.outcome is Outcome.WAIVED and (self.form or self.answer):
            field = "form" if self.form else "answer"
            raise mistake(BadInput(f"{field}_not_asked", f"{field} belongs to done", field))
        return self


class TakenBack(Input):
    """Why a completion or a waiver is taken back."""

    reason: UndoReason
    version: Version | None = None


@router.post("/cases/{ref}/tasks/{task}", response_model=TaskChanged)
@allow(CASE_WORKERS)
def settle(
    asked: SignedIn, ref: CaseRef, task: Code, outcome: TaskOutcome, key: IdempotencyKey = None
) -> Response:
    """Complete or waive a task. Somebody was quicker: 409 with the task as it is, and yours."""

    def verb(tx: Connection) -> Case:
        if outcome.outcome is Outcome.WAIVED:
            return service.waive_task(
                tx,
                asked.viewer,
                ref,
                task,
                (outcome.reason or WaiveReason.NOT_RELEVANT).value,
                now=asked.now,
                happened_at=outcome.done_at,
                version=outcome.version,
            )
        done = TaskDone(task, outcome.done_at, outcome.form, outcome.answer)
        return service.complete_task(
            tx, asked.viewer, ref, done, now=asked.now, version=outcome.version
        )

    yours = {
        "outcome": outcome.outcome.value,
        "done_at": iso_local(outcome.done_at or asked.now),
        "form": outcome.form,
        "reason": outcome.reason.value if outcome.reason else None,
        "version": outcome.version,
    }
    return change(asked, key, outcome, TaskChanged, _on_task(asked, ref, task, verb, yours))


@router.delete("/cases/{ref}/tasks/{task}", response_model=TaskChanged)
@allow(CASE_WORKERS)
def take_back(
    asked: SignedIn, ref: CaseRef, task: Code, why: TakenBack, key: IdempotencyKey = None
) -> Response:
    """Take a completion or a waiver back; the history shows both."""

    def verb(tx: Connection) -> Case:
        return service.undo_task(
            tx, asked.viewer, ref, task, why.reason.value, now=asked.now, version=why.version
        )

    yours = {"outcome": "open", "reason": why.reason.value, "version": why.version}
    return change(asked, key, why, TaskChanged, _on_task(asked, ref, task, verb, yours))


def _on_task(
    asked: Asked,
    ref: str,
    code: str,
    verb: Callable[[Connection], Case],
    yours: dict[str, Any],
) -> Callable[[Connection], dict[str, Any]]:
    """The verb with its answer: the task as it is now. A conflict says both values."""

    def done(tx: Connection) -> dict[str, Any]:
        try:
            case = verb(tx)
        except Conflict as conflict:
            case = queries.case_by_ref(tx, asked.viewer, ref)
            current = _task(tx, asked.viewer, case, code, asked)
            conflict.current = {**conflict.current, "version": case.version, **current}
            conflict.yours = yours
            raise
        return case_changed(case) | {"task": _task(tx, asked.viewer, case, code, asked)}

    return done


def _task(tx: Connection, viewer: Viewer, case: Case, code: str, asked: Asked) -> dict[str, Any]:
    package = package_named(tx, case.package)
    return views.task_view(rules.task_of(case, code), package, viewer, {}, asked.now)

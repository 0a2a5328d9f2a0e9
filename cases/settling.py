"""PURE: a task settled by a person, taken back, and the case brought up to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cases.model import Case, Task, TaskState, WaiveReason
from cases.package import Package
from cases.phase import with_phase
from cases.replan import replan
from core.values import replaced


def finish(before: Case | None, after: Case, package: Package, *, now: datetime) -> Case:
    """Facts changed: bring phase, participation, plan and wake times up to them."""
    return replan(before, with_phase(after, now=now), package, now=now)


def as_done(
    task: Task,
    *,
    unit: str,
    by: str,
    done_at: datetime,
    now: datetime,
    form: str | None = None,
    answer: str | None = None,
) -> Task:
    """The task done by an account in a unit; `answer` is never a health answer."""
    return replaced(
        task,
        state=TaskState.DONE,
        settled_at=done_at,
        wake_at=None,
        done_at=done_at,
        recorded_at=now,
        done_by=by,
        done_unit=unit,
        form=form,
        answer=answer,
    )


def as_waived(
    task: Task, reason: WaiveReason, *, unit: str, by: str, waived_at: datetime, now: datetime
) -> Task:
    """The task waived by an account in a unit."""
    return replaced(
        task,
        state=TaskState.WAIVED,
        settled_at=waived_at,
        wake_at=None,
        done_at=waived_at,
        recorded_at=now,
        done_by=by,
        done_unit=unit,
        reason=reason.value,
    )


def as_open(task: Task) -> Task:
    """The task with its completion or waiver taken back, before it is planned anew."""
    return replaced(
        task,
        state=TaskState.OPEN if task.due_at is not None else TaskState.PREPARED,
        done_at=None,
        recorded_at=None,
        done_by=None,
        done_unit=None,
        form=None,
        reason=None,
        answer=None,
        settled_at=None,
    )


def with_settled(before: Case, settled: Sequence[Task], package: Package, *, now: datetime) -> Case:
    """The case with tasks settled by a person.

    Completing a task is no anchor of the plan: no other task moves (a property test holds this),
    so nothing is planned anew. One that was missed goes the long way.
    """
    after = before
    for task in settled:
        after = after.with_task(task)
    missed = any(
        known is None or known.state is TaskState.MISSED
        for known in (before.task(task.code) for task in settled)
    )
    return finish(before, after, package, now=now) if missed else after

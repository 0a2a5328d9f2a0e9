"""PURE: a case under another package, and what that changes for those who work with it.

What is done stays done, by its code; a task that the newer version adds joins the case; one that it
does not have any more is cancelled and stays in the case, never deleted. Step, owner, visibility,
class and whether it is required follow the newer rule, and every due time is planned anew. A new
due time may have passed already: deadlines count from what was known when (DOMAIN rule 5), and a
newer package is no such fact.

What a release has settled is history: in a released case nothing that was owed before the release
is added, changed or taken away, so that no count of an earlier tertial moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from cases.model import Case, Task, TaskClass, TaskState
from cases.package import Package, TaskRule
from cases.replan import replan
from core.chain import canonical
from core.clock import iso_local


@dataclass(frozen=True, slots=True)
class TaskMove:
    """What happens to one task of a case. `state_before` is None for a task that joins it."""

    task: str
    state_before: TaskState | None
    due_before: datetime | None
    state_after: TaskState
    due_after: datetime | None

    def overdue_at_once(self, now: datetime) -> bool:
        """Whether it is open with a due time that has passed, and had not before."""
        late = self.state_after is TaskState.OPEN and self.due_after is not None
        was_late = self.state_before is TaskState.OPEN and self.due_before is not None
        return (
            late
            and self.due_after is not None
            and self.due_after < now
            and not (was_late and self.due_before is not None and self.due_before < now)
        )


@dataclass(frozen=True, slots=True)
class CaseMove:
    """One case that moves from a version to another, and every due time or state that changes."""

    ref: str
    from_package: str
    to_package: str
    tasks: tuple[TaskMove, ...]


def rebased(case: Case, package: Package, *, now: datetime) -> Case:
    """The case under another package. The due times do not depend on `now`.

    A released case that would owe something more from before its release stays as it is.
    """
    released = case.released_at is not None
    tasks = [_following(task, package, released=released) for task in case.tasks]
    known = {task.code for task in case.tasks}
    tasks += [
        _new(rule)
        for rule in package.tasks
        if rule.code not in known and not (released and rule.klass is TaskClass.BEFORE_RELEASE)
    ]
    moved = replace(case, package=package.key, tasks=tuple(tasks))
    after = replan(case, moved, package, now=now)
    if released and _missed(after) != _missed(case):
        return case
    return after


def _following(task: Task, package: Package, *, released: bool) -> Task:
    """The task as the package's rule has it; without a rule it is required no more."""
    rule = package.rule(task.code) if package.has(task.code) else None
    classes = {task.klass} | ({rule.klass} if rule is not None else set())
    if released and TaskClass.BEFORE_RELEASE in classes:
        return task
    if rule is None:
        return replace(task, required=False)
    return replace(
        task,
        step=rule.step,
        owner=rule.owner,
        visibility=rule.visibility,
        klass=rule.klass,
        required=rule.required,
    )


def _new(rule: TaskRule) -> Task:
    return Task(
        code=rule.code,
        step=rule.step,
        owner=rule.owner,
        visibility=rule.visibility,
        klass=rule.klass,
        required=rule.required,
    )


def _missed(case: Case) -> set[str]:
    return {task.code for task in case.tasks if task.state is TaskState.MISSED}


def move_of(before: Case, after: Case) -> CaseMove:
    """What differs for the people who work with the case: states and due times, by code."""
    known = {task.code: task for task in before.tasks}
    moves = []
    for task in sorted(after.tasks, key=lambda each: each.code):
        old = known.get(task.code)
        if old is None:
            moves.append(TaskMove(task.code, None, None, task.state, task.due_at))
        elif (old.state, old.due_at) != (task.state, task.due_at):
            moves.append(TaskMove(task.code, old.state, old.due_at, task.state, task.due_at))
    return CaseMove(before.ref, before.package, after.package, tuple(moves))


def fingerprint(moves: Iterable[CaseMove]) -> str:
    """A short text by which `rebase` knows what somebody was shown."""
    shown = [
        [move.ref, move.from_package, move.to_package, [_plain(task) for task in move.tasks]]
        for move in moves
    ]
    return sha256(canonical(shown).encode()).hexdigest()[:16]


def _plain(task: TaskMove) -> list[Any]:
    return [iso_local(value) if isinstance(value, datetime) else value for value in astuple(task)]

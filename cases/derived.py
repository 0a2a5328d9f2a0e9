"""PURE: columns of a case that follow from its parts, kept so that lists and counts need no parts.

`store` writes them in the same UPDATE as everything else, `doctor --rebuild` compares them. They
stand in no event and in no `Case`: the rules never ask them.

- `next_due_at`: the earliest due time of an open task; None where nothing is due.
- `joined_at`, `left_at`: from when to when (None: still) the person took part, by the answers that
  stand. None where the person never did.
- `counted_apart`: these two do not say it all, because the person accepted more than once or more
  than one unit owned the case. `joined_at` is then the first acceptance; a count asks the parts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from cases.model import Case, Participation, Task, TaskState


class Derived(NamedTuple):
    """The columns by their names."""

    next_due_at: datetime | None
    joined_at: datetime | None
    left_at: datetime | None
    counted_apart: bool | None


COLUMNS: Final = Derived._fields


def derived(case: Case) -> Derived:
    """The columns of a case as it stands."""
    return Derived(_next_due_at(case.tasks), *_taking_part(case))


def changed(before: Case, after: Case) -> dict[str, datetime | bool | None]:
    """Those that a change makes different."""
    found: dict[str, datetime | bool | None] = {}
    if after.tasks is not before.tasks:
        next_due_at = _next_due_at(after.tasks)
        if next_due_at != _next_due_at(before.tasks):
            found["next_due_at"] = next_due_at
    if after.answers is not before.answers or after.stays is not before.stays:
        was, now = _taking_part(before), _taking_part(after)
        if was != now:
            found |= zip(COLUMNS[1:], now, strict=True)
    return found


def _next_due_at(tasks: tuple[Task, ...]) -> datetime | None:
    due = [
        task.due_at for task in tasks if task.state is TaskState.OPEN and task.due_at is not None
    ]
    return min(due) if due else None


def _taking_part(case: Case) -> tuple[datetime | None, datetime | None, bool | None]:
    accepted = [
        answer
        for answer in case.answers
        if answer.status is Participation.ACCEPTED and answer.undone_at is None
    ]
    if not accepted:
        return None, None, None
    first = min(accepted, key=lambda answer: answer.happened_at)
    (stay, *more) = case.stays
    if len(accepted) > 1 or more or stay.to_at is not None or stay.from_at > first.happened_at:
        return first.happened_at, None, True
    return first.happened_at, first.until_at, False

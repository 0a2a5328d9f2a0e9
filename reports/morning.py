"""What waits for each unit this morning: numbers and references, nobody's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from cases.access import SYSTEM
from cases.calendar import midnight_ending
from cases.queries import visible_binds, visible_cases
from cases.tables import case_, task
from core.clock import local_date

AHEAD: Final = timedelta(days=7)
"""How far ahead releases are told."""

_OPEN: Final = (
    select(case_.c.unit, func.count())
    .join(task, task.c.case_id == case_.c.id)
    .where(visible_cases(SYSTEM), task.c.state == "open")
    .group_by(case_.c.unit)
)
_OVERDUE: Final = _OPEN.where(task.c.due_at < bindparam("now", type_=task.c.due_at.type))
_TODAY: Final = _OPEN.where(
    task.c.due_at >= bindparam("now", type_=task.c.due_at.type),
    task.c.due_at < bindparam("midnight", type_=task.c.due_at.type),
)
_RELEASES: Final = (
    select(case_.c.unit, func.count())
    .where(
        visible_cases(SYSTEM),
        case_.c.phase == "in_prison",
        case_.c.release_on >= bindparam("first", type_=case_.c.release_on.type),
        case_.c.release_on < bindparam("last", type_=case_.c.release_on.type),
    )
    .group_by(case_.c.unit)
)


@dataclass(frozen=True, slots=True)
class Morning:
    """One unit's morning: open tasks past due, due today, and releases in the next seven days."""

    unit: str
    overdue: int
    due_today: int
    releases: int


def mornings(tx: Connection, *, now: datetime) -> list[Morning]:
    """Every unit for which something waits, in the order of their codes."""
    today = local_date(now)
    binds = visible_binds(SYSTEM)
    overdue = dict(_rows(tx.execute(_OVERDUE, binds | {"now": now})))
    due = dict(_rows(tx.execute(_TODAY, binds | {"now": now, "midnight": midnight_ending(today)})))
    ahead = binds | {"first": today, "last": today + AHEAD}
    releases = dict(_rows(tx.execute(_RELEASES, ahead)))
    return [
        Morning(unit, overdue.get(unit, 0), due.get(unit, 0), releases.get(unit, 0))
        for unit in sorted(overdue.keys() | due.keys() | releases.keys())
    ]


def _rows(found: Iterable[object]) -> list[tuple[str, int]]:
    return [(row[0], row[1]) for row in found]  # type: ignore[index]

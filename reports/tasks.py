"""I19 and tasks_done: tasks overdue at the end, and tasks done, counted in the database."""

from __future__ import annotations

from datetime import time
from typing import Any, Final

from sqlalchemy import and_, case, func, or_, select, union_all

from cases.calendar import at
from cases.tables import case_, due_change, stay, task
from core.clock import local_date
from core.statement import Prepared
from reports.counting import AT_END, FROM_AT, IN_ERROR, TO_AT, Counting, done, how_many
from reports.definitions import TASKS_DONE


def _overdue_statement() -> Any:
    # Two questions to one index: as one, with OR, it would be a look at every case there ever was.
    begun = and_(case_.c.opened_at <= AT_END, case_.c.id.not_in(IN_ERROR))
    not_over = union_all(
        select(case_.c.id).where(case_.c.closed_at.is_(None), begun),
        select(case_.c.id).where(case_.c.closed_at > AT_END, begun),
    ).subquery("not_over")
    alive = (
        select(not_over.c.id, stay.c.unit)
        .join(stay, stay.c.case_id == not_over.c.id)
        .where(
            # A case may be opened some hours before the admission it is about.
            or_(stay.c.from_at <= AT_END, stay.c.seq == 1),
            or_(stay.c.to_at.is_(None), stay.c.to_at > AT_END),
        )
        .cte("alive")
        .prefix_with("MATERIALIZED")
    )
    # The due time in force then is what the first change after it replaced, if there was one.
    first = (
        select(due_change.c.case_id, due_change.c.task, func.min(due_change.c.seq).label("seq"))
        .join(alive, alive.c.id == due_change.c.case_id)
        .where(due_change.c.until_at > AT_END)
        .group_by(due_change.c.case_id, due_change.c.task)
        .cte("first")
    )
    replaced = due_change.alias("replaced")
    unsettled = or_(task.c.settled_at.is_(None), task.c.settled_at > AT_END)
    waiting = (
        select(
            alive.c.unit,
            task.c.step,
            case((first.c.seq.is_(None), task.c.due_at), else_=replaced.c.due_at).label("due_at"),
        )
        .select_from(alive)
        # Outer joins keep SQLite from going through the tasks of all closed cases first.
        .outerjoin(task, and_(task.c.case_id == alive.c.id, unsettled))
        .outerjoin(first, and_(first.c.case_id == task.c.case_id, first.c.task == task.c.code))
        .outerjoin(
            replaced, and_(replaced.c.case_id == first.c.case_id, replaced.c.seq == first.c.seq)
        )
        .subquery("waiting")
    )
    return (
        select(
            waiting.c.unit,
            waiting.c.step,
            func.count(),
            how_many(waiting.c.due_at < AT_END, "overdue"),
        )
        .where(waiting.c.due_at.is_not(None))
        .group_by(waiting.c.unit, waiting.c.step)
    )


_OVERDUE: Final = Prepared(_overdue_statement())


def overdue(counting: Counting) -> None:
    """Add I19: the plan as recorded at the end, without what is known to be settled by then."""
    at_end = counting.question.at_end
    on = local_date(at_end)
    for place, step, waiting, late in _OVERDUE.rows(counting.tx, {"at_end": at_end}):
        region = counting.regions.region_on(place, on)
        counting.tally.add("I19", place, region, late, waiting)
        counting.tally.add(f"I19.{step}", place, region, late, waiting)


_TASKS_DONE: Final = Prepared(
    select(task.c.done_unit, task.c.code, func.count())
    .where(
        task.c.done_at >= FROM_AT,
        task.c.done_at < TO_AT,
        done(task),
        task.c.case_id.not_in(IN_ERROR),
    )
    .group_by(task.c.done_unit, task.c.code)
)


def tasks_done(counting: Counting) -> None:
    """Add the finished tasks, for the unit where each was done."""
    for from_on, to_on in counting.eras():
        binds = {"from_at": at(from_on, time()), "to_at": at(to_on, time())}
        for place, code, finished in _TASKS_DONE.rows(counting.tx, binds):
            region = counting.regions.region_on(place, from_on)
            counting.tally.add(f"{TASKS_DONE}{code}", place, region, finished)

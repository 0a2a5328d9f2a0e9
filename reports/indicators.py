"""The indicators counted in the database, set by set, as the case tables stand now.

`docs/definitions.md` says what each counts; `recount` counts the same from the events in plain
Python, and must agree in every cell. A family is one function with one statement, in a module of
its own. Health answers are never read.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from cases.tables import case_
from reports.admissions import admissions
from reports.counting import Counting, regions_of
from reports.persons import participants
from reports.releases import releases
from reports.sprays import sprays_given
from reports.tally import Tally
from reports.tasks import overdue, tasks_done
from reports.tertial import Question
from reports.time_in_hand import time_in_hand
from reports.units_in_project import units_in_project

FAMILIES: Final = (
    participants,
    admissions,
    releases,
    sprays_given,
    time_in_hand,
    units_in_project,
    overdue,
    tasks_done,
)
"""Each adds its indicators to the tally; the next indicator is one more function."""

_CHANGED_LAST: Final = select(func.max(case_.c.changed_seq))


def changed_after(tx: Connection, question: Question) -> bool:
    """Whether a case was written after the instant asked for: then the tables say too much."""
    last = tx.execute(_CHANGED_LAST).scalar_one()
    return last is not None and last > int(question.as_of.timestamp() * 1_000_000)


def count_now(tx: Connection, question: Question) -> Tally:
    """Count every indicator from the case tables as they stand."""
    regions = regions_of(tx)
    counting = Counting(tx, question, regions, Tally(regions.units))
    for family in FAMILIES:
        family(counting)
    return counting.tally

"""I18: the units in the project on the period's last day, and what each of them has.

A report is in time when the figures that a unit submitted were counted as of an instant whose
local date is not after the due date; that instant stays when the report is accepted later.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from cases.project import Stage, project_state
from core.clock import local_date
from core.db import UtcDateTime
from reports.counting import Counting
from reports.tables import experience_report, report

_AS_OF: Final = bindparam("as_of", type_=UtcDateTime)
_SUBMITTED: Final = select(report.c.scope, report.c.as_of).where(
    report.c.period == bindparam("period"), report.c.state != "open", report.c.as_of <= _AS_OF
)
_EXPERIENCED: Final = (
    select(experience_report.c.unit)
    .where(
        experience_report.c.period == bindparam("period"), experience_report.c.recorded_at <= _AS_OF
    )
    .distinct()
)


def units_in_project(counting: Counting) -> None:
    """Count I18 and its parts, each unit for itself."""
    tx, question = counting.tx, counting.question
    on = local_date(question.at_end)
    asked = {"period": str(question.period), "as_of": question.as_of}
    submitted = tx.execute(_SUBMITTED, asked)
    in_time = {scope for scope, at in submitted if local_date(at) <= question.period.due_on}
    experience = set(tx.execute(_EXPERIENCED, asked).scalars())
    for unit, state in project_state(tx, on, as_of=question.as_of).items():
        if not state.in_project:
            continue
        has = {
            "active": state.stage is Stage.ACTIVE,
            "naloxone": state.naloxone,
            "distributor": state.distributors > 0,
            "in_time": unit in in_time,
            "experience": unit in experience,
        }
        where = unit, counting.regions.region_on(unit, on)
        counting.tally.add("I18", *where, int(has["active"]), 1)
        for part, there in has.items():
            counting.tally.add(f"I18.{part}", *where, int(there), 1)

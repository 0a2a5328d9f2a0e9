"""Reports of a tertial: the whole one, and what a viewer gets of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from core.clock import iso_local
from core.db import Database
from core.errors import BadInput, Refused
from reports.figures import Report, of_unit
from reports.indicators import changed_after, count_now
from reports.recount import recount
from reports.tertial import Period, Question

VIEWS: Final = ("directorate", "unit")


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A transaction in which every query sees the same instant, on both databases.

    Figures that are compared with each other must not have a completion between them.
    """
    with database.read() as tx:
        if not database.is_sqlite:
            tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield tx


def whole_report(
    tx: Connection, period: Period, *, now: datetime, as_of: datetime | None = None
) -> Report:
    """The report for the nation, every region and every unit, unsuppressed: for our own use.

    `as_of` None, or later than `now`, means now. By queries where the case tables hold just what
    was recorded by then, else by folding the events. Raises `Refused` before the period begins.
    """
    asked = now if as_of is None else min(as_of, now)
    if asked < period.first_at:
        raise Refused(
            f"{period} begins on {period.first_on}: as of {iso_local(asked)} there is nothing to "
            "count. Ask for a period that has begun."
        )
    question = Question(period, asked)
    if asked < now or changed_after(tx, question):
        return recount(tx, period, asked)
    return count_now(tx, question).report(question)


def tertial_report(
    tx: Connection,
    period: Period,
    *,
    now: datetime,
    as_of: datetime | None = None,
    view: str = "directorate",
    unit: str | None = None,
    region: str | None = None,
) -> Report:
    """The report of a period as a viewer gets it.

    `view` `unit` needs `unit` and holds that unit alone. Raises `Refused` for the directorate's
    view and for a period that has not begun, `BadInput` for an unknown view or unit.
    """
    if view not in VIEWS:
        raise BadInput("unknown_code", f"view must be one of {', '.join(VIEWS)}", "view")
    if view == "directorate":
        raise Refused(
            "The directorate's view is not available: suppression of small numbers is not built "
            "yet. A unit's own figures: --view unit --unit CODE."
        )
    if unit is None or region is not None:
        raise BadInput(
            "unit_needed", "the view of a unit needs that unit, and no region: --unit CODE", "unit"
        )
    report = whole_report(tx, period, now=now, as_of=as_of)
    if unit not in report.units:
        raise BadInput("unknown_unit", f"There is no unit {unit!r}.", "unit")
    return of_unit(report, unit)

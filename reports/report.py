"""Reports of a tertial: the whole one, and what a viewer gets of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from core.clock import iso_local
from core.db import Database, unhurried
from core.errors import BadInput, Refused
from reports.figures import Report, of_unit
from reports.indicators import changed_after, count_now
from reports.recount import recount
from reports.tertial import Period, Question

_BY_INDEX: Final = "SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off"
"""What a count needs lies in memory or on a disk without arms, and is a small part of all. With its
own default of 4 Postgres reads every task there ever was instead, which takes six times as long at
a million cases; compiling a statement takes longer than it saves."""


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A transaction in which every query sees the same instant, on both databases.

    Figures that are compared with each other must not have a completion between them.
    """
    with database.read() as tx:
        if not database.is_sqlite:
            tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            unhurried(tx)
            tx.exec_driver_sql(_BY_INDEX)
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
        when = iso_local(asked.replace(microsecond=0))
        raise Refused(
            f"{period} begins on {period.first_on}: as of {when} there is nothing to count."
            " Ask for a period that has begun."
        )
    question = Question(period, asked)
    if asked < now or changed_after(tx, question):
        return recount(tx, period, asked)
    return count_now(tx, question).report(question)


def unit_report(
    tx: Connection, period: Period, unit: str, *, now: datetime, as_of: datetime | None = None
) -> Report:
    """A unit's own figures, unsuppressed: for its staff. Raises `BadInput` for an unknown unit."""
    report = whole_report(tx, period, now=now, as_of=as_of)
    if unit not in report.units:
        raise BadInput("unknown_unit", f"There is no unit {unit!r}.", "unit")
    return of_unit(report, unit)

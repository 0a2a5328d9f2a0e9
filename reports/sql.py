"""The few pieces of SQL that SQLite and Postgres write differently."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sqlalchemy import Date, Integer, bindparam, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from cases.calendar import at
from core.clock import local
from core.db import UtcDateTime


class _HoursAfter(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


class _Earliest(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


class _Midnight(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


def midnight(day: ColumnElement[Any], days: int) -> ColumnElement[datetime]:
    """The local midnight that begins the day so many days after another.

    The statement must be given the binds of `clock_change` for the days it is asked about.
    """
    return _Midnight(
        day,
        literal_column(str(int(days))),
        bindparam("clock_changes_on", type_=Date),
        bindparam("hours_before", type_=Integer),
        bindparam("hours_after", type_=Integer),
    )


def clock_change(from_on: date, to_on: date) -> dict[str, Any]:
    """The binds of `midnight`: the day on which local time changes, and its hours from UTC.

    Both days are included. Raises `ValueError` where the time changes more than once.
    """
    days = [from_on + timedelta(days=n) for n in range((to_on - from_on).days + 1)]
    changes = [one for one, other in pairwise(days) if _hours(one) != _hours(other)]
    if len(changes) > 1:
        msg = f"local time changes more than once from {from_on} to {to_on}"
        raise ValueError(msg)
    return {
        "clock_changes_on": changes[0] if changes else to_on,
        "hours_before": _hours(from_on),
        "hours_after": _hours(to_on),
    }


@lru_cache(maxsize=4096)
def _hours(day: date) -> int:
    """How many hours local time is ahead of UTC when a day begins."""
    offset = local(at(day, time())).utcoffset() or timedelta()
    return round(offset / timedelta(hours=1))


def hours_after(instant: ColumnElement[Any], hours: int) -> ColumnElement[datetime]:
    """The instant so many elapsed hours after one, to the microsecond."""
    return _HoursAfter(instant, literal_column(str(int(hours))))


def earliest(*instants: ColumnElement[Any]) -> ColumnElement[datetime]:
    """The earliest of several instants, none of them NULL."""
    return _Earliest(*instants)


@compiles(_HoursAfter, "sqlite")
def _hours_after_sqlite(element: _HoursAfter, compiler: Any, **more: Any) -> str:
    instant, hours = (compiler.process(clause, **more) for clause in element.clauses)
    # SQLite reckons in milliseconds, so the fraction is cut off before and put back after.
    return (
        f"(strftime('%Y-%m-%dT%H:%M:%S', substr({instant}, 1, 19), '+{hours} hours')"
        f" || substr({instant}, 20))"
    )


@compiles(_HoursAfter, "postgresql")
def _hours_after_postgres(element: _HoursAfter, compiler: Any, **more: Any) -> str:
    instant, hours = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({instant} + make_interval(hours => {hours}))"


@compiles(_Earliest, "sqlite")
def _earliest_sqlite(element: _Earliest, compiler: Any, **more: Any) -> str:
    return f"min({compiler.process(element.clauses, **more)})"


@compiles(_Earliest, "postgresql")
def _earliest_postgres(element: _Earliest, compiler: Any, **more: Any) -> str:
    return f"least({compiler.process(element.clauses, **more)})"


@compiles(_Midnight, "sqlite")
def _midnight_sqlite(element: _Midnight, compiler: Any, **more: Any) -> str:
    day, days, changes_on, before, after = (
        compiler.process(clause, **more) for clause in element.clauses
    )
    begins = f"date({day}, '+{days} days')"
    hours = f"CASE WHEN {begins} <= {changes_on} THEN {before} ELSE {after} END"
    return f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', {begins}, (-({hours})) || ' hours')"


@compiles(_Midnight, "postgresql")
def _midnight_postgres(element: _Midnight, compiler: Any, **more: Any) -> str:
    day, days, changes_on, before, after = (
        compiler.process(clause, **more) for clause in element.clauses
    )
    begins = f"({day} + {days})"
    hours = f"CASE WHEN {begins} <= {changes_on} THEN {before} ELSE {after} END"
    return f"(({begins}::timestamp - make_interval(hours => {hours})) AT TIME ZONE 'UTC')"

"""The few pieces of SQL that SQLite and Postgres write differently."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Integer, bindparam, literal_column
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


class _DaysAfter(FunctionElement[int]):
    type = Integer()
    inherit_cache = True


def days_after(instant: ColumnElement[Any], day: ColumnElement[Any]) -> ColumnElement[int]:
    """How many days the local date of an instant lies after a day; negative before it.

    The statement must be given the binds of `clock_change` for the days it is asked about. Within
    those the number is exact; outside, an instant near midnight may fall on the next day.
    """
    return _DaysAfter(
        instant,
        day,
        bindparam("clock_changes_at", type_=UtcDateTime),
        bindparam("hours_before", type_=Integer),
        bindparam("hours_after", type_=Integer),
    )


def clock_change(from_on: date, to_on: date) -> dict[str, Any]:
    """The binds of `days_after`: when between two days local time changes, and its hours from UTC.

    Raises `ValueError` where it changes more than once.
    """
    days = (to_on - from_on).days
    midnights = [at(from_on + timedelta(days=n), time()) for n in range(days + 1)]
    changed = [(one, other) for one, other in pairwise(midnights) if _offset(one) != _offset(other)]
    if len(changed) > 1:
        msg = f"local time changes more than once from {from_on} to {to_on}"
        raise ValueError(msg)
    changes_at = midnights[-1]
    for one, other in changed:
        hours = (one + timedelta(hours=n) for n in range(26))
        changes_at = next(hour for hour in hours if _offset(hour) == _offset(other))
    return {
        "clock_changes_at": changes_at,
        "hours_before": _offset(midnights[0]),
        "hours_after": _offset(midnights[-1]),
    }


def _offset(instant: datetime) -> int:
    offset = local(instant).utcoffset() or timedelta()
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


@compiles(_DaysAfter, "sqlite")
def _days_after_sqlite(element: _DaysAfter, compiler: Any, **more: Any) -> str:
    instant, day, changes_at, before, after = (
        compiler.process(clause, **more) for clause in element.clauses
    )
    hours = f"CASE WHEN {instant} < {changes_at} THEN {before} ELSE {after} END"
    local_day = f"date(substr({instant}, 1, 19), ({hours}) || ' hours')"
    return f"CAST(julianday({local_day}) - julianday({day}) AS INTEGER)"


@compiles(_DaysAfter, "postgresql")
def _days_after_postgres(element: _DaysAfter, compiler: Any, **more: Any) -> str:
    instant, day, changes_at, before, after = (
        compiler.process(clause, **more) for clause in element.clauses
    )
    hours = f"CASE WHEN {instant} < {changes_at} THEN {before} ELSE {after} END"
    local_time = f"({instant} AT TIME ZONE 'UTC' + make_interval(hours => {hours}))"
    return f"({local_time}::date - {day})"

"""The few pieces of SQL that SQLite and Postgres write differently."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from core.db import UtcDateTime


class _HoursAfter(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


class _Earliest(FunctionElement[datetime]):
    type = UtcDateTime()
    inherit_cache = True


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

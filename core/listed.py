"""A condition on a list of any length that is one parameter: the same statement every time.

`column.in_(…)` with an expanding parameter writes a new statement for every length, which then has
to be compiled, parsed and planned anew. Here the list travels whole: as a JSON array on SQLite, as
an array on Postgres. So such a statement can be prepared (`core.statement`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Text, TypeDecorator, bindparam
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine


class _ListOf(TypeDecorator[list[Any]]):
    """Values in one parameter, each written as its column's type writes it."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]] | TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(self.item))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        if dialect.name != "sqlite":
            return list
        item = self.item() if isinstance(self.item, type) else self.item
        write = item.dialect_impl(dialect).bind_processor(dialect)
        if write is None:
            return json.dumps
        return lambda values: json.dumps([write(value) for value in values])


class _OneOf(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> _OneOf:
        """As it stands: SQLAlchemy would write `= 1` after it, and SQLite then uses no index."""
        del against
        return self


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """That a column's value is in the list bound as `name`; none is in an empty one."""
    return _OneOf(column, bindparam(name, type_=_ListOf(column.type)))


@compiles(_OneOf, "sqlite")
def _on_sqlite(element: _OneOf, compiler: Any, **more: Any) -> str:
    column, listed = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({listed})))"  # noqa: S608 - compiled parts


@compiles(_OneOf, "postgresql")
def _on_postgres(element: _OneOf, compiler: Any, **more: Any) -> str:
    column, listed = (compiler.process(clause, **more) for clause in element.clauses)
    return f"({column} = ANY({listed}))"


class _Tested(FunctionElement[Any]):
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


def tested(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column whose value is only tested, where another condition tells which rows to look up.

    Without statistics SQLite believes that any column with an index finds few rows.
    """
    return _Tested(column)


@compiles(_Tested, "sqlite")
def _tested_on_sqlite(element: _Tested, compiler: Any, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"


@compiles(_Tested, "postgresql")
def _tested_on_postgres(element: _Tested, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))

"""Kinds of column that stand in many tables, so that each is said once."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String

from core.db import UtcDateTime

KEY = BigInteger().with_variant(Integer, "sqlite")
"""An internal id: 64 bits on both databases (SQLite numbers only INTEGER columns by itself)."""

CODE = String(64)
REF = String(32)


def key() -> Column[int]:
    """The internal id of a row."""
    return Column("id", KEY, primary_key=True, autoincrement=True)


def case_key() -> Column[int]:
    """The case a row belongs to, as the first part of its primary key."""
    return Column("case_id", KEY, ForeignKey("case_.id"), primary_key=True, autoincrement=False)


def seq() -> Column[int]:
    """The number of a row within its case, from 1."""
    return Column("seq", Integer, primary_key=True, autoincrement=False)


def of_unit(name: str, *, nullable: bool = False, **more: Any) -> Column[str]:
    """A unit, by its stable code."""
    return Column(name, CODE, ForeignKey("unit.code"), nullable=nullable, **more)


def at(name: str, *, nullable: bool = False) -> Column[Any]:
    """An instant."""
    return Column(name, UtcDateTime, nullable=nullable)


def one_of(column: str, codes: type[StrEnum], *, nullable: bool = False) -> CheckConstraint:
    """A CHECK that a column holds one of an enumeration's values."""
    listed = ", ".join(f"'{code.value}'" for code in codes)
    return _check(column, f"{column} IN ({listed})", nullable=nullable)


def quick_one_of(
    column: str, codes: type[StrEnum], *, nullable: bool = False
) -> tuple[CheckConstraint, CheckConstraint]:
    """`one_of` for a table of very many rows: SQLite takes a third of the time for such a row.

    For a list of more than two values SQLite builds a table at every insert, only to look there.
    """
    cases = " ".join(f"WHEN '{code.value}' THEN 1" for code in codes)
    quick = _check(column, f"CASE {column} {cases} ELSE 0 END", nullable=nullable)
    listed = one_of(column, codes, nullable=nullable)
    return quick.ddl_if(dialect="sqlite"), listed.ddl_if(dialect="postgresql")


def _check(column: str, rule: str, *, nullable: bool) -> CheckConstraint:
    return CheckConstraint(f"{column} IS NULL OR {rule}" if nullable else rule, name=column)

"""The tables of reports: what was reported, the cells published, what the units experienced.

A report that is frozen is a row that never changes again; corrections are a new revision.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from core.db import UtcDateTime, metadata

APPEND_ONLY: Final = ("experience_report", "published_cell")
"""Tables in which the database itself refuses UPDATE and DELETE."""

_KEY: Final = BigInteger().with_variant(Integer, "sqlite")
_CODE: Final = String(64)

report = Table(
    "report",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("period", String(7), nullable=False),
    # `nation`, or the code of the unit whose part it is.
    Column("scope", _CODE, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", _CODE, nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    Column("definitions", _CODE, nullable=False),
    Column("software", _CODE, nullable=False),
    # Canonical JSON and the SHA-256 over exactly these characters.
    Column("body", Text, nullable=True),
    Column("sha256", String(64), nullable=True),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", _CODE, nullable=False),
    CheckConstraint("state IN ('open', 'submitted', 'accepted', 'frozen')", name="state"),
    CheckConstraint("(body IS NULL) = (sha256 IS NULL)", name="body_has_hash"),
    CheckConstraint("state <> 'frozen' OR body IS NOT NULL", name="frozen_has_body"),
    UniqueConstraint("period", "scope", "revision", name="uq_report_revision"),
)
"""A report of a period, for the nation or a unit, in a revision (from 1)."""

published_cell = Table(
    "published_cell",
    metadata,
    Column("report_id", _KEY, ForeignKey("report.id"), primary_key=True, autoincrement=False),
    Column("level", _CODE, primary_key=True),
    Column("place", _CODE, primary_key=True),
    Column("indicator", _CODE, primary_key=True),
    Column("numerator", Integer, nullable=True),
    Column("denominator", Integer, nullable=True),
    Column("pending", Integer, nullable=True),
    Column("hidden", Boolean, nullable=False),
    CheckConstraint("level IN ('nation', 'region', 'unit')", name="level"),
    CheckConstraint("NOT hidden OR (numerator IS NULL AND denominator IS NULL)", name="hidden"),
    sqlite_with_rowid=False,
)
"""A cell as the directorates see it: decided once. A hidden one holds no number at all."""

experience_report = Table(
    "experience_report",
    metadata,
    Column("id", _KEY, primary_key=True, autoincrement=True),
    Column("period", String(7), nullable=False),
    Column("unit", _CODE, ForeignKey("unit.code"), nullable=False),
    Column("revision", Integer, nullable=False),
    # Canonical JSON: coded answers and short texts on what worked, hindered, is needed, is wished.
    Column("body", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("by", _CODE, nullable=False),
    UniqueConstraint("period", "unit", "revision", name="uq_experience_report_revision"),
)
"""What a unit tells with its figures; a correction is a new revision."""

"""Persons, sealed under a key of their own that lives in another database, and naloxone."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cases import model
from cases.tables.columns import CODE, KEY, REF, at, key, of_unit, one_of
from core.db import metadata

person = Table(
    "person",
    metadata,
    key(),
    Column("ref", REF, nullable=False, unique=True),
    Column("identity_enc", Text, nullable=True),
    Column("language", String(8), nullable=False),
    Column("protection", CODE, nullable=False),
    Column("counted_as", REF, nullable=False),
    at("made_at"),
    at("erased_at", nullable=True),
    one_of("protection", model.Protection),
)

person_identifier = Table(
    "person_identifier",
    metadata,
    key(),
    Column("person_id", KEY, ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", CODE, nullable=False),
    Column("digest", String(64), nullable=False),
    at("recorded_at"),
    CheckConstraint("kind IN ('inmate_no', 'national_id')", name="kind"),
    UniqueConstraint("person_id", "kind", "digest", name="uq_person_identifier_once"),
    Index("ix_person_identifier_digest", "kind", "digest"),
    Index("uq_person_identifier_inmate_no", "digest", unique=True,
          sqlite_where=text("kind = 'inmate_no'"), postgresql_where=text("kind = 'inmate_no'")),
)  # fmt: skip

phone = Table(
    "phone",
    metadata,
    key(),
    Column("person_id", KEY, ForeignKey("person.id"), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, index=True),
    Column("number_enc", Text, nullable=False),
    Column("state", CODE, nullable=False),
    at("recorded_at"),
    CheckConstraint("state IN ('usable', 'stopped', 'failed', 'wrong_person')", name="state"),
)

person_merge = Table(
    "person_merge",
    metadata,
    key(),
    Column("kept_id", KEY, ForeignKey("person.id"), nullable=False),
    Column("other_id", KEY, ForeignKey("person.id"), nullable=False),
    Column("state", CODE, nullable=False),
    Column("why", CODE, nullable=False),
    at("proposed_at"),
    at("decided_at", nullable=True),
    Column("by", CODE, nullable=True),
    CheckConstraint("state IN ('proposed', 'merged', 'rejected', 'undone')", name="state"),
    CheckConstraint("kept_id <> other_id", name="two"),
)

erasure = Table(
    "erasure",
    metadata,
    key(),
    Column("person_ref", REF, nullable=False),
    at("at"),
    Column("by", CODE, nullable=False),
    Column("reason", CODE, nullable=False),
)

naloxone_event = Table(
    "naloxone_event",
    metadata,
    key(),
    of_unit("unit", index=True),
    Column("case_id", KEY, ForeignKey("case_.id"), nullable=True, index=True),
    Column("kind", CODE, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("lot", String(40), nullable=True),
    Column("expires_on", Date, nullable=True),
    Column("reason", CODE, nullable=True),
    Column("distributor", CODE, nullable=True),
    at("happened_at"),
    at("recorded_at"),
    Column("by", CODE, nullable=False),
    CheckConstraint(
        "kind IN ('received', 'to_property', 'handed_over', 'refill', 'returned', 'lost', "
        "'expired')",
        name="kind",
    ),
    CheckConstraint(
        "reason IS NULL OR reason IN ('used', 'lost', 'expired', 'confiscated', 'other')",
        name="reason",
    ),
    CheckConstraint("quantity > 0", name="quantity"),
)

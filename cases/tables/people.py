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
from cases.tables.columns import CODE, KEY, REF, at, case_key, key, of_unit, one_of
from core.db import metadata

HIDDEN = "protection IN ('STRENGT_FORTROLIG', 'STRENGT_FORTROLIG_UTLAND')"
"""Kode 6 at home and abroad, in the very words of the index that finds these few persons."""

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
    Index("ix_person_counted_as", "counted_as"),
    Index("ix_person_hidden", "id", sqlite_where=text(HIDDEN), postgresql_where=text(HIDDEN)),
)

named_access = Table(
    "named_access",
    metadata,
    key(),
    Column("person_id", KEY, ForeignKey("person.id"), nullable=False),
    Column("account", REF, nullable=False),
    at("granted_at"),
    Column("granted_by", CODE, nullable=False),
    at("revoked_at", nullable=True),
    Column("revoked_by", CODE, nullable=True),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
    Index("uq_named_access_in_force", "person_id", "account", unique=True,
          sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL")),
)  # fmt: skip

person_identifier = Table(
    "person_identifier",
    metadata,
    key(),
    Column("person_id", KEY, ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", CODE, nullable=False),
    Column("digest", String(64), nullable=False),
    at("recorded_at"),
    CheckConstraint(
        "kind IN ('inmate_no', 'national_id', 'name_born', 'phone_born')", name="kind"
    ),
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
    Column("counted", Text, nullable=True),
    Column("decision", Integer, nullable=True),
    CheckConstraint("state IN ('proposed', 'merged', 'rejected', 'undone')", name="state"),
    CheckConstraint("kept_id < other_id", name="older_is_kept"),
    UniqueConstraint("kept_id", "other_id", name="uq_person_merge_pair"),
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
    Column("task", CODE, nullable=True),
    Column("undoes", KEY, ForeignKey("naloxone_event.id"), nullable=True, unique=True),
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
    Index("ix_naloxone_event_happened_at", "happened_at"),
    Index("ix_naloxone_event_lot", "lot", sqlite_where=text("expires_on IS NOT NULL"),
          postgresql_where=text("expires_on IS NOT NULL")),
)  # fmt: skip

naloxone_stock = Table(
    "naloxone_stock",
    metadata,
    Column("unit", CODE, ForeignKey("unit.code"), primary_key=True),
    Column("quantity", Integer, nullable=False),
)
"""Follows from the ledger: the kits on a unit's shelf, below zero where too many left it."""

naloxone_held = Table(
    "naloxone_held",
    metadata,
    case_key(),
    Column("in_property", Integer, nullable=False),
    Column("given_twice", KEY, ForeignKey("naloxone_event.id"), nullable=True),
    CheckConstraint("in_property >= 0", name="in_property"),
)
"""Follows from the ledger, for the few cases of which there is something to say.

`given_twice` is the row of a task, where somebody typed a handing over in by hand too.
"""

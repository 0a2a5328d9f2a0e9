"""What happened and who looked: the two append-only logs, and what the machinery keeps."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
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

from cases.tables.columns import CODE, KEY, REF, at, key, of_unit
from core.db import UtcDateTime, metadata

case_event = Table(
    "case_event",
    metadata,
    key(),
    Column("case_ref", REF, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("verb", CODE, nullable=False),
    of_unit("unit"),
    Column("controller", CODE, nullable=False),
    Column("local_on", Date, nullable=False),
    at("happened_at"),
    at("recorded_at"),
    Column("actor", CODE, nullable=False),
    Column("payload", Text, nullable=False),
    Column("chain_month", String(7), nullable=False),
    Column("chain_seq", KEY, nullable=False),
    Column("key_id", CODE, nullable=False),
    Column("mac", String(64), nullable=False),
    CheckConstraint("controller IN ('health', 'correctional')", name="controller"),
    UniqueConstraint("case_ref", "seq", name="uq_case_event_seq"),
    UniqueConstraint("unit", "chain_month", "chain_seq", name="uq_case_event_chain"),
)

access_log = Table(
    "access_log",
    metadata,
    key(),
    Column("scope", CODE, nullable=False),
    at("at"),
    Column("actor", CODE, nullable=False),
    Column("role", CODE, nullable=False),
    Column("verb", CODE, nullable=False),
    Column("case_ref", REF, nullable=True),
    Column("subjects", Text, nullable=False),
    Column("chain_month", String(7), nullable=False),
    Column("chain_seq", KEY, nullable=False),
    Column("key_id", CODE, nullable=False),
    Column("mac", String(64), nullable=False),
    UniqueConstraint("scope", "chain_month", "chain_seq", name="uq_access_log_chain"),
    Index("ix_access_log_case_ref", "case_ref"),
)

access_subject = Table(
    "access_subject",
    metadata,
    Column("access_id", KEY, ForeignKey("access_log.id"), primary_key=True, autoincrement=False),
    Column("case_ref", REF, primary_key=True),
    Index("ix_access_subject_case_ref", "case_ref"),
    sqlite_with_rowid=False,
)

access_listed = Table(
    "access_listed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # The last row of `access_log` whose entries in `access_subject` are made (SQLite).
    Column("up_to", KEY, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

notice = Table(
    "notice",
    metadata,
    key(),
    Column("case_id", KEY, ForeignKey("case_.id"), nullable=False),
    Column("task", CODE, nullable=False),
    Column("rung", CODE, nullable=False),
    at("due_at"),
    at("at"),
    of_unit("unit"),
    Column("to_role", CODE, nullable=False),
    Column("unstaffed", Boolean, nullable=False),
    at("told_at"),
    UniqueConstraint("case_id", "task", "rung", "due_at", "unit", "to_role", name="uq_notice_once"),
    Index("ix_notice_inbox", "unit", "to_role", "told_at"),
)

roster_said = Table(
    "roster_said",
    metadata,
    Column("case_id", KEY, ForeignKey("case_.id"), primary_key=True, autoincrement=False),
    Column("row_digest", String(64), nullable=False),
    Column("cells", Text, nullable=False),
    at("said_at"),
)

import_run = Table(
    "import_run",
    metadata,
    key(),
    Column("file_sha256", String(64), nullable=False),
    at("started_at"),
    at("ended_at", nullable=True),
    Column("actor", CODE, nullable=False),
    Column("counts", Text, nullable=False),
    Column("named_on", Date),
    Column("made_on", Date),
    Column("units", Text),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", CODE, primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("result_ref", Text, nullable=False),
    at("expires_at"),
    # No index by it: a day's requests are read once a night, and each of them would write it.
)

digest = Table(
    "digest",
    metadata,
    Column("account", REF, primary_key=True),
    Column("slot_at", UtcDateTime, primary_key=True),
    Column("state", CODE, nullable=False),
    Column("via", CODE, nullable=True),
    Column("notices", Integer, nullable=False),
    Column("overdue", Integer, nullable=False),
    at("claimed_at"),
    at("settled_at", nullable=True),
    CheckConstraint("state IN ('sending', 'sent', 'failed')", name="state"),
    CheckConstraint("via IN ('sms', 'mail')", name="via"),
    CheckConstraint("(state = 'sending') = (settled_at IS NULL)", name="settled_has_time"),
    Index(
        "ix_digest_sending",
        "claimed_at",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("loop", CODE, primary_key=True),
    Column("worker", CODE, primary_key=True),
    at("at"),
)

backoff = Table(
    "backoff",
    metadata,
    Column("case_id", KEY, ForeignKey("case_.id"), primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    at("until_at"),
    Column("error", CODE, nullable=False),
)

shown = Table(
    "shown",
    metadata,
    Column("case_id", KEY, ForeignKey("case_.id"), primary_key=True, autoincrement=False),
    # The case's changed_seq and version as they were, and who shows it since when.
    Column("seq", KEY, nullable=False),
    Column("version", Integer, nullable=False),
    Column("worker", CODE, nullable=False),
    at("begun_at"),
    at("done_at", nullable=True),
    sqlite_with_rowid=False,
)

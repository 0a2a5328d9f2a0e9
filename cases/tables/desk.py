"""What staff need to sign in and to keep their desk in order: nothing here is a fact of a case."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from cases.tables.columns import CODE, KEY, at, case_key, key
from core.db import metadata

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    key(),
    # A keyed hash of the user name or of the network address, never either of them.
    Column("digest", String(64), nullable=False),
    at("at"),
    Column("succeeded", Boolean, nullable=False),
    Index("ix_sign_in_attempt_digest", "digest", "at"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("account_id", KEY, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("digest", String(64), primary_key=True),
    at("used_at", nullable=True),
)

totp_used = Table(
    "totp_used",
    metadata,
    # A code that was taken once is never taken again: the step of 30 seconds it stands for.
    Column("account_id", KEY, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("account_id", KEY, ForeignKey("account.id"), nullable=False, index=True),
    at("made_at"),
    at("expires_at"),
    at("used_at", nullable=True),
)

task_desk = Table(
    "task_desk",
    metadata,
    # Who takes a task on, and until when it is off the board. Its due time is untouched by both.
    case_key(),
    Column("code", CODE, primary_key=True),
    Column("assigned_to", CODE, nullable=True),
    at("snoozed_until", nullable=True),
    at("changed_at"),
    Column("by", CODE, nullable=False),
    Column("snoozed_by", CODE, nullable=True),
    Column("assigned_by", CODE, nullable=True),
    sqlite_with_rowid=False,
)

saved_filter = Table(
    "saved_filter",
    metadata,
    key(),
    Column("account", CODE, nullable=False),
    Column("page", CODE, nullable=False),
    Column("name", String(60), nullable=False),
    Column("query", String(400), nullable=False),
    UniqueConstraint("account", "page", "name", name="uq_saved_filter_name"),
)

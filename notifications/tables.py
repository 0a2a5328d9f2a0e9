"""The tables of messages. They know no case: `subject` and `person` are opaque references.

Every status has a CHECK, every settled message a reason. `callback` and `inbound` are append-only
(the migration adds the triggers). Partial indexes answer the loops' questions: what is due, whose
lease has passed, what is to be looked up, what waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    or_,
    text,
)

from core.db import UtcDateTime, metadata
from notifications.message import MessageState
from notifications.reasons import REFUSED_FOR_A_PERSON, Reason

APPEND_ONLY: Final = ("callback", "inbound")
"""Tables in which the database itself refuses UPDATE and DELETE."""


def _one_of(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _waits(of: str = "") -> str:
    needs, refused, accepted = (
        f"{of}state = '{state.value}'"
        for state in (MessageState.NEEDS_PERSON, MessageState.REFUSED, MessageState.ACCEPTED)
    )
    among = _one_of(f"{of}reason", REFUSED_FOR_A_PERSON)
    lost = f"{of}reason = '{Reason.NOT_DELIVERED.value}'"
    return f"{needs} OR ({refused} AND {among}) OR ({accepted} AND {lost})"


FOR_A_PERSON: Final = _waits()
"""What waits for a person, in the words of the index that answers it."""


def waits_for_a_person() -> ColumnElement[bool]:
    """The same beside other tables, which may have a state of their own."""
    waits: ColumnElement[bool] = literal_column(f"({_waits('outbox.')})", Boolean)
    return waits


template_version = Table(
    "template_version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("template", String(60), nullable=False),
    Column("language", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("dated_on", Date, nullable=False),
    Column("status", String(10), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    UniqueConstraint(
        "template",
        "language",
        "version",
        name="uq_template_version_template_language_version",
    ),
    CheckConstraint("status IN ('draft', 'approved')", name="status"),
)
"""Each text that was ever sent with, as it was: an attempt points to the version it used."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("about", String(200), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("person", String(60), nullable=False),
    Column("rung", String(30), nullable=False),
    Column("template", String(60), nullable=False),
    Column("language", String(10), nullable=False),
    Column("send_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False, server_default=text("'wanted'")),
    Column("reason", String(40)),
    Column("owner", String(80)),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", UtcDateTime),
    # The provider is asked about an unknown one at look_at; looks without a trace and the one
    # time it was wanted again are counted, so that nothing is asked or sent for ever.
    Column("look_at", UtcDateTime),
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Column("resent", Integer, nullable=False, server_default=text("0")),
    Column("failed_looks", Integer, nullable=False, server_default=text("0")),
    # A message the provider could not take just now waits until then; its calls are counted.
    Column("wait_until", UtcDateTime),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("wanted_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    UniqueConstraint("about", name="uq_outbox_about"),
    CheckConstraint(_one_of("state", MessageState), name="state"),
    CheckConstraint("send_at < expires_at AND expires_at <= starts_at", name="times"),
    CheckConstraint(
        "state <> 'sending' OR (owner IS NOT NULL AND lease_until IS NOT NULL)", name="held"
    ),
    CheckConstraint("state IN ('wanted', 'sending') OR reason IS NOT NULL", name="says_why"),
    Index("ix_outbox_subject", "subject"),
    Index(
        "ix_outbox_due",
        "send_at",
        "id",
        sqlite_where=text("state = 'wanted'"),
        postgresql_where=text("state = 'wanted'"),
    ),
    Index(
        "ix_outbox_lease",
        "lease_until",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
    Index(
        "ix_outbox_look",
        "look_at",
        sqlite_where=text("state = 'unknown'"),
        postgresql_where=text("state = 'unknown'"),
    ),
    Index(
        "ix_outbox_for_a_person",
        "send_at",
        "id",
        sqlite_where=text(FOR_A_PERSON),
        postgresql_where=text(FOR_A_PERSON),
    ),
)
"""What we want to say, once each."""

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    # Random: it is the address of the provider's status callbacks.
    Column("ref", String(32), nullable=False),
    Column(
        "outbox_id",
        Integer,
        ForeignKey("outbox.id", name="fk_attempt_outbox_id_outbox"),
        nullable=False,
    ),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(80), nullable=False),
    Column(
        "template_version_id",
        Integer,
        ForeignKey("template_version.id", name="fk_attempt_template_version_id_template_version"),
        nullable=False,
    ),
    # Keyed hash of the number, so that a look-up can tell whether the number is still the same.
    Column("to_digest", String(64)),
    # Kept until the retention time; the body names a day, a time and a neutral phone only.
    Column("body", Text),
    Column("segments", Integer, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("outcome", String(10), nullable=False, server_default=text("'begun'")),
    Column("code", String(60)),
    Column("provider_id", String(64)),
    # What callbacks tell; the rank only grows, whatever order they come in.
    Column("delivery", String(20)),
    Column("delivery_rank", Integer, nullable=False, server_default=text("0")),
    Column("delivery_code", String(60)),
    Column("erased_at", UtcDateTime),
    UniqueConstraint("ref", name="uq_attempt_ref"),
    UniqueConstraint("outbox_id", "epoch", name="uq_attempt_outbox_id_epoch"),
    CheckConstraint(
        "outcome IN ('begun', 'not_made', 'accepted', 'refused', 'unknown')", name="outcome"
    ),
    CheckConstraint(
        "delivery IN ('queued', 'sent', 'delivered', 'undelivered', 'failed')", name="delivery"
    ),
    Index(
        "ix_attempt_provider_id",
        "provider_id",
        sqlite_where=text("provider_id IS NOT NULL"),
        postgresql_where=text("provider_id IS NOT NULL"),
    ),
    Index("ix_attempt_to_digest", "to_digest"),
    Index(
        "ix_attempt_kept_body",
        "begun_at",
        sqlite_where=text("body IS NOT NULL"),
        postgresql_where=text("body IS NOT NULL"),
    ),
    Index(
        "ix_attempt_kept_at_provider",
        "begun_at",
        sqlite_where=text("erased_at IS NULL AND provider_id IS NOT NULL"),
        postgresql_where=text("erased_at IS NULL AND provider_id IS NOT NULL"),
    ),
)
"""Each time we tried to say it; committed before the call, so that a row without one is unsent."""

callback = Table(
    "callback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "attempt_id",
        Integer,
        ForeignKey("attempt.id", name="fk_callback_attempt_id_attempt"),
        nullable=False,
    ),
    Column("provider_id", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("code", String(60)),
    Column("received_at", UtcDateTime, nullable=False),
    # SHA-256 over what was signed: the same callback again changes nothing.
    Column("digest", String(64), nullable=False),
    UniqueConstraint("digest", name="uq_callback_digest"),
    CheckConstraint(
        "status IN ('queued', 'sent', 'delivered', 'undelivered', 'failed')", name="status"
    ),
    Index("ix_callback_attempt_id", "attempt_id"),
)
"""Append-only: what the provider told about an attempt, each telling once."""

inbound = Table(
    "inbound",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider_id", String(64), nullable=False),
    Column("from_digest", String(64), nullable=False),
    # Only what the words mean is kept, never what somebody wrote.
    Column("word", String(20), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider_id", name="uq_inbound_provider_id"),
    CheckConstraint("word IN ('stop', 'start', 'wrong_number', 'other')", name="word"),
    Index("ix_inbound_from_digest", "from_digest"),
)
"""Append-only: what came back from a number, as its meaning."""

opt_out = Table(
    "opt_out",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("source", String(20), nullable=False),
    Column("stopped_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    UniqueConstraint("digest", name="uq_opt_out_digest"),
    CheckConstraint("source IN ('inbound', 'provider', 'staff')", name="source"),
)
"""Numbers (as keyed hashes) that want nothing from us; `started_at` when they began again."""

line = Table(
    "line",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("unknowns", Integer, nullable=False),
    Column("pauses", Integer, nullable=False),
    Column("paused_until", UtcDateTime),
    Column("reason", String(40)),
    Column("changed_at", UtcDateTime, nullable=False),
    CheckConstraint("paused_until IS NULL OR reason IS NOT NULL", name="says_why"),
)
"""The line to a provider: how many answers in a row were none, and until when it rests, and why."""

TABLES: Final = (template_version, outbox, attempt, callback, inbound, opt_out, line)
"""All of them, in the order in which they can be made."""

FACTS: Final = (
    outbox.c.id,
    outbox.c.about,
    outbox.c.subject,
    outbox.c.person,
    outbox.c.rung,
    outbox.c.send_at,
    outbox.c.expires_at,
    outbox.c.starts_at,
    outbox.c.template,
    outbox.c.language,
)
"""What a message is, whatever state it stands in."""


def in_state(*states: MessageState) -> ColumnElement[bool]:
    """Whether a message stands in one of these states."""
    # Written out, not bound: only so does SQLite see that a partial index answers the question.
    return or_(*(outbox.c.state == literal_column(f"'{state.value}'") for state in states))

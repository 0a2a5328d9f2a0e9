"""Units, controllers, accounts and packages: who works where, under which rules."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cases import model
from cases.tables.columns import CODE, KEY, REF, at, key, of_unit, one_of
from core.db import metadata

controller = Table(
    "controller",
    metadata,
    key(),
    Column("kind", CODE, nullable=False),
    Column("name", String(200), nullable=False),
    CheckConstraint("kind IN ('health', 'correctional')", name="kind"),
    UniqueConstraint("kind", "name", name="uq_controller_name"),
)

unit = Table("unit", metadata, Column("code", CODE, primary_key=True))

unit_version = Table(
    "unit_version",
    metadata,
    key(),
    of_unit("unit"),
    Column("valid_from", Date, nullable=True),
    Column("valid_to", Date, nullable=True),
    Column("name", String(200), nullable=False),
    Column("kind", CODE, nullable=False),
    Column("region", CODE, nullable=False),
    of_unit("parent", nullable=True),
    Column("municipality", String(120), nullable=True),
    of_unit("merged_into", nullable=True),
    CheckConstraint(
        "kind IN ('prison', 'department', 'halfway_house', 'probation_office')", name="kind"
    ),
    CheckConstraint("region IN ('Nord', 'Vest', 'Sør', 'Sørvest', 'Øst', 'Annet')", name="region"),
    CheckConstraint(
        "valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to", name="valid"
    ),
    UniqueConstraint("unit", "valid_from", name="uq_unit_version_from"),
)

unit_alias = Table(
    "unit_alias",
    metadata,
    key(),
    of_unit("unit"),
    Column("alias", String(200), nullable=False),
    UniqueConstraint("unit", "alias", name="uq_unit_alias_alias"),
)

unit_controller = Table(
    "unit_controller",
    metadata,
    key(),
    of_unit("unit"),
    Column("controller_id", KEY, ForeignKey("controller.id"), nullable=False),
    Column("kind", CODE, nullable=False),
    Column("valid_from", Date, nullable=True),
    Column("valid_to", Date, nullable=True),
    CheckConstraint("kind IN ('health', 'correctional')", name="kind"),
    Index("ix_unit_controller_unit", "unit", "kind"),
)

unit_project = Table(
    "unit_project",
    metadata,
    key(),
    of_unit("unit", index=True),
    Column("event", CODE, nullable=False),
    Column("on", Date, nullable=True),
    Column("value", String(200), nullable=True),
    at("recorded_at"),
    Column("by", CODE, nullable=False),
    CheckConstraint(
        "event IN ('interested', 'contract_signed', 'active', 'paused', 'withdrawn', "
        "'naloxone_introduced', 'learning_network', 'visit')",
        name="event",
    ),
)

account = Table(
    "account",
    metadata,
    key(),
    Column("ref", REF, nullable=False, unique=True),
    Column("username", CODE, nullable=False, unique=True),
    Column("display_name", String(120), nullable=False),
    Column("password_hash", String(200), nullable=True),
    Column("totp_enc", LargeBinary, nullable=True),
    Column("email", String(200), nullable=True),
    Column("oidc_subject", String(200), nullable=True, unique=True),
    at("disabled_at", nullable=True),
    Column("deputy_id", KEY, ForeignKey("account.id"), nullable=True),
    at("away_until", nullable=True),
    Column("phone_enc", LargeBinary, nullable=True),
    at("away_from", nullable=True),
    at("created_at"),
    # How far the person has come in the tour of the first sign-in.
    Column("tour_step", Integer, nullable=False, server_default="0"),
)

membership = Table(
    "membership",
    metadata,
    key(),
    Column("account_id", KEY, ForeignKey("account.id"), nullable=False, index=True),
    Column("role", CODE, nullable=False),
    of_unit("unit", nullable=True),
    Column("controller_id", KEY, ForeignKey("controller.id"), nullable=True),
    Column("valid_from", Date, nullable=True),
    Column("valid_to", Date, nullable=True),
    one_of("role", model.Role),
    Index("ix_membership_unit_role", "unit", "role"),
)

distributor = Table(
    "distributor",
    metadata,
    key(),
    Column("account_id", KEY, ForeignKey("account.id"), nullable=False, index=True),
    of_unit("unit"),
    Column("certified_from", Date, nullable=False),
    Column("certified_to", Date, nullable=True),
    # None: written before these times were kept; that counts as known from the beginning.
    at("recorded_at", nullable=True),
    at("end_recorded_at", nullable=True),
)

contact_phone = Table(
    "contact_phone",
    metadata,
    key(),
    of_unit("unit"),
    Column("number", String(20), nullable=False),
    at("proposed_at"),
    Column("proposed_by", CODE, nullable=False),
    at("decided_at", nullable=True),
    Column("decided_by", CODE, nullable=True),
    Column("state", CODE, nullable=False),
    CheckConstraint("state IN ('proposed', 'checked', 'rejected', 'ended')", name="state"),
    CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_has_time"),
    # One in force and one that waits, of each unit.
    Index("uq_contact_phone_of_unit", "unit", "state", unique=True,
          sqlite_where=text("state IN ('proposed', 'checked')"),
          postgresql_where=text("state IN ('proposed', 'checked')")),
)  # fmt: skip

web_session = Table(
    "web_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("account_id", KEY, ForeignKey("account.id"), nullable=False, index=True),
    at("made_at"),
    at("seen_at"),
    at("revoked_at", nullable=True),
    Column("place", String(200), nullable=True),
)

api_token = Table(
    "api_token",
    metadata,
    key(),
    Column("digest", String(64), nullable=False, unique=True),
    Column("label", String(120), nullable=False),
    Column("role", CODE, nullable=False),
    at("made_at"),
    at("expires_at", nullable=True),
    at("revoked_at", nullable=True),
    one_of("role", model.Role),
)

token_unit = Table(
    "token_unit",
    metadata,
    Column("token_id", KEY, ForeignKey("api_token.id"), primary_key=True, autoincrement=False),
    Column("unit", CODE, ForeignKey("unit.code"), primary_key=True),
)

token_account = Table(
    "token_account",
    metadata,
    Column("token_id", KEY, ForeignKey("api_token.id"), primary_key=True, autoincrement=False),
    Column("account_id", KEY, ForeignKey("account.id"), nullable=False, index=True),
)

package_version = Table(
    "package_version",
    metadata,
    Column("key", CODE, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("parent", CODE, ForeignKey("package_version.key"), nullable=True),
    of_unit("unit", nullable=True),
    Column("body", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    at("made_at"),
    at("used_at", nullable=True),
)

unit_package = Table(
    "unit_package",
    metadata,
    key(),
    # NULL: every unit that has nothing of its own.
    of_unit("unit", nullable=True, index=True),
    Column("package", CODE, ForeignKey("package_version.key"), nullable=False),
    Column("valid_from", Date, nullable=True),
)

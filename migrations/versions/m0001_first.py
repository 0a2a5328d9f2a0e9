"""The first schema: the whole domain, shaped so that later work adds and does not rebuild.

Written out, and never changed again: what a database was made by must not follow the code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.append_only import append_only_ddl
from core.db import UtcDateTime

revision = "0001"
down_revision = None

APPEND_ONLY = (
    "access_log",
    "access_subject",
    "callback",
    "case_event",
    "consent",
    "due_change",
    "erasure",
    "experience_report",
    "inbound",
    "naloxone_event",
    "notice",
    "published_cell",
    "release_date",
    "unit_project",
)


def upgrade() -> None:
    _tables()
    connection = op.get_bind()
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, connection.dialect.name):
            connection.exec_driver_sql(statement)


def _tables() -> None:
    op.create_table(
        "access_log",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("case_ref", sa.String(length=32), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.Column("chain_month", sa.String(length=7), nullable=False),
        sa.Column(
            "chain_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        sa.UniqueConstraint("scope", "chain_month", "chain_seq", name="uq_access_log_chain"),
    )
    op.create_index("ix_access_log_case_ref", "access_log", ["case_ref"], unique=False)
    op.create_table(
        "account",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_enc", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("oidc_subject", sa.String(length=200), nullable=True),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("deputy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("away_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["account.id"], name=op.f("fk_account_deputy_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("oidc_subject", name=op.f("uq_account_oidc_subject")),
        sa.UniqueConstraint("ref", name=op.f("uq_account_ref")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "api_token",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "role IN ('health', 'officer', 'coordinator', 'unit_lead', 'health_lead', 'directorate', 'admin', 'operator')",
            name=op.f("ck_api_token_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )
    op.create_table(
        "chain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("start_mac", sa.String(length=64), nullable=False),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="number of rows so far; the first row is 1"
        ),
        sa.Column(
            "mac",
            sa.String(length=64),
            nullable=False,
            comment="of the last row; start_mac if there is none",
        ),
        sa.Column("key_id", sa.String(), nullable=False, comment="key of head_mac"),
        sa.Column("head_mac", sa.String(length=64), nullable=False, comment="over all of this row"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain")),
        sa.UniqueConstraint("log", "scope", "month", name=op.f("uq_chain_log_scope_month")),
    )
    op.create_index(
        "ux_chain_open",
        "chain",
        ["log", "scope"],
        unique=True,
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "controller",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.CheckConstraint("kind IN ('health', 'correctional')", name=op.f("ck_controller_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_controller")),
        sa.UniqueConstraint("kind", "name", name="uq_controller_name"),
    )
    op.create_table(
        "erasure",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("person_ref", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("loop", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("loop", "worker", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "idempotency",
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("result_ref", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "import_run",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_table(
        "inbound",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("from_digest", sa.String(length=64), nullable=False),
        sa.Column("word", sa.String(length=20), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "word IN ('stop', 'start', 'wrong_number', 'other')", name=op.f("ck_inbound_word")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("provider_id", name="uq_inbound_provider_id"),
    )
    op.create_index("ix_inbound_from_digest", "inbound", ["from_digest"], unique=False)
    op.create_table(
        "opt_out",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("stopped_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "source IN ('inbound', 'provider', 'staff')", name=op.f("ck_opt_out_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_out")),
        sa.UniqueConstraint("digest", name="uq_opt_out_digest"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("rung", sa.String(length=30), nullable=False),
        sa.Column("template", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("send_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column(
            "state", sa.String(length=20), server_default=sa.text("'wanted'"), nullable=False
        ),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("look_at", UtcDateTime(), nullable=True),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("resent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wanted_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state <> 'sending' OR (owner IS NOT NULL AND lease_until IS NOT NULL)",
            name=op.f("ck_outbox_held"),
        ),
        sa.CheckConstraint(
            "state IN ('wanted', 'sending') OR reason IS NOT NULL", name=op.f("ck_outbox_says_why")
        ),
        sa.CheckConstraint(
            "state IN ('wanted', 'sending', 'accepted', 'refused', 'unknown', 'needs_person', 'cancelled', 'expired')",
            name=op.f("ck_outbox_state"),
        ),
        sa.CheckConstraint(
            "send_at < expires_at AND expires_at <= starts_at", name=op.f("ck_outbox_times")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("about", name="uq_outbox_about"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["send_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'wanted'"),
        postgresql_where=sa.text("state = 'wanted'"),
    )
    op.create_index(
        "ix_outbox_lease",
        "outbox",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_outbox_look",
        "outbox",
        ["look_at"],
        unique=False,
        sqlite_where=sa.text("state = 'unknown'"),
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "ix_outbox_needs_person",
        "outbox",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("state = 'needs_person'"),
        postgresql_where=sa.text("state = 'needs_person'"),
    )
    op.create_index("ix_outbox_subject", "outbox", ["subject"], unique=False)
    op.create_table(
        "person",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("identity_enc", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("protection", sa.String(length=64), nullable=False),
        sa.Column("counted_as", sa.String(length=32), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "protection IN ('UGRADERT', 'FORTROLIG', 'STRENGT_FORTROLIG', 'STRENGT_FORTROLIG_UTLAND')",
            name=op.f("ck_person_protection"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("ref", name=op.f("uq_person_ref")),
    )
    op.create_index("ix_person_counted_as", "person", ["counted_as"], unique=False)
    op.create_index(
        "ix_person_hidden",
        "person",
        ["id"],
        unique=False,
        sqlite_where=sa.text("protection IN ('STRENGT_FORTROLIG', 'STRENGT_FORTROLIG_UTLAND')"),
        postgresql_where=sa.text("protection IN ('STRENGT_FORTROLIG', 'STRENGT_FORTROLIG_UTLAND')"),
    )
    op.create_table(
        "purge_permit",
        sa.Column("table_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", name=op.f("pk_purge_permit")),
        comment="Empty, except inside the transaction of a purge.",
    )
    op.create_table(
        "report",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("definitions", sa.String(length=64), nullable=False),
        sa.Column("software", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "state <> 'frozen' OR body IS NOT NULL", name=op.f("ck_report_frozen_has_body")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'submitted', 'accepted', 'frozen')", name=op.f("ck_report_state")
        ),
        sa.CheckConstraint(
            "(body IS NULL) = (sha256 IS NULL)", name=op.f("ck_report_body_has_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("period", "scope", "revision", name="uq_report_revision"),
    )
    op.create_table(
        "template_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'approved')", name=op.f("ck_template_version_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_version")),
        sa.UniqueConstraint(
            "template", "language", "version", name="uq_template_version_template_language_version"
        ),
    )
    op.create_table(
        "unit",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit")),
    )
    op.create_table(
        "access_subject",
        sa.Column(
            "access_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("case_ref", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_id"], ["access_log.id"], name=op.f("fk_access_subject_access_id_access_log")
        ),
        sa.PrimaryKeyConstraint("access_id", "case_ref", name=op.f("pk_access_subject")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_access_subject_case_ref", "access_subject", ["case_ref"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("outbox_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("template_version_id", sa.Integer(), nullable=False),
        sa.Column("to_digest", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column(
            "outcome", sa.String(length=10), server_default=sa.text("'begun'"), nullable=False
        ),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("provider_id", sa.String(length=64), nullable=True),
        sa.Column("delivery", sa.String(length=20), nullable=True),
        sa.Column("delivery_rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivery_code", sa.String(length=60), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "delivery IN ('queued', 'sent', 'delivered', 'undelivered', 'failed')",
            name=op.f("ck_attempt_delivery"),
        ),
        sa.CheckConstraint(
            "outcome IN ('begun', 'not_made', 'accepted', 'refused', 'unknown')",
            name=op.f("ck_attempt_outcome"),
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_attempt_outbox_id_outbox"),
        sa.ForeignKeyConstraint(
            ["template_version_id"],
            ["template_version.id"],
            name="fk_attempt_template_version_id_template_version",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("outbox_id", "epoch", name="uq_attempt_outbox_id_epoch"),
        sa.UniqueConstraint("ref", name="uq_attempt_ref"),
    )
    op.create_index(
        "ix_attempt_provider_id",
        "attempt",
        ["provider_id"],
        unique=False,
        sqlite_where=sa.text("provider_id IS NOT NULL"),
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )
    op.create_table(
        "case_",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("counted_as", sa.String(length=32), nullable=False),
        sa.Column("earlier", sa.String(length=32), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("admitted_unit", sa.String(length=64), nullable=False),
        sa.Column("released_unit", sa.String(length=64), nullable=True),
        sa.Column("package", sa.String(length=64), nullable=False),
        sa.Column("phase", sa.String(length=64), nullable=False),
        sa.Column("participation", sa.String(length=64), nullable=False),
        sa.Column("admitted_at", UtcDateTime(), nullable=False),
        sa.Column("admitted_on", sa.Date(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("release_recorded_at", UtcDateTime(), nullable=True),
        sa.Column("release_source", sa.String(length=64), nullable=True),
        sa.Column("destination", sa.String(length=64), nullable=True),
        sa.Column("unplanned", sa.String(length=64), nullable=True),
        sa.Column("release_notice", sa.String(length=64), nullable=True),
        sa.Column("accepted_at_release", sa.Boolean(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("close_reason", sa.String(length=64), nullable=True),
        sa.Column("release_on", sa.Date(), nullable=True),
        sa.Column("release_kind", sa.String(length=64), nullable=True),
        sa.Column("release_known_at", UtcDateTime(), nullable=True),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "changed_seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            server_default="0",
            nullable=False,
        ),
        sa.CheckConstraint(
            "(phase = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_case__closed_has_time")
        ),
        sa.CheckConstraint(
            "close_reason IS NULL OR close_reason IN ('completed', 'declined', 'withdrawn', 'not_participating', 'transferred_out', 'deported', 'died', 'reimprisoned', 'registered_in_error')",
            name=op.f("ck_case__close_reason"),
        ),
        sa.CheckConstraint(
            "destination IS NULL OR destination IN ('liberty', 'home_detention', 'deported')",
            name=op.f("ck_case__destination"),
        ),
        sa.CheckConstraint(
            "participation IN ('not_asked', 'accepted', 'declined', 'not_now', 'withdrawn')",
            name=op.f("ck_case__participation"),
        ),
        sa.CheckConstraint(
            "phase IN ('in_prison', 'follow_up', 'closed')", name=op.f("ck_case__phase")
        ),
        sa.CheckConstraint(
            "release_kind IS NULL OR release_kind IN ('confirmed', 'parole', 'home_detention', 'two_thirds', 'full_term')",
            name=op.f("ck_case__release_kind"),
        ),
        sa.CheckConstraint(
            "release_notice IS NULL OR release_notice IN ('planned', 'unplanned', 'unknown')",
            name=op.f("ck_case__release_notice"),
        ),
        sa.CheckConstraint(
            "release_source IS NULL OR release_source IN ('roster', 'staff')",
            name=op.f("ck_case__release_source"),
        ),
        sa.CheckConstraint(
            "unplanned IS NULL OR unplanned IN ('court', 'fine_paid', 'appeal', 'other')",
            name=op.f("ck_case__unplanned"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (close_reason IS NULL)", name=op.f("ck_case__closed_has_reason")
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (destination IS NULL)",
            name=op.f("ck_case__released_has_place"),
        ),
        sa.ForeignKeyConstraint(
            ["admitted_unit"], ["unit.code"], name=op.f("fk_case__admitted_unit_unit")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_case__person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["released_unit"], ["unit.code"], name=op.f("fk_case__released_unit_unit")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_case__unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_")),
        sa.UniqueConstraint("ref", name=op.f("uq_case__ref")),
    )
    op.create_index("ix_case_admitted_on", "case_", ["admitted_on"], unique=False)
    op.create_index("ix_case_counted_as", "case_", ["counted_as"], unique=False)
    op.create_index(
        "ix_case_in_error",
        "case_",
        ["id"],
        unique=False,
        sqlite_where=sa.text("close_reason = 'registered_in_error'"),
        postgresql_where=sa.text("close_reason = 'registered_in_error'"),
    )
    op.create_index("ix_case_person", "case_", ["person_id"], unique=False)
    op.create_index(
        "ix_case_released_on",
        "case_",
        ["released_on"],
        unique=False,
        sqlite_where=sa.text("released_on IS NOT NULL"),
        postgresql_where=sa.text("released_on IS NOT NULL"),
    )
    op.create_index("ix_case_unit_phase", "case_", ["unit", "phase"], unique=False)
    op.create_index(
        "ix_case_wake_at",
        "case_",
        ["wake_at"],
        unique=False,
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "case_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("case_ref", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("controller", sa.String(length=64), nullable=False),
        sa.Column("local_on", sa.Date(), nullable=False),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("chain_month", sa.String(length=7), nullable=False),
        sa.Column(
            "chain_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "controller IN ('health', 'correctional')", name=op.f("ck_case_event_controller")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_case_event_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
        sa.UniqueConstraint("case_ref", "seq", name="uq_case_event_seq"),
        sa.UniqueConstraint("unit", "chain_month", "chain_seq", name="uq_case_event_chain"),
    )
    op.create_table(
        "distributor",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("certified_from", sa.Date(), nullable=False),
        sa.Column("certified_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_distributor_account_id_account")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_distributor_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributor")),
    )
    op.create_index(op.f("ix_distributor_account_id"), "distributor", ["account_id"], unique=False)
    op.create_table(
        "experience_report",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["unit"], ["unit.code"], name=op.f("fk_experience_report_unit_unit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experience_report")),
        sa.UniqueConstraint("period", "unit", "revision", name="uq_experience_report_revision"),
    )
    op.create_table(
        "group_session",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("leader", sa.String(length=64), nullable=True),
        sa.Column("place", sa.String(length=120), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("held_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'held') = (held_at IS NOT NULL)", name=op.f("ck_group_session_held_has_time")
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'held', 'cancelled')", name=op.f("ck_group_session_state")
        ),
        sa.CheckConstraint(
            "capacity IS NULL OR capacity > 0", name=op.f("ck_group_session_capacity")
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_group_session_minutes")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_group_session_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_session")),
        sa.UniqueConstraint("ref", name=op.f("uq_group_session_ref")),
    )
    op.create_index(op.f("ix_group_session_unit"), "group_session", ["unit"], unique=False)
    op.create_table(
        "membership",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column(
            "controller_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role IN ('health', 'officer', 'coordinator', 'unit_lead', 'health_lead', 'directorate', 'admin', 'operator')",
            name=op.f("ck_membership_role"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_membership_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["controller_id"],
            ["controller.id"],
            name=op.f("fk_membership_controller_id_controller"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_membership_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_account_id"), "membership", ["account_id"], unique=False)
    op.create_index("ix_membership_unit_role", "membership", ["unit", "role"], unique=False)
    op.create_table(
        "named_access",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("granted_by", sa.String(length=64), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)",
            name=op.f("ck_named_access_revoked_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_named_access_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_named_access")),
    )
    op.create_index(
        "uq_named_access_in_force",
        "named_access",
        ["person_id", "account"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "package_version",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["package_version.key"],
            name=op.f("fk_package_version_parent_package_version"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_package_version_unit_unit")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_package_version")),
    )
    op.create_table(
        "person_identifier",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('inmate_no', 'national_id', 'name_born', 'phone_born')",
            name=op.f("ck_person_identifier_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_identifier_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_identifier")),
        sa.UniqueConstraint("person_id", "kind", "digest", name="uq_person_identifier_once"),
    )
    op.create_index(
        "ix_person_identifier_digest", "person_identifier", ["kind", "digest"], unique=False
    )
    op.create_index(
        op.f("ix_person_identifier_person_id"), "person_identifier", ["person_id"], unique=False
    )
    op.create_index(
        "uq_person_identifier_inmate_no",
        "person_identifier",
        ["digest"],
        unique=True,
        sqlite_where=sa.text("kind = 'inmate_no'"),
        postgresql_where=sa.text("kind = 'inmate_no'"),
    )
    op.create_table(
        "person_merge",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("counted", sa.Text(), nullable=True),
        sa.Column("decision", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'merged', 'rejected', 'undone')",
            name=op.f("ck_person_merge_state"),
        ),
        sa.CheckConstraint("kept_id < other_id", name=op.f("ck_person_merge_older_is_kept")),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["person.id"], name=op.f("fk_person_merge_kept_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["person.id"], name=op.f("fk_person_merge_other_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
        sa.UniqueConstraint("kept_id", "other_id", name="uq_person_merge_pair"),
    )
    op.create_table(
        "phone",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("number_enc", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('usable', 'stopped', 'failed', 'wrong_person')", name=op.f("ck_phone_state")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_phone_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone")),
        sa.UniqueConstraint("person_id", name=op.f("uq_phone_person_id")),
    )
    op.create_index(op.f("ix_phone_digest"), "phone", ["digest"], unique=False)
    op.create_table(
        "published_cell",
        sa.Column(
            "report_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("indicator", sa.String(length=64), nullable=False),
        sa.Column("numerator", sa.Integer(), nullable=True),
        sa.Column("denominator", sa.Integer(), nullable=True),
        sa.Column("pending", sa.Integer(), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "level IN ('nation', 'region', 'unit')", name=op.f("ck_published_cell_level")
        ),
        sa.CheckConstraint(
            "NOT hidden OR (numerator IS NULL AND denominator IS NULL)",
            name=op.f("ck_published_cell_hidden"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["report.id"], name=op.f("fk_published_cell_report_id_report")
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "level", "place", "indicator", name=op.f("pk_published_cell")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "token_unit",
        sa.Column(
            "token_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_token_unit_token_id_api_token")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_token_unit_unit_unit")),
        sa.PrimaryKeyConstraint("token_id", "unit", name=op.f("pk_token_unit")),
    )
    op.create_table(
        "unit_alias",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_alias_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_alias")),
        sa.UniqueConstraint("unit", "alias", name="uq_unit_alias_alias"),
    )
    op.create_table(
        "unit_controller",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column(
            "controller_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('health', 'correctional')", name=op.f("ck_unit_controller_kind")
        ),
        sa.ForeignKeyConstraint(
            ["controller_id"],
            ["controller.id"],
            name=op.f("fk_unit_controller_controller_id_controller"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_controller_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_controller")),
    )
    op.create_index("ix_unit_controller_unit", "unit_controller", ["unit", "kind"], unique=False)
    op.create_table(
        "unit_project",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Date(), nullable=True),
        sa.Column("value", sa.String(length=200), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "event IN ('interested', 'contract_signed', 'active', 'paused', 'withdrawn', 'naloxone_introduced', 'learning_network', 'visit')",
            name=op.f("ck_unit_project_event"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_project_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_project")),
    )
    op.create_index(op.f("ix_unit_project_unit"), "unit_project", ["unit"], unique=False)
    op.create_table(
        "unit_version",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("municipality", sa.String(length=120), nullable=True),
        sa.Column("merged_into", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('prison', 'department', 'halfway_house', 'probation_office')",
            name=op.f("ck_unit_version_kind"),
        ),
        sa.CheckConstraint(
            "region IN ('Nord', 'Vest', 'Sør', 'Sørvest', 'Øst', 'Annet')",
            name=op.f("ck_unit_version_region"),
        ),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to",
            name=op.f("ck_unit_version_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["unit.code"], name=op.f("fk_unit_version_merged_into_unit")
        ),
        sa.ForeignKeyConstraint(
            ["parent"], ["unit.code"], name=op.f("fk_unit_version_parent_unit")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_version_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_version")),
        sa.UniqueConstraint("unit", "valid_from", name="uq_unit_version_from"),
    )
    op.create_table(
        "web_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("place", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_web_session_account_id_account")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_account_id"), "web_session", ["account_id"], unique=False)
    op.create_table(
        "absence",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("informed_at", UtcDateTime(), nullable=True),
        sa.Column("informed_recorded_at", UtcDateTime(), nullable=True),
        sa.Column("informed_by", sa.String(length=64), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('leave', 'treatment_12', 'halfway_house')", name=op.f("ck_absence_kind")
        ),
        sa.CheckConstraint(
            "(informed_at IS NULL) = (informed_recorded_at IS NULL)",
            name=op.f("ck_absence_informed_is_recorded"),
        ),
        sa.CheckConstraint("to_on IS NULL OR from_on <= to_on", name=op.f("ck_absence_in_order")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_absence_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_absence")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "answer",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=True),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "reason IS NULL OR reason IN ('no_need', 'no_trust', 'no_time', 'other')",
            name=op.f("ck_answer_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('not_asked', 'accepted', 'declined', 'not_now', 'withdrawn')",
            name=op.f("ck_answer_status"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_answer_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_answer")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "appointment",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("booked_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("outcome_at", UtcDateTime(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("moved_from", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "kind IN ('GP', 'OAT', 'SPECIALIST_ADDICTION', 'MUNICIPAL_ADDICTION', 'NAV', 'HOUSING', 'DENTIST', 'PROBATION', 'PEER_OR_MENTOR', 'NALOXONE_OUTLET', 'OTHER')",
            name=op.f("ck_appointment_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'confirmed', 'attended', 'no_show', 'cancelled', 'moved', 'unknown')",
            name=op.f("ck_appointment_status"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_appointment_case_id_case_")
        ),
        sa.ForeignKeyConstraint(
            ["moved_from"], ["appointment.id"], name=op.f("fk_appointment_moved_from_appointment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("moved_from", name=op.f("uq_appointment_moved_from")),
    )
    op.create_index(op.f("ix_appointment_case_id"), "appointment", ["case_id"], unique=False)
    op.create_table(
        "backoff",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_backoff_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_backoff")),
    )
    op.create_table(
        "callback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'sent', 'delivered', 'undelivered', 'failed')",
            name=op.f("ck_callback_status"),
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name="fk_callback_attempt_id_attempt"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
        sa.UniqueConstraint("digest", name="uq_callback_digest"),
    )
    op.create_index("ix_callback_attempt_id", "callback", ["attempt_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("receiver", sa.String(length=64), nullable=True),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column(
            "controller_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("text_version", sa.String(length=64), nullable=True),
        sa.Column("how", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "(purpose = 'sharing') = (receiver IS NOT NULL)",
            name=op.f("ck_consent_sharing_has_receiver"),
        ),
        sa.CheckConstraint(
            "how IS NULL OR how IN ('oral', 'written', 'digital')", name=op.f("ck_consent_how")
        ),
        sa.CheckConstraint(
            "purpose IN ('sms', 'research', 'sharing')", name=op.f("ck_consent_purpose")
        ),
        sa.CheckConstraint(
            "receiver IS NULL OR receiver IN ('health', 'nav', 'municipality')",
            name=op.f("ck_consent_receiver"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_consent_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["controller_id"], ["controller.id"], name=op.f("fk_consent_controller_id_controller")
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_consent")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "due_change",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_due_change_case_id_case_")
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_due_change")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "group_attendance",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("credited", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "state = 'present' OR NOT credited",
            name=op.f("ck_group_attendance_only_present_counts"),
        ),
        sa.CheckConstraint(
            "state IN ('invited', 'present', 'absent', 'corrected')",
            name=op.f("ck_group_attendance_state"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_group_attendance_case_id_case_")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["group_session.id"],
            name=op.f("fk_group_attendance_session_id_group_session"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_attendance")),
        sa.UniqueConstraint("session_id", "case_id", name="uq_group_attendance_person"),
    )
    op.create_index(
        op.f("ix_group_attendance_case_id"), "group_attendance", ["case_id"], unique=False
    )
    op.create_table(
        "health_answer",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column(
            "controller_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("value_enc", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_health_answer_case_id_case_")
        ),
        sa.ForeignKeyConstraint(
            ["controller_id"],
            ["controller.id"],
            name=op.f("fk_health_answer_controller_id_controller"),
        ),
        sa.PrimaryKeyConstraint("case_id", "task", "controller_id", name=op.f("pk_health_answer")),
    )
    op.create_table(
        "naloxone_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("lot", sa.String(length=40), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("distributor", sa.String(length=64), nullable=True),
        sa.Column("task", sa.String(length=64), nullable=True),
        sa.Column("undoes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('received', 'to_property', 'handed_over', 'refill', 'returned', 'lost', 'expired')",
            name=op.f("ck_naloxone_event_kind"),
        ),
        sa.CheckConstraint(
            "reason IS NULL OR reason IN ('used', 'lost', 'expired', 'confiscated', 'other')",
            name=op.f("ck_naloxone_event_reason"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_naloxone_event_quantity")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_naloxone_event_case_id_case_")
        ),
        sa.ForeignKeyConstraint(
            ["undoes"], ["naloxone_event.id"], name=op.f("fk_naloxone_event_undoes_naloxone_event")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_naloxone_event_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_naloxone_event")),
        sa.UniqueConstraint("undoes", name=op.f("uq_naloxone_event_undoes")),
    )
    op.create_index(op.f("ix_naloxone_event_case_id"), "naloxone_event", ["case_id"], unique=False)
    op.create_index(op.f("ix_naloxone_event_unit"), "naloxone_event", ["unit"], unique=False)
    op.create_table(
        "notice",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("rung", sa.String(length=64), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("to_role", sa.String(length=64), nullable=False),
        sa.Column("unstaffed", sa.Boolean(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_notice_case_id_case_")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_notice_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "case_id", "task", "rung", "due_at", "unit", "to_role", name="uq_notice_once"
        ),
    )
    op.create_index("ix_notice_inbox", "notice", ["unit", "to_role", "told_at"], unique=False)
    op.create_table(
        "release_date",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('confirmed', 'parole', 'home_detention', 'two_thirds', 'full_term')",
            name=op.f("ck_release_date_kind"),
        ),
        sa.CheckConstraint("source IN ('roster', 'staff')", name=op.f("ck_release_date_source")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_release_date_case_id_case_")
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_release_date")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "roster_said",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("row_digest", sa.String(length=64), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_.id"], name=op.f("fk_roster_said_case_id_case_")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_roster_said")),
    )
    op.create_table(
        "stay",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("to_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_stay_case_id_case_")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_stay_unit_unit")),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_stay")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_stay_unit"), "stay", ["unit"], unique=False)
    op.create_table(
        "task",
        sa.Column(
            "case_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("visibility", sa.String(length=64), nullable=False),
        sa.Column("klass", sa.String(length=64), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("known_at", UtcDateTime(), nullable=True),
        sa.Column("hurried", sa.Boolean(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("done_unit", sa.String(length=64), nullable=True),
        sa.Column("form", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.String(length=64), nullable=True),
        sa.Column("missed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'waived') = (reason IS NOT NULL)", name=op.f("ck_task_waived_has_reason")
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'waived')) = (done_at IS NOT NULL)",
            name=op.f("ck_task_done_has_time"),
        ),
        sa.CheckConstraint(
            "form IS NULL OR form IN ('group', 'individual')", name=op.f("ck_task_form")
        ),
        sa.CheckConstraint(
            "klass IN ('clinical', 'before_release', 'admin')", name=op.f("ck_task_klass")
        ),
        sa.CheckConstraint(
            "owner IN ('health', 'officer', 'coordinator', 'any')", name=op.f("ck_task_owner")
        ),
        sa.CheckConstraint(
            "reason IS NULL OR reason IN ('done_elsewhere', 'not_relevant', 'absent', 'too_short_notice', 'refused_this_task')",
            name=op.f("ck_task_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'open' OR due_at IS NOT NULL", name=op.f("ck_task_open_has_due")
        ),
        sa.CheckConstraint(
            "state IN ('prepared', 'open', 'done', 'waived', 'missed', 'cancelled')",
            name=op.f("ck_task_state"),
        ),
        sa.CheckConstraint(
            "step IN ('INTAKE_TALK', 'OVERDOSE_INFO', 'RELEASE_TALK', 'TIME_IN_HAND')",
            name=op.f("ck_task_step"),
        ),
        sa.CheckConstraint("visibility IN ('shared', 'health')", name=op.f("ck_task_visibility")),
        sa.CheckConstraint(
            "wake_at IS NULL OR state = 'open'", name=op.f("ck_task_only_open_wakes")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_task_case_id_case_")),
        sa.ForeignKeyConstraint(["done_unit"], ["unit.code"], name=op.f("fk_task_done_unit_unit")),
        sa.PrimaryKeyConstraint("case_id", "code", name=op.f("pk_task")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_task_done_at",
        "task",
        ["done_at", "done_unit", "code", "state", "reason"],
        unique=False,
        sqlite_where=sa.text("done_at IS NOT NULL"),
        postgresql_where=sa.text("done_at IS NOT NULL"),
    )
    op.create_index(
        "ix_task_due_at",
        "task",
        ["due_at", "case_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_task_wake_at",
        "task",
        ["wake_at"],
        unique=False,
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "transfer",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("from_unit", sa.String(length=64), nullable=False),
        sa.Column("to_unit", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("source IN ('roster', 'staff')", name=op.f("ck_transfer_source")),
        sa.CheckConstraint(
            "state IN ('proposed', 'accepted', 'rejected', 'revoked')",
            name=op.f("ck_transfer_state"),
        ),
        sa.CheckConstraint("from_unit <> to_unit", name=op.f("ck_transfer_elsewhere")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_transfer_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["from_unit"], ["unit.code"], name=op.f("fk_transfer_from_unit_unit")
        ),
        sa.ForeignKeyConstraint(["to_unit"], ["unit.code"], name=op.f("fk_transfer_to_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_case_id"), "transfer", ["case_id"], unique=False)
    op.create_index(op.f("ix_transfer_to_unit"), "transfer", ["to_unit"], unique=False)
    op.create_index(
        "uq_transfer_open",
        "transfer",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state = 'proposed'"),
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "unit_package",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=True),
        sa.Column("package", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["package"],
            ["package_version.key"],
            name=op.f("fk_unit_package_package_package_version"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_package_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_package")),
    )
    op.create_index(op.f("ix_unit_package_unit"), "unit_package", ["unit"], unique=False)

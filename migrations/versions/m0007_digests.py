"""Digests to staff: how to reach them, when they are away, and what each slot told whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # Plain ALTER TABLE ADD: neither engine has to rebuild the table.
    op.add_column("account", sa.Column("phone_enc", sa.LargeBinary(), nullable=True))
    op.add_column("account", sa.Column("away_from", UtcDateTime(), nullable=True))
    op.create_table(
        "digest",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("slot_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("via", sa.String(length=64), nullable=True),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('sending', 'sent', 'failed')", name=op.f("ck_digest_state")),
        sa.CheckConstraint("via IN ('sms', 'mail')", name=op.f("ck_digest_via")),
        sa.CheckConstraint(
            "(state = 'sending') = (settled_at IS NULL)", name=op.f("ck_digest_settled_has_time")
        ),
        sa.PrimaryKeyConstraint("account", "slot_at", name=op.f("pk_digest")),
    )
    op.create_index(
        "ix_digest_sending",
        "digest",
        ["claimed_at"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )

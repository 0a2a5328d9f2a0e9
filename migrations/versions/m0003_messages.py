"""Messages that are looked up, put off and rest with the line to the provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Plain ALTER TABLE ADD: neither engine has to rebuild the table.
    op.add_column(
        "outbox",
        sa.Column("failed_looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("outbox", sa.Column("wait_until", UtcDateTime(), nullable=True))
    op.add_column(
        "outbox", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index("ix_attempt_to_digest", "attempt", ["to_digest"])
    op.create_index(
        "ix_attempt_kept_body",
        "attempt",
        ["begun_at"],
        sqlite_where=sa.text("body IS NOT NULL"),
        postgresql_where=sa.text("body IS NOT NULL"),
    )
    op.create_index(
        "ix_attempt_kept_at_provider",
        "attempt",
        ["begun_at"],
        sqlite_where=sa.text("erased_at IS NULL AND provider_id IS NOT NULL"),
        postgresql_where=sa.text("erased_at IS NULL AND provider_id IS NOT NULL"),
    )
    op.create_table(
        "line",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("unknowns", sa.Integer(), nullable=False),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "paused_until IS NULL OR reason IS NOT NULL", name=op.f("ck_line_says_why")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_line")),
    )

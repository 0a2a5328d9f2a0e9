"""No index of what has expired: every request wrote it, and a day's keys are read once a night."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.drop_index("ix_idempotency_expires_at", table_name="idempotency")

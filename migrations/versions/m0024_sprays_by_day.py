"""What the ledgers of naloxone say of a period, without reading them from their beginning."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index("ix_naloxone_event_happened_at", "naloxone_event", ["happened_at"])

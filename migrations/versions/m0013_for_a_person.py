"""What waits for a person is more than what nobody knows: refusals and deliveries that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0008"

_WAITS = (
    "state = 'needs_person'"
    " OR (state = 'refused'"
    " AND reason IN ('refused', 'country_not_allowed', 'text_refused', 'gave_up'))"
    " OR (state = 'accepted' AND reason = 'not_delivered')"
)


def upgrade() -> None:
    op.drop_index("ix_outbox_needs_person", table_name="outbox")
    op.create_index(
        "ix_outbox_for_a_person",
        "outbox",
        ["send_at", "id"],
        sqlite_where=sa.text(_WAITS),
        postgresql_where=sa.text(_WAITS),
    )

"""Messages that no provider took say so: they were shown, whatever is set by now."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute(
        "UPDATE outbox SET reason = 'shown_only' WHERE state = 'accepted' AND reason = 'taken'"
        " AND id IN (SELECT outbox_id FROM attempt WHERE outcome = 'accepted'"
        " AND (provider_id LIKE 'console-%' OR provider_id LIKE 'demo-%'))"
    )

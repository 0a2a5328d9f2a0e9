"""What became of a unit's own proposals, without reading those of all units."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index("ix_transfer_from_unit", "transfer", ["from_unit"])

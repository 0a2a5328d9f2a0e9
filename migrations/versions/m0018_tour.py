"""How far an account has come in the short tour of its first sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column(
        "account", sa.Column("tour_step", sa.Integer(), nullable=False, server_default="0")
    )

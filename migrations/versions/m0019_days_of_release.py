"""Who is released on a day, or has been out for so many days, unit by unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index(
        "ix_case_unit_release_on",
        "case_",
        ["unit", "release_on"],
        sqlite_where=sa.text("release_on IS NOT NULL"),
        postgresql_where=sa.text("release_on IS NOT NULL"),
    )

"""Participants are counted unit by unit from an index, and only those who came back as persons.

The index of units and phases also knows the admission: a day's list asks for the newest.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(
        "ix_case_taking_part",
        "case_",
        ["unit", "counted_apart", "joined_at", "left_at", "id"],
        unique=False,
        sqlite_where=sa.text("joined_at IS NOT NULL"),
        postgresql_where=sa.text("joined_at IS NOT NULL"),
    )
    op.create_index(
        "ix_case_apart",
        "case_",
        ["counted_as"],
        unique=False,
        sqlite_where=sa.text("counted_apart = 1"),
        postgresql_where=sa.text("counted_apart"),
    )
    op.drop_index("ix_case_unit_phase", "case_")
    op.create_index("ix_case_unit_phase", "case_", ["unit", "phase", "admitted_at"], unique=False)

"""Who put a task off and who handed it on, each by itself: one no longer overwrites the other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("task_desk", sa.Column("snoozed_by", sa.String(length=64), nullable=True))
    op.add_column("task_desk", sa.Column("assigned_by", sa.String(length=64), nullable=True))
    put_off, handed_on = ("snoozed_by", "snoozed_until"), ("assigned_by", "assigned_to")
    for (column, value), (_, other) in ((put_off, handed_on), (handed_on, put_off)):
        # Where both were done, `by` tells who did the later, and not which that was.
        op.execute(
            f'UPDATE task_desk SET {column} = "by" WHERE {value} IS NOT NULL AND {other} IS NULL'
        )

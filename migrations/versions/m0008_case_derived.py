"""What follows from the parts of a case stands in its row, so that lists and counts read one index.

The statements that fill the columns say in SQL what `cases.derived` says.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0008"
down_revision = "0007"

_ACCEPTED = (
    "FROM answer WHERE answer.case_id = case_.id AND answer.status = 'accepted' "
    "AND answer.undone_at IS NULL"
)
_APART = (
    "EXISTS (SELECT 1 FROM stay WHERE stay.case_id = case_.id AND (stay.seq > 1 "
    "OR stay.to_at IS NOT NULL OR stay.from_at > case_.joined_at))"
)
_TWICE = f"(SELECT count(*) {_ACCEPTED}) > 1"
_NEXT = "SELECT min(task.due_at) FROM task WHERE task.case_id = case_.id AND task.state = 'open'"
_PLAIN = "joined_at IS NOT NULL AND NOT counted_apart"
FILL = (
    f"UPDATE case_ SET next_due_at = ({_NEXT})",
    f"UPDATE case_ SET joined_at = (SELECT min(answer.happened_at) {_ACCEPTED})",
    f"UPDATE case_ SET counted_apart = ({_TWICE} OR {_APART}) WHERE joined_at IS NOT NULL",
    f"UPDATE case_ SET left_at = (SELECT answer.until_at {_ACCEPTED}) WHERE {_PLAIN}",
)


def upgrade() -> None:
    for column in ("next_due_at", "joined_at", "left_at"):
        op.add_column("case_", sa.Column(column, UtcDateTime(), nullable=True))
    op.add_column("case_", sa.Column("counted_apart", sa.Boolean(), nullable=True))
    for statement in FILL:
        op.execute(statement)
    op.create_index("ix_case_closed_at", "case_", ["closed_at"], unique=False)
    dated = {
        "sqlite_where": sa.text("next_due_at IS NOT NULL"),
        "postgresql_where": sa.text("next_due_at IS NOT NULL"),
    }
    op.create_index("ix_case_next_due_at", "case_", ["next_due_at", "ref"], unique=False, **dated)
    op.create_index(
        "ix_case_unit_next_due_at",
        "case_",
        ["unit", "next_due_at", "ref"],
        unique=False,
        **dated,
    )
    op.create_index(
        "ix_case_joined",
        "case_",
        ["counted_as", "joined_at", "left_at", "unit", "counted_apart", "id"],
        unique=False,
        sqlite_where=sa.text("joined_at IS NOT NULL"),
        postgresql_where=sa.text("joined_at IS NOT NULL"),
    )

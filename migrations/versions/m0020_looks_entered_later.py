"""How far the entries by which a person's looks are found have come (`cases.look_index`)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "access_listed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("up_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_access_listed_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_listed")),
    )
    # Until now every entry was made with its look. An empty log has no mark, which counts as none.
    op.execute(
        "INSERT INTO access_listed (id, up_to)"
        " SELECT 1, id FROM access_log ORDER BY id DESC LIMIT 1"
    )

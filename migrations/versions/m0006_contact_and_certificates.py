"""A neutral phone number per unit, and when certificates of distributors were recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0006"
down_revision = "0005"

_STANDING = "state IN ('proposed', 'checked')"


def upgrade() -> None:
    # Plain ALTER TABLE ADD: neither engine has to rebuild the table.
    op.add_column("distributor", sa.Column("recorded_at", UtcDateTime(), nullable=True))
    op.add_column("distributor", sa.Column("end_recorded_at", UtcDateTime(), nullable=True))
    op.create_table(
        "contact_phone",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed', 'checked', 'rejected', 'ended')",
            name=op.f("ck_contact_phone_state"),
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)",
            name=op.f("ck_contact_phone_decided_has_time"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_contact_phone_unit_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_phone")),
    )
    op.create_index(
        "uq_contact_phone_of_unit",
        "contact_phone",
        ["unit", "state"],
        unique=True,
        sqlite_where=sa.text(_STANDING),
        postgresql_where=sa.text(_STANDING),
    )

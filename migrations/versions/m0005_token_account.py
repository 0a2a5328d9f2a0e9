"""A token may belong to an account: it speaks for that person, and ends with the account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "token_account",
        sa.Column("token_id", key, autoincrement=False, nullable=False),
        sa.Column("account_id", key, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_token_account_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_token_account_token_id_api_token")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_token_account")),
    )
    op.create_index(op.f("ix_token_account_account_id"), "token_account", ["account_id"])
    op.create_index(op.f("ix_idempotency_expires_at"), "idempotency", ["expires_at"])

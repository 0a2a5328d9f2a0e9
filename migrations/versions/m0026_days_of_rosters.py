"""A list taken in keeps its day and its units, so that an older one is known when it comes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("import_run", sa.Column("named_on", sa.Date(), nullable=True))
    op.add_column("import_run", sa.Column("made_on", sa.Date(), nullable=True))
    op.add_column("import_run", sa.Column("units", sa.Text(), nullable=True))

"""The first schema: the whole domain, shaped so that later work adds and does not rebuild."""

from __future__ import annotations

from alembic import op

from core.append_only import append_only_ddl
from migrations.schema import APPEND_ONLY, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, connection.dialect.name):
            connection.exec_driver_sql(statement)

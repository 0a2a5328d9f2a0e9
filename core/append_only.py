"""Tables that only grow: the database itself refuses UPDATE, DELETE and TRUNCATE.

The triggers stop mistakes and careless hands; what somebody does who owns the database and drops
them is found by `core.chain`. On SQLite `INSERT OR REPLACE` deletes without asking a trigger unless
the connection has `recursive_triggers` on.

One way through exists, for retention: a purge writes a permit for that table, deletes, and takes
the permit back, all in one transaction. Nobody else ever sees the permit (it is never committed),
so the way is open for that transaction only; it works the same on SQLite and Postgres.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Column, Connection, String, Table, bindparam, delete, insert

from core.db import metadata

purge_permit: Final = Table(
    "purge_permit",
    metadata,
    Column("table_name", String, primary_key=True),
    comment="Empty, except inside the transaction of a purge.",
)

_PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,50}")
_GIVE: Final = insert(purge_permit).values(table_name=bindparam("purged"))
_TAKE_BACK: Final = delete(purge_permit).where(purge_permit.c.table_name == bindparam("purged"))


@contextmanager
def purging(tx: Connection, table: str) -> Iterator[None]:
    """Inside the block, and in this transaction only, rows of `table` may be deleted.

    When the block raises, the permit stays in the transaction: let it roll back.
    """
    tx.execute(_GIVE, {"purged": table})
    yield
    tx.execute(_TAKE_BACK, {"purged": table})


def append_only_ddl(table: str, dialect: str) -> list[str]:
    """The statements that make `table` append-only, for a migration to run one by one.

    `dialect` is `sqlite` or `postgresql`. The table `purge_permit` must exist before the first
    DELETE is tried. Safe with parameter styles: no percent sign, no colon before a word.
    """
    if _PLAIN_NAME.fullmatch(table) is None:
        raise ValueError("a table name is lower-case letters, digits and underscores")
    if dialect == "sqlite":
        return [words.format(table=table) for words in _SQLITE_TRIGGERS]
    if dialect == "postgresql":
        return [_POSTGRES_FUNCTION, *(words.format(table=table) for words in _POSTGRES_TRIGGERS)]
    raise ValueError("append-only tables are known on sqlite and postgresql")


_SQLITE_TRIGGERS: Final = (
    """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN
  SELECT RAISE(ABORT, '{table} is append-only, UPDATE refused');
END
""",
    """
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
WHEN NOT EXISTS (SELECT 1 FROM purge_permit WHERE table_name = '{table}')
BEGIN
  SELECT RAISE(ABORT, '{table} is append-only, DELETE refused');
END
""",
)

# Per statement, so that even a change of no row is refused; ALWAYS, so that the trigger also fires
# for a session that plays replica.
_POSTGRES_TRIGGERS: Final = (
    """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only",
)

_POSTGRES_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN
  IF TG_OP = 'DELETE'
     AND EXISTS (SELECT 1 FROM purge_permit WHERE table_name = TG_TABLE_NAME) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'restrict_violation',
    MESSAGE = TG_TABLE_NAME || ' is append-only, ' || TG_OP || ' refused';
END
$refuse$
"""

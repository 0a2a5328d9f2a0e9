"""Copies of a whole database, taken while others go on writing: one file, or one for each table.

SQLite: its own online copy, in one step inside a read transaction. In write-ahead mode that is a
snapshot, so no writer waits for it. Postgres: `COPY` of every table in one repeatable-read
transaction, so that no program of the server's (pg_dump) is needed here.
"""

from __future__ import annotations

import gzip
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, text

from core.db import Database, unhurried
from core.errors import UnsafeSettings

T = TypeVar("T")

SQLITE_FILE: Final = "overlev.db"
_ENDING: Final = ".copy.gz"
_PIECE: Final = 1 << 20
_TABLES: Final = text(
    "SELECT table_name FROM information_schema.tables"
    " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
)
_SEQUENCES: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()"
    " AND (column_default LIKE 'nextval(%' OR is_identity = 'YES')"
)


def dump(db: Database, into: Path, also: Callable[[Connection], T]) -> tuple[list[Path], T]:
    """Copy the database into the empty folder `into`; the files, each of them on the disk.

    With what `also` reads of the very same instant.
    """
    if db.is_sqlite:
        made = [_copy_sqlite(db, into)]
        copy = create_engine("sqlite://", creator=partial(_only_read, made[0]), poolclass=NullPool)
        with copy.connect() as tx:
            told = also(tx)
    else:
        with db.read() as tx:
            unhurried(tx)
            made = _copy_tables(tx, into)
            told = also(tx)
    for file in made:
        file.chmod(0o600)
        sync(file)
    return made, told


def _only_read(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    seen = sha256()
    with file.open("rb") as read:
        while piece := read.read(_PIECE):
            seen.update(piece)
    return seen.hexdigest()


def sync(file: Path) -> None:
    """Until it is on the disk; a folder too."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_sqlite(db: Database, into: Path) -> Path:
    target = into / SQLITE_FILE
    source_file = Path(str(db.url.database))
    with (
        closing(_only_read(source_file)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here
        source.backup(copy, pages=-1)
        source.rollback()
        # A file of its own, without a write-ahead log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise UnsafeSettings("the copy of the database is damaged: run `overlev doctor`")
    return target


def _copy_tables(tx: Connection, into: Path) -> list[Path]:
    made: list[Path] = []
    raw = _raw(tx)
    for table in tx.execute(_TABLES).scalars().all():
        target = into / f"{table}{_ENDING}"
        statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
        with (
            gzip.open(target, "wb", compresslevel=1) as out,
            raw.cursor() as cursor,
            cursor.copy(statement) as rows,
        ):
            for row in rows:
                out.write(row)
        made.append(target)
    return made


def load_tables(tx: Connection, come: Path, order: Iterable[str]) -> None:
    """Fill the empty tables of a Postgres database from a dump; `order` is that of foreign keys.

    Tables that the dump has and `order` does not know come last; sequences go on where they were.
    """
    files = {file.name.removesuffix(_ENDING): file for file in come.glob(f"*{_ENDING}")}
    known = [table for table in order if table in files]
    raw = _raw(tx)
    for table in [*known, *sorted(files.keys() - set(known))]:
        statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
        with (
            gzip.open(files[table], "rb") as read,
            raw.cursor() as cursor,
            cursor.copy(statement) as rows,
        ):
            while piece := read.read(_PIECE):
                rows.write(piece)
    for table, column in tx.execute(_SEQUENCES).all():
        with raw.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT setval(pg_get_serial_sequence({}, {}), coalesce(max({}), 0) + 1, false)"
                    " FROM {}"
                ).format(
                    sql.Literal(f'"{table}"'),
                    sql.Literal(column),
                    sql.Identifier(column),
                    sql.Identifier(table),
                )
            )


def drop_everything(tx: Connection) -> None:
    """Take every table of ours out of a Postgres database, to put a dump in its place."""
    raw = _raw(tx)
    for table in tx.execute(_TABLES).scalars().all():
        with raw.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(table)))


def _raw(tx: Connection) -> Any:
    """The driver's own connection, inside the same transaction."""
    return tx.connection.driver_connection

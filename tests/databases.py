"""Fresh databases for tests, on both engines: copies of one that is migrated, perhaps filled."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.postgres import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL


@dataclass(frozen=True, slots=True)
class Filling:
    """What many tests begin with, written once a session and copied: `fill` is given a URL.

    Whatever it writes must lie in that database alone, and it must close what it opened.
    """

    name: str
    fill: Callable[[str], None]


class Databases(Protocol):
    """Where the databases of one engine come from."""

    def create(self, *, migrated: bool, filled: Filling | None = None) -> str:
        """URL of a new database that nobody else uses: without any table, or migrated.

        A migrated one may be filled.
        """

    def drop(self, url: str) -> None:
        """Remove a database again, whoever is still connected."""


class SqliteFiles:
    """Databases that are files in a folder."""

    def __init__(self, folder: Path, shared: Path, upgrade: Callable[[str], None]) -> None:
        """Files go to `folder`; the template to `shared`, where other workers find it too."""
        self._folder = folder
        self._shared = shared
        self._upgrade = upgrade
        self._number = itertools.count(1)

    def create(self, *, migrated: bool, filled: Filling | None = None) -> str:
        """See Databases."""
        path = self._folder / f"{next(self._number)}.sqlite"
        if migrated:
            shutil.copyfile(self._template(filled), path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """See Databases; -wal and -shm are files of a database in write-ahead mode."""
        path = make_url(url).database
        for ending in ("", "-wal", "-shm"):
            (self._folder / f"{path}{ending}").unlink(missing_ok=True)

    def _template(self, filled: Filling | None) -> Path:
        template = self._shared / f"{_name_of(filled)}.sqlite"
        with locked(template.with_suffix(".lock")):
            if not template.exists():
                making = template.with_suffix(".making")
                making.unlink(missing_ok=True)
                if filled is None:
                    self._upgrade(f"sqlite:///{making}")
                else:
                    shutil.copyfile(self._template(None), making)
                    filled.fill(f"sqlite:///{making}")
                _fold_write_ahead_log(making)
                making.rename(template)
        return template


class PostgresDatabases:
    """Databases of one Postgres server."""

    def __init__(self, server_url: str, shared: Path, upgrade: Callable[[str], None]) -> None:
        """`server_url` names any database of the server; `shared` is the session's folder."""
        self._server = make_url(server_url)
        self._run = f"{shared.name.replace('-', '_')}".lower()
        self._shared = shared
        self._upgrade = upgrade
        self._number = itertools.count(1)

    def create(self, *, migrated: bool, filled: Filling | None = None) -> str:
        """See Databases."""
        name = f"{self._run}_{os.getpid()}_{next(self._number)}"
        self._create(name, self._template(filled) if migrated else "template0")
        return self._url(name)

    def drop(self, url: str) -> None:
        """See Databases."""
        self._drop(make_url(url).database or "")

    def drop_all(self) -> None:
        """Remove every database of this session (on a server that outlives it)."""
        with self._connect() as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._run]
            ).fetchall()
        for (name,) in names:
            self._drop(name)

    def _template(self, filled: Filling | None) -> str:
        made = self._shared / f"{_name_of(filled)}.postgres"
        with locked(made.with_suffix(".postgres-lock")):
            if not made.exists():
                name = f"{self._run}_{_name_of(filled)}"
                self._drop(name)  # a half-made one, of an upgrade that failed
                self._create(name, "template0" if filled is None else self._template(None))
                (self._upgrade if filled is None else filled.fill)(self._url(name))
                made.write_text(name)
        return made.read_text()

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with self._connect() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _drop(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _url(self, name: str) -> str:
        return _readable(self._server.set(database=name))

    def _connect(self) -> psycopg.Connection[tuple[str]]:
        return psycopg.connect(
            _readable(self._server.set(drivername="postgresql")), autocommit=True
        )


def _name_of(filled: Filling | None) -> str:
    return "template" if filled is None else f"template_{filled.name}"


def _readable(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _fold_write_ahead_log(path: Path) -> None:
    """Bring everything into the file itself, so that copying one file copies the database."""
    connection = sqlite3.connect(path)
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if busy:
        message = f"{path.name} is still open after the upgrade: dispose of its engine"
        raise RuntimeError(message)

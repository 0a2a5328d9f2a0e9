"""Databases to measure in: fresh, migrated, with units and staff, on both engines.

SQLite lies on the disk that holds the temporary folder, Postgres runs with its own durability (the
tests' server without their shortcuts), both as they run in an installation.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import Connection, make_url

from app.demo.staff import units_and_staff
from app.migrate import migrate
from bench.clock import BEGINNING
from cases.registry import register_national
from cases.vault import Secrets
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore
from tests import postgres

SECRET: Final = "a benchmark keeps figures and no secrets"  # noqa: S105 - it guards nothing


class Places:
    """Makes databases in one temporary folder; Postgres starts when it is first asked for."""

    def __init__(self, stack: ExitStack, parent: str | None) -> None:
        self._stack = stack
        self.folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="overlev-bench-", dir=parent))
        )
        self._server: str | None = None
        self._postmaster: int | None = None
        self._made = 0

    def new(self, engine: str) -> Place:
        """An empty database with its schema, units and staff. `engine`: sqlite or postgres."""
        self._made += 1
        name = f"bench{self._made}"
        url = self._postgres(name, "template0") if engine == "postgres" else self._sqlite(name)
        place = self._open(url, self.folder / f"{name}.keys.db")
        migrate(place.db)
        place.keys.prepare()
        place.db.transact(lambda tx: _furnish(tx, BEGINNING))
        return place

    def copy(self, place: Place) -> Place:
        """Another database that holds the same, under the same keys. Closes the first one."""
        self._made += 1
        name = f"bench{self._made}"
        keys = self.folder / f"{name}.keys.db"
        place.close()
        shutil.copyfile(place.keys_file, keys)
        if place.sqlite_file is None:
            url = self._postgres(name, str(make_url(place.url).database))
        else:
            url = self._sqlite(name)
            shutil.copyfile(place.sqlite_file, self.folder / f"{name}.db")
        return self._open(url, keys)

    def reopened(self, place: Place) -> Place:
        """The same database, opened again."""
        return self._open(place.url, place.keys_file)

    def drop(self, place: Place) -> None:
        """Close a database and give its room back."""
        place.close()
        if place.sqlite_file is not None:
            place.sqlite_file.unlink(missing_ok=True)
            return
        server = make_url(self._start()).set(drivername="postgresql")
        with psycopg.connect(server.render_as_string(), autocommit=True) as connection:
            name = sql.Identifier(str(make_url(place.url).database))
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def server_cpu(self, place: Place) -> Callable[[], float] | None:
        """Seconds of CPU that the server of a database has used; None for SQLite, or elsewhere."""
        if place.sqlite_file is not None or self._postmaster is None:
            return None
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children")
        if not children.exists():
            return None

        def used() -> float:
            total = 0
            for child in children.read_text(encoding="ascii").split():
                with suppress(OSError):
                    spent = Path(f"/proc/{child}/schedstat").read_text(encoding="ascii")
                    total += int(spent.split()[0])
            return total / 1e9

        return used

    def _open(self, url: str, keys_file: Path) -> Place:
        ring = KeyRing.derive(SECRET)
        keys = KeyStore(f"sqlite:///{keys_file}", ring)
        place = Place(url, keys_file, Database(url, secrets=Secrets(ring, keys), patience=30), keys)
        self._stack.callback(place.close)
        return place

    def _sqlite(self, name: str) -> str:
        return f"sqlite:///{self.folder / f'{name}.db'}"

    def _postgres(self, name: str, template: str) -> str:
        server = make_url(self._start()).set(drivername="postgresql")
        with psycopg.connect(server.render_as_string(), autocommit=True) as connection:
            _met["postgres"] = connection.info.parameter_status("server_version") or "unknown"
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return make_url(self._start()).set(database=name).render_as_string(hide_password=False)

    def _start(self) -> str:
        if self._server is None:
            given = os.environ.get(postgres.GIVEN_URL)
            if given:
                self._server = given
            else:
                folder = postgres.session_folder()
                self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
                self._server = postgres.start(folder, postgres.DURABLE)
                self._stack.callback(postgres.stop, folder)
                said = (folder / "pg" / "postmaster.pid").read_text(encoding="utf-8")
                self._postmaster = int(said.splitlines()[0])
        return self._server


@dataclass(slots=True)
class Place:
    """One database with its keys, open."""

    url: str
    keys_file: Path
    db: Database
    keys: KeyStore

    @property
    def engine(self) -> str:
        """`sqlite` or `postgres`."""
        return "sqlite" if self.db.is_sqlite else "postgres"

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file, None on Postgres."""
        return Path(str(make_url(self.url).database)) if self.db.is_sqlite else None

    def raw(self) -> sqlite3.Connection | psycopg.Connection[tuple[object, ...]]:
        """A connection of the driver itself, as durable as ours; nothing begins by itself."""
        if self.sqlite_file is None:
            plain = make_url(self.url).set(drivername="postgresql")
            return psycopg.connect(
                plain.render_as_string(hide_password=False),
                autocommit=True,
                options="-c timezone=UTC",
            )
        connection = sqlite3.connect(
            self.sqlite_file, isolation_level=None, check_same_thread=False
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def close(self) -> None:
        """Give all connections back; on SQLite the last one folds the write-ahead log in."""
        self.db.close()
        self.keys.close()


@contextmanager
def places(parent: str | None = None) -> Iterator[Places]:
    """Databases for as long as the block runs; nothing stays behind. `parent`: in that folder."""
    with ExitStack() as stack:
        yield Places(stack, parent)


def in_memory() -> str | None:
    """A folder whose files lie in memory, where there is one."""
    memory = "/dev/shm"  # noqa: S108 - a private folder is made in it
    return memory if os.access(memory, os.W_OK) else None


def postgres_version() -> str:
    """The version of the Postgres that this run used."""
    return _met.get("postgres", "(not used)")


_met: Final[dict[str, str]] = {}


def _furnish(tx: Connection, now: datetime) -> None:
    register_national(tx, now=now)
    units_and_staff(tx, "a long enough password", now=now)

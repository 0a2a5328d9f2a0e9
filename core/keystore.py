"""One key per person, apart from the domain database, so that erasing a key erases the person.

A key is random, wrapped by the current master key, and stands in a database of its own (`keys.db`,
or another Postgres database) with backups of its own. Keys are committed here before the domain's
transaction uses them; a key whose person was never written is harmless. Destroying a key makes
everything sealed with it unreadable for good, while counts and log chains stay whole.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from core.crypto import KEY_BYTES, KeyRing, decrypt, encrypt
from core.db import Database, UtcDateTime
from core.errors import NotFound, UnsafeSettings

BATCH: Final = 5_000
"""Keys written or read with one statement; a transaction holds the store for about 50 ms."""

REMEMBERED: Final = 10_000
"""Unwrapped keys kept in memory, the last used (0.3 kB each)."""

REMEMBERED_FOR: Final = 300.0
"""Seconds after which a key is read anew: another process may have destroyed it."""

# Not the domain's metadata: these tables live in another database.
_metadata: Final = MetaData()

person_key: Final = Table(
    "person_key",
    _metadata,
    Column("pseudonym", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_id", String, nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)
# Whom this store forgot, so that a backup of the domain's database brings nobody back.
destroyed: Final = Table(
    "destroyed",
    _metadata,
    Column("pseudonym", String, primary_key=True),
    Column("at", UtcDateTime, nullable=True),
)
# Which lookup key this installation was made with: a wrong secret would otherwise start quietly,
# find nobody, and write new people under keys that the others cannot read.
ring_mark: Final = Table("ring_mark", _metadata, Column("lookup_id", String, primary_key=True))


class KeyDestroyed(NotFound):
    """There is no key for that person: erased, or never made."""

    message_key = "error.key_destroyed"


class KeyStore:
    """The store at `url` (SQLAlchemy, SQLite or Postgres), opened with the installation's ring."""

    def __init__(self, url: str, ring: KeyRing) -> None:
        if url.startswith("sqlite"):
            _make_private(Path(url.partition("///")[2]))
        self._db = Database(url, setting="OVERLEV_KEYS_URL")
        if self._db.is_sqlite:
            event.listen(self._db.engine, "connect", _overwrite_deleted)
        self._ring = ring
        self._known: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make the tables where they are missing and check that the ring belongs to this store.

        Raises `UnsafeSettings` when the store was made with other secrets.
        """
        with self._db.write() as tx:
            if not self._db.is_sqlite:
                # Two machines starting at once would both try to make the tables.
                tx.execute(_ONE_AT_A_TIME)
            _metadata.create_all(tx)
            if not self._is_marked(tx):
                tx.execute(insert(ring_mark), {"lookup_id": self._ring.lookup.id})

    def is_made(self) -> bool:
        """Whether somebody has prepared this store before."""
        with self._db.read() as tx:
            return inspect(tx).has_table(ring_mark.name) and self._is_marked(tx)

    def check(self) -> None:
        """The check of `prepare` alone, of a store that was made; nothing is written."""
        with self._db.read() as tx:
            self._is_marked(tx)

    def _is_marked(self, tx: Connection) -> bool:
        marked = tx.execute(select(ring_mark.c.lookup_id)).scalars().all()
        if marked and marked != [self._ring.lookup.id]:
            raise UnsafeSettings(
                "the key store was made with other secrets: put back the OVERLEV_SECRET_KEY or"
                " secrets.json it was made with"
            )
        return bool(marked)

    def create_many(self, pseudonyms: Iterable[str], *, now: datetime) -> dict[str, bytes]:
        """A new key for each pseudonym, committed before this returns."""
        made: dict[str, bytes] = {}
        master = self._ring.master
        for some in _batches(pseudonyms):
            keys = {pseudonym: os.urandom(KEY_BYTES) for pseudonym in some}
            rows = [
                {
                    "pseudonym": pseudonym,
                    "wrapped": encrypt(master.secret, key, aad=_aad(pseudonym)),
                    "master_id": master.id,
                    "created_at": now,
                }
                for pseudonym, key in keys.items()
            ]
            with self._db.write() as tx:
                tx.execute(_INSERT, rows)
            made.update(keys)
            self._remember(keys)
        return made

    def get(self, pseudonym: str) -> bytes:
        """The key of one person. Raises `KeyDestroyed`."""
        try:
            return self.get_many((pseudonym,))[pseudonym]
        except KeyError:
            raise KeyDestroyed(
                "the key of this person is destroyed: nothing can be shown"
            ) from None

    def get_many(self, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """The keys that are there; who was erased is left out. Raises `CannotDecrypt`."""
        found: dict[str, bytes] = {}
        unknown: list[str] = []
        oldest = time.monotonic() - REMEMBERED_FOR
        with self._lock:
            for pseudonym in pseudonyms:
                key, since = self._known.get(pseudonym, _NOT_KNOWN)
                if since < oldest:
                    unknown.append(pseudonym)
                else:
                    self._known.move_to_end(pseudonym)
                    found[pseudonym] = key
        for some in _batches(unknown):
            with self._db.read() as tx:
                rows = tx.execute(_SELECT, {"some": some}).all()
            read = {
                row.pseudonym: decrypt(
                    self._ring.key(row.master_id).secret, row.wrapped, aad=_aad(row.pseudonym)
                )
                for row in rows
            }
            self._remember(read)
            found.update(read)
        return found

    def destroy(self, pseudonym: str, *, now: datetime | None = None) -> bool:
        """Destroy a person's key for good; False if there was none. That it was is remembered.

        On SQLite the bytes are overwritten in the file and the write-ahead log is emptied. Other
        processes forget what they remember within `REMEMBERED_FOR`.
        """
        with self._db.write() as tx:
            gone = tx.execute(_DELETE, {"person": pseudonym}).rowcount > 0
            if tx.execute(_WAS_DESTROYED, {"person": pseudonym}).first() is None:
                tx.execute(insert(destroyed), {"pseudonym": pseudonym, "at": now})
        self.forget((pseudonym,))
        if self._db.is_sqlite:
            with self._db.engine.connect() as connection:
                raw: Any = connection.connection.dbapi_connection
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def forget(self, pseudonyms: Iterable[str]) -> None:
        """Drop remembered keys, for a process that learns that somebody was erased elsewhere."""
        with self._lock:
            for pseudonym in pseudonyms:
                self._known.pop(pseudonym, None)

    def use_ring(self, ring: KeyRing) -> None:
        """Go on with a rotated ring (same lookup key); then call `rewrap_all`."""
        if ring.lookup != self._ring.lookup:
            raise ValueError("the lookup key cannot be rotated")
        self._ring = ring

    def rewrap_all(self) -> int:
        """Wrap every key that an older master key wraps with the current one; how many it was.

        In batches, each its own transaction; may be cut short and run again. The ring with both
        master keys must be kept safe before this starts, the old one forgotten only after it ends.
        """
        count = 0
        master = self._ring.master
        while True:
            with self._db.write() as tx:
                rows = tx.execute(_SELECT_OLD, {"current": master.id, "most": BATCH}).all()
                if not rows:
                    return count
                tx.execute(_REWRAP, [self._rewrapped(row) for row in rows])
            count += len(rows)

    def master_ids(self) -> set[str]:
        """The master keys that still wrap something: none of them may be forgotten."""
        with self._db.read() as tx:
            return set(tx.execute(select(person_key.c.master_id).distinct()).scalars())

    def pseudonyms(self) -> Iterator[str]:
        """Everybody who has a key, in order: for `doctor` and the replay of erasures."""
        with self._db.read() as tx:
            found = tx.execute(select(person_key.c.pseudonym).order_by(person_key.c.pseudonym))
            yield from found.scalars().all()

    def destroyed(self) -> set[str]:
        """Everybody whose key was destroyed."""
        with self._db.read() as tx:
            return set(tx.execute(select(destroyed.c.pseudonym)).scalars())

    def written_out(self) -> Iterator[str]:
        """Every wrapped key and every destroyed one, a line of JSON each: for backups."""
        with self._db.read() as tx:
            yield json.dumps({"ring": self._ring.lookup.id})
            keys = tx.execute(select(person_key), execution_options={"yield_per": 1000})
            for row in keys:
                yield json.dumps(
                    {
                        "key": row.pseudonym,
                        "wrapped": base64.b64encode(row.wrapped).decode("ascii"),
                        "master": row.master_id,
                        "at": row.created_at.isoformat(),
                    }
                )
            for row in tx.execute(select(destroyed)):
                at = row.at.isoformat() if row.at is not None else None
                yield json.dumps({"destroyed": row.pseudonym, "at": at})

    def take_in(self, lines: Iterable[str]) -> tuple[int, set[str]]:
        """Put back keys from a backup, but none that is there or was destroyed, here or there.

        A key that no master key of the ring wraps is left out: another copy may know it rewrapped.
        Returns how many, and who was destroyed by then. Raises `UnsafeSettings` for a backup made
        with other secrets.
        """
        read = [json.loads(line) for line in lines]
        if not read or read[0].get("ring") != self._ring.lookup.id:
            raise UnsafeSettings(
                "the keys in the backup were made with other secrets: put back the secrets.json or"
                " OVERLEV_SECRET_KEY they were made with"
            )
        gone = {each["destroyed"]: each["at"] for each in read if "destroyed" in each}
        with self._db.write() as tx:
            before = set(tx.execute(select(destroyed.c.pseudonym)).scalars())
            there = set(tx.execute(select(person_key.c.pseudonym)).scalars())
            known = there | before | gone.keys()
            rows = [
                {
                    "pseudonym": each["key"],
                    "wrapped": base64.b64decode(each["wrapped"]),
                    "master_id": each["master"],
                    "created_at": datetime.fromisoformat(each["at"]),
                }
                for each in read
                if "key" in each and self._ring.holds(each["master"]) and each["key"] not in known
            ]
            if rows:
                tx.execute(_INSERT, rows)
            new = [
                {"pseudonym": name, "at": datetime.fromisoformat(at) if at else None}
                for name, at in gone.items()
                if name not in before
            ]
            if new:
                tx.execute(insert(destroyed), new)
        return len(rows), set(gone)

    def close(self) -> None:
        self._db.close()

    def _rewrapped(self, row: Any) -> dict[str, object]:
        aad = _aad(row.pseudonym)
        key = decrypt(self._ring.key(row.master_id).secret, row.wrapped, aad=aad)
        master = self._ring.master
        return {
            "person": row.pseudonym,
            "now_wrapped": encrypt(master.secret, key, aad=aad),
            "now_master": master.id,
        }

    def _remember(self, keys: dict[str, bytes]) -> None:
        now = time.monotonic()
        with self._lock:
            self._known.update({pseudonym: (key, now) for pseudonym, key in keys.items()})
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _aad(pseudonym: str) -> bytes:
    # A wrapped key copied to another person's row does not open.
    return b"person_key " + pseudonym.encode()


def _batches(pseudonyms: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(pseudonyms)
    while some := list(islice(rest, BATCH)):
        yield some


def _make_private(file: Path) -> None:
    # SQLite gives its -wal and -shm files the mode of the database file.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def _overwrite_deleted(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    raw: Any = connection
    raw.execute("PRAGMA secure_delete = ON")


_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(715517)")
_NOT_KNOWN: Final = (b"", float("-inf"))
_INSERT: Final = insert(person_key)
_SELECT: Final = select(person_key.c.pseudonym, person_key.c.wrapped, person_key.c.master_id).where(
    person_key.c.pseudonym.in_(bindparam("some", expanding=True))
)
_DELETE: Final = delete(person_key).where(person_key.c.pseudonym == bindparam("person"))
_WAS_DESTROYED: Final = select(destroyed.c.pseudonym).where(
    destroyed.c.pseudonym == bindparam("person")
)
_SELECT_OLD: Final = (
    select(person_key.c.pseudonym, person_key.c.wrapped, person_key.c.master_id)
    .where(person_key.c.master_id != bindparam("current"))
    .limit(bindparam("most"))
    .with_for_update()
)
_REWRAP: Final = (
    update(person_key)
    .where(person_key.c.pseudonym == bindparam("person"))
    .values(wrapped=bindparam("now_wrapped"), master_id=bindparam("now_master"))
)

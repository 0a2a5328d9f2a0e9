"""Making an installation, whole or not at all; opening one is `cases.installation`.

The folder's marker is written last, so that an attempt that was cut short is simply done again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases.access import OPERATOR
from cases.installation import (
    Installation,
    clock_of,
    known_schemas,
    open_installation,
    refuse_no_schema,
    schema_of,
    secret_key_of,
    sqlite_file,
)
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.tables import access_log
from cases.vault import Secrets
from core.db import Database
from core.errors import UnsafeSettings
from core.folder import DataFolder
from core.keystore import KeyStore
from core.settings import Settings

__all__ = [
    "DEMO_MADE",
    "INSTALLED",
    "Installation",
    "create_installation",
    "known_schemas",
    "open_installation",
    "refuse_no_schema",
    "schema_of",
    "sqlite_file",
]

INSTALLED: Final = "installation_made"
DEMO_MADE: Final = "demo_made"
"""The first row of the system's chain in the access log, telling what the database is for."""

_MADE_AS: Final = select(access_log.c.id).where(
    access_log.c.scope == SYSTEM_SCOPE, access_log.c.verb == bindparam("verb")
)

# Ours, whole or half-made; a file system's own folder may stand beside them.
_OURS: Final = re.compile(
    r"\.?(secrets\.json|folder\.json|overlev\.db|keys\.db|demo|up|prefect|backups)([.-]\w+)?"
)
_NOT_OURS_BUT_HARMLESS: Final = frozenset({"lost+found"})


def create_installation(
    settings: Settings,
    *,
    demo: bool,
    now: datetime | None = None,
    fill: Callable[[Connection, datetime], None] | None = None,
) -> Installation:
    """Make the folder `settings.data`, its databases and keys, and open it.

    `fill` puts in what a new demo holds, in the transaction that finishes the database: all of it
    or nothing. Raises `UnsafeSettings` where a data folder, or anything else, stands already.
    """
    from app.migrate import migrate

    clock = clock_of(now, demo=demo)
    path = settings.data
    if DataFolder.exists(path):
        raise UnsafeSettings(f"{path} is a data folder already: use it, or name another")
    _refuse_other_files(path)
    secret_key = secret_key_of(settings)
    ring = DataFolder.prepare(path, secret_key=secret_key)
    _make_private(sqlite_file(settings.database_url_in_use))
    keys = KeyStore(settings.keys_url_in_use, ring)
    db = Database(settings.database_url_in_use, secrets=Secrets(ring, keys))
    try:
        migrate(db)
        _refuse_a_new_key_store(db, keys)
        keys.prepare()
        at = clock()
        db.transact(lambda tx: _furnish(tx, demo=demo, now=at, fill=fill))
        folder = DataFolder.create(path, demo=demo, made_at=at, secret_key=secret_key)
    except BaseException:
        db.close()
        keys.close()
        raise
    return Installation(folder, settings, db, keys, ring, clock)


def _make_private(file: Path | None) -> None:
    """SQLite gives its helper files the mode of the database, so that is set first."""
    if file is not None:
        try:
            file.touch(mode=0o600)
        except OSError as failed:
            raise UnsafeSettings(
                f"{file} cannot be made ({failed.strerror}): check the path and rights"
            ) from failed


def _furnish(
    tx: Connection,
    *,
    demo: bool,
    now: datetime,
    fill: Callable[[Connection, datetime], None] | None,
) -> None:
    from cases.registry import register_national

    _refuse_the_other_kind(tx, demo=demo)
    if fill is not None:
        fill(tx, now)
    register_national(tx, now=now)
    verb = DEMO_MADE if demo else INSTALLED
    made = AccessRow(SYSTEM_SCOPE, now, OPERATOR.account, OPERATOR.role.value, verb)
    append(tx, [made], now=now)


def _refuse_the_other_kind(tx: Connection, *, demo: bool) -> None:
    """A database that exists already may be joined, but real and invented people never meet."""
    other = INSTALLED if demo else DEMO_MADE
    if tx.execute(_MADE_AS, {"verb": other}).first() is not None:
        raise UnsafeSettings(
            "the database belongs to a real installation and cannot become a demo: name another"
            if demo
            else "the database belongs to a demo and cannot hold real persons: name another"
        )


def _refuse_a_new_key_store(db: Database, keys: KeyStore) -> None:
    """Who joins a database joins its keys, or everybody in it would be shown as erased.

    Worse: whoever is taken in here would be known here alone. Before the store is made: an attempt
    that was cut short has left one.
    """
    with db.read() as tx:
        joins = any(tx.execute(_MADE_AS, {"verb": verb}).first() for verb in (INSTALLED, DEMO_MADE))
    if joins and not keys.is_made():
        raise UnsafeSettings(
            "the database is an installation's already, and its keys are elsewhere: set"
            " OVERLEV_KEYS_URL to the key store of that installation, as on its other machines"
        )


def _refuse_other_files(path: Path) -> None:
    """A new data folder begins empty; what an unfinished attempt left may stand there."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return
    except OSError as failed:
        raise UnsafeSettings(
            f"{path} cannot be used as a data folder ({failed.strerror}): name another"
        ) from failed
    for name in names:
        if _OURS.fullmatch(name) is None and name not in _NOT_OURS_BUT_HARMLESS:
            raise UnsafeSettings(f"{path} holds other files ({name}): name a new or empty folder")
    path.chmod(0o700)

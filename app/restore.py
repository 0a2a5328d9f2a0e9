"""`overlev restore`: a backup put in the place of what stands in the data folder.

Nothing may run on the folder. Who is erased stays erased: everybody whom the folder, its key store,
this backup or any other backup beside it knows to be erased is erased anew. A backup that lacks log
rows which were recorded once is older than what happened here, and is refused unless forced.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text, update
from sqlalchemy.exc import DBAPIError

from app.migrate import migrate, upgrade_to
from app.up import only_one
from cases import backup
from cases.access import OPERATOR
from cases.backup import Heads, Manifest
from cases.erasure import finish
from cases.installation import Installation, open_installation, secret_key_of, sqlite_file
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.tables import invitation, shown
from cases.web_sessions import end_all
from core.alone import alone
from core.chain import read_heads
from core.clock import system_now
from core.crypto import KeyRing
from core.db import Database, metadata, unhurried
from core.dumping import SQLITE_FILE, drop_everything, load_tables, sync
from core.errors import Busy, Refused, UnsafeSettings
from core.folder import DataFolder
from core.keystore import KeyStore
from core.settings import Settings

RESTORED: Final = "restored"
LEAVE_WITHIN: Final = 2.0
"""Seconds in which whoever has just ended is gone from the server's list."""

_OTHERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
REPLACED: Final = "replaced"
"""Where the database lies that a backup took the place of, until somebody takes it away."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: a copy of which instant, keys taken in, persons erased anew.

    `lost` rows of the logs, and `sessions` that were ended.
    """

    manifest: Manifest
    keys: int
    erased: int
    lost: int
    sessions: int


def restore(
    settings: Settings, come: Path, *, keys_from: Path | None = None, force: bool = False
) -> Restored:
    """Put a backup back; the folder is made if there is none. Raises `UnsafeSettings`, `Refused`.

    `come` is the folder that `overlev backup` got, or one copy in it; `keys_from` the folder of
    the keys if it is another.
    """
    copy = backup.newest(come)
    beside = copy.parents[1]
    keys_dir = keys_from or beside / "keys"
    ring = _ring(settings, keys_dir)
    manifest = backup.read(copy, ring)
    url = settings.database_url_in_use
    if (sqlite_file(url) is None) != (manifest.engine == "postgresql"):
        raise UnsafeSettings(
            f"the backup is of {manifest.engine}, the database of the settings is not: set"
            " OVERLEV_DATABASE_URL to one of the same kind"
        )
    # The locks lie in it.
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.data), alone(settings.data):
        _refuse_connected(settings)
        lost = _refuse_older(settings, manifest, beside, force=force)
        gone = _erased_before(settings) | _erased_beside(beside, keys_dir)
        _replace(settings, manifest)
        if not DataFolder.exists(settings.data):
            DataFolder.create(
                settings.data,
                demo=manifest.demo,
                made_at=manifest.made_at,
                secret_key=secret_key_of(settings),
            )
        taken, also = _take_keys(settings, ring, keys_dir)
        with open_installation(settings, any_schema=True) as house:
            migrate(house.db)
            erased, sessions = _finish(house, gone | also)
            backup.record_heads(house)
    return Restored(manifest, taken, erased, lost, sessions)


def _ring(settings: Settings, keys_dir: Path) -> KeyRing:
    """The secrets of the folder; a demo's may come from its backup. Raises `UnsafeSettings`."""
    secret_key = secret_key_of(settings)
    if secret_key:
        return KeyRing.derive(secret_key)
    target = settings.data / "secrets.json"
    kept = keys_dir / backup.RING
    if not target.is_file() and kept.is_file():
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(kept, target)
        target.chmod(0o600)
    if not target.is_file():
        raise UnsafeSettings(
            f"no keys: put the recovery key as {target} (mode 0600), or set OVERLEV_SECRET_KEY;"
            " the backup does not hold it"
        )
    try:
        return KeyRing.from_json(target.read_text("utf-8"))
    except (OSError, ValueError):
        raise UnsafeSettings(
            f"{target} cannot be read as keys: put the recovery key back"
        ) from None


def _refuse_older(settings: Settings, manifest: Manifest, beside: Path, *, force: bool) -> int:
    """How many recorded rows would be lost. Raises `Refused` unless forced."""
    lost = 0
    for recorded in _recorded(settings, manifest, beside):
        missing = backup.lost(recorded, manifest.heads)
        if missing < 0 and not force:
            raise Refused(
                "the backup tells another history than the one recorded here: it is of another"
                " installation, or somebody changed a log. Run `overlev audit verify`; --force"
                " puts it back all the same"
            )
        lost = max(lost, missing)
    if lost and not force:
        rows = "one log row" if lost == 1 else f"{lost} log rows"
        raise Refused(
            f"the backup is older than what was recorded here: {rows} would be lost. Use a"
            " newer backup; --force puts this one back all the same"
        )
    return lost


def _recorded(settings: Settings, manifest: Manifest, beside: Path) -> Iterator[Heads]:
    yield backup.recorded_heads(settings.data)
    there = _heads_there(settings)
    if there is not None:
        yield there
    for other in sorted((beside / "data").glob("[0-9]*Z")):
        if other != manifest.folder:
            with contextlib.suppress(OSError, ValueError, KeyError):
                said = json.loads((other / backup.MANIFEST).read_text("utf-8"))["heads"]
                yield {name: (seq, mac) for name, (seq, mac) in said.items()}


def _heads_there(settings: Settings) -> Heads | None:
    """The heads of the database that stands there now, None where none can be read."""
    with _there(settings) as db:
        if db is None:
            return None
        try:
            with db.read() as tx:
                return backup.heads_of(read_heads(tx))
        except (DBAPIError, Busy):
            return None


def _refuse_connected(settings: Settings) -> None:
    """On Postgres other machines may work with the database. Raises `UnsafeSettings`."""
    if sqlite_file(settings.database_url_in_use) is not None:
        return
    with _there(settings) as db:
        until = time.monotonic() + LEAVE_WITHIN
        while db is not None:
            with db.read() as tx:
                others = tx.execute(_OTHERS).scalar_one()
            if not others:
                return
            if time.monotonic() > until:
                raise UnsafeSettings(
                    f"{others} others are connected to the database: stop every `overlev web` and"
                    " `overlev worker`, on all machines"
                )
            time.sleep(0.1)


@contextlib.contextmanager
def _there(settings: Settings) -> Iterator[Database | None]:
    file = sqlite_file(settings.database_url_in_use)
    if file is not None and not file.is_file():
        yield None
        return
    db = Database(settings.database_url_in_use)
    try:
        yield db
    finally:
        db.close()


def _erased_before(settings: Settings) -> set[str]:
    """Whom the database that stands there now knows to be erased."""
    with _there(settings) as db:
        if db is None:
            return set()
        try:
            with db.read() as tx:
                return set(tx.execute(text("SELECT person_ref FROM erasure")).scalars())
        except (DBAPIError, Busy):
            return set()


def _erased_beside(beside: Path, keys_dir: Path) -> set[str]:
    """Whom any backup beside this one knows to be erased; newer ones know more."""
    gone = backup.noted_erased(beside)
    for other in (beside / "data").glob("[0-9]*Z"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            gone |= set(json.loads((other / backup.MANIFEST).read_text("utf-8"))["erased"])
    for file in backup.keys_in(keys_dir):
        with contextlib.suppress(OSError, ValueError, EOFError):
            gone |= _destroyed_in(file)
    return gone


def _destroyed_in(file: Path) -> set[str]:
    with gzip.open(file, "rt", encoding="ascii") as lines:
        return {said["destroyed"] for line in lines if "destroyed" in (said := json.loads(line))}


def _replace(settings: Settings, manifest: Manifest) -> None:
    file = sqlite_file(settings.database_url_in_use)
    if file is None:
        db = Database(settings.database_url_in_use)
        try:
            with db.write() as tx:
                unhurried(tx)
                drop_everything(tx)
                upgrade_to(tx, manifest.schema)
                order = [table.name for table in metadata.sorted_tables]
                tx.execute(text("DELETE FROM alembic_version"))
                load_tables(tx, manifest.folder, order)
        finally:
            db.close()
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.restoring")
    shutil.copyfile(manifest.folder / SQLITE_FILE, new)
    new.chmod(0o600)
    sync(new)
    if file.exists():
        aside = file.with_name(f"{file.name}.{REPLACED}")
        for ending in ("", "-wal", "-shm"):
            part = file.with_name(file.name + ending)
            if part.exists():
                part.replace(aside.with_name(aside.name + ending))
    new.replace(file)
    sync(file.parent)


def _take_keys(settings: Settings, ring: KeyRing, keys_dir: Path) -> tuple[int, set[str]]:
    """Keys that the store does not have, from the newest copy that knows them; who was erased."""
    keys = KeyStore(settings.keys_url_in_use, ring)
    taken, gone = 0, set[str]()
    try:
        keys.prepare()
        for file in reversed(backup.keys_in(keys_dir)):
            with gzip.open(file, "rt", encoding="ascii") as lines:
                more, destroyed = keys.take_in(lines)
            taken += more
            gone |= destroyed
    finally:
        keys.close()
    return taken, gone


def _finish(house: Installation, gone: set[str]) -> tuple[int, int]:
    """Erase anew, and shut the doors that stood open in the copy: how many persons and sessions.

    What has ended since the backup (a sign-out, a used invitation, a disabled account) would be
    good again: everybody signs in anew.
    """
    now = system_now()
    erased = finish(house.db, house.keys, OPERATOR, now=now, also=gone)
    who = AccessRow(SYSTEM_SCOPE, now, OPERATOR.account, OPERATOR.role.value, RESTORED)

    def note(tx: Connection) -> int:
        # Prefect's runs may tell of versions that are gone: every case is shown anew.
        tx.execute(update(shown).values(seq=-1))
        tx.execute(update(invitation).where(invitation.c.used_at.is_(None)).values(used_at=now))
        append(tx, [who], now=now)
        return end_all(tx, now=now)

    return erased, house.db.transact(note)

"""`overlev restore`: a backup put in the place of what stands in the data folder.

Nothing may run on the folder. Who is erased stays erased: everybody whom the folder, its key store,
this backup or any other backup beside it knows to be erased is erased anew. A backup that lacks log
rows which were recorded once is older than what happened here, and is refused unless forced.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, text, update

from app.migrate import migrate, upgrade, upgrade_to
from app.restore_checks import Checked, check, refuse_connected, refuse_older
from app.up import only_one
from cases import backup
from cases.access import OPERATOR
from cases.backup import Manifest
from cases.erasure import finish
from cases.installation import Installation, open_installation, secret_key_of, sqlite_file
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.tables import heartbeat, invitation, shown
from cases.web_sessions import end_all
from core.alone import alone
from core.clock import system_now
from core.db import Database, metadata, unhurried
from core.dumping import SQLITE_FILE, drop_everything, load_tables, sync
from core.errors import UnsafeSettings
from core.folder import DataFolder
from core.keystore import KeyStore
from core.settings import Settings

RESTORED: Final = "restored"
READY: Final = "restoring"
"""Where the database of a backup is made ready, beside the one whose place it takes."""

_PEOPLE: Final = "SELECT ref FROM person WHERE erased_at IS NULL"

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
    asked = check(settings, come, keys_from=keys_from, force=force)
    # The locks lie in it.
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.data), alone(settings.data):
        refuse_connected(settings)
        # Once more: now nothing is added any longer.
        lost = refuse_older(settings, asked.manifest, asked.ring, force=force)
        new = _laid_ready(settings, asked.manifest)
        try:
            if asked.secrets is not None:
                DataFolder.put_secrets(settings.data, asked.ring)
            taken, also, held = _take_keys(settings, asked)
            opens = None if force else held | also | asked.gone
            _replace(settings, asked.manifest, new, opens)
        finally:
            if new is not None:
                _clear(new)
        if not DataFolder.exists(settings.data):
            DataFolder.create(
                settings.data,
                demo=asked.manifest.demo,
                made_at=asked.manifest.made_at,
                secret_key=secret_key_of(settings),
            )
        with open_installation(settings, any_schema=True) as house:
            migrate(house.db)
            erased, sessions = _finish(house, set(asked.gone | also))
            backup.record_heads(house)
    return Restored(asked.manifest, taken, erased, lost, sessions)


def _laid_ready(settings: Settings, manifest: Manifest) -> Path | None:
    """The copy beside the SQLite database it will replace, at this version's schema.

    Where that fails, on a full disk for one, nothing is left of it. None on Postgres, where one
    transaction does it all.
    """
    file = sqlite_file(settings.database_url_in_use)
    if file is None:
        return None
    new = file.with_name(f"{file.name}.{READY}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(manifest.folder / SQLITE_FILE, new)
        new.chmod(0o600)
        upgrade(f"sqlite:///{new}")
        with closing(sqlite3.connect(new)) as ready:
            # One file alone takes the place: nothing may stand in a write-ahead log beside it.
            ready.execute("PRAGMA journal_mode = DELETE")
        sync(new)
    except BaseException as failed:
        _clear(new)
        if isinstance(failed, OSError):
            raise UnsafeSettings(
                f"the backup could not be laid beside {file} ({failed.strerror}): make room"
            ) from failed
        raise
    return new


def _clear(new: Path) -> None:
    for part in new.parent.glob(f"{new.name}*"):
        part.unlink()


def _replace(
    settings: Settings, manifest: Manifest, new: Path | None, opens: AbstractSet[str] | None
) -> None:
    """Raises `UnsafeSettings`, and replaces nothing, where somebody of the copy is not in `opens`.

    None asks for nobody.
    """
    if new is None:
        db = Database(settings.database_url_in_use)
        try:
            with db.write() as tx:
                unhurried(tx)
                drop_everything(tx)
                upgrade_to(tx, manifest.schema)
                order = [table.name for table in metadata.sorted_tables]
                tx.execute(text("DELETE FROM alembic_version"))
                load_tables(tx, manifest.folder, order)
                _refuse_shut(tx.execute(text(_PEOPLE)).scalars(), opens)
        finally:
            db.close()
        return
    with closing(sqlite3.connect(new)) as ready:
        _refuse_shut((ref for (ref,) in ready.execute(_PEOPLE)), opens)
    file = new.with_name(new.name.removesuffix(f".{READY}"))
    if file.exists():
        aside = file.with_name(f"{file.name}.{REPLACED}")
        for ending in ("", "-wal", "-shm"):
            part, there = (each.with_name(each.name + ending) for each in (file, aside))
            # A log of what was put aside before would be read as one of this.
            there.unlink(missing_ok=True)
            if part.exists():
                part.replace(there)
    new.replace(file)
    sync(file.parent)


def _refuse_shut(people: Iterable[str], opens: AbstractSet[str] | None) -> None:
    shut = set(people) - opens if opens is not None else ()
    if shut:
        raise UnsafeSettings(
            f"{len(shut)} persons of the backup have no key here: name the folder that holds its"
            " keys with --keys; --force puts it back all the same, and nobody can read who they are"
        )


def _take_keys(settings: Settings, asked: Checked) -> tuple[int, set[str], set[str]]:
    """Keys that the store does not have, from the first copy that knows them.

    How many, who was erased, and who has a key now.
    """
    keys = KeyStore(settings.keys_url_in_use, asked.ring)
    taken, gone = 0, set[str]()
    try:
        keys.prepare()
        for file in asked.keys:
            with gzip.open(file, "rt", encoding="ascii") as lines:
                more, destroyed = keys.take_in(lines)
            taken += more
            gone |= destroyed
        held = set(keys.pseudonyms())
    finally:
        keys.close()
    return taken, gone, held


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
        # Signs of life of the workers that ran at the backup: here none was started yet.
        tx.execute(delete(heartbeat))
        tx.execute(update(invitation).where(invitation.c.used_at.is_(None)).values(used_at=now))
        append(tx, [who], now=now)
        return end_all(tx, now=now)

    return erased, house.db.transact(note)

"""What `overlev restore` asks before it touches anything: a refusal leaves the folder as it was.

Nothing here writes. Whoever restores learns of other secrets, missing keys, a newer schema or an
older copy while what stands there still stands.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from cases import backup
from cases.backup import Heads, Manifest
from cases.backup_owner import KEYS_ENDING, MANIFEST, NO_KEYS, copies_in, is_copy_of, keys_in
from cases.installation import secret_key_of, sqlite_file
from core.chain import read_heads
from core.clock import system_now
from core.crypto import KeyRing
from core.db import Database
from core.errors import Busy, Refused, UnsafeSettings
from core.folder import DataFolder, refuse_root_elsewhere
from core.keystore import KeyStore
from core.settings import Settings

LEAVE_WITHIN: Final = 2.0
"""Seconds in which whoever has just ended is gone from the server's list."""

_OTHERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that may be put back.

    `secrets` is the file of a demo's key ring where the folder has none; `keys` are this
    installation's copies of the keys, that copy's own first and then the newest first; `gone` is
    everybody who is known to be erased.
    """

    manifest: Manifest
    ring: KeyRing
    secrets: Path | None
    keys: tuple[Path, ...]
    gone: frozenset[str]


def check(settings: Settings, come: Path, *, keys_from: Path | None, force: bool) -> Checked:
    """Whether the backup `come` may be put back. Raises `UnsafeSettings`, `Refused`."""
    refuse_root_elsewhere(settings.data)
    beside = come.parents[1] if (come / MANIFEST).is_file() else come
    keys_dir = keys_from or beside / "keys"
    ring, secrets = _ring(settings, keys_dir)
    manifest = backup.read(backup.newest(come, ring), ring)
    url = settings.database_url_in_use
    if (sqlite_file(url) is None) != (manifest.engine == "postgresql"):
        raise UnsafeSettings(
            f"the backup is of {manifest.engine}, the database of the settings is not: set"
            " OVERLEV_DATABASE_URL to one of the same kind"
        )
    if DataFolder.exists(settings.data) and (
        DataFolder.open(settings.data).demo is not manifest.demo
    ):
        raise UnsafeSettings(
            f"the backup is {'' if manifest.demo else 'not '}of a demo, and {settings.data} is"
            f" {'not one' if manifest.demo else 'one'}: name another --data"
        )
    keys, destroyed = _keys(settings, ring, manifest, keys_dir)
    refuse_connected(settings)
    refuse_older(settings, manifest, ring, force=force)
    gone = destroyed | _erased_there(settings) | _erased_beside(beside)
    return Checked(manifest, ring, secrets, keys, frozenset(gone))


def _ring(settings: Settings, keys_dir: Path) -> tuple[KeyRing, Path | None]:
    """The secrets of the folder; a demo's may come from its backup, then with their file."""
    here = DataFolder(settings.data, demo=False, made_at=system_now())
    here.refuse_open_secrets()
    secret_key = secret_key_of(settings)
    if secret_key or here.secrets_path.is_file():
        return here.ring(secret_key), None
    kept = keys_dir / backup.RING
    if not kept.is_file():
        raise UnsafeSettings(
            f"no keys: put the recovery key as {here.secrets_path} (mode 0600), or set"
            " OVERLEV_SECRET_KEY; the backup does not hold it"
        )
    try:
        return KeyRing.from_json(kept.read_text("utf-8")), kept
    except (OSError, ValueError):
        raise UnsafeSettings(
            f"{kept} cannot be read as keys: put the recovery key as {here.secrets_path}"
        ) from None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a copy of the keys holds: whose keys the ring opens, whose not, and who was erased."""

    opened: set[str]
    shut: set[str]
    destroyed: set[str]


def _keys(
    settings: Settings, ring: KeyRing, manifest: Manifest, keys_dir: Path
) -> tuple[tuple[Path, ...], set[str]]:
    """The copies of the keys to take in, in order, and who was destroyed by then.

    Everybody of the copy needs a key: from its own copy of the keys, or from a newer one where that
    is gone or damaged, or from the store that stands here.
    """
    own = f"{manifest.folder.name}{KEYS_ENDING}"
    told = {file: said for file in keys_in(keys_dir) if (said := _told(file, ring)) is not None}
    there, destroyed = _store_there(settings, ring)
    needed = [file for file in told if file.name >= own]
    if not needed and not there:
        raise UnsafeSettings(
            f"the keys of the backup {manifest.folder.name} are not in {keys_dir}, or cannot be"
            " read: name the folder they are in with --keys"
        )
    opened = set(there)
    for said in told.values():
        opened |= said.opened
        destroyed |= said.destroyed
    shut = told[needed[0]].shut - opened - destroyed if needed else set()
    if shut:
        raise UnsafeSettings(
            f"{len(shut)} keys in the backup were wrapped with secrets that are not here: put back"
            " the secrets.json or OVERLEV_SECRET_KEY they were made with"
        )
    first = [file for file in told if file.name == own]
    return (*first, *(file for file in reversed(told) if file not in first)), destroyed


def _told(file: Path, ring: KeyRing) -> _Told | None:
    """None for a copy of another installation's keys, or one that is cut short or altered."""
    said = _Told(set(), set(), set())
    try:
        with gzip.open(file, "rt", encoding="ascii") as lines:
            if json.loads(next(lines, ""))["ring"] != ring.lookup.id:
                return None
            for line in lines:
                each = json.loads(line)
                if "destroyed" in each:
                    said.destroyed.add(each["destroyed"])
                else:
                    (said.opened if ring.holds(each["master"]) else said.shut).add(each["key"])
    except NO_KEYS:
        return None
    return said


def _store_there(settings: Settings, ring: KeyRing) -> tuple[set[str], set[str]]:
    """Who has a key in the store that stands here, and who was destroyed in it."""
    file = sqlite_file(settings.keys_url_in_use)
    if file is not None and not file.is_file():
        return set(), set()
    keys = KeyStore(settings.keys_url_in_use, ring)
    try:
        keys.check()
        return set(keys.pseudonyms()), keys.destroyed()
    except (OperationalError, ProgrammingError):  # no tables yet
        return set(), set()
    except DBAPIError:
        raise UnsafeSettings(
            "the key store that stands here is damaged: move it away, and the keys come from the"
            " backup"
        ) from None
    finally:
        keys.close()


def refuse_older(settings: Settings, manifest: Manifest, ring: KeyRing, *, force: bool) -> int:
    """How many recorded rows would be lost. Raises `Refused` unless forced."""
    lost = 0
    for recorded in _recorded(settings, manifest, ring):
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


def _recorded(settings: Settings, manifest: Manifest, ring: KeyRing) -> Iterator[Heads]:
    yield backup.recorded_heads(settings.data)
    there = _heads_there(settings)
    if there is not None:
        yield there
    for other in copies_in(manifest.folder.parents[1]):
        if other != manifest.folder and is_copy_of(ring, other):
            with contextlib.suppress(OSError, ValueError, KeyError):
                said = json.loads((other / MANIFEST).read_text("utf-8"))["heads"]
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


def refuse_connected(settings: Settings) -> None:
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


def _erased_there(settings: Settings) -> set[str]:
    """Whom the database that stands there now knows to be erased."""
    with _there(settings) as db:
        if db is None:
            return set()
        try:
            with db.read() as tx:
                return set(tx.execute(text("SELECT person_ref FROM erasure")).scalars())
        except (DBAPIError, Busy):
            return set()


def _erased_beside(beside: Path) -> set[str]:
    """Whom any backup beside this one knows to be erased; newer ones know more."""
    gone = backup.noted_erased(beside)
    for other in copies_in(beside):
        with contextlib.suppress(OSError, ValueError, KeyError):
            gone |= set(json.loads((other / MANIFEST).read_text("utf-8"))["erased"])
    return gone

"""Backups: the domain's database as it was at one instant, and the keys of persons apart from it.

    DIR/data/<instant>/   the copy and a manifest: schema, heads of the log chains, who was erased
    DIR/keys/<instant>.jsonl.gz   wrapped keys; kept 30 days, so that an erasure becomes final

The domain is copied first and the keys after it: nobody is in the one without a key in the other.
Neither holds the secrets that wrap the keys: the recovery key is kept elsewhere (`overlev key
export`), but for demos, whose people are invented.
"""

from __future__ import annotations

import contextlib
import gzip
import hmac
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from cases.backup_owner import (
    KEYS_ENDING,
    MANIFEST,
    are_keys_of,
    copies_in,
    is_copy_of,
    keys_in,
    refuse_shared,
    says_ring,
)
from cases.installation import Installation, known_schemas, schema_of
from cases.tables import erasure
from core.chain import Head, canonical, read_heads
from core.clock import parse_instant, system_now
from core.crypto import KeyRing, keyed_hash
from core.disk import writable
from core.dumping import digest, dump, sync
from core.errors import UnsafeSettings

RING: Final = "secrets.json"
HEADS: Final = "heads.json"
PLACES: Final = "backup-places.json"
ERASED: Final = "erased.txt"
FORMAT: Final = 1
KEYS_KEPT: Final = timedelta(days=30)
DATA_KEPT: Final = 14
"""Copies of the domain that the calendar keeps."""

Heads = dict[str, tuple[int, str]]
"""The last row of every month of every log chain: its number and its MAC."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself; `mac` covers all of it."""

    folder: Path
    made_at: datetime
    engine: str
    schema: str
    demo: bool
    heads: Heads
    erased: frozenset[str]
    files: dict[str, str]


def make(house: Installation, into: Path, *, keys_into: Path | None = None) -> Path:
    """Back up a house that may be in use; the folder that holds the copy of the domain.

    Raises `UnsafeSettings` where nothing can be written, or another installation's backups lie.
    """
    keys_into = keys_into or into / "keys"
    refuse_shared(house.ring, into, keys_into)
    at = system_now()
    stamp = at.strftime("%Y%m%dT%H%M%S%fZ")
    half = into / "data" / f".{stamp}.half"
    try:
        half.mkdir(mode=0o700, parents=True)
        files, told = dump(house.db, half, _told_by)
        _say(house, half, files, told, at)
        _keys(house, keys_into, stamp)
        done = half.with_name(stamp)
        half.rename(done)
        sync(done.parent)
    except (OSError, sqlite3.OperationalError) as failed:
        shutil.rmtree(half, ignore_errors=True)
        why = failed.strerror if isinstance(failed, OSError) else failed
        raise UnsafeSettings(
            f"the backup in {into} could not be written ({why}): make room, or name another folder"
        ) from failed
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    with writable(house.folder.path):
        record_heads(house)
        _remember_place(house, into)
    return done


def scheduled(house: Installation) -> str:
    """The backup of the calendar, into the folder of the settings; what it did, in words."""
    into = house.settings.backup_dir_in_use
    made = make(house, into)
    gone = prune(into, house.ring, now=system_now())
    return f"{made.name}; {gone} older ones taken out"


def note_erased(house: Installation, refs: Iterable[str]) -> None:
    """Tell every place that holds backups who is erased, so that a restore elsewhere knows too.

    A place that is away now (a disk in the safe) is passed over: newer backups there will know.
    """
    lines = "".join(f"{ref}\n" for ref in refs)
    for place in _places(house):
        if lines and (place / "data").is_dir():
            with contextlib.suppress(OSError), (place / ERASED).open("a", encoding="ascii") as out:
                out.write(lines)
                out.flush()
                os.fsync(out.fileno())


def noted_erased(come: Path) -> set[str]:
    """Whom `note_erased` told a place of."""
    try:
        return set((come / ERASED).read_text("ascii").split())
    except OSError:
        return set()


def _places(house: Installation) -> list[Path]:
    """Where backups of this house were ever put."""
    try:
        said = json.loads((house.folder.path / PLACES).read_text("utf-8"))
    except (OSError, ValueError):
        said = []
    return sorted({Path(each) for each in said} | {house.settings.backup_dir_in_use})


def _remember_place(house: Installation, into: Path) -> None:
    places = sorted({*(str(each) for each in _places(house)), str(into.absolute())})
    _write(house.folder.path / PLACES, json.dumps(places).encode())


def prune(into: Path, ring: KeyRing, *, now: datetime) -> int:
    """Take out keys older than 30 days and all but the newest copies of the domain; how many.

    The newest of either always stays, and so does whatever is not this installation's.
    """
    gone = 0
    copies = [copy for copy in copies_in(into) if is_copy_of(ring, copy)]
    for old in copies[:-DATA_KEPT]:
        shutil.rmtree(old)
        gone += 1
    for old in [file for file in keys_in(into / "keys") if are_keys_of(ring, file)][:-1]:
        if now - _instant(old.name.removesuffix(KEYS_ENDING)) > KEYS_KEPT:
            old.unlink()
            gone += 1
    return gone


def newest(come: Path, ring: KeyRing) -> Path:
    """The newest copy of this installation's domain under `come`, or `come` if it is a copy.

    One whose manifest cannot be read may be ours: it is not passed over in silence. Raises
    `UnsafeSettings`.
    """
    if (come / MANIFEST).is_file():
        return come
    copies = copies_in(come)
    if not copies:
        raise UnsafeSettings(f"{come} holds no backup: name the folder that `overlev backup` got")
    ours = [copy for copy in copies if is_copy_of(ring, copy) is not False]
    if not ours:
        raise UnsafeSettings(
            f"the backups in {come} were made with other secrets: put back the secrets they were"
            " made with, or name the folder of this installation's own"
        )
    return ours[-1]


def read(folder: Path, ring: KeyRing) -> Manifest:
    """The manifest of a copy, checked with its files. Raises `UnsafeSettings`."""
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
        mac, key_id = said.pop("mac"), said["key_id"]
        if said["format"] != FORMAT or not says_ring(said, ring) or not ring.holds(key_id):
            raise UnsafeSettings(
                f"the backup {folder} was made with other secrets or by a newer version: put back"
                " the secrets it was made with"
            )
        if not hmac.compare_digest(mac, _mac(ring, key_id, said)):
            raise UnsafeSettings(f"the manifest of {folder} was altered: use another backup")
        manifest = Manifest(
            folder,
            parse_instant(said["made_at"]),
            said["engine"],
            said["schema"],
            said["demo"],
            {name: (seq, mac) for name, (seq, mac) in said["heads"].items()},
            frozenset(said["erased"]),
            said["files"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as damaged:
        raise UnsafeSettings(f"the backup {folder} cannot be read: use another") from damaged
    if manifest.schema not in known_schemas():
        raise UnsafeSettings(
            f"the backup {folder} has schema {manifest.schema or 'none'}, which this version of"
            " Overlev does not know: install the version it was made by, or a newer one"
        )
    for name, sha in manifest.files.items():
        if not (folder / name).is_file() or digest(folder / name) != sha:
            raise UnsafeSettings(f"{folder / name} is not what was backed up: use another backup")
    return manifest


def heads_of(heads: Iterable[Head]) -> Heads:
    """The heads as a manifest names them."""
    return {f"{h.log}/{h.scope}/{h.month}": (h.seq, h.mac) for h in heads}


def lost(recorded: Heads, kept: Heads) -> int:
    """How many log rows that were recorded once a copy does not have; -1 for another history."""
    missing = 0
    for name, (seq, mac) in recorded.items():
        there, there_mac = kept.get(name, (0, ""))
        if there < seq:
            missing += seq - there
        elif there == seq and there_mac != mac:
            return -1
    return missing


def record_heads(house: Installation) -> None:
    """Note the heads outside the databases: an older copy put in their place is then seen."""
    with house.db.read() as tx:
        heads = heads_of(read_heads(tx))
    file = house.folder.path / HEADS
    half = file.with_name(f".{HEADS}.new")
    with half.open("w", encoding="utf-8") as out:
        json.dump(heads, out)
        out.flush()
        os.fsync(out.fileno())
    half.chmod(0o600)
    half.replace(file)


def recorded_heads(folder: Path) -> Heads:
    """What `record_heads` noted last, nothing if it never did."""
    try:
        said = json.loads((folder / HEADS).read_text("utf-8"))
        return {name: (int(seq), str(mac)) for name, (seq, mac) in said.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError):
        raise UnsafeSettings(
            f"{folder / HEADS} is damaged: take it away if you know why, and run `overlev audit"
            " verify`"
        ) from None


def _told_by(tx: Connection) -> tuple[Heads, list[str]]:
    """The heads of the logs and who is erased, in the copy itself."""
    erased = tx.execute(select(erasure.c.person_ref).distinct().order_by(erasure.c.person_ref))
    return heads_of(read_heads(tx)), list(erased.scalars())


def _say(
    house: Installation,
    half: Path,
    files: list[Path],
    told: tuple[Heads, list[str]],
    at: datetime,
) -> None:
    heads, erased = told
    key = house.ring.mac
    said: dict[str, Any] = {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "engine": "sqlite" if house.db.is_sqlite else "postgresql",
        "schema": schema_of(house.db) or "",
        "demo": house.folder.demo,
        "heads": {name: list(head) for name, head in heads.items()},
        "erased": erased,
        "files": {file.name: digest(file) for file in files},
        "ring": house.ring.lookup.id,
        "key_id": key.id,
    }
    said["mac"] = _mac(house.ring, key.id, said)
    _write(half / MANIFEST, json.dumps(said, indent=1).encode())


def _keys(house: Installation, into: Path, stamp: str) -> None:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = into / f".{stamp}.half"
    with gzip.open(half, "wt", encoding="ascii") as out:
        for line in house.keys.written_out():
            out.write(line + "\n")
    half.chmod(0o600)
    sync(half)
    half.rename(into / f"{stamp}{KEYS_ENDING}")
    if house.folder.demo and house.folder.secrets_path.is_file():
        _write(into / RING, house.folder.secrets_path.read_bytes())


def _mac(ring: KeyRing, key_id: str, said: dict[str, Any]) -> str:
    return keyed_hash(ring.key(key_id).secret, b"backup1 " + canonical(said).encode()).hex()


def _write(file: Path, body: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=system_now().tzinfo)

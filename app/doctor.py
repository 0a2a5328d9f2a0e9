"""`overlev doctor`: is this installation sound? Each line says ok, or what to do.

Nothing is changed. A check that cannot be made because an earlier one failed is left out; a check
that breaks is a finding, not a crash.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select

from app import doctor_service
from app.checks import Check
from app.installation import (
    Installation,
    known_schemas,
    open_installation,
    refuse_no_schema,
    schema_of,
    sqlite_file,
)
from cases import vault
from cases.package import national
from cases.tables import access_log, case_, case_event, package_version, person
from core.clock import from_local, iso_local
from core.db import Database
from core.errors import OverlevError
from core.settings import Settings

OLDEST_SQLITE: Final = (3, 38, 0)
"""The first with the JSON functions built in that loading a case needs."""

LEAST_SPACE: Final = 500 * 1024 * 1024
"""Bytes free on the disk of the data folder."""

CLOCK_MAY_LAG: Final = timedelta(minutes=5)


def examine(settings: Settings, *, now: datetime | None) -> Iterator[Check]:
    """Every check, in order, as it is made. `now` as for `open_installation`."""
    yield from _code()
    yield from _time_zone()
    yield from doctor_service.settings()
    yield from doctor_service.redis()
    try:
        house = open_installation(settings, now=now, any_schema=True)
    except OverlevError as refused:
        yield Check("installation", ok=False, says=refused.for_operators)
        if settings.data.is_dir():
            yield from _space(settings.data)  # which may be why
        return
    with house:
        yield Check(
            "installation", ok=True, says="demo folder" if house.folder.demo else "data folder"
        )
        yield from _rights(house.folder.path)
        yield from _space(house.folder.path)
        schema = list(_tried("schema", lambda: iter([_schema(house.db)])))
        yield from schema
        yield from _tried("database", lambda: _database(house.db))
        yield from _tried("key store", lambda: _key_store(house))
        if all(found.ok for found in schema):
            for what, check in (
                ("keys of persons", _keys),
                ("packages", _packages),
                ("clock", _clock),
                ("log heads", doctor_service.logs),
                ("sign-in through a provider", doctor_service.provider),
            ):
                yield from _tried(what, lambda check=check: check(house))  # type: ignore[misc]
            for what, check in (
                ("service", doctor_service.service),
                ("messages", doctor_service.messages),
                ("Prefect", doctor_service.prefect),
                ("backup", doctor_service.backups),
            ):
                for found in _tried(what, lambda check=check: check(house)):  # type: ignore[misc]
                    yield replace(found, records=False)


def _tried(what: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except OverlevError as refused:
        yield Check(what, ok=False, says=refused.for_operators)
    except Exception as broken:  # noqa: BLE001 - whatever breaks a check is what we look for
        yield Check(
            what,
            ok=False,
            says=f"the check broke ({type(broken).__name__}): put the database back from its"
            " backup if this stays",
        )


def _code() -> Iterator[Check]:
    """The floors have plain names, so another package could stand in for one of them."""
    import app
    import cases
    import core
    import notifications
    import reports

    ours = Path(str(app.__file__)).resolve().parents[1]
    for floor in (cases, core, notifications, reports):
        if Path(str(floor.__file__)).resolve().parents[1] != ours:
            yield Check(
                "code",
                ok=False,
                says=f"the package {floor.__name__} is not ours: give Overlev an environment of its"
                " own",
            )
            return
    yield Check("code", ok=True, says="all floors are of this version")


def _time_zone() -> Iterator[Check]:
    known = {
        (date(2026, 1, 1), time(12)): "2026-01-01T11:00:00+00:00",
        (date(2026, 7, 1), time(12)): "2026-07-01T10:00:00+00:00",
        # A night with an hour too little, and the hour that comes twice.
        (date(2026, 3, 29), time(2, 30)): "2026-03-29T01:30:00+00:00",
        (date(2026, 10, 25), time(2, 30)): "2026-10-25T00:30:00+00:00",
    }
    sound = all(from_local(*at).isoformat() == instant for at, instant in known.items())
    yield Check(
        "time zone",
        ok=sound,
        says="Europe/Oslo is known, with its summer time"
        if sound
        else "Europe/Oslo is wrong or unknown: renew the package tzdata",
    )


def _rights(folder: Path) -> Iterator[Check]:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Check("rights", ok=False, says=f"others can look into it: run `chmod 700 {folder}`")
        return
    foreign = _of_another_user(folder)
    if foreign is not None:
        yield Check(
            "rights",
            ok=False,
            says=f"{foreign} belongs to another user than the folder: as root, run"
            f" `chown -R --reference={folder} {folder}`",
        )
    else:
        yield Check("rights", ok=True, says="the folder is its owner's alone")


def _of_another_user(folder: Path) -> Path | None:
    """A file in the folder that is not its owner's; the service may go on beside this."""
    owner = folder.stat().st_uid
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            each = Path(place, name)
            # Where the folder is a disk of its own, the file system's folder there is root's.
            if each == folder / "lost+found":
                continue
            with contextlib.suppress(FileNotFoundError):  # a journal, gone by now
                if each.lstat().st_uid != owner:
                    return each
    return None


def _space(folder: Path) -> Iterator[Check]:
    free = shutil.disk_usage(folder).free
    megabytes = f"{free // 1024**2} MB free"
    if free < LEAST_SPACE:
        yield Check("disk", ok=False, says=f"{megabytes}: make room on the disk of {folder}")
    else:
        yield Check("disk", ok=True, says=megabytes)


def _schema(db: Database) -> Check:
    stands_at, needed = schema_of(db), known_schemas()[-1]
    if stands_at == needed:
        return Check("schema", ok=True, says=needed)
    refuse_no_schema(stands_at)
    return Check(
        "schema",
        ok=False,
        says=f"the database stands at {stands_at}, needed is {needed}: run"
        " `overlev migrate`, or install the version it was made by",
    )


def _database(db: Database) -> Iterator[Check]:
    if not db.is_sqlite:
        with db.read() as tx:
            version = tx.exec_driver_sql("SHOW server_version").scalar_one()
        yield Check("database", ok=True, says=f"Postgres {version} answers")
        return
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        yield Check(
            "SQLite",
            ok=False,
            says=f"{sqlite3.sqlite_version} is older than {oldest}: use a newer Python",
        )
    else:
        yield Check("SQLite", ok=True, says=sqlite3.sqlite_version)
    with db.read() as tx:
        yield _integrity(tx, "database")
        broken = tx.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    yield Check(
        "foreign keys",
        ok=not broken,
        says=f"{len(broken)} rows point at nothing: put the database back from its backup"
        if broken
        else "every row finds what it points at",
    )


def _integrity(tx: Connection, what: str) -> Check:
    says = [str(row[0]) for row in tx.exec_driver_sql("PRAGMA integrity_check(5)")]
    if says == ["ok"]:
        return Check(what, ok=True, says="its file is whole")
    return Check(
        what,
        ok=False,
        says=f"its file is damaged ({len(says)} faults): put it back from its backup",
    )


def _key_store(house: Installation) -> Iterator[Check]:
    # That the ring belongs to it was checked when it was opened.
    masters = house.keys.master_ids()
    unknown = sorted(key for key in masters if not house.ring.holds(key))
    if unknown:
        yield Check(
            "key store",
            ok=False,
            says=f"keys are wrapped with {', '.join(unknown)}, which is not in the ring: put back"
            " the secrets it was made with",
        )
        return
    url = house.settings.keys_url_in_use
    if sqlite_file(url) is not None:
        store = Database(url)
        try:
            with store.read() as tx:
                whole = _integrity(tx, "key store")
        finally:
            store.close()
        yield whole
    else:
        yield Check("key store", ok=True, says="it answers, and the ring opens it")


def _keys(house: Installation) -> Iterator[Check]:
    there = set(house.keys.pseudonyms())
    lost = seen = 0
    sample: dict[str, str] = {}
    with house.db.read() as tx:
        rows: Iterator[Any] = iter(
            tx.execute(
                select(person.c.ref, person.c.identity_enc).where(person.c.erased_at.is_(None)),
                execution_options={"yield_per": 1000},
            )
        )
        for ref, sealed in rows:
            seen += 1
            if ref not in there:
                lost += 1
            elif sealed is not None and len(sample) < 100:
                sample[ref] = sealed
        vault.unseal_many(tx, vault.IDENTITY, sample)
    if lost:
        yield Check(
            "keys of persons",
            ok=False,
            says=f"{lost} of {seen} persons have no key: put the key store back from its backup",
        )
    else:
        yield Check("keys of persons", ok=True, says=f"{seen} persons, every one has a key")


def _packages(house: Installation) -> Iterator[Check]:
    with house.db.read() as tx:
        stored = {
            key: (body, digest)
            for key, body, digest in tx.execute(
                select(package_version.c.key, package_version.c.body, package_version.c.sha256)
            )
        }
        used = set(tx.execute(select(case_.c.package).distinct()).scalars())
    changed = sorted(
        key for key, (body, digest) in stored.items() if sha256(body.encode()).hexdigest() != digest
    )
    missing = sorted((used | {national().key}) - stored.keys())
    if changed or missing:
        yield Check(
            "packages",
            ok=False,
            says=f"changed: {', '.join(changed) or 'none'}; missing:"
            f" {', '.join(missing) or 'none'}: put the database back from its backup",
        )
    else:
        yield Check("packages", ok=True, says=f"{', '.join(sorted(stored))}: as they were stored")


def _clock(house: Installation) -> Iterator[Check]:
    with house.db.read() as tx:
        newest = [
            tx.execute(select(func.max(column))).scalar_one()
            for column in (case_event.c.recorded_at, access_log.c.at)
        ]
    last = max((instant for instant in newest if instant is not None), default=None)
    now = house.now()
    if last is not None and last - now > CLOCK_MAY_LAG:
        says = f"it is {iso_local(now)}, but the newest entry is of {iso_local(last)}"
        if house.folder.demo:
            yield Check("clock", ok=True, says=f"{says} (a demo's clock may go back)")
        else:
            yield Check("clock", ok=False, says=f"{says}: set the clock of this machine")
    else:
        yield Check("clock", ok=True, says=iso_local(now))

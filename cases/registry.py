"""Which package holds: the stored versions, what is in force in a unit, what a case has.

A version is immutable once a case has used it, and with it all that it stands on. Every version is
stored as it was written, with its digest; `cases.package_saving` adds them.
A unit works by the version that it was last given, else by what holds for every unit, else by the
national package that comes with Overlev. A case keeps the version it was opened with
(`cases.rebase` moves it).
"""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from importlib import resources
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import (
    Connection,
    Date,
    Engine,
    bindparam,
    event,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from cases.overlay import lineage, parent_of
from cases.overlay_reading import load_any
from cases.package import Package, PackageError, national
from cases.tables import package_version, unit_package
from core.clock import local_date
from core.db import UtcDateTime
from core.errors import Conflict, OverlevError
from core.statement import Prepared


class PackageMissing(OverlevError):
    """A case names a package version that is not stored: a fault of the installation."""

    message_key = "error.package_missing"


VERSION: Final = Prepared(
    select(package_version.c.sha256, package_version.c.used_at).where(
        package_version.c.key == bindparam("key")
    )
)
_BODY: Final = Prepared(
    select(package_version.c.body, package_version.c.sha256, package_version.c.parent).where(
        package_version.c.key == bindparam("key")
    )
)
_NEW_VERSION: Final[dict[str, Any]] = {
    "sqlite": sqlite.insert(package_version).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(package_version).on_conflict_do_nothing(),
}
# The unit's own comes first, then what holds for all; of each the latest day, then the latest row.
_IN_FORCE: Final = Prepared(
    select(package_version.c.key, package_version.c.sha256, package_version.c.used_at)
    .join(unit_package, unit_package.c.package == package_version.c.key)
    .where(
        or_(unit_package.c.unit == bindparam("unit"), unit_package.c.unit.is_(None)),
        or_(
            unit_package.c.valid_from.is_(None),
            unit_package.c.valid_from <= bindparam("on", type_=Date),
        ),
    )
    .order_by(
        unit_package.c.unit.is_(None),
        unit_package.c.valid_from.is_(None),
        unit_package.c.valid_from.desc(),
        unit_package.c.id.desc(),
    )
    .limit(1)
)
_USED: Final = (
    update(package_version)
    .where(
        package_version.c.key.in_(bindparam("keys", expanding=True)),
        package_version.c.used_at.is_(None),
    )
    .values(used_at=bindparam("b_used_at", type_=UtcDateTime))
)

_read: dict[tuple[str, str, Package | None], Package] = {}
"""Every version read in this process, by its key, its digest and what it stands on."""

_used: WeakKeyDictionary[Engine, dict[str, Package]] = WeakKeyDictionary()
"""Versions in use, by database and key: they never change, so nothing needs to be asked.

A version taken into use by a transaction that is then rolled back was never in use: so a rollback
empties the database's share.
"""


def package_named(tx: Connection, key: str) -> Package:
    """The package version with this key. Raises `PackageMissing`."""
    bundled = national()
    if key == bundled.key:
        return bundled
    known = _used.get(tx.engine)
    if known is None:
        known = _used[tx.engine] = {}
        event.listen(tx.engine, "rollback", _forget)
        event.listen(tx.engine, "rollback_savepoint", _forget)
    found = known.get(key)
    if found is None:
        row = VERSION.row(tx, {"key": key})
        if row is None:
            raise PackageMissing(f"The package version {key} is not stored. Run `overlev doctor`.")
        found = _version(tx, key, row[0])
        if row[1] is not None:
            known[key] = found
    return found


def _forget(tx: Connection, *_savepoint: object) -> None:
    _used.get(tx.engine, {}).clear()


def package_in_force(tx: Connection, unit: str, *, on: date) -> Package:
    """The package by which a unit works on a day."""
    found = _IN_FORCE.row(tx, {"unit": unit, "on": on})
    return national() if found is None else _version(tx, found[0], found[1])


def package_for_new_cases(tx: Connection, unit: str, *, on: datetime) -> Package:
    """The package for a case that is opened in a unit at `on`; from then on it is in use."""
    found = _IN_FORCE.row(tx, {"unit": unit, "on": local_date(on)})
    if found is None:
        return national()
    key, digest, used_at = found
    if used_at is None:
        mark_used(tx, key, now=on)
    return _version(tx, key, digest)


def mark_used(tx: Connection, key: str, *, now: datetime) -> None:
    """A case uses this version from now on: it, and all it stands on, can never change again."""
    tx.execute(_USED, {"keys": list(lineage(key)), "b_used_at": now})


def _version(tx: Connection, key: str, digest: str) -> Package:
    bundled = national()
    if key == bundled.key:
        return bundled
    on = parent_of(key)
    parent = package_named(tx, on) if on is not None else None
    found = _read.get((key, digest, parent))
    if found is None:
        found = _read[key, digest, parent] = _parsed(tx, key, parent)
    return found


def _parsed(tx: Connection, key: str, parent: Package | None) -> Package:
    row = _BODY.row(tx, {"key": key})
    if row is None:
        raise PackageMissing(f"The package version {key} is not stored. Run `overlev doctor`.")
    body, digest, stands_on = row
    # Somebody wrote past this module: better no package than another than the cases were given.
    if digest_of(body) != digest or stands_on != parent_of(key):
        raise PackageMissing(
            f"The stored package version {key} is not what was saved: put it back from a backup."
        )
    try:
        found = load_any(body, lambda named: parent if parent and parent.key == named else None)
    except PackageError as unreadable:
        raise PackageMissing(
            f"The stored package version {key} cannot be read: {unreadable}"
        ) from unreadable
    if found.key != key:
        raise PackageMissing(f"The package version stored as {key} calls itself {found.key}.")
    return found


def stored_package(tx: Connection, key: str) -> Package | None:
    """The package with this key, or None: for keys that people name."""
    if key != national().key and VERSION.row(tx, {"key": key}) is None:
        return None
    return package_named(tx, key)


def text_of(tx: Connection, key: str) -> str | None:
    """A stored version as it was written, None where it is not stored."""
    row = _BODY.row(tx, {"key": key})
    return None if row is None else str(row[0])


def register_national(tx: Connection, *, now: datetime) -> None:
    """Store the bundled national package, once. Raises `PackageMissing` where another is stored."""
    package = national()
    body = (resources.files("cases") / "packages" / f"{package.key}.toml").read_text("utf-8")
    known = VERSION.row(tx, {"key": package.key})
    if known is None:
        insert_version(tx, package, body, unit=None, now=now)
        mark_used(tx, package.key, now=now)
    elif known[0] != digest_of(body):
        raise PackageMissing(
            f"The bundled package {package.key} differs from the stored one, which is immutable: "
            "a changed package needs a new number."
        )


def insert_version(
    tx: Connection, package: Package, text: str, *, unit: str | None, now: datetime
) -> None:
    """Store a new version, as it was written. Raises `Conflict` where it is stored already."""
    stored = tx.execute(
        _NEW_VERSION[tx.dialect.name],
        {
            "key": package.key,
            "number": package.number,
            "parent": parent_of(package.key),
            "unit": unit,
            "body": text,
            "sha256": digest_of(text),
            "made_at": now,
            "used_at": None,
        },
        # Without it the count of an INSERT is gone before it can be asked (psycopg).
        execution_options={"preserve_rowcount": True},
    )
    if stored.rowcount != 1:
        raise Conflict(f"Somebody else has saved {package.key} just now: look at it first.")


def digest_of(text: str) -> str:
    """The digest that a version is stored with."""
    return sha256(text.encode()).hexdigest()

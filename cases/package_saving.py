"""Saving packages: national versions and overlays of units, and from which day on they hold.

A version that no case has used may be mended under the same name; after that a new text needs a
new number. Nothing here touches a case: those that are open keep their version (`cases.rebase`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update

from cases import organisation
from cases.access import Viewer
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Role
from cases.overlay import apply, parent_of
from cases.overlay_reading import load_overlay
from cases.package import Package, load_package
from cases.registry import (
    VERSION,
    digest_of,
    insert_version,
    package_in_force,
    stored_package,
)
from cases.rules import check_role
from cases.tables import package_version, unit_package
from core.clock import local_date
from core.errors import BadInput, Conflict, Refused

PACKAGE_SAVED: Final = "package_saved"
PACKAGE_IN_FORCE: Final = "package_in_force"
"""Verbs of the access log."""

SAVING: Final = frozenset({Role.ADMIN})


class PackageUsed(Refused):
    """A version that cases use, or that others stand on, cannot be changed."""

    message_key = "error.package_used"


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version. `unit` and `parent` are None for a national one."""

    key: str
    number: int
    parent: str | None
    unit: str | None
    sha256: str
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class InForce:
    """A version that a unit (None: every unit with nothing of its own) works by from a day on."""

    unit: str | None
    package: str
    valid_from: date | None


_MENDED: Final = (
    update(package_version)
    .where(package_version.c.key == bindparam("b_key"), package_version.c.used_at.is_(None))
    .values(body=bindparam("b_body"), sha256=bindparam("b_sha256"), made_at=bindparam("b_made_at"))
)
_HAS_CHILDREN: Final = select(exists().where(package_version.c.parent == bindparam("key")))
_UNIT_OF: Final = select(package_version.c.unit).where(package_version.c.key == bindparam("key"))


def save_national(
    tx: Connection, viewer: Viewer, text: str, *, now: datetime, name: str = "package"
) -> Package:
    """Store a whole package, like national-2; `put_in_force` then gives it to the units.

    Raises `PackageError` (file, line and rule), `PackageUsed`, `NotAllowed`.
    """
    check_role(viewer, SAVING, "save packages")
    package = load_package(text, name=name)
    _store(tx, package, text, unit=None, now=now)
    _log(tx, viewer, SYSTEM_SCOPE, PACKAGE_SAVED, now)
    return package


def save_overlay(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    text: str,
    *,
    now: datetime,
    valid_from: date | None = None,
    name: str = "overlay",
) -> Package:
    """Store a unit's overlay and put it in force there from a day on (None: today).

    Raises `PackageError` (file, line and rule), `PackageUsed`, `NotAllowed`, `UnitClosed`,
    `BadInput` for an unknown unit or a day that has passed.
    """
    check_role(viewer, SAVING, "save packages")
    on = _day(valid_from, now)
    unit = organisation.standing_code(tx, unit, on)
    overlay, parent = load_overlay(text, lambda key: stored_package(tx, key), name=name)
    package = apply(parent, overlay)
    _store(tx, package, text, unit=unit, now=now)
    tx.execute(insert(unit_package), {"unit": unit, "package": package.key, "valid_from": on})
    _log(tx, viewer, unit, PACKAGE_SAVED, now)
    return package


def put_in_force(
    tx: Connection,
    viewer: Viewer,
    unit: str | None,
    key: str,
    *,
    now: datetime,
    valid_from: date | None = None,
) -> Package:
    """Let a unit work by a stored version from a day on (None: today); its cases stay as they are.

    Without a unit it holds for every unit that has no overlay: those with nothing of their own,
    and those that were given a whole package by name. Raises as `save_overlay`.
    """
    check_role(viewer, SAVING, "put packages in force")
    on = _day(valid_from, now)
    package = stored_package(tx, key)
    if package is None:
        raise BadInput("unknown_package", f"There is no package {key!r} stored.", "package")
    if unit is None and parent_of(key) is not None:
        raise Refused(f"{key} is the way of one unit: only a whole package can hold for all.")
    if unit is None:
        following = [code for code in _named_units(tx) if _stands_on_whole(tx, code, on)]
        rows: list[dict[str, Any]] = [{"unit": None}, *({"unit": code} for code in following)]
    else:
        rows = [{"unit": organisation.standing_code(tx, unit, on)}]
    tx.execute(insert(unit_package), [row | {"package": key, "valid_from": on} for row in rows])
    _log(tx, viewer, rows[0]["unit"] or SYSTEM_SCOPE, PACKAGE_IN_FORCE, now)
    return package


def versions(tx: Connection) -> list[Version]:
    """Every stored version, the earliest first."""
    fields = [package_version.c[name] for name in Version.__dataclass_fields__]
    query = select(*fields).order_by(package_version.c.made_at, package_version.c.key)
    return [Version(*row) for row in tx.execute(query)]


def given(tx: Connection) -> list[InForce]:
    """What was given to which unit from which day on, in that order."""
    fields = (unit_package.c.unit, unit_package.c.package, unit_package.c.valid_from)
    order = func.coalesce(unit_package.c.unit, ""), unit_package.c.valid_from, unit_package.c.id
    return [InForce(*row) for row in tx.execute(select(*fields).order_by(*order))]


def _store(tx: Connection, package: Package, text: str, *, unit: str | None, now: datetime) -> None:
    """Store a version, or mend one that nobody has used; the same text again changes nothing."""
    key, digest = package.key, digest_of(text)
    known = VERSION.row(tx, {"key": key})
    if known is None:
        insert_version(tx, package, text, unit=unit, now=now)
        return
    owner = tx.execute(_UNIT_OF, {"key": key}).scalar_one()
    if owner != unit:
        raise Refused(f"{key} belongs to {owner or 'all units'}: give this one another name.")
    if known[0] == digest:
        return
    if known[1] is not None:
        raise PackageUsed(
            f"{key} is used by cases since {local_date(known[1])} and never changes again: give "
            f"the new text the next number ({package.number + 1})."
        )
    if tx.execute(_HAS_CHILDREN, {"key": key}).scalar_one():
        raise PackageUsed(
            f"Overlays stand on {key}, so it cannot change: give the new text the next number "
            f"({package.number + 1})."
        )
    values = {"b_key": key, "b_body": text, "b_sha256": digest, "b_made_at": now}
    if tx.execute(_MENDED, values).rowcount != 1:
        raise Conflict(f"{key} has been taken into use just now: give this text the next number.")


def _named_units(tx: Connection) -> Iterable[str]:
    query = select(unit_package.c.unit).where(unit_package.c.unit.is_not(None)).distinct()
    return sorted(tx.execute(query).scalars())


def _stands_on_whole(tx: Connection, unit: str, on: date) -> bool:
    return parent_of(package_in_force(tx, unit, on=on).key) is None


def _day(valid_from: date | None, now: datetime) -> date:
    today = local_date(now)
    if valid_from is None:
        return today
    if valid_from < today:
        raise BadInput(
            "in_past",
            f"{valid_from} has passed, and the cases of that day keep their version: give today or "
            "a day to come.",
            "from",
        )
    return valid_from


def _log(tx: Connection, viewer: Viewer, scope: str, verb: str, now: datetime) -> None:
    row = AccessRow(scope=scope, at=now, actor=viewer.account, role=viewer.role.value, verb=verb)
    append(tx, [row], now=now)

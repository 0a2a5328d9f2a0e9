"""Which package holds for a case: the version it was opened with, for ever.

A package version is immutable once used. The bundled national package is registered at set-up; a
unit's overlays are rows of `package_version` too.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from cases.package import Package, load_package, national
from cases.tables import package_version
from core.errors import OverlevError

_read: dict[tuple[str, str], Package] = {}
_BODY: Final = select(package_version.c.body, package_version.c.sha256).where(
    package_version.c.key == bindparam("key")
)


class PackageMissing(OverlevError):
    """A case names a package version that is not stored: a fault of the installation."""

    message_key = "error.package_missing"


def register_national(tx: Connection, *, now: datetime) -> None:
    """Store the bundled national package, once."""
    package = national()
    known = tx.execute(_BODY, {"key": package.key}).one_or_none()
    body = (resources.files("cases") / "packages" / f"{package.key}.toml").read_text("utf-8")
    digest = sha256(body.encode()).hexdigest()
    if known is None:
        tx.execute(
            insert(package_version),
            {
                "key": package.key,
                "number": package.number,
                "body": body,
                "sha256": digest,
                "made_at": now,
                "used_at": now,
            },
        )
    elif known.sha256 != digest:
        raise PackageMissing(
            f"The bundled package {package.key} differs from the stored one, which is immutable: "
            "a changed package needs a new number."
        )


def package_named(tx: Connection, key: str) -> Package:
    """The package version with this key. Raises `PackageMissing`."""
    bundled = national()
    if key == bundled.key:
        return bundled
    row = tx.execute(_BODY, {"key": key}).one_or_none()
    if row is None:
        raise PackageMissing(f"The package version {key} is not stored. Run `overlev doctor`.")
    cached = _read.get((key, row.sha256))
    if cached is None:
        cached = _read[key, row.sha256] = load_package(row.body, name=key)
    return cached


def package_for_new_cases(tx: Connection, unit: str, *, on: datetime) -> Package:
    """The package in force in a unit for a case that is opened now."""
    del tx, unit, on  # overlays of units come with the whole case
    return national()

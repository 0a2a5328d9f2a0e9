"""Whose backups lie in a folder: copies and keys of another installation are never touched.

An installation is known by the lookup key of its ring, which is never rotated: its id stands in
every manifest and at the head of every copy of the keys.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any, Final

from core.crypto import KeyRing
from core.errors import UnsafeSettings

MANIFEST: Final = "manifest.json"
KEYS_ENDING: Final = ".jsonl.gz"

NO_KEYS: Final = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)
"""What reading a copy of the keys raises that was cut short or altered."""


def copies_in(come: Path) -> list[Path]:
    """The copies of the domain under a folder, whosever they are, the oldest first."""
    return sorted((come / "data").glob("[0-9]*Z"))


def keys_in(come: Path) -> list[Path]:
    """The copies of the keys in a folder, whosever they are, the oldest first."""
    return sorted(come.glob(f"*{KEYS_ENDING}"))


def is_copy_of(ring: KeyRing, copy: Path) -> bool | None:
    """Whether a copy of the domain is this installation's; None where that cannot be read."""
    try:
        return says_ring(json.loads((copy / MANIFEST).read_text("utf-8")), ring)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def says_ring(said: dict[str, Any], ring: KeyRing) -> bool:
    """Whether a manifest is of this ring. Manifests of earlier versions name the MAC key alone."""
    if "ring" in said:
        return bool(said["ring"] == ring.lookup.id)
    return ring.holds(said["key_id"])


def are_keys_of(ring: KeyRing, file: Path) -> bool | None:
    """Whether a copy of the keys is this installation's; None where that cannot be read."""
    try:
        with gzip.open(file, "rt", encoding="ascii") as lines:
            return bool(json.loads(next(lines, ""))["ring"] == ring.lookup.id)
    except NO_KEYS:
        return None


def refuse_shared(ring: KeyRing, into: Path, keys_into: Path) -> None:
    """Raise `UnsafeSettings` where another installation puts its backups."""
    foreign = [into for copy in copies_in(into) if is_copy_of(ring, copy) is False]
    foreign += [keys_into for file in keys_in(keys_into) if are_keys_of(ring, file) is False]
    if foreign:
        raise UnsafeSettings(
            f"{foreign[0]} holds backups of another installation: name a folder of this one's own"
            " (for the calendar OVERLEV_BACKUP_DIR), or move those of the other away"
        )

"""A database opened with keys, as the house has it, for tests of every floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cases.vault import Secrets
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore

SECRET = "only-for-tests-and-long-enough-to-be-taken"


@contextmanager
def installation(database_url: str, folder: Path) -> Iterator[Database]:
    """The database at `database_url` with its key ring and a key store of its own in `folder`."""
    ring = KeyRing.derive(SECRET)
    keys = KeyStore(f"sqlite:///{folder / 'keys.db'}", ring)
    keys.prepare()
    db = Database(database_url, secrets=Secrets(ring, keys))
    try:
        yield db
    finally:
        db.close()
        keys.close()

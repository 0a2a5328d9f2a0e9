"""One installation opened: its folder, databases, keys and clock, checked before anything runs.

`open_installation` refuses with one clear line what would otherwise fail later or, worse, start
quietly: a missing folder or database, other keys than the data were made with, an older schema.
It stands in this floor, below the command line and the flows, because both open one
(docs/adr/0045); making one is `app.installation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from cases.access import OPERATOR, Viewer
from cases.vault import Secrets
from core.clock import Clock, frozen_clock, system_now
from core.crypto import KeyRing
from core.db import Database
from core.disk import writable
from core.errors import BadInput, UnsafeSettings
from core.folder import DataFolder
from core.keystore import KeyStore
from core.settings import Settings
from core.training import TrainingClock

_MIGRATION: Final = re.compile(r"m(\d+)_\w+\.py")


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command works with; close it (or use it in a `with`) to give the databases back."""

    folder: DataFolder
    settings: Settings
    db: Database
    keys: KeyStore
    ring: KeyRing
    clock: Clock
    viewer: Viewer = OPERATOR

    def now(self) -> datetime:
        """The instant it is here, in UTC: the real one, or a demo folder's frozen one."""
        return self.clock()

    def close(self) -> None:
        """Give all connections back."""
        self.db.close()
        self.keys.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_installation(
    settings: Settings, *, now: datetime | None = None, any_schema: bool = False
) -> Installation:
    """Open the installation whose folder `settings.data` names.

    `now` freezes the clock and is taken in demo folders only; without it a demo's clock is that of
    its training day (`core.training`). With `any_schema` an older schema is
    no hindrance (for `overlev migrate`). Raises `UnsafeSettings`, `BadInput`.
    """
    folder = DataFolder.open(settings.data)
    clock = clock_of(now, demo=folder.demo)
    if now is None and folder.demo:
        clock = TrainingClock(folder.path)
    ring = folder.ring(secret_key_of(settings))
    for url, what in (
        (settings.database_url_in_use, "database"),
        (settings.keys_url_in_use, "key store"),
    ):
        refuse_missing_file(url, what)
    with writable(folder.path):
        keys = KeyStore(settings.keys_url_in_use, ring)
    db = Database(settings.database_url_in_use, secrets=Secrets(ring, keys))
    house = Installation(folder, settings, db, keys, ring, clock)
    try:
        with writable(folder.path):
            keys.prepare()
        if not any_schema:
            refuse_other_schema(db, folder.path)
    except BaseException:
        house.close()
        raise
    return house


def clock_of(now: datetime | None, *, demo: bool) -> Clock:
    """The clock of a folder. Raises `BadInput` when it is to be frozen where no demo is."""
    if now is None:
        return system_now
    if not demo:
        raise BadInput(
            "now_outside_demo",
            "--now moves the clock of demo folders only: leave it out, or make a demo folder with"
            " `overlev --data DIR init --demo`",
            "--now",
        )
    return frozen_clock(now)


def secret_key_of(settings: Settings) -> str | None:
    """`OVERLEV_SECRET_KEY` in plain, if it is set."""
    return settings.secret_key.get_secret_value() if settings.secret_key is not None else None


def refuse_missing_file(url: str, what: str) -> None:
    """SQLite would make a missing or empty file anew, and nobody would notice the loss."""
    place = sqlite_file(url)
    if place is None:
        return
    if not place.is_file():
        raise UnsafeSettings(f"the {what} {place} is gone: put it back from its backup")
    if place.stat().st_size == 0:
        raise UnsafeSettings(f"the {what} {place} is empty: put it back from its backup")


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database, None for another kind."""
    parts = make_url(url)
    return Path(str(parts.database)) if parts.get_backend_name() == "sqlite" else None


def refuse_other_schema(db: Database, folder: Path) -> None:
    """Raise `UnsafeSettings` unless the database has the schema of this version."""
    stands_at = schema_of(db)
    known = known_schemas()
    if stands_at == known[-1]:
        return
    refuse_no_schema(stands_at)
    if stands_at in known:
        raise UnsafeSettings(
            f"the database has an older schema ({stands_at}, needed {known[-1]}): make a"
            f" backup, then run `overlev --data {folder} migrate`"
        )
    raise UnsafeSettings(
        f"the database has schema {stands_at}, which is newer than this version of Overlev: install"
        " the newer version"
    )


def refuse_no_schema(stands_at: str | None) -> None:
    """An installation is made with its tables: where there are none it is another database."""
    if stands_at is None:
        raise UnsafeSettings(
            "the database holds nothing of Overlev: check OVERLEV_DATABASE_URL, or put it back from"
            " its backup"
        )


def schema_of(db: Database) -> str | None:
    """The revision the database stands at, None where there is none yet."""
    try:
        with db.read() as tx:
            return tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DBAPIError:
        # The table is missing. A server that does not answer has become `Busy` already.
        return None


def known_schemas() -> list[str]:
    """The revisions this version knows, oldest first.

    Read from the names of the migrations: loading Alembic takes longer than most commands.
    """
    names = (entry.name for entry in (files("migrations") / "versions").iterdir())
    return sorted(found[1] for name in names if (found := _MIGRATION.fullmatch(name)))

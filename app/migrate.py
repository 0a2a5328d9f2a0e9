"""Bringing a database to the newest schema: forward only, under one lock, all or nothing."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.db import Database, unhurried
from core.errors import UnsafeSettings

LOCK: Final = 7_306_001
"""The number of the Postgres advisory lock that lets one machine migrate at a time."""


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema; nothing happens if it is there already.

    Raises `UnsafeSettings` when the database was made by a newer version.
    """
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()


def migrate(database: Database) -> None:
    """`upgrade` for a database that is open already."""
    config = _config()
    with database.read() as tx:
        if _stands_at(tx) == _newest(config):
            return
    with database.write() as tx:
        unhurried(tx)
        if not database.is_sqlite:
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        now = _stands_at(tx)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if now is not None and now not in known:
            raise UnsafeSettings(
                f"The database has schema {now}, which is newer than this version of Overlev: "
                "install the newer version."
            )
        if now == _newest(config):
            return
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
        if database.is_sqlite:
            _check_foreign_keys(tx)


def upgrade_to(tx: Connection, revision: str) -> None:
    """Bring an empty database to the schema of a version, inside an open transaction."""
    config = _config()
    config.attributes["connection"] = tx
    command.upgrade(config, revision)


def newest() -> str:
    """The revision that this version of Overlev needs."""
    return _newest(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    return config


def _newest(config: Config) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        msg = "no migration is there"
        raise RuntimeError(msg)
    return head


def _stands_at(tx: Connection) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def _check_foreign_keys(tx: Connection) -> None:
    broken = tx.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        msg = f"the migration would leave {len(broken)} rows without what they point at"
        raise RuntimeError(msg)

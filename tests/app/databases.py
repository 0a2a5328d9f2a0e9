"""Going behind the code's back: SQL on the database of a shell, triggers or not."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from cases.tables import APPEND_ONLY
from tests.app.shell import Shell


def url_of(shell: Shell) -> str:
    """The URL of the domain database of a shell."""
    return shell.env.get("OVERLEV_DATABASE_URL") or f"sqlite:///{shell.folder / 'overlev.db'}"


def behind(shell: Shell, *statements: str) -> None:
    """Run statements as somebody would who owns the database and drops its guards."""
    engine = create_engine(url_of(shell))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                triggers = connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                )
                for name in triggers.scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                for table in APPEND_ONLY:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            for statement in statements:
                assert connection.execute(text(statement)).rowcount > 0, statement
    finally:
        engine.dispose()


def scalar(shell: Shell, query: str) -> object:
    """One value."""
    engine = create_engine(url_of(shell))
    try:
        with engine.connect() as connection:
            return connection.execute(text(query)).scalar_one()
    finally:
        engine.dispose()

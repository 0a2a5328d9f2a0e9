"""The raw limit: what our code wrote, recorded, and written again by the driver alone.

One database is copied; on one copy our code runs and every INSERT, UPDATE and DELETE is noted with
its transaction; on another copy the driver writes exactly those rows in exactly those transactions,
under the same settings. What is left between the two is ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from bench.places import Place
from core.db import Database


@dataclass(slots=True)
class Recording:
    """Transactions, each a list of (statement, parameters, many)."""

    transactions: list[list[tuple[str, Any, bool]]] = field(default_factory=list)
    statements: int = 0
    """Executed in all, reads included, BEGIN and COMMIT left out."""

    @property
    def rows(self) -> int:
        """Rows written, as far as the parameters tell."""
        return sum(len(given) if many else 1 for t in self.transactions for _, given, many in t)


@contextmanager
def recorded(db: Database) -> Iterator[Recording]:
    """Note what is executed on a database while the block runs."""
    recording = Recording()
    current: list[tuple[str, Any, bool]] = []

    def executed(_c: Any, _u: Any, statement: str, given: Any, _x: Any, many: bool) -> None:  # noqa: FBT001 - as the event calls it
        recording.statements += 1
        if not statement.lstrip().upper().startswith("SELECT"):
            current.append((statement, list(given) if many else given, many))

    def committed(_c: Any) -> None:
        if current:
            recording.transactions.append(current.copy())
        current.clear()

    def rolled_back(_c: Any) -> None:
        current.clear()

    listeners = (
        ("before_cursor_execute", executed),
        ("commit", committed),
        ("rollback", rolled_back),
    )
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    try:
        yield recording
    finally:
        for name, listener in listeners:
            event.remove(db.engine, name, listener)


class Replay:
    """Writes recorded transactions through the driver, a few at a time."""

    def __init__(self, place: Place, recording: Recording) -> None:
        self._connection: Any = place.raw()
        self._sqlite = place.engine == "sqlite"
        self._left = iter(recording.transactions)

    def run(self, transactions: int | None = None) -> None:
        """Write the next transactions, or all that are left."""
        for done, statements in enumerate(self._left, start=1):
            self._write(statements)
            if done == transactions:
                return

    def _write(self, statements: list[tuple[str, Any, bool]]) -> None:
        cursor: sqlite3.Cursor | Any = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self._sqlite else "BEGIN")
        for statement, given, many in statements:
            if many:
                cursor.executemany(statement, given)
            else:
                cursor.execute(statement, given)
        cursor.execute("COMMIT")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

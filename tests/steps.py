"""How much SQLite does for a question: what must not grow with all there ever was."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection

A_LOOK = 10
"""Steps of SQLite's machine between two counts."""


def steps_of(tx: Connection, question: Callable[[], object]) -> int:
    """How many tens of steps SQLite takes to answer; the test is skipped on Postgres."""
    if tx.dialect.name != "sqlite":
        pytest.skip("the steps of SQLite are counted")
    raw: Any = tx.connection.driver_connection
    steps = count()
    raw.set_progress_handler(lambda: next(steps) < 0, A_LOOK)
    try:
        question()
    finally:
        raw.set_progress_handler(None, 0)
    return next(steps)

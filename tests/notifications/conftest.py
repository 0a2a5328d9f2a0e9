"""A database with the tables of messages, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.db import Database, metadata
from notifications.tables import TABLES


@pytest.fixture
def db(engine_url: str) -> Iterator[Database]:
    database = Database(engine_url)
    metadata.create_all(database.engine, tables=TABLES)
    yield database
    database.close()

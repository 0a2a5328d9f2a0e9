"""An open database with units A (Vest), B (Øst) and C (Nord)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from core.db import Database
from tests.installation import installation
from tests.people import make_units


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(database_url, tmp_path) as db:
        with db.write() as tx:
            make_units(tx)
        yield db


@pytest.fixture
def tx(db: Database) -> Iterator[Connection]:
    """One transaction for a whole test."""
    with db.write() as tx:
        yield tx

"""An open database with units A (Vest), B (Øst) and C (Nord)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from core.db import Database
from tests.installation import installation


@pytest.fixture
def db(units_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(units_url, tmp_path) as db:
        yield db


@pytest.fixture
def tx(db: Database) -> Iterator[Connection]:
    """One transaction for a whole test."""
    with db.write() as tx:
        yield tx

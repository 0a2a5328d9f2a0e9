"""One database for the tests of a module, where each test's transaction is undone at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import Connection

from core.db import Database
from tests.databases import Databases
from tests.installation import installation
from tests.people import make_units

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
"""Parameters of a fixture of scope `module` that gives `furnished` databases."""


class _Undone(Exception):
    """Ends a transaction that is not to be kept."""


def furnished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with units A, B and C, for all tests of a module."""
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    url = source.create(migrated=True)
    with installation(url, tmp_path_factory.mktemp("keys")) as db:
        with db.write() as tx:
            make_units(tx)
        yield db
    source.drop(url)


@contextmanager
def undone(db: Database) -> Iterator[Connection]:
    """A transaction that is rolled back: a test leaves nothing behind."""
    with suppress(_Undone), db.write() as tx:
        yield tx
        raise _Undone

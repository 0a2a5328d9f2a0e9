"""A furnished desk on both engines: shared by the tests of a module, or one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cases.desk import FURNISHED, RING, Desk, reopened
from tests.databases import Databases


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Units A, B and C with staff; every test brings cases of its own.

    One database for all tests of a module: making one costs more than most tests do. What looks at
    a whole database (a sweep, an import, a chain) asks for `own_desk`.
    """
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    url = source.create(migrated=True, filled=FURNISHED)
    furnished = reopened(url, tmp_path_factory.mktemp("keys") / "keys.db", RING)
    yield furnished
    furnished.close()
    source.drop(url)


@pytest.fixture
def own_desk(new_database_url: Callable[..., str], tmp_path: Path) -> Iterator[Desk]:
    """Units A, B and C with staff, and nobody else's case."""
    url = new_database_url(migrated=True, filled=FURNISHED)
    furnished = reopened(url, tmp_path / "keys.db", RING)
    yield furnished
    furnished.close()

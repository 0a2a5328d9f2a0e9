"""Fixtures that every test may use: fresh databases on both engines.

A test that asks for `database_url` (migrated), `engine_url` (without a table) or `new_database_url`
runs twice: on SQLite and on Postgres. Each gets a database of its own.
"""

from __future__ import annotations

import gc
import math
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres
from tests.databases import Databases, Filling, PostgresDatabases, SqliteFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

# Machines that run these tests are shared: how long an example takes says nothing about our code.
settings.register_profile("overlev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("overlev-ci", settings.get_profile("overlev"), print_blob=True)
settings.load_profile("overlev-ci" if os.environ.get("CI") else "overlev")

ORDINARY_TIMEOUT = 180
"""Seconds, as in `pyproject.toml`; a test that may take longer says so."""

_SESSION_FOLDER = pytest.StashKey[Path]()
_ALIVE = pytest.StashKey[IO[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of the session share (a worker is told where it is)."""
    told: dict[str, str] | None = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_SESSION_FOLDER] = Path(told["overlev_session_folder"])
    else:
        folder = postgres.session_folder()
        config.stash[_SESSION_FOLDER] = folder
        # The folders that tests ask for lie beside the databases; workers inherit it.
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        config.stash[_ALIVE] = postgres.hold_alive(folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Leave a million objects that stay until the end out of every look for garbage.

    Modules and collected tests are never garbage; to look through them costs a third of a second
    each time, and it was done hundreds of times. What tests themselves leave is found as before.
    """
    gc.disable()
    try:
        result = yield
    finally:
        gc.enable()
    gc.collect()
    gc.freeze()
    return result


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest: begun last, they are what all others wait for.

    Most of them wait themselves, for a process or a browser, and so leave the cores to the others.
    """
    items.sort(key=_patience, reverse=True)


def _patience(item: pytest.Item) -> float:
    """How many seconds more than others a test may take."""
    given = item.get_closest_marker("timeout")
    if given is None:
        return 0.0
    seconds = float(given.args[0])
    return max(0.0, seconds - ORDINARY_TIMEOUT) if seconds else math.inf


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker more than cores: while one waits for a process or a browser, all cores work."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the session's folder is."""
    node.workerinput["overlev_session_folder"] = str(node.config.stash[_SESSION_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove the folder; workers leave that to the one who started them."""
    alive = config.stash.get(_ALIVE, None)
    if alive is None:
        return
    folder = config.stash[_SESSION_FOLDER]
    try:
        if (folder / "used-given-server").exists():
            PostgresDatabases(postgres.session_server(folder), folder, _upgrade).drop_all()
    finally:
        postgres.end_session(folder, alive)


def _upgrade(url: str) -> None:
    from app.migrate import upgrade

    upgrade(url)


@pytest.fixture(scope="session")
def sqlite_files(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> SqliteFiles:
    """SQLite databases of this session."""
    folder = pytestconfig.stash[_SESSION_FOLDER]
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"), folder, _upgrade)


@pytest.fixture(scope="session")
def postgres_databases(pytestconfig: pytest.Config) -> PostgresDatabases:
    """Postgres databases of this session; asking for it starts the server."""
    folder = pytestconfig.stash[_SESSION_FOLDER]
    if os.environ.get(postgres.GIVEN_URL):
        (folder / "used-given-server").touch()
    return PostgresDatabases(postgres.session_server(folder), folder, _upgrade)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Both engines, one after the other."""
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    return source


@pytest.fixture
def new_database_url(databases: Databases) -> Iterator[Callable[..., str]]:
    """A function that makes one more database: `new_database_url(migrated=True)` → URL."""
    made: list[str] = []

    def make(*, migrated: bool = False, filled: Filling | None = None) -> str:
        made.append(databases.create(migrated=migrated, filled=filled))
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)


@pytest.fixture
def engine_url(new_database_url: Callable[..., str]) -> str:
    """URL of a new database without a single table."""
    return new_database_url(migrated=False)


@pytest.fixture
def database_url(new_database_url: Callable[..., str]) -> str:
    """URL of a new, migrated, empty database."""
    return new_database_url(migrated=True)


@pytest.fixture
def units_url(new_database_url: Callable[..., str]) -> str:
    """URL of a new database with what `tests.people.make_units` makes."""
    from tests.people import UNITS

    return new_database_url(migrated=True, filled=UNITS)

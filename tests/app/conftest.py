"""Data folders for the command line, on both databases.

Making a demo and importing a roster takes seconds, so each is done once a session and copied.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.app.shell import Shell
from tests.app.story import release_101000
from tests.databases import Databases, PostgresDatabases

FILE = Path(__file__).parents[1] / "data" / "roster-2026-09-01.csv"
EMPTY, ROSTER, RELEASED = "empty", "roster", "released"
NOW = "2026-09-01T08:00+02:00"
URLS = ("OVERLEV_DATABASE_URL", "OVERLEV_KEYS_URL")

Originals = Callable[[Databases, str], Shell]
_copies = itertools.count(1)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of their own."""
    for name in os.environ:
        if name.startswith("OVERLEV_") and not name.startswith("OVERLEV_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Originals:
    """Houses to be copied, each made when first asked for: an engine and how far it has come."""
    made: dict[tuple[type[Databases], str], Shell] = {}

    def original(databases: Databases, stage: str) -> Shell:
        kind = type(databases), stage
        if kind not in made:
            folder = tmp_path_factory.mktemp(stage) / "data"
            if stage == EMPTY:
                postgres = isinstance(databases, PostgresDatabases)
                env = {name: databases.create(migrated=False) for name in URLS if postgres}
                made[kind] = Shell(folder, {**env})
                made[kind]("init", "--demo", "--cases", 0)
            elif stage == ROSTER:
                made[kind] = _copy(original(databases, EMPTY), databases, folder)
                made[kind]("import", FILE, now=NOW)
            else:
                made[kind] = _copy(original(databases, ROSTER), databases, folder)
                release_101000(made[kind])
        return made[kind]

    return original


def _copy(original: Shell, databases: Databases, folder: Path) -> Shell:
    """The same house once more; nobody is connected to the original, so Postgres can copy it."""
    shutil.copytree(original.folder, folder)
    env: dict[str, str | None] = {}
    if isinstance(databases, PostgresDatabases):
        for name in URLS:
            copied = f"{databases._run}_{os.getpid()}_house_{next(_copies)}"
            databases._create(copied, make_url(original.env[name] or "").database or "")
            env[name] = databases._url(copied)
    return Shell(folder, env)


def _drop(shell: Shell, databases: Databases) -> None:
    for url in shell.env.values():
        databases.drop(url or "")


@pytest.fixture
def any_shell(databases: Databases, originals: Originals, tmp_path: Path) -> Iterator[Shell]:
    """The command line on a demo of its own without cases, on both databases."""
    shell = _copy(originals(databases, EMPTY), databases, tmp_path / "data")
    yield shell
    _drop(shell, databases)


@pytest.fixture
def any_house(databases: Databases, originals: Originals, tmp_path: Path) -> Iterator[Shell]:
    """The same with the roster of 1 September imported that morning."""
    shell = _copy(originals(databases, ROSTER), databases, tmp_path / "data")
    yield shell
    _drop(shell, databases)


@pytest.fixture
def released(databases: Databases, originals: Originals, tmp_path: Path) -> Iterator[Shell]:
    """The same with 101000 released after the whole package (`tests.app.story`)."""
    shell = _copy(originals(databases, RELEASED), databases, tmp_path / "data")
    yield shell
    _drop(shell, databases)


@pytest.fixture
def shell(sqlite_files: Databases, originals: Originals, tmp_path: Path) -> Shell:
    """The command line on a demo of its own without cases, on SQLite alone."""
    return _copy(originals(sqlite_files, EMPTY), sqlite_files, tmp_path / "data")


@pytest.fixture
def house(sqlite_files: Databases, originals: Originals, tmp_path: Path) -> Shell:
    """The same with the roster of 1 September imported that morning."""
    return _copy(originals(sqlite_files, ROSTER), sqlite_files, tmp_path / "data")

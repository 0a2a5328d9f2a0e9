"""A staffed house for the pages: units A, B and C, an account of each role, one password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from cases import accounts
from cases.model import Role
from core.db import Database
from core.settings import Settings
from core.training import TrainingClock
from tests.databases import Databases
from tests.installation import installation
from tests.people import UNITS, at
from tests.web.application import application
from tests.web.browser import Browser
from web.house import House

NOW = at("2026-09-08 09:00")
PASSWORD = "long-enough-for-tests"
STAFF = {
    "nurse": (Role.HEALTH, ("A",)),
    "officer": (Role.OFFICER, ("A",)),
    "coordinator": (Role.COORDINATOR, ("A", "B")),
    "lead": (Role.UNIT_LEAD, ("A",)),
    "healthlead": (Role.HEALTH_LEAD, ("A",)),
    "outsider": (Role.HEALTH, ("C",)),
    "elsewhere": (Role.COORDINATOR, ("C",)),
    "directorate": (Role.DIRECTORATE, ()),
    "admin": (Role.ADMIN, ()),
}


@dataclass(slots=True)
class Desk:
    """The house as tests use it: a clock that can be moved, and browsers that are signed in."""

    db: Database
    app: FastAPI
    clock: list[datetime]
    signed: dict[str, Browser] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.clock[0]

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.clock[0] += by

    def browser(self) -> Browser:
        """A browser that nobody is signed in with."""
        return Browser(self.app)

    def of(self, username: str) -> Browser:
        """The browser of somebody who is signed in."""
        if username not in self.signed:
            made = self.browser()
            page = made.sign_in(username, PASSWORD)
            assert page.status == 200, page.text
            self.signed[username] = made
        return self.signed[username]


def furnish(db: Database, now: datetime = NOW, *, folder: Path | None = None) -> Desk:
    """Staff and the application over a database with units."""
    with db.write() as tx:
        # As quick as a hash can be: what it guards is synthetic.
        hashed = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        made = [
            accounts._Account(name, name.capitalize(), role, units, hashed)
            for name, (role, units) in STAFF.items()
        ]
        accounts._insert(tx, made, now)
    clock = [now]
    settings = Settings(data=folder) if folder is not None else Settings()

    def real() -> datetime:
        return clock[0]

    training = TrainingClock(folder, real) if folder is not None else None
    house = House(db, training or real, settings, demo=True, real_clock=real, training=training)
    return Desk(db, application(house), clock)


@pytest.fixture
def desk(units_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A house of its own, on both databases."""
    with installation(units_url, tmp_path) as db:
        yield furnish(db, folder=tmp_path)


@pytest.fixture
def on_sqlite(sqlite_files: Databases, tmp_path: Path) -> Iterator[Desk]:
    """A house of its own on SQLite: for what the database has no part in."""
    url = sqlite_files.create(migrated=True, filled=UNITS)
    with installation(url, tmp_path) as db:
        yield furnish(db, folder=tmp_path)
    sqlite_files.drop(url)

"""Prepared statements: they find what `execute` finds, and say their own values themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    literal,
    select,
)
from sqlalchemy import update as updating

from core.db import Database
from core.statement import Prepared

THINGS = Table(
    "things",
    MetaData(),
    Column("n", Integer, primary_key=True),
    Column("name", String(40)),
    Column("round", Boolean),
)
AWKWARD = ("O'Hara", "100 %", "%s", ":name", "a\\b", "Ås \u2603", "")
MISREAD = ("%(below)s", "__[POSTCOMPILE_below]")
"""What SQLAlchemy would replace inside a word."""


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A database with things of awkward names, half of them round."""
    db = Database(database_url)
    with db.write() as tx:
        THINGS.create(tx)
        tx.execute(
            insert(THINGS),
            [
                {"n": n, "name": name, "round": n % 2 == 0}
                for n, name in enumerate(AWKWARD + MISREAD)
            ],
        )
    yield db
    db.close()


def text_of(statement: Prepared, db: Database) -> Any:
    return statement._for(db.engine.dialect)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_value_that_a_statement_names_stands_in_its_text(db: Database, name: str) -> None:
    query = select(THINGS.c.n).where(THINGS.c.name == name, THINGS.c.n < bindparam("below"))
    prepared = Prepared(query)
    assert text_of(prepared, db).names == ("below",)
    with db.read() as tx:
        expected = [tuple(row) for row in tx.execute(query, {"below": 99})]
        assert prepared.rows(tx, {"below": 99}) == expected == [(AWKWARD.index(name),)]
        assert prepared.rows(tx, {"below": -1}) == []


@pytest.mark.parametrize("name", MISREAD)
def test_a_word_that_would_be_misread_stays_a_value(db: Database, name: str) -> None:
    query = select(THINGS.c.n).where(THINGS.c.name == name, THINGS.c.n < bindparam("below"))
    with db.read() as tx:
        found = Prepared(query).rows(tx, {"below": 99})
    assert found == [(len(AWKWARD) + MISREAD.index(name),)]


def test_a_number_below_nothing_stays_a_value(db: Database) -> None:
    with db.read() as tx:
        assert Prepared(select(-literal(-1), THINGS.c.n).limit(1)).rows(tx, {}) == [(1, 0)]


def test_numbers_and_yes_or_no_stand_there_too(db: Database) -> None:
    query = select(THINGS.c.n).where(THINGS.c.round.is_(True), THINGS.c.n > 1)
    prepared = Prepared(query.order_by(THINGS.c.n).limit(2))
    assert text_of(prepared, db).names == ()
    with db.read() as tx:
        assert prepared.rows(tx, {}) == [(2,), (4,)]


def test_what_is_bound_stays_bound_whoever_writes_it(db: Database) -> None:
    prepared = Prepared(
        updating(THINGS)
        .where(THINGS.c.n == bindparam("which"))
        .values(name=bindparam("new"), round=True)
    )
    assert set(text_of(prepared, db).names) == {"which", "new"}
    with db.write() as tx:
        assert prepared.run(tx, {"which": 1, "new": "'; DROP TABLE things; --"}) == 1
        found = tx.execute(select(THINGS.c.name, THINGS.c.round).where(THINGS.c.n == 1)).one()
        assert tuple(found) == ("'; DROP TABLE things; --", True)

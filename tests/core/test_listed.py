"""A list as one parameter: what it finds, and that the database looks its values up in an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, not_, select

from cases.tables import case_, unit
from core.db import Database
from core.listed import one_of
from core.statement import Prepared

CODES = select(unit.c.code).order_by(unit.c.code)
AMONG = Prepared(CODES.where(one_of(unit.c.code, "codes")))
NOT_AMONG = Prepared(CODES.where(not_(one_of(unit.c.code, "codes"))))


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A migrated database with some units."""
    database = Database(database_url)
    with database.write() as tx:
        tx.execute(insert(unit), [{"code": code} for code in ("A", "B", "C", "D", "E")])
    yield database
    database.close()


def all_codes(tx: Connection) -> list[str]:
    return list(tx.execute(CODES).scalars())


def test_finds_the_rows_whose_value_is_in_the_list_and_the_others(db: Database) -> None:
    with db.read() as tx:
        some = all_codes(tx)[:3]
        rest = all_codes(tx)[3:]
        assert [row[0] for row in AMONG.rows(tx, {"codes": some})] == some
        assert [row[0] for row in NOT_AMONG.rows(tx, {"codes": some})] == rest


def test_nothing_is_in_an_empty_list(db: Database) -> None:
    with db.read() as tx:
        assert AMONG.rows(tx, {"codes": []}) == []
        assert len(NOT_AMONG.rows(tx, {"codes": []})) == len(all_codes(tx))


@pytest.mark.parametrize("beside", [True, False])
def test_sqlite_searches_an_index_for_the_values_and_scans_no_table(
    db: Database, *, beside: bool
) -> None:
    """SQLAlchemy wrote `= 1` after the condition: every list of cases read every case there was."""
    if not db.is_sqlite:
        pytest.skip("the plan of SQLite")
    query = select(case_.c.id).where(one_of(case_.c.id, "ids"))
    if beside:
        query = query.where(case_.c.phase != "closed")
    compiled: Any = query.compile(dialect=db.engine.dialect)
    values = tuple("[]" if name == "ids" else "closed" for name in compiled.positiontup)
    with db.read() as tx:
        plan = [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]
    assert not [step for step in plan if step.startswith("SCAN case_")], plan

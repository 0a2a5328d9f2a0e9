from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from core.append_only import append_only_ddl, purge_permit, purging
from core.chain import Entry
from core.db import Database
from tests.core.chains import check, entry_log, make_tables, write


@pytest.fixture
def db(engine_url: str) -> Iterator[Database]:
    """Two months of a log that only grows."""
    database = Database(engine_url)
    make_tables(database.engine, append_only=True)
    with database.write() as tx:
        write(tx, [Entry("event", "A", "1"), Entry("event", "A", "2")], month="2026-08")
        write(tx, [Entry("event", "A", "3")], month="2026-09")
    yield database
    database.close()


def rows(db: Database) -> int:
    with db.read() as tx:
        return tx.execute(select(func.count()).select_from(entry_log)).scalar_one()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry_log SET text = 'other'",
        "UPDATE entry_log SET text = text WHERE seq = 1",
        "DELETE FROM entry_log",
        "DELETE FROM entry_log WHERE seq = 2",
    ],
)
def test_a_raw_change_of_a_log_is_refused_by_the_database(db: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), db.write() as tx:
        tx.exec_driver_sql(statement)

    assert rows(db) == 3


@pytest.mark.parametrize("statement", ["TRUNCATE entry_log", "TRUNCATE entry_log CASCADE"])
def test_truncating_a_log_is_refused_by_the_database(db: Database, statement: str) -> None:
    if db.is_sqlite:  # it knows no TRUNCATE: its DELETE without WHERE is tried above
        statement = "DELETE FROM entry_log"
    refused = pytest.raises(DBAPIError, match="append-only")
    with refused, db.write() as tx, purging(tx, "another_table"):
        tx.exec_driver_sql(statement)

    assert rows(db) == 3


def test_retention_may_purge_a_month_and_the_rest_still_verifies(db: Database) -> None:
    with db.write() as tx, purging(tx, "entry_log"):
        tx.execute(delete(entry_log).where(entry_log.c.month == "2026-08"))

    assert rows(db) == 1
    with db.read() as tx:
        assert [one.fault for one in check(tx)] == ["purged"]
        assert tx.execute(select(purge_permit)).all() == []


def test_the_way_is_shut_again_in_the_same_transaction(db: Database) -> None:
    refused = pytest.raises(DBAPIError, match="append-only")
    with refused, db.write() as tx:
        with purging(tx, "entry_log"):
            tx.execute(delete(entry_log).where(entry_log.c.month == "2026-08"))
        tx.execute(delete(entry_log))

    assert rows(db) == 3


def test_a_permit_lets_nothing_be_changed(db: Database) -> None:
    refused = pytest.raises(DBAPIError, match="append-only")
    with refused, db.write() as tx, purging(tx, "entry_log"):
        tx.exec_driver_sql("UPDATE entry_log SET text = 'other'")


def test_a_purge_that_fails_leaves_nothing_open(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as tx, purging(tx, "entry_log"):
        raise RuntimeError
    with pytest.raises(DBAPIError, match="append-only"), db.write() as tx:
        tx.execute(delete(entry_log))


@pytest.mark.parametrize("name", ["x; DROP TABLE y", "Ærlig", "", "a" * 60])
def test_only_plain_table_names_are_written_into_statements(name: str) -> None:
    with pytest.raises(ValueError, match="table name"):
        append_only_ddl(name, "sqlite")


def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(ValueError, match="sqlite and postgresql"):
        append_only_ddl("entry_log", "mysql")

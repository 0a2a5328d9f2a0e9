"""A database that cannot be asked or written for now: no fault of a statement, but `Busy`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, make_url, text

from core import db as module
from core.away import why_away
from core.db import Database
from core.errors import Busy


@pytest.fixture
def db(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(module, "POOL_SIZE", 1)
    db = Database(database_url, patience=0.1)
    with db.write() as tx:
        tx.execute(text("CREATE TABLE noted (n INTEGER)"))
    yield db
    db.close()


def note(tx: Connection) -> None:
    tx.execute(text("INSERT INTO noted VALUES (1)"))


def test_a_database_that_only_reads_for_now_is_told_and_written_again_later(db: Database) -> None:
    with db.write() as tx:
        if db.is_sqlite:  # what a file on a disk that went read-only answers
            tx.exec_driver_sql("PRAGMA query_only = ON")
        else:  # what a standby answers
            tx.exec_driver_sql("SET default_transaction_read_only = on")

    with pytest.raises(Busy) as told:
        db.transact(note)
    assert told.value.status == 503
    if db.is_sqlite:
        assert "cannot be written" in told.value.detail
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM noted")).scalar_one() == 0

    db.engine.dispose()
    if not db.is_sqlite:
        with db.engine.connect() as tx:
            tx.exec_driver_sql("SET default_transaction_read_only = off")
    db.transact(note)


def test_who_finds_no_connection_free_is_told_to_come_again(db: Database) -> None:
    with ExitStack() as held:
        for _ in range(1 + 16 - db.is_sqlite):  # where the one that writes is kept
            held.enter_context(db.engine.connect())
        with pytest.raises(Busy), db.read():
            pass
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM noted")).scalar_one() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('FATAL:  password authentication failed for user "overlev"', "user 'overlev' or the pass"),
        ("fe_sendauth: no password supplied", "wants a password"),
        ('FATAL:  role "overlev" does not exist', "knows no user 'overlev'"),
        ('FATAL:  database "cases" does not exist', "no such database: make it"),
        ("port 5432 failed: Connection refused\n\tIs the server running?", "nobody answers there"),
        ("failed to resolve host 'db.example': [Errno -2]", "no such host"),
        ("connection timeout expired", "firewall"),
        ("FATAL:  sorry, too many clients already", "no connection free"),
        ('no pg_hba.conf entry for host "10.0.0.5"', "pg_hba.conf"),
        ("permission denied for schema public", "make 'overlev' its owner"),
        ("FATAL:  the database system is starting up", "is starting"),
        ("something new", "see its log"),
    ],
)
def test_whoever_runs_it_reads_which_server_and_why(words: str, says: str) -> None:
    url = make_url("postgresql://overlev:secret@db.example:5432/cases")

    told = why_away(url, "OVERLEV_KEYS_URL", words)

    assert told.startswith("OVERLEV_KEYS_URL, cases at db.example:5432: ")
    assert says in told
    assert "secret" not in told
    assert len(told.splitlines()) == 1


def test_a_place_that_is_a_folder_is_named_too() -> None:
    url = make_url("postgresql:///cases?host=/run/postgresql")
    assert "cases at /run/postgresql: " in why_away(url, "OVERLEV_DATABASE_URL", "")

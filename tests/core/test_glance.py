"""Short looks on a connection that is kept: what they see, and that they are in nobody's way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from core.db import Database
from core.errors import Busy


def numbers(db: Database, *, glance: bool = True) -> list[int]:
    with db.glance() if glance else db.read() as tx:
        return list(tx.execute(text("SELECT n FROM looked_at ORDER BY n")).scalars())


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    db = Database(database_url)
    with db.write() as tx:
        tx.execute(text("CREATE TABLE looked_at (n INTEGER)"))
        tx.execute(text("INSERT INTO looked_at VALUES (1)"))
    yield db
    db.close()


def test_a_glance_sees_what_was_committed_and_nothing_else(db: Database) -> None:
    assert numbers(db) == [1]
    with db.write() as tx:
        tx.execute(text("INSERT INTO looked_at VALUES (2)"))
        seen: list[list[int]] = []
        looking = threading.Thread(target=lambda: seen.append(numbers(db)))
        looking.start()
        looking.join()
        assert seen == [[1]]
    assert numbers(db) == [1, 2]


def test_two_may_glance_at_once(db: Database) -> None:
    with db.glance() as one, db.glance() as other:
        assert one is not other
        for tx in (one, other):
            assert tx.execute(text("SELECT count(*) FROM looked_at")).scalar_one() == 1


def test_after_a_fault_the_next_glance_is_well(db: Database) -> None:
    with pytest.raises(Exception, match="nowhere"), db.glance() as tx:
        tx.execute(text("SELECT n FROM nowhere"))
    assert numbers(db) == [1]
    with pytest.raises(ValueError, match="mine"), db.glance():
        raise ValueError("mine")
    assert numbers(db) == [1]


def test_a_closed_database_is_opened_again_by_a_glance(db: Database) -> None:
    assert numbers(db) == [1]
    db.close()
    assert numbers(db) == [1]


def test_many_threads_glance_and_write_side_by_side(db: Database) -> None:
    faults: list[Exception] = []

    def look() -> None:
        try:
            for _ in range(50):
                assert numbers(db)[0] == 1
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for each in lookers:
        each.start()
    for number in range(20):
        with db.write() as tx:
            tx.execute(text("INSERT INTO looked_at VALUES (:n)"), {"n": 2 + number})
    for each in lookers:
        each.join()
    assert not [fault for fault in faults if not isinstance(fault, Busy)]
    assert len(numbers(db)) == 21


# --- the look at a list, which is logged right after it ---------------------------------------


def looked(db: Database) -> list[int]:
    with db.look() as tx:
        return list(tx.execute(text("SELECT n FROM looked_at ORDER BY n")).scalars())


def test_a_look_sees_what_was_committed_also_while_somebody_writes(db: Database) -> None:
    assert looked(db) == [1]
    with db.write() as tx:
        tx.execute(text("INSERT INTO looked_at VALUES (2)"))
        seen: list[list[int]] = []
        looking = threading.Thread(target=lambda: seen.append(looked(db)))
        looking.start()
        looking.join()
        assert seen == [[1]]
    assert looked(db) == [1, 2]


def test_a_look_is_one_snapshot(db: Database, database_url: str) -> None:
    other = Database(database_url)
    try:
        with db.look() as tx:
            assert tx.execute(text("SELECT count(*) FROM looked_at")).scalar_one() == 1
            with other.write() as writing:
                writing.execute(text("INSERT INTO looked_at VALUES (2)"))
            assert tx.execute(text("SELECT count(*) FROM looked_at")).scalar_one() == 1
    finally:
        other.close()
    assert looked(db) == [1, 2]


def test_who_wants_to_write_waits_for_a_look_and_then_writes(db: Database) -> None:
    def add() -> None:
        with db.write() as tx:
            tx.execute(text("INSERT INTO looked_at VALUES (2)"))

    writing = threading.Thread(target=add)
    with db.look() as tx:
        writing.start()
        assert tx.execute(text("SELECT count(*) FROM looked_at")).scalar_one() == 1
    writing.join(10)
    assert looked(db) == [1, 2]


def test_two_may_look_at_once(db: Database) -> None:
    with db.look() as one, db.look() as other:
        assert one is not other
        for tx in (one, other):
            assert tx.execute(text("SELECT count(*) FROM looked_at")).scalar_one() == 1


def test_after_a_look_that_failed_looks_and_writes_are_well(db: Database) -> None:
    with pytest.raises(Exception, match="nowhere"), db.look() as tx:
        tx.execute(text("SELECT n FROM nowhere"))
    with pytest.raises(ValueError, match="mine"), db.look():
        raise ValueError("mine")
    with db.write() as tx:
        tx.execute(text("INSERT INTO looked_at VALUES (2)"))
    assert looked(db) == [1, 2]

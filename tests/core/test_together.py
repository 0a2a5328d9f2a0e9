"""Short writes that share a commit: each stands or falls by itself, and nobody hears before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from core import together
from core.db import Database
from core.errors import Busy, Conflict, OverlevError
from tests.databases import Databases

WAITERS = 5


class Place:
    """A database with one table, and people who ask for writes at the same time."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.gate = threading.Event()
        self.commits = 0
        self.rolled_back: list[str] = []
        with self.db.write() as tx:
            tx.execute(text("CREATE TABLE IF NOT EXISTS line (n INTEGER PRIMARY KEY)"))
            tx.execute(text("DELETE FROM line"))
        event.listen(self.db.engine, "commit", self._count)
        event.listen(
            self.db.engine,
            "rollback_savepoint",
            lambda tx, name, context: self.rolled_back.append(name),
        )
        self.people = ThreadPoolExecutor(WAITERS + 1)

    def _count(self, tx: Connection) -> None:
        del tx
        self.commits += 1

    def close(self) -> None:
        self.gate.set()
        self.people.shutdown()
        self.db.close()

    def ask(self, verb: Callable[[Connection], Any]) -> Future[Any]:
        return self.people.submit(self.db.transact_together, verb)

    def first(self) -> Future[Any]:
        """Somebody who writes until the gate opens; returns when they have begun."""
        begun = threading.Event()

        def verb(tx: Connection) -> str:
            put(0)(tx)
            begun.set()
            assert self.gate.wait(10)
            return "first"

        asked = self.ask(verb)
        assert begun.wait(5)
        return asked

    def with_the_first(self, *verbs: Callable[[Connection], Any]) -> list[Future[Any]]:
        """What comes of verbs that were asked for while somebody wrote, in the order given."""
        asked = [self.first()]
        for number, verb in enumerate(verbs, start=1):
            asked.append(self.ask(verb))
            # Each is in the line before the next one comes.
            self.stand_in_line(number)
        self.gate.set()
        wait(asked, 10)
        return asked

    def stand_in_line(self, many: int) -> None:
        """Return when so many wait."""
        for _ in range(2_000):
            if len(self.db._together._line) == many:
                return
            time.sleep(0.002)
        raise AssertionError(f"there are never {many} in the line")

    def rows(self) -> list[int]:
        with self.db.read() as tx:
            return list(tx.execute(text("SELECT n FROM line ORDER BY n")).scalars())


def put(number: int) -> Callable[[Connection], int]:
    def verb(tx: Connection) -> int:
        tx.execute(text("INSERT INTO line VALUES (:n)"), {"n": number})
        return number

    return verb


def refused(number: int) -> Callable[[Connection], int]:
    """Write, and then be refused."""

    def verb(tx: Connection) -> int:
        put(number)(tx)
        raise Conflict("somebody was quicker")

    return verb


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(f"sqlite:///{tmp_path / 'line.db'}")
    yield made
    made.close()


def test_who_comes_while_somebody_writes_shares_one_commit(place: Place) -> None:
    asked = place.with_the_first(*map(put, range(1, WAITERS)))

    assert [each.result() for each in asked] == ["first", 1, 2, 3, 4]
    assert place.commits == 1, "all that lay there when the first was done"
    assert place.rows() == [0, 1, 2, 3, 4]


def test_one_that_is_refused_takes_back_what_it_did_and_nothing_else(place: Place) -> None:
    first, second, third, fourth = place.with_the_first(put(1), refused(2), put(3))

    assert (first.result(), second.result(), fourth.result()) == ("first", 1, 3)
    with pytest.raises(Conflict):
        third.result()
    assert place.rows() == [0, 1, 3]
    # Who keeps what a verb brought into use hears that it was not (`cases.registry`).
    assert place.rolled_back == ["verb"]


def test_the_first_of_a_group_that_is_refused_takes_nobody_with_it(place: Place) -> None:
    def verb(tx: Connection) -> None:
        put(0)(tx)
        begun.set()
        assert place.gate.wait(10)
        raise Conflict("refused late")

    begun = threading.Event()
    first = place.ask(verb)
    assert begun.wait(5)
    others = [place.ask(put(number)) for number in (1, 2)]
    place.stand_in_line(2)
    place.gate.set()

    with pytest.raises(Conflict):
        first.result(5)
    assert sorted(each.result(5) for each in others) == [1, 2]
    assert place.rows() == [1, 2]


def test_nobody_hears_anything_before_the_commit(place: Place) -> None:
    may_commit, committing = threading.Event(), threading.Event()

    def slow(tx: Connection) -> None:
        del tx
        committing.set()
        assert may_commit.wait(10)

    event.listen(place.db.engine, "commit", slow)
    asked = [place.first(), place.ask(put(1)), place.ask(refused(2))]
    place.stand_in_line(2)
    place.gate.set()
    assert committing.wait(5)
    # A refusal may rest on what was done before it in the group.
    assert not wait(asked, 0.1).done
    may_commit.set()
    assert len(wait(asked, 5).done) == 3
    assert place.rows() == [0, 1]


def test_what_comes_of_each_alone_where_the_commit_fails(place: Place) -> None:
    """A disk that was full for a moment: nothing of the group was done, and each asks again."""
    fails = [True]

    def full(tx: Connection) -> None:
        if fails and fails.pop():
            raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    event.listen(place.db.engine, "commit", full)
    first, second, third = place.with_the_first(put(1), refused(2))

    assert (first.result(), second.result()) == ("first", 1)
    with pytest.raises(Conflict):
        third.result()
    assert place.commits == 3, "the one that failed, and one for each that did something"
    assert place.rows() == [0, 1]


def test_a_commit_that_keeps_failing_is_told_to_everybody(place: Place) -> None:
    def full(tx: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    event.listen(place.db.engine, "commit", full)
    asked = place.with_the_first(put(1), put(2))

    for each in asked:
        with pytest.raises(Busy):
            each.result()
    event.remove(place.db.engine, "commit", full)
    assert place.rows() == []
    assert place.db.transact_together(put(7)) == 7, "and it goes on when there is room"


def test_where_the_database_refuses_one_the_others_are_done_all_the_same(place: Place) -> None:
    first, second, third, fourth = place.with_the_first(put(1), put(1), put(2))

    assert (first.result(), second.result(), fourth.result()) == ("first", 1, 2)
    with pytest.raises(IntegrityError):
        third.result()
    assert place.rows() == [0, 1, 2]


def test_a_turn_that_does_not_come_is_told_to_each_in_turn_and_the_line_goes_on(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'line.db'}"
    place, other = Place(url), Database(url)
    place.db._queue._patience = 0.05
    with other.write():
        asked = [place.ask(put(number)) for number in range(3)]
        for each in asked:
            with pytest.raises(Busy):
                each.result(5)
    assert place.db.transact_together(put(7)) == 7
    assert place.rows() == [7]
    place.close()
    other.close()


def test_patience_is_counted_from_when_each_came_and_not_from_when_it_leads(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'line.db'}"
    place, other = Place(url), Database(url)
    place.db._queue._patience = 0.4
    with other.write():
        began = time.monotonic()
        asked = [place.ask(put(number)) for number in range(WAITERS)]
        for each in asked:
            with pytest.raises(Busy):
                each.result(5)
        assert time.monotonic() - began < 1.2, "and not one after the other, two seconds in all"
    place.close()
    other.close()


@pytest.mark.parametrize(("most", "lasts"), [(2, 10.0), (16, 0.0)])
def test_a_commit_takes_neither_too_many_nor_too_long(
    place: Place, monkeypatch: pytest.MonkeyPatch, most: int, lasts: float
) -> None:
    monkeypatch.setattr(together, "MOST", most)
    monkeypatch.setattr(together, "LASTS", lasts)
    asked = place.with_the_first(*map(put, range(1, WAITERS)))

    assert [each.result() for each in asked] == ["first", 1, 2, 3, 4]
    assert place.commits == (3 if most == 2 else WAITERS)


@pytest.mark.postgres
def test_on_postgres_each_has_a_transaction_of_its_own(postgres_databases: Databases) -> None:
    url = postgres_databases.create(migrated=False)
    place = Place(url)
    asked = [place.ask(put(number)) for number in range(3)]
    assert sorted(each.result(10) for each in asked) == [0, 1, 2]
    assert place.commits == 3
    place.close()
    postgres_databases.drop(url)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "refused"]), st.integers(0, 12)), min_size=1, max_size=24
    )
)
def test_however_they_come_what_is_there_is_what_was_acknowledged(
    property_place: Place, asked: list[tuple[str, int]]
) -> None:
    place = property_place
    with place.db.write() as tx:
        tx.execute(text("DELETE FROM line"))
    verbs = {"put": put, "refused": refused}
    answers = [place.ask(verbs[kind](number)) for kind, number in asked]
    acknowledged = []
    for answer in answers:
        try:
            acknowledged.append(answer.result(10))
        except (OverlevError, IntegrityError):
            continue

    assert place.rows() == sorted(acknowledged)
    assert set(acknowledged) == {number for kind, number in asked if kind == "put"}


@pytest.fixture(scope="module")
def property_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(f"sqlite:///{tmp_path_factory.mktemp('line') / 'line.db'}")
    yield made
    made.close()

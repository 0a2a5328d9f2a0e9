"""Who is worked on when: short writes in a line of their own, everybody else beside it."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from core.errors import Busy
from tests.cases.desk import make_case
from tests.web.office import COORDINATOR, OFFICER, OUTSIDER, Office
from web import threads
from web.threads import WRITING, in_line

ASKING = WRITING + 20
"""Who ask at one time: more than have a place in the line, fewer than there are threads."""


def test_whoever_came_first_is_worked_on_first() -> None:
    begun: list[int] = []
    gate, full = threading.Event(), threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if len(begun) == WRITING:
            full.set()
        gate.wait(5)
        return number

    async def all_of_them() -> list[int]:
        asked = [
            asyncio.create_task(in_line(work, patience=5, number=number)) for number in range(40)
        ]
        await asyncio.to_thread(full.wait, 5)
        assert begun == list(range(WRITING))
        gate.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(all_of_them()) == list(range(40))
    # Those that are worked on at one time may note it in another order.
    assert all(abs(place - number) < WRITING for place, number in enumerate(begun))


def test_whose_place_does_not_come_in_time_is_told_and_nothing_of_it_is_begun() -> None:
    gate, begun = threading.Event(), []

    def long() -> None:
        gate.wait(5)

    async def too_late() -> None:
        first = [asyncio.create_task(in_line(long, patience=5)) for _ in range(WRITING)]
        late = asyncio.create_task(in_line(lambda: begun.append(1), patience=0.05))
        await asyncio.sleep(0.2)
        gate.set()
        await asyncio.gather(*first)
        with pytest.raises(Busy):
            await late

    asyncio.run(too_late())
    assert begun == []


def test_a_list_is_answered_while_writes_stand_in_line(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Postgres writers do not wait for each other, and have all the threads."""
    ref = make_case(office.desk).ref
    office.token(*COORDINATOR)
    gate, inside = threading.Event(), threading.Semaphore(0)
    transact = type(office.desk.db).transact_together

    def slowly(*given: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            inside.release()
            gate.wait(10)
        return transact(*given)

    def move(number: int) -> int:
        on = date(2026, 12, 1) + timedelta(days=number)
        body = {"on": on.isoformat(), "kind": "confirmed"}
        path = f"/cases/{ref}/release-dates"
        return office.post(path, body, key=f"key-number-{number:04}").status_code

    with ThreadPoolExecutor(ASKING) as people, ThreadPoolExecutor(1) as somebody:
        with monkeypatch.context() as patched:
            patched.setattr(type(office.desk.db), "transact_together", slowly)
            asked = [people.submit(move, number) for number in range(ASKING)]
            here = WRITING if office.desk.db.is_sqlite else ASKING
            for _ in range(here):
                assert inside.acquire(timeout=10)
            assert not inside.acquire(timeout=0.1), "no more than these are worked on"
        # What a list writes down of its look goes by the door that was left as it was.
        assert office.get("/cases").status_code == 200
        asks = somebody.submit(office.post, "/cases/search", {"name": "Nobody"})
        assert asks.result(5).status_code == 200, "a search is a look, too"
        gate.set()
        assert {each.result(20) for each in asked} == {200}


def test_what_is_asked_at_one_moment_stands_or_falls_each_by_itself(office: Office) -> None:
    """While somebody writes the others come together; on SQLite they share a commit."""
    one, two = (make_case(office.desk) for _ in range(2))
    office.token(*OFFICER)
    office.token(*OUTSIDER)

    def settle(ref: str, key: str, by: tuple[Any, ...] = OFFICER) -> tuple[int, Any]:
        path = f"/cases/{ref}/tasks/talk_held"
        answer = office.post(path, {"outcome": "done"}, by=by, key=key)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(6) as people, office.desk.db.write():
        asked = [
            people.submit(settle, one.ref, "twice"),
            people.submit(settle, one.ref, "twice"),
            people.submit(settle, one.ref, "slower"),
            people.submit(settle, two.ref, "other"),
            people.submit(settle, two.ref, "outsider", OUTSIDER),
        ]
        time.sleep(0.3)
    (first, said), (again, same), (slower, _), (other, _), (outsider, _) = (
        each.result(10) for each in asked
    )

    assert {first, slower} == {200, 409}, "whoever of the two came first"
    assert again == first
    assert first == 409 or same == said, "one request under one key, done once"
    assert (other, outsider) == (200, 404)


def test_there_are_threads_for_others_beside_the_line() -> None:
    assert threads.AT_ONCE > 2 * WRITING

"""A request that is sent again gets the first answer, and does nothing the second time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from cases import idempotency
from tests.cases.desk import make_case
from tests.web.office import NOW, NURSE, OFFICER, UNIT_LEAD, Office


def test_a_repeat_gets_the_first_answer_and_changes_nothing(office: Office) -> None:
    case = make_case(office.desk)
    path, body = f"/cases/{case.ref}/tasks/talk_held", {"outcome": "done", "form": "group"}
    first = office.post(path, body, by=OFFICER, key="key-1")
    office.clock.now += timedelta(hours=1)

    again = office.post(path, body, by=OFFICER, key="key-1")

    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert office.desk.case(case.ref).version == case.version + 1


def test_the_same_key_with_another_body_or_another_address_is_a_problem_of_its_own(
    office: Office,
) -> None:
    case, other = make_case(office.desk), make_case(office.desk)
    body = {"outcome": "done", "form": "group"}
    office.post(f"/cases/{case.ref}/tasks/talk_held", body, by=OFFICER, key="k")

    for answer in (
        office.post(
            f"/cases/{case.ref}/tasks/talk_held",
            {"outcome": "done", "form": "individual"},
            by=OFFICER,
            key="k",
        ),
        office.post(f"/cases/{other.ref}/tasks/talk_held", body, by=OFFICER, key="k"),
    ):
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:overlev:problem:key-reused"
    assert office.desk.case(other.ref).version == other.version


def test_a_key_belongs_to_who_used_it(office: Office) -> None:
    case, other = make_case(office.desk), make_case(office.desk)

    first = office.post(
        f"/cases/{case.ref}/tasks/talk_held", {"outcome": "done"}, by=OFFICER, key="k"
    )
    second = office.post(
        f"/cases/{other.ref}/tasks/talk_held", {"outcome": "done"}, by=UNIT_LEAD, key="k"
    )

    assert first.status_code == second.status_code == 200
    assert second.json()["ref"] == other.ref


def test_a_refusal_is_not_remembered_because_nothing_was_done(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    office.post(path, {"outcome": "done"}, by=UNIT_LEAD)

    refused = office.post(path, {"outcome": "done"}, by=OFFICER, key="k")
    office.ask("DELETE", path, {"reason": "not_done"}, by=UNIT_LEAD)
    taken = office.post(path, {"outcome": "done"}, by=OFFICER, key="k")

    assert (refused.status_code, taken.status_code) == (409, 200)


def test_a_key_is_forgotten_after_a_day(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    office.post(path, {"outcome": "done"}, by=OFFICER, key="k")
    office.clock.now = NOW + idempotency.KEPT_FOR

    after = office.post(path, {"outcome": "done"}, by=OFFICER, key="k")

    assert after.status_code == 409  # asked anew, and the task is done


def test_two_who_find_at_once_that_a_key_has_expired_do_it_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    if office.desk.db.is_sqlite:
        pytest.skip("one at a time writes")
    received, kit = "/units/a/naloxone", {"kind": "received"}
    assert office.post(received, kit, by=NURSE, key="k").json()["stock"] == 1
    office.clock.now = NOW + idempotency.KEPT_FOR
    looked, answered = threading.Event(), threading.Event()
    first = idempotency.first

    def and_then_another_is_quicker(
        tx: Connection, request: idempotency.Request, *, now: datetime
    ) -> idempotency.Answer | None:
        found = first(tx, request, now=now)
        if not looked.is_set():
            looked.set()
            assert answered.wait(20)
        return found

    monkeypatch.setattr(idempotency, "first", and_then_another_is_quicker)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(office.post, received, kit, by=NURSE, key="k")
        assert looked.wait(20)
        quick = office.post(received, kit, by=NURSE, key="k")
        answered.set()

    assert quick.json()["stock"] == 2
    assert slow.result().content == quick.content
    assert office.post(received, kit, by=NURSE, key="another").json()["stock"] == 3


def test_many_at_once_under_one_key_are_one_change_and_one_answer(office: Office) -> None:
    case = make_case(office.desk)
    office.token(*OFFICER)

    with ThreadPoolExecutor(6) as pool:
        asking = [
            pool.submit(
                office.post,
                f"/cases/{case.ref}/tasks/talk_held",
                {"outcome": "done"},
                by=OFFICER,
                key="k",
            )
            for _ in range(6)
        ]
        answers = {each.result().content for each in asking}

    assert len(answers) == 1
    assert b'"state":"done"' in answers.pop()
    assert office.desk.case(case.ref).version == case.version + 1


def test_neither_what_was_asked_nor_what_was_answered_can_be_read_in_the_database(
    office: Office,
) -> None:
    case = make_case(office.desk)
    office.post(
        f"/cases/{case.ref}/tasks/intake_talk",
        {"outcome": "done", "answer": "at_risk"},
        by=NURSE,
        key="k",
    )

    with office.desk.db.read() as tx:
        (row,) = tx.execute(text("SELECT * FROM idempotency")).mappings()
    stored = " ".join(str(value) for value in row.values())
    assert "at_risk" not in stored
    assert case.ref not in stored


def test_a_key_has_a_form(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    for key in ("", "x" * 121, "with space"):
        answer = office.post(path, {"outcome": "done"}, by=OFFICER, key=key)
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key"), key

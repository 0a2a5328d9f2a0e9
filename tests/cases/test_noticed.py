"""What was brought to a role and still asks; what nobody could be told of. DOMAIN section 6."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from unittest.mock import patch

from bench.people import phone_number
from cases import accounts, noticed, people, phones, queries, service, vault
from cases.access import Viewer
from cases.model import Case, Role
from cases.people import PersonChange
from notifications.reasons import Reason
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OFFICER,
    OPENED,
    Desk,
    answer_offer,
    answer_transfer,
    book,
    let_go,
    make_case,
    oslo,
    outcome,
    propose,
    staff,
    sweep_at,
)

MONDAY = oslo("2026-09-07 10:00")
ASKED_AGAIN = oslo("2026-09-21 15:00")


def asked(desk: Desk, viewer: Viewer, when: str) -> list[tuple[str, str]]:
    found = desk.look(noticed.asking, viewer, now=oslo(when))
    return [(each.ref, each.code) for each in found]


def test_who_said_not_now_is_brought_to_the_nurse_until_they_are_asked(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 12, 28))
    answer_offer(desk, case, "not_now", now=MONDAY)
    assert asked(desk, NURSE, "2026-09-21 14:59") == []

    sweep_at(desk, ASKED_AGAIN)

    assert asked(desk, NURSE, "2026-09-22 08:00") == [(case.ref, "offer_again")]
    assert asked(desk, OFFICER, "2026-09-22 08:00") == []
    assert asked(desk, COORDINATOR, "2026-09-22 08:00") == []
    assert asked(desk, staff(Role.HEALTH, "b"), "2026-09-22 08:00") == []

    answer_offer(desk, case, "not_now", now=oslo("2026-09-22 09:00"))
    assert asked(desk, NURSE, "2026-09-22 10:00") == []


def test_a_release_that_nobody_recorded_asks_until_it_is_recorded(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    assert asked(desk, COORDINATOR, "2026-09-21 16:00") == [(case.ref, "release_not_recorded")]

    let_go(desk, case, now=oslo("2026-09-21 16:00"), at=oslo("2026-09-18 10:00"))

    assert asked(desk, COORDINATOR, "2026-09-21 17:00") == []


def test_how_an_appointment_went_asks_until_somebody_says(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 18))
    meeting = book(desk, case, "NAV", oslo("2026-09-21 10:00"), now=MONDAY)
    let_go(desk, case, now=oslo("2026-09-18 10:00"))
    sweep_at(desk, oslo("2026-09-24 16:00"))
    assert (case.ref, "outcome_asked") in [
        *asked(desk, COORDINATOR, "2026-09-24 17:00"),
        *asked(desk, NURSE, "2026-09-24 17:00"),
    ]

    outcome(desk, meeting, "attended", now=oslo("2026-09-24 17:00"))

    assert asked(desk, COORDINATOR, "2026-09-24 18:00") == []
    assert asked(desk, NURSE, "2026-09-24 18:00") == []


def test_a_number_that_is_no_use_asks_until_there_is_another(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)

    def number(ending: int, now: datetime) -> str:
        written = str(phone_number(ending))
        desk.do(people.change, case.person, PersonChange(phone=written), now=now)
        return desk.do(vault.digest, "phone", written)

    digest = number(1, MONDAY)
    assert desk.do(phones.failed, digest, Reason.BAD_NUMBER, MONDAY) == 1
    assert asked(desk, COORDINATOR, "2026-09-08 08:00") == [(case.ref, "phone_invalid")]

    number(2, oslo("2026-09-08 09:00"))

    assert asked(desk, COORDINATOR, "2026-09-08 10:00") == []


def test_what_was_brought_is_the_new_units_after_a_transfer(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    transfer = propose(desk, case, "b", now=oslo("2026-09-22 09:00"))
    answer_transfer(desk, transfer, "accept", now=oslo("2026-09-22 10:00"))

    for units, asks in (
        ("a", []),
        ("b", ["release_not_recorded"]),
        ("ab", ["release_not_recorded"]),
    ):
        who = staff(Role.COORDINATOR, *units)
        assert of(case, asked(desk, who, "2026-09-22 11:00")) == asks, units


def test_what_was_brought_comes_along_with_a_transfer(desk: Desk) -> None:
    """Nobody is told anew: the one who could ask was in the unit that the person had left."""
    case = make_case(desk, release_on=date(2026, 12, 28))
    answer_offer(desk, case, "not_now", now=MONDAY)
    sweep_at(desk, ASKED_AGAIN)
    there = staff(Role.HEALTH, "b")
    transfer = propose(desk, case, "b", now=oslo("2026-09-22 09:00"))
    assert of(case, asked(desk, NURSE, "2026-09-22 09:30")) == ["offer_again"]
    assert of(case, asked(desk, there, "2026-09-22 09:30")) == []

    answer_transfer(desk, transfer, "accept", now=oslo("2026-09-22 10:00"))
    sweep_at(desk, oslo("2026-09-22 10:05"))

    assert of(case, asked(desk, there, "2026-09-22 11:00")) == ["offer_again"]
    assert of(case, asked(desk, NURSE, "2026-09-22 11:00")) == []
    for who in (staff(Role.OFFICER, "b"), staff(Role.COORDINATOR, "b"), staff(Role.HEALTH, "c")):
        assert of(case, asked(desk, who, "2026-09-22 11:00")) == [], who

    desk.do(service.answer_offer, there, case.ref, "accepted", now=oslo("2026-09-22 12:00"))
    assert of(case, asked(desk, there, "2026-09-22 13:00")) == []


def test_old_notices_are_not_dug_up(desk: Desk) -> None:
    make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    later = ASKED_AGAIN + noticed.KEPT_FOR + timedelta(days=1)

    assert desk.look(noticed.asking, COORDINATOR, now=later) == []


def test_admins_hear_of_units_in_which_nobody_could_be_told_and_of_no_case(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    for name in ("health.a", "unit-lead.a"):
        desk.do(accounts.disable, name, now=OPENED)
    due_at = oslo("2026-09-02 06:00")
    sweep_at(desk, due_at)

    (found,) = desk.look(noticed.unstaffed, now=due_at)

    assert (found.unit, found.cases, found.last_at) == ("a", 1, due_at)
    assert case.ref not in repr(found)
    assert desk.look(noticed.unstaffed, now=due_at + timedelta(days=31)) == []


def of(case: Case, asks: list[tuple[str, str]]) -> list[str]:
    return [code for ref, code in asks if ref == case.ref]


def test_what_is_remembered_of_a_case_is_forgotten_with_its_next_change(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    for _ in range(3):
        asks = asked(desk, COORDINATOR, "2026-09-21 16:00")
        assert of(case, asks) == ["release_not_recorded"]

    let_go(desk, case, now=oslo("2026-09-21 16:30"))

    assert of(case, asked(desk, COORDINATOR, "2026-09-21 17:00")) == []


def test_a_case_that_is_remembered_is_not_read_again(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    with patch.object(queries, "cases_by_ids", wraps=queries.cases_by_ids) as read:
        for _ in range(3):
            asks = asked(desk, COORDINATOR, "2026-09-21 16:00")
            assert of(case, asks) == ["release_not_recorded"]
    assert read.call_count == 1


def test_what_is_remembered_is_shown_to_nobody_who_may_not_see_the_case(desk: Desk) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    sweep_at(desk, ASKED_AGAIN)
    assert of(case, asked(desk, COORDINATOR, "2026-09-21 16:00"))
    assert not of(case, asked(desk, staff(Role.COORDINATOR, "b"), "2026-09-21 16:00"))

"""Who proposed a transfer hears what was answered. DOMAIN sections 3 and 5."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from cases import noticed, people, transfers
from cases.access import Viewer
from cases.model import Case, Protection, Role
from cases.people import PersonChange
from cases.tables import access_log, access_subject
from core.errors import NotAllowed
from tests.cases.desk import (
    ADMIN,
    DIRECTORATE,
    NURSE,
    OFFICER,
    Desk,
    answer_offer,
    answer_transfer,
    let_go,
    make_case,
    oslo,
    propose,
    staff,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SENDER = staff(Role.COORDINATOR, "a")
LEAD = staff(Role.UNIT_LEAD, "a")
RECEIVER = staff(Role.COORDINATOR, "b")
ELSEWHERE = staff(Role.COORDINATOR, "c")


def answered(
    desk: Desk, viewer: Viewer, case: Case, *, after: timedelta
) -> list[tuple[str, str | None]]:
    found = desk.do(transfers.list_answered, viewer, now=MONDAY + after)
    return [(each.state, each.answered_by) for each in found if each.ref == case.ref]


def brought(desk: Desk, viewer: Viewer, case: Case, *, after: timedelta) -> bool:
    found = desk.look(noticed.asking, viewer, now=MONDAY + after)
    return (case.ref, noticed.TRANSFER_DECLINED) in [(each.ref, each.code) for each in found]


@pytest.mark.parametrize(("answer", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_the_proposing_unit_reads_for_14_days_what_was_answered_and_by_whom(
    desk: Desk, answer: str, state: str
) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    assert answered(desk, SENDER, case, after=HOUR) == []

    answer_transfer(desk, transfer, answer, now=MONDAY, viewer=RECEIVER)

    for viewer in (SENDER, LEAD):
        assert answered(desk, viewer, case, after=HOUR) == [(state, RECEIVER.account)]
    assert answered(desk, SENDER, case, after=14 * DAY - HOUR) != []
    assert answered(desk, SENDER, case, after=14 * DAY) == []
    assert answered(desk, RECEIVER, case, after=HOUR) == []
    assert answered(desk, ELSEWHERE, case, after=HOUR) == []


def test_what_was_taken_back_is_no_answer(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, transfer, "revoke", now=MONDAY, viewer=SENDER)

    assert answered(desk, SENDER, case, after=HOUR) == []
    assert not brought(desk, SENDER, case, after=HOUR)


@pytest.mark.parametrize("viewer", [NURSE, OFFICER, DIRECTORATE, ADMIN])
def test_other_roles_do_not_read_what_was_answered(desk: Desk, viewer: Viewer) -> None:
    with pytest.raises(NotAllowed):
        desk.do(transfers.list_answered, viewer, now=MONDAY)


def test_the_look_at_what_was_answered_is_logged(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, transfer, "reject", now=MONDAY, viewer=RECEIVER)
    answered(desk, SENDER, case, after=HOUR)

    listed = select(access_subject.c.access_id).where(access_subject.c.case_ref == case.ref)
    with desk.db.read() as tx:
        (look,) = tx.execute(
            select(access_log).where(
                access_log.c.id.in_(listed), access_log.c.actor == SENDER.account
            )
        ).all()
    assert (look.verb, look.scope) == (transfers.TRANSFERS_LISTED, "a")


def test_of_what_was_accepted_the_number_is_left_and_of_what_was_declined_the_name(
    desk: Desk,
) -> None:
    gone, kept = make_case(desk), make_case(desk)
    for case, answer in ((gone, "accept"), (kept, "reject")):
        transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
        answer_transfer(desk, transfer, answer, now=MONDAY, viewer=RECEIVER)
    found = desk.do(transfers.list_answered, SENDER, now=MONDAY + HOUR)

    about = desk.look(transfers.who_they_were_about, SENDER, found)

    assert about[gone.ref].name is None
    assert about[gone.ref].inmate_no
    assert about[kept.ref].name


def test_a_declined_transfer_stands_among_the_notices_of_whoever_may_propose(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    assert not brought(desk, SENDER, case, after=HOUR)

    answer_transfer(desk, transfer, "reject", now=MONDAY, viewer=RECEIVER)

    for viewer in (SENDER, LEAD):
        assert brought(desk, viewer, case, after=HOUR)
    for viewer in (RECEIVER, ELSEWHERE, NURSE, OFFICER):
        assert not brought(desk, viewer, case, after=HOUR)
    assert not brought(desk, SENDER, case, after=14 * DAY)


def test_a_transfer_that_is_proposed_again_is_no_longer_brought(desk: Desk) -> None:
    case = make_case(desk)
    first = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, first, "reject", now=MONDAY, viewer=RECEIVER)

    again = propose(desk, case, "c", now=MONDAY + HOUR, viewer=SENDER)
    assert not brought(desk, SENDER, case, after=HOUR)

    answer_transfer(desk, again, "reject", now=MONDAY + 2 * HOUR, viewer=ELSEWHERE)
    assert brought(desk, SENDER, case, after=3 * HOUR)


def test_of_somebody_who_left_or_declined_no_declined_transfer_is_brought(desk: Desk) -> None:
    left = make_case(desk, answer="accepted", release_on=date(2026, 9, 7))
    declined = make_case(desk)
    for case in (left, declined):
        transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
        answer_transfer(desk, transfer, "reject", now=MONDAY, viewer=RECEIVER)
    let_go(desk, left, now=MONDAY + HOUR)
    answer_offer(desk, declined, "declined", now=MONDAY + HOUR)

    for case in (left, declined):
        assert not brought(desk, SENDER, case, after=2 * HOUR)
        assert answered(desk, SENDER, case, after=2 * HOUR) == [("rejected", RECEIVER.account)]


def test_of_somebody_under_kode_6_only_those_who_are_named_hear_of_it(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, transfer, "reject", now=MONDAY, viewer=RECEIVER)
    hidden = PersonChange(protection=Protection.STRICTLY_CONFIDENTIAL)
    desk.do(people.change, case.person, hidden, now=MONDAY)

    for viewer in (SENDER, LEAD):
        assert answered(desk, viewer, case, after=HOUR) == []
        assert not brought(desk, viewer, case, after=HOUR)

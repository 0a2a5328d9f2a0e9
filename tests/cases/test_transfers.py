"""Transfers between units: two-sided, and a case is never without an owner. DOMAIN section 3."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cases import release, service, transfers, views
from cases.access import OPERATOR, Viewer
from cases.model import Role, TransferState
from cases.rules import CaseNotFound
from cases.transfers import TransferNotFound
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    NURSE,
    OFFICER,
    OPENED,
    OUTSIDER,
    Desk,
    answer_transfer,
    check_case,
    complete,
    due,
    let_go,
    make_case,
    notices,
    oslo,
    propose,
    staff,
    state,
    sweep_at,
    task,
    told,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SENDER = staff(Role.COORDINATOR, "a")
RECEIVER = staff(Role.COORDINATOR, "b")
ELSEWHERE = staff(Role.COORDINATOR, "c")


def test_until_acceptance_everything_stays_with_the_sending_unit(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    waiting = desk.case(case.ref)
    assert waiting.unit == "a"
    assert [t.due_at for t in waiting.tasks] == [t.due_at for t in case.tasks]
    assert state(complete(desk, case, "talk_held", now=MONDAY), "talk_held") == "done"
    with pytest.raises(CaseNotFound):
        complete(desk, case, "card_printed", viewer=RECEIVER, now=MONDAY)
    check_case(desk, case.ref, now=MONDAY)


def test_on_acceptance_the_receiving_unit_owns_the_case_with_its_due_times_and_its_past(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", done=["brief_info"])
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    after = answer_transfer(desk, transfer, "accept", now=MONDAY + DAY, viewer=RECEIVER)

    assert after.unit == "b"
    assert (after.admitted_unit, after.package) == ("a", case.package)
    assert [(s.unit, s.from_at, s.to_at) for s in after.stays] == [
        ("a", case.admitted_at, MONDAY + DAY),
        ("b", MONDAY + DAY, None),
    ]
    assert state(after, "brief_info") == "done"
    assert [t.due_at for t in after.tasks] == [t.due_at for t in case.tasks]
    with pytest.raises(CaseNotFound):
        complete(desk, case, "talk_held", viewer=OFFICER, now=MONDAY + DAY)
    done = complete(desk, case, "card_printed", viewer=RECEIVER, now=MONDAY + DAY)
    assert task(done, "card_printed").done_unit == "b"
    check_case(desk, case.ref, now=MONDAY + DAY)


def test_a_rejected_transfer_leaves_the_case_and_may_be_proposed_again(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    after = answer_transfer(desk, transfer, "reject", now=MONDAY + HOUR, viewer=RECEIVER)

    assert (after.unit, after.open_transfer) == ("a", None)
    again = propose(desk, case, "b", now=MONDAY + 2 * HOUR, viewer=SENDER)
    assert again != transfer
    check_case(desk, case.ref, now=MONDAY + 2 * HOUR)


def test_the_sending_unit_revokes_and_only_the_receiving_one_accepts_or_rejects(
    desk: Desk,
) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    for viewer, answer in ((SENDER, "accept"), (SENDER, "reject"), (RECEIVER, "revoke")):
        with pytest.raises(Refused) as refusal:
            answer_transfer(desk, transfer, answer, now=MONDAY, viewer=viewer)
        assert not isinstance(refusal.value, NotFound)
    after = answer_transfer(desk, transfer, "revoke", now=MONDAY + HOUR, viewer=SENDER)

    assert [t.state for t in after.transfers] == [TransferState.REVOKED]


def test_a_transfer_between_other_units_is_not_found_and_neither_is_an_invented_one(
    desk: Desk,
) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    said = set()
    for reference in (transfer, "nosuchref0"):
        for answer in ("accept", "reject", "revoke"):
            with pytest.raises(TransferNotFound) as refusal:
                answer_transfer(desk, reference, answer, now=MONDAY, viewer=ELSEWHERE)
            said.add(str(refusal.value))

    assert len(said) == 1
    assert desk.case(case.ref).open_transfer is not None


@pytest.mark.parametrize("viewer", [NURSE, OFFICER, DIRECTORATE, ADMIN])
def test_other_roles_neither_propose_nor_answer(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)
    with pytest.raises(NotAllowed) as refusal:
        desk.do(transfers.propose_transfer, viewer, case.ref, "b", now=MONDAY)
    assert not isinstance(refusal.value, NotFound)

    transfer = propose(desk, case, "b", now=MONDAY)
    with pytest.raises(NotAllowed):
        answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=viewer)
    # Who has no case at all is refused before anything is looked up.
    with pytest.raises(NotAllowed if viewer in (DIRECTORATE, ADMIN) else NotFound):
        answer_transfer(desk, "nosuchref0", "accept", now=MONDAY, viewer=viewer)


def test_the_same_proposal_again_is_a_conflict_and_a_third_unit_replaces(desk: Desk) -> None:
    case = make_case(desk)
    first = propose(desk, case, "b", now=MONDAY)
    with pytest.raises(Conflict):
        propose(desk, case, "b", now=MONDAY + HOUR)

    second = propose(desk, case, "c", now=MONDAY + HOUR)

    after = desk.case(case.ref)
    assert {t.id: t.state for t in after.transfers} == {first: "revoked", second: "proposed"}
    with pytest.raises(Conflict, match="revoked"):
        answer_transfer(desk, first, "accept", now=MONDAY + 2 * HOUR)
    moved = answer_transfer(desk, second, "accept", now=MONDAY + 2 * HOUR, viewer=ELSEWHERE)
    assert moved.unit == "c"
    check_case(desk, case.ref, now=MONDAY + 2 * HOUR)


def test_a_transfer_goes_to_another_unit_that_exists(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="already"):
        propose(desk, case, "a", now=MONDAY)
    with pytest.raises(BadInput, match="unit"):
        propose(desk, case, "alcatraz", now=MONDAY)
    transfer = propose(desk, case, "b", now=MONDAY)
    with pytest.raises(BadInput, match="accept"):
        answer_transfer(desk, transfer, "perhaps", now=MONDAY)


def test_a_transfer_is_answered_once(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY)
    answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=RECEIVER)

    for viewer, answer in ((RECEIVER, "accept"), (RECEIVER, "reject"), (SENDER, "revoke")):
        with pytest.raises(Conflict, match=RECEIVER.account):
            answer_transfer(desk, transfer, answer, now=MONDAY + HOUR, viewer=viewer)


def test_there_and_back_within_a_day_leaves_three_stays_and_one_owner(desk: Desk) -> None:
    case = make_case(desk)
    out = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, out, "accept", now=MONDAY + HOUR, viewer=RECEIVER)
    back = propose(desk, case, "a", now=MONDAY + 2 * HOUR, viewer=RECEIVER)

    after = answer_transfer(desk, back, "accept", now=MONDAY + 3 * HOUR, viewer=SENDER)

    assert [s.unit for s in after.stays] == ["a", "b", "a"]
    assert [s.to_at for s in after.stays] == [MONDAY + HOUR, MONDAY + 3 * HOUR, None]
    assert after.unit == "a"
    check_case(desk, case.ref, now=MONDAY + 3 * HOUR)


@pytest.mark.parametrize("ending", ["release", "died"])
def test_a_transfer_that_crosses_with_the_end_of_the_stay_is_taken_back(
    desk: Desk, ending: str
) -> None:
    case = make_case(desk, answer="accepted")
    transfer = propose(desk, case, "b", now=MONDAY)

    if ending == "release":
        after = let_go(desk, case, now=MONDAY + HOUR)
    else:
        after = desk.do(release.close, COORDINATOR, case.ref, ending, now=MONDAY + HOUR)

    assert [t.state for t in after.transfers] == [TransferState.REVOKED]
    assert after.unit == "a"
    with pytest.raises(Conflict, match="revoked"):
        answer_transfer(desk, transfer, "accept", now=MONDAY + 2 * HOUR)
    with pytest.raises(Refused):
        propose(desk, case, "b", now=MONDAY + 2 * HOUR)
    check_case(desk, case.ref, now=MONDAY + HOUR)


def test_the_release_belongs_to_the_unit_that_owns_the_case_then(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    transfer = propose(desk, case, "b", now=MONDAY)
    answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=RECEIVER)

    after = desk.do(release.release, staff(Role.OFFICER, "b"), case.ref, now=MONDAY + DAY)

    assert (after.released_unit, after.admitted_unit) == ("b", "a")


def test_the_sending_unit_reads_its_own_past_for_14_days_and_changes_nothing(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    complete(desk, case, "talk_booked", now=MONDAY - DAY)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=RECEIVER)
    complete(desk, case, "card_printed", viewer=RECEIVER, now=MONDAY + HOUR)
    desk.do(
        release.set_release_date,
        RECEIVER,
        case.ref,
        date(2026, 10, 1),
        kind="confirmed",
        now=MONDAY + HOUR,
    )

    last = MONDAY + 14 * DAY - timedelta(microseconds=1)
    seen = desk.do(views.read_case, SENDER, case.ref, now=last)

    tasks = {t["task"]: t["state"] for s in seen["steps"] for t in s["tasks"]}
    assert (tasks["talk_booked"], tasks["card_printed"]) == ("done", "open")
    assert seen["release"]["on"] == "2026-12-28"
    with pytest.raises(CaseNotFound):
        complete(desk, case, "talk_held", viewer=OFFICER, now=MONDAY + HOUR)
    with pytest.raises(CaseNotFound):
        desk.do(
            release.set_release_date, SENDER, case.ref, None, kind="full_term", now=MONDAY + HOUR
        )
    with pytest.raises(CaseNotFound):
        desk.do(views.read_case, SENDER, case.ref, now=MONDAY + 14 * DAY)
    with pytest.raises(CaseNotFound):
        desk.do(views.read_case, OUTSIDER, case.ref, now=MONDAY + HOUR)


def test_the_health_services_answers_do_not_follow_by_themselves(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY - DAY, answer="at_risk")
    transfer = propose(desk, case, "b", now=MONDAY)
    answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=RECEIVER)

    there = desk.do(views.read_case, staff(Role.HEALTH, "b"), case.ref, now=MONDAY + HOUR)
    here = desk.do(views.read_case, NURSE, case.ref, now=MONDAY + HOUR)

    assert "answer" not in _talk(there)
    assert _talk(here)["answer"] == "at_risk"
    assert _talk(there)["state"] == "done"


def _talk(view: views.View) -> views.View:
    return next(t for s in view["steps"] for t in s["tasks"] if t["task"] == "intake_talk")


def test_a_waiting_transfer_is_told_to_the_receiver_after_1_wd_and_to_both_leads_after_3(
    desk: Desk,
) -> None:
    # Proposed on a Friday: one working day later is Monday, three are Wednesday.
    case = make_case(desk)
    friday = oslo("2026-09-11 10:00")
    sweep_at(desk, friday)
    propose(desk, case, "b", now=friday)

    said = []
    for day in ("12", "13", "14", "15", "16"):
        sweep_at(desk, oslo(f"2026-09-{day} 10:00"))
        said.append([role for _, rung, role in notices(desk, case) if rung == "transfer_waiting"])

    assert said[:2] == [[], []]
    assert said[2] == said[3] == ["coordinator"]
    assert said[4] == ["coordinator", "unit_lead", "unit_lead"]
    assert desk.case(case.ref).unit == "a", "it never accepts itself"


def test_an_answered_transfer_is_told_to_nobody(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY)
    answer_transfer(desk, transfer, "reject", now=MONDAY + HOUR)

    sweep_at(desk, MONDAY + 7 * DAY)

    assert not [rung for _, rung, _ in notices(desk, case) if rung == "transfer_waiting"]


def test_after_a_transfer_the_ladder_speaks_in_the_receiving_unit(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    transfer = propose(desk, case, "b", now=OPENED)
    answer_transfer(desk, transfer, "accept", now=OPENED)

    sweep_at(desk, oslo("2026-09-02 06:00"))

    assert {row.unit for row in told(desk, case)} == {"b"}


def test_the_operator_may_answer_for_both_sides(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "c", now=MONDAY, viewer=OPERATOR)

    after = answer_transfer(desk, transfer, "accept", now=MONDAY, viewer=OPERATOR)

    assert after.unit == "c"
    assert due(after, "talk_held") == due(case, "talk_held")
    answered = desk.do(service.answer_offer, OUTSIDER, case.ref, "accepted", now=MONDAY)
    assert answered.participation == "accepted"


def test_somebody_who_comes_tomorrow_and_is_transferred_today_was_never_in_two_units(
    desk: Desk,
) -> None:
    tomorrow = OPENED + DAY
    case = make_case(desk, admitted_at=tomorrow, now=OPENED)
    transfer = propose(desk, case, "b", now=OPENED)

    after = answer_transfer(desk, transfer, "accept", now=OPENED + HOUR)

    assert [(s.unit, s.from_at, s.to_at) for s in after.stays] == [
        ("a", tomorrow, tomorrow),
        ("b", tomorrow, None),
    ]
    check_case(desk, case.ref, now=OPENED + HOUR)

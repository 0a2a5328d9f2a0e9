"""A release that was recorded wrongly is taken back: the case is what it was without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cases import appointments, release, release_undo, service, short_form
from cases.access import Viewer
from cases.model import Case, CloseReason, Phase, TaskState, TransferState
from cases.rules import CaseNotFound
from cases.short_form import ShortForm
from cases.standing import deviations
from core.errors import BadInput, Conflict, NotAllowed, Refused
from notifications.message import MessageState
from tests.cases.desk import (
    BEFORE_RELEASE,
    COORDINATOR,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    answer_transfer,
    book,
    check_case,
    comparable,
    complete,
    consent,
    let_go,
    make_case,
    messages,
    notices,
    oslo,
    propose,
    set_date,
    state,
    states,
    still_to_send,
    sweep_at,
)

FRIDAY = oslo("2026-09-18 12:00")
MONDAY = oslo("2026-09-21 09:00")
DAY = timedelta(days=1)


def take_back(
    desk: Desk,
    case: Case,
    *,
    now: datetime,
    reason: str = "wrong_person",
    viewer: Viewer = OFFICER,
) -> Case:
    return desk.do(release_undo.undo_release, viewer, case.ref, reason, now=now)


def test_a_release_taken_back_leaves_the_case_as_it_was(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", done=["intake_talk", "brief_info"])
    before = desk.case(case.ref)
    let_go(desk, case, now=FRIDAY)

    after = take_back(desk, case, now=MONDAY)

    # What the due times were meanwhile is remembered; all else is as if nothing had been.
    assert comparable(replace(after, due_changes=())) == comparable(replace(before, due_changes=()))
    assert (after.phase, after.release_on) == (Phase.IN_PRISON, before.release_on)
    assert deviations(after) == ()
    check_case(desk, case.ref, now=MONDAY)


def test_what_was_missed_waits_again_and_is_no_deviation(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    gone = let_go(desk, case, now=FRIDAY)
    assert len(deviations(gone)) == len(BEFORE_RELEASE)
    complete(desk, case, "brief_info", now=MONDAY, at=FRIDAY - DAY)

    after = take_back(desk, case, now=MONDAY)

    assert states(after) == {"open", "done"}
    assert deviations(after) == ()


def test_messages_are_cancelled_at_once_and_wanted_anew_after_the_true_release(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="47439150")
    consent(desk, case, "sms", now=oslo("2026-09-02 10:00"))
    let_go(desk, case, now=FRIDAY)
    book(desk, case, "NAV", oslo("2026-09-23 10:00"), now=FRIDAY)
    assert oslo("2026-09-22 14:00") in still_to_send(desk, case)

    take_back(desk, case, now=MONDAY)

    assert still_to_send(desk, case) == []
    assert {m.why for m in messages(desk, case) if m.state is MessageState.CANCELLED} == {
        "not_released"
    }
    let_go(desk, case, now=MONDAY + timedelta(hours=1))
    assert oslo("2026-09-22 14:00") in still_to_send(desk, case)


def test_a_transfer_that_the_release_revoked_waits_for_its_answer_again(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=FRIDAY - DAY)
    gone = let_go(desk, case, now=FRIDAY)
    assert gone.open_transfer is None

    after = take_back(desk, case, now=MONDAY)

    assert after.open_transfer is not None
    assert (after.open_transfer.id, after.open_transfer.state) == (transfer, TransferState.PROPOSED)


def test_a_transfer_that_a_person_revoked_stays_revoked(desk: Desk) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=FRIDAY - DAY)
    answer_transfer(desk, transfer, "revoke", now=FRIDAY - DAY)
    let_go(desk, case, now=FRIDAY)

    assert take_back(desk, case, now=MONDAY).open_transfer is None


@pytest.mark.parametrize("answer", [None, "declined", "not_now"])
def test_a_case_that_the_release_had_closed_is_open_again(desk: Desk, answer: str | None) -> None:
    case = make_case(desk, answer=answer)
    gone = let_go(desk, case, now=FRIDAY)
    assert gone.phase is Phase.CLOSED

    after = take_back(desk, case, now=MONDAY)

    assert (after.phase, after.closed_at, after.close_reason) == (Phase.IN_PRISON, None, None)
    assert state(after, "intake_talk") is TaskState.OPEN
    check_case(desk, case.ref, now=MONDAY)


def test_a_deportation_and_a_follow_up_that_had_ended_are_taken_back_too(desk: Desk) -> None:
    deported, followed = make_case(desk), make_case(desk, answer="accepted")
    let_go(desk, deported, now=FRIDAY, to="deported")
    let_go(desk, followed, now=FRIDAY)
    sweep_at(desk, FRIDAY + 60 * DAY)
    assert desk.case(followed.ref).close_reason is CloseReason.COMPLETED

    for case in (deported, followed):
        after = take_back(desk, case, now=FRIDAY + 61 * DAY, reason="not_released")
        assert (after.phase, after.close_reason) == (Phase.IN_PRISON, None)
        check_case(desk, case.ref, now=FRIDAY + 61 * DAY)


def test_a_death_stands_though_the_release_before_it_does_not(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    propose(desk, case, "b", now=FRIDAY - DAY)
    let_go(desk, case, now=FRIDAY)
    desk.do(release.close, UNIT_LEAD, case.ref, "died", now=MONDAY)

    after = take_back(desk, case, now=MONDAY + DAY, reason="not_released")

    assert (after.phase, after.close_reason) == (Phase.CLOSED, CloseReason.DIED)
    assert (after.released_at, after.open_transfer) == (None, None)
    assert states(after) == {"cancelled"}
    check_case(desk, case.ref, now=MONDAY + DAY)


def test_of_a_short_form_only_what_it_waived_goes_with_the_release(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    form = ShortForm(risk_talk=True, signs_and_113=True)
    desk.do(short_form.release_unplanned, OFFICER, case.ref, "court", form, now=FRIDAY)
    assert states(desk.case(case.ref)) == {"done", "waived"}

    after = take_back(desk, case, now=MONDAY)

    assert after.unplanned is None
    assert states(after) == {"done", "open"}
    assert state(after, "talk_held") is TaskState.DONE


def test_what_was_recorded_at_the_gate_stays_and_is_undone_by_itself(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)
    complete(desk, case, "handed_over", now=FRIDAY, answer="card_only")
    visit = book(desk, case, "GP", FRIDAY + DAY, now=FRIDAY)
    desk.do(appointments.record_outcome, NURSE, visit.id, "attended", now=FRIDAY + 2 * DAY)

    after = take_back(desk, case, now=MONDAY)

    assert state(after, "handed_over") is TaskState.DONE
    assert after.appointments[0].status.value == "attended"
    again = desk.do(service.undo_task, OFFICER, case.ref, "handed_over", "not_done", now=MONDAY)
    assert state(again, "handed_over") is TaskState.OPEN


def test_the_true_release_is_recorded_anew_and_its_misses_are_told_as_new_ones(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)
    sweep_at(desk, FRIDAY + timedelta(hours=1))
    first = [told for told in notices(desk, case) if told[1] == "missed"]
    take_back(desk, case, now=MONDAY, reason="wrong_details")
    let_go(desk, case, now=MONDAY, at=FRIDAY - DAY)

    sweep_at(desk, MONDAY + timedelta(hours=1))

    told = [told for told in notices(desk, case) if told[1] == "missed"]
    assert len(first) == len(BEFORE_RELEASE)
    assert len(told) == 2 * len(first)
    assert desk.case(case.ref).release_on == (FRIDAY - DAY).date()


def test_a_date_that_passed_meanwhile_is_told_of_as_not_recorded(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=FRIDAY.date())
    let_go(desk, case, now=FRIDAY)
    take_back(desk, case, now=MONDAY, reason="not_released")

    sweep_at(desk, oslo("2026-09-21 16:00"))

    assert ("", "release_not_recorded", "coordinator") in notices(desk, case)


def test_who_was_imprisoned_again_since_was_released(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)
    later = service.Admission(case.person, case.counted_as, "a", MONDAY, earlier=case.ref)
    again = desk.do(service.admit, COORDINATOR, later, now=MONDAY)

    with pytest.raises(Refused, match="imprisoned again"):
        take_back(desk, case, now=MONDAY)

    desk.do(release.close, COORDINATOR, again.ref, "registered_in_error", now=MONDAY)
    assert take_back(desk, case, now=MONDAY).phase is Phase.IN_PRISON


def test_who_may_record_a_release_may_take_it_back_and_nobody_else(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    with pytest.raises(Refused, match="No release"):
        take_back(desk, case, now=FRIDAY)
    let_go(desk, case, now=FRIDAY)

    with pytest.raises(NotAllowed):
        take_back(desk, case, now=MONDAY, viewer=NURSE)
    with pytest.raises(CaseNotFound):
        take_back(desk, case, now=MONDAY, viewer=OUTSIDER)
    with pytest.raises(BadInput, match="wrong_person"):
        take_back(desk, case, now=MONDAY, reason="no_idea")
    with pytest.raises(Conflict):
        desk.do(release_undo.undo_release, OFFICER, case.ref, "wrong_person", now=MONDAY, version=1)
    assert desk.case(case.ref).phase is Phase.FOLLOW_UP
    take_back(desk, case, now=MONDAY, viewer=COORDINATOR)
    with pytest.raises(Refused, match="No release"):
        take_back(desk, case, now=MONDAY)


def test_a_wrong_release_moves_no_date_of_the_plan(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    dated = set_date(desk, case, (FRIDAY + 7 * DAY).date(), now=oslo("2026-09-02 10:00"))
    let_go(desk, case, now=FRIDAY)

    after = take_back(desk, case, now=FRIDAY + timedelta(hours=2))

    assert {t.code: t.due_at for t in after.tasks} == {t.code: t.due_at for t in dated.tasks}
    answer_offer(desk, case, "withdrawn", now=MONDAY)
    check_case(desk, case.ref, now=MONDAY)

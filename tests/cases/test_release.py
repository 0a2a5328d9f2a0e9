"""Release dates, the release, what it misses, and how a case closes. DOMAIN sections 2 and 3."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cases import release, service
from cases.access import Viewer
from cases.model import CloseReason, Participation, Phase, ReleaseNotice, TaskState
from cases.rules import CaseClosed, CaseNotFound, TaskNotOpen
from cases.standing import deviations, short_notice
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from notifications.message import MessageState
from tests.cases.desk import (
    ADMITTED,
    BEFORE_RELEASE,
    COORDINATOR,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    OWNER_OF,
    UNIT_LEAD,
    Desk,
    answer_offer,
    book,
    check_case,
    complete,
    consent,
    due,
    let_go,
    make_case,
    messages,
    notices,
    oslo,
    set_date,
    state,
    states,
    still_to_send,
    sweep_at,
    task,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FRIDAY = oslo("2026-09-18 12:00")
R = date(2026, 9, 18)


# --- dates --------------------------------------------------------------------------------------


def test_the_strongest_kind_of_date_is_in_force_and_withdrawing_it_gives_way(desk: Desk) -> None:
    case = make_case(desk, release_on=None)
    days = {
        "full_term": date(2026, 12, 28),
        "two_thirds": date(2026, 11, 16),
        "home_detention": date(2026, 11, 2),
        "parole": date(2026, 10, 19),
        "confirmed": date(2026, 10, 5),
    }
    for kind, on in days.items():
        case = set_date(desk, case, on, kind=kind, now=MONDAY)
        assert (case.release_on, case.release_kind) == (on, kind)
        assert due(case, "talk_held") == oslo(f"{on - 7 * DAY} 15:00")

    for kind, left in (("confirmed", "parole"), ("parole", "home_detention")):
        case = set_date(desk, case, None, kind=kind, now=MONDAY)
        assert case.release_on == days[left]
        check_case(desk, case.ref, now=MONDAY)


def test_withdrawing_the_only_date_leaves_the_release_tasks_prepared(desk: Desk) -> None:
    case = make_case(desk)

    after = set_date(desk, case, None, kind="full_term", now=MONDAY)

    assert after.release_on is None
    assert states(after, ("talk_booked", "talk_held", "requests_sent")) == {"prepared"}
    assert due(after, "talk_held") is None
    assert due(after, "naloxone_training") == oslo("2026-10-01 15:00")
    check_case(desk, case.ref, now=MONDAY)


def test_only_a_date_that_is_known_can_be_withdrawn(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="withdraw"):
        set_date(desk, case, None, kind="confirmed", now=MONDAY)
    with pytest.raises(BadInput):
        set_date(desk, case, R, kind="rumour", now=MONDAY)
    with pytest.raises(BadInput, match="before the admission"):
        set_date(desk, case, date(2026, 8, 31), now=MONDAY)
    for year in (1899, 2101):
        with pytest.raises(BadInput):
            set_date(desk, case, date(year, 6, 1), now=MONDAY)

    assert desk.case(case.ref) == case


def test_the_same_date_again_changes_nothing_and_adds_no_row(desk: Desk) -> None:
    case = make_case(desk)
    dated = set_date(desk, case, R, now=MONDAY)

    again = set_date(desk, case, R, now=MONDAY + DAY)

    assert again == dated
    assert len(again.release_dates) == len(dated.release_dates)


def test_the_same_day_in_another_kind_stays_known_since_the_first_time(desk: Desk) -> None:
    case = make_case(desk)
    set_date(desk, case, R, kind="parole", now=MONDAY)

    after = set_date(desk, case, R, kind="confirmed", now=oslo("2026-09-17 09:00"))

    assert after.release_known_at == MONDAY
    assert not short_notice(after)
    check_case(desk, case.ref, now=oslo("2026-09-17 09:00"))


def test_a_moved_date_moves_every_open_task_and_leaves_what_is_done(desk: Desk) -> None:
    case = make_case(desk, done=["talk_booked"])
    set_date(desk, case, date(2026, 12, 1), now=MONDAY)

    after = set_date(desk, case, date(2026, 12, 15), now=MONDAY + DAY)

    assert due(after, "talk_held") == oslo("2026-12-08 15:00")
    assert state(after, "talk_booked") == "done"
    assert due(after, "talk_booked") == due(case, "talk_booked")
    moved = [c for c in after.due_changes if c.task == "talk_held"]
    assert [c.due_at for c in moved] == [oslo("2026-12-21 15:00"), oslo("2026-11-24 15:00")]
    assert [c.until_at for c in moved] == [MONDAY, MONDAY + DAY]
    check_case(desk, case.ref, now=MONDAY + DAY)


def test_a_date_moved_there_and_back_gives_the_first_plan(desk: Desk) -> None:
    case = make_case(desk)
    set_date(desk, case, date(2026, 10, 1), now=MONDAY)

    after = set_date(desk, case, None, now=MONDAY + DAY)

    assert {t.code: t.due_at for t in after.tasks} == {t.code: t.due_at for t in case.tasks}


@pytest.mark.parametrize("viewer", [NURSE, OFFICER, HEALTH_LEAD])
def test_dates_are_the_coordinators_and_the_unit_leads(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)

    with pytest.raises(NotAllowed) as refusal:
        desk.do(release.set_release_date, viewer, case.ref, R, kind="confirmed", now=MONDAY)

    assert not isinstance(refusal.value, NotFound)
    with pytest.raises(CaseNotFound):
        desk.do(release.set_release_date, OUTSIDER, case.ref, R, kind="confirmed", now=MONDAY)
    after = desk.do(release.set_release_date, UNIT_LEAD, case.ref, R, kind="confirmed", now=MONDAY)
    assert after.release_on == R


def test_a_confirmed_appointment_outside_the_window_is_flagged_when_the_date_moves(
    desk: Desk,
) -> None:
    from cases.appointments import outside_window

    case = make_case(desk)
    set_date(desk, case, R, now=MONDAY)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    assert not outside_window(desk.case(case.ref), gp)

    after = set_date(desk, case, date(2026, 10, 2), now=MONDAY)

    assert outside_window(after, gp)


# --- the release --------------------------------------------------------------------------------


def test_a_release_misses_what_was_to_be_done_before_it_and_keeps_the_rest_open(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", done=["brief_info"])
    set_date(desk, case, R, now=MONDAY)

    after = let_go(desk, case, now=FRIDAY)

    assert after.phase is Phase.FOLLOW_UP
    assert state(after, "brief_info") == "done"
    assert states(after, BEFORE_RELEASE[1:]) == {"missed"}
    assert states(after, ("intake_talk", "handed_over")) == {"open"}
    assert due(after, "handed_over") == oslo("2026-09-21 15:00")
    assert {d.task for d in deviations(after)} == set(BEFORE_RELEASE[1:])
    assert all(not d.corrected and d.missed_at == FRIDAY for d in deviations(after))
    assert (after.released_unit, after.destination) == ("a", "liberty")
    check_case(desk, case.ref, now=FRIDAY)


def test_prepared_tasks_of_somebody_unasked_on_remand_are_missed_too(desk: Desk) -> None:
    case = make_case(desk, release_on=None)

    after = let_go(desk, case, now=FRIDAY)

    assert states(after) == {"missed"}
    assert after.release_notice is ReleaseNotice.UNPLANNED
    check_case(desk, case.ref, now=FRIDAY)


def test_on_not_now_nothing_is_missed_but_the_brief_information(desk: Desk) -> None:
    case = make_case(desk, answer="not_now")

    after = let_go(desk, case, now=FRIDAY)

    assert states(after, BEFORE_RELEASE[1:]) == {"cancelled"}
    assert state(after, "brief_info") == "missed"
    assert after.close_reason is CloseReason.NOT_PARTICIPATING
    check_case(desk, case.ref, now=FRIDAY)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([], "not_participating"),
        (["not_now"], "not_participating"),
        (["declined"], "declined"),
        (["accepted", "withdrawn"], "withdrawn"),
        (["accepted", "declined"], "declined"),
    ],
)
def test_a_case_that_is_not_accepted_closes_at_the_release(
    desk: Desk, answers: list[str], reason: str
) -> None:
    case = make_case(desk)
    for hours, said in enumerate(answers):
        answer_offer(desk, case, said, now=MONDAY + hours * HOUR)

    after = let_go(desk, case, now=FRIDAY + DAY, at=FRIDAY)

    assert (after.phase, after.close_reason, after.closed_at) == ("closed", reason, FRIDAY)
    assert all(t.state not in ("open", "prepared") for t in after.tasks)
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_a_release_is_recorded_once(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    with pytest.raises(Conflict, match="2026-09-18T12:00"):
        let_go(desk, case, now=FRIDAY + DAY)
    with pytest.raises(Refused):
        set_date(desk, case, date(2026, 10, 2), now=FRIDAY + DAY)


def test_a_release_in_the_future_before_the_admission_or_to_nowhere_is_refused(
    desk: Desk,
) -> None:
    case = make_case(desk)

    for at in (FRIDAY + timedelta(seconds=1), ADMITTED - timedelta(seconds=1)):
        with pytest.raises(BadInput):
            let_go(desk, case, now=FRIDAY, at=at)
    with pytest.raises(BadInput):
        let_go(desk, case, now=FRIDAY, to="the_moon")

    assert desk.case(case.ref) == case


def test_the_nurse_records_no_release_and_another_unit_finds_nothing(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(NotAllowed) as refusal:
        desk.do(release.release, NURSE, case.ref, now=FRIDAY)
    assert not isinstance(refusal.value, NotFound)
    with pytest.raises(CaseNotFound):
        desk.do(release.release, OUTSIDER, case.ref, now=FRIDAY)


def test_the_actual_date_is_the_release_date_everywhere_and_the_planned_one_history(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    assert due(case, "handed_over") == oslo("2026-12-29 15:00")

    after = let_go(desk, case, now=FRIDAY)

    assert (after.release_on, after.release_kind) == (R, None)
    assert due(after, "handed_over") == oslo("2026-09-21 15:00")
    assert due(after, "talk_held") == oslo("2026-12-21 15:00")
    assert [d.on for d in after.release_dates] == [date(2026, 12, 28)]


def test_home_detention_is_handled_like_a_release(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")

    after = let_go(desk, case, now=FRIDAY, to="home_detention")

    assert (after.phase, after.destination) == ("follow_up", "home_detention")
    assert states(after) == {"missed"}


def test_deported_at_the_release_closes_the_case_and_wants_no_message(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="+4740000002")
    consent(desk, case, "sms", now=MONDAY)
    set_date(desk, case, R, now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)

    after = let_go(desk, case, now=FRIDAY, to="deported")

    assert (after.phase, after.close_reason) == ("closed", "deported")
    assert still_to_send(desk, case) == []
    check_case(desk, case.ref, now=FRIDAY)


@pytest.mark.parametrize(
    ("known", "unplanned", "notice"),
    [
        ("2026-09-16 12:00", None, "planned"),
        ("2026-09-16 12:01", None, "unplanned"),
        ("2026-09-10 12:00", "court", "unplanned"),
        (None, None, "unplanned"),
    ],
)
def test_a_release_known_less_than_48_hours_before_or_flagged_is_unplanned(
    desk: Desk, known: str | None, unplanned: str | None, notice: str
) -> None:
    case = make_case(desk, release_on=None)
    if known is not None:
        set_date(desk, case, R, now=oslo(known))

    after = desk.do(release.release, OFFICER, case.ref, now=FRIDAY, unplanned=unplanned)

    assert after.release_notice == notice
    assert after.unplanned == unplanned
    check_case(desk, case.ref, now=FRIDAY)


def test_an_unknown_reason_for_an_unplanned_release_is_refused(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput):
        desk.do(release.release, OFFICER, case.ref, now=FRIDAY, unplanned="luck")


# --- missed, and corrected ----------------------------------------------------------------------


def test_a_talk_held_on_friday_and_typed_in_on_monday_after_the_release_is_corrected(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)
    monday = oslo("2026-09-21 09:00")

    after = complete(desk, case, "talk_held", now=monday, at=FRIDAY - HOUR, form="individual")

    held = task(after, "talk_held")
    assert (held.state, held.done_at, held.missed_at) == (TaskState.DONE, FRIDAY - HOUR, FRIDAY)
    corrected = {d.task: d.corrected for d in deviations(after)}
    assert corrected["talk_held"] is True
    assert corrected["card_printed"] is False
    check_case(desk, case.ref, now=monday)


def test_a_missed_task_is_not_done_with_a_time_after_the_release(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    for at in (None, FRIDAY + timedelta(seconds=1)):
        with pytest.raises(Refused, match="missed"):
            complete(desk, case, "talk_held", now=FRIDAY + DAY, at=at)
    after = complete(desk, case, "talk_held", now=FRIDAY + DAY, at=FRIDAY)

    assert state(after, "talk_held") == "done"


def test_a_missed_task_cannot_be_waived_away(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    with pytest.raises(Refused, match="deviation"):
        desk.do(service.waive_task, OFFICER, case.ref, "talk_held", "absent", now=FRIDAY + DAY)


def test_undoing_a_corrected_miss_makes_it_missed_again(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    missed = let_go(desk, case, now=FRIDAY)
    complete(desk, case, "talk_held", now=FRIDAY + DAY, at=FRIDAY - HOUR)

    after = desk.do(
        service.undo_task, OFFICER, case.ref, "talk_held", "not_done", now=FRIDAY + 2 * DAY
    )

    assert task(after, "talk_held") == task(missed, "talk_held")
    assert not any(d.corrected for d in deviations(after))
    check_case(desk, case.ref, now=FRIDAY + 2 * DAY)


def test_undoing_after_the_release_what_was_done_before_it_is_a_miss_from_then(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", done=["talk_held"])
    let_go(desk, case, now=FRIDAY)

    after = desk.do(
        service.undo_task, OFFICER, case.ref, "talk_held", "wrong_person", now=FRIDAY + DAY
    )

    assert state(after, "talk_held") == "missed"
    assert task(after, "talk_held").missed_at == FRIDAY + DAY
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_handing_over_a_day_after_the_release_is_no_miss(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    after = complete(desk, case, "handed_over", now=FRIDAY + HOUR, answer="card_and_spray")

    assert task(after, "handed_over").answer == "card_and_spray"
    assert "handed_over" not in {d.task for d in deviations(after)}


# --- answers around the release -----------------------------------------------------------------


def test_an_acceptance_typed_in_after_the_release_reopens_what_closed_as_not_participating(
    desk: Desk,
) -> None:
    case = make_case(desk)
    closed = let_go(desk, case, now=FRIDAY)
    assert closed.close_reason is CloseReason.NOT_PARTICIPATING
    monday = oslo("2026-09-21 09:00")

    after = answer_offer(desk, case, "accepted", now=monday, at=FRIDAY - DAY)

    assert (after.phase, after.close_reason, after.closed_at) == ("follow_up", None, None)
    assert after.accepted_at_release is True
    assert states(after) == {"missed"}
    assert states(after, ("intake_talk", "handed_over")) == {"open"}
    check_case(desk, case.ref, now=monday)


def test_an_answer_given_at_the_very_moment_of_release_counts_as_given_before_it(
    desk: Desk,
) -> None:
    case = make_case(desk)
    let_go(desk, case, now=FRIDAY)

    after = answer_offer(desk, case, "accepted", now=FRIDAY + HOUR, at=FRIDAY)

    assert after.phase is Phase.FOLLOW_UP
    case = make_case(desk)
    let_go(desk, case, now=FRIDAY)
    with pytest.raises(Refused):
        answer_offer(desk, case, "accepted", now=FRIDAY + HOUR, at=FRIDAY + timedelta(seconds=1))


def test_a_decline_typed_in_after_the_release_closes_an_accepted_case(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "accepted", now=MONDAY)
    let_go(desk, case, now=FRIDAY)

    after = answer_offer(desk, case, "declined", now=FRIDAY + DAY, at=FRIDAY - DAY)

    assert (after.phase, after.close_reason, after.closed_at) == ("closed", "declined", FRIDAY)
    assert states(after) == {"cancelled"}
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_after_the_release_only_a_withdrawal_can_follow(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    for said in ("declined", "not_now"):
        with pytest.raises(Refused, match="withdrawal"):
            answer_offer(desk, case, said, now=FRIDAY + DAY)


def test_a_withdrawal_in_follow_up_closes_at_once_and_cancels_every_message(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="+4740000003")
    consent(desk, case, "sms", now=MONDAY)
    set_date(desk, case, R, now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    assert still_to_send(desk, case) == [oslo("2026-09-21 14:00")]

    after = answer_offer(desk, case, "withdrawn", now=FRIDAY + DAY)

    assert (after.phase, after.close_reason) == ("closed", "withdrawn")
    assert after.closed_at == FRIDAY + DAY
    assert [(m.state, m.why) for m in messages(desk, case)] == [
        (MessageState.CANCELLED, "withdrawn")
    ]
    assert states(after, ("handed_over", "intake_talk")) == {"cancelled"}
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_undoing_a_withdrawal_in_follow_up_takes_the_case_up_again_with_its_messages(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", phone="+4740000004")
    consent(desk, case, "sms", now=MONDAY)
    set_date(desk, case, R, now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    answer_offer(desk, case, "withdrawn", now=FRIDAY + DAY)

    after = desk.do(
        service.undo_task, NURSE, case.ref, "offer_answered", "wrong_person", now=FRIDAY + DAY
    )

    assert (after.phase, after.close_reason) == ("follow_up", None)
    assert still_to_send(desk, case) == [oslo("2026-09-21 14:00")]
    assert state(after, "handed_over") == "open"
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_withdrawal_in_prison_leaves_the_case_in_prison(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", done=["brief_info", "card_printed"])

    after = answer_offer(desk, case, "withdrawn", now=MONDAY, reason="no_time")

    assert after.phase is Phase.IN_PRISON
    assert states(after, ("brief_info", "card_printed")) == {"done"}
    assert states(after, ("talk_held", "handed_over")) == {"cancelled"}
    assert state(after, "intake_talk") == "open"


def test_an_answer_typed_in_before_a_release_that_lies_even_earlier_never_ends_before_it_began(
    desk: Desk,
) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "accepted", now=FRIDAY + DAY)

    after = let_go(desk, case, now=FRIDAY + 2 * DAY, at=FRIDAY)

    assert after.close_reason is CloseReason.NOT_PARTICIPATING
    (answer,) = after.answers
    assert answer.until_at is not None
    assert answer.until_at >= answer.happened_at
    check_case(desk, case.ref, now=FRIDAY + 2 * DAY)


# --- closing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", ["died", "transferred_out", "deported", "reimprisoned", "registered_in_error"]
)
def test_a_case_closed_by_hand_ends_tasks_transfers_and_messages(desk: Desk, reason: str) -> None:
    case = make_case(desk, answer="accepted", done=["brief_info"])

    after = desk.do(release.close, COORDINATOR, case.ref, reason, now=MONDAY)

    assert (after.phase, after.close_reason, after.closed_at) == ("closed", reason, MONDAY)
    assert state(after, "brief_info") == "done"
    assert states(after, (*BEFORE_RELEASE[1:], "handed_over", "intake_talk")) == {"cancelled"}
    assert after.answers[-1].until_at == MONDAY
    check_case(desk, case.ref, now=MONDAY)


@pytest.mark.parametrize("reason", ["completed", "declined", "withdrawn", "not_participating"])
def test_what_follows_from_answers_and_dates_is_not_closed_by_hand(desk: Desk, reason: str) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="by hand"):
        desk.do(release.close, COORDINATOR, case.ref, reason, now=MONDAY)
    with pytest.raises(BadInput):
        desk.do(release.close, COORDINATOR, case.ref, "bored", now=MONDAY)


def test_a_case_is_closed_once_by_a_coordinator_or_unit_lead(desk: Desk) -> None:
    case = make_case(desk)
    for viewer in (NURSE, OFFICER):
        with pytest.raises(NotAllowed):
            desk.do(release.close, viewer, case.ref, "died", now=MONDAY)
    with pytest.raises(CaseNotFound):
        desk.do(release.close, OUTSIDER, case.ref, "died", now=MONDAY)
    desk.do(release.close, UNIT_LEAD, case.ref, "died", now=MONDAY)

    with pytest.raises(Conflict, match="died"):
        desk.do(release.close, COORDINATOR, case.ref, "transferred_out", now=MONDAY)


def test_nothing_new_happens_in_a_closed_case(desk: Desk) -> None:
    from cases import transfers

    case = make_case(desk, answer="accepted")
    closed = desk.do(release.close, COORDINATOR, case.ref, "died", now=MONDAY)

    for code in ("talk_held", "intake_talk"):
        with pytest.raises((CaseClosed, TaskNotOpen)):
            complete(desk, case, code, now=MONDAY + HOUR)
    with pytest.raises(CaseClosed):
        let_go(desk, case, now=MONDAY + HOUR)
    with pytest.raises(CaseClosed):
        set_date(desk, case, R, now=MONDAY + HOUR)
    with pytest.raises(CaseClosed):
        answer_offer(desk, case, "withdrawn", now=MONDAY + HOUR)
    with pytest.raises(CaseClosed):
        book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY + HOUR)
    with pytest.raises(Refused):
        desk.do(transfers.propose_transfer, COORDINATOR, case.ref, "b", now=MONDAY + HOUR)

    assert desk.case(case.ref) == closed


def test_an_intake_talk_held_before_the_case_closed_can_be_typed_in_afterwards(desk: Desk) -> None:
    case = make_case(desk, answer="declined")
    closed = let_go(desk, case, now=FRIDAY)
    assert closed.phase is Phase.CLOSED

    late = complete(
        desk, case, "intake_talk", now=FRIDAY + 3 * DAY, at=ADMITTED + HOUR, answer="at_risk"
    )

    assert (state(late, "intake_talk"), late.phase) == (TaskState.DONE, Phase.CLOSED)
    assert task(late, "intake_talk").late_entry
    check_case(desk, case.ref, now=FRIDAY + 3 * DAY)
    undone = desk.do(
        service.undo_task, NURSE, case.ref, "intake_talk", "not_done", now=FRIDAY + 4 * DAY
    )
    assert state(undone, "intake_talk") is TaskState.CANCELLED


def test_after_the_closing_only_what_was_done_by_then_and_was_not_ruled_out_can_be_typed_in(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="declined")
    let_go(desk, case, now=FRIDAY)
    monday = FRIDAY + 3 * DAY

    with pytest.raises(CaseClosed, match="before that"):
        complete(desk, case, "intake_talk", now=monday, at=FRIDAY + HOUR)
    with pytest.raises(CaseClosed):
        complete(desk, case, "brief_info", now=monday, at=FRIDAY - HOUR)
    with pytest.raises(CaseClosed):
        desk.do(service.waive_task, NURSE, case.ref, "intake_talk", "absent", now=monday)
    in_error = make_case(desk)
    desk.do(release.close, COORDINATOR, in_error.ref, "registered_in_error", now=FRIDAY)
    with pytest.raises(CaseClosed):
        complete(desk, in_error, "intake_talk", now=monday, at=FRIDAY - HOUR)


def test_death_in_follow_up_cancels_every_message_at_once(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="+4740000005")
    consent(desk, case, "sms", now=MONDAY)
    set_date(desk, case, R, now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)

    desk.do(release.close, COORDINATOR, case.ref, "died", now=FRIDAY + DAY)

    assert [(m.state, m.why) for m in messages(desk, case)] == [(MessageState.CANCELLED, "died")]
    check_case(desk, case.ref, now=FRIDAY + DAY)


def test_a_closing_does_not_lie_before_the_release_it_follows(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    with pytest.raises(BadInput, match="release"):
        desk.do(
            release.close,
            COORDINATOR,
            case.ref,
            "died",
            now=FRIDAY + DAY,
            closed_at=FRIDAY - HOUR,
        )


def test_follow_up_ends_at_local_midnight_ending_day_42(desk: Desk) -> None:
    # 18 September + 42 days is 30 October; the clock goes back on the 25th.
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    sweep_at(desk, oslo("2026-10-30 23:59:59"))
    assert desk.case(case.ref).phase is Phase.FOLLOW_UP
    result = sweep_at(desk, oslo("2026-10-31 00:00"))

    after = desk.case(case.ref)
    assert result.closed >= 1
    assert (after.phase, after.close_reason) == ("closed", "completed")
    assert after.closed_at == oslo("2026-10-31 00:00")
    assert after.answers[-1].until_at == oslo("2026-10-31 00:00")
    check_case(desk, case.ref, now=oslo("2026-10-31 00:00"))


def test_a_late_sweep_closes_with_the_time_at_which_follow_up_ended(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=FRIDAY)

    sweep_at(desk, oslo("2026-11-05 09:00"))

    assert desk.case(case.ref).closed_at == oslo("2026-10-31 00:00")


def test_a_case_reopened_long_after_its_follow_up_would_have_ended_is_closed_at_the_next_sweep(
    desk: Desk,
) -> None:
    # The release is typed in months late, after release_not_recorded was told about a later plan.
    case = make_case(
        desk, release_on=date(2026, 11, 2), done=set(BEFORE_RELEASE) - {"appointments_confirmed"}
    )
    desk.do(
        service.waive_task, COORDINATOR, case.ref, "appointments_confirmed", "absent", now=MONDAY
    )
    answer_offer(desk, case, "accepted", now=MONDAY)
    sweep_at(desk, oslo("2026-11-03 15:00"))
    now = oslo("2026-11-05 09:00")
    let_go(desk, case, now=now, at=FRIDAY)
    assert desk.case(case.ref).phase is Phase.FOLLOW_UP

    # Something else is recorded before the next sweep comes by.
    desk.do(service.undo_task, OFFICER, case.ref, "talk_held", "wrong_task", now=now)
    complete(desk, case, "talk_held", now=now, at=FRIDAY - DAY)
    sweep_at(desk, now)

    assert desk.case(case.ref).close_reason is CloseReason.COMPLETED


def test_a_miss_recorded_in_the_second_of_a_sweep_is_announced_by_the_next_one(
    desk: Desk,
) -> None:
    case = make_case(desk, release_on=date(2026, 9, 17))
    answer_offer(desk, case, "accepted", now=MONDAY)
    set_date(desk, case, R, now=oslo("2026-09-17 09:00"))
    told_at = oslo("2026-09-21 15:00")
    sweep_at(desk, told_at)
    let_go(desk, case, now=told_at, at=FRIDAY)
    complete(desk, case, "talk_held", now=told_at, at=FRIDAY - HOUR)

    sweep_at(desk, told_at + DAY)

    announced = {about for about, rung, _ in notices(desk, case) if rung == "missed"}
    assert announced == set(BEFORE_RELEASE) - {"talk_held"}


def test_every_task_has_somebody_who_may_complete_it_before_and_after_a_release(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", release_on=R)
    for kind, starts in (("GP", "2026-09-21 10:00"), ("NAV", "2026-09-22 10:00")):
        book(desk, case, kind, oslo(starts), now=MONDAY)

    for code in OWNER_OF:
        if code != "handed_over":
            complete(desk, case, code, now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    after = complete(desk, case, "handed_over", now=FRIDAY, answer="card_and_spray")

    assert {t.state for t in after.tasks} == {TaskState.DONE}
    assert deviations(after) == ()
    assert after.participation is Participation.ACCEPTED
    check_case(desk, case.ref, now=FRIDAY)


def test_a_case_opened_hours_before_a_court_release_can_be_worked_through(desk: Desk) -> None:
    case = make_case(desk, release_on=None, admitted_at=FRIDAY - 3 * HOUR, now=FRIDAY - 2 * HOUR)
    now = FRIDAY - HOUR
    set_date(desk, case, R, now=now)
    after = desk.case(case.ref)
    assert short_notice(after)
    assert due(after, "talk_held") == now + HOUR / 2

    complete(desk, case, "brief_info", now=now)
    after = desk.do(release.release, OFFICER, case.ref, now=FRIDAY, unplanned="court")

    assert after.release_notice is ReleaseNotice.UNPLANNED
    check_case(desk, case.ref, now=FRIDAY)

"""Group sessions: one list completes the task of everybody present. DOMAIN sections 2, 3 and 5."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from cases import attendance, release, service, sessions, transfers
from cases.access import OPERATOR, Viewer
from cases.attendance import Held
from cases.model import Case, Role, TaskState
from cases.rules import CaseNotFound
from cases.session_rows import AttendanceState, Session, SessionState
from cases.sessions import ListRefused, SessionNotFound
from cases.tables import access_log, access_subject, case_event
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    answer_transfer,
    check_case,
    complete,
    findings,
    let_go,
    make_case,
    propose,
    staff,
    state,
    task,
)
from tests.cases.strategies import oslo

STARTS = oslo("2026-09-10 10:00")
NOW = oslo("2026-09-10 13:00")
HOUR = timedelta(hours=1)


def planned(
    desk: Desk,
    *refs: str,
    code: str = "brief_info",
    unit: str = "a",
    starts_at: datetime = STARTS,
    capacity: int | None = None,
    viewer: Viewer = COORDINATOR,
    **more: Any,
) -> Session:
    """A session with these cases on its list."""
    session = desk.do(
        sessions.plan_session,
        viewer,
        unit,
        code,
        starts_at,
        now=NOW,
        leader="Kari",
        place="Grupperom 1",
        capacity=capacity,
        **more,
    )
    return added(desk, session, *refs, viewer=viewer) if refs else session


def added(desk: Desk, session: Session, *refs: str, viewer: Viewer = COORDINATOR) -> Session:
    return desk.do(sessions.add_cases, viewer, session.ref, refs, now=NOW)


def held(
    desk: Desk,
    session: Session,
    *present: str,
    viewer: Viewer = COORDINATOR,
    now: datetime = NOW,
    **more: Any,
) -> Held:
    return desk.do(attendance.hold, viewer, session.ref, present, now=now, **more)


def corrected(
    desk: Desk, session: Session, case: Case, attended: str, reason: str | None = None, **more: Any
) -> Session:
    return desk.do(
        attendance.correct,
        COORDINATOR,
        session.ref,
        case.ref,
        attended,
        now=NOW + HOUR,
        reason=reason,
        **more,
    )


def attended(session: Session) -> dict[str, str]:
    return {each.case_ref: each.state.value for each in session.attendance}


def refusals(refused: pytest.ExceptionInfo[ListRefused]) -> dict[str, str]:
    told = refused.value.current["refused"]
    assert isinstance(told, dict)
    return told


# --- one list -----------------------------------------------------------------------------------


def test_one_list_completes_the_task_for_all_present_and_leaves_it_open_for_the_absent(
    desk: Desk,
) -> None:
    here = [make_case(desk, answer="accepted") for _ in range(3)]
    absent = make_case(desk, answer="accepted")
    session = planned(desk, *(case.ref for case in here), absent.ref, code="talk_held")

    result = held(desk, session, *(case.ref for case in here))

    assert result.completed == tuple(case.ref for case in here)
    assert not result.skipped
    assert result.session.state is SessionState.HELD
    assert attended(result.session) == {case.ref: "present" for case in here} | {
        absent.ref: "absent"
    }
    for case in here:
        done = task(desk.case(case.ref), "talk_held")
        assert (done.state, done.form, done.done_at) == (TaskState.DONE, "group", STARTS)
        assert (done.recorded_at, done.done_by) == (NOW, COORDINATOR.account)
        check_case(desk, case.ref, now=NOW)
    assert desk.case(absent.ref) == absent


def test_the_time_may_be_another_than_the_planned_one(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref)

    held(desk, session, case.ref, held_at=STARTS + HOUR)

    assert task(desk.case(case.ref), "brief_info").done_at == STARTS + HOUR


def test_a_list_is_one_event_and_one_log_row_for_each_completed_case_in_one_transaction(
    own_desk: Desk,
) -> None:
    desk = own_desk
    cases = [make_case(desk) for _ in range(4)]
    session = planned(desk, *(case.ref for case in cases))
    begun = []
    event.listen(desk.db.engine, "begin", lambda connection: begun.append(1))

    held(desk, session, *(case.ref for case in cases[:3]))

    assert len(begun) == 1
    with desk.db.read() as tx:
        events = tx.execute(
            select(case_event.c.case_ref).where(case_event.c.verb == "task_completed")
        )
        assert {*events.scalars()} == {case.ref for case in cases[:3]}
        looks = tx.execute(
            select(access_log.c.case_ref).where(access_log.c.verb == "task_completed")
        )
        assert {*looks.scalars()} == {case.ref for case in cases[:3]}
        subjects = tx.execute(
            select(access_subject.c.case_ref)
            .join(access_log, access_log.c.id == access_subject.c.access_id)
            .where(access_log.c.verb == "session_held")
        )
        assert {*subjects.scalars()} == {case.ref for case in cases}
    assert findings(desk) == []


def test_who_had_it_already_is_skipped_and_told(desk: Desk) -> None:
    early = make_case(desk)
    early = complete(desk, early, "brief_info", now=STARTS - HOUR, viewer=NURSE)
    waived = make_case(desk)
    waived = desk.do(
        service.waive_task, NURSE, waived.ref, "brief_info", "done_elsewhere", now=STARTS - HOUR
    )
    other = make_case(desk)
    session = planned(desk, other.ref)

    result = held(desk, session, early.ref, waived.ref, other.ref)

    assert result.completed == (other.ref,)
    assert result.skipped == {early.ref: "done", waived.ref: "waived"}
    assert attended(result.session)[early.ref] == "present"
    assert desk.case(early.ref) == early
    assert desk.case(waived.ref) == waived


def test_somebody_of_the_unit_who_was_not_invited_counts_too_even_without_a_place(
    desk: Desk,
) -> None:
    invited, walked_in = make_case(desk), make_case(desk)
    session = planned(desk, invited.ref, capacity=1)

    result = held(desk, session, invited.ref, walked_in.ref)

    assert result.completed == (invited.ref, walked_in.ref)
    assert state(desk.case(walked_in.ref), "brief_info") is TaskState.DONE


def test_a_talk_held_on_friday_and_typed_in_on_monday_after_the_release_counts(
    desk: Desk,
) -> None:
    friday, saturday, monday = (
        oslo("2026-12-18 10:00"),
        oslo("2026-12-19 09:00"),
        oslo("2026-12-21 09:00"),
    )
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=saturday)
    assert state(desk.case(case.ref), "talk_held") is TaskState.MISSED
    session = planned(desk, case.ref, code="talk_held", starts_at=friday)

    held(desk, session, case.ref, now=monday)

    after = desk.case(case.ref)
    assert state(after, "talk_held") is TaskState.DONE
    assert task(after, "talk_held").missed_at == saturday
    check_case(desk, case.ref, now=monday)


def test_a_session_after_the_release_completes_nothing(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=STARTS - HOUR)
    session = planned(desk)

    with pytest.raises(ListRefused) as refused:
        held(desk, session, case.ref)
    assert "missed at the release" in refusals(refused)[case.ref]

    with pytest.raises(ListRefused):
        added(desk, session, case.ref)


# --- nothing half-done --------------------------------------------------------------------------


def test_one_person_who_cannot_be_entered_stops_the_whole_list_and_is_named(desk: Desk) -> None:
    good = make_case(desk, answer="accepted")
    declined = make_case(desk, answer="declined")
    closed = make_case(desk, answer="accepted")
    desk.do(release.close, COORDINATOR, closed.ref, "died", now=STARTS - HOUR)
    late = make_case(desk, admitted_at=STARTS + HOUR, now=STARTS + HOUR)
    elsewhere = make_case(desk, unit="b")
    session = planned(desk, good.ref)

    with pytest.raises(ListRefused) as refused:
        held(desk, session, good.ref, declined.ref, closed.ref, late.ref, elsewhere.ref)

    told = refusals(refused)
    assert set(told) == {declined.ref, closed.ref, late.ref, elsewhere.ref}
    assert "declined" in told[declined.ref]
    assert "closed" in told[closed.ref]
    assert "before the admission" in told[late.ref]
    assert "belongs to b" in told[elsewhere.ref]
    assert desk.case(good.ref) == good
    assert desk.look(sessions.session_of, COORDINATOR, session.ref) == session


def test_declined_and_closed_cases_are_not_invited(desk: Desk) -> None:
    declined = make_case(desk, answer="declined")
    not_now = make_case(desk, answer="not_now")
    closed = make_case(desk)
    desk.do(release.close, COORDINATOR, closed.ref, "died", now=STARTS - HOUR)
    done = make_case(desk, done=["brief_info"])
    session = planned(desk)

    for case in (declined, closed, done):
        with pytest.raises(ListRefused):
            added(desk, session, case.ref)
    # Of not_now, brief information is what stays open; the talk waits.
    assert attended(added(desk, session, not_now.ref)) == {not_now.ref: "invited"}
    with pytest.raises(ListRefused, match="not_now"):
        planned(desk, not_now.ref, code="talk_held", starts_at=STARTS + 5 * HOUR)


def test_a_full_session_takes_nobody_more(desk: Desk) -> None:
    first, second, third = (make_case(desk) for _ in range(3))
    session = planned(desk, first.ref, capacity=2)

    with pytest.raises(Refused, match="2 places, 1 are taken"):
        added(desk, session, second.ref, third.ref)

    full = added(desk, session, first.ref, second.ref)
    assert attended(full) == {first.ref: "invited", second.ref: "invited"}
    with pytest.raises(Refused, match="do not fit"):
        added(desk, session, third.ref)


def test_nobody_is_in_two_sessions_at_the_same_time(desk: Desk) -> None:
    case = make_case(desk)
    first = planned(desk, case.ref, code="naloxone_training", minutes=90)

    for starts_at in (STARTS - timedelta(minutes=59), STARTS, STARTS + timedelta(minutes=89)):
        other = planned(desk, starts_at=starts_at)
        with pytest.raises(ListRefused) as refused:
            added(desk, other, case.ref)
        assert first.ref in refusals(refused)[case.ref]
    for starts_at in (STARTS - HOUR, STARTS + timedelta(minutes=90)):
        planned(desk, case.ref, starts_at=starts_at)


def test_a_session_that_was_called_off_leaves_its_people_free(desk: Desk) -> None:
    case = make_case(desk)
    first = planned(desk, case.ref, code="naloxone_training")

    off = desk.do(sessions.cancel_session, COORDINATOR, first.ref, now=NOW)

    assert off.state is SessionState.CANCELLED
    planned(desk, case.ref)
    with pytest.raises(Conflict, match="cancelled already"):
        held(desk, first, case.ref)
    with pytest.raises(Conflict, match="cancelled already"):
        desk.do(sessions.cancel_session, COORDINATOR, first.ref, now=NOW)


def test_nobody_was_present_in_two_sessions_at_the_same_time(desk: Desk) -> None:
    case = make_case(desk)
    first = planned(desk, case.ref, code="naloxone_training")
    held(desk, first, case.ref)
    other = planned(desk)

    with pytest.raises(ListRefused, match=first.ref):
        held(desk, other, case.ref)


def test_an_invitation_ends_when_the_person_moves_to_another_unit(desk: Desk) -> None:
    case = make_case(desk)
    theirs = planned(desk, case.ref)
    moved = propose(desk, case, "b", now=NOW)
    answer_transfer(desk, moved, "accept", now=NOW)

    with pytest.raises(ListRefused, match="belongs to b"):
        held(desk, theirs, case.ref)
    ours = planned(desk, case.ref, unit="b", code="naloxone_training")
    assert attended(ours) == {case.ref: "invited"}
    officer = staff(Role.OFFICER, "a")
    with pytest.raises(CaseNotFound):
        held(desk, theirs, case.ref, viewer=officer)
    assert attended(held(desk, theirs, viewer=officer).session) == {}


def test_what_has_not_been_yet_is_not_entered(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref, starts_at=NOW + HOUR)

    with pytest.raises(BadInput, match="has not been yet"):
        held(desk, session, case.ref)
    with pytest.raises(BadInput, match="has not been yet"):
        held(desk, session, case.ref, held_at=NOW + timedelta(seconds=1))


# --- twice, and at the same time ----------------------------------------------------------------


def test_a_session_is_held_once(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref)
    held(desk, session, case.ref)

    with pytest.raises(Conflict, match="held already") as refused:
        held(desk, session, case.ref)

    assert refused.value.current == {"version": session.version + 1, "state": "held"}
    with pytest.raises(Conflict, match="held already"):
        added(desk, session, make_case(desk).ref)


def test_a_stale_version_is_told_with_the_present_one(desk: Desk) -> None:
    first, second = make_case(desk), make_case(desk)
    session = planned(desk, first.ref)
    added(desk, session, second.ref)

    with pytest.raises(Conflict, match="has changed") as refused:
        held(desk, session, first.ref, version=session.version)

    assert refused.value.current["version"] == session.version + 1
    held(desk, session, first.ref, version=session.version + 1)


def test_two_lists_with_the_same_people_at_once_wait_for_each_other(own_desk: Desk) -> None:
    desk = own_desk
    refs = [make_case(desk).ref for _ in range(12)]
    lists = [
        planned(desk, starts_at=STARTS),
        planned(desk, starts_at=STARTS + HOUR),
        planned(desk, starts_at=STARTS + 2 * HOUR),
    ]
    told: list[Held] = []
    failed: list[BaseException] = []

    def enter(session: Session, order: list[str]) -> None:
        try:
            told.append(held(desk, session, *order))
        except BaseException as error:
            failed.append(error)
            raise

    orders = [refs, refs[::-1], refs[6:] + refs[:6]]
    threads = [
        threading.Thread(target=enter, args=pair) for pair in zip(lists, orders, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed
    assert sorted(ref for result in told for ref in result.completed) == sorted(refs)
    assert sum(len(result.skipped) for result in told) == 2 * len(refs)
    assert findings(desk) == []


# --- corrections --------------------------------------------------------------------------------


def test_a_correction_takes_one_person_off_and_leaves_the_others(desk: Desk) -> None:
    wrong, right = make_case(desk), make_case(desk)
    session = planned(desk, wrong.ref, right.ref)
    held(desk, session, wrong.ref, right.ref)

    after = corrected(desk, session, wrong, "absent", "wrong_person")

    assert attended(after) == {wrong.ref: "corrected", right.ref: "present"}
    undone = desk.case(wrong.ref)
    assert task(undone, "brief_info") == task(wrong, "brief_info")
    assert state(desk.case(right.ref), "brief_info") is TaskState.DONE
    check_case(desk, wrong.ref, now=NOW + HOUR)
    with pytest.raises(Conflict, match="not entered as present"):
        corrected(desk, session, wrong, "absent", "wrong_person")


def test_a_correction_adds_somebody_at_the_time_of_the_session(desk: Desk) -> None:
    forgotten, never_invited = make_case(desk), make_case(desk)
    session = planned(desk, forgotten.ref)
    held(desk, session)

    corrected(desk, session, forgotten, "present")
    after = corrected(desk, session, never_invited, "present")

    assert attended(after) == {forgotten.ref: "present", never_invited.ref: "present"}
    for case in (forgotten, never_invited):
        done = task(desk.case(case.ref), "brief_info")
        assert (done.done_at, done.recorded_at) == (STARTS, NOW + HOUR)
    with pytest.raises(Conflict, match="already"):
        corrected(desk, session, forgotten, "present")


def test_a_correction_undoes_only_what_the_list_completed(desk: Desk) -> None:
    had_it = complete(desk, make_case(desk), "brief_info", now=STARTS - HOUR, viewer=NURSE)
    redone = make_case(desk)
    session = planned(desk, redone.ref)
    held(desk, session, had_it.ref, redone.ref)
    desk.do(service.undo_task, NURSE, redone.ref, "brief_info", "not_done", now=NOW)
    redone = complete(desk, redone, "brief_info", now=NOW + HOUR, viewer=NURSE)

    for case in (had_it, redone):
        corrected(desk, session, case, "absent", "wrong_person")
        assert desk.case(case.ref) == case


def test_a_correction_after_the_release_makes_the_task_missed_again(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    session = planned(desk, case.ref)
    held(desk, session, case.ref)
    let_go(desk, case, now=NOW)

    corrected(desk, session, case, "absent", "not_done")

    assert state(desk.case(case.ref), "brief_info") is TaskState.MISSED
    check_case(desk, case.ref, now=NOW + HOUR)


def test_a_correction_needs_a_reason_and_a_held_session(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref)

    with pytest.raises(Refused, match="planned"):
        corrected(desk, session, case, "absent", "not_done")
    held(desk, session, case.ref)
    for reason in (None, "whatever"):
        with pytest.raises(BadInput, match="reason"):
            corrected(desk, session, case, "absent", reason)
    for nonsense in ("invited", "late"):
        with pytest.raises(BadInput, match="attended"):
            corrected(desk, session, case, nonsense)


def test_somebody_is_taken_off_before_but_not_after_the_session(desk: Desk) -> None:
    case, other = make_case(desk), make_case(desk)
    session = planned(desk, case.ref, other.ref)

    after = desk.do(sessions.remove_case, COORDINATOR, session.ref, case.ref, now=NOW)

    assert attended(after) == {other.ref: "invited"}
    with pytest.raises(CaseNotFound):
        desk.do(sessions.remove_case, COORDINATOR, session.ref, case.ref, now=NOW)
    held(desk, session, other.ref)
    with pytest.raises(Conflict, match="held already"):
        desk.do(sessions.remove_case, COORDINATOR, session.ref, other.ref, now=NOW)


# --- who ----------------------------------------------------------------------------------------

LEADS = {
    "brief_info": {NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD},
    "naloxone_training": {NURSE, HEALTH_LEAD, COORDINATOR},
    "talk_held": {OFFICER, UNIT_LEAD, COORDINATOR},
}


@pytest.mark.parametrize("code", LEADS)
def test_a_session_is_the_task_owners_the_leads_and_every_coordinators(
    desk: Desk, code: str
) -> None:
    for viewer in (NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD):
        case = make_case(desk, answer="accepted")
        ours = planned(desk, case.ref, code=code)
        if viewer in LEADS[code]:
            planned(desk, code=code, viewer=viewer)
            held(desk, ours, case.ref, viewer=viewer)
            assert task(desk.case(case.ref), code).done_by == viewer.account
            continue
        with pytest.raises(NotAllowed) as refused:
            planned(desk, code=code, viewer=viewer)
        assert not isinstance(refused.value, NotFound)
        with pytest.raises(NotAllowed):
            held(desk, ours, case.ref, viewer=viewer)
        assert state(desk.case(case.ref), code) is TaskState.OPEN


def test_another_units_session_does_not_exist(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref)

    with pytest.raises(NotFound):
        planned(desk, viewer=OUTSIDER)
    with pytest.raises(NotFound):
        planned(desk, unit="nowhere", viewer=OPERATOR)
    for ref in (session.ref, "nosuchref0"):
        said = []
        for verb in (
            lambda tx, ref: sessions.read_session(tx, OUTSIDER, ref, now=NOW),
            lambda tx, ref: sessions.add_cases(tx, OUTSIDER, ref, [case.ref], now=NOW),
            lambda tx, ref: sessions.remove_case(tx, OUTSIDER, ref, case.ref, now=NOW),
            lambda tx, ref: sessions.cancel_session(tx, OUTSIDER, ref, now=NOW),
            lambda tx, ref: attendance.hold(tx, OUTSIDER, ref, [case.ref], now=NOW),
            lambda tx, ref: attendance.correct(tx, OUTSIDER, ref, case.ref, "present", now=NOW),
        ):
            with pytest.raises(SessionNotFound) as refused:
                desk.do(verb, ref)
            said.append(str(refused.value))
        assert len(set(said)) == 1
    assert desk.look(sessions.session_of, COORDINATOR, session.ref) == session


def test_another_units_case_is_not_found_by_a_session(desk: Desk) -> None:
    theirs = make_case(desk, unit="c")
    session = planned(desk)

    for ref in (theirs.ref, "nosuchref0"):
        with pytest.raises(CaseNotFound):
            added(desk, session, ref)
        with pytest.raises(CaseNotFound):
            held(desk, session, ref)


@pytest.mark.parametrize("viewer", [DIRECTORATE, ADMIN], ids=["directorate", "admin"])
def test_roles_without_cases_have_no_sessions_whatever_the_reference(
    desk: Desk, viewer: Viewer
) -> None:
    session = planned(desk)

    for ref in (session.ref, "nosuchref0"):
        with pytest.raises(NotAllowed) as refused:
            desk.do(sessions.read_session, viewer, ref, now=NOW)
        assert not isinstance(refused.value, NotFound)
    with pytest.raises(NotAllowed):
        planned(desk, viewer=viewer, unit="nowhere")
    with pytest.raises(NotAllowed):
        desk.look(sessions.list_sessions, viewer, "a", first=STARTS)


# --- planning -----------------------------------------------------------------------------------


def test_sessions_are_for_what_can_be_done_in_a_group_and_said_before_others(desk: Desk) -> None:
    for code in ("intake_talk", "offer_answered", "card_printed", "no_such_task"):
        with pytest.raises(BadInput, match="brief_info, naloxone_training, talk_held"):
            planned(desk, code=code)


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": 0},
        {"capacity": 501},
        {"minutes": 0},
        {"minutes": 721},
        {"starts_at": oslo("1850-01-01 10:00")},
    ],
)
def test_what_can_only_be_a_slip_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        planned(desk, **wrong)


def test_place_and_leader_are_single_lines(desk: Desk) -> None:
    session = desk.do(
        sessions.plan_session,
        COORDINATOR,
        "a",
        "brief_info",
        STARTS,
        now=NOW,
        leader="Kari\nNordmann",
        place="Rom\x00 1",
    )

    assert (session.leader, session.place) == ("Kari Nordmann", "Rom 1")
    with pytest.raises(BadInput, match="longer"):
        desk.do(
            sessions.plan_session,
            COORDINATOR,
            "a",
            "brief_info",
            STARTS,
            now=NOW,
            place="x" * 121,
        )


def test_the_sessions_of_a_unit_are_listed_in_order_without_their_people(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    second = planned(desk, starts_at=STARTS + 2 * HOUR)
    first = planned(desk, case.ref)
    planned(desk, unit="b")
    planned(desk, starts_at=STARTS - HOUR)

    found = desk.look(sessions.list_sessions, OFFICER, "a", first=STARTS)

    assert [each.ref for each in found] == [first.ref, second.ref]
    assert all(each.attendance == () for each in found)
    with pytest.raises(NotFound):
        desk.look(sessions.list_sessions, OUTSIDER, "a", first=STARTS)


def test_reading_a_list_is_logged_with_everybody_on_it(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    session = planned(desk, case.ref)

    read = desk.do(sessions.read_session, OFFICER, session.ref, now=NOW)

    assert attended(read) == {case.ref: AttendanceState.INVITED.value}
    with desk.db.read() as tx:
        row = tx.execute(select(access_log).where(access_log.c.verb == "session_read")).one()
        assert (row.scope, row.actor, case.ref in row.subjects) == ("a", OFFICER.account, True)


def test_an_answer_between_invitation_and_session_is_respected(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    session = planned(desk, case.ref, code="talk_held")
    answer_offer(desk, case, "withdrawn", now=STARTS - HOUR)

    with pytest.raises(ListRefused, match="withdrawn"):
        held(desk, session, case.ref)
    assert attended(held(desk, session).session) == {case.ref: "absent"}


def test_a_list_of_thirty_takes_few_statements(own_desk: Desk) -> None:
    desk = own_desk
    refs = [make_case(desk).ref for _ in range(30)]
    session = planned(desk, *refs, capacity=30)
    statements: list[str] = []
    event.listen(
        desk.db.engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *rest: statements.append(statement),
    )

    held(desk, session, *refs)

    # One guarded UPDATE for each case, and what does not grow with the list.
    assert len(statements) <= 30 + 20


def test_transfers_do_not_carry_old_invitations_along(desk: Desk) -> None:
    case = make_case(desk)
    session = planned(desk, case.ref)
    desk.do(transfers.propose_transfer, COORDINATOR, case.ref, "b", now=NOW)
    proposal = desk.case(case.ref).open_transfer
    assert proposal is not None
    answer_transfer(desk, proposal.id, "accept", now=NOW)

    only_a = staff(Role.COORDINATOR, "a")
    assert attended(desk.do(sessions.read_session, only_a, session.ref, now=NOW)) == {}

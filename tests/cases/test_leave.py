"""Ways out that are no ordinary release: leave, home detention, deportation, death, back again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from cases import leave, people, release, service, views
from cases.access import OPERATOR, Viewer
from cases.model import (
    Case,
    CloseReason,
    Destination,
    Phase,
    TaskState,
)
from cases.rules import CaseClosed, CaseNotFound
from cases.service import Admission
from cases.standing import under_18
from cases.vault import Identity
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from reports.recount import recount
from reports.report import whole_report
from reports.tertial import Period
from tests.cases.desk import (
    ADMITTED,
    BEFORE_RELEASE,
    COORDINATOR,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OPENED,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    as_events_tell,
    book,
    check_case,
    comparable,
    complete,
    consent,
    let_go,
    make_case,
    notices,
    set_date,
    state,
    states,
    still_to_send,
    sweep_at,
    task,
    told,
)
from tests.cases.identity_numbers import first_number
from tests.cases.strategies import oslo

NOW = oslo("2026-10-01 09:00")
DAY = timedelta(days=1)
OFFERED = ("brief_info", "offer_info_again", "coordinator")


def on_leave(
    desk: Desk,
    case: Case,
    from_on: date = date(2026, 10, 15),
    to_on: date | None = date(2026, 10, 17),
    *,
    kind: str = "leave",
    now: datetime = NOW,
    viewer: Viewer = COORDINATOR,
    **more: Any,
) -> Case:
    return desk.do(
        leave.record_leave, viewer, case.ref, kind, from_on=from_on, to_on=to_on, now=now, **more
    )


def offered(desk: Desk, case: Case) -> int:
    return notices(desk, case).count(OFFERED)


# --- leave, treatment, halfway house ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["leave", "treatment_12", "halfway_house"])
def test_before_an_absence_the_coordinator_is_told_to_offer_the_information_again(
    own_desk: Desk, kind: str
) -> None:
    desk = own_desk
    case = complete(desk, make_case(desk), "brief_info", now=OPENED)

    on_leave(desk, case, kind=kind)

    # 15 October is a Thursday: due on Wednesday at 15:00, told two days before that.
    sweep_at(desk, oslo("2026-10-12 14:59"))
    assert offered(desk, case) == 0
    sweep_at(desk, oslo("2026-10-12 15:00"))
    sweep_at(desk, oslo("2026-10-13 15:00"))
    assert offered(desk, case) == 1
    row = next(row for row in told(desk, case) if row.rung == "offer_info_again")
    assert (row.due_at, row.unit) == (oslo("2026-10-14 15:00"), "a")
    check_case(desk, case.ref, now=NOW)


def test_an_absence_changes_no_task_and_the_counted_completion_stays(desk: Desk) -> None:
    case = complete(desk, make_case(desk), "brief_info", now=OPENED, form="group")

    after = on_leave(desk, case)
    informed = desk.do(leave.inform_again, OFFICER, case.ref, 1, now=NOW + DAY)

    assert after.tasks == case.tasks == informed.tasks
    assert after.release_on == case.release_on
    (absence,) = informed.absences
    assert (absence.informed_at, absence.informed_by) == (NOW + DAY, OFFICER.account)
    told_as = as_events_tell(desk, case.ref)
    assert told_as == comparable(desk.case(case.ref))


def test_once_informed_again_nobody_is_told(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, done=["brief_info"])
    on_leave(desk, case)
    desk.do(leave.inform_again, NURSE, case.ref, 1, now=NOW + DAY, happened_at=NOW)

    sweep_at(desk, oslo("2026-10-14 16:00"))

    assert offered(desk, case) == 0
    with pytest.raises(Conflict, match="recorded already"):
        desk.do(leave.inform_again, NURSE, case.ref, 1, now=NOW + 2 * DAY)


def test_an_absence_known_at_the_last_moment_is_told_at_once(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    today = oslo("2026-10-15 08:00")
    on_leave(desk, case, now=today)

    sweep_at(desk, today)

    assert offered(desk, case) == 1


def test_an_absence_that_is_over_or_cancelled_is_not_told(own_desk: Desk) -> None:
    desk = own_desk
    over, cancelled = make_case(desk), make_case(desk)
    on_leave(desk, over, date(2026, 9, 20), date(2026, 9, 30))
    on_leave(desk, cancelled)
    desk.do(leave.cancel_leave, OFFICER, cancelled.ref, 1, now=NOW)

    sweep_at(desk, oslo("2026-10-14 16:00"))

    assert offered(desk, over) == offered(desk, cancelled) == 0
    with pytest.raises(Conflict, match="cancelled"):
        desk.do(leave.inform_again, OFFICER, cancelled.ref, 1, now=NOW)
    # The days are free again.
    on_leave(desk, cancelled)
    check_case(desk, cancelled.ref, now=NOW)


@pytest.mark.parametrize("answer", ["declined", "not_now"])
def test_who_declined_is_not_asked_again_and_who_said_not_now_is(
    own_desk: Desk, answer: str
) -> None:
    desk = own_desk
    case = make_case(desk, answer=answer)
    on_leave(desk, case)

    sweep_at(desk, oslo("2026-10-14 16:00"))

    assert offered(desk, case) == (0 if answer == "declined" else 1)


def test_every_absence_is_told_for_itself(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    on_leave(desk, case)
    on_leave(desk, case, date(2026, 11, 12), date(2026, 11, 14))
    on_leave(desk, case, date(2026, 10, 16), None, kind="treatment_12")

    for day in range(10, 32):
        sweep_at(desk, oslo(f"2026-10-{day} 16:00"))
    assert offered(desk, case) == 2
    sweep_at(desk, oslo("2026-11-10 16:00"))
    assert offered(desk, case) == 3


def test_impossible_absences_are_refused(desk: Desk) -> None:
    case = make_case(desk)
    on_leave(desk, case)

    with pytest.raises(BadInput, match="before"):
        on_leave(desk, case, date(2026, 11, 2), date(2026, 11, 1))
    with pytest.raises(BadInput, match="admission"):
        on_leave(desk, case, date(2026, 8, 31))
    with pytest.raises(BadInput):
        on_leave(desk, case, date(1850, 1, 1))
    with pytest.raises(BadInput, match="kind"):
        on_leave(desk, case, kind="holiday")
    for from_on, to_on in (
        (date(2026, 10, 17), date(2026, 10, 18)),
        (date(2026, 10, 1), None),
        (date(2026, 10, 16), date(2026, 10, 16)),
    ):
        with pytest.raises(Conflict, match="recorded already"):
            on_leave(desk, case, from_on, to_on)
    with pytest.raises(NotFound, match="number 7"):
        desk.do(leave.inform_again, OFFICER, case.ref, 7, now=NOW)


def test_there_is_no_leave_after_the_release(desk: Desk) -> None:
    free = make_case(desk, answer="accepted")
    let_go(desk, free, now=NOW)
    closed = make_case(desk, answer="declined")
    let_go(desk, closed, now=NOW)

    with pytest.raises(Refused, match="released"):
        on_leave(desk, free, now=NOW)
    with pytest.raises(CaseClosed):
        on_leave(desk, closed, now=NOW)


def test_absences_are_recorded_by_correctional_staff_and_information_given_by_all(
    desk: Desk,
) -> None:
    for viewer in (COORDINATOR, OFFICER, UNIT_LEAD):
        on_leave(desk, make_case(desk), viewer=viewer)
    case = make_case(desk)
    for viewer in (NURSE, HEALTH_LEAD):
        with pytest.raises(NotAllowed):
            on_leave(desk, case, viewer=viewer)
    with pytest.raises(CaseNotFound):
        on_leave(desk, case, viewer=OUTSIDER)
    on_leave(desk, case)
    with pytest.raises(CaseNotFound):
        desk.do(leave.inform_again, OUTSIDER, case.ref, 1, now=NOW)


def test_absences_stand_in_the_view_of_the_case(desk: Desk) -> None:
    case = make_case(desk)
    on_leave(desk, case)

    view = desk.do(views.read_case, NURSE, case.ref, now=NOW)

    assert view["absences"] == [
        {
            "number": 1,
            "kind": "leave",
            "from": "2026-10-15",
            "to": "2026-10-17",
            "informed_at": None,
            "cancelled": False,
        }
    ]


# --- home detention, deportation, death ---------------------------------------------------------


def test_home_detention_is_planned_for_and_followed_up_like_a_release_but_counted_apart(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=None)
    case = set_date(desk, case, date(2026, 10, 20), now=NOW, kind="home_detention")
    assert task(case, "talk_held").due_at == oslo("2026-10-13 15:00")

    home = let_go(desk, case, now=oslo("2026-10-20 10:00"), to="home_detention")

    assert (home.phase, home.destination) == (Phase.FOLLOW_UP, Destination.HOME_DETENTION)
    assert states(home, BEFORE_RELEASE) == {"missed"}
    check_case(desk, case.ref, now=oslo("2026-10-20 10:00"))
    sweep_at(desk, oslo("2026-12-02 01:00"))
    assert desk.case(case.ref).close_reason is CloseReason.COMPLETED
    period, later = Period.parse("2026-T3"), oslo("2026-12-30 12:00")
    for report in (
        desk.look(whole_report, period, now=later),
        desk.look(recount, period, later),
    ):
        assert report.nation["I6"].denominator == 0
        assert report.nation["I16"].denominator == 0
        assert report.nation["I4"].numerator == 1


def test_the_rungs_of_before_release_tasks_end_with_home_detention(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=NOW, to="home_detention")

    sweep_at(desk, NOW + DAY)
    sweep_at(desk, oslo("2026-12-24 12:00"))

    rungs = {(code, rung) for code, rung, _ in notices(desk, case) if code in BEFORE_RELEASE}
    assert {rung for _, rung in rungs} == {"missed"}


def with_message(desk: Desk) -> Case:
    """A released person who is to be reminded of an appointment."""
    case = make_case(desk, answer="accepted", phone="+4799900002")
    consent(desk, case, "sms", now=NOW)
    book(desk, case, "DENTIST", oslo("2027-01-04 10:00"), now=NOW)
    let_go(desk, case, now=oslo("2026-12-28 10:00"))
    assert still_to_send(desk, case) == [oslo("2027-01-03 14:00")]
    return desk.case(case.ref)


@pytest.mark.parametrize("reason", ["died", "deported", "reimprisoned"])
def test_after_the_release_death_deportation_and_prison_again_end_every_message_at_once(
    desk: Desk, reason: str
) -> None:
    case = with_message(desk)
    then = oslo("2026-12-30 08:00")

    closed = desk.do(release.close, COORDINATOR, case.ref, reason, now=then)

    assert (closed.phase, closed.close_reason) == (Phase.CLOSED, reason)
    assert still_to_send(desk, case) == []
    check_case(desk, case.ref, now=then)


def test_a_withdrawal_in_follow_up_ends_every_message_at_once(desk: Desk) -> None:
    case = with_message(desk)

    after = answer_offer(desk, case, "withdrawn", now=oslo("2026-12-30 08:00"))

    assert (after.phase, after.close_reason) == (Phase.CLOSED, CloseReason.WITHDRAWN)
    assert still_to_send(desk, case) == []


def test_who_is_deported_at_the_release_is_not_followed_up(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", phone="+4799900003")
    consent(desk, case, "sms", now=NOW)
    book(desk, case, "DENTIST", oslo("2026-12-30 10:00"), now=NOW)

    gone = let_go(desk, case, now=oslo("2026-12-28 10:00"), to="deported")

    assert (gone.phase, gone.close_reason) == (Phase.CLOSED, CloseReason.DEPORTED)
    assert still_to_send(desk, case) == []
    sweep_at(desk, oslo("2026-12-29 12:00"))
    assert notices(desk, case) == []


def test_who_dies_in_custody_misses_nothing_and_nobody_is_told(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", done=["brief_info"])
    on_leave(desk, case)

    dead = desk.do(release.close, UNIT_LEAD, case.ref, "died", now=NOW)

    assert dead.released_at is None
    assert state(dead, "brief_info") is TaskState.DONE
    assert states(dead, BEFORE_RELEASE[1:]) == {"cancelled"}
    check_case(desk, case.ref, now=NOW)
    sweep_at(desk, oslo("2027-01-15 12:00"))
    assert notices(desk, case) == []
    with pytest.raises(CaseClosed):
        let_go(desk, case, now=NOW + DAY)
    with pytest.raises(Conflict):
        desk.do(release.close, UNIT_LEAD, case.ref, "died", now=NOW + DAY)


# --- back again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("back_at", ["2026-12-28 19:00", "2027-02-08 09:00"])
def test_back_in_prison_the_same_day_or_on_day_42_is_a_new_case_linked_to_the_old(
    own_desk: Desk, back_at: str
) -> None:
    desk = own_desk
    first = with_message(desk)
    back = oslo(back_at)
    sweep_at(desk, back)
    assert desk.case(first.ref).phase is Phase.FOLLOW_UP
    desk.do(release.close, COORDINATOR, first.ref, "reimprisoned", now=back)

    admission = Admission(first.person, first.counted_as, "b", back, earlier=first.ref)
    second = desk.do(service.admit, OPERATOR, admission, now=back)

    assert (second.earlier, second.phase) == (first.ref, Phase.IN_PRISON)
    assert still_to_send(desk, first) == []
    for ref in (first.ref, second.ref):
        check_case(desk, ref, now=back)
    sweep_at(desk, back + timedelta(days=50))
    assert desk.case(first.ref).close_reason is CloseReason.REIMPRISONED


def test_after_day_42_the_follow_up_is_over_and_nobody_is_back_from_it(own_desk: Desk) -> None:
    desk = own_desk
    first = with_message(desk)
    late = oslo("2027-02-09 00:00")
    sweep_at(desk, late)

    with pytest.raises(Conflict, match="completed"):
        desk.do(release.close, COORDINATOR, first.ref, "reimprisoned", now=late)


# --- under 18 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born_on", "on", "minor"),
    [
        (date(2008, 9, 2), date(2026, 9, 1), True),
        (date(2008, 9, 1), date(2026, 9, 1), False),
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
    ],
)
def test_a_minor_is_somebody_before_the_eighteenth_birthday(
    born_on: date, on: date, minor: bool
) -> None:
    assert under_18(born_on, on) is minor


@pytest.mark.parametrize(
    ("identity", "flag"),
    [
        (Identity("810001", born_on=date(2009, 5, 17)), True),
        (Identity("810002", born_on=date(1990, 5, 17)), False),
        # A synthetic number (month + 80) of somebody born on 1 January 2009.
        (Identity("810003", national_id=first_number(1, 81, 9, 500)), True),
        (Identity("810004"), None),
    ],
    ids=["minor", "adult", "by-number", "unknown"],
)
def test_who_was_under_18_at_the_opening_is_flagged_and_treated_like_everybody(
    desk: Desk, identity: Identity, flag: bool | None
) -> None:
    def admit(tx: Any) -> Case:
        who = people.register(tx, people.NewPerson(identity), now=OPENED)
        return service.admit(
            tx, OPERATOR, Admission(who.ref, who.counted_as, "a", ADMITTED), now=OPENED
        )

    case = desk.do(admit)

    for viewer in (NURSE, OFFICER):
        view = desk.do(views.read_case, viewer, case.ref, now=NOW)
        assert view["under_18"] is flag
    other = make_case(desk, release_on=None)
    assert [t.due_at for t in case.tasks] == [t.due_at for t in other.tasks]

"""What is due now: the ladder's rungs, notices, closings. Twice does nothing. DOMAIN section 6."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cases import accounts, release, service
from cases.ladder import LADDER, rungs
from cases.model import Case, Phase
from cases.registry import package_named
from cases.sweep import CHUNK, SweepResult, advance
from cases.tables import case_, notice, task
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OFFICER,
    OPENED,
    Desk,
    answer_offer,
    answer_transfer,
    book,
    check_case,
    complete,
    due,
    furnish,
    let_go,
    make_case,
    make_many,
    notices,
    oslo,
    propose,
    set_date,
    sweep_at,
    told,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MONDAY = oslo("2026-09-07 10:00")
R = date(2026, 9, 18)
FRIDAY = oslo("2026-09-18 12:00")
NOTHING = SweepResult()


def until(desk: Desk, start: datetime, end: datetime, step: timedelta) -> None:
    """Sweep at every `step` from `start` to `end`."""
    now = start
    while now <= end:
        sweep_at(desk, now)
        now += step


def of_task(desk: Desk, case: Case, code: str) -> list[tuple[str, str]]:
    return [(rung, role) for about, rung, role in notices(desk, case) if about == code]


# --- the ladder ---------------------------------------------------------------------------------


def test_the_rungs_of_a_task_come_in_their_order_each_once(desk: Desk) -> None:
    case = make_case(desk)

    until(desk, OPENED, oslo("2026-09-30 15:00"), 6 * HOUR)

    assert of_task(desk, case, "intake_talk") == [
        ("before", "health"),
        ("due", "health"),
        ("late", "health_lead"),
        ("lead", "coordinator"),
    ]
    assert of_task(desk, case, "brief_info") == [
        ("before", "coordinator"),
        ("due", "coordinator"),
        ("late", "coordinator"),
        ("lead", "unit_lead"),
    ]
    assert of_task(desk, case, "offer_answered")[-1] == ("lead", "health_lead")
    check_case(desk, case.ref, now=oslo("2026-09-30 15:00"))


def test_a_rung_fires_at_its_instant_and_not_a_moment_before(desk: Desk) -> None:
    case = make_case(desk)
    before = oslo("2026-09-02 00:00")  # T0 + 18 h
    due_at = oslo("2026-09-02 06:00")

    counts = [
        len(of_task(desk, case, "intake_talk"))
        for now in (before - MINUTE, before, due_at - MINUTE, due_at)
        if sweep_at(desk, now) is not None
    ]

    assert counts == [0, 1, 1, 2]


def test_sweeping_twice_does_nothing_the_second_time(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=R)
    propose(desk, case, "b", now=OPENED)
    let_go(desk, make_case(desk, answer="accepted"), now=OPENED)

    for now in (oslo("2026-09-02 06:00"), oslo("2026-09-08 15:00"), oslo("2026-09-21 15:00")):
        first = sweep_at(desk, now)
        assert first.notices > 0
        stored = desk.case(case.ref)
        assert sweep_at(desk, now) == NOTHING
        assert desk.case(case.ref) == stored
        check_case(desk, case.ref, now=now)


def test_the_counts_of_a_sweep_are_the_rows_it_wrote(own_desk: Desk) -> None:
    desk = own_desk
    for _ in range(3):
        case = make_case(desk, answer="accepted", release_on=R)
        let_go(desk, case, now=OPENED)
    make_case(desk)

    result = sweep_at(desk, oslo("2026-09-04 15:00"))

    with desk.db.read() as tx:
        rows = tx.execute(select(notice.c.rung)).scalars().all()
    assert result.missed == sum(rung == "missed" for rung in rows) == 3 * 7
    assert result.notices == sum(rung != "missed" for rung in rows) > 0


def test_a_pause_of_three_days_makes_no_burst(desk: Desk) -> None:
    case = make_case(desk)
    sweep_at(desk, OPENED)

    # Everything of the intake talk has passed by then; only its last rung is told.
    sweep_at(desk, oslo("2026-09-04 08:00"))

    assert of_task(desk, case, "intake_talk") == [("lead", "coordinator")]
    until(desk, oslo("2026-09-04 08:00"), oslo("2026-09-05 08:00"), 6 * HOUR)
    assert of_task(desk, case, "intake_talk") == [("lead", "coordinator")]


def test_rungs_of_one_instant_are_all_told(desk: Desk) -> None:
    # Release on Tuesday 15 September: card_printed is due Monday 15:00 and its lead is bound by
    # R - 3 wd, so never before the due time itself: due and lead fall together.
    case = make_case(desk, release_on=date(2026, 9, 15), answer="accepted")
    sweep_at(desk, oslo("2026-09-14 14:59"))
    before = of_task(desk, case, "card_printed")

    sweep_at(desk, oslo("2026-09-14 15:00"))

    after = of_task(desk, case, "card_printed")
    assert {rung for rung, _ in after[len(before) :]} == {"due", "lead"}


def test_a_completed_task_is_told_about_no_more(desk: Desk) -> None:
    case = make_case(desk)
    sweep_at(desk, oslo("2026-09-02 00:00"))
    complete(desk, case, "intake_talk", now=oslo("2026-09-02 01:00"))

    until(desk, oslo("2026-09-02 02:00"), oslo("2026-09-06 02:00"), 12 * HOUR)

    assert of_task(desk, case, "intake_talk") == [("before", "health")]


def test_an_undone_task_is_told_about_again_but_no_rung_twice(desk: Desk) -> None:
    case = make_case(desk)
    sweep_at(desk, oslo("2026-09-02 06:00"))
    complete(desk, case, "intake_talk", now=oslo("2026-09-02 07:00"))
    desk.do(
        service.undo_task,
        NURSE,
        case.ref,
        "intake_talk",
        "not_done",
        now=oslo("2026-09-02 08:00"),
    )

    until(desk, oslo("2026-09-02 08:00"), oslo("2026-09-05 08:00"), 6 * HOUR)

    assert [rung for rung, _ in of_task(desk, case, "intake_talk")] == ["due", "late", "lead"]


def test_a_moved_due_time_withdraws_the_rungs_not_yet_fired(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 28))
    sweep_at(desk, oslo("2026-09-18 15:00"))  # talk_held: 3 d before the 21st
    assert of_task(desk, case, "talk_held") == [("before", "officer")]

    moved = set_date(desk, case, date(2026, 11, 2), now=oslo("2026-09-20 10:00"))
    until(desk, oslo("2026-09-20 10:00"), oslo("2026-10-22 15:00"), 5 * DAY)
    assert of_task(desk, case, "talk_held") == [("before", "officer")]
    assert due(moved, "talk_held") == oslo("2026-10-26 15:00")
    sweep_at(desk, oslo("2026-10-23 15:00"))
    assert of_task(desk, case, "talk_held") == [("before", "officer"), ("before", "officer")]


def test_a_date_moved_there_and_back_tells_nobody_twice(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 28))
    now = oslo("2026-09-21 15:00")
    sweep_at(desk, now)
    first = notices(desk, case)

    set_date(desk, case, date(2026, 11, 2), now=now + HOUR)
    set_date(desk, case, None, now=now + 2 * HOUR)
    sweep_at(desk, now + 3 * HOUR)

    assert len(notices(desk, case)) == len(set(notices(desk, case)))
    assert notices(desk, case)[: len(first)] == first


def test_a_due_time_made_in_a_hurry_is_told_at_once(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=None)
    now = oslo("2026-09-16 10:00")
    sweep_at(desk, now)
    set_date(desk, case, R, now=now)

    sweep_at(desk, now)

    assert ("before", "officer") in of_task(desk, case, "talk_held")
    assert ("before", "coordinator") in of_task(desk, case, "card_printed") or (
        due(desk.case(case.ref), "card_printed") == oslo("2026-09-17 15:00")
    )
    check_case(desk, case.ref, now=now)


def test_what_is_told_is_what_the_pure_ladder_says(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=date(2026, 10, 5))
    with desk.db.read() as tx:
        package = package_named(tx, case.package)
    expected = {(r.task, r.rung, r.at, r.to_role.value) for r in rungs(case, package, OPENED)}

    # Every instant of the ladder by itself, so that no rung is skipped for a later one.
    for instant in sorted({at for _, _, at, _ in expected}):
        sweep_at(desk, instant)

    ladder = {(r.task, r.rung, r.at, r.to_role) for r in told(desk, case) if r.rung in LADDER}
    assert ladder == expected


# --- roles without anybody ----------------------------------------------------------------------


def test_a_role_without_an_active_user_passes_its_notices_to_the_unit_lead_else_to_admins(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk)
    now = oslo("2026-09-02 00:00")
    desk.do(accounts.disable, "health.a", now=now)
    sweep_at(desk, now)
    desk.do(accounts.disable, "unit-lead.a", now=now)
    sweep_at(desk, oslo("2026-09-02 06:00"))

    rows = [(r.rung, r.to_role, r.unstaffed) for r in told(desk, case) if r.task == "intake_talk"]

    assert rows == [("before", "unit_lead", False), ("due", "admin", True)]


def test_a_unit_without_any_staff_tells_the_admins(database_url: str, tmp_path: Path) -> None:
    desk = furnish(database_url, tmp_path / "keys.db", staffed=False)
    try:
        case = make_case(desk)
        sweep_at(desk, oslo("2026-09-08 15:00"))

        assert {(row.to_role, row.unstaffed) for row in told(desk, case)} == {("admin", True)}
    finally:
        desk.close()


def test_staff_who_come_later_are_not_told_again_what_the_lead_was_told(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, release_on=date(2026, 10, 26))
    desk.do(accounts.disable, "health.a", now=OPENED)
    answer_offer(desk, case, "not_now", now=MONDAY)
    set_date(desk, case, date(2026, 9, 22), now=MONDAY)
    asked_again = oslo("2026-09-21 15:00")
    sweep_at(desk, asked_again)
    assert ("", "offer_again", "unit_lead") in notices(desk, case)

    desk.do(accounts.add, "new-nurse", "", "health", ["a"], password=None, now=asked_again)
    sweep_at(desk, oslo("2026-09-23 15:00"))

    assert [role for _, rung, role in notices(desk, case) if rung == "offer_again"] == ["unit_lead"]
    assert ("", "release_not_recorded", "coordinator") in notices(desk, case)


def test_after_a_transfer_nothing_that_was_told_is_told_again_in_the_other_unit(
    desk: Desk,
) -> None:
    case = make_case(desk, release_on=date(2026, 9, 22))
    answer_offer(desk, case, "not_now", now=MONDAY)
    sweep_at(desk, oslo("2026-09-21 15:00"))
    transfer = propose(desk, case, "b", now=oslo("2026-09-22 09:00"))
    answer_transfer(desk, transfer, "accept", now=oslo("2026-09-22 10:00"))

    sweep_at(desk, oslo("2026-09-23 15:00"))

    rows = [(r.rung, r.unit) for r in told(desk, case) if r.task == ""]
    assert rows == [("offer_again", "a"), ("release_not_recorded", "b")]


# --- outside the ladder -------------------------------------------------------------------------


def test_missed_tasks_are_announced_to_the_owners_leads_once(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=R, done=["brief_info"])
    let_go(desk, case, now=FRIDAY)

    first = sweep_at(desk, FRIDAY + MINUTE)
    second = sweep_at(desk, FRIDAY + 2 * DAY)

    assert (first.missed, second.missed) == (6, 0)
    announced = {about: role for about, rung, role in notices(desk, case) if rung == "missed"}
    assert announced == {
        "naloxone_training": "health_lead",
        "talk_booked": "unit_lead",
        "talk_held": "unit_lead",
        "requests_sent": "unit_lead",
        "appointments_confirmed": "unit_lead",
        "card_printed": "unit_lead",
    }


def test_a_miss_corrected_before_the_sweep_is_not_announced_and_one_undone_later_is(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=R)
    let_go(desk, case, now=FRIDAY)
    complete(desk, case, "talk_held", now=FRIDAY + MINUTE, at=FRIDAY - HOUR)
    sweep_at(desk, FRIDAY + HOUR)
    assert "missed" not in dict(of_task(desk, case, "talk_held"))

    desk.do(service.undo_task, OFFICER, case.ref, "talk_held", "not_done", now=FRIDAY + 2 * HOUR)
    result = sweep_at(desk, FRIDAY + 3 * HOUR)

    assert result.missed == 1
    assert of_task(desk, case, "talk_held")[-1] == ("missed", "unit_lead")


def test_a_release_that_nobody_recorded_is_told_at_r_plus_1_wd_and_nothing_is_assumed(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", release_on=R)
    monday = oslo("2026-09-21 15:00")

    sweep_at(desk, monday - MINUTE)
    assert ("", "release_not_recorded", "coordinator") not in notices(desk, case)
    sweep_at(desk, monday)
    sweep_at(desk, monday + DAY)

    said = [role for _, rung, role in notices(desk, case) if rung == "release_not_recorded"]
    assert said == ["coordinator"]
    assert desk.case(case.ref).phase is Phase.IN_PRISON


def test_a_moved_date_that_passes_again_is_told_again(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=R)
    sweep_at(desk, oslo("2026-09-21 15:00"))
    set_date(desk, case, date(2026, 9, 25), now=oslo("2026-09-21 16:00"))

    sweep_at(desk, oslo("2026-09-28 15:00"))

    said = [role for _, rung, role in notices(desk, case) if rung == "release_not_recorded"]
    assert said == ["coordinator", "coordinator"]


def test_a_date_long_past_is_told_as_soon_as_it_is_known(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", release_on=None)
    now = oslo("2026-10-20 10:00")
    sweep_at(desk, now)
    set_date(desk, case, R, now=now + HOUR)

    sweep_at(desk, now + HOUR)

    assert ("", "release_not_recorded", "coordinator") in notices(desk, case)


def test_after_not_now_the_offer_is_asked_again_after_14_days_and_at_28_days_before_r(
    desk: Desk,
) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "not_now", now=MONDAY)

    instants = (oslo("2026-09-21 15:00"), oslo("2026-11-30 15:00"))
    seen = []
    for instant in instants:
        for now in (instant - MINUTE, instant):
            sweep_at(desk, now)
            seen.append(sum(rung == "offer_again" for _, rung, _ in notices(desk, case)))

    assert seen == [0, 1, 1, 2]


def test_the_offer_is_not_asked_again_once_it_is_answered_or_when_the_time_has_passed(
    desk: Desk,
) -> None:
    answered = make_case(desk)
    answer_offer(desk, answered, "not_now", now=MONDAY)
    answer_offer(desk, answered, "declined", now=MONDAY + DAY)
    short = make_case(desk, release_on=date(2026, 9, 28))
    answer_offer(desk, short, "not_now", now=MONDAY)

    sweep_at(desk, oslo("2026-09-20 15:00"))

    for case in (answered, short):
        assert "offer_again" not in {rung for _, rung, _ in notices(desk, case)}


# --- about whom nothing is told -----------------------------------------------------------------


@pytest.mark.parametrize("said", ["declined", "withdrawn"])
def test_about_a_declined_case_only_the_intake_and_an_unrecorded_release_are_told(
    desk: Desk, said: str
) -> None:
    case = make_case(desk, release_on=R)
    if said == "withdrawn":
        answer_offer(desk, case, "accepted", now=OPENED)
    answer_offer(desk, case, said, now=OPENED + MINUTE)
    propose(desk, case, "b", now=OPENED + HOUR)

    until(desk, OPENED, oslo("2026-10-30 15:00"), 9 * HOUR)

    assert {(about, rung) for about, rung, _ in notices(desk, case)} == {
        ("intake_talk", "before"),
        ("intake_talk", "due"),
        ("intake_talk", "late"),
        ("intake_talk", "lead"),
        ("", "release_not_recorded"),
    }


@pytest.mark.parametrize("reason", ["died", "reimprisoned", "transferred_out", "deported"])
def test_about_a_closed_case_nothing_is_told(desk: Desk, reason: str) -> None:
    case = make_case(desk, answer="accepted", release_on=R)
    propose(desk, case, "b", now=OPENED)
    desk.do(release.close, COORDINATOR, case.ref, reason, now=OPENED + HOUR)

    until(desk, OPENED + HOUR, oslo("2026-12-30 15:00"), 5 * DAY)

    assert notices(desk, case) == []


def test_a_release_not_accepted_is_closed_and_told_about_no_more(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    let_go(desk, case, now=OPENED + HOUR)

    until(desk, OPENED + HOUR, oslo("2026-12-30 15:00"), 5 * DAY)

    assert notices(desk, case) == []


# --- clocks -------------------------------------------------------------------------------------


def test_a_clock_set_back_tells_nothing_twice_and_forward_again_nothing_new(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=R)
    propose(desk, case, "b", now=OPENED)
    late, early = oslo("2026-09-22 08:00"), oslo("2026-09-02 07:00")
    sweep_at(desk, late)
    before = notices(desk, case)

    for now in (early, late, early - DAY, late):
        assert sweep_at(desk, now) == NOTHING
    assert notices(desk, case) == before
    check_case(desk, case.ref, now=late)


def test_work_done_with_the_clock_set_back_is_told_about_when_its_time_comes(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", release_on=R)
    sweep_at(desk, oslo("2026-12-01 08:00"))
    early = oslo("2026-09-08 10:00")

    propose(desk, case, "b", now=early)
    set_date(desk, case, date(2026, 9, 30), now=early)
    book(desk, case, "GP", oslo("2026-10-01 10:00"), now=early)
    sweep_at(desk, oslo("2026-09-11 10:00"))
    sweep_at(desk, oslo("2026-10-01 15:00"))

    rungs_told = [rung for _, rung, _ in notices(desk, case)]
    assert rungs_told.count("transfer_waiting") == 2
    assert rungs_told.count("release_not_recorded") == 2
    check_case(desk, case.ref, now=oslo("2026-10-01 15:00"))


@pytest.mark.parametrize(
    ("admitted", "before", "due_at"),
    [
        # The clock goes back on 25 October: 24 elapsed hours end an hour earlier on the wall.
        ("2026-10-24 12:00", "2026-10-25 05:00", "2026-10-25 11:00"),
        # The clock goes forward on 28 March: an hour later.
        ("2027-03-27 12:00", "2027-03-28 07:00", "2027-03-28 13:00"),
        # 02:30 occurs twice: T0 + 18 h and T0 + 24 h fall on the hour that comes again.
        ("2026-10-24 08:30", "2026-10-25 02:30", "2026-10-25 07:30"),
    ],
)
def test_on_the_nights_the_clock_changes_every_rung_is_told_once(
    desk: Desk, admitted: str, before: str, due_at: str
) -> None:
    case = make_case(desk, admitted_at=oslo(admitted), now=oslo(admitted) + HOUR, release_on=None)
    assert due(case, "intake_talk") == oslo(due_at)

    until(desk, oslo(admitted), oslo(admitted) + 4 * DAY, 10 * MINUTE)

    rows = [(r.rung, r.at) for r in told(desk, case) if r.task == "intake_talk"]
    assert rows == [
        ("before", oslo(before)),
        ("due", oslo(due_at)),
        ("late", oslo(due_at) + DAY),
        ("lead", oslo(due_at) + 2 * DAY),
    ]


def test_follow_up_over_a_night_with_25_hours_ends_at_midnight_on_the_wall(
    desk: Desk,
) -> None:
    # Released on 13 September: day 42 is Sunday 25 October, which has 25 hours.
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 13))
    let_go(desk, case, now=oslo("2026-09-13 12:00"))

    sweep_at(desk, oslo("2026-10-25 23:59"))
    assert desk.case(case.ref).phase is Phase.FOLLOW_UP
    sweep_at(desk, oslo("2026-10-26 00:00"))

    assert desk.case(case.ref).closed_at == oslo("2026-10-26 00:00")


# --- many ---------------------------------------------------------------------------------------


def test_more_than_a_chunk_is_swept_in_one_go(own_desk: Desk) -> None:
    desk = own_desk
    count = CHUNK // 2 + 1
    cases = make_many(desk, count)

    result = sweep_at(desk, oslo("2026-09-02 06:00"))

    assert ("intake_talk", "due", "health") in notices(desk, cases[-1])
    assert {len(notices(desk, case)) for case in cases} == {result.notices // count}
    assert sweep_at(desk, oslo("2026-09-02 06:00")) == NOTHING


def test_more_cases_than_a_chunk_are_closed_in_one_go(own_desk: Desk) -> None:
    desk = own_desk
    count = CHUNK + 3

    def release_many(tx: Any) -> None:
        for case in cases:
            service.answer_offer(tx, NURSE, case.ref, "accepted", now=MONDAY)
            release.release(tx, OFFICER, case.ref, now=FRIDAY)

    cases = make_many(desk, count)
    desk.do(release_many)

    result = sweep_at(desk, oslo("2026-11-01 08:00"))

    assert (result.closed, result.phase_changes) == (count, count)
    with desk.db.read() as tx:
        assert set(tx.execute(select(case_.c.close_reason)).scalars()) == {"completed"}


def test_advancing_one_case_does_what_a_sweep_would_do_for_it(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=R)
    other = make_case(desk, answer="accepted", release_on=R)
    for each in (case, other):
        let_go(desk, each, now=FRIDAY)

    result = desk.do(advance, case.ref, now=FRIDAY + MINUTE)
    again = desk.do(advance, case.ref, now=FRIDAY + MINUTE)

    assert (result.missed, again.missed) == (7, 0)
    assert notices(desk, other) == []
    assert sweep_at(desk, FRIDAY + MINUTE).missed == 7


def test_a_wake_time_that_leads_nowhere_does_not_keep_the_sweep_busy(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)

    def disturb(tx: Any) -> None:
        tx.execute(update(task).where(task.c.wake_at.is_not(None)).values(wake_at=OPENED))
        tx.execute(update(case_).values(wake_at=OPENED))

    desk.do(disturb)
    assert sweep_at(desk, OPENED) == NOTHING

    with desk.db.read() as tx:
        woken = tx.execute(select(task.c.wake_at).where(task.c.wake_at <= OPENED)).all()
    assert woken == []
    assert desk.case(case.ref).wake_at != OPENED

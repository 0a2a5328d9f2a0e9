"""Who is told what, when (DOMAIN section 6, to staff), with instants reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.ladder import LADDER, Rung, case_notices, due_now, rungs, task_rungs
from cases.model import (
    Case,
    CloseReason,
    Phase,
    Role,
    Source,
    TaskState,
    Transfer,
    TransferState,
)
from cases.package import load_package
from tests.cases.strategies import (
    PACKAGE,
    as_planned,
    cases,
    finished,
    make_case,
    oslo,
    released,
)
from tests.cases.test_package import TEXT

OPENED = oslo("2026-09-01 08:00")
ANY_TIME = oslo("2024-01-01 00:00")


def first_example() -> Case:
    """Admitted 2026-09-01 06:00, opened 08:00 with a full-term date of 28 December."""
    dates = [("full_term", date(2026, 12, 28), OPENED)]
    return as_planned(make_case("2026-09-01 06:00", "2026-09-01 08:00", dates=dates))


def answered(status: str, *, on: date | None = date(2026, 12, 28)) -> Case:
    """The same case, answered on 2 September at 10:00 and recorded at 11:00."""
    return as_planned(
        make_case(
            "2026-09-01 06:00",
            "2026-09-01 08:00",
            dates=[] if on is None else [("full_term", on, OPENED)],
            answers=[(status, oslo("2026-09-02 10:00"), oslo("2026-09-02 11:00"))],
        )
    )


def ladder_of(case: Case, task: str) -> list[tuple[str, datetime, Role]]:
    return [
        (rung.rung, rung.at, rung.to_role)
        for rung in rungs(case, PACKAGE, ANY_TIME)
        if rung.task == task
    ]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            "intake_talk",
            [
                ("before", "2026-09-02 00:00", Role.HEALTH),
                ("due", "2026-09-02 06:00", Role.HEALTH),
                ("late", "2026-09-03 06:00", Role.HEALTH_LEAD),
                ("lead", "2026-09-04 06:00", Role.COORDINATOR),
            ],
        ),
        (
            "offer_answered",
            [
                ("before", "2026-09-03 15:00", Role.HEALTH),
                ("due", "2026-09-04 15:00", Role.HEALTH),
                ("late", "2026-09-07 15:00", Role.COORDINATOR),
                ("lead", "2026-09-09 15:00", Role.HEALTH_LEAD),
            ],
        ),
        (
            "brief_info",
            [
                ("before", "2026-09-06 15:00", Role.COORDINATOR),
                ("due", "2026-09-08 15:00", Role.COORDINATOR),
                ("late", "2026-09-09 15:00", Role.COORDINATOR),
                ("lead", "2026-09-11 15:00", Role.UNIT_LEAD),
            ],
        ),
        (
            "naloxone_training",
            [
                ("before", "2026-09-24 15:00", Role.HEALTH),
                ("due", "2026-10-01 15:00", Role.HEALTH),
                ("late", "2026-10-02 15:00", Role.COORDINATOR),
                ("lead", "2026-10-06 15:00", Role.HEALTH_LEAD),
            ],
        ),
        (
            "talk_booked",
            [
                ("before", "2026-11-23 15:00", Role.COORDINATOR),
                ("due", "2026-11-30 15:00", Role.COORDINATOR),
                ("late", "2026-12-01 15:00", Role.COORDINATOR),
                ("lead", "2026-12-03 15:00", Role.UNIT_LEAD),
            ],
        ),
        (
            # due + 3 wd is 28 December; R − 3 wd is the 21st, the due day itself.
            "talk_held",
            [
                ("before", "2026-12-18 15:00", Role.OFFICER),
                ("due", "2026-12-21 15:00", Role.OFFICER),
                ("lead", "2026-12-21 15:00", Role.UNIT_LEAD),
                ("late", "2026-12-22 15:00", Role.COORDINATOR),
            ],
        ),
        (
            "requests_sent",
            [
                # Over the night of 25 hours the wall clock stays.
                ("before", "2026-10-26 15:00", Role.COORDINATOR),
                ("due", "2026-11-02 15:00", Role.COORDINATOR),
                ("late", "2026-11-03 15:00", Role.COORDINATOR),
                ("lead", "2026-11-05 15:00", Role.UNIT_LEAD),
            ],
        ),
        (
            "appointments_confirmed",
            [
                ("before", "2026-12-15 15:00", Role.COORDINATOR),
                ("due", "2026-12-17 15:00", Role.COORDINATOR),
                ("late", "2026-12-18 15:00", Role.COORDINATOR),
                ("lead", "2026-12-21 15:00", Role.UNIT_LEAD),
            ],
        ),
        (
            # R − 3 wd comes before the due time: then the lead is told with it.
            "card_printed",
            [
                ("before", "2026-12-22 15:00", Role.COORDINATOR),
                ("due", "2026-12-23 15:00", Role.COORDINATOR),
                ("lead", "2026-12-23 15:00", Role.UNIT_LEAD),
                ("late", "2026-12-28 15:00", Role.COORDINATOR),
            ],
        ),
        (
            # No term of R for an admin task: 30 December, 4 and 5 January.
            "handed_over",
            [
                ("before", "2026-12-28 12:00", Role.OFFICER),
                ("due", "2026-12-29 15:00", Role.OFFICER),
                ("late", "2026-12-30 15:00", Role.COORDINATOR),
                ("lead", "2027-01-05 15:00", Role.UNIT_LEAD),
            ],
        ),
    ],
)
def test_the_ladder_of_the_first_worked_example(
    task: str, expected: list[tuple[str, str, Role]]
) -> None:
    assert ladder_of(first_example(), task) == [(r, oslo(at), to) for r, at, to in expected]


def test_a_hurried_due_time_tells_its_owner_at_once_instead_of_before() -> None:
    case = as_planned(
        make_case(
            "2026-08-30 08:30",
            "2026-09-01 08:00",
            dates=[("confirmed", date(2026, 9, 3), OPENED)],
        )
    )

    assert ladder_of(case, "talk_held") == [
        ("before", OPENED, Role.OFFICER),
        ("due", oslo("2026-09-02 10:00"), Role.OFFICER),
        ("lead", oslo("2026-09-02 10:00"), Role.UNIT_LEAD),
        ("late", oslo("2026-09-03 10:00"), Role.COORDINATOR),
    ]
    # Dated in time, but its reminder (1 wd before) had passed already … at 15:00, so it has not.
    assert ladder_of(case, "card_printed")[0] == (
        "before",
        oslo("2026-09-01 15:00"),
        Role.COORDINATOR,
    )
    # 2 d before 2 September has.
    assert [rung for rung, *_ in ladder_of(case, "brief_info")] == ["due", "lead", "late"]
    # Due before the opening: the reminder is not sent.
    assert ladder_of(case, "intake_talk")[0] == ("due", oslo("2026-08-31 08:30"), Role.HEALTH)


def test_a_reminder_at_the_very_moment_it_came_to_be_known_is_not_sent() -> None:
    def first_rung(opened: str) -> str:
        case = as_planned(make_case("2026-08-31 14:00", opened))
        return ladder_of(case, "intake_talk")[0][0]

    # T0 + 18 h.
    assert first_rung("2026-09-01 07:59") == "before"
    assert first_rung("2026-09-01 08:00") == "due"


def test_the_reminder_of_a_late_opened_case_counts_from_the_opening() -> None:
    case = as_planned(make_case("2026-08-20 14:00", "2026-09-01 08:00"))

    assert ladder_of(case, "intake_talk")[:2] == [
        ("before", oslo("2026-09-02 02:00"), Role.HEALTH),
        ("due", oslo("2026-09-02 08:00"), Role.HEALTH),
    ]


def test_the_intake_ladder_is_elapsed_over_the_night_of_25_hours() -> None:
    case = as_planned(make_case("2026-10-24 10:00"))

    assert [at for _, at, _ in ladder_of(case, "intake_talk")] == [
        oslo("2026-10-25 03:00"),
        oslo("2026-10-25 09:00"),
        oslo("2026-10-26 09:00"),
        oslo("2026-10-27 09:00"),
    ]


def test_a_due_time_on_a_sunday_is_late_on_monday_at_the_same_time() -> None:
    case = as_planned(
        make_case(
            "2026-03-28 12:00",
            "2026-03-28 12:00",
            dates=[("confirmed", date(2026, 3, 30), oslo("2026-03-28 12:00"))],
        )
    )

    # Halfway, 12:30 on the Sunday whose night has 23 hours.
    assert ladder_of(case, "talk_held") == [
        ("before", oslo("2026-03-28 12:00"), Role.OFFICER),
        ("due", oslo("2026-03-29 12:30"), Role.OFFICER),
        ("lead", oslo("2026-03-29 12:30"), Role.UNIT_LEAD),
        ("late", oslo("2026-03-30 12:30"), Role.COORDINATOR),
    ]


def test_without_a_release_date_the_lead_has_no_term_of_r() -> None:
    case = as_planned(make_case("2026-09-01 06:00", "2026-09-01 08:00"))

    assert ladder_of(case, "brief_info")[-1] == (
        "lead",
        oslo("2026-09-11 15:00"),
        Role.UNIT_LEAD,
    )


def test_a_task_without_reminder_has_none_unless_it_is_hurried() -> None:
    rule = load_package(TEXT.replace('before = "3 d before due"\n', "")).rule("talk_held")
    known_at, due_at = OPENED, oslo("2026-09-08 15:00")

    def first(*, hurried: bool) -> str:
        return task_rungs(
            rule,
            due_at=due_at,
            known_at=known_at,
            hurried=hurried,
            release_on=date(2026, 9, 15),
            t0=OPENED,
        )[0].rung

    assert first(hurried=False) == "due"
    assert first(hurried=True) == "before"


def test_a_reminder_on_the_release_day_needs_a_release_date() -> None:
    found = task_rungs(
        PACKAGE.rule("handed_over"),
        due_at=oslo("2026-12-29 15:00"),
        known_at=OPENED,
        hurried=False,
        release_on=None,
        t0=OPENED,
    )

    assert [rung.rung for rung in found] == ["due", "late", "lead"]


# --- which ladders there are -----------------------------------------------------------------


def told_tasks(case: Case) -> set[str]:
    return {rung.task for rung in rungs(case, PACKAGE, ANY_TIME)}


def test_only_open_tasks_have_a_ladder() -> None:
    without_date = as_planned(make_case("2026-09-01 06:00", "2026-09-01 08:00"))
    done = finished(without_date, "brief_info", oslo("2026-09-01 10:00"))

    assert told_tasks(done) == {"intake_talk", "offer_answered", "naloxone_training"}


@pytest.mark.parametrize("status", ["declined", "withdrawn"])
def test_about_a_declined_case_only_the_intake_is_told(status: str) -> None:
    case = answered(status)
    # Even when the tasks were not planned again yet.
    unplanned = replace(case, tasks=first_example().tasks)

    assert told_tasks(case) == told_tasks(unplanned) == {"intake_talk", "offer_answered"}


def test_on_not_now_the_intake_and_the_brief_information_are_told() -> None:
    assert told_tasks(answered("not_now")) == {"intake_talk", "offer_answered", "brief_info"}


def test_a_release_ends_the_ladders_of_before_release_tasks() -> None:
    gone = as_planned(released(answered("accepted"), oslo("2026-11-13 10:00")))

    assert told_tasks(gone) == {"intake_talk", "offer_answered", "handed_over"}
    # Friday: due on Monday, and the reminder of a release learned afterwards is not sent.
    assert ladder_of(gone, "handed_over")[0] == (
        "before",
        oslo("2026-11-13 12:00"),
        Role.OFFICER,
    )
    late = as_planned(
        released(answered("accepted"), oslo("2026-11-13 10:00"), oslo("2026-11-13 12:00"))
    )
    assert ladder_of(late, "handed_over")[0] == ("due", oslo("2026-11-16 15:00"), Role.OFFICER)


@pytest.mark.parametrize("reason", [CloseReason.DIED, CloseReason.REIMPRISONED])
def test_about_a_closed_case_nothing_is_told(reason: CloseReason) -> None:
    gone = as_planned(released(answered("accepted"), oslo("2026-11-13 10:00")))
    closed = replace(
        gone, phase=Phase.CLOSED, closed_at=oslo("2026-11-20 10:00"), close_reason=reason
    )

    assert case_notices(gone, PACKAGE) != ()
    assert rungs(closed, PACKAGE, ANY_TIME) == ()
    assert case_notices(closed, PACKAGE) == ()


# --- a sweep ---------------------------------------------------------------------------------


def talk_held(case: Case) -> tuple[Rung, ...]:
    return tuple(rung for rung in rungs(case, PACKAGE, ANY_TIME) if rung.task == "talk_held")


def names(told: tuple[Rung, ...]) -> list[str]:
    return [rung.rung for rung in told]


def test_sweeping_twice_tells_nothing_the_second_time() -> None:
    ladder, now = talk_held(first_example()), oslo("2026-12-18 15:00")

    told, told_at, wake_at = due_now(ladder, None, now)

    assert names(told) == ["before"]
    assert (told_at, wake_at) == (oslo("2026-12-18 15:00"), oslo("2026-12-21 15:00"))
    assert due_now(ladder, told_at, now) == ((), told_at, wake_at)


def test_a_minute_early_nothing_is_told_and_the_next_instant_is_known() -> None:
    ladder = talk_held(first_example())

    assert due_now(ladder, None, oslo("2026-12-18 14:59")) == (
        (),
        None,
        oslo("2026-12-18 15:00"),
    )


def test_all_rungs_of_one_instant_are_told() -> None:
    told, _, wake_at = due_now(
        talk_held(first_example()), oslo("2026-12-18 15:00"), oslo("2026-12-21 15:00")
    )

    assert names(told) == ["due", "lead"]
    assert wake_at == oslo("2026-12-22 15:00")


def test_after_a_pause_only_the_latest_instant_is_told() -> None:
    ladder = talk_held(first_example())

    told, told_at, wake_at = due_now(ladder, None, oslo("2026-12-22 14:00"))

    assert names(told) == ["due", "lead"]
    assert told_at == oslo("2026-12-21 15:00")
    told, told_at, wake_at = due_now(ladder, told_at, oslo("2026-12-25 14:00"))
    assert names(told) == ["late"]
    assert (told_at, wake_at) == (oslo("2026-12-22 15:00"), None)


def test_the_ladders_of_two_tasks_do_not_silence_each_other() -> None:
    told, told_at, _ = due_now(
        rungs(first_example(), PACKAGE, ANY_TIME), None, oslo("2026-09-08 16:00")
    )

    assert [(rung.task, rung.rung) for rung in told] == [
        ("intake_talk", "lead"),
        ("offer_answered", "late"),
        ("brief_info", "due"),
    ]
    assert told_at == oslo("2026-09-08 15:00")


def test_a_moved_due_time_withdraws_what_was_not_told_yet() -> None:
    case = first_example()
    later = replace(
        case,
        release_dates=make_case(
            OPENED,
            dates=[
                ("full_term", date(2026, 12, 28), OPENED),
                ("confirmed", date(2027, 1, 29), oslo("2026-12-20 09:00")),
            ],
        ).release_dates,
    )
    moved = as_planned(later)

    assert talk_held(moved)[0].at == oslo("2027-01-19 15:00")
    assert {rung.due_at for rung in talk_held(moved)} == {oslo("2027-01-22 15:00")}
    # A new due time has its own ladder, so what was told of the old one does not count.
    assert due_now(talk_held(moved), None, oslo("2026-12-21 15:00")) == (
        (),
        None,
        oslo("2027-01-19 15:00"),
    )


SWEEPS = st.lists(st.integers(1, 90 * 24), min_size=1, max_size=12)


@given(cases(), SWEEPS)
def test_however_it_is_swept_each_rung_is_told_at_most_once_and_never_early(
    case: Case, hours: list[int]
) -> None:
    planned = as_planned(case)
    everything = rungs(planned, PACKAGE, ANY_TIME)
    assert list(everything) == sorted(everything, key=lambda rung: rung.at)
    told: list[Rung] = []
    told_at: dict[str, datetime | None] = {}
    now = planned.opened_at
    for wait in hours:
        now += timedelta(hours=wait)
        for task in {rung.task for rung in everything}:
            ladder = [rung for rung in everything if rung.task == task]
            new, told_at[task], wake_at = due_now(ladder, told_at.get(task), now)
            assert len({rung.at for rung in new}) <= 1
            assert all(rung.at <= now for rung in new)
            assert all(rung not in told for rung in new)
            assert wake_at == min((rung.at for rung in ladder if rung.at > now), default=None)
            told += new
    assert len(set(told)) == len(told)


@given(cases())
def test_swept_in_time_every_rung_is_told_exactly_once(case: Case) -> None:
    planned = as_planned(case)
    for task in planned.tasks:
        ladder = [r for r in rungs(planned, PACKAGE, ANY_TIME) if r.task == task.code]
        told: list[Rung] = []
        told_at: datetime | None = None
        for now in sorted({rung.at for rung in ladder}):
            new, told_at, _ = due_now(ladder, told_at, now)
            told += new
        assert told == ladder
        assert len({rung.rung for rung in ladder}) == len(ladder) <= len(LADDER)


@given(cases())
def test_no_reminder_comes_before_it_was_known_and_the_lead_never_before_the_due_time(
    case: Case,
) -> None:
    planned = as_planned(case)
    for rung in rungs(planned, PACKAGE, ANY_TIME):
        task = planned.task(rung.task)
        assert task is not None
        assert task.due_at is not None
        assert task.known_at is not None
        assert rung.due_at == task.due_at
        if rung.rung == "before":
            assert rung.at == task.known_at if task.hurried else rung.at > task.known_at
            assert rung.at < task.due_at
        elif rung.rung == "due":
            assert rung.at == task.due_at
        else:
            assert rung.at >= task.due_at


# --- outside the ladder ----------------------------------------------------------------------


def notices(case: Case, code: str) -> list[tuple[datetime, Role, str | None]]:
    return [
        (found.at, found.to_role, found.unit)
        for found in case_notices(case, PACKAGE)
        if found.rung == code
    ]


def test_the_offer_is_made_again_after_14_days_and_28_days_before_the_release() -> None:
    assert notices(answered("not_now"), "offer_again") == [
        (oslo("2026-09-16 15:00"), Role.HEALTH, None),
        (oslo("2026-11-30 15:00"), Role.HEALTH, None),
    ]
    # Not rolled to a working day: R − 28 d is a Saturday.
    assert notices(answered("not_now", on=date(2026, 12, 26)), "offer_again")[1][0] == oslo(
        "2026-11-28 15:00"
    )
    assert notices(answered("not_now", on=None), "offer_again") == [
        (oslo("2026-09-16 15:00"), Role.HEALTH, None)
    ]


@pytest.mark.parametrize("status", ["accepted", "declined", "withdrawn"])
def test_the_offer_is_made_again_only_after_not_now(status: str) -> None:
    assert notices(answered(status), "offer_again") == []


def test_the_offer_is_made_once_where_both_days_are_one() -> None:
    assert notices(answered("not_now", on=date(2026, 10, 14)), "offer_again") == [
        (oslo("2026-09-16 15:00"), Role.HEALTH, None)
    ]


def test_an_offer_whose_day_had_passed_when_it_came_to_be_known_is_skipped() -> None:
    # R − 28 d is 1 September 15:00, before the not_now.
    assert notices(answered("not_now", on=date(2026, 9, 29)), "offer_again") == [
        (oslo("2026-09-16 15:00"), Role.HEALTH, None)
    ]
    # R is learned on the very instant of R − 28 d.
    told = make_case(OPENED, dates=[("confirmed", date(2026, 10, 29), oslo("2026-10-01 15:00"))])
    case = replace(answered("not_now", on=None), release_dates=told.release_dates)
    assert len(notices(as_planned(case), "offer_again")) == 1
    # A not_now typed in after 14 days.
    late = as_planned(
        make_case(OPENED, answers=[("not_now", oslo("2026-09-02 10:00"), oslo("2026-09-16 15:00"))])
    )
    assert notices(late, "offer_again") == []


def test_the_offer_is_not_made_again_outside_prison() -> None:
    gone = as_planned(released(answered("not_now"), oslo("2026-09-10 10:00")))

    assert notices(gone, "offer_again") == []


@pytest.mark.parametrize("status", ["accepted", "declined", "withdrawn", "not_now"])
def test_a_release_that_nobody_recorded_is_told_whatever_the_answer(status: str) -> None:
    assert notices(answered(status), "release_not_recorded") == [
        (oslo("2026-12-29 15:00"), Role.COORDINATOR, None)
    ]


def test_a_recorded_release_or_no_date_at_all_is_not_told() -> None:
    gone = as_planned(released(answered("accepted"), oslo("2026-12-28 10:00")))

    assert notices(gone, "release_not_recorded") == []
    assert notices(answered("accepted", on=None), "release_not_recorded") == []


def test_a_release_date_learned_long_after_it_passed_is_told_then() -> None:
    told = oslo("2026-10-20 09:00")
    case = as_planned(
        make_case(
            "2026-09-01 06:00",
            "2026-09-01 08:00",
            dates=[("confirmed", date(2026, 10, 5), told)],
        )
    )

    found = [n for n in case_notices(case, PACKAGE) if n.rung == "release_not_recorded"]

    assert [(n.at, n.due_at) for n in found] == [(told, oslo("2026-10-06 15:00"))]


def proposed(case: Case, state: TransferState = TransferState.PROPOSED) -> Case:
    transfer = Transfer("T", "A", "B", state, Source.STAFF, oslo("2026-12-22 09:30"), "coordinator")
    return replace(case, transfers=(transfer,))


def test_a_waiting_transfer_is_told_to_the_receiver_and_then_to_both_leads() -> None:
    # Tuesday 22 December: Wednesday, then Monday 28 and Tuesday 29.
    assert notices(proposed(answered("accepted")), "transfer_waiting") == [
        (oslo("2026-12-23 09:30"), Role.COORDINATOR, "B"),
        (oslo("2026-12-29 09:30"), Role.UNIT_LEAD, None),
        (oslo("2026-12-29 09:30"), Role.UNIT_LEAD, "B"),
    ]


def test_an_answered_transfer_and_that_of_a_declined_case_are_not_told() -> None:
    assert notices(proposed(answered("accepted"), TransferState.ACCEPTED), "transfer_waiting") == []
    assert notices(proposed(answered("declined")), "transfer_waiting") == []


def test_every_missed_task_is_announced_to_the_lead_of_its_owner() -> None:
    recorded = oslo("2026-11-13 11:00")
    case = finished(answered("accepted"), "card_printed", oslo("2026-11-12 10:00"))
    gone = as_planned(released(case, oslo("2026-11-13 10:00"), recorded))

    found = [notice for notice in case_notices(gone, PACKAGE) if notice.rung == "missed"]

    assert {notice.at for notice in found} == {recorded}
    assert {(notice.task, notice.to_role) for notice in found} == {
        ("brief_info", Role.UNIT_LEAD),
        ("naloxone_training", Role.HEALTH_LEAD),
        ("talk_booked", Role.UNIT_LEAD),
        ("talk_held", Role.UNIT_LEAD),
        ("requests_sent", Role.UNIT_LEAD),
        ("appointments_confirmed", Role.UNIT_LEAD),
    }
    told, told_at, _ = due_now(found, None, recorded)
    assert len(told) == 6
    assert due_now(found, told_at, recorded + timedelta(days=3))[0] == ()


def test_a_corrected_miss_is_no_longer_announced() -> None:
    gone = as_planned(released(answered("accepted"), oslo("2026-11-13 10:00")))
    corrected = finished(gone, "talk_held", oslo("2026-11-13 09:00"))

    found = {n.task for n in case_notices(corrected, PACKAGE) if n.rung == "missed"}

    assert "talk_held" not in found
    assert "talk_booked" in found
    assert corrected.task("talk_held").state is TaskState.DONE  # type: ignore[union-attr]


def test_a_pause_keeps_notices_of_different_kinds_and_the_latest_of_each() -> None:
    # R − 28 d is 4 September; 14 days after the answer is the 16th; R has passed by 5 October.
    case = proposed(answered("not_now", on=date(2026, 10, 2)))

    told, told_at, wake_at = due_now(case_notices(case, PACKAGE), None, oslo("2026-12-23 10:00"))

    assert [(notice.rung, notice.at) for notice in told] == [
        ("offer_again", oslo("2026-09-16 15:00")),
        ("release_not_recorded", oslo("2026-10-05 15:00")),
        ("transfer_waiting", oslo("2026-12-23 09:30")),
    ]
    assert (told_at, wake_at) == (oslo("2026-12-23 09:30"), oslo("2026-12-29 09:30"))

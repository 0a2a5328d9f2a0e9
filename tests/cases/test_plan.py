"""The deadline rules of DOMAIN section 2, one by one, with values reckoned by hand.

Public holidays near the dates used: Easter 2027 closes Thursday 25 to Monday 29 March; in 2026
the 24th of December is a Thursday, the 26th a Saturday, the 31st a Thursday.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from cases.model import (
    Case,
    CloseReason,
    Participation,
    Phase,
    ReleaseKind,
    StepState,
    Task,
    TaskState,
    WaiveReason,
)
from cases.package import Package, load_package
from cases.plan import InForce, in_force, left_over, plan
from cases.standing import (
    Deviation,
    answer_in_force,
    deviations,
    follow_up_ends_at,
    is_overdue,
    participation_at,
    short_notice,
    step_due,
    step_state,
)
from tests.cases.strategies import (
    PACKAGE,
    as_planned,
    finished,
    make_case,
    oslo,
    plan_of,
    released,
)
from tests.cases.test_package import TEXT

OPENED = oslo("2026-09-01 08:00")
BEFORE_RELEASE = [
    "brief_info",
    "naloxone_training",
    "talk_booked",
    "talk_held",
    "requests_sent",
    "appointments_confirmed",
    "card_printed",
]


def due(case: Case) -> dict[str, datetime | None]:
    return {planned.code: planned.due_at for planned in plan_of(case).tasks}


def states(case: Case) -> dict[str, str]:
    return {planned.code: planned.state.value for planned in plan_of(case).tasks}


def changed_package(old: str, new: str) -> Package:
    """The national package with one passage of its file replaced."""
    assert old in TEXT
    return load_package(TEXT.replace(old, new, 1))


def dated(
    on: date | None, *, admitted: str = "2026-09-01 06:00", opened: str = "2026-09-01 08:00"
) -> Case:
    """A case whose release date (full term) was recorded at the opening."""
    dates = () if on is None else (("full_term", on, oslo(opened)),)
    return make_case(admitted, opened, dates=dates)


def test_the_first_worked_example_is_reproduced() -> None:
    case = dated(date(2026, 12, 28))

    assert due(case) == {
        "intake_talk": oslo("2026-09-02 06:00"),
        "offer_answered": oslo("2026-09-04 15:00"),
        "brief_info": oslo("2026-09-08 15:00"),
        "naloxone_training": oslo("2026-10-01 15:00"),
        "requests_sent": oslo("2026-11-02 15:00"),
        "talk_booked": oslo("2026-11-30 15:00"),
        "appointments_confirmed": oslo("2026-12-17 15:00"),
        "talk_held": oslo("2026-12-21 15:00"),
        "card_printed": oslo("2026-12-23 15:00"),
        "handed_over": oslo("2026-12-29 15:00"),
    }
    assert set(states(case).values()) == {"open"}
    assert not any(planned.hurried for planned in plan_of(case).tasks)
    assert plan_of(case).release == InForce(date(2026, 12, 28), ReleaseKind.FULL_TERM, OPENED)


def test_the_second_worked_example_is_reproduced() -> None:
    case = dated(date(2026, 9, 3), admitted="2026-08-30 08:30")

    hurried = oslo("2026-09-02 10:00")
    assert due(case) == {
        "intake_talk": oslo("2026-08-31 08:30"),
        # Admitted on a Sunday: Monday, Tuesday, Wednesday.
        "offer_answered": oslo("2026-09-02 15:00"),
        "brief_info": oslo("2026-09-02 15:00"),
        "naloxone_training": hurried,
        "talk_booked": hurried,
        "talk_held": hurried,
        "requests_sent": hurried,
        "appointments_confirmed": hurried,
        "card_printed": oslo("2026-09-02 15:00"),
        "handed_over": oslo("2026-09-04 15:00"),
    }
    assert {p.code for p in plan_of(case).tasks if p.hurried} == {
        "naloxone_training",
        "talk_booked",
        "talk_held",
        "requests_sent",
        "appointments_confirmed",
    }


@pytest.mark.parametrize(
    ("admitted", "expected"),
    [
        ("2026-09-05 23:30", "2026-09-06 23:30"),
        ("2026-12-24 09:00", "2026-12-25 09:00"),
        # Elapsed: the night of 23 hours, and the one of 25.
        ("2026-03-28 10:00", "2026-03-29 11:00"),
        ("2026-10-24 10:00", "2026-10-25 09:00"),
        ("2028-02-28 12:00", "2028-02-29 12:00"),
    ],
)
def test_rule_1_clinical_hours_are_elapsed_and_never_shifted(admitted: str, expected: str) -> None:
    assert due(make_case(admitted))["intake_talk"] == oslo(expected)


@pytest.mark.parametrize(
    ("release_on", "task", "expected"),
    [
        # R − 7 d is a closed day of Easter 2027: back to the Wednesday before.
        (date(2027, 4, 1), "talk_held", "2027-03-24 15:00"),
        (date(2027, 4, 5), "talk_held", "2027-03-24 15:00"),
        (date(2027, 3, 30), "card_printed", "2027-03-24 15:00"),
        (date(2027, 3, 30), "appointments_confirmed", "2027-03-18 15:00"),
        # The day before Easter.
        (date(2027, 3, 24), "card_printed", "2027-03-23 15:00"),
        # A release on a Sunday, and one on 23 December.
        (date(2026, 11, 29), "card_printed", "2026-11-27 15:00"),
        (date(2026, 12, 23), "card_printed", "2026-12-22 15:00"),
        (date(2026, 12, 31), "talk_held", "2026-12-23 15:00"),
        # A leap day counts: R − 7 d = 29 February 2028, a Tuesday.
        (date(2028, 3, 7), "talk_held", "2028-02-29 15:00"),
        # 15:00 before and after the clock changes.
        (date(2026, 10, 30), "talk_held", "2026-10-23 15:00"),
        (date(2027, 4, 2), "talk_booked", "2027-03-05 15:00"),
    ],
)
def test_rule_2_a_before_release_date_rolls_back_to_a_working_day_at_15(
    release_on: date, task: str, expected: str
) -> None:
    assert due(dated(release_on))[task] == oslo(expected)


@pytest.mark.parametrize(
    ("release_on", "expected"),
    [
        (date(2027, 3, 24), "2027-03-30 15:00"),
        (date(2026, 12, 23), "2026-12-28 15:00"),
        (date(2026, 12, 30), "2027-01-04 15:00"),
        (date(2026, 11, 27), "2026-11-30 15:00"),
        (date(2026, 11, 28), "2026-11-30 15:00"),
    ],
)
def test_rule_3_an_admin_date_rolls_forward_to_a_working_day_at_15(
    release_on: date, expected: str
) -> None:
    assert due(dated(release_on))["handed_over"] == oslo(expected)


@pytest.mark.parametrize(
    ("admitted", "expected"),
    [
        ("2026-09-04 12:00", "2026-09-09 15:00"),
        ("2026-12-23 12:00", "2026-12-30 15:00"),
        ("2027-03-24 12:00", "2027-04-01 15:00"),
        # Half past midnight on Friday in Norway; in UTC it is still Thursday, a holiday.
        ("2026-01-02 00:30", "2026-01-07 15:00"),
    ],
)
def test_rule_4_working_days_are_counted_from_the_local_date_without_the_anchor(
    admitted: str, expected: str
) -> None:
    assert due(make_case(admitted))["offer_answered"] == oslo(expected)


@pytest.mark.parametrize(
    ("opened", "release_on", "expected", "hurried"),
    [
        # The midpoint comes first: 52 hours to R.
        ("2026-09-01 08:00", date(2026, 9, 3), "2026-09-02 10:00", True),
        # 15:00 on the next working day comes first: 100 hours to R.
        ("2026-09-01 08:00", date(2026, 9, 5), "2026-09-02 15:00", True),
        # Over a weekend the next working day is Monday, and the midpoint is Sunday.
        ("2026-09-04 12:00", date(2026, 9, 8), "2026-09-06 12:00", True),
        # Over the nights of 23 and 25 hours the midpoint is elapsed.
        ("2026-03-28 12:00", date(2026, 3, 30), "2026-03-29 12:30", True),
        ("2026-10-24 12:00", date(2026, 10, 26), "2026-10-25 11:30", True),
        # R is today: before noon the midpoint, afterwards an hour.
        ("2026-09-01 09:00", date(2026, 9, 1), "2026-09-01 10:30", True),
        ("2026-09-01 12:00", date(2026, 9, 1), "2026-09-01 13:00", True),
        ("2026-09-01 13:20", date(2026, 9, 1), "2026-09-01 14:20", True),
        ("2026-09-01 23:40", date(2026, 9, 1), "2026-09-02 00:40", True),
        # R was before that day: as computed, Monday 24 August.
        ("2026-09-01 08:00", date(2026, 8, 31), "2026-08-24 15:00", False),
        # The due time itself is not after itself; a minute before is.
        ("2026-09-01 15:00", date(2026, 9, 8), "2026-09-02 15:00", True),
        ("2026-09-01 14:59", date(2026, 9, 8), "2026-09-01 15:00", False),
    ],
)
def test_rule_5_a_due_time_known_too_late_is_halfway_or_the_next_working_day(
    opened: str, release_on: date, expected: str, hurried: bool
) -> None:
    planned = plan_of(dated(release_on, admitted=opened, opened=opened)).task("talk_held")

    assert (planned.due_at, planned.hurried) == (oslo(expected), hurried)
    assert planned.known_at == oslo(opened)


def test_rule_5_does_not_touch_clinical_and_admin_tasks() -> None:
    case = make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=[("confirmed", date(2026, 9, 30), oslo("2026-10-05 10:00"))],
    )

    assert due(case)["handed_over"] == oslo("2026-10-01 15:00")
    assert not plan_of(case).task("handed_over").hurried


def test_rule_5_each_term_is_known_since_its_own_moment() -> None:
    told = oslo("2026-09-14 10:00")
    case = make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=[("parole", date(2026, 10, 9), told)],
    )

    tasks = plan_of(case)

    # T0 + 7 d gives the minimum: known since the opening, and overdue since 8 September.
    assert tasks.task("brief_info")[2:5] == (oslo("2026-09-08 15:00"), OPENED, False)
    # R − 14 d = 25 September comes before T0 + 30 d.
    assert tasks.task("naloxone_training")[2:5] == (oslo("2026-09-25 15:00"), told, False)
    # R − 28 d = 11 September has passed when R comes to be known.
    assert tasks.task("talk_booked")[2:5] == (oslo("2026-09-15 15:00"), told, True)


def test_rule_5_terms_are_compared_before_rolling_and_a_tie_is_known_since_the_opening() -> None:
    told = oslo("2026-09-07 10:00")

    def brief_info(release_on: date) -> tuple[datetime | None, datetime | None]:
        planned = plan_of(
            make_case(
                "2026-09-05 06:00",
                "2026-09-05 08:00",
                dates=[("confirmed", release_on, told)],
            )
        ).task("brief_info")
        return planned.due_at, planned.known_at

    opened = oslo("2026-09-05 08:00")
    # T0 + 7 d is Saturday 12 September, R − 1 wd Friday the 11th: both roll to the 11th, but the
    # earlier date is that of R.
    assert brief_info(date(2026, 9, 14)) == (oslo("2026-09-11 15:00"), told)
    # R − 1 wd is Monday the 14th: the opening.
    assert brief_info(date(2026, 9, 15)) == (oslo("2026-09-11 15:00"), opened)


def test_rule_5_a_tie_of_dates_is_known_since_the_opening() -> None:
    told = oslo("2026-09-02 10:00")
    case = make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=[("confirmed", date(2026, 9, 9), told)],
    )

    # T0 + 7 d and R − 1 wd are both Tuesday 8 September.
    assert plan_of(case).task("brief_info")[2:5] == (oslo("2026-09-08 15:00"), OPENED, False)


def test_rule_5_a_tie_does_not_depend_on_the_order_of_the_terms_in_the_package() -> None:
    case = make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=[("confirmed", date(2026, 9, 9), oslo("2026-09-02 10:00"))],
    )
    turned = changed_package('due = ["T0 + 7 d", "R - 1 wd"]', 'due = ["R - 1 wd", "T0 + 7 d"]')

    assert plan(case, turned, OPENED) == plan_of(case)


def test_of_two_clinical_terms_the_earlier_counts() -> None:
    tightened = changed_package('due = ["T0 + 24 h"]', 'due = ["T0 + 24 h", "T0 + 12 h"]')

    planned = plan(make_case("2026-09-01 06:00"), tightened, OPENED)

    assert planned.task("intake_talk").due_at == oslo("2026-09-01 18:00")


def test_rule_5_a_date_is_known_since_it_first_came_into_force() -> None:
    first, second, third = (oslo(f"2026-09-{day} 09:00") for day in ("10", "14", "18"))
    on, other = date(2026, 12, 28), date(2026, 12, 1)
    dates = [("full_term", on, first), ("confirmed", other, second), ("confirmed", on, third)]

    planned = plan_of(make_case("2026-09-01 06:00", "2026-09-01 08:00", dates=dates))

    assert planned.release == InForce(on, ReleaseKind.CONFIRMED, first)
    assert planned.task("talk_held").known_at == first


def test_rule_6_a_case_opened_more_than_48_h_late_counts_from_the_opening() -> None:
    late = dated(None, admitted="2026-08-30 07:59", opened="2026-09-01 08:00")
    in_time = dated(None, admitted="2026-08-30 08:00", opened="2026-09-01 08:00")

    assert late.late_opened
    assert due(late)["intake_talk"] == oslo("2026-09-02 08:00")
    assert due(late)["offer_answered"] == oslo("2026-09-04 15:00")
    assert due(late)["brief_info"] == oslo("2026-09-08 15:00")
    assert not in_time.late_opened
    assert due(in_time)["intake_talk"] == oslo("2026-08-31 08:00")
    # Sunday 30 August + 7 d rolls back to Friday 4 September.
    assert due(in_time)["brief_info"] == oslo("2026-09-04 15:00")


def test_the_length_of_the_stay_is_that_of_the_true_admission() -> None:
    # 96 days from the admission on 1 June, 77 from the opening on 20 June: R − 56 d, a Saturday.
    case = dated(date(2026, 9, 5), admitted="2026-06-01 06:00", opened="2026-06-20 08:00")

    assert due(case)["requests_sent"] == oslo("2026-07-10 15:00")


@pytest.mark.parametrize(
    ("release_on", "expected"),
    [
        # 1 December 2027 + 90 d is 29 February 2028.
        (date(2028, 2, 29), "2028-02-01 15:00"),
        (date(2028, 3, 1), "2028-01-05 15:00"),
    ],
)
def test_requests_go_out_56_days_ahead_only_after_more_than_90_days(
    release_on: date, expected: str
) -> None:
    case = dated(release_on, admitted="2027-12-01 23:30", opened="2027-12-01 23:40")

    assert due(case)["requests_sent"] == oslo(expected)


def test_rule_7_without_a_release_date_only_terms_of_the_admission_count() -> None:
    case = dated(None)

    assert states(case) == {
        "intake_talk": "open",
        "offer_answered": "open",
        "brief_info": "open",
        "naloxone_training": "open",
        "talk_booked": "prepared",
        "talk_held": "prepared",
        "requests_sent": "prepared",
        "appointments_confirmed": "prepared",
        "card_printed": "prepared",
        "handed_over": "prepared",
    }
    assert due(case)["brief_info"] == oslo("2026-09-08 15:00")
    assert due(case)["naloxone_training"] == oslo("2026-10-01 15:00")
    assert plan_of(case).release is None
    for planned in plan_of(case).tasks[4:]:
        assert planned[2:] == (None, None, False, None)


def test_rule_8_a_moved_date_moves_open_tasks_and_leaves_done_ones() -> None:
    case = finished(as_planned(dated(date(2026, 12, 28))), "talk_booked", oslo("2026-09-03 10:00"))
    moved = replace(
        case,
        release_dates=make_case(
            "2026-09-01 06:00",
            dates=[
                ("full_term", date(2026, 12, 28), OPENED),
                ("confirmed", date(2026, 12, 15), oslo("2026-10-01 09:00")),
            ],
        ).release_dates,
    )

    assert due(moved)["talk_held"] == oslo("2026-12-08 15:00")
    assert due(moved)["handed_over"] == oslo("2026-12-16 15:00")
    assert due(moved)["talk_booked"] == oslo("2026-11-30 15:00")
    assert plan_of(moved).task("talk_booked").settled_at == oslo("2026-09-03 10:00")


def test_rule_8_a_withdrawn_date_makes_its_tasks_prepared_again() -> None:
    case = as_planned(dated(date(2026, 12, 28)))
    withdrawn = replace(
        case,
        release_dates=make_case(
            "2026-09-01 06:00",
            dates=[
                ("full_term", date(2026, 12, 28), OPENED),
                ("full_term", None, oslo("2026-10-01 09:00")),
            ],
        ).release_dates,
    )

    assert states(withdrawn)["talk_held"] == "prepared"
    assert due(withdrawn)["talk_held"] is None
    assert due(withdrawn)["naloxone_training"] == oslo("2026-10-01 15:00")


DAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([("full_term", 9), ("two_thirds", 5)], ("two_thirds", 5)),
        ([("two_thirds", 5), ("full_term", 9)], ("two_thirds", 5)),
        ([("two_thirds", 5), ("home_detention", 7)], ("home_detention", 7)),
        ([("home_detention", 7), ("parole", 8)], ("parole", 8)),
        ([("parole", 8), ("confirmed", 3)], ("confirmed", 3)),
        ([("parole", 8), ("parole", 2)], ("parole", 2)),
        ([("parole", 8), ("full_term", 9), ("parole", None)], ("full_term", 9)),
        ([("parole", 8), ("parole", None)], None),
        ([], None),
    ],
)
def test_rule_9_the_strongest_kind_that_has_a_date_is_in_force(
    records: list[tuple[str, int | None]], expected: tuple[str, int] | None
) -> None:
    dates = [
        (kind, None if plus is None else DAY + timedelta(plus), OPENED + timedelta(hours=n))
        for n, (kind, plus) in enumerate(records)
    ]

    found = plan_of(make_case("2026-09-01 06:00", dates=dates)).release

    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.kind, found.on) == (expected[0], DAY + timedelta(expected[1]))


def test_rule_9_a_date_hidden_behind_a_stronger_one_is_known_only_when_that_is_withdrawn() -> None:
    later = oslo("2026-10-01 09:00")
    dates = [
        # One row of a roster: what stood between two records of one instant was never in force.
        ("full_term", date(2026, 12, 28), OPENED),
        ("confirmed", date(2026, 12, 1), OPENED),
        ("confirmed", None, later),
    ]

    found = plan_of(make_case("2026-09-01 06:00", "2026-09-01 08:00", dates=dates)).release

    assert found == InForce(date(2026, 12, 28), ReleaseKind.FULL_TERM, later)


def test_rule_9_records_count_in_the_order_in_which_they_were_made() -> None:
    records = make_case(
        OPENED,
        dates=[
            ("parole", date(2026, 12, 28), OPENED),
            ("parole", date(2026, 12, 1), OPENED + timedelta(days=1)),
        ],
    ).release_dates

    found = in_force((records[1], records[0]), None, OPENED, None)

    assert found == in_force(records, None, OPENED, None)
    assert found is not None
    assert found.on == date(2026, 12, 1)


def test_rule_9_a_date_recorded_before_the_opening_is_known_since_the_opening() -> None:
    found = in_force(
        dated(date(2026, 12, 28)).release_dates, None, OPENED + timedelta(days=3), None
    )

    assert found == InForce(date(2026, 12, 28), ReleaseKind.FULL_TERM, OPENED + timedelta(days=3))


def test_rule_9_the_actual_release_is_the_date_in_force_whatever_was_planned() -> None:
    case = as_planned(dated(date(2026, 12, 28)))
    recorded = oslo("2026-11-16 09:00")
    gone = released(case, oslo("2026-11-13 10:00"), recorded)

    planned = plan_of(gone)

    assert planned.release == InForce(date(2026, 11, 13), None, recorded)
    # Open handed_over is recomputed: Friday 13 November + 1 wd.
    assert planned.task("handed_over")[1:5] == (
        TaskState.OPEN,
        oslo("2026-11-16 15:00"),
        recorded,
        False,
    )
    # What was dated and is missed keeps the due time it had.
    assert planned.task("talk_held")[1:] == (
        TaskState.MISSED,
        oslo("2026-12-21 15:00"),
        OPENED,
        False,
        oslo("2026-11-13 10:00"),
    )


def test_rule_9_a_release_on_the_planned_day_was_known_since_the_planning() -> None:
    case = as_planned(dated(date(2026, 12, 28)))

    gone = plan_of(released(case, oslo("2026-12-28 10:00")))

    assert gone.release == InForce(date(2026, 12, 28), None, OPENED)


def test_rule_9_what_a_later_roster_says_does_not_make_a_release_known_later() -> None:
    recorded = oslo("2026-11-13 11:00")
    case = make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=[("confirmed", date(2026, 11, 13), oslo("2026-11-20 08:00"))],
    )

    gone = plan_of(released(case, oslo("2026-11-13 10:00"), recorded))

    assert gone.release == InForce(date(2026, 11, 13), None, recorded)


def test_a_release_without_the_moment_of_recording_is_a_fault() -> None:
    with pytest.raises(ValueError, match="recorded"):
        in_force((), OPENED, OPENED, None)


@pytest.mark.parametrize(
    ("known", "short"),
    [
        ("2026-12-26 12:00", False),
        ("2026-12-26 12:01", True),
        ("2026-12-28 13:00", True),
        ("2026-09-01 08:00", False),
    ],
)
def test_rule_10_short_notice_is_less_than_48_h_before_noon_of_r(known: str, short: bool) -> None:
    case = make_case("2026-09-01 06:00", dates=[("confirmed", date(2026, 12, 28), oslo(known))])

    assert short_notice(as_planned(case)) is short


def test_rule_10_without_a_date_there_is_no_short_notice() -> None:
    assert not short_notice(as_planned(dated(None)))


def test_rule_11_the_due_instant_itself_is_not_overdue() -> None:
    task = as_planned(dated(None)).task("intake_talk")
    assert task is not None
    due_at = oslo("2026-09-02 06:00")

    assert not is_overdue(task, due_at)
    assert is_overdue(task, due_at + timedelta(microseconds=1))
    assert not is_overdue(replace(task, state=TaskState.DONE), due_at + timedelta(days=1))
    assert not is_overdue(replace(task, due_at=None), due_at + timedelta(days=1))


def test_rule_12_due_times_are_15_on_the_wall_clock_before_and_after_the_clock_changes() -> None:
    case = dated(date(2026, 11, 2))

    assert due(case)["talk_held"] == datetime.fromisoformat("2026-10-26T15:00+01:00")
    assert due(case)["naloxone_training"] == datetime.fromisoformat("2026-10-01T15:00+02:00")


def test_new_years_eve_in_norway_is_the_day_that_counts() -> None:
    # 00:30 on 1 January in Norway is still 31 December in UTC.
    case = make_case("2027-01-01 00:30", dates=[("confirmed", date(2027, 4, 1), OPENED)])

    assert due(case)["brief_info"] == oslo("2027-01-08 15:00")
    # 90 days, not 91.
    assert due(case)["requests_sent"] == oslo("2027-03-04 15:00")


# --- participation ---------------------------------------------------------------------------


def answered(*answers: tuple[str, str, str], on: date | None = date(2026, 12, 28)) -> Case:
    """A case opened on 1 September with (answer, when it happened, when it was recorded)."""
    return make_case(
        "2026-09-01 06:00",
        "2026-09-01 08:00",
        dates=() if on is None else [("full_term", on, OPENED)],
        answers=[
            (status, oslo(happened), oslo(recorded)) for status, happened, recorded in answers
        ],
    )


def accepted_on(day: str) -> tuple[str, str, str]:
    return ("accepted", f"{day} 10:00", f"{day} 10:00")


def test_an_accepted_case_has_the_plan_of_an_unasked_one() -> None:
    assert plan_of(answered(accepted_on("2026-09-02"))) == plan_of(dated(date(2026, 12, 28)))


@pytest.mark.parametrize("status", ["declined", "withdrawn"])
def test_a_decline_cancels_every_step_but_the_intake_talk(status: str) -> None:
    case = answered((status, "2026-09-02 10:00", "2026-09-02 10:00"))

    assert [p.state for p in plan_of(case).tasks] == ["open"] * 2 + ["cancelled"] * 8
    assert all(p[2:] == (None, None, False, None) for p in plan_of(case).tasks[2:])


def test_not_now_prepares_everything_but_the_brief_information() -> None:
    case = answered(("not_now", "2026-09-02 10:00", "2026-09-02 10:00"))

    assert [p.state for p in plan_of(case).tasks] == ["open"] * 3 + ["prepared"] * 7
    assert due(case)["brief_info"] == oslo("2026-09-08 15:00")
    assert all(p[2:] == (None, None, False, None) for p in plan_of(case).tasks[3:])


def test_accepting_after_a_decline_counts_as_known_from_the_record_of_the_acceptance() -> None:
    case = answered(
        ("declined", "2026-09-02 10:00", "2026-09-02 10:00"),
        # Given on a Friday, typed in on Monday.
        ("accepted", "2026-10-16 10:00", "2026-10-19 09:00"),
    )
    recorded = oslo("2026-10-19 09:00")

    tasks = plan_of(case)

    assert tasks.task("brief_info")[1:5] == (
        TaskState.OPEN,
        oslo("2026-10-20 15:00"),
        recorded,
        True,
    )
    assert tasks.task("naloxone_training")[2:5] == (oslo("2026-10-20 15:00"), recorded, True)
    assert tasks.task("talk_booked")[2:5] == (oslo("2026-11-30 15:00"), recorded, False)
    assert tasks.task("handed_over")[2:5] == (oslo("2026-12-29 15:00"), recorded, False)
    # The intake talk was never closed.
    assert tasks.task("offer_answered").known_at == OPENED


def test_accepting_after_a_decline_without_a_release_date_is_due_on_the_next_working_day() -> None:
    case = answered(
        ("declined", "2026-09-02 10:00", "2026-09-02 10:00"),
        accepted_on("2026-10-16"),
        on=None,
    )

    # Friday 16 October: Monday.
    for code in ("brief_info", "naloxone_training"):
        assert plan_of(case).task(code)[2:5] == (
            oslo("2026-10-19 15:00"),
            oslo("2026-10-16 10:00"),
            True,
        )
    assert states(case)["talk_held"] == "prepared"


def test_a_brief_information_that_stayed_open_keeps_its_own_time() -> None:
    case = answered(("not_now", "2026-09-02 10:00", "2026-09-02 10:00"), accepted_on("2026-10-16"))

    assert plan_of(case).task("brief_info")[2:5] == (oslo("2026-09-08 15:00"), OPENED, False)
    assert plan_of(case).task("naloxone_training")[2:5] == (
        oslo("2026-10-19 15:00"),
        oslo("2026-10-16 10:00"),
        True,
    )


def test_not_now_after_a_decline_reopens_the_brief_information_and_acceptance_leaves_it() -> None:
    case = answered(
        ("declined", "2026-09-02 10:00", "2026-09-02 10:00"),
        ("not_now", "2026-09-14 10:00", "2026-09-14 10:00"),
        accepted_on("2026-10-16"),
    )

    assert plan_of(case).task("brief_info")[2:5] == (
        oslo("2026-09-15 15:00"),
        oslo("2026-09-14 10:00"),
        True,
    )


def test_accepting_twice_reopens_nothing() -> None:
    case = answered(accepted_on("2026-09-02"), accepted_on("2026-10-16"))

    assert plan_of(case) == plan_of(dated(date(2026, 12, 28)))


def test_a_release_date_that_comes_after_the_acceptance_is_known_since_its_own_moment() -> None:
    told = oslo("2026-10-26 09:00")
    case = replace(
        answered(("declined", "2026-09-02 10:00", "2026-09-02 10:00"), accepted_on("2026-10-16")),
        release_dates=make_case(
            OPENED, dates=[("confirmed", date(2026, 12, 28), told)]
        ).release_dates,
    )

    assert plan_of(case).task("talk_held").known_at == told


def test_an_undone_answer_does_not_exist() -> None:
    case = answered(("declined", "2026-09-02 10:00", "2026-09-02 10:00"), accepted_on("2026-10-16"))
    undone = replace(case, answers=(replace(case.answers[0], undone_at=OPENED), case.answers[1]))

    assert plan_of(undone) == plan_of(dated(date(2026, 12, 28)))


def test_the_latest_answer_is_the_one_given_last_not_the_one_typed_in_last() -> None:
    case = answered(
        ("declined", "2026-09-10 10:00", "2026-09-10 10:00"),
        ("accepted", "2026-09-09 10:00", "2026-09-11 10:00"),
    )

    assert states(case)["talk_held"] == "cancelled"
    assert participation_at(case.answers) is Participation.DECLINED
    assert participation_at(case.answers, oslo("2026-09-09 10:00")) is Participation.ACCEPTED
    assert participation_at(case.answers, oslo("2026-09-09 09:59")) is Participation.NOT_ASKED
    assert answer_in_force((), OPENED) is None


# --- release and closing ---------------------------------------------------------------------

GONE = oslo("2026-11-13 10:00")


@pytest.mark.parametrize("answers", [(), (accepted_on("2026-09-02"),)])
def test_a_release_makes_what_nobody_did_missed_and_leaves_the_rest_open(
    answers: tuple[tuple[str, str, str], ...],
) -> None:
    case = finished(as_planned(answered(*answers)), "brief_info", oslo("2026-09-03 10:00"))

    gone = plan_of(released(case, GONE))

    assert {p.code for p in gone.tasks if p.state is TaskState.MISSED} == set(BEFORE_RELEASE[1:])
    assert gone.task("brief_info").state is TaskState.DONE
    assert {p.code for p in gone.tasks if p.state is TaskState.OPEN} == {
        "intake_talk",
        "offer_answered",
        "handed_over",
    }
    assert all(p.settled_at == GONE for p in gone.tasks if p.state is TaskState.MISSED)


def test_a_prepared_task_is_dated_by_the_actual_release_and_then_missed() -> None:
    case = as_planned(dated(None))
    recorded = oslo("2026-11-13 10:30")

    gone = plan_of(released(case, GONE, recorded))

    # 10:30 to 12:00: the midpoint.
    assert gone.task("talk_held")[1:] == (
        TaskState.MISSED,
        oslo("2026-11-13 11:15"),
        recorded,
        True,
        GONE,
    )
    # Dated by T0 + 30 d already: kept.
    assert gone.task("naloxone_training").due_at == oslo("2026-10-01 15:00")


def test_a_missed_task_keeps_its_due_time_when_it_is_planned_again() -> None:
    gone = as_planned(released(as_planned(dated(None)), GONE, oslo("2026-11-13 10:30")))
    corrected = replace(gone, released_at=oslo("2026-11-12 10:00"))

    assert plan_of(corrected).task("talk_held").due_at == gone.tasks[5].due_at
    assert plan_of(gone) == plan_of(replace(gone, tasks=gone.tasks))


def test_at_a_release_not_now_cancels_all_but_the_brief_information() -> None:
    case = as_planned(answered(("not_now", "2026-09-02 10:00", "2026-09-02 10:00")))

    gone = plan_of(released(case, GONE))

    assert gone.task("brief_info")[1:3] == (TaskState.MISSED, oslo("2026-09-08 15:00"))
    for code in BEFORE_RELEASE[1:]:
        assert gone.task(code)[1:] == (TaskState.CANCELLED, None, None, False, None)
    assert gone.task("handed_over").state is TaskState.PREPARED


def test_at_a_release_a_declined_case_misses_nothing() -> None:
    case = as_planned(answered(("declined", "2026-09-02 10:00", "2026-09-02 10:00")))

    gone = plan_of(released(case, GONE))

    assert {p.state for p in gone.tasks[2:]} == {TaskState.CANCELLED}
    assert {p.state for p in gone.tasks[:2]} == {TaskState.OPEN}


def test_what_counts_at_a_release_is_the_answer_in_force_at_that_instant() -> None:
    case = as_planned(
        answered(
            accepted_on("2026-09-02"),
            ("withdrawn", "2026-11-13 10:01", "2026-11-13 12:00"),
        )
    )

    gone = plan_of(released(case, GONE))
    gone_later = plan_of(released(case, GONE + timedelta(minutes=1)))

    assert gone.task("talk_held").state is TaskState.MISSED
    assert gone.task("handed_over").state is TaskState.CANCELLED
    assert gone_later.task("talk_held").state is TaskState.CANCELLED


def test_closing_cancels_what_is_open_or_prepared_and_keeps_its_due_time() -> None:
    closed_at = oslo("2026-10-01 12:00")
    case = replace(
        as_planned(dated(None)),
        phase=Phase.CLOSED,
        closed_at=closed_at,
        close_reason=CloseReason.DIED,
    )

    planned = plan_of(case)

    assert {p.state for p in planned.tasks} == {TaskState.CANCELLED}
    assert {p.settled_at for p in planned.tasks} == {closed_at}
    assert planned.task("brief_info").due_at == oslo("2026-09-08 15:00")
    assert planned.task("talk_held").due_at is None


def test_closing_leaves_missed_done_waived_and_declined_as_they_are() -> None:
    closed_at = oslo("2026-12-26 00:00")
    gone = as_planned(released(as_planned(answered(accepted_on("2026-09-02"))), GONE))
    done = finished(gone, "intake_talk", oslo("2026-09-01 12:00"))
    waived = done.with_task(
        replace(
            done.tasks[1],
            state=TaskState.WAIVED,
            reason=WaiveReason.ABSENT,
            done_at=oslo("2026-09-02 12:00"),
        )
    )

    planned = plan_of(replace(waived, phase=Phase.CLOSED, closed_at=closed_at))

    assert [p.state for p in planned.tasks] == ["done", "waived"] + ["missed"] * 7 + ["cancelled"]
    assert planned.task("handed_over").settled_at == closed_at
    assert planned.task("handed_over").due_at == oslo("2026-11-16 15:00")
    assert planned.task("talk_held").settled_at == GONE
    assert planned.task("offer_answered").settled_at == oslo("2026-09-02 12:00")

    declined = replace(
        answered(("declined", "2026-09-02 10:00", "2026-09-02 10:00")), closed_at=closed_at
    )
    assert plan_of(declined).task("talk_held").settled_at is None
    assert plan_of(declined).task("intake_talk").settled_at == closed_at


def test_a_done_task_keeps_what_was_stored_even_when_it_was_never_dated() -> None:
    case = finished(as_planned(dated(None)), "talk_held", oslo("2026-09-03 10:00"))
    withdate = replace(case, release_dates=dated(date(2026, 12, 28)).release_dates)

    assert plan_of(withdate).task("talk_held")[1:] == (
        TaskState.DONE,
        None,
        None,
        False,
        oslo("2026-09-03 10:00"),
    )


def test_the_plan_does_not_ask_what_time_it_is() -> None:
    case = dated(date(2026, 12, 28))

    assert plan(case, PACKAGE, oslo("2024-01-01 00:00")) == plan(
        case, PACKAGE, oslo("2032-01-01 00:00")
    )


def test_the_plan_has_no_task_that_the_package_lacks() -> None:
    with pytest.raises(KeyError):
        plan_of(dated(None)).task("room_cleared")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("open", "cancelled"),
        ("prepared", "cancelled"),
        ("done", "done"),
        ("waived", "waived"),
        ("missed", "missed"),
    ],
)
def test_a_task_that_a_rebase_leaves_behind_no_longer_applies_unless_it_is_history(
    was: str, becomes: str
) -> None:
    task = next(t for t in as_planned(dated(date(2026, 12, 28))).tasks if t.code == "talk_held")
    left = left_over(replace(task, state=TaskState(was)))

    kept = was == becomes
    assert (left.code, left.state) == ("talk_held", TaskState(becomes))
    assert (left.due_at, left.known_at) == ((task.due_at, task.known_at) if kept else (None, None))


# --- standing --------------------------------------------------------------------------------


def tasks_in(*found: str) -> tuple[Task, ...]:
    tasks = as_planned(dated(date(2026, 12, 28))).tasks
    return tuple(
        replace(task, state=TaskState(state)) for task, state in zip(tasks, found, strict=False)
    )


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        (("missed", "open"), "2027-06-01 00:00", StepState.MISSED),
        (("done", "open"), "2026-09-04 15:01", StepState.OVERDUE),
        (("done", "open"), "2026-09-04 15:00", StepState.OPEN),
        (("prepared", "open"), "2026-09-01 09:00", StepState.OPEN),
        (("prepared", "done"), "2026-09-01 09:00", StepState.PREPARED),
        (("prepared", "cancelled"), "2026-09-01 09:00", StepState.PREPARED),
        (("cancelled", "cancelled"), "2026-09-01 09:00", StepState.CANCELLED),
        (("cancelled", "done"), "2026-09-01 09:00", StepState.DONE),
        (("waived", "done"), "2026-09-01 09:00", StepState.DONE),
    ],
)
def test_a_step_is_what_matches_first(
    found: tuple[str, ...], now: str, expected: StepState
) -> None:
    assert step_state(tasks_in(*found), oslo(now)) is expected


def test_a_step_is_due_when_its_earliest_open_task_is() -> None:
    assert step_due(tasks_in("done", "open", "open")) == oslo("2026-09-04 15:00")
    assert step_due(tasks_in("open", "open", "open")) == oslo("2026-09-02 06:00")
    assert step_due(tasks_in("done", "waived")) is None


def test_a_missed_task_is_a_deviation_and_stays_one_when_corrected() -> None:
    recorded = oslo("2026-11-13 10:30")
    gone = as_planned(released(as_planned(dated(date(2026, 12, 28))), GONE, recorded))

    assert {d.task for d in deviations(gone)} == set(BEFORE_RELEASE)
    corrected = finished(gone, "talk_held", oslo("2026-11-13 09:00"))
    found = {d.task: d for d in deviations(corrected)}
    assert found["talk_held"] == Deviation(
        "talk_held", gone.tasks[5].step, recorded, corrected=True
    )
    assert not found["talk_booked"].corrected
    in_time = finished(as_planned(dated(None)), "brief_info", oslo("2026-09-03 10:00"))
    assert deviations(in_time) == ()


def test_the_follow_up_ends_at_local_midnight_after_42_days() -> None:
    # 13 September + 42 d = 25 October, the night with 25 hours: it ends in winter time.
    assert follow_up_ends_at(oslo("2026-09-13 23:30")) == oslo("2026-10-26 00:00")
    assert follow_up_ends_at(oslo("2026-09-14 00:10")) == oslo("2026-10-27 00:00")

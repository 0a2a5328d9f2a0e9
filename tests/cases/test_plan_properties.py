"""What holds for the plan of any case, 2024–2032."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cases import plan as plan_module
from cases.calendar import add_working_days, is_working_day, local_date, release_instant
from cases.model import (
    Case,
    Participation,
    ReleaseDate,
    ReleaseKind,
    Source,
    Step,
    TaskClass,
    TaskState,
)
from cases.plan import Plan, Planned, plan
from core.clock import OSLO
from tests.cases.strategies import (
    INSTANTS,
    PACKAGE,
    as_planned,
    cases,
    finished,
    plan_of,
    released,
)


class Dated(NamedTuple):
    """A release date in force without its kind."""

    on: date | None
    known_at: datetime | None


def in_force(made: Plan) -> Dated:
    return Dated(
        made.release.on if made.release else None, made.release.known_at if made.release else None
    )


def of_class(made: Plan, klass: TaskClass) -> list[Planned]:
    return [p for r, p in zip(PACKAGE.tasks, made.tasks, strict=True) if r.klass is klass]


def with_date(case: Case, kind: ReleaseKind, on: date | None, recorded_at: datetime) -> Case:
    seq = max((record.seq for record in case.release_dates), default=0) + 1
    record = ReleaseDate(seq, kind, on, Source.STAFF, recorded_at, "coordinator")
    return replace(case, release_dates=(*case.release_dates, record))


@given(cases())
@settings(max_examples=400)
def test_before_release_due_times_are_on_working_days_at_15_before_the_release(case: Case) -> None:
    made = plan_of(case)
    for planned in of_class(made, TaskClass.BEFORE_RELEASE):
        if planned.due_at is None or planned.hurried:
            continue
        there = planned.due_at.astimezone(OSLO)
        assert is_working_day(there.date())
        assert there.time() == time(15)
        if made.release is not None:
            assert there.date() <= add_working_days(made.release.on, -1)


@given(cases(dated=True))
@settings(max_examples=400)
def test_a_hurried_due_time_is_after_it_was_known_and_leaves_the_person_time(case: Case) -> None:
    made = plan_of(case)
    assert made.release is not None
    noon = release_instant(made.release.on)
    for planned in made.tasks:
        if not planned.hurried:
            continue
        assert planned.due_at is not None
        assert planned.known_at is not None
        assert made.release.on >= local_date(planned.known_at)
        if planned.known_at >= noon:
            assert planned.due_at == planned.known_at + timedelta(hours=1)
        else:
            assert planned.known_at < planned.due_at < noon
            assert planned.due_at - planned.known_at <= noon - planned.due_at
            there = planned.due_at.astimezone(OSLO)
            if noon - planned.due_at > planned.due_at - planned.known_at:
                assert there.time() == time(15)
                assert is_working_day(there.date())
                assert there.date() == add_working_days(local_date(planned.known_at), 1)


@given(cases())
def test_a_due_time_not_after_it_was_known_is_hurried_unless_the_release_has_passed(
    case: Case,
) -> None:
    made = plan_of(case)
    for planned in of_class(made, TaskClass.BEFORE_RELEASE):
        if planned.due_at is None or planned.known_at is None or planned.hurried:
            continue
        if planned.due_at <= planned.known_at:
            assert made.release is not None
            assert made.release.on < local_date(planned.known_at)


@given(cases())
def test_an_open_task_has_a_due_time_and_nothing_else_that_nobody_finished_has(case: Case) -> None:
    for planned in plan_of(case).tasks:
        if planned.state is TaskState.OPEN:
            assert planned.due_at is not None
            assert planned.known_at is not None
            assert planned.known_at >= case.opened_at
        else:
            assert planned.state in (TaskState.PREPARED, TaskState.CANCELLED)
            assert planned[2:] == (None, None, False, None)


@given(cases(), st.integers(0, 9))
def test_completing_a_task_never_moves_the_due_time_of_another(case: Case, index: int) -> None:
    stored = as_planned(case)
    code = stored.tasks[index].code

    after = plan_of(finished(stored, code, stored.opened_at))

    before = plan_of(stored)
    assert [p for p in after.tasks if p.code != code] == [p for p in before.tasks if p.code != code]
    assert after.task(code).due_at == before.task(code).due_at


@given(
    cases(dated=True),
    st.integers(-60, 200),
    st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    st.booleans(),
)
def test_moving_the_release_date_there_and_back_gives_the_first_plan(
    case: Case, days: int, later: timedelta, in_its_own_kind: bool
) -> None:
    first = plan_of(case)
    assert first.release is not None
    assume(days != 0)
    recorded = max(record.recorded_at for record in case.release_dates) + later
    kind = first.release.kind
    assert kind is not None
    there, back = (kind, first.release.on) if in_its_own_kind else (ReleaseKind.CONFIRMED, None)
    if kind is ReleaseKind.CONFIRMED:
        back = first.release.on

    moved = with_date(as_planned(case), there, first.release.on + timedelta(days), recorded)
    stored = as_planned(moved)
    returned = with_date(stored, there, back, recorded + later)

    assert in_force(plan_of(moved)).on == first.release.on + timedelta(days)
    assert in_force(plan_of(returned)) == in_force(first)
    assert plan_of(returned).tasks == first.tasks


@given(cases(dated=True), st.sampled_from(list(ReleaseKind)))
def test_the_same_date_recorded_again_in_any_kind_changes_nothing(
    case: Case, kind: ReleaseKind
) -> None:
    first = plan_of(case)
    assert first.release is not None
    recorded = max(record.recorded_at for record in case.release_dates) + timedelta(days=1)

    again = plan_of(with_date(case, kind, first.release.on, recorded))

    assert in_force(again) == in_force(first)
    assert again.tasks == first.tasks


@given(cases(), INSTANTS, INSTANTS)
def test_a_plan_is_a_function_of_the_case(case: Case, one: datetime, other: datetime) -> None:
    first = plan(case, PACKAGE, one)
    plan_module._due_times.cache_clear()

    assert plan(case, PACKAGE, other) == first
    assert plan(replace(case, tasks=tuple(reversed(as_planned(case).tasks))), PACKAGE, one) == first


@given(
    cases(),
    st.timedeltas(timedelta(0), timedelta(days=300)),
    st.timedeltas(timedelta(0), timedelta(days=60)),
)
def test_planning_what_was_planned_changes_nothing(
    case: Case, stay: timedelta, wait: timedelta
) -> None:
    at = case.opened_at + stay
    gone = as_planned(released(as_planned(case), at, at + wait / 10))
    closed = as_planned(replace(gone, closed_at=at + wait))

    assert as_planned(as_planned(case)) == as_planned(case)
    assert as_planned(gone) == gone
    assert as_planned(closed) == closed


@given(cases(), st.timedeltas(timedelta(0), timedelta(days=300)))
def test_a_release_ends_every_before_release_task_and_closing_ends_the_rest(
    case: Case, stay: timedelta
) -> None:
    at = case.opened_at + stay
    gone = plan_of(released(as_planned(case), at))

    for planned in of_class(gone, TaskClass.BEFORE_RELEASE):
        assert planned.state in (TaskState.MISSED, TaskState.CANCELLED)
        assert (planned.state is TaskState.MISSED) == (planned.settled_at == at)
        assert (planned.state is TaskState.MISSED) == (planned.due_at is not None)
    for rule, planned in zip(PACKAGE.tasks, gone.tasks, strict=True):
        if rule.step is Step.INTAKE_TALK:
            assert planned.state is TaskState.OPEN

    closed = plan_of(replace(released(as_planned(case), at), closed_at=at))
    assert {p.state for p in closed.tasks} <= {TaskState.MISSED, TaskState.CANCELLED}
    assert [p.due_at for p in closed.tasks] == [p.due_at for p in gone.tasks]


@given(cases())
def test_intake_talk_is_for_all_whatever_the_answers(case: Case) -> None:
    unasked = replace(case, answers=(), participation=Participation.NOT_ASKED)

    assert plan_of(case).tasks[:2] == plan_of(unasked).tasks[:2]

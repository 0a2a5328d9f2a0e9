"""Which cases are shown when, and by whom, and that nothing of a person is; on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from cases import release, showing, sweep
from cases.access import OPERATOR
from cases.model import Case, Step, StepState
from cases.showing import ToShow
from cases.sweep import SweepResult
from cases.tables import shown
from tests.cases.desk import (
    OPENED,
    Desk,
    complete,
    make_case,
    make_many,
    notices,
    oslo,
    sweep_at,
)
from tests.steps import steps_of

SOON = OPENED + timedelta(minutes=1)
LATER = OPENED + timedelta(hours=1)
KEPT = timedelta(days=6)
BEFORE = 0


def changed(desk: Desk, *, floor: int = BEFORE) -> list[ToShow]:
    with desk.db.read() as tx:
        return showing.changed(tx, floor=floor, now=LATER, most=100)


def behind(desk: Desk) -> list[ToShow]:
    with desk.db.read() as tx:
        return showing.behind(tx, now=LATER, most=100)


def claim(desk: Desk, case: ToShow, worker: str, after: timedelta = timedelta(0)) -> bool:
    return desk.db.transact(lambda tx: showing.claim(tx, case, worker, now=LATER + after))


def done(desk: Desk, case: ToShow, worker: str) -> None:
    desk.db.transact(lambda tx: showing.done(tx, case, worker, now=LATER))


def of(desk: Desk, case: Case) -> ToShow:
    with desk.db.read() as tx:
        found = showing.to_show(tx, case.ref)
    assert found is not None
    return found


def test_a_case_just_opened_waits_for_the_trickle_and_a_changed_one_does_not(
    own_desk: Desk,
) -> None:
    opened, worked_on = make_many(own_desk, 2)
    complete(own_desk, worked_on, "intake_talk", now=SOON)

    assert [each.ref for each in changed(own_desk)] == [worked_on.ref]
    assert {each.ref for each in behind(own_desk)} == {opened.ref, worked_on.ref}


def test_the_newest_change_is_shown_first_and_each_change_once(own_desk: Desk) -> None:
    first, second = make_many(own_desk, 2)
    complete(own_desk, first, "intake_talk", now=SOON)
    complete(own_desk, second, "intake_talk", now=SOON + timedelta(minutes=1))

    assert [each.ref for each in changed(own_desk)] == [second.ref, first.ref]
    for each in changed(own_desk):
        assert claim(own_desk, each, "worker-a")
        done(own_desk, each, "worker-a")
    assert changed(own_desk) == []
    complete(own_desk, first, "brief_info", now=SOON + timedelta(minutes=2))
    assert [each.run_name for each in changed(own_desk)] == [f"case-{first.ref}-v3"]


def test_two_workers_never_show_the_same_change(own_desk: Desk) -> None:
    case = of(own_desk, make_case(own_desk))

    assert claim(own_desk, case, "worker-a")
    assert not claim(own_desk, case, "worker-b")
    assert behind(own_desk) == []
    assert not claim(own_desk, case, "worker-b", timedelta(minutes=4))


def test_a_change_that_another_worker_has_shown_meanwhile_is_not_shown_twice(
    own_desk: Desk,
) -> None:
    found_by_both = of(own_desk, make_case(own_desk))
    assert claim(own_desk, found_by_both, "worker-a")
    done(own_desk, found_by_both, "worker-a")

    assert not claim(own_desk, found_by_both, "worker-b", timedelta(minutes=6))


def test_what_a_dead_worker_was_showing_is_shown_by_another(own_desk: Desk) -> None:
    case = of(own_desk, make_case(own_desk))
    assert claim(own_desk, case, "worker-a")

    assert claim(own_desk, case, "worker-b", timedelta(minutes=6))
    own_desk.db.transact(lambda tx: showing.forget_worker(tx, "worker-b"))
    assert [each.ref for each in behind(own_desk)] == [case.ref]
    assert claim(own_desk, of_again(own_desk, case), "worker-c", timedelta(minutes=7))


def of_again(desk: Desk, case: ToShow) -> ToShow:
    with desk.db.read() as tx:
        found = showing.to_show(tx, case.ref)
    assert found is not None
    return found


def test_a_run_that_could_not_be_made_leaves_the_case_to_be_shown(own_desk: Desk) -> None:
    case = of(own_desk, make_case(own_desk))
    assert claim(own_desk, case, "worker-a")

    own_desk.db.transact(lambda tx: showing.give_back(tx, case, "worker-a"))

    assert [each.ref for each in behind(own_desk)] == [case.ref]


def test_what_fades_is_looked_for_among_open_cases_alone(own_desk: Desk) -> None:
    def closed(cases: int) -> int:
        for case in make_many(own_desk, cases) if cases else ():
            own_desk.do(release.release, OPERATOR, case.ref, now=LATER)
        with own_desk.db.read() as tx:
            return steps_of(tx, lambda: showing.fading(tx, now=LATER, kept=KEPT, most=10))

    few, many = closed(0), closed(30)

    assert many < 1.5 * few


def test_a_run_that_prefect_is_about_to_forget_is_made_again(own_desk: Desk) -> None:
    case = of(own_desk, make_case(own_desk))
    claim(own_desk, case, "worker-a")
    done(own_desk, case, "worker-a")

    def fading(after: timedelta) -> list[ToShow]:
        with own_desk.db.read() as tx:
            return showing.fading(tx, now=LATER + after, kept=KEPT, most=10)

    assert fading(timedelta(hours=1)) == []
    late = timedelta(days=6, hours=1)
    assert [each.ref for each in fading(late)] == [case.ref]
    assert claim(own_desk, of_again(own_desk, case), "worker-b", late)


def test_a_task_that_became_overdue_is_shown_although_nothing_changed(own_desk: Desk) -> None:
    case = of(own_desk, make_case(own_desk))
    claim(own_desk, case, "worker-a")
    done(own_desk, case, "worker-a")
    due = oslo("2026-09-02 06:00")

    with own_desk.db.read() as tx:
        assert showing.fading(tx, now=due, kept=KEPT, most=10) == []
        late = showing.fading(tx, now=due + timedelta(seconds=1), kept=KEPT, most=10)
    assert [each.ref for each in late] == [case.ref]


def test_a_step_advanced_by_itself_tells_its_rungs_once_and_no_other_steps(
    own_desk: Desk,
) -> None:
    case = make_case(own_desk)
    now = oslo("2026-09-08 16:00")

    def advance(step: Step) -> SweepResult:
        return sweep.advance_step(own_desk.db, case.ref, step, now=now)

    assert advance(Step.INTAKE_TALK).notices == 2
    assert {about for about, _, _ in notices(own_desk, case)} == {"intake_talk", "offer_answered"}
    assert advance(Step.INTAKE_TALK) == SweepResult()
    before = notices(own_desk, case)
    sweep_at(own_desk, now)
    told_by_the_sweep = [each for each in notices(own_desk, case) if each not in before]
    assert {about for about, _, _ in told_by_the_sweep} == {"brief_info"}


def test_whether_a_step_has_something_due_is_asked_without_writing(own_desk: Desk) -> None:
    case = make_case(own_desk)

    with own_desk.db.read() as tx:
        soon = sweep.step_is_due(tx, case.ref, Step.INTAKE_TALK, now=OPENED)
        later = sweep.step_is_due(tx, case.ref, Step.INTAKE_TALK, now=oslo("2026-09-02 07:00"))
        assert (soon, later) == (False, True)
        assert not sweep.is_due(tx, now=OPENED)
        assert sweep.is_due(tx, now=oslo("2026-09-02 07:00"))


def test_a_table_of_a_case_names_codes_states_and_times_only(own_desk: Desk) -> None:
    case = make_case(own_desk)
    steps = [showing.step_of(case, step, now=oslo("2026-09-02 07:00")) for step in Step]

    table = showing.table_of(case.ref, steps, page="http://127.0.0.1:8000/cases/x")

    assert steps[0].state is StepState.OVERDUE
    assert "| | `intake_talk` | overdue | 2026-09-02 06:00 |" in table.splitlines()
    assert case.person not in table
    with own_desk.db.read() as tx:
        assert tx.execute(select(shown)).first() is None, "looking claims nothing"

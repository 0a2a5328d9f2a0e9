"""Open cases moved to the version their unit works by now: what is shown is what is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from sqlalchemy import Connection, select

from cases import history, queries, service, sessions, transfers
from cases.access import OPERATOR, Viewer
from cases.attendance import hold
from cases.model import Case, Phase, Role, Task, TaskState
from cases.overlay_reading import load_any
from cases.package import Package, national
from cases.package_moves import TaskMove, fingerprint, move_of, rebased
from cases.package_saving import put_in_force, save_overlay
from cases.rebase import SessionBeingEntered, preview_rebase, rebase, units_to_rebase
from cases.registry import package_named
from cases.release import release
from cases.replan import replan
from cases.rules import TaskNotOpen
from cases.service import TaskDone
from cases.shape import fold, in_order, without_machinery
from cases.sweep import sweep
from cases.tables import access_log, case_event, notice, package_version
from cases.views import read_case
from core.db import Database
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from tests.cases import strategies
from tests.cases.undone import ENGINES, furnished, undone
from tests.installation import installation
from tests.people import COORDINATOR, NURSE, at, complete, make_case, make_units

DATA = Path(__file__).parent.parent / "data"
FIRST = (DATA / "overlay-a-1.toml").read_text("utf-8")
SECOND = (DATA / "overlay-a-2.toml").read_text("utf-8")
ADMIN = Viewer("admin", Role.ADMIN)
LEAD = Viewer("lead", Role.UNIT_LEAD, frozenset({"A"}))
NOW = at("2026-10-01 08:00")
RELEASE_ON = date(2026, 12, 28)


def parents(key: str) -> Package | None:
    return national() if key == "national-1" else None


PACKAGE_1 = load_any(FIRST, parents)
PACKAGE_2 = load_any(SECOND, parents)


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(database_url, tmp_path) as db:
        with db.write() as tx:
            make_units(tx)
        yield db


@pytest.fixture(scope="module", params=ENGINES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    yield from furnished(request, tmp_path_factory)


@pytest.fixture
def tx(shared: Database) -> Iterator[Connection]:
    with undone(shared) as tx:
        yield tx


def in_force(tx: Connection, text: str = FIRST, when: str = "2026-10-01 08:00") -> None:
    save_overlay(tx, ADMIN, "A", text, now=at(when))


def stored(tx: Connection, case: Case) -> Case:
    return queries.case_by_ref(tx, OPERATOR, case.ref)


def task(case: Case, code: str) -> Task:
    found = case.task(code)
    assert found is not None
    return found


def states(case: Case) -> dict[str, TaskState]:
    return {each.code: each.state for each in case.tasks}


# --- what becomes of a case ----------------------------------------------------------------------


def test_a_rebase_shows_every_changed_due_time_and_does_exactly_that(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted", done={"intake_talk"})
    in_force(tx)

    shown = preview_rebase(tx, LEAD, "A", now=NOW)
    assert stored(tx, case) == case, "a preview changes nothing"
    done = rebase(tx, LEAD, "A", now=NOW, seen=fingerprint(shown))

    assert done == shown
    (move,) = done
    assert (move.ref, move.from_package, move.to_package) == (
        case.ref,
        "national-1",
        "national-1+a-1",
    )
    assert {
        each.task: (each.due_before, each.due_after, each.state_before, each.state_after)
        for each in move.tasks
    } == {
        "talk_held": (
            at("2026-12-21 15:00"),
            at("2026-12-18 15:00"),
            TaskState.OPEN,
            TaskState.OPEN,
        ),
        "talk_booked": (
            at("2026-11-30 15:00"),
            at("2026-12-07 15:00"),
            TaskState.OPEN,
            TaskState.OPEN,
        ),
        "risk_reviewed": (None, at("2026-09-22 15:00"), None, TaskState.OPEN),
        "room_cleared": (None, at("2026-12-30 15:00"), None, TaskState.OPEN),
    }
    after = stored(tx, case)
    assert after.package == "national-1+a-1"
    for each in move.tasks:
        assert task(after, each.task).due_at == each.due_after
        assert task(after, each.task).state is each.state_after
    untouched = {each.task for each in move.tasks}
    for each_task in case.tasks:
        if each_task.code not in untouched:
            now_there = task(after, each_task.code)
            assert (now_there.state, now_there.due_at) == (each_task.state, each_task.due_at)


def test_a_new_due_time_that_has_passed_is_said_to_be_overdue_at_once(tx: Connection) -> None:
    make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx)

    (move,) = preview_rebase(tx, LEAD, "A", now=NOW)

    assert {each.task for each in move.tasks if each.overdue_at_once(NOW)} == {"risk_reviewed"}
    earlier = at("2026-09-22 15:00")
    assert not any(each.overdue_at_once(earlier) for each in move.tasks), "due is not overdue"


def test_done_tasks_stay_done_by_their_code(tx: Connection) -> None:
    case = make_case(
        tx,
        release_on=RELEASE_ON,
        answer="accepted",
        done={"talk_held": "2026-09-05 10:00", "talk_booked": "2026-09-04 10:00"},
    )
    in_force(tx)

    rebase(tx, LEAD, "A", now=NOW)

    for code in ("talk_held", "talk_booked"):
        before, after = task(case, code), task(stored(tx, case), code)
        assert (after.state, after.done_at, after.done_by, after.due_at) == (
            before.state,
            before.done_at,
            before.done_by,
            before.due_at,
        )


def test_a_task_that_is_gone_is_cancelled_and_kept_and_what_was_done_stays(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    other = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    other = complete(tx, other, "room_cleared", at("2026-09-20 10:00"))
    in_force(tx, SECOND)

    moves = {move.ref: move for move in rebase(tx, LEAD, "A", now=NOW)}

    gone = task(stored(tx, case), "room_cleared")
    assert (gone.state, gone.due_at, gone.required) == (TaskState.CANCELLED, None, False)
    assert task(stored(tx, other), "room_cleared").state is TaskState.DONE
    assert "room_cleared" in {each.task for each in moves[case.ref].tasks}
    assert "room_cleared" not in {each.task for each in moves[other.ref].tasks}
    view = read_case(tx, OPERATOR, case.ref, now=NOW)
    shown = {t["task"]: t["state"] for step in view["steps"] for t in step["tasks"]}
    assert shown["room_cleared"] == "cancelled"


def test_what_is_cancelled_by_a_rebase_can_be_neither_done_nor_waived(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx, SECOND)
    rebase(tx, LEAD, "A", now=NOW)

    with pytest.raises(TaskNotOpen, match=r"follows national-1\+a-2 now, which does not have it"):
        service.complete_task(tx, OPERATOR, case.ref, TaskDone("room_cleared"), now=NOW)
    with pytest.raises(TaskNotOpen):
        service.waive_task(tx, OPERATOR, case.ref, "room_cleared", "absent", now=NOW)


def test_taking_back_what_was_done_of_a_task_that_is_gone_cancels_it(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    case = complete(tx, case, "room_cleared", at("2026-09-20 10:00"))
    in_force(tx, SECOND)
    rebase(tx, LEAD, "A", now=NOW)

    after = service.undo_task(tx, OPERATOR, case.ref, "room_cleared", "wrong_task", now=NOW)

    assert task(after, "room_cleared").state is TaskState.CANCELLED


def test_a_case_goes_on_as_usual_after_a_rebase_and_misses_nothing_that_is_gone(
    tx: Connection,
) -> None:
    in_force(tx, when="2026-09-01 07:00")
    gone = FIRST.replace("risk_reviewed", "own_review").replace('"a-1"', '"a-2"')
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx, gone.replace("number = 1", "number = 2"))
    rebase(tx, LEAD, "A", now=NOW)

    after = release(tx, OPERATOR, case.ref, now=at("2026-12-28 12:00"))

    assert states(after)["risk_reviewed"] is TaskState.CANCELLED
    assert states(after)["own_review"] is TaskState.MISSED
    assert states(after)["talk_held"] is TaskState.MISSED


def test_declined_and_unasked_cases_are_planned_by_the_new_version_too(tx: Connection) -> None:
    declined = make_case(tx, release_on=RELEASE_ON, answer="declined")
    remand = make_case(tx)
    in_force(tx)

    rebase(tx, LEAD, "A", now=NOW)

    assert states(stored(tx, declined))["risk_reviewed"] is TaskState.CANCELLED
    assert states(stored(tx, remand))["room_cleared"] is TaskState.PREPARED
    assert task(stored(tx, remand), "risk_reviewed").due_at == at("2026-09-22 15:00")


# --- released cases ------------------------------------------------------------------------------


def test_what_a_release_has_settled_is_history(tx: Connection) -> None:
    case = make_case(
        tx,
        release_on=date(2026, 9, 29),
        answer="accepted",
        done={"brief_info": "2026-09-03 10:00"},
        released="2026-09-29 12:00",
    )
    assert case.phase is Phase.FOLLOW_UP
    in_force(tx)

    (move,) = rebase(tx, LEAD, "A", now=NOW)

    after = stored(tx, case)
    assert {each.task for each in move.tasks} == {"room_cleared"}
    assert after.task("risk_reviewed") is None, "nobody owed it before the release"
    for code in ("talk_held", "talk_booked", "brief_info"):
        before, there = task(case, code), task(after, code)
        assert (there.state, there.due_at, there.required, there.klass, there.missed_at) == (
            before.state,
            before.due_at,
            before.required,
            before.klass,
            before.missed_at,
        )


def test_a_missed_task_that_is_gone_stays_a_deviation_and_is_announced(
    db: Database,
) -> None:
    with db.write() as tx:
        in_force(tx, when="2026-09-01 07:00")
        case = make_case(
            tx,
            release_on=date(2026, 9, 29),
            answer="accepted",
            released="2026-09-29 12:00",
        )
        put_in_force(tx, ADMIN, "A", "national-1", now=NOW)
        rebase(tx, LEAD, "A", now=NOW)
        after = stored(tx, case)
    assert states(after)["risk_reviewed"] is TaskState.MISSED
    assert task(after, "risk_reviewed").required

    sweep(db, now=NOW)

    with db.read() as tx:
        told = tx.execute(select(notice.c.task).where(notice.c.rung == "missed")).scalars().all()
        view = read_case_without_log(tx, case)
    assert "risk_reviewed" in told
    assert view["risk_reviewed"] is TaskState.MISSED


def read_case_without_log(tx: Connection, case: Case) -> dict[str, TaskState]:
    return states(stored(tx, case))


def test_a_missed_task_that_is_gone_can_still_be_put_right(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(
        tx, release_on=date(2026, 9, 29), answer="accepted", released="2026-09-29 12:00"
    )
    put_in_force(tx, ADMIN, "A", "national-1", now=NOW)
    rebase(tx, LEAD, "A", now=NOW)

    done = TaskDone("risk_reviewed", at("2026-09-20 10:00"))
    after = service.complete_task(tx, NURSE, case.ref, done, now=NOW)

    assert states(after)["risk_reviewed"] is TaskState.DONE


def test_a_released_case_that_would_owe_more_from_before_stays_where_it_is(
    tx: Connection,
) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=date(2026, 10, 20), answer="accepted")
    put_in_force(tx, ADMIN, "A", "national-1", now=at("2026-09-02 08:00"))
    rebase(tx, LEAD, "A", now=at("2026-09-02 08:00"))
    assert states(stored(tx, case))["risk_reviewed"] is TaskState.CANCELLED
    release(tx, OPERATOR, case.ref, now=at("2026-10-20 12:00"))
    later = at("2026-10-21 08:00")
    put_in_force(tx, ADMIN, "A", "national-1+a-1", now=later)

    assert preview_rebase(tx, LEAD, "A", now=later) == []
    assert rebase(tx, LEAD, "A", now=later) == []
    assert stored(tx, case).package == "national-1"


def test_closed_cases_keep_their_version_for_ever(tx: Connection) -> None:
    case = make_case(
        tx, release_on=date(2026, 9, 29), answer="declined", released="2026-09-29 12:00"
    )
    assert case.phase is Phase.CLOSED
    in_force(tx)

    assert rebase(tx, LEAD, "A", now=NOW) == []
    assert stored(tx, case).package == "national-1"


# --- what is written -----------------------------------------------------------------------------


def test_a_rebase_is_one_event_that_folds_to_what_is_stored(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx, SECOND)
    rebase(tx, LEAD, "A", now=NOW)

    events = history.events_of_many(tx, [case.ref])[case.ref]
    folded: Case | None = None
    for each in events:
        folded = fold(folded, each.payload, seq=each.seq)
    assert folded is not None
    assert without_machinery(folded) == without_machinery(in_order(stored(tx, case)))
    last = tx.execute(
        select(case_event.c.verb, case_event.c.actor, case_event.c.happened_at)
        .where(case_event.c.case_ref == case.ref)
        .order_by(case_event.c.seq.desc())
    ).first()
    assert last is not None
    assert tuple(last) == ("rebased", "lead", NOW)


def test_earlier_due_times_are_kept_and_a_new_task_had_none_before(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx)
    rebase(tx, LEAD, "A", now=NOW)

    changes = {each.task: each for each in stored(tx, case).due_changes}

    assert (changes["talk_held"].due_at, changes["talk_held"].until_at) == (
        at("2026-12-21 15:00"),
        NOW,
    )
    # So that no count as of an earlier day takes it for open then.
    assert (changes["risk_reviewed"].due_at, changes["risk_reviewed"].until_at) == (None, NOW)


def test_the_sweep_tells_about_new_due_times(db: Database) -> None:
    with db.write() as tx:
        make_case(tx, release_on=RELEASE_ON, answer="accepted", done={"intake_talk": ""})
        in_force(tx)
    sweep(db, now=NOW)
    with db.write() as tx:
        rebase(tx, LEAD, "A", now=NOW)

    first, second = sweep(db, now=NOW), sweep(db, now=NOW)

    assert (first.notices, second.notices) == (1, 0), "the added task that is overdue at once"
    with db.read() as tx:
        told = tx.execute(select(notice.c.task, notice.c.rung)).all()
    assert ("risk_reviewed", "lead") in [tuple(row) for row in told]


def test_a_rebase_takes_the_version_into_use(tx: Connection) -> None:
    make_case(tx, release_on=RELEASE_ON)
    in_force(tx)
    query = select(package_version.c.used_at).where(package_version.c.key == "national-1+a-1")
    preview_rebase(tx, LEAD, "A", now=NOW)
    assert tx.execute(query).scalar_one() is None

    rebase(tx, LEAD, "A", now=NOW)

    assert tx.execute(query).scalar_one() == NOW


def test_a_rebase_twice_does_nothing_more(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON)
    in_force(tx)
    rebase(tx, LEAD, "A", now=NOW)
    once = stored(tx, case)

    assert rebase(tx, LEAD, "A", now=at("2026-10-02 08:00")) == []
    assert stored(tx, case) == once


def test_more_cases_than_one_chunk_are_moved_together(
    tx: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cases.rebase.CHUNK", 2)
    cases = [make_case(tx, release_on=RELEASE_ON) for _ in range(5)]
    in_force(tx)

    shown = preview_rebase(tx, LEAD, "A", now=NOW)
    assert rebase(tx, LEAD, "A", now=NOW, seen=fingerprint(shown)) == shown

    assert sorted(move.ref for move in shown) == sorted(case.ref for case in cases)
    assert {stored(tx, case).package for case in cases} == {"national-1+a-1"}


# --- whose, when, and what is refused ------------------------------------------------------------


def test_only_the_cases_of_the_unit_are_moved_also_those_that_came_from_elsewhere(
    tx: Connection,
) -> None:
    here = make_case(tx, release_on=RELEASE_ON)
    elsewhere = make_case(tx, unit="B", release_on=RELEASE_ON)
    came = make_case(tx, unit="B", release_on=RELEASE_ON)
    proposed = transfers.propose_transfer(tx, OPERATOR, came.ref, "A", now=at("2026-09-10 10:00"))
    transfer = proposed.open_transfer
    assert transfer is not None
    transfers.answer_transfer(tx, OPERATOR, transfer.id, "accept", now=at("2026-09-10 11:00"))
    in_force(tx)
    assert units_to_rebase(tx, OPERATOR, now=NOW) == ["A"]

    moves = rebase(tx, LEAD, "A", now=NOW)

    assert {move.ref for move in moves} == {here.ref, came.ref}
    assert stored(tx, elsewhere).package == "national-1"
    assert units_to_rebase(tx, OPERATOR, now=NOW) == []


def test_a_rebase_can_be_limited_to_cases_on_one_version(tx: Connection) -> None:
    make_case(tx, release_on=RELEASE_ON)
    in_force(tx, when="2026-09-15 07:00")
    later = make_case(tx, admitted="2026-09-16 06:00", release_on=RELEASE_ON)
    in_force(tx, SECOND)

    moves = rebase(tx, LEAD, "A", now=NOW, from_="national-1+a-1")

    assert [move.ref for move in moves] == [later.ref]


def test_a_version_that_is_not_in_force_can_be_previewed(tx: Connection) -> None:
    make_case(tx, release_on=RELEASE_ON)
    save_overlay(tx, ADMIN, "A", FIRST, now=NOW, valid_from=date(2026, 11, 1))

    assert rebase(tx, LEAD, "A", now=NOW) == []
    (move,) = preview_rebase(tx, LEAD, "A", now=NOW, to="national-1+a-1")
    assert move.to_package == "national-1+a-1"
    with pytest.raises(BadInput, match="no package 'national-9'"):
        preview_rebase(tx, LEAD, "A", now=NOW, to="national-9")


def test_what_has_changed_since_the_preview_is_not_moved(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    in_force(tx)
    seen = fingerprint(preview_rebase(tx, LEAD, "A", now=NOW))
    complete(tx, case, "talk_held", at("2026-10-01 09:00"))

    with pytest.raises(Conflict, match="changed since the preview"):
        rebase(tx, LEAD, "A", now=at("2026-10-01 10:00"), seen=seen)

    assert stored(tx, case).package == "national-1"


def test_the_preview_is_a_look_at_cases_and_stands_in_the_log(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON)
    in_force(tx)
    preview_rebase(tx, LEAD, "A", now=NOW)

    last = tx.execute(
        select(access_log.c.verb, access_log.c.actor, access_log.c.subjects).order_by(
            access_log.c.id.desc()
        )
    ).first()
    assert last is not None
    assert tuple(last) == ("rebase_previewed", "lead", f'["{case.ref}"]')


@pytest.mark.parametrize("viewer", [ADMIN, NURSE, COORDINATOR, Viewer("kdi", Role.DIRECTORATE)])
def test_only_the_unit_lead_and_the_command_line_move_cases(tx: Connection, viewer: Viewer) -> None:
    make_case(tx, release_on=RELEASE_ON)
    in_force(tx)

    with pytest.raises(NotAllowed):
        rebase(tx, viewer, "A", now=NOW)
    with pytest.raises(NotAllowed):
        preview_rebase(tx, viewer, "A", now=NOW)
    with pytest.raises(NotAllowed):
        units_to_rebase(tx, viewer, now=NOW)


def test_the_lead_of_another_unit_finds_no_such_unit(tx: Connection) -> None:
    make_case(tx, release_on=RELEASE_ON)
    in_force(tx)
    outsider = Viewer("lead-c", Role.UNIT_LEAD, frozenset({"C"}))

    with pytest.raises(NotFound):
        preview_rebase(tx, outsider, "A", now=NOW)
    with pytest.raises(NotFound):
        rebase(tx, outsider, "A", now=NOW)


# --- while a session is being entered ------------------------------------------------------------


def planned_session(tx: Connection, case: Case, starts: str = "2026-09-30 10:00") -> str:
    asked = at("2026-09-20 08:00")
    session = sessions.plan_session(tx, OPERATOR, "A", "talk_held", starts_at=at(starts), now=asked)
    sessions.add_cases(tx, OPERATOR, session.ref, [case.ref], now=asked)
    return session.ref


def test_no_case_is_moved_while_a_session_is_being_entered(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    other = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    ref = planned_session(tx, case)
    in_force(tx)

    with pytest.raises(SessionBeingEntered, match=f"session {ref} of 2026-09-30T10:00"):
        rebase(tx, LEAD, "A", now=NOW)
    assert {stored(tx, each).package for each in (case, other)} == {"national-1"}
    assert len(preview_rebase(tx, LEAD, "A", now=NOW)) == 2, "looking is no hindrance"

    hold(tx, OPERATOR, ref, [case.ref], now=NOW)

    assert len(rebase(tx, LEAD, "A", now=NOW)) == 2
    assert states(stored(tx, case))["talk_held"] is TaskState.DONE


def test_a_session_that_lies_ahead_is_no_hindrance(tx: Connection) -> None:
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")
    ref = planned_session(tx, case, "2026-10-05 10:00")
    in_force(tx)

    assert len(rebase(tx, LEAD, "A", now=NOW)) == 1

    hold(tx, OPERATOR, ref, [case.ref], now=at("2026-10-05 11:00"))
    assert states(stored(tx, case))["talk_held"] is TaskState.DONE


# --- the pure rule -------------------------------------------------------------------------------


def _planned(case: Case, package: Package) -> Case:
    tasks = tuple(
        Task(rule.code, rule.step, rule.owner, rule.visibility, rule.klass, rule.required)
        for rule in package.tasks
    )
    new = replace(case, package=package.key, tasks=tasks)
    return replan(None, new, package, now=case.opened_at)


@given(strategies.cases())
def test_a_case_that_was_moved_stands_as_if_it_had_been_opened_there(case: Case) -> None:
    before = _planned(case, PACKAGE_1)
    there = _planned(case, PACKAGE_2)

    after = rebased(before, PACKAGE_2, now=case.opened_at)

    stands = {
        (t.code, t.state, t.due_at, t.known_at, t.hurried, t.owner, t.klass) for t in after.tasks
    }
    wanted = {
        (t.code, t.state, t.due_at, t.known_at, t.hurried, t.owner, t.klass) for t in there.tasks
    }
    assert wanted <= stands
    left = {code: state for code, state in states(after).items() if not PACKAGE_2.has(code)}
    assert left == {"room_cleared": TaskState.CANCELLED}


@given(strategies.cases())
def test_there_and_back_again_leaves_the_deadlines_as_they_were(case: Case) -> None:
    before = _planned(case, PACKAGE_1)

    there = rebased(before, PACKAGE_2, now=case.opened_at)
    back = rebased(there, PACKAGE_1, now=case.opened_at)

    for each in before.tasks:
        now_there = task(back, each.code)
        assert (now_there.state, now_there.due_at, now_there.required) == (
            each.state,
            each.due_at,
            each.required,
        )
    assert move_of(before, before).tasks == ()


def test_the_fingerprint_tells_every_difference() -> None:
    moved = TaskMove("talk_held", TaskState.OPEN, NOW, TaskState.OPEN, at("2026-12-18 15:00"))
    one = move_of(*(2 * [_planned(strategies.make_case("2026-09-01 06:00"), PACKAGE_1)]))
    shown = [replace(one, tasks=(moved,))]

    assert fingerprint(shown) == fingerprint(list(shown))
    assert fingerprint(shown) != fingerprint([])
    for other in (
        replace(moved, due_after=at("2026-12-18 15:01")),
        replace(moved, state_after=TaskState.CANCELLED),
        replace(moved, task="talk_booked"),
    ):
        assert fingerprint(shown) != fingerprint([replace(one, tasks=(other,))])


def test_a_case_keeps_working_on_a_package_that_only_the_database_knows(tx: Connection) -> None:
    in_force(tx, when="2026-09-01 07:00")
    case = make_case(tx, release_on=RELEASE_ON, answer="accepted")

    assert package_named(tx, case.package) == PACKAGE_1

"""Many at once: one task, one success; different tasks, no lost update.

`OVERLEV_TEST_RACES` says how many races of two people are run on each database (200 without it).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cases import queries, release, roster, service, store, sweep
from cases.access import OPERATOR
from cases.model import Phase, TaskState
from cases.roster import import_roster
from cases.rules import TaskNotOpen
from cases.service import TaskDone
from tests.cases.desk import (
    BEFORE_RELEASE,
    COORDINATOR,
    NURSE,
    OPENED,
    Desk,
    all_refs,
    check_case,
    complete,
    findings,
    make_case,
    make_many,
    notices,
    oslo,
    state,
    task,
)
from tests.cases.rivals import Place, processes, race, rival
from tests.cases.roster_files import ReadHere, file_of, row, somebody

MONDAY = oslo("2026-09-07 10:00")
RACES = int(os.environ.get("OVERLEV_TEST_RACES", "200"))
if "OVERLEV_TEST_RACES" in os.environ:  # the long form takes as long as it takes
    pytestmark = pytest.mark.timeout(0)


def at_once(*verbs: Callable[[], Any]) -> list[Any]:
    """Run every verb in a thread of its own, all starting together; results or errors."""
    line = threading.Barrier(len(verbs))

    def run(verb: Callable[[], Any]) -> Any:
        line.wait()
        try:
            return verb()
        except Exception as error:  # noqa: BLE001 - what went wrong is the answer
            return error

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(run, verbs))


def completing(desk: Desk, ref: str, code: str, account: str) -> Callable[[], Any]:
    return lambda: desk.do(service.complete_task, rival(account), ref, TaskDone(code), now=MONDAY)


def check_one_winner(desk: Desk, ref: str, code: str, results: list[Any]) -> str:
    """Exactly one success; every other a `TaskNotOpen` that says who and when. The winner."""
    beaten = [r for r in results if isinstance(r, TaskNotOpen)]
    assert len(beaten) == len(results) - 1, results
    done = task(desk.case(ref), code)
    assert done.state is TaskState.DONE
    assert done.done_by is not None
    for conflict in beaten:
        assert conflict.current["done_by"] == done.done_by
        assert conflict.current["done_at"] == "2026-09-07T10:00:00+02:00"
        assert done.done_by in str(conflict)
    return done.done_by


def test_of_twenty_threads_completing_one_task_one_succeeds_and_the_rest_hear_who_and_when(
    desk: Desk,
) -> None:
    case = make_case(desk)

    results = at_once(*(completing(desk, case.ref, "brief_info", f"user-{n}") for n in range(20)))

    winner = check_one_winner(desk, case.ref, "brief_info", results)
    assert winner in {f"user-{n}" for n in range(20)}
    check_case(desk, case.ref, now=MONDAY)
    assert findings(desk) == []


def test_of_four_processes_completing_the_same_tasks_one_succeeds_in_each(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    jobs = [(case.ref, code) for case in make_many(desk, 3) for code in ("brief_info", "talk_held")]
    place, context = Place.of(desk, tmp_path / "keys.db"), processes()
    lines, rivals = [], []
    for number in range(4):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=race, args=(place, f"process-{number}", jobs, MONDAY, theirs)
        )
        process.start()
        theirs.close()
        lines.append(ours)
        rivals.append(process)
    try:
        assert [line.recv() for line in lines] == ["ready"] * 4
        for ref, code in jobs:
            for line in lines:
                line.send("go")
            outcomes = [line.recv() for line in lines]
            winners = [who for outcome, who in outcomes if outcome == "won"]
            beaten = [told for outcome, told in outcomes if outcome == "beaten"]
            assert len(winners) == 1
            assert len(beaten) == 3
            for current, sentence in beaten:
                assert current["done_by"] == winners[0]
                assert current["done_at"] == "2026-09-07T10:00:00+02:00"
                assert winners[0] in sentence
            assert task(desk.case(ref), code).done_by == winners[0]
    finally:
        for line in lines:
            line.close()
        for process in rivals:
            process.join(20)
            assert process.exitcode == 0
            process.close()
    assert findings(desk) == []


def test_in_races_of_two_people_for_one_task_no_update_is_lost(desk: Desk) -> None:
    per_case = len(BEFORE_RELEASE) - 1  # the appointments have a requirement of their own
    cases = make_many(desk, -(-RACES // per_case))
    codes = [code for code in BEFORE_RELEASE if code != "appointments_confirmed"]
    run = 0
    won = {"anne": 0, "bjørn": 0}
    for case in cases:
        for code in codes:
            results = at_once(
                completing(desk, case.ref, code, "anne"), completing(desk, case.ref, code, "bjørn")
            )
            won[check_one_winner(desk, case.ref, code, results)] += 1
            run += 1
        after = desk.case(case.ref)
        assert after.version == 1 + per_case
        check_case(desk, case.ref, now=MONDAY)
    assert run >= RACES
    assert sum(won.values()) == run


def test_different_tasks_of_one_case_completed_at_once_all_succeed(desk: Desk) -> None:
    codes = [code for code in BEFORE_RELEASE if code != "appointments_confirmed"]
    for _ in range(5):
        case = make_case(desk)

        results = at_once(*(completing(desk, case.ref, code, code) for code in codes))

        assert not [r for r in results if isinstance(r, Exception)]
        after = desk.case(case.ref)
        assert {code: task(after, code).done_by for code in codes} == {c: c for c in codes}
        assert after.version == 1 + len(codes)
        check_case(desk, case.ref, now=MONDAY)


def test_a_completion_and_the_release_at_once_leave_one_story(desk: Desk) -> None:
    for _ in range(10):
        case = make_case(desk, answer="accepted")

        done, gone = at_once(
            completing(desk, case.ref, "talk_held", "anne"),
            lambda ref=case.ref: desk.do(release.release, COORDINATOR, ref, now=MONDAY),  # type: ignore[misc]
        )

        assert not isinstance(gone, Exception)
        after = desk.case(case.ref)
        # Whoever came first: at the very moment of the release the talk was still before it.
        assert not isinstance(done, Exception)
        assert state(after, "talk_held") == "done"
        assert after.phase is Phase.FOLLOW_UP
        check_case(desk, case.ref, now=MONDAY)


def test_two_nurses_record_two_answers_at_once_and_both_are_kept(desk: Desk) -> None:
    for _ in range(10):
        case = make_case(desk)

        results = at_once(
            lambda ref=case.ref: desk.do(service.answer_offer, NURSE, ref, "accepted", now=MONDAY),  # type: ignore[misc]
            lambda ref=case.ref: desk.do(service.answer_offer, NURSE, ref, "declined", now=MONDAY),  # type: ignore[misc]
        )

        assert not [r for r in results if isinstance(r, Exception)]
        after = desk.case(case.ref)
        assert {a.status.value for a in after.answers} == {"accepted", "declined"}
        assert after.participation == after.answers[-1].status
        check_case(desk, case.ref, now=MONDAY)


def test_several_sweeps_at_once_tell_everything_once(own_desk: Desk) -> None:
    desk = own_desk
    cases = make_many(desk, 60)
    now = oslo("2026-09-08 15:00")

    results = at_once(*(lambda: sweep.sweep(desk.db, now=now) for _ in range(4)))

    assert not [r for r in results if isinstance(r, Exception)]
    sweep.sweep(desk.db, now=now)  # what one skipped because another held it
    told = {tuple(notices(desk, case)) for case in cases}
    assert len(told) == 1
    (once,) = told
    assert len(once) == len(set(once))
    for case in cases[:5]:
        check_case(desk, case.ref, now=now)


def test_verbs_and_sweeps_at_once_leave_every_case_as_its_rules_say(own_desk: Desk) -> None:
    desk = own_desk
    cases = make_many(desk, 12, release_on=date(2026, 9, 18))
    stop = threading.Event()
    now = [OPENED]

    def sweeping() -> int:
        rounds = 0
        while not stop.is_set():
            sweep.sweep(desk.db, now=now[0])
            rounds += 1
        return rounds

    def working() -> None:
        try:
            for hours in range(0, 17 * 24, 34):
                now[0] = OPENED + timedelta(hours=hours)
                for case in cases:
                    on = date(2026, 9, 18) + timedelta(days=hours % 7)
                    desk.do(
                        release.set_release_date,
                        COORDINATOR,
                        case.ref,
                        on,
                        kind="confirmed",
                        now=now[0],
                    )
        finally:
            stop.set()

    rounds, worked = at_once(sweeping, working)

    assert not isinstance(worked, Exception), worked
    assert isinstance(rounds, int), rounds
    assert rounds > 1
    for case in cases:
        check_case(desk, case.ref, now=now[0])
    assert findings(desk) == []


def test_a_sweep_leaves_alone_what_somebody_is_changing_and_comes_back_to_it(
    own_desk: Desk,
) -> None:
    desk = own_desk
    if desk.db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    held, free = make_case(desk), make_case(desk)
    now = oslo("2026-09-02 06:00")

    with desk.db.write() as tx:
        queries.case_for_update(tx, OPERATOR, held.ref)
        sweep.sweep(desk.db, now=now)
        assert notices(desk, held) == []
        assert ("intake_talk", "due", "health") in notices(desk, free)
    sweep.sweep(desk.db, now=now)

    assert notices(desk, held) == notices(desk, free)


def test_an_import_and_a_completion_of_the_same_case_at_once_both_stand(
    own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    number = somebody()

    def take(*rows: dict[str, str], now: datetime) -> roster.ImportResult:
        return import_roster(desk.db, file_of(tmp_path, *rows), OPERATOR, now=now, demo=True)

    take(row(number), now=OPENED)
    ref = desk.look(queries.newest_ref, OPERATOR, number, now=OPENED)
    pool = ThreadPoolExecutor(1)
    meanwhile: list[Any] = []
    write_many = store.write_many

    def slowly(*args: Any, **kwargs: Any) -> Any:
        # Somebody completes a task between the import's reading and its writing.
        if not meanwhile:
            case = desk.case(ref)
            meanwhile.append(pool.submit(complete, desk, case, "brief_info", now=MONDAY))
            threading.Event().wait(0.2)
        return write_many(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_many", slowly)
        result = take(row(number, planlagt_løslatelse="15.12.2026"), now=MONDAY)
    meanwhile[0].result(timeout=10)
    pool.shutdown()

    after = desk.case(ref)
    assert result.updated == 1
    assert after.release_on == date(2026, 12, 15)
    assert state(after, "brief_info") == "done"
    check_case(desk, ref, now=MONDAY)


def test_the_same_roster_imported_twice_at_once_opens_every_case_once(
    own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    if desk.db.is_sqlite:  # two whole imports may go before: on a slow machine that takes longer
        monkeypatch.setattr(desk.db._queue, "_patience", 30.0)
    numbers = [somebody() for _ in range(150)]
    path = file_of(tmp_path, *(row(number) for number in numbers))

    results = at_once(
        *(lambda: import_roster(desk.db, path, OPERATOR, now=OPENED, demo=True) for _ in range(3))
    )

    assert not [r for r in results if isinstance(r, Exception)], results
    assert sum(r.created for r in results) == len(numbers)
    assert len(list(all_refs(desk))) == len(numbers)
    assert findings(desk) == []

"""Processes killed with -9: what was acknowledged is there, and the database is whole.

A process completes tasks and acknowledges each on a pipe after its commit. It is killed at random
moments, and at named points: in the middle of a change, before the commit, and after the commit
before the answer. `OVERLEV_TEST_KILLS` says how many random kills each database gets (20 without
it; four at each named point in any case).
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from cases import history, queries
from cases.access import OPERATOR
from cases.model import TaskState
from cases.package import national
from tests.cases.desk import Desk, comparable, findings, make_many, oslo, task
from tests.cases.rivals import Job, Place, processes, work_until_killed

MONDAY = oslo("2026-09-07 10:00")
KILLS = int(os.environ.get("OVERLEV_TEST_KILLS", "20"))
if "OVERLEV_TEST_KILLS" in os.environ:  # the long form takes as long as it takes
    pytestmark = pytest.mark.timeout(0)
CODES = tuple(
    rule.code
    for rule in national().tasks
    if rule.code not in ("offer_answered", "appointments_confirmed")
)
STATEMENTS = 7
"""About how many a completion takes; `after_cursor_execute` fires for each."""


def killed(
    place: Place, jobs: list[Job], *, point: str, nth: int, wait: float = 0.0
) -> tuple[list[Job], int]:
    """Let a process work until it dies; what it acknowledged, and how it ended."""
    context = processes()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=work_until_killed,
        args=(place, jobs, MONDAY, theirs),
        kwargs={"point": point, "nth": nth},
    )
    process.start()
    theirs.close()
    acknowledged: list[Job] = []
    try:
        assert ours.recv() == "ready"
        while True:
            if point == "never" and len(acknowledged) == nth:
                time.sleep(wait)
                process.kill()  # -9; nothing happens if it has finished meanwhile
                nth = -1  # read what it still said before it died
            acknowledged.append(ours.recv())
    except (EOFError, ConnectionResetError):
        process.join(20)
        return acknowledged, process.exitcode or 0
    finally:
        ours.close()
        process.close()


def check_all_there(desk: Desk, jobs: list[Job], acknowledged: list[Job]) -> None:
    """Every acknowledged completion stands, at most one more, and the events say the same."""
    assert acknowledged == jobs[: len(acknowledged)]
    done = []
    with desk.db.read() as tx:
        if desk.db.is_sqlite:
            assert tx.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert tx.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        for ref in {ref for ref, _ in jobs}:
            case = queries.case_by_ref(tx, OPERATOR, ref)
            folded = history.fold_case(tx, ref)
            assert folded is not None
            assert comparable(folded) == comparable(case)
            done += [(ref, t.code) for t in case.tasks if t.state is TaskState.DONE]
    assert set(acknowledged) <= set(done), "an acknowledged completion is lost"
    assert len(done) - len(acknowledged) in (0, 1)
    assert findings(desk) == []


def jobs_of(desk: Desk, cases: int) -> list[Job]:
    return [(case.ref, code) for case in make_many(desk, cases) for code in CODES]


def test_whatever_was_acknowledged_is_there_after_a_kill_at_any_moment(
    own_desk: Desk, tmp_path: Path
) -> None:
    place = Place.of(own_desk, tmp_path / "keys.db")
    chance = random.Random(20260907)
    interrupted = 0
    for _ in range(KILLS):
        jobs = jobs_of(own_desk, 3)
        nth = chance.randrange(0, len(jobs) // 2)

        acknowledged, ended = killed(
            place, jobs, point="never", nth=nth, wait=chance.uniform(0, 0.012)
        )

        assert len(acknowledged) >= nth
        interrupted += ended == -signal.SIGKILL
        check_all_there(own_desk, jobs, acknowledged)
    assert interrupted >= KILLS / 2, "the kills came too late"


@pytest.mark.parametrize("point", ["statement", "before_commit", "after_commit"])
def test_whatever_was_acknowledged_is_there_after_a_kill_at_a_named_point(
    own_desk: Desk, tmp_path: Path, point: str
) -> None:
    place = Place.of(own_desk, tmp_path / "keys.db")
    for nth in (1, 2, 5, 9):
        jobs = jobs_of(own_desk, 2)
        at = nth * STATEMENTS - 3 if point == "statement" else nth

        acknowledged, ended = killed(place, jobs, point=point, nth=at)

        assert ended == -signal.SIGKILL
        check_all_there(own_desk, jobs, acknowledged)
        done = [task(own_desk.case(ref), code).state is TaskState.DONE for ref, code in jobs]
        if point == "before_commit":
            assert sum(done) == len(acknowledged), "what was not committed is not there"
        elif point == "after_commit":
            assert len(acknowledged) == nth - 1
            assert sum(done) == nth, "what was committed is there, though nobody was told"

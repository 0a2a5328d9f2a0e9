"""Sent once: workers are killed, the provider misbehaves, and nobody gets a message twice.

Two workers deliver through the real SDK to a stand-in on loopback that fails a fifth of all calls
and lists late. They are killed with -9, at random and at named points. What the stand-in accepted
is the truth. The two naive orders of sending and remembering run through the same test, and fail.

OVERLEV_TEST_SURVIVAL=1 runs the long form: 10,000 messages, 200 kills, a list lag of 5 s.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Final, Self

import pytest
from sqlalchemy import func, select

from core.clock import system_now
from core.db import Database, metadata
from notifications.tables import TABLES, outbox
from tests.notifications.standin import Manners, settings_of
from tests.notifications.survival_worker import POINTS, Order, number_of

LONG: Final = bool(os.environ.get("OVERLEV_TEST_SURVIVAL"))
ROOT: Final = Path(__file__).parents[2]
SETTLED: Final = frozenset({"accepted", "refused", "needs_person", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent and killed; messages become due over `spread` seconds."""

    messages: int
    kills: int
    spread: float
    lag: float
    timeout: float
    lease: float
    look_after: float
    patience: float


SHORT_FORM: Final = Size(300, 30, 8.0, 0.5, 0.5, 1.5, 1.1, 90.0)
LONG_FORM: Final = Size(10_000, 200, 120.0, 5.0, 4.0, 12.0, 11.0, 1500.0)
NAIVE: Final = replace(SHORT_FORM, messages=150, kills=16, spread=4.0, patience=60.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    `twice` were accepted more than once; `lost` are called accepted though the provider has
    nothing; `wrong` are called not sent though it has them.
    """

    states: Counter[str]
    twice: int
    lost: int
    wrong: int
    kills: int
    took: float

    @property
    def unsettled(self) -> int:
        return sum(n for state, n in self.states.items() if state not in SETTLED)


def check(outcome: Outcome) -> None:
    """What must hold."""
    assert (outcome.twice, outcome.lost, outcome.wrong, outcome.unsettled) == (0, 0, 0, 0), outcome


@contextmanager
def program(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stdin, started.stdout):
            if pipe is not None:
                pipe.close()


def ask(running: subprocess.Popen[str], line: str) -> str:
    """One line in, one line out."""
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(line)
    running.stdin.flush()
    return running.stdout.readline().strip()


class Workers:
    """Two places for workers; a place whose worker died gets another one."""

    def __init__(self, stem: subprocess.Popen[str], order: Order) -> None:
        self._stem, self._order = stem, order
        self._number = count(1)
        self.alive: dict[int, float | None] = {}

    def start(self, *, die_at: str | None = None, nth: int = 1, within: float | None) -> None:
        """One more; killed from outside after so many seconds, if it has not died before."""
        order = replace(self._order, owner=f"w{next(self._number)}", die_at=die_at, nth=nth)
        pid = int(ask(self._stem, json.dumps(asdict(order)) + "\n"))
        self.alive[pid] = None if within is None else time.monotonic() + within

    def bury(self) -> int:
        """Kill those whose time has come; how many are dead now that were alive."""
        dead = 0
        for pid, until in list(self.alive.items()):
            if until is not None and time.monotonic() >= until:
                kill(pid)
            if not lives(pid):
                del self.alive[pid]
                dead += 1
        return dead

    def end(self) -> None:
        """Kill all of them."""
        for pid in self.alive:
            kill(pid)
        self.alive.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def survive(url: str, folder: Path, size: Size, *, order: str = "claim", seed: int = 1) -> Outcome:
    """Deliver everything through all the kills; what came of it."""
    draw = random.Random(seed)
    begun = time.monotonic()
    manners = Manners(
        share=0.2,
        list_share=0.05,
        lag=size.lag,
        hang=size.timeout * 1.5,
        slow=size.timeout / 3,
        latency=0.01,
        seed=seed,
    )
    db = Database(url, patience=10.0)
    fill(db, size)
    with (
        program("tests.notifications.standin", str(folder)) as standing,
        program("tests.notifications.survival_worker") as stem,
    ):
        base = f"http://127.0.0.1:{ask(standing, settings_of(manners))}"
        workers = Workers(
            stem,
            Order(
                url,
                base,
                "w0",
                order,
                timeout=size.timeout,
                lag=size.lag,
                lease=size.lease,
                look_after=size.look_after,
            ),
        )
        with workers:
            kills = run(workers, size, draw)
            workers.end()
            for _ in range(2):
                workers.start(within=None)
            give_up = time.monotonic() + size.patience
            while unsettled(db) and time.monotonic() < give_up:
                time.sleep(0.2)
    outcome = judge(db, folder, kills, time.monotonic() - begun)
    db.close()
    return outcome


def run(workers: Workers, size: Size, draw: random.Random) -> int:
    """Kill and start workers, at named points and at random; how many died."""
    kills = 0
    points = cycle([None, *POINTS])
    pace = size.spread / size.kills
    while kills < size.kills:
        while len(workers.alive) < 2:
            workers.start(
                die_at=next(points),
                nth=draw.randint(1, 4),
                within=draw.uniform(0.5, 2.5) * pace * 2,
            )
        kills += workers.bury()
        time.sleep(0.01)
    return kills


def fill(db: Database, size: Size) -> None:
    metadata.create_all(db.engine, tables=TABLES)
    now = system_now()
    with db.write() as tx:
        tx.execute(
            outbox.insert(),
            [
                {
                    "about": f"CASE{number}/a/day_before/{number}",
                    "subject": f"CASE{number}",
                    "person": f"P{number}",
                    "rung": "day_before",
                    "template": "appointment_reminder",
                    "language": "nb",
                    "send_at": now + timedelta(seconds=size.spread * number / size.messages),
                    "expires_at": now + timedelta(hours=3),
                    "starts_at": now + timedelta(hours=20),
                    "state": "wanted",
                    "wanted_at": now,
                }
                for number in range(size.messages)
            ],
        )


def unsettled(db: Database) -> int:
    with db.read() as tx:
        counted = tx.execute(
            select(func.count()).where(outbox.c.state.in_(("wanted", "sending", "unknown")))
        )
        return int(counted.scalar_one())


def judge(db: Database, folder: Path, kills: int, took: float) -> Outcome:
    lines = (folder / "truth.jsonl").read_text().splitlines()
    accepted = Counter(json.loads(line)["to"] for line in lines)
    with db.read() as tx:
        rows = tx.execute(select(outbox.c.person, outbox.c.state)).all()
    ours = [(number_of(row.person), row.state) for row in rows]
    return Outcome(
        states=Counter(state for _, state in ours),
        twice=sum(times > 1 for times in accepted.values()),
        lost=sum(state == "accepted" and not accepted[number] for number, state in ours),
        wrong=sum(
            state in ("refused", "cancelled", "expired") and bool(accepted[number])
            for number, state in ours
        ),
        kills=kills,
        took=took,
    )


@pytest.fixture(autouse=True)
def standing_ready(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").touch()


@pytest.mark.slow
@pytest.mark.timeout(3000 if LONG else 240)
def test_no_message_is_accepted_twice_and_each_one_has_an_end(
    new_database_url: Callable[..., str], tmp_path: Path
) -> None:
    size = LONG_FORM if LONG else SHORT_FORM

    outcome = survive(new_database_url(), tmp_path, size)

    print(outcome)  # noqa: T201 - the figures of a run
    check(outcome)
    assert outcome.kills >= size.kills
    assert outcome.states["accepted"] > 0.9 * size.messages


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("order", ["send_then_mark", "mark_then_send"])
def test_the_naive_orders_fail_the_same_test(
    new_database_url: Callable[..., str], tmp_path: Path, order: str
) -> None:
    outcome = survive(new_database_url(), tmp_path, NAIVE, order=order)

    print(outcome)  # noqa: T201 - the figures of a run
    with pytest.raises(AssertionError):
        check(outcome)
    if order == "send_then_mark":
        assert outcome.twice > 0
    else:
        assert outcome.lost > 0

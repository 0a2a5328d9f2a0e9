"""A sweep with 1,000 due times passed, among ten thousand to a million open cases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median
from typing import Final, TypeAlias

from sqlalchemy import Connection, bindparam, select, update

from bench.clock import NOW
from bench.measure import Batches, Cost, Line, Outcome, metered, profile, strain_of_run
from bench.places import Place
from bench.population import multiply
from bench.recording import Recording, Replay, recorded
from bench.run import Run
from cases.sweep import sweep
from cases.tables import case_, task
from core.db import Database

DUE: Final = 1_000
GOAL: Final = 60.0
"""ms of CPU for a sweep of `DUE` rungs."""

HOLD: Final = 50.0
"""ms that one transaction may hold the write lock."""

FLAT: Final = 1.5
ROUNDS: Final = 5
A_MINUTE: Final = timedelta(minutes=1)
PAUSE: Final = timedelta(days=42)
LARGEST_COPIED: Final = 100_000

_PEOPLE: Final = (
    select(case_.c.id)
    .where(case_.c.phase == "in_prison", case_.c.participation == "accepted")
    .order_by(case_.c.id)
)
_OPEN: Final = (
    select(task.c.case_id, task.c.code)
    .where(task.c.state == "open", task.c.case_id.in_(bindparam("ids", expanding=True)))
    .order_by(task.c.case_id, task.c.code)
)
_MAKE_DUE: Final = (
    update(task)
    .where(task.c.case_id == bindparam("b_case_id"), task.c.code == bindparam("b_code"))
    .values(
        due_at=bindparam("b_due_at"),
        known_at=bindparam("b_known_at"),
        wake_at=bindparam("b_due_at"),
        told_at=None,
        hurried=False,
    )
)


def sweeping(run: Run) -> Outcome:
    """CPU of a sweep, its longest hold of the lock, and how both grow with open cases."""
    outcome = Outcome()
    for engine in run.engines:
        sizes = [10_000] if run.quick else [10_000, 100_000]
        if run.full:
            sizes.append(1_000_000)
        _after_a_pause(run, run.stock.open(engine), outcome)
        place = run.stock.open(engine)
        first: float | None = None
        for size in sizes:
            there = multiply(place, size)
            cpu = _measure(run, place, there, outcome)
            place = run.places.reopened(place)
            if first is None:
                first = cpu
            else:
                outcome.lines.append(
                    Line(
                        f"sweep, {engine}, {there:,} open cases against {sizes[0]:,}",
                        cpu / first,
                        "×",
                        goal=FLAT,
                    )
                )
        run.places.drop(place)
    return outcome


def _after_a_pause(run: Run, place: Place, outcome: Outcome) -> None:
    """A sweep that comes six weeks late: closings and notices of cases, and tasks with them."""
    there = multiply(place, 1_500)
    holds: list[Cost] = []
    with _holds_noted(place.db, holds), metered() as cost:
        result = sweep(place.db, now=NOW + PAUSE)
    name = f"sweep after six weeks' pause, {place.engine}, {there:,} open cases"
    outcome.lines += [
        Line(
            f"{name}, CPU",
            1e3 * cost.cpu,
            "ms",
            said=f"{result.notices:,} notices, {result.missed:,} missed, {result.closed:,} closed",
        ),
        _longest(name, holds),
    ]
    if run.profile:
        outcome.profiles[name] = profile(
            lambda: sweep(place.db, now=NOW + 2 * PAUSE), actions=there
        )
    run.places.drop(place)


def _longest(name: str, holds: list[Cost]) -> Line:
    longest = max(holds, key=lambda hold: hold.cpu)
    return Line(
        f"{name}, longest hold of the write lock, CPU",
        1e3 * longest.cpu,
        "ms",
        goal=HOLD,
        undisturbed=1e3 * longest.cpu / strain_of_run(),
        said=f"in wall time {1e3 * median(h.wall for h in holds):.0f} ms in the middle, "
        f"{1e3 * max(h.wall for h in holds):.0f} ms at most",
    )


def _measure(run: Run, place: Place, there: int, outcome: Outcome) -> float:
    """Sweep `ROUNDS` times; returns ms of CPU a sweep."""
    due = _chosen(place)
    limit = _Limit(run, place, due) if there <= LARGEST_COPIED * 1.1 else None
    place = run.places.reopened(place)
    ours = Batches(1)
    holds: list[Cost] = []
    for some in due:
        _make_due(place, some)
        with _holds_noted(place.db, holds), ours.one():
            _sweep(place)
        if limit is not None:
            limit.round()
    name = f"sweep, {place.engine}, {DUE:,} due, {there:,} open cases"
    outcome.lines += [
        Line.of(
            f"{name}, CPU",
            ours,
            "ms",
            limit=None if limit is None else limit.bare,
            goal=GOAL,
            said=f"wall {1e3 * ours.wall:.0f} ms",
        ),
        _longest(name, holds),
    ]
    if not outcome.lines[-2].reached or run.profile:
        again = due[0]
        _make_due(place, [(case_id, code, at - A_MINUTE) for case_id, code, at in again])
        outcome.profiles[name] = profile(lambda: _sweep(place), actions=DUE)
    place.close()
    if limit is not None:
        limit.close()
    return 1e3 * ours.undisturbed


def _sweep(place: Place) -> None:
    result = sweep(place.db, now=NOW)
    if result.notices < DUE:  # some due times are the lead's too
        raise RuntimeError(f"{DUE} notices were due, {result.notices} were told")


class _Limit:
    """The driver writing the same rows, on a copy of the database."""

    def __init__(self, run: Run, place: Place, due: list[list[_Due]]) -> None:
        rehearsed = run.places.copy(place)
        self._rounds: list[Recording] = []
        for some in due:
            _make_due(rehearsed, some)
            with recorded(rehearsed.db) as recording:
                _sweep(rehearsed)
            self._rounds.append(recording)
        run.places.drop(rehearsed)
        self._place = run.places.copy(run.places.reopened(place))
        self._places = run.places
        self._left = iter(zip(due, self._rounds, strict=True))
        self.bare = Batches(1)

    def round(self) -> None:
        some, recording = next(self._left)
        _make_due(self._place, some)
        replay = Replay(self._place, recording)
        with self.bare.one():
            replay.run()
        replay.close()

    def close(self) -> None:
        """Give the copy's room back."""
        self._places.drop(self._place)


_Due: TypeAlias = tuple[int, str, datetime]


def _chosen(place: Place) -> list[list[_Due]]:
    """For every round, tasks of cases that lie all over the database, due in the last hour."""
    with place.db.read() as tx:
        people = list(tx.execute(_PEOPLE).scalars())
        needed = ROUNDS * DUE
        if len(people) < needed:
            raise RuntimeError(f"{needed} cases are needed, {len(people)} are there")
        some = random.Random(3).sample(people, needed)
        codes: dict[int, str] = {}
        for start in range(0, needed, 500):
            codes |= {
                row.case_id: row.code
                for row in tx.execute(_OPEN, {"ids": some[start : start + 500]})
            }
    due = [
        (case_id, codes[case_id], NOW - timedelta(seconds=1 + number % 3600))
        for number, case_id in enumerate(some)
        if case_id in codes
    ]
    return [due[n * DUE : (n + 1) * DUE] for n in range(len(due) // DUE)]


def _make_due(place: Place, due: list[_Due]) -> None:
    rows = [
        {
            "b_case_id": case_id,
            "b_code": code,
            "b_due_at": at,
            "b_known_at": at - timedelta(days=20),
        }
        for case_id, code, at in due
    ]
    with place.db.write() as tx:
        tx.execute(_MAKE_DUE, rows)


@contextmanager
def _holds_noted(db: Database, holds: list[Cost]) -> Iterator[None]:
    """Note what every write transaction costs from its beginning to its end."""
    plain = db.write

    @contextmanager
    def noted() -> Iterator[Connection]:
        with metered() as cost, plain() as tx:
            yield tx
        holds.append(cost)

    db.write = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        del db.write

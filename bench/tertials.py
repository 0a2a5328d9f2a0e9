"""All indicators of a tertial, for the nation, with ten thousand cases a year."""

from __future__ import annotations

import random
from typing import Any, Final

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply_all, past_stays, play
from bench.run import Run
from reports.report import snapshot, whole_report
from reports.tertial import Period

A_YEAR: Final = 10_000
YEARS: Final = 2
GOAL: Final = 150.0
FULL_GOAL: Final = 2_000.0
ROUNDS: Final = 7
PERIOD: Final = Period(2026, 2)

_SCAN: Final = (
    "SELECT c.unit, t.state, count(*), count(t.done_at) FROM case_ c JOIN task t "
    "ON t.case_id = c.id GROUP BY c.unit, t.state"
)
"""A plain look at every task of every case: what counting costs that knows no index."""


def tertials(run: Run) -> Outcome:
    """Time of the whole report, beside one plain scan of all cases and tasks by the driver."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.places.new(engine)
        chance = random.Random(4)
        play(place, past_stays(150 if run.quick else 500, chance, years=YEARS), chance)
        there = multiply_all(place, 2_000 if run.quick else A_YEAR * YEARS)
        _measure(run, place, outcome, f"{there:,} cases in {YEARS} years", GOAL)
        if run.full:
            there = multiply_all(place, 1_000_000)
            _measure(run, place, outcome, f"{there:,} cases in {YEARS} years", FULL_GOAL)
        place.close()
    return outcome


def _measure(run: Run, place: Place, outcome: Outcome, size: str, goal: float) -> None:
    ours, bare = Batches(1), Batches(1)
    raw: Any = place.raw()
    for _ in range(ROUNDS):
        with ours.one():
            _report(place)
        with bare.one():
            raw.execute(_SCAN).fetchall()
    raw.close()
    sqlite = place.engine == "sqlite"
    name = f"tertial, all indicators, {place.engine}, {size}"
    outcome.lines.append(
        Line(
            name,
            1e3 * (ours.cpu if sqlite else ours.wall),
            "ms",
            1e3 * (bare.cpu if sqlite else bare.wall),
            goal,
            "CPU" if sqlite else "wall time, because the server works for us",
        )
    )
    if run.profile or not outcome.lines[-1].reached:
        outcome.profiles[name] = profile(lambda: _report(place), actions=1, rows=14)


def _report(place: Place) -> None:
    with snapshot(place.db) as tx:
        whole_report(tx, PERIOD, now=NOW)

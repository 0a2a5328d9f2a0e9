"""All indicators of a tertial, for the nation, with ten thousand cases a year."""

from __future__ import annotations

from typing import Any, Final

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply_all
from bench.run import Run
from reports.counting import Counting, regions_of
from reports.indicators import FAMILIES
from reports.report import snapshot, whole_report
from reports.tally import Tally
from reports.tertial import Period, Question

A_YEAR: Final = 10_000
YEARS: Final = 2
DECADE: Final = 10
MANY: Final = 1_000_000
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
        place = run.stock.past(engine, years=YEARS)
        there = multiply_all(place, A_YEAR * YEARS)
        _measure(run, place, outcome, f"{there:,} cases in {YEARS} years", GOAL)
        run.places.drop(place)
        if run.full:
            place = run.stock.past(engine, years=DECADE)
            there = multiply_all(place, MANY)
            _measure(run, place, outcome, f"{there:,} cases in {DECADE} years", FULL_GOAL)
            run.places.drop(place)
    return outcome


def _measure(run: Run, place: Place, outcome: Outcome, size: str, goal: float) -> None:
    server = run.places.server_cpu(place)
    ours, bare = Batches(1, server=server), Batches(1, server=server)
    raw: Any = place.raw()
    _report(place)
    for _ in range(ROUNDS):
        with ours.one():
            _report(place)
        with bare.one():
            raw.execute(_SCAN).fetchall()
    raw.close()
    name = f"tertial, all indicators, {place.engine}, {size}"
    outcome.lines.append(
        Line.of(
            name,
            ours,
            "ms",
            limit=bare,
            goal=goal,
            said=f"CPU, the server's included; wall {1e3 * ours.wall:.0f} ms",
        )
    )
    if run.profile or not outcome.lines[-1].reached:
        outcome.profiles[name] = f"{_by_family(run, place)}\n" + profile(
            lambda: _report(place), actions=1, rows=14
        )


def _by_family(run: Run, place: Place) -> str:
    """What each family of indicators costs, in ms of CPU undisturbed, the server's included."""
    question = Question(PERIOD, NOW)
    lines = []
    with snapshot(place.db) as tx:
        regions = regions_of(tx)
        for family in FAMILIES:
            cost = Batches(1, server=run.places.server_cpu(place))
            for _ in range(3):
                with cost.one():
                    family(Counting(tx, question, regions, Tally(regions.units)))
            lines.append(f"{1e3 * cost.undisturbed:8.1f} ms  {family.__name__}")
    return "\n".join(lines)


def _report(place: Place) -> None:
    with snapshot(place.db) as tx:
        whole_report(tx, PERIOD, now=NOW)

"""A published tertial: deciding what is hidden, reading a frozen report, writing a workbook."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any, Final

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply_all, past_stays, play
from bench.run import Run
from cases.access import OPERATOR
from reports.attack import recovered
from reports.export import exported
from reports.lifecycle import freeze
from reports.publish import directorate_report, frozen_kept
from reports.relations import table_of
from reports.suppression import decide
from reports.tertial import Period

A_YEAR: Final = 10_000
YEARS: Final = 2
THRESHOLD: Final = 5
DECIDED: Final = 5_000.0
FROZEN: Final = 20.0
WORKBOOK: Final = 1_000.0
ROUNDS: Final = 5
PERIOD: Final = Period(2026, 1)
"""A period that has ended by the bench's clock."""

_CELLS: Final = "SELECT * FROM published_cell"


def publishing(run: Run) -> Outcome:
    """Suppression of the national set, reading it frozen, and XLSX, in CPU of this process."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.places.new(engine)
        chance = random.Random(4)
        play(place, past_stays(150 if run.quick else 500, chance, years=YEARS), chance)
        multiply_all(place, 2_000 if run.quick else A_YEAR * YEARS)
        now = max(NOW, PERIOD.next_at + timedelta(days=10))
        freeze(place.db, OPERATOR, PERIOD, now=now, threshold=THRESHOLD)
        _measure(place, outcome, run)
        place.close()
    return outcome


def _measure(place: Place, outcome: Outcome, run: Run) -> None:
    with place.db.read() as tx:
        kept = frozen_kept(tx, PERIOD)[0]
    table = table_of(kept.report, kept.layout)
    deciding, attacking, reading, bare, writing = (Batches(1) for _ in range(5))
    raw: Any = place.raw()
    later = NOW + timedelta(days=300)

    def read() -> Any:
        return directorate_report(place.db, PERIOD, now=later, threshold=THRESHOLD)

    report = read()
    hidden, lost = kept.hidden, recovered((), kept.published())
    for _ in range(ROUNDS):
        with deciding.one():
            hidden = decide(table, threshold=THRESHOLD)
        with attacking.one():
            lost = recovered((), kept.published())
        with reading.one():
            read()
        with bare.one():
            raw.execute(_CELLS).fetchall()
        with writing.one():
            exported(report, "xlsx")
    raw.close()
    if lost or hidden != kept.hidden:
        raise RuntimeError("what was published is not what would be decided")
    figures = len(table.figures)
    note = f"{len(hidden)} of {figures} figures hidden"
    for name, took, beside, goal in (
        (f"suppression of a national set, {figures} figures", deciding, attacking, DECIDED),
        ("frozen report read", reading, bare, FROZEN),
        ("XLSX of the national set", writing, bare, WORKBOOK),
    ):
        named = f"{name}, {place.engine}"
        outcome.lines.append(
            Line.of(named, took, "ms", limit=beside, goal=goal, said=f"CPU; {note}")
        )
        if run.profile or not outcome.lines[-1].reached:
            outcome.profiles[named] = profile(read, actions=1, rows=14)

"""One case read with everything that belongs to it, as a page of it would be made."""

from __future__ import annotations

import random
from typing import Final

from sqlalchemy import func, select

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply
from bench.run import Run
from cases import queries, views
from cases.access import Viewer
from cases.model import Role
from cases.tables import case_
from core.crypto import REF_CHARACTERS

GOAL: Final = 1.0
"""ms of CPU for one case with everything."""

A_BATCH: Final = 40
ROUNDS: Final = 9

_LIMIT: Final = (
    "SELECT * FROM case_ WHERE ref = {0}",
    "SELECT * FROM task WHERE case_id = {0}",
    "SELECT * FROM answer WHERE case_id = {0}",
    "SELECT * FROM release_date WHERE case_id = {0}",
    "SELECT * FROM stay WHERE case_id = {0}",
    "SELECT * FROM appointment WHERE case_id = {0}",
    "SELECT * FROM transfer WHERE case_id = {0}",
    "SELECT * FROM consent WHERE case_id = {0}",
    "SELECT * FROM due_change WHERE case_id = {0}",
    "SELECT * FROM absence WHERE case_id = {0}",
)
"""What the driver alone needs for the rows of a case, one table after the other."""


def one_case(run: Run) -> Outcome:
    """CPU of the case as a value, and of the view of it that a nurse gets."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.stock.open(engine)
        multiply(place, 5_000)
        them = _some(place)
        load, view, bare = Batches(A_BATCH), Batches(A_BATCH), Batches(A_BATCH)
        _load(place, them)
        _view(place, them)
        for _ in range(ROUNDS):
            with load.one():
                _load(place, them)
            with bare.one():
                _bare(place, them)
            with view.one():
                _view(place, them)
        outcome.lines += [
            Line.of(f"case load with everything, {engine}, CPU", load, "ms", limit=bare, goal=GOAL),
            Line.of(
                f"the same as a nurse's view, {engine}, CPU",
                view,
                "ms",
                limit=bare,
                said="names unsealed, messages and notices read, without the log row",
            ),
        ]
        if run.profile or not outcome.lines[-2].reached:
            outcome.profiles[f"case load, {engine}"] = profile(
                lambda place=place, them=them: _load(place, them),  # type: ignore[misc]
                actions=A_BATCH,
            )
        run.places.drop(place)
    return outcome


def _some(place: Place) -> list[tuple[str, str, int]]:
    with place.db.read() as tx:
        rows = tx.execute(
            select(case_.c.ref, case_.c.unit, case_.c.id)
            .where(case_.c.phase == "in_prison", func.length(case_.c.ref) == REF_CHARACTERS)
            .order_by(case_.c.id)
        ).all()
    return [(row.ref, row.unit, row.id) for row in random.Random(7).sample(list(rows), A_BATCH)]


def _nurse(unit: str) -> Viewer:
    return Viewer("staff000001", Role.HEALTH, frozenset({unit}))


def _load(place: Place, them: list[tuple[str, str, int]]) -> None:
    for ref, unit, _ in them:
        with place.db.read() as tx:
            queries.case_by_ref(tx, _nurse(unit), ref)


def _view(place: Place, them: list[tuple[str, str, int]]) -> None:
    for ref, unit, _ in them:
        viewer = _nurse(unit)
        with place.db.read() as tx:
            case = queries.case_by_ref(tx, viewer, ref)
            views.case_view(tx, viewer, case, now=NOW)


def _bare(place: Place, them: list[tuple[str, str, int]]) -> None:
    raw = place.raw()
    mark = "?" if place.engine == "sqlite" else "%s"
    of_case, *of_parts = (text.format(mark) for text in _LIMIT)
    for ref, _, case_id in them:
        raw.execute("BEGIN")
        raw.execute(of_case, (ref,)).fetchall()
        for text in of_parts:
            raw.execute(text, (case_id,)).fetchall()
        raw.execute("COMMIT")
    raw.close()

"""A page of fifty overdue or coming cases, out of fifty thousand open ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply
from bench.run import Run
from cases import queries
from cases.access import OPERATOR, Viewer
from cases.model import Role
from core.db import instant_text

OPEN: Final = 50_000
PAGE: Final = 50
GOAL: Final = 3.0
"""ms of CPU for a request, of which the query is the larger part."""

ROUNDS: Final = 9

EARLIEST: Final = {
    "sqlite": (
        "SELECT c.ref, p.ref, p.identity_enc, c.unit, c.phase, c.participation, t.code, t.due_at "
        "FROM task t JOIN case_ c ON c.id = t.case_id JOIN person p ON p.id = c.person_id "
        "WHERE t.state = 'open' AND t.due_at < ? ORDER BY t.due_at LIMIT 50"
    ),
    "postgres": (
        "SELECT c.ref, p.ref, p.identity_enc, c.unit, c.phase, c.participation, t.code, t.due_at "
        "FROM task t JOIN case_ c ON c.id = t.case_id JOIN person p ON p.id = c.person_id "
        "WHERE t.state = 'open' AND t.due_at < %s ORDER BY t.due_at LIMIT 50"
    ),
}
"""What a page costs at least: the fifty earliest overdue tasks, through the index."""


def lists(run: Run) -> Outcome:
    """CPU and wall time of one page, for everybody's cases and for those of one unit."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.stock.open(engine)
        there = multiply(place, 10_000 if run.quick else OPEN)
        server = run.places.server_cpu(place)
        nurse = Viewer("staff000001", Role.COORDINATOR, frozenset({"bergen"}))
        limit = _driver(place, server)
        for whose, viewer in (("all units", OPERATOR), ("one unit", nurse)):
            for what, overdue in (("overdue", True), ("caseload", False)):
                ours = Batches(1, server=server)
                _page(place, viewer, overdue=overdue)
                for _ in range(ROUNDS):
                    with ours.one():
                        _page(place, viewer, overdue=overdue)
                name = f"page of {PAGE}, {what}, {whose}, {engine}, {there:,} open"
                outcome.lines.append(
                    Line.of(
                        name,
                        ours,
                        "ms",
                        limit=limit,
                        goal=GOAL,
                        said=f"CPU, the server's included; wall {1e3 * ours.wall:.1f} ms",
                    )
                )
        if run.profile:
            outcome.profiles[f"page of {PAGE}, {engine}"] = profile(
                lambda place=place: _page(place, OPERATOR, overdue=True),  # type: ignore[misc]
                actions=1,
            )
        run.places.drop(place)
    return outcome


def _page(place: Place, viewer: Viewer, *, overdue: bool) -> list[queries.CaseLine]:
    with place.db.read() as tx:
        return list(queries.case_lines(tx, viewer, now=NOW, overdue=overdue, limit=PAGE))


def _driver(place: Place, server: Callable[[], float] | None) -> Batches:
    raw: Any = place.raw()
    now = instant_text(NOW) if place.engine == "sqlite" else NOW
    bare = Batches(1, server=server)
    for _ in range(ROUNDS):
        with bare.one():
            raw.execute(EARLIEST[place.engine], (now,)).fetchall()
    raw.close()
    return bare

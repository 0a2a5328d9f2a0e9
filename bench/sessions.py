"""A group session of thirty whose attendance list is entered: everybody's task in one go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from bench.clock import NOW
from bench.completion import TASK, complete_one, open_tasks
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply
from bench.run import Run
from cases import attendance, sessions
from cases.access import Viewer
from cases.model import Role
from cases.tables import case_, task

PRESENT: Final = 30
GOAL: Final = 30.0
"""ms of CPU for the whole list."""

ROUNDS: Final = 7
HELD_AT: Final = NOW - timedelta(hours=20)


def group_sessions(run: Run) -> Outcome:
    """CPU of one list of thirty, beside thirty completions one by one."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.stock.open(engine)
        multiply(place, 5_000)
        lists = _lists(place, ROUNDS + 2)
        ours, singly = Batches(1), Batches(1)
        in_lists = {ref for _, refs in lists for ref in refs}
        tasks = open_tasks(place, PRESENT * ROUNDS + len(in_lists))
        alone = (each for each in tasks if each.ref not in in_lists)
        for number, (unit, refs) in enumerate(lists[:-1]):
            viewer = Viewer("staff000001", Role.COORDINATOR, frozenset({unit}))
            ref = _planned(place, viewer, unit, refs)
            if number == 0:
                _hold(place, viewer, ref, refs)
                continue
            with ours.one():
                _hold(place, viewer, ref, refs)
            with singly.one():
                for _ in range(PRESENT):
                    complete_one(place, next(alone))
        outcome.lines.append(
            Line.of(
                f"session of {PRESENT} entered, {engine}, CPU",
                ours,
                "ms",
                limit=singly,
                goal=GOAL,
                said="the limit is thirty completions, each with its commit",
            )
        )
        if run.profile or not outcome.lines[-1].reached:
            unit, refs = lists[-1]
            viewer = Viewer("staff000001", Role.COORDINATOR, frozenset({unit}))
            ref = _planned(place, viewer, unit, refs)
            outcome.profiles[f"session of {PRESENT}, {engine}"] = profile(
                lambda place=place, viewer=viewer, ref=ref, refs=refs: _hold(  # type: ignore[misc]
                    place, viewer, ref, refs
                ),
                actions=1,
            )
        run.places.drop(place)
    return outcome


def _lists(place: Place, number: int) -> list[tuple[str, list[str]]]:
    """Lists of thirty persons of one unit whose talk is still to be held."""
    with place.db.read() as tx:
        rows = tx.execute(
            select(case_.c.unit, case_.c.ref)
            .join(task, task.c.case_id == case_.c.id)
            .where(
                task.c.code == TASK,
                task.c.state == "open",
                case_.c.phase == "in_prison",
                case_.c.admitted_at < HELD_AT,
            )
            .order_by(case_.c.unit, case_.c.id)
        ).all()
    by_unit: dict[str, list[str]] = {}
    for row in rows:
        by_unit.setdefault(row.unit, []).append(row.ref)
    lists = list(_cut(by_unit))
    if len(lists) < number:
        raise RuntimeError(f"{number} lists are needed, {len(lists)} are there")
    return lists[:number]


def _cut(by_unit: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    for unit, refs in by_unit.items():
        for start in range(0, len(refs) - PRESENT + 1, PRESENT):
            yield unit, refs[start : start + PRESENT]


def _planned(place: Place, viewer: Viewer, unit: str, refs: list[str]) -> str:
    with place.db.write() as tx:
        session = sessions.plan_session(tx, viewer, unit, TASK, HELD_AT, now=HELD_AT)
        sessions.add_cases(tx, viewer, session.ref, refs, now=HELD_AT)
    return session.ref


def _hold(place: Place, viewer: Viewer, ref: str, refs: list[str]) -> None:
    with place.db.write() as tx:
        held = attendance.hold(tx, viewer, ref, refs, now=NOW)
    if held.skipped:
        raise RuntimeError(f"{len(held.skipped)} of a list had done it already")

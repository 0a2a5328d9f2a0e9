"""One durable completion through the service verb: load, rules, rows, event, log, one commit."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.population import multiply, open_stays, play
from bench.recording import Replay, recorded
from bench.run import Run
from cases import service
from cases.access import Viewer
from cases.model import Role
from cases.tables import case_, task

GOALS: Final = {"sqlite": 500.0, "postgres": 900.0}
"""µs of CPU each."""

STATEMENTS: Final = 8.0
TASK: Final = "talk_held"
BATCHES: Final = 9
WARMING: Final = 50


@dataclass(frozen=True, slots=True)
class _Todo:
    ref: str
    viewer: Viewer


def completion(run: Run) -> Outcome:
    """CPU of one completion on both engines, beside the driver alone writing the same rows."""
    outcome = Outcome()
    for engine in run.engines:
        _measure(run, engine, outcome)
    return outcome


def _measure(run: Run, engine: str, outcome: Outcome) -> None:
    size = 40 if run.quick else 150
    place = run.places.new(engine)
    chance = random.Random(1)
    play(place, open_stays(100 if run.quick else 300, chance), chance)
    multiply(place, 2_500 if run.quick else 10_000)
    todo = _todo(place, WARMING + BATCHES * size)
    ours = run.places.copy(place)
    rehearsed = run.places.copy(run.places.reopened(place))
    limit = run.places.copy(run.places.reopened(place))
    with recorded(rehearsed.db) as recording:
        _complete_all(rehearsed, todo)
    rehearsed.close()
    replay = Replay(limit, recording)
    batches, bare = Batches(size), Batches(size)
    _complete_all(ours, todo[:WARMING])
    replay.run(WARMING)
    for few in _cut(todo[WARMING:], size):
        with batches.one():
            _complete_all(ours, few)
        with bare.one():
            replay.run(size)
    replay.close()
    goal = GOALS[engine]
    outcome.lines += [
        Line(
            f"completion, {engine}, CPU",
            1e6 * batches.cpu,
            "µs",
            1e6 * bare.cpu,
            goal,
            f"ours {batches.parts}; limit {bare.parts}; wall {1e6 * batches.wall:.0f} µs; "
            f"quickest batches {1e6 * batches.quickest:.0f} against {1e6 * bare.quickest:.0f} µs",
        ),
        Line(
            f"completion, {engine}, statements",
            recording.statements / len(todo),
            "",
            recording.rows / len(todo),
            STATEMENTS,
            "reads included; the limit is the rows written",
        ),
    ]
    if 1e6 * batches.cpu > goal or run.profile:
        more = _todo(ours, 4 * size)
        outcome.profiles[f"completion, {engine}"] = profile(
            lambda: _complete_all(ours, more), actions=len(more)
        )


def _complete_all(place: Place, todo: Iterable[_Todo]) -> None:
    for each in todo:
        _complete(place, each)


def _todo(place: Place, number: int) -> list[_Todo]:
    with place.db.read() as tx:
        rows = tx.execute(
            select(case_.c.ref, case_.c.unit)
            .join(task, task.c.case_id == case_.c.id)
            .where(task.c.code == TASK, task.c.state == "open", case_.c.phase == "in_prison")
            .order_by(case_.c.id)
        ).all()
    if len(rows) < number:
        raise RuntimeError(f"{number} open tasks are needed, {len(rows)} are there")
    shuffled = list(rows)
    random.Random(2).shuffle(shuffled)
    return [
        _Todo(row.ref, Viewer("staff000001", Role.OFFICER, frozenset({row.unit})))
        for row in shuffled[:number]
    ]


def _complete(place: Place, todo: _Todo) -> None:
    with place.db.write() as tx:
        service.complete_task(tx, todo.viewer, todo.ref, service.TaskDone(TASK), now=NOW)


def _cut(todo: list[_Todo], size: int) -> Iterator[list[_Todo]]:
    for start in range(0, len(todo), size):
        yield todo[start : start + size]

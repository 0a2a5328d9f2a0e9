"""One durable completion through the service verb: load, rules, rows, event, log, one commit."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

from sqlalchemy import select

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place, in_memory, places
from bench.population import multiply
from bench.recording import Replay, recorded
from bench.run import Run
from cases import service
from cases.access import Viewer
from cases.model import Role
from cases.tables import case_, task
from core.crypto import REF_CHARACTERS

GOALS: Final = {"sqlite": 500.0, "postgres": 900.0}
"""µs of CPU each."""

STATEMENTS: Final = 8.0
TASK: Final = "talk_held"
BATCHES: Final = 9
WARMING: Final = 50

WHY: Final = """\
Why the time is missed: the seven statements and their durable commit are about a quarter of it,
and cost the driver alone as much as *limit* says. The rest lies evenly over what a completion has
to do: reading the whole case in one statement and making values of it, the plan and the wanted
messages, the one comparison that gives rows and event, two log rows sealed into their chains with
two heads, and calling the driver. No function of ours has a tenth of it; HMACs are keyed once, JSON
encoders, compiled statements and calendars kept already; half as much would need another language
or fewer facts, not another way of writing this."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One completion to be made."""

    ref: str
    viewer: Viewer


def completion(run: Run) -> Outcome:
    """CPU of one completion on both engines, beside the driver alone writing the same rows."""
    outcome = Outcome(why=WHY)
    for engine in run.engines:
        _measure(run, engine, outcome)
    if "sqlite" in run.engines and in_memory() is not None:
        # Nobody runs while we wait for a disk, so the caches stay warm: what our code costs by
        # itself. The transactions are the same; only a power cut would tell the difference.
        with places(in_memory()) as made:
            warm = Run(made, run.quick, run.full, run.profile, ("sqlite",))
            _measure(warm, "sqlite", outcome, where=", files in memory")
    return outcome


def _measure(run: Run, engine: str, outcome: Outcome, *, where: str = "") -> None:
    size = 20 if run.quick else 100
    place = run.stock.open(engine)
    multiply(place, 2_500 if run.quick else 10_000)
    todo = open_tasks(place, WARMING + BATCHES * size)
    ours = run.places.copy(place)
    rehearsed = run.places.copy(run.places.reopened(place))
    limit = run.places.copy(run.places.reopened(place))
    with recorded(rehearsed.db) as recording:
        _complete_all(rehearsed, todo)
    counted = _counted(rehearsed)
    run.places.drop(rehearsed)
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
    run.places.drop(limit)
    goal = GOALS[engine]
    outcome.lines += [
        Line.of(
            f"completion, {engine}{where}, CPU",
            batches,
            "µs",
            limit=bare,
            goal=goal,
            said=f"ours {batches.parts}; limit {bare.parts}; wall {1e6 * batches.wall:.0f} µs; "
            f"quickest batches {1e6 * batches.quickest:.0f} against {1e6 * bare.quickest:.0f} µs",
        ),
        Line(
            f"completion, {engine}{where}, statements",
            recording.statements / len(todo),
            "",
            recording.rows / len(todo),
            STATEMENTS,
            "reads included, on average: one more at a unit's first act of a month; the limit is "
            "the rows written",
        ),
        *(
            Line(f"completion {what}, {engine}{where}, statements", statements, "", goal=goal)
            for what, statements, goal in counted
        ),
    ]
    if run.profile or not all(line.reached for line in outcome.lines if line.goal == goal):
        more = open_tasks(ours, 4 * size)
        outcome.profiles[f"completion, {engine}{where}"] = profile(
            lambda: _complete_all(ours, more), actions=len(more)
        )


_KINDS: Final = (
    ("with a health answer", "intake_talk", "at_risk", Role.HEALTH, STATEMENTS),
    ("with a spray and its ledger row", "handed_over", "card_and_spray", Role.OFFICER, None),
)
"""Completions that write more than others, and the statements they may take."""


def _counted(place: Place) -> Iterator[tuple[str, float, float | None]]:
    """How many statements such completions take, in the middle of a few."""
    return iter(
        [
            (what, _count(place, code, answer, role), goal)
            for what, code, answer, role, goal in _KINDS
        ]
    )


def _count(place: Place, code: str, answer: str, role: Role) -> float:
    taken = []
    # Those that were played: a copied person has no key to seal an answer with.
    played = [(ref, unit) for ref, unit in _open(place, code) if len(ref) == REF_CHARACTERS]
    for ref, unit in played[:9]:
        viewer = Viewer("staff000001", role, frozenset({unit}))
        with recorded(place.db) as recording, place.db.write() as tx:
            service.complete_task(tx, viewer, ref, service.TaskDone(code, answer=answer), now=NOW)
        taken.append(recording.statements)
    return float(median(taken))


def _complete_all(place: Place, todo: Iterable[Todo]) -> None:
    for each in todo:
        complete_one(place, each)


def open_tasks(place: Place, number: int) -> list[Todo]:
    """Tasks to be completed, all over the database, each with an officer of its unit."""
    rows = _open(place, TASK)
    if len(rows) < number:
        raise RuntimeError(f"{number} open tasks are needed, {len(rows)} are there")
    return [
        Todo(ref, Viewer("staff000001", Role.OFFICER, frozenset({unit})))
        for ref, unit in rows[:number]
    ]


def _open(place: Place, code: str) -> list[tuple[str, str]]:
    """Cases, with their units, that have this task open; those released have `handed_over`."""
    phase = "follow_up" if code == "handed_over" else "in_prison"
    with place.db.read() as tx:
        rows = tx.execute(
            select(case_.c.ref, case_.c.unit)
            .join(task, task.c.case_id == case_.c.id)
            .where(task.c.code == code, task.c.state == "open", case_.c.phase == phase)
            .order_by(case_.c.id)
        ).all()
    found = [(row.ref, row.unit) for row in rows]
    random.Random(2).shuffle(found)
    return found


def complete_one(place: Place, todo: Todo) -> None:
    """One completion in its own transaction."""
    with place.db.write() as tx:
        service.complete_task(tx, todo.viewer, todo.ref, service.TaskDone(TASK), now=NOW)


def _cut(todo: list[Todo], size: int) -> Iterator[list[Todo]]:
    for start in range(0, len(todo), size):
        yield todo[start : start + size]

"""The last twelve months of a demo, lived through the same verbs that staff use.

Everything happens in one open transaction, the caller's: an `init` that is cut short leaves nothing
and is simply done again, and a commit to each of some hundred thousand acts would take an hour.
Only simulated time passes: each act is recorded at its own moment, the sweep runs within minutes of
whatever falls due, and reminders go when they should (to nobody). So notices, late entries and
reports as of any day in the year are what they would have been.

Reproducible: the same seed, number of cases and moment give the same people, dates, acts and
outcomes, and so the same figures. Not: references, keys, and what follows from them (the order of
rows that have nothing else to be ordered by). Another day as `now` gives another year.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, select

from app.demo.answers import Answers
from app.demo.groups import Groups
from app.demo.habits import habits_of, shown_in, sizes_in
from app.demo.imprisonments import Imprisonments
from app.demo.leaving import Leaving
from app.demo.meetings import Meetings
from app.demo.moving import Moving
from app.demo.post import Nobody
from app.demo.rosters import Rosters
from app.demo.shelf import Shelf
from app.demo.work import Work
from app.demo.world import Life, World
from cases import organisation
from cases.sending import ASK
from cases.sweep import sweep
from cases.tables import case_, task
from core.clock import from_local, local_date
from core.db import CACHE_KIB, Inside
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from core.statement import Prepared
from notifications.delivery import deliver

DAYS: Final = 365

GRID: Final = timedelta(minutes=30)
"""The sweep comes at most this long after what it is needed for; mostly at once, at 15:00."""

_CACHE_KIB: Final = 64_000
"""KiB of SQLite's cache while a year is lived."""

Progress = Callable[[int, int], None]
"""Told how many days of how many have passed."""

# Where the sweep looks: both through an index of what waits alone.
_WAKES: Final = tuple(
    Prepared(
        select(table.c.wake_at)
        .where(table.c.wake_at.is_not(None))
        .order_by(table.c.wake_at)
        .limit(1)
    )
    for table in (task, case_)
)


@dataclass(slots=True)
class Lived:
    """What a year was made of. `refused` are acts that a verb refused, by verb and error."""

    cases: int = 0
    acts: int = 0
    sweeps: int = 0
    deliveries: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def beginning(now: datetime) -> datetime:
    """The local midnight with which the year before `now` begins."""
    return from_local(local_date(now) - timedelta(days=DAYS), time())


def live(
    tx: Connection, *, cases: int, seed: int, now: datetime, progress: Progress | None = None
) -> Lived:
    """Live the year up to `now` with `cases` imprisonments, in a database of units and staff."""
    if tx.dialect.name != "sqlite":
        return _Year(tx, cases, seed, now).live(progress)
    # All that was changed stays in memory until the commit, instead of being written out, read in
    # and changed again for every act.
    tx.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
    try:
        return _Year(tx, cases, seed, now).live(progress)
    finally:
        tx.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")


class _Year:
    def __init__(self, tx: Connection, cases: int, seed: int, now: datetime) -> None:
        self._begin = begin = beginning(now)
        habits = habits_of(organisation.units(tx, local_date(begin)), seed)
        self._world = world = World(tx, habits, seed=seed, until=now)
        self._lived = Lived(refused=world.refused)
        self._posted: set[datetime] = set()
        self._rosters = Rosters(world, self._opened)
        answers, groups = Answers(world), Groups(world)
        meetings, shelf = Meetings(world), Shelf(world, cases=cases)
        work = Work(world, answers=answers, groups=groups, meetings=meetings, shelf=shelf)
        self._moving = Moving(world, self._rosters)
        self._leaving = Leaving(
            world, rosters=self._rosters, answers=answers, meetings=meetings, shelf=shelf
        )
        for watching in (
            work.plan,
            meetings.watch,
            self._moving.watch,
            self._leaving.watch,
        ):
            world.followers.append(watching)
        shelf.begin(begin)
        groups.begin(local_date(begin))
        sizes = sizes_in(habits, cases)
        imprisonments = Imprisonments(seed, sizes, shown_in(habits), begin=begin, now=now)
        for number in range(cases):
            self._rosters.expect(imprisonments.make(number))
        self._rosters.begin(begin)

    def _opened(self, life: Life, now: datetime) -> None:
        self._lived.cases += 1
        self._moving.expect(life, now)
        self._leaving.expect(life, now)

    def live(self, progress: Progress | None) -> Lived:
        world, agenda = self._world, self._world.agenda
        passed = 0
        while (next_at := agenda.next_at()) is not None:
            if world.wake_at is not None and _on_grid(world.wake_at) < next_at:
                self._sweep(_on_grid(world.wake_at))
                continue
            at, act = agenda.take()
            self._act(act, at)
            self._post()
            days = (at - self._begin) // timedelta(days=1)
            if progress is not None and days > passed:
                progress(days, DAYS)
                passed = days
        while world.wake_at is not None and (at := _on_grid(world.wake_at)) < world.until:
            self._sweep(at)
        self._sweep(world.until)
        self._deliver(world.until)
        if progress is not None:
            progress(DAYS, DAYS)
        return self._lived

    def _act(self, act: Callable[[datetime], None], at: datetime) -> None:
        self._lived.acts += 1
        try:
            act(at)
        except (BadInput, Conflict, NotAllowed, NotFound, Refused) as refused:
            # Staff are refused now and then; a year in which they are is not well thought through.
            name = getattr(act.func, "__name__", "act") if isinstance(act, partial) else "act"
            self._world.refused[f"{name} {type(refused).__name__}"] += 1

    def _sweep(self, at: datetime) -> None:
        sweep(Inside(self._world.tx), now=at)
        self._lived.sweeps += 1
        wakes = [row[0] for each in _WAKES if (row := each.row(self._world.tx, {})) is not None]
        self._world.wake_at = min(wakes, default=None)

    def _post(self) -> None:
        """Put the reminders that somebody wants by now on the agenda."""
        for send_at in sorted(self._world.send_at - self._posted):
            self._posted.add(send_at)
            self._world.agenda.add(send_at + timedelta(minutes=1), self._deliver)
        self._world.send_at.clear()

    def _deliver(self, now: datetime) -> None:
        self._lived.deliveries += 1
        deliver(
            Inside(self._world.tx),
            Nobody(),
            ask=ASK,
            clock=lambda: now,
            owner="demo",
        )


def _on_grid(at: datetime) -> datetime:
    """The next moment at which the sweep comes by."""
    over = timedelta(minutes=at.minute % 30, seconds=at.second, microseconds=at.microsecond)
    return at if not over else at - over + GRID

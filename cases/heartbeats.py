"""The heartbeats of the loops: who lives, and which parts stand still.

A loop notes its own life in memory; one thread of the worker writes what was noted. They tell of
the real time, also where a demo's clock stands still.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from cases.tables import heartbeat
from core.clock import Clock, system_now
from core.statement import Prepared

STALE: Final = timedelta(seconds=60)
"""A heartbeat older than this is taken for a loop that stands still."""

FORGOTTEN: Final = timedelta(hours=1)
"""Heartbeats older than this, of workers long gone, are taken out."""

PREFECT: Final = "prefect"
"""Not a loop: the last time that Prefect answered a worker."""

_BEAT: Final = Prepared(
    update(heartbeat)
    .where(heartbeat.c.loop == bindparam("b_loop"), heartbeat.c.worker == bindparam("b_worker"))
    .values(at=bindparam("b_at"))
)
_FIRST: Final = Prepared(insert(heartbeat))
_NEWEST: Final = select(heartbeat.c.loop, func.max(heartbeat.c.at)).group_by(heartbeat.c.loop)
_WORKERS: Final = (
    select(heartbeat.c.worker)
    .group_by(heartbeat.c.worker)
    .having(func.max(heartbeat.c.at) >= bindparam("since", type_=heartbeat.c.at.type))
)
_OLD: Final = delete(heartbeat).where(heartbeat.c.at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """How one loop stands. `at` is its newest heartbeat, None before the first."""

    loop: str
    at: datetime | None
    alive: bool


class Beats:
    """What the loops of one process have noted since it was last written."""

    def __init__(self, worker: str, clock: Clock = system_now) -> None:
        self.worker = worker
        self._clock = clock
        self._noted: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def note(self, loop: str) -> None:
        """The loop lives."""
        with self._lock:
            self._noted[loop] = self._clock()

    def take(self) -> dict[str, datetime]:
        """What is to be written; gives it once."""
        with self._lock:
            noted, self._noted = self._noted, {}
            return noted

    def put_back(self, noted: dict[str, datetime]) -> None:
        """It could not be written: the next time, unless something newer was noted."""
        with self._lock:
            self._noted = noted | self._noted


def beat(tx: Connection, loop: str, worker: str, *, now: datetime) -> None:
    """Write one heartbeat."""
    values = {"b_loop": loop, "b_worker": worker, "b_at": now}
    if _BEAT.run(tx, values) == 0:
        _FIRST.run(tx, {"loop": loop, "worker": worker, "at": now})


def write(tx: Connection, beats: dict[str, datetime], worker: str) -> None:
    """Write what the loops of a worker noted."""
    for loop, instant in beats.items():
        beat(tx, loop, worker, now=instant)


def health(tx: Connection, loops: Iterable[str], *, now: datetime) -> list[LoopHealth]:
    """The loops by their newest heartbeats, of whichever worker."""
    newest = {row[0]: row[1] for row in tx.execute(_NEWEST)}
    found = []
    for loop in loops:
        at = newest.get(loop)
        found.append(LoopHealth(loop, at, at is not None and now - at <= STALE))
    return found


def living_workers(tx: Connection, *, since: datetime) -> frozenset[str]:
    """The workers that gave a sign of life since then."""
    return frozenset(tx.execute(_WORKERS, {"since": since}).scalars())


def forget(tx: Connection, worker: str) -> None:
    """A worker has ended, and everybody may know."""
    tx.execute(delete(heartbeat).where(heartbeat.c.worker == worker))


def forget_old(tx: Connection, *, now: datetime) -> int:
    """Take out what workers long gone have left; how many rows."""
    return tx.execute(_OLD, {"before": now - FORGOTTEN}).rowcount

"""What other processes do in tests: complete tasks at once, or until they are killed.

They start from a fork server that has loaded the house already, so that a process costs some
milliseconds and shares nothing with the test.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import event

from cases import service
from cases.access import Viewer
from cases.model import Role
from cases.rules import TaskNotOpen
from cases.service import TaskDone
from core.crypto import KeyRing
from tests.cases.desk import Desk, reopened

Job = tuple[str, str]
"""A case's reference and the code of a task."""


class Place(NamedTuple):
    """Where a desk stands, as it is told to another process."""

    url: str
    keys: str
    ring: str

    @classmethod
    def of(cls, desk: Desk, keys: Path) -> Place:
        url = desk.db.url.render_as_string(hide_password=False)
        return cls(url, str(keys), desk.ring.to_json())

    def open(self) -> Desk:
        return reopened(self.url, Path(self.keys), KeyRing.from_json(self.ring))


def processes() -> ForkServerContext:
    """Where new processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.cases.rivals"])
    return context


def rival(account: str) -> Viewer:
    return Viewer(account, Role.OPERATOR)


def race(place: Place, account: str, jobs: Sequence[Job], now: datetime, line: Connection) -> None:
    """Say when ready, wait for the start, and complete every job; tell what became of each."""
    desk = place.open()
    outcomes: list[tuple[str, Any]] = []
    line.send("ready")
    for ref, code in jobs:
        line.recv()  # the start of this race
        try:
            desk.do(service.complete_task, rival(account), ref, TaskDone(code), now=now)
        except TaskNotOpen as beaten:
            outcomes.append(("beaten", (dict(beaten.current), str(beaten))))
        else:
            outcomes.append(("won", account))
        line.send(outcomes[-1])
    desk.close()


def work_until_killed(
    place: Place, jobs: Sequence[Job], now: datetime, line: Connection, *, point: str, nth: int
) -> None:
    """Complete every job and acknowledge each after its commit; die at the `nth` at a `point`.

    `point`: `statement` (in the middle of the change), `before_commit`, `after_commit` (before
    the answer goes out), or `never`: somebody else kills.
    """
    desk = place.open()
    desk.look(lambda tx: tx.exec_driver_sql("SELECT 1").scalar())
    if point in ("statement", "before_commit"):
        _die_inside(desk, point, nth)
    line.send("ready")
    for number, (ref, code) in enumerate(jobs, start=1):
        desk.do(service.complete_task, rival("victim"), ref, TaskDone(code), now=now)
        if point == "after_commit" and number == nth:
            _die()
        line.send((ref, code))
    desk.close()


def _die_inside(desk: Desk, point: str, nth: int) -> None:
    left = [nth]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            _die()

    name = "commit" if point == "before_commit" else "after_cursor_execute"
    event.listen(desk.db.engine, name, count)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

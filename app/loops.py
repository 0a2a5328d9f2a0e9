"""The loops that make the engine run by itself: sweep and deliver, each with its heartbeat.

Each runs in a thread of its own, looks every few seconds, and goes on after any failure: a loop
that stopped would be a missed task that nobody hears of. What fails is logged by kind and place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, update

from app.installation import Installation
from cases.sending import deliver_due
from cases.sweep import sweep
from cases.tables import heartbeat
from core.clock import system_now
from core.crypto import new_ref
from notifications.sender import Sender

EVERY: Final = 5.0
"""Seconds between two looks of a loop."""

_log: Final = logging.getLogger(__name__)
_BEAT: Final = (
    update(heartbeat)
    .where(heartbeat.c.loop == bindparam("b_loop"), heartbeat.c.worker == bindparam("b_worker"))
    .values(at=bindparam("b_at"))
)


class Loops:
    """The loops of one process. `start`, then `stop`, which waits for what is being done."""

    def __init__(self, house: Installation, sender: Sender, *, every: float = EVERY) -> None:
        self._house = house
        self._every = every
        self._worker = f"worker-{new_ref()}"
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, act), name=name, daemon=True)
            for name, act in (
                ("sweep", lambda: sweep(house.db, now=house.now())),
                ("deliver", lambda: deliver_due(house, sender)),
            )
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, within: float = 25.0) -> bool:
        """Ask the loops to end and wait; False if one is still busy after `within` seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(within)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, name: str, act: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            try:
                act()
                # Heartbeats tell of the real time, also where a demo's clock stands still.
                self._house.db.transact(lambda tx: beat(tx, name, self._worker, now=system_now()))
            except Exception:  # noqa: BLE001 - whatever it is, the next look must come
                _log.exception("the loop failed and goes on", extra={"loop": name})
            self._stopping.wait(self._every)


def beat(tx: Connection, loop: str, worker: str, *, now: datetime) -> None:
    """Write the heartbeat of a loop."""
    values = {"b_loop": loop, "b_worker": worker, "b_at": now}
    if tx.execute(_BEAT, values).rowcount == 0:
        tx.execute(insert(heartbeat), {"loop": loop, "worker": worker, "at": now})

"""The loops that tell and send: plain functions in threads of their own, whatever Prefect does.

Each asks one indexed question every few seconds; when there is work it does it, watched by a run in
Prefect if Prefect is there. A loop that stopped would be a missed task that nobody hears of, so it
goes on after any failure.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from prefect import Flow
from sqlalchemy import Connection

from cases import look_index
from cases.heartbeats import Beats
from cases.installation import Installation
from cases.sending import deliver_due, sender_of
from cases.sweep import is_due, sweep
from core.db import Transactions
from core.errors import Busy
from flows import due
from flows.carrier import Carrier
from flows.waits import Waits
from notifications.due import anything_due
from notifications.sender import Found, Sender, SendRequest, SendResult, Sought

T = TypeVar("T")

EVERY: Final = 5.0
"""Seconds between two looks of a loop."""

AT_LEAST_EVERY: Final = 60.0
"""Seconds after which the work is done without asking: a question may overlook something."""

_log: Final = logging.getLogger(__name__)


class Loop:
    """One loop in a thread. `start`, then `stop`, which waits for what is being done."""

    def __init__(
        self,
        flow: Flow[[], Any],
        *,
        question: Callable[[], bool],
        act: Callable[[], Any],
        carrier: Carrier,
        beats: Beats,
    ) -> None:
        self._flow = flow
        self._question = question
        self._act = act
        self._carrier = carrier
        self._beats = beats
        self._done = 0.0
        self._waits = Waits(flow.name)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=flow.name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """No further look."""
        self._stopping.set()

    def join(self, within: float) -> bool:
        """Wait for what is being done; False if it is still busy after so many seconds."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._beats.note(self._flow.name)
                self._waits.over()
            except Busy as busy:
                self._waits.begun(busy)
            except Exception:  # noqa: BLE001 - whatever it is, the next look must come
                _log.exception("the loop failed and goes on", extra={"loop": self._flow.name})
            self._stopping.wait(EVERY)

    def _look(self) -> None:
        if self._question():
            with self._carrier.carrying(self._flow) as carried:
                carried.said = due.counted(self._act())
        elif time.monotonic() - self._done >= AT_LEAST_EVERY:
            self._act()
        else:
            return
        self._done = time.monotonic()


def loops_of(
    house: Installation, carrier: Carrier, beats: Beats, stopping: threading.Event
) -> list[Loop]:
    """Sweep and deliver; when `stopping` is set a long delivery ends after its batch."""
    sender = Noting(sender_of(house, sys.stderr), beats)

    def asked(question: Callable[[Connection], bool]) -> bool:
        with house.db.read() as tx:
            return question(tx)

    def swept() -> Any:
        done = sweep(NotingEach(house.db, beats), now=house.now())
        # In passing, and only where many wait: nobody waits for these.
        look_index.catch_up(house.db, from_many=look_index.MANY)
        return done

    return [
        Loop(
            due.sweep,
            question=lambda: asked(lambda tx: is_due(tx, now=house.now())),
            act=swept,
            carrier=carrier,
            beats=beats,
        ),
        Loop(
            due.deliver,
            question=lambda: asked(lambda tx: anything_due(tx, now=house.now())),
            act=lambda: deliver_due(house, sender, go_on=lambda: not stopping.is_set()),
            carrier=carrier,
            beats=beats,
        ),
    ]


class NotingEach:
    """Transactions that note the sweep's life at each chunk: a long sweep stands not still."""

    def __init__(self, db: Transactions, beats: Beats) -> None:
        self._db = db
        self._beats = beats

    def transact(self, verb: Callable[[Connection], T]) -> T:
        """Run a verb in a write transaction."""
        self._beats.note(due.sweep.name)
        return self._db.transact(verb)


class Noting:
    """A sender that notes the delivery's life at each call: a provider may be slow."""

    def __init__(self, sender: Sender, beats: Beats) -> None:
        self._sender = sender
        self._beats = beats
        self.takes_replies = sender.takes_replies
        self.threaded = sender.threaded

    def send(self, request: SendRequest) -> SendResult:
        """Send one message."""
        self._beats.note(due.deliver.name)
        return self._sender.send(request)

    def look_up(self, sought: Sought) -> Found:
        """Ask what the provider has."""
        self._beats.note(due.deliver.name)
        return self._sender.look_up(sought)

    def erase(self, provider_id: str) -> bool:
        """Have the provider forget a text."""
        self._beats.note(due.deliver.name)
        return self._sender.erase(provider_id)

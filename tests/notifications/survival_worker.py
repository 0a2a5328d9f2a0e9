"""The workers of the survival test: they deliver through the real SDK, and die where they are told.

Run as a program this is the stem from which workers are forked, so that each costs milliseconds
and not the second that importing takes: it reads orders as lines of JSON on stdin, forks a worker
for each, and prints the worker's process id. A worker delivers until it is killed.

`order` chooses in which order sending and remembering happen: `claim` is ours; `send_then_mark`
and `mark_then_send` are the two naive ones, which the test must catch.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, text

from core.clock import system_now
from core.db import Database
from core.errors import Busy
from notifications.delivery import Ask, deliver
from notifications.sender import Found, Outcome, SendRequest, SendResult, Sought
from notifications.timing import Timing
from notifications.twilio_sender import TwilioAccount, TwilioSender
from tests.notifications.standin import SID, TOKEN

T = TypeVar("T")
POINTS: Final = (
    "before_claim",
    "inside_claim",
    "after_claim",
    "inside_begin",
    "before_call",
    "after_call",
    "inside_settle",
    "after_settle",
    "before_look",
    "after_look",
)
"""The named points at which a worker can be told to die."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one worker does. Seconds where time is meant.

    `die_at` is one of `POINTS`, reached for the `nth` time; without it the worker lives until
    somebody kills it.
    """

    url: str
    base: str
    owner: str
    order: str = "claim"
    die_at: str | None = None
    nth: int = 1
    timeout: float = 0.5
    lag: float = 0.5
    lease: float = 2.0
    look_after: float = 1.2
    at_once: int = 8
    batch: int = 16
    extra: dict[str, Any] = field(default_factory=dict)


def number_of(person: str) -> str:
    """The number of the n-th person, `P17`."""
    return f"+47999{int(person[1:]):05}"


ASK: Final = Ask(
    may_send=lambda tx, claimed: None,
    number_for=lambda tx, person: number_of(person),
    contact_phone=lambda tx, subject: "22 00 00 00",
    digest_of=lambda tx, number: f"digest {number[-6:]}",
)


class Fate:
    """Kills the process when a named point is reached for the nth time."""

    def __init__(self, die_at: str | None, nth: int) -> None:
        self._die_at, self._left = die_at, nth

    def reach(self, point: str) -> None:
        if point == self._die_at:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase(Database):
    """A database whose worker may die inside or after a transaction, known by what it writes."""

    fate: Fate

    def transact(self, verb: Callable[[Connection], T]) -> T:
        written: list[str] = []

        def watched(tx: Connection) -> T:
            result = verb(tx)
            written.append(_what(result))
            self.fate.reach(f"inside_{written[-1]}")
            return result

        self.fate.reach("before_claim")
        result = super().transact(watched)
        if written and written[-1] in ("claim", "settle"):
            self.fate.reach(f"after_{written[-1]}")
        return result


def _what(result: object) -> str:
    """Which of delivery's transactions this was, told by its result."""
    if isinstance(result, tuple) and len(result) == 2 and hasattr(result[0], "looked_at"):
        return "claim" if result[1] else "nothing"
    if isinstance(result, list) and result and isinstance(result[0], str):
        return "begin"
    return "settle" if result is None else "nothing"


class MortalSender:
    """The Twilio sender, with points at which the worker may die."""

    takes_replies = True
    threaded = True

    def __init__(self, sender: TwilioSender, fate: Fate) -> None:
        self._sender, self._fate = sender, fate

    def send(self, request: SendRequest) -> SendResult:
        self._fate.reach("before_call")
        answer = self._sender.send(request)
        self._fate.reach("after_call")
        return answer

    def look_up(self, sought: Sought) -> Found:
        self._fate.reach("before_look")
        found = self._sender.look_up(sought)
        self._fate.reach("after_look")
        return found

    def erase(self, provider_id: str) -> bool:
        return self._sender.erase(provider_id)


def work(order: Order) -> None:
    """Deliver for ever."""
    fate = Fate(order.die_at, order.nth)
    db = MortalDatabase(order.url, patience=5.0)
    db.fate = fate
    account = TwilioAccount(
        SID, TOKEN, "+4759440000", None, order.base, timeout=order.timeout, at_once=order.at_once
    )
    sender = MortalSender(TwilioSender(account), fate)
    timing = Timing(
        timeout=timedelta(seconds=order.timeout),
        list_lag=timedelta(seconds=order.lag),
        lease=timedelta(seconds=order.lease),
        look_after=timedelta(seconds=order.look_after),
        first_pause=timedelta(seconds=0.3),
        longest_pause=timedelta(seconds=1),
        put_off=timedelta(seconds=0.3),
    )
    while True:
        try:
            match order.order:
                case "claim":
                    deliver(
                        db,
                        sender,
                        ask=ASK,
                        clock=system_now,
                        owner=order.owner,
                        batch=order.batch,
                        timing=timing,
                        at_once=order.at_once,
                    )
                case "send_then_mark":
                    send_then_mark(db, sender)
                case "mark_then_send":
                    mark_then_send(db, sender)
        except Busy:
            pass
        time.sleep(0.1)


def send_then_mark(db: Database, sender: MortalSender) -> None:
    """The first naive order: what was sent is remembered afterwards; no answer means again."""
    for row in _wanted(db):
        answer = sender.send(SendRequest(os.urandom(16).hex(), number_of(row.person), row.about))
        if answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED):
            _mark(db, row.id, answer.outcome.value)


def mark_then_send(db: Database, sender: MortalSender) -> None:
    """The second: what will be sent is remembered before, and never looked at again."""
    for row in _wanted(db):
        if _mark(db, row.id, "accepted"):
            sender.send(SendRequest(os.urandom(16).hex(), number_of(row.person), row.about))


def _wanted(db: Database) -> list[Any]:
    with db.read() as tx:
        rows = list(tx.execute(text("SELECT id, person, about FROM outbox WHERE state='wanted'")))
    random.shuffle(rows)
    return rows


def _mark(db: Database, row_id: int, state: str) -> bool:
    def verb(tx: Connection) -> bool:
        done = tx.execute(
            text(
                "UPDATE outbox SET state = :state, reason = 'taken'"
                " WHERE id = :id AND state = 'wanted'"
            ),
            {"state": state, "id": row_id},
        )
        return done.rowcount == 1

    return db.transact(verb)


def main() -> None:
    """Fork a worker for every line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            os.close(0)
            work(order)
        print(child, flush=True)  # noqa: T201 - its caller reads it


def now() -> datetime:
    """The instant it is."""
    return system_now()


if __name__ == "__main__":
    main()

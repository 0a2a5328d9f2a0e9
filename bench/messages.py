"""Messages: claim, send, settle; ten thousand due at once; the loop's queries at a million rows.

The stand-in answers at once. Once it is a function (what our own work costs) and once Twilio's SDK
over a real connection to a server in another process (what a message costs all in all).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, text

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, metered, profile
from bench.places import Place
from bench.run import Run
from notifications import claims, looking, outbox
from notifications.delivery import Ask, deliver
from notifications.sender import MemorySender, Sender
from notifications.tables import outbox as outbox_table
from notifications.twilio_sender import TwilioAccount, TwilioSender
from tests.notifications.standin import SID, TOKEN, Manners, settings_of

GOAL: Final = 3.0
"""ms of CPU a message."""
ALL_WITHIN: Final = 60.0
"""Seconds until the last of ten thousand was tried, at 200 calls a second."""
QUERY_GOAL: Final = 5.0
"""ms for a query of the loop, at a million rows."""
RATE: Final = 180.0
BATCHES: Final = 5
TRIES: Final = 40
"""A query's time is the quickest of so many: what others do at the same time makes some slow."""


def _asked() -> Ask:
    """Cases that say yes at once: their own cost is measured elsewhere."""
    return Ask(
        may_send=lambda _tx, _claimed: None,
        number_for=lambda _tx, person: f"+47999{int(person[1:]) % 100_000:05}",
        contact_phone=lambda _tx, _subject: "22 00 00 00",
        digest_of=lambda _tx, number: f"digest {number[-6:]}",
    )


def messages(run: Run) -> Outcome:
    """CPU a message, time of a burst, and the loop's queries."""
    outcome = Outcome()
    many = 300 if run.quick else 2_000
    for engine in run.engines:
        place = run.places.new(engine)
        each = Batches(many // BATCHES)
        for _ in range(BATCHES):
            _want(place, each.size, state="wanted")
            with each.one():
                done = _deliver(place, MemorySender())
            assert done == each.size  # noqa: S101 - a figure of something else is worse than none
        outcome.lines.append(
            Line.of(
                f"claim, send, settle, {engine}, a message",
                each,
                "ms",
                goal=GOAL,
                said="one call at a time, the provider a function",
            )
        )
        _over_the_wire(outcome, place, engine, many)
        _burst(outcome, place, engine, 1_000 if run.quick else 10_000)
        _queries(outcome, place, engine, 100_000 if run.quick else 1_000_000)
        if run.profile:
            _want(place, many, state="wanted")
            outcome.profiles[f"messages, {engine}"] = profile(
                lambda place=place: _deliver(place, MemorySender()),  # type: ignore[misc]
                actions=many,
            )
        place.close()
    return outcome


def _over_the_wire(outcome: Outcome, place: Place, engine: str, many: int) -> None:
    _want(place, many, state="wanted")
    with _stand_in(place, Manners()) as base:
        sender = TwilioSender(TwilioAccount(SID, TOKEN, "+4759440000", None, base))
        _deliver(place, sender, at_once=8)  # connections are made, statements prepared
        each = Batches(many // BATCHES)
        for _ in range(BATCHES):
            _want(place, each.size, state="wanted")
            with each.one():
                _deliver(place, sender, at_once=8)
    outcome.lines.append(
        Line.of(
            f"the same through Twilio's SDK, {engine}, a message",
            each,
            "ms",
            goal=GOAL,
            said="eight calls at once over loopback, the server's own CPU not counted",
        )
    )


def _burst(outcome: Outcome, place: Place, engine: str, many: int) -> None:
    """Wall time until the last attempt was begun, under the provider's limit."""
    _want(place, many, state="wanted")
    with _stand_in(place, Manners(latency=0.1, limit=200.0)) as base:
        sender = TwilioSender(TwilioAccount(SID, TOKEN, "+4759440000", None, base))
        began = time.perf_counter()
        with metered() as cost:
            _deliver(place, sender, at_once=32, rate=RATE)
        took = time.perf_counter() - began
    outcome.lines.append(
        Line(
            f"{many:,} due at once, all tried, {engine}",
            took,
            "s",
            goal=ALL_WITHIN * many / 10_000,
            limit=many / 200.0,
            said="wall time; 100 ms an answer, at most 200 calls a second at the provider;"
            f" {cost.cpu:.0f} s of our CPU, {os.getloadavg()[0]:.0f} runnable on this machine",
        )
    )


def _queries(outcome: Outcome, place: Place, engine: str, many: int) -> None:
    _want(place, many, state="accepted")
    _want(place, 100, state="wanted")
    with place.db.write() as tx:
        tx.execute(text("ANALYZE"))
    asked: dict[str, tuple[Any, dict[str, Any]]] = {
        "what is due": (claims._DUE, {"now": NOW, "limit": 40}),  # noqa: SLF001
        "left unsent": (claims._UNSENT_AGAIN, {"now": NOW}),  # noqa: SLF001
        "left unclear": (claims._TRIED_UNKNOWN, {"now": NOW, "look_at": NOW}),  # noqa: SLF001
        "to be looked up": (looking._DUE, {"now": NOW, "limit": 32}),  # noqa: SLF001
        "for a person": (outbox._FOR_A_PERSON, {"limit": 1000}),  # noqa: SLF001
    }
    for what, (statement, values) in asked.items():
        best = min(_timed(place, statement, values) for _ in range(TRIES))
        outcome.lines.append(
            Line(
                f"{what}, {engine}, {many:,} settled messages",
                1e3 * best,
                "ms",
                goal=QUERY_GOAL,
                said=f"wall time, the quickest of {TRIES}",
            )
        )


def _timed(place: Place, statement: Any, values: dict[str, Any]) -> float:
    with place.db.write() as tx:
        began = time.perf_counter()
        found = tx.execute(statement, values)
        if found.returns_rows:
            found.all()
        return time.perf_counter() - began


def _deliver(place: Place, sender: Sender, *, at_once: int = 1, rate: float | None = None) -> int:
    return deliver(
        place.db,
        sender,
        ask=_asked(),
        clock=lambda: NOW,
        owner=f"bench-{time.monotonic_ns()}",
        at_once=at_once,
        rate=rate,
    ).accepted


_numbers: Final = itertools.count()


def _want(place: Place, many: int, *, state: str) -> None:
    """So many messages, due or settled."""

    def write(tx: Connection, numbers: list[int]) -> None:
        tx.execute(insert(outbox_table), [_row(number, state, NOW) for number in numbers])

    left = many
    while left > 0:
        numbers = list(itertools.islice(_numbers, min(left, 20_000)))
        left -= len(numbers)
        place.db.transact(lambda tx, numbers=numbers: write(tx, numbers))  # type: ignore[misc]


def _row(number: int, state: str, now: datetime) -> dict[str, Any]:
    return {
        "about": f"CASE{number}/a/day_before/{number}",
        "subject": f"CASE{number}",
        "person": f"P{number}",
        "rung": "day_before",
        "template": "appointment_reminder",
        "language": "nb",
        "send_at": now - timedelta(minutes=1),
        "expires_at": now + timedelta(hours=2),
        "starts_at": now + timedelta(hours=20),
        "state": state,
        "reason": None if state == "wanted" else "taken",
        "wanted_at": now,
    }


@contextmanager
def _stand_in(place: Place, manners: Manners) -> Iterator[str]:
    """The stand-in of the tests in a process of its own; its address."""
    folder = place.keys_file.parent
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.notifications.standin", str(folder)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdin is not None  # noqa: S101
        assert running.stdout is not None  # noqa: S101
        running.stdin.write(settings_of(manners))
        running.stdin.flush()
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
    finally:
        running.kill()
        running.wait()

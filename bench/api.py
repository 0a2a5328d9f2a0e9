"""Completions over HTTP: 32 clients, each request under a key of its own, one commit each.

The servers are processes of their own, as many as `overlev up` starts, on one socket; their CPU is
read from the kernel. The limit is as many with the framework alone and the driver writing the same
rows (`bench.api_server`).

Asked twice. As fast as it answers: each client asks again at once. That tells the rate, and of the
wait only that 32 always wait (on average 32 divided by the rate, whoever serves). And at a pace,
as systems ask that have other work: the clients together send so many a second, and each wait
counts from the instant at which its request was to leave, so that no slow answer hides the wait
of those behind it.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, repeat
from pathlib import Path
from typing import Final

from app.up import webs_here
from bench.clock import BEGINNING
from bench.completion import TASK, Todo, complete_one, open_tasks
from bench.measure import Line, Outcome, pace, strain_of_run
from bench.places import Place
from bench.population import multiply
from bench.recording import recorded
from bench.run import Run
from cases import tokens
from core.processors import cores_here, keep_to, one_for_each
from core.settings import Settings

CLIENTS: Final = 32
A_SECOND: Final = 300.0
"""Requests that the clients send together where they keep a pace."""

WARMING: Final = 64
P95: Final = 60.0
"""ms."""

RATE: Final = 300.0
"""Completions a second; one costs no more CPU than 1000 / 300 ms, or no core can hold it."""

_ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Asked:
    """What came of a load: the seconds that each request took, all of them and the server's CPU."""

    took: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def p95(self) -> float:
        """Milliseconds."""
        return 1e3 * sorted(self.took)[int(0.95 * len(self.took))]

    @property
    def median(self) -> float:
        """Milliseconds."""
        return 1e3 * sorted(self.took)[len(self.took) // 2]

    @property
    def each(self) -> float:
        """Milliseconds of the server's CPU for a request."""
        return 1e3 * self.cpu / len(self.took)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.took) / self.wall


def api(run: Run) -> Outcome:
    """Completions over HTTP on SQLite and Postgres."""
    outcome = Outcome()
    for engine in run.engines:
        _measure(run, engine, outcome)
    return outcome


def _measure(run: Run, engine: str, outcome: Outcome) -> None:
    size = 400 if run.quick else 3_000
    place = run.stock.open(engine)
    multiply(place, 2_500 if run.quick else 10_000)
    todo = open_tasks(place, WARMING + 2 * size)
    token = place.db.transact(
        lambda tx: tokens.add_token(
            tx,
            "bench",
            "officer",
            sorted({unit for each in todo for unit in each.viewer.units}),
            now=BEGINNING,
        )
    )
    ours = run.places.copy(place)
    rehearsed = run.places.copy(run.places.reopened(place))
    with recorded(rehearsed.db) as recording:
        for each in todo:
            complete_one(rehearsed, each)
    run.places.drop(rehearsed)
    limit = run.places.copy(run.places.reopened(place))
    limit.keys_file.with_suffix(".recording").write_bytes(pickle.dumps(recording))
    least, limit_at_pace = _asked("bare", limit, token, todo)
    most, at_pace = _asked("ours", ours, token, todo)
    run.places.drop(limit)
    run.places.drop(ours)
    strain = strain_of_run()
    # What is said by the clock is not put right for it: a run says how quick its machine was.
    speed = f"the machine at {100 / strain:.0f} % of its best"
    goal = engine == "sqlite"
    outcome.lines += [
        Line(
            f"completion over HTTP, {engine}, CPU of the servers",
            most.each,
            "ms",
            least.each,
            1e3 / RATE if goal else None,
            f"{CLIENTS} clients, {size} completions; at that cost one core holds"
            f" {1e3 * strain / most.each:.0f}/s, the limit {1e3 * strain / least.each:.0f}/s",
            most.each / strain,
        ),
        Line(
            f"completion over HTTP, {engine}, one after the other, wall",
            1e3 / most.rate,
            "ms",
            1e3 / least.rate,
            1e3 / RATE if goal else None,
            f"{most.rate:.0f}/s, the limit {least.rate:.0f}/s; each client asks again at once:"
            f" p95 {most.p95:.0f} ms, the limit {least.p95:.0f} ms; {speed}",
        ),
        Line(
            f"completion over HTTP, {engine}, p95 at {A_SECOND:.0f} a second, wall",
            at_pace.p95,
            "ms",
            limit_at_pace.p95,
            P95 if goal else None,
            f"{at_pace.rate:.0f}/s answered, the limit {limit_at_pace.rate:.0f}/s;"
            f" half within {at_pace.median:.0f} ms; {speed}",
        ),
    ]


def _asked(kind: str, place: Place, token: str, todo: list[Todo]) -> tuple[Asked, Asked]:
    """As fast as it answers, and at a pace."""
    place.close()
    half = WARMING + (len(todo) - WARMING) // 2
    with served(kind, place) as (web, port):
        asyncio.run(_load(port, token, todo[:WARMING]))
        before = web.cpu()
        pace()
        asked = asyncio.run(_load(port, token, todo[WARMING:half]))
        pace()
        asked.cpu = web.cpu() - before
        return asked, asyncio.run(_load(port, token, todo[half:], a_second=A_SECOND))


@dataclass(frozen=True, slots=True)
class Web:
    """The processes that serve."""

    pids: tuple[int, ...]

    def cpu(self) -> float:
        """Seconds of CPU of all their threads until now, to the nanosecond."""
        total = 0
        for pid in self.pids:
            for each in Path(f"/proc/{pid}/task").iterdir():
                total += int((each / "schedstat").read_text(encoding="ascii").split()[0])
        return total / 1e9


@contextmanager
def served(kind: str, place: Place) -> Iterator[tuple[Web, int]]:
    """As many web processes as `overlev up` starts over a place, as it does; and their port."""
    many = Settings().web_processes or webs_here()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener, ExitStack() as stack:
        words = ("-m", "bench.api_server", kind, place.url, str(place.keys_file))
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-P", *words, *map(str, (listener.fileno(), number, many))],
                    cwd=_ROOT,
                    text=True,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=(listener.fileno(),),
                )
            )
            for number in range(many)
        ]
        for each, processor in zip(processes, one_for_each(many, cores_here()), strict=True):
            if processor is not None:
                keep_to(processor, each.pid)
        for each in processes:
            if each.stdout is None or each.stdout.readline() != "ready\n":
                raise RuntimeError("a server that did not start")
        yield Web(tuple(each.pid for each in processes)), listener.getsockname()[1]
        for each in processes:
            if each.stdin is not None:
                each.stdin.close()
        for each in processes:
            each.wait(30)


async def _load(port: int, token: str, todo: list[Todo], *, a_second: float | None = None) -> Asked:
    """All of them by all clients; without a pace each asks again at once."""
    asked = Asked()
    left = iter(enumerate(todo))
    began = time.perf_counter()
    leaves = (began + number / a_second for number in count()) if a_second else repeat(0.0)
    await asyncio.gather(*(_client(port, token, left, leaves, asked) for _ in range(CLIENTS)))
    asked.wall = time.perf_counter() - began
    return asked


async def _client(
    port: int,
    token: str,
    left: Iterator[tuple[int, Todo]],
    leaves: Iterator[float],
    asked: Asked,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"outcome": "done", "form": "individual"}).encode()
    for number, each in left:
        if began := next(leaves):
            await asyncio.sleep(began - time.perf_counter())
        else:
            began = time.perf_counter()
        head = (
            f"POST /api/v1/cases/{each.ref}/tasks/{TASK} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: key-{each.ref}-{number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r")[0])
        told = await reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a completion was refused: {told[:200]!r}")
        asked.took.append(time.perf_counter() - began)
    writer.close()

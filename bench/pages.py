"""Pages of lists whole, from request to the last byte: CPU, weight, and two hundred people at once.

The application is asked as a server asks it (ASGI), signed in by the cookie, names opened and the
look logged as always. The limit is the framework alone: the driver reads the fifty rows, a template
writes them. The load is that of web processes of their own (`bench.api_server`), asked over
loopback by people who each think five seconds between clicks.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from sqlalchemy import Connection, bindparam, func, select, update

from bench.api import served
from bench.clock import NOW
from bench.lists import EARLIEST
from bench.measure import Batches, Line, Outcome, pace, profile
from bench.places import Place
from bench.population import multiply
from bench.recording import recorded
from bench.run import Run
from cases import accounts, vault, web_sessions
from cases.model import Phase, Role
from cases.tables import account, case_, person
from cases.vault import Identity
from core.db import instant_text
from core.processors import cores_here, keep_to, one_for_each
from core.settings import Settings
from web.app import create_app
from web.house import House
from web.pages.static_files import address_of

OPEN: Final = 50_000
GOAL: Final = 3.0
"""ms of CPU for a request, everything included."""

FIRST_WEIGHT: Final = 150.0
NEXT_WEIGHT: Final = 40.0
"""kB over the wire: a first look with style, script and font, and a page after it."""

P95: Final = 150.0
P99: Final = 400.0
USERS: Final = 200
THINK: Final = 5.0
"""Seconds between two clicks of one person, on average."""

ROUNDS: Final = 7
A_BATCH: Final = 20

LOOKS: Final = (
    ("today's list, a nurse", "nurse", "/today"),
    ("board of 50 rows, a coordinator", "coordinator", "/overdue"),
    ("board of 50 rows, three units, 28 days", "coordinator3", "/overdue?span=month"),
)
"""What is looked at, by whom."""

_FILES: Final = (
    "designsystemet.css",
    "index.css",
    "overlev.css",
    "htmx.min.js",
    "overlev.js",
    "mark.svg",
    "inter-latin-400-normal.woff2",
    "inter-latin-500-normal.woff2",
    "inter-latin-600-normal.woff2",
)
"""What a browser fetches for its first page."""


def pages(run: Run) -> Outcome:
    """CPU, statements and weight of each page, and how long two hundred people wait."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.stock.open(engine)
        there = multiply(place, 5_000 if run.quick else OPEN)
        cookies = staffed(place)
        used = run.places.server_cpu(place)
        with _on_one_core():
            looked = _Looked(run, place, application(place), _bare(place, used), used)
            for what, who, path in LOOKS:
                _one_page(looked, outcome, f"{what}, {engine}, {there:,} open", path, cookies[who])
            if engine == run.engines[0]:
                _first_look(outcome, looked.app, cookies["coordinator"])
        _many_people(outcome, place, f"{engine}, {there:,} open", cookies, quick=run.quick)
        run.places.drop(place)
    return outcome


@contextmanager
def _on_one_core() -> Iterator[None]:
    """As `overlev up` has its web processes: threads that are made here stay there."""
    allowed = os.sched_getaffinity(0)
    (processor,) = one_for_each(1, cores_here())
    if processor is not None:
        keep_to(processor, 0)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A place that is looked at, and what it takes at least."""

    run: Run
    place: Place
    app: FastAPI
    limit: Batches
    used: Callable[[], float] | None


def _one_page(looked: _Looked, outcome: Outcome, what: str, path: str, cookie: str) -> None:
    app = looked.app
    ask(app, path, cookie, 3)
    with recorded(looked.place.db) as recording:
        body, travelled = ask(app, path, cookie, 1)
    ours = Batches(A_BATCH, server=looked.used)
    for _ in range(3 if looked.run.quick else ROUNDS):
        with ours.one():
            ask(app, path, cookie, A_BATCH)
    line = Line.of(
        f"{what}, CPU of a request",
        ours,
        "ms",
        limit=looked.limit,
        goal=GOAL,
        said=f"{recording.statements} statements; wall {1e3 * ours.wall:.1f} ms",
    )
    outcome.lines += [
        line,
        Line(
            f"{what}, weight",
            travelled / 1000,
            "kB",
            goal=NEXT_WEIGHT,
            said=f"as it travels; {len(body) / 1000:.0f} kB unpacked",
        ),
    ]
    if looked.run.profile or line.reached is False:
        with _in_one_thread():
            outcome.profiles[what] = profile(
                lambda: ask(app, path, cookie, A_BATCH), actions=A_BATCH
            )


@contextmanager
def _in_one_thread() -> Iterator[None]:
    """What goes to a thread is done where a profiler looks."""

    async def here(
        _: asyncio.AbstractEventLoop, executor: object, work: Callable[..., Any], *given: Any
    ) -> Any:
        del executor
        return work(*given)

    with patch("asyncio.base_events.BaseEventLoop.run_in_executor", here):
        yield


def _first_look(outcome: Outcome, app: FastAPI, cookie: str) -> None:
    _, travelled = ask(app, "/overdue", cookie, 1)
    files = sum(ask(app, address_of(each), cookie, 1)[1] for each in _FILES)
    outcome.lines.append(
        Line(
            "first look at the board, with style, script and font, weight",
            (travelled + files) / 1000,
            "kB",
            goal=FIRST_WEIGHT,
            said=f"as it travels; of it {files / 1000:.0f} kB are kept for a year",
        )
    )


# --- two hundred people --------------------------------------------------------------------------


@dataclass(slots=True)
class Waited:
    """How long each request took, in seconds, and what went wrong."""

    took: list[float] = field(default_factory=list)
    errors: int = 0

    def at(self, share: float) -> float:
        """Milliseconds within which that share of the requests was answered."""
        return 1e3 * sorted(self.took)[min(int(share * len(self.took)), len(self.took) - 1)]


def _many_people(
    outcome: Outcome, place: Place, where: str, cookies: dict[str, str], *, quick: bool
) -> None:
    place.close()
    waited = Waited()
    seconds = 8.0 if quick else 25.0
    with served("ours", place) as (web, port):
        asyncio.run(_crowd(port, cookies, 3.0, Waited()))
        pace()
        before = web.cpu()
        asyncio.run(_crowd(port, cookies, seconds, waited))
        used = web.cpu() - before
        pace()
    said = (
        f"{USERS} people who think {THINK:.0f} s, {len(waited.took)} requests in"
        f" {seconds:.0f} s, {waited.errors} errors; {100 * used / seconds:.0f} % of a core"
    )
    outcome.lines += [
        Line(f"lists for {USERS} people, {where}, p95, wall", waited.at(0.95), "ms", goal=P95,
             said=said),
        Line(f"lists for {USERS} people, {where}, p99, wall", waited.at(0.99), "ms", goal=P99,
             said=f"the longest {waited.at(1):.0f} ms"),
        Line(f"lists for {USERS} people, {where}, errors", waited.errors, "", goal=0),
    ]  # fmt: skip


async def _crowd(port: int, cookies: dict[str, str], seconds: float, waited: Waited) -> None:
    looks = [(path, cookies[who]) for _, who, path in LOOKS]
    until = time.perf_counter() + seconds
    await asyncio.gather(
        *(
            _person(port, looks[number % len(looks)], random.Random(number), until, waited)
            for number in range(USERS)
        )
    )


async def _person(
    port: int, look: tuple[str, str], chance: random.Random, until: float, waited: Waited
) -> None:
    path, cookie = look
    # They come spread over one pause, and each pause is a little shorter or longer.
    await asyncio.sleep(chance.uniform(0, min(THINK, until - time.perf_counter())))
    asked = "".join(f"{name}: {value}\r\n" for name, value in _headers(cookie))
    while time.perf_counter() < until:
        began = time.perf_counter()
        # The server closes what was silent for five seconds, so a click begins with a connection.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n{asked}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r")[0])
        await reader.readexactly(length)
        waited.took.append(time.perf_counter() - began)
        waited.errors += not answer.startswith(b"HTTP/1.1 200")
        writer.close()
        await asyncio.sleep(chance.uniform(0.8 * THINK, 1.2 * THINK))


# --- people, staff and an application ------------------------------------------------------------


def staffed(place: Place) -> dict[str, str]:
    """Sessions of the accounts that look (name → cookie), and names for the people they see."""
    units = place.db.transact(_three_units)
    place.db.transact(lambda tx: _name_people(tx, units))

    def sign_in(tx: Connection) -> dict[str, str]:
        cookies = {}
        for name, role, where in (
            ("nurse", Role.HEALTH, units[:1]),
            ("coordinator", Role.COORDINATOR, units[:1]),
            ("coordinator3", Role.COORDINATOR, units),
        ):
            accounts.add(tx, name, name.capitalize(), role, where, password=None, now=NOW)
            known = tx.execute(select(account.c.id).where(account.c.username == name)).scalar_one()
            cookies[name] = web_sessions.open_session(tx, known, place=None, now=NOW)
        return cookies

    return place.db.transact(sign_in)


def _three_units(tx: Connection) -> list[str]:
    """Units with about as many open cases as units have on average."""
    counted = (
        select(case_.c.unit, func.count())
        .where(case_.c.phase != Phase.CLOSED.value)
        .group_by(case_.c.unit)
        .order_by(case_.c.unit)
    )
    found = [(unit, number) for unit, number in tx.execute(counted)]
    average = sum(number for _, number in found) / len(found)
    return [unit for unit, number in sorted(found, key=lambda each: abs(each[1] - average))[:3]]


def _name_people(tx: Connection, units: Sequence[str]) -> None:
    """Copied people have no sealed name: those of the units that are looked at get one."""
    nameless = (
        select(person.c.ref)
        .join(case_, case_.c.person_id == person.c.id)
        .where(
            case_.c.unit.in_(units),
            case_.c.phase != Phase.CLOSED.value,
            person.c.identity_enc.is_(None),
        )
    )
    refs = sorted(set(tx.execute(nameless).scalars()))
    if not refs:
        return
    vault.make_keys(tx, refs, now=NOW)
    sealed = [
        {
            "b_ref": ref,
            "b_sealed": vault.seal(
                tx,
                ref,
                vault.IDENTITY,
                vault.identity_fields(Identity(f"B{number:06}", "Kari", f"Prøvesen {number}")),
            ),
        }
        for number, ref in enumerate(refs)
    ]
    named = update(person).where(person.c.ref == bindparam("b_ref"))
    tx.execute(named.values(identity_enc=bindparam("b_sealed")), sealed)


def application(place: Place) -> FastAPI:
    """The web over a place, its clocks standing still."""
    return create_app(House(place.db, lambda: NOW, Settings(), demo=True, real_clock=lambda: NOW))


# --- the limit -----------------------------------------------------------------------------------

_ROWS: Final = """<!doctype html><html lang="nb"><title>Board</title><main><ul>
{% for ref, person, sealed, unit, phase, answer, code, due in rows %}
<li><a href="/cases/{{ ref }}">{{ person }}</a> {{ unit }} {{ phase }} {{ answer }}
<b>{{ code }}</b> {{ due }} <button name="do" value="done/{{ ref }}/{{ code }}">Gjort</button></li>
{% endfor %}
</ul></main></html>
"""


def _bare(place: Place, used: Callable[[], float] | None) -> Batches:
    """FastAPI, the driver and a template: fifty rows read and written, nothing else."""
    raw: Any = place.raw()
    now = instant_text(NOW) if place.engine == "sqlite" else NOW
    template = Environment(autoescape=True).from_string(_ROWS)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/overdue")
    def board() -> HTMLResponse:
        return HTMLResponse(template.render(rows=raw.execute(EARLIEST[place.engine], (now,))))

    ask(app, "/overdue", "", 3)
    bare = Batches(A_BATCH, server=used)
    for _ in range(ROUNDS):
        with bare.one():
            ask(app, "/overdue", "", A_BATCH)
    raw.close()
    return bare


# --- asking --------------------------------------------------------------------------------------


def ask(app: FastAPI, path: str, cookie: str, times: int) -> tuple[bytes, int]:
    """Ask some times, one after the other; the last body as it is read, and its bytes on the way.

    Asked as a browser asks that is on a page of ours.
    """
    return asyncio.run(_ask(app, path, cookie, times))


async def _ask(app: FastAPI, path: str, cookie: str, times: int) -> tuple[bytes, int]:
    body, packed = b"", False
    for _ in range(times):
        status, packed, body = await _request(app, path, cookie)
        if status != 200:
            msg = f"{path} answered {status}"
            raise RuntimeError(msg)
    return (gzip.decompress(body) if packed else body), len(body)


def _headers(cookie: str) -> tuple[tuple[str, str], ...]:
    return (
        ("cookie", f"overlev-session={cookie}"),
        ("accept", "text/html,application/xhtml+xml"),
        ("accept-language", "nb-NO,nb;q=0.9"),
        ("accept-encoding", "gzip, deflate, br"),
        ("sec-fetch-site", "same-origin"),
    )


async def _request(app: FastAPI, path: str, cookie: str) -> tuple[int, bool, bytes]:
    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            *((name.encode(), value.encode()) for name, value in _headers(cookie)),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
    }
    status, packed, parts = 0, False, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, packed
        if message["type"] == "http.response.start":
            status = message["status"]
            packed = (b"content-encoding", b"gzip") in message["headers"]
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, packed, b"".join(parts)

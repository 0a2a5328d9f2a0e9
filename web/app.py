"""The web application: `/healthz`, `/readyz` and a front page that says how the service stands.

No page holds anything about a person. The pages for staff and the API are issues of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from sqlalchemy import func, select

from cases.tables import heartbeat
from core.clock import iso_local
from core.db import Database
from core.errors import Busy

LOOPS: Final = ("sweep", "deliver")
"""The loops without which nothing is told or sent."""

STALE: Final = timedelta(seconds=60)
"""A loop whose newest heartbeat is older than this is taken for stuck."""

_NEWEST: Final = select(heartbeat.c.loop, func.max(heartbeat.c.at)).group_by(heartbeat.c.loop)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_pages: Final = Environment(
    loader=PackageLoader("web"), autoescape=select_autoescape(default=True), trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """How one loop stands. `at` is its newest heartbeat, None before the first."""

    loop: str
    at: datetime | None
    alive: bool


def loops_of(db: Database, *, now: datetime) -> list[LoopHealth]:
    """The loops by their newest heartbeats, of whichever worker. Raises `Busy`."""
    with db.read() as tx:
        newest = {row[0]: row[1] for row in tx.execute(_NEWEST)}
    found = []
    for loop in LOOPS:
        at = newest.get(loop)
        found.append(LoopHealth(loop, at, at is not None and now - at <= STALE))
    return found


def create_app(db: Database, clock: Callable[[], datetime], *, demo: bool) -> FastAPI:
    """The application. `clock` gives the real time: heartbeats are never frozen."""
    app = FastAPI(title="Overlev", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"}, headers=_HEADERS)

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        try:
            loops = loops_of(db, now=clock())
        except Busy:
            return JSONResponse(
                {"status": "not_ready", "reason": ["database"]}, 503, headers=_HEADERS
            )
        stuck = [each.loop for each in loops if not each.alive]
        if stuck:
            return JSONResponse({"status": "not_ready", "reason": stuck}, 503, headers=_HEADERS)
        return JSONResponse({"status": "ready"}, headers=_HEADERS)

    @app.get("/")
    def front() -> HTMLResponse:
        try:
            loops = loops_of(db, now=clock())
        except Busy:
            loops = []
        page = _pages.get_template("front.html").render(
            demo=demo,
            database=bool(loops),
            loops=[
                (each.loop, iso_local(each.at) if each.at else None, each.alive) for each in loops
            ],
        )
        return HTMLResponse(page, headers=_HEADERS)

    return app

"""Whether the service is alive and ready: `/healthz` and `/readyz`. Nothing about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from cases.tables import heartbeat
from core.db import Database
from core.errors import Busy
from web.house import house_of
from web.policy import Router, public

LOOPS: Final = ("sweep", "deliver")
"""The loops without which nothing is told or sent."""

STALE: Final = timedelta(seconds=60)
"""A loop whose newest heartbeat is older than this is taken for stuck."""

_NEWEST: Final = select(heartbeat.c.loop, func.max(heartbeat.c.at)).group_by(heartbeat.c.loop)

router: Final = Router()


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


@router.get("/healthz", include_in_schema=False)
@public()
def healthz() -> JSONResponse:
    """Alive: the process answers."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", include_in_schema=False)
@public()
def readyz(request: Request) -> JSONResponse:
    """Ready: the database answers and every loop has run within the last minute."""
    house = house_of(request)
    try:
        loops = loops_of(house.db, now=house.real_clock())
    except Busy:
        return JSONResponse({"status": "not_ready", "reason": ["database"]}, 503)
    stuck = [each.loop for each in loops if not each.alive]
    if stuck:
        return JSONResponse({"status": "not_ready", "reason": stuck}, 503)
    return JSONResponse({"status": "ready"})

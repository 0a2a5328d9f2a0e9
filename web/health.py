"""Whether the service is alive and ready: `/healthz` and `/readyz`. Nothing about a person.

Ready is who can do what must be done: the database answers, and sweep and deliver live. Degraded,
but ready, is what somebody should look at: Prefect is away, the show stands still, something that
was due a minute ago still waits, the Redis between Prefect's servers is away, or the provider of
SMS refuses us or does not answer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError

from cases import heartbeats, sweep
from cases.heartbeats import LoopHealth
from core import messenger
from core.clock import iso_local
from core.db import Database
from core.errors import Busy
from notifications.due import anything_late
from notifications.standing import WELL, Standing, standing
from web.house import House, house_of
from web.policy import Router, public

LOOPS: Final = ("sweep", "deliver")
"""The loops without which nothing is told or sent."""

BESIDE: Final = (heartbeats.PREFECT, "show")
"""What the service can do without for a while."""

REDIS: Final = "redis"
"""What several Prefect servers speak over, where it is named and does not answer."""

LATE: Final = timedelta(seconds=60)
"""What was due so long ago and still waits is late."""

_ASKED_BY: Final = ["GET", "HEAD"]
"""Many a monitor asks for the status alone."""

_log: Final = logging.getLogger(__name__)

router: Final = Router()


@dataclass(frozen=True, slots=True)
class Health:
    """How the service stands. `stuck` is why it is not ready, `degraded` what to look at."""

    loops: tuple[LoopHealth, ...]
    stuck: tuple[str, ...] = ()
    degraded: tuple[str, ...] = field(default=())
    messages: Standing = WELL

    @property
    def status(self) -> str:
        """`ready`, `degraded` or `not_ready`."""
        if self.stuck:
            return "not_ready"
        return "degraded" if self.degraded else "ready"


def loops_of(db: Database, *, now: datetime) -> list[LoopHealth]:
    """The loops by their newest heartbeats, of whichever worker. Raises `Busy`."""
    with db.read() as tx:
        return heartbeats.health(tx, LOOPS, now=now)


def health_of(house: House) -> Health:
    """How the service stands now. Raises `Busy` when the database does not answer."""
    real = house.real_clock()
    with house.db.read() as tx:
        every = heartbeats.health(tx, (*LOOPS, *BESIDE), now=real)
        late = sweep.is_late(tx, before=house.now() - LATE) or anything_late(
            tx, before=house.now() - LATE
        )
        messages = standing(tx, now=house.now())
    stuck = tuple(each.loop for each in every if each.loop in LOOPS and not each.alive)
    degraded = [each.loop for each in every if each.loop in BESIDE and not each.alive]
    if late:
        degraded.append("late")
    if messenger.is_away():
        degraded.append(REDIS)
    if not messages.well:
        degraded.append("messages")
    return Health(tuple(every), stuck, tuple(degraded), messages)


@router.api_route("/healthz", methods=_ASKED_BY, include_in_schema=False)
@public()
def healthz() -> JSONResponse:
    """Alive: the process answers."""
    return JSONResponse({"status": "alive"})


@router.api_route("/readyz", methods=_ASKED_BY, include_in_schema=False)
@public()
def readyz(request: Request) -> JSONResponse:
    """200 `ready`; 200 `degraded` with the reason; 503 `not_ready` with which part stands still."""
    try:
        found = health_of(house_of(request))
    except (Busy, DBAPIError) as away:
        if not isinstance(away, Busy):  # a file that is damaged, a table that is gone
            _log.error("the database cannot be asked", exc_info=away)
        return JSONResponse(
            {"status": "not_ready", "reason": ["database"]}, 503, headers={"Retry-After": "2"}
        )
    body: dict[str, object] = {
        "status": found.status,
        "heartbeats": {
            each.loop: iso_local(each.at) if each.at is not None else None for each in found.loops
        },
    }
    if found.stuck or found.degraded:
        body["reason"] = list(found.stuck or found.degraded)
    if not found.messages.well:
        until = found.messages.until
        body["messages"] = {
            "state": found.messages.state,
            "reason": found.messages.reason,
            "until": iso_local(until) if until is not None else None,
            "meaning": found.messages.says,
        }
    if found.stuck:
        return JSONResponse(body, 503, headers={"Retry-After": "5"})
    return JSONResponse(body)

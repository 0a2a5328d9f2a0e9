"""`/metrics` for Prometheus: requests, queues, heartbeats. Counts and ages; nothing of a person.

Requests are counted by the template of their route and never by their address. The counts are
those of this process, and of all that `overlev up` has started where there are several; of those on
ports of their own, each is asked. What is in the database is the same for all.

Who may look: with `OVERLEV_METRICS_TOKEN` whoever sends it; without, only this machine, and not
what a proxy on it passes on.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import DBAPIError
from starlette.types import Scope

from cases import heartbeats
from cases.tables import case_, task
from core.errors import Busy, NotFound
from core.parent import COUNTED_TOGETHER
from notifications.message import MessageState
from notifications.tables import in_state, outbox
from web.health import BESIDE, LOOPS
from web.house import House, house_of
from web.policy import Router, public, routes_of

MOST: Final = 10_000
"""What waits is counted up to here: a long queue must not make the look at it slow."""

_WAITING: Final = (
    MessageState.WANTED,
    MessageState.SENDING,
    MessageState.UNKNOWN,
    MessageState.NEEDS_PERSON,
)
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})
_NOW: Final = bindparam("now", type_=task.c.wake_at.type)
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


_TASKS_DUE: Final = select(func.count()).select_from(
    select(task.c.case_id).where(task.c.wake_at <= _NOW).limit(MOST).subquery()
)
_CASES_DUE: Final = select(func.count()).select_from(
    select(case_.c.id).where(case_.c.wake_at <= _NOW).limit(MOST).subquery()
)
_MESSAGES: Final = {
    state: select(func.count()).select_from(
        select(outbox.c.id).where(in_state(state)).limit(MOST).subquery()
    )
    for state in _WAITING
}

router: Final = Router(include_in_schema=False)


class Metrics:
    """What this process has counted, and how it looks at the rest."""

    def __init__(self, house: House) -> None:
        self.registry: Final = CollectorRegistry()
        self._templates: dict[object, str] = {}
        self._requests = Counter(
            "overlev_requests",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "overlev_request_seconds",
            "How long an answer took, by route.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._counts: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._in_the_database: Final = _InTheDatabase(house)

    def told(self) -> bytes:
        """Everything, as Prometheus reads it."""
        counted = self.registry
        if COUNTED_TOGETHER in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self._in_the_database)

    def know(self, app: FastAPI) -> None:
        """Learn the templates of an application's routes."""
        self._templates = {endpoint: path for path, _, endpoint in routes_of(app)}

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = self._templates.get(scope.get("endpoint"), "none")
        what = (method, route, status)
        counts = self._counts.get(what)
        if counts is None:  # finding them by their labels costs more than to count
            counts = self._counts[what] = (
                self._requests.labels(*what),
                self._seconds.labels(method, route),
            )
        counts[0].inc()
        counts[1].observe(seconds)


class _InTheDatabase(Collector):
    """What waits and who lives, asked of the database when somebody looks."""

    def __init__(self, house: House) -> None:
        self._house = house

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering does not ask the database

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("overlev_database_up", "Whether the database answers.")
        age = GaugeMetricFamily(
            "overlev_heartbeat_age_seconds", "Age of a loop's newest heartbeat.", labels=["loop"]
        )
        waiting = GaugeMetricFamily(
            "overlev_messages", f"Messages that wait, up to {MOST}.", labels=["state"]
        )
        due = GaugeMetricFamily(
            "overlev_due", f"What the sweep has to look at now, up to {MOST}.", labels=["what"]
        )
        house = self._house
        real, now = house.real_clock(), {"now": house.now()}
        try:
            with house.db.read() as tx:
                for each in heartbeats.health(tx, (*LOOPS, *BESIDE), now=real):
                    if each.at is not None:
                        age.add_metric([each.loop], max(0.0, (real - each.at).total_seconds()))
                for state, question in _MESSAGES.items():
                    waiting.add_metric([state.value], tx.execute(question).scalar_one())
                due.add_metric(["tasks"], tx.execute(_TASKS_DUE, now).scalar_one())
                due.add_metric(["cases"], tx.execute(_CASES_DUE, now).scalar_one())
        except (Busy, DBAPIError):
            up.add_metric([], 0)
            return (up,)
        up.add_metric([], 1)
        return (up, age, waiting, due)


@router.get("/metrics")
@public()
def metrics(request: Request) -> Response:
    """What is counted, for Prometheus."""
    _check_may_look(request)
    counted: Metrics = request.app.state.metrics
    return Response(counted.told(), media_type=CONTENT_TYPE_LATEST)


def _check_may_look(request: Request) -> None:
    """Raise `NotFound` for whoever may not: to them there is nothing here."""
    wanted = house_of(request).settings.metrics_token
    if wanted is not None:
        _, _, sent = request.headers.get("authorization", "").partition(" ")
        if hmac.compare_digest(sent.encode(), wanted.get_secret_value().encode()):
            return
    elif _is_here(request) and not any(name in request.headers for name in _FORWARDED):
        return
    raise NotFound("There is nothing here.")


def _is_here(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False

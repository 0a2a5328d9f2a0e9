"""A furnished database behind the real application, asked as programs ask: over HTTP with a token.

Units a, b and c as in `tests.cases.desk`; everybody there has a token of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from cases import tokens
from cases.model import Role
from core.settings import Settings
from tests.cases.desk import RING, Desk, oslo, reopened
from tests.web.application import application
from web.house import House

NOW: Final = oslo("2026-09-10 12:00")
MADE: Final = oslo("2026-01-02 08:00")

ROLES: Final = (
    Role.HEALTH,
    Role.HEALTH_LEAD,
    Role.OFFICER,
    Role.COORDINATOR,
    Role.UNIT_LEAD,
)
"""Those of a unit."""


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Client:
    """Asks an application without a network, from any thread; one event loop serves them all."""

    def __init__(self, app: FastAPI) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        transport = ASGITransport(app, raise_app_exceptions=True)
        self._client = AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def request(self, method: str, url: str, **more: Any) -> Response:
        """One request and its answer."""
        asking = self._client.request(method, url, **more)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result(60)

    def close(self) -> None:
        """End the loop."""
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Office:
    """The desk, the application over it, and tokens."""

    desk: Desk
    app: FastAPI
    client: Client
    clock: Clock
    _tokens: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def token(self, role: Role, *units: str) -> str:
        """The token of a role in some units."""
        who = (role.value, units)
        if who not in self._tokens:
            self._tokens[who] = self.desk.do(tokens.add_token, "test", role.value, units, now=MADE)
        return self._tokens[who]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: tuple[Any, ...] | None = (Role.COORDINATOR, "a", "b"),
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Response:
        """What the interface answers; `by` is a role and its units, None for nobody."""
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {self.token(*by)}"
        if key is not None:
            sent["Idempotency-Key"] = key
        if body is not None:
            more["json"] = body
        return self.client.request(method, f"/api/v1{path}", headers=sent, **more)

    def get(self, path: str, **more: Any) -> Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Response:
        return self.ask("POST", path, body, **more)


NURSE: Final = (Role.HEALTH, "a")
OFFICER: Final = (Role.OFFICER, "a")
COORDINATOR: Final = (Role.COORDINATOR, "a", "b")
UNIT_LEAD: Final = (Role.UNIT_LEAD, "a")
OUTSIDER: Final = (Role.HEALTH, "c")
DIRECTORATE: Final = (Role.DIRECTORATE,)
ADMIN: Final = (Role.ADMIN,)


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Office]:
    """An office over a database that was made `UNSTAFFED`; keys lie in `folder`."""
    desk = reopened(url, folder / "keys.db", RING)
    clock = Clock()
    app = application(House(desk.db, clock, Settings(), demo=True, real_clock=clock))
    client = Client(app)
    try:
        yield Office(desk, app, client, clock)
    finally:
        client.close()
        desk.close()

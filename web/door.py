"""The front door: a request goes straight to the route that can answer it by itself.

The framework hands every request through a dozen layers on its way in, and the answer through most
of them on its way out: for what a route of ours reads and answers by itself they have nothing to
do, and take a sixth of a completion. So whoever asks for such a route is let in here. All else, and
whatever a route would rather have read by the framework, goes through the layers as before, which
is also where it is worded what is wrong with a request. What leaves by this door carries the same
headers, is counted the same and is refused in the same words.
"""

from __future__ import annotations

import time
from inspect import iscoroutinefunction
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.headers import Edge, Exits
from web.policy import Alone, Guarded, Unread
from web.switchboard import Switchboard
from web.threads import in_a_thread


class Overlev(FastAPI):
    """The application with its front door, which opens when `leave_by` was called."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.switchboard: Final = Switchboard(dependency_overrides_provider=self)
        self.router = self.switchboard
        self._exits: Exits | None = None

    def leave_by(self, exits: Exits) -> None:
        """Say what is done with every answer."""
        self._exits = exits
        self.add_middleware(Edge, exits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self._exits is not None:
            route = self.switchboard.route_of(scope)
            if isinstance(route, Guarded) and route.alone is not None:
                scope["app"] = self
                began = time.perf_counter()
                said = await self._said(route.alone, Request(scope, receive, send))
                if not isinstance(said, Unread):
                    await self._exits.serve(said, scope, receive, send, began)
                    return
                if said.body is not None:
                    receive = _again(said.body, receive)
        await super().__call__(scope, receive, send)

    async def _said(self, alone: Alone, request: Request) -> Any:
        """The answer of a route, or how it refuses in the words that the framework was given.

        An application that answers so, or `Unread`.
        """
        try:
            try:
                return await alone(request)
            except Exception as error:
                refuses = self._refuses(error)
                if refuses is None:
                    raise
                if iscoroutinefunction(refuses):  # the framework's own are
                    return await refuses(request, error)
                return await in_a_thread(refuses, request, error)
        except Exception as fault:  # noqa: BLE001 - it is answered where all faults are
            return _raising(fault)

    def _refuses(self, error: Exception) -> Any:
        """What answers such an error; None for a fault of ours."""
        for kind in type(error).__mro__:
            if kind in self.exception_handlers:
                return self.exception_handlers[kind]
        return None


def _raising(fault: Exception) -> ASGIApp:
    async def app(*_: object) -> None:
        raise fault

    return app


def _again(body: bytes, receive: Receive) -> Receive:
    """Where to receive from, as if nobody had read the body yet."""
    told = False

    async def received() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received

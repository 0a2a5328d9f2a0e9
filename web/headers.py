"""The outermost layer: the headers every answer carries, and the answer to a fault of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Browsers that know no frame-ancestors know this.
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Set where the answer does not say otherwise (a public file may be kept, say)."""

GONE: Final = 499
"""What is counted where a browser left in the middle of its form: no fault, and nobody to tell."""

HTTPS: Final = "max-age=31536000"
"""Of Strict-Transport-Security, where the public address is https."""


class Leaving:
    """The way out of one answer: its headers are put on, and its status is known (0: none yet)."""

    __slots__ = ("_headers", "_send", "status")

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send on what the answer says."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            there = message["headers"]
            said = {name.lower() for name, _ in there}
            message["headers"] = [*there, *[each for each in self._headers if each[0] not in said]]
        await self._send(message)


class Exits:
    """What is done with every answer of an application, by whichever door it leaves."""

    def __init__(
        self,
        *,
        https: bool,
        fault: Callable[[Request, Exception], Response],
        answered: Callable[[Scope, int, float], None],
    ) -> None:
        self.answered: Final = answered
        self.fault: Final = fault
        headers = SECURITY | ({"Strict-Transport-Security": HTTPS} if https else {})
        self._headers: Final = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        )

    async def serve(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, began: float
    ) -> None:
        """Serve one request by `app`: dressed, counted, and answered whatever happens.

        `began` is when it came, of `time.perf_counter`.
        """
        leaving = Leaving(send, self._headers)
        try:
            await app(scope, receive, leaving)
        except ClientDisconnect:
            leaving.status = leaving.status or GONE
        except Exception as fault:  # noqa: BLE001 - the last edge: whatever it is, it is answered
            answer = self.fault(Request(scope), fault)
            if not leaving.status:
                await answer(scope, receive, leaving)
        finally:
            self.answered(scope, leaving.status, time.perf_counter() - began)


class Edge:
    """Nothing leaves without the headers; no fault of ours passes, with its words, to the server.

    (Starlette's own layer for faults stands outside all others and raises again, so that the
    server logs what may hold something about a person.)
    """

    def __init__(self, app: ASGIApp, exits: Exits) -> None:
        self._app = app
        self._exits = exits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            await self._exits.serve(self._app, scope, receive, send, time.perf_counter())
        else:
            await self._app(scope, receive, send)

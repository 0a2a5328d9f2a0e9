"""The outermost layer: the headers every answer carries, and the answer to a fault of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class Edge:
    """Nothing leaves without the headers; no fault of ours passes, with its words, to the server.

    (Starlette's own layer for faults stands outside all others and raises again, so that the
    server logs what may hold something about a person.)
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        https: bool,
        fault: Callable[[Request, Exception], Response],
        answered: Callable[[Scope, int, float], None],
    ) -> None:
        self._app = app
        self._answered = answered
        self._fault = fault
        self._headers = dict(SECURITY)
        if https:
            self._headers["Strict-Transport-Security"] = HTTPS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            status = status or GONE
        except Exception as fault:  # noqa: BLE001 - the last edge: whatever it is, it is answered
            answer = self._fault(Request(scope), fault)
            if not status:
                await answer(scope, receive, with_headers)
        finally:
            self._answered(scope, status, time.perf_counter() - began)

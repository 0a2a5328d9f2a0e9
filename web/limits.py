"""How much a request may carry. What is larger is refused while it arrives, not after."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

BODY_LIMIT: Final = 64 * 1024
"""Bytes of an ordinary request: a hundred times the longest that a form can make."""


class TooLarge(HTTPException):
    """The body is larger than this route takes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(413, f"The body is larger than {limit} bytes.")


def limited(request: Request, limit: int) -> Request:
    """The same request, which raises `TooLarge` when its body is, declared or not."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit():
        # Servers take zeros before a number, however many; `int` reads no number of any length.
        if int(declared.lstrip("0")[:20] or 0) > limit:
            raise TooLarge(limit)
        if "transfer-encoding" not in request.headers:
            return request  # the server lets no more through than was declared
    arrived = 0
    receive = request.receive

    async def counted() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > limit:
            raise TooLarge(limit)
        return message

    return Request(request.scope, counted)

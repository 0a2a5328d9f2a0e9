"""Receipts: what was just done, told once, by the page that comes next, to whoever did it.

A verb's answer names the page to look at next and, in its query, what to tell there. On the way to
the browser that is moved into a cookie that only this session can have got and only that page
shows, once: an address that was made up, kept or loaded again tells of nothing.
"""

from __future__ import annotations

import base64
import hmac
import zlib
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from web.house import House
from web.session_cookie import is_https, token_in

TOLD: Final = frozenset({"did", "many", "ok", "no", "to", "said", "moved"})
"""What is told of what was just done: no part of where one is."""

COOKIE: Final = "overlev-told"
HOLDS: Final = 120
"""Seconds in which the page that tells it must come."""

MOST: Final = 3800
"""Characters: browsers keep cookies of 4096. A hundred rows take half of it."""

_SEAL: Final = 32

Pairs = list[tuple[str, str]]


def hand_on(house: House, request: Request, answer: Response) -> None:
    """Move what an answer tells to the cookie; take back the cookie of a page that has shown it."""
    where = answer.headers.get("location")
    if where is not None:
        _move(house, request, answer, where)
    elif request.method == "GET" and receipt_in(house, request):
        answer.delete_cookie(
            COOKIE, path="/", secure=is_https(house), httponly=True, samesite="lax"
        )


def _move(house: House, request: Request, answer: Response, where: str) -> None:
    parts = urlsplit(where)
    pairs = parse_qsl(parts.query)
    told = [pair for pair in pairs if pair[0] in TOLD]
    token = token_in(house, request)
    if not told or token is None:
        return
    kept = urlencode([pair for pair in pairs if pair[0] not in TOLD])
    answer.headers["location"] = parts._replace(query=kept).geturl()
    sealed = _sealed(token, parts.path, told)
    if len(sealed) <= MOST:
        answer.set_cookie(
            COOKIE,
            sealed,
            max_age=HOLDS,
            path="/",
            secure=is_https(house),
            httponly=True,
            samesite="lax",
        )


def receipt_in(house: House, request: Request) -> Pairs:
    """What this page is to tell of; nothing for another page's receipt, or another session's."""
    sealed = request.cookies.get(COOKIE, "")
    if not sealed:  # nearly always, and asked several times for a page
        return []
    token = token_in(house, request)
    if token is None or len(sealed) > MOST:
        return []
    seal, body = sealed[:_SEAL], sealed[_SEAL:]
    if not hmac.compare_digest(seal.encode(), _seal(token, body).encode()):
        return []
    path, *told = parse_qsl(zlib.decompress(base64.urlsafe_b64decode(body)).decode())
    return told if path == ("path", request.url.path) else []


def _sealed(token: str, path: str, told: Pairs) -> str:
    written = urlencode([("path", path), *told]).encode()
    body = base64.urlsafe_b64encode(zlib.compress(written, 9)).decode()
    return _seal(token, body) + body


def _seal(token: str, body: str) -> str:
    """Follows from the session's own secret, which no page and no address holds."""
    return hmac.new(token.encode(), f"told:{body}".encode(), sha256).hexdigest()[:_SEAL]

"""The session cookie: its name, who it stands for, and that a form came from our own pages.

A browser sends the cookie along with anybody's form. So an unsafe request with it must come from
our own origin (what the browser itself says of it), and carry a token that only our pages know.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from cases import web_sessions
from cases.web_sessions import SignedIn
from core.errors import NotAllowed
from web.house import House

OVER_HTTPS: Final = "__Host-overlev"
ON_LOOPBACK: Final = "overlev-session"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "x-csrf-token"
MARK: Final = 16
"""Characters that say whose form it is."""

_PROOF: Final = 32
"""Characters, of hexadecimal, that prove it."""


class NotFromHere(NotAllowed):
    """An unsafe request that did not come from our own pages."""

    message_key = "error.not_from_here"


def is_https(house: House) -> bool:
    """Whether people reach the house over https; without a public address it is loopback only."""
    return (house.settings.public_url or "").startswith("https:")


def cookie_name(house: House) -> str:
    """What the session cookie is called: `__Host-` cannot be set by another host, nor by http."""
    return OVER_HTTPS if is_https(house) else ON_LOOPBACK


def token_in(house: House, request: Request) -> str | None:
    """The token in the session cookie of a request."""
    return request.cookies.get(cookie_name(house))


def set_token(house: House, answer: Response, token: str) -> None:
    """Give the browser its session; it forgets it when it is closed."""
    answer.set_cookie(
        cookie_name(house),
        token,
        path="/",
        secure=is_https(house),
        httponly=True,
        samesite="lax",
    )


def take_token(house: House, answer: Response) -> None:
    """Take the session back from the browser."""
    answer.delete_cookie(
        cookie_name(house),
        path="/",
        secure=is_https(house),
        httponly=True,
        samesite="lax",
    )


def session_in(house: House, request: Request) -> SignedIn | None:
    """Who is signed in by the cookie of this request, looked up once; None for nobody.

    Raises `Busy`.
    """
    known = getattr(request.state, "session", None)
    if known is not None:
        return known if isinstance(known, SignedIn) else None
    token = token_in(house, request)
    if not token:
        return None
    now = house.real_clock()
    with house.db.glance() as tx:
        session = web_sessions.session_of(tx, token, now=now)
    if session is not None and web_sessions.is_to_touch(session, now=now):
        touched = session
        house.db.transact(lambda tx: web_sessions.touch(tx, touched, now=now))
    request.state.session = session if session is not None else False
    return session


def csrf_of(token: str, account: str) -> str:
    """What our forms carry to prove that they are ours: follows from the cookie's token.

    In front stands whose form it is: a form whose session is gone goes back to its own account
    only, and to know which one there is no cookie to ask.
    """
    return owner_mark(account) + sha256(f"csrf:{token}".encode()).hexdigest()[:_PROOF]


def masked(proof: str) -> str:
    """A proof as a page carries it: another text every time, so that its length tells nothing.

    Pages travel compressed, and how long that makes them could be used to guess what stands in
    them twice (BREACH).
    """
    pad = secrets.token_bytes(_PROOF // 2)
    hidden = bytes(a ^ b for a, b in zip(pad, bytes.fromhex(proof[MARK:]), strict=True))
    return proof[:MARK] + pad.hex() + hidden.hex()


def unmasked(sent: str) -> str:
    """The proof in what a page carried; empty for what is none."""
    if len(sent) != MARK + 2 * _PROOF:
        return ""
    try:
        pad, hidden = (bytes.fromhex(sent[at : at + _PROOF]) for at in (MARK, MARK + _PROOF))
        return sent[:MARK] + bytes(a ^ b for a, b in zip(pad, hidden, strict=True)).hex()
    except ValueError:
        return ""


def owner_mark(account: str) -> str:
    """How the forms of an account say whose they are; `account` is its reference."""
    return sha256(f"form-of:{account}".encode()).hexdigest()[:MARK]


def owner_of(sent: object) -> str:
    """Whose form it is that carries this, as a mark; empty for a form of nobody's."""
    return sent[:MARK] if isinstance(sent, str) and len(sent) > MARK else ""


def check_came_from_here(house: House, request: Request) -> None:
    """Raise `NotFromHere` for an unsafe request that another site's page made."""
    if request.method in SAFE:
        return
    said = request.headers.get("sec-fetch-site")
    if said is not None and said != "same-origin":
        raise _not_from_here()
    origin = request.headers.get("origin")
    if origin is not None:
        ours = {request.headers.get("host", "")}
        if house.settings.public_url:
            ours = {urlsplit(house.settings.public_url).netloc}
        if urlsplit(origin).netloc not in ours:
            raise _not_from_here()
    if origin is None and said is None:
        raise _not_from_here()


def has_csrf(house: House, request: Request, sent: str | None) -> bool:
    """Whether what was sent is the token of this session's forms."""
    token, session = token_in(house, request), session_in(house, request)
    return (
        token is not None
        and sent is not None
        and session is not None
        and secrets.compare_digest(
            csrf_of(token, session.viewer.account).encode(), unmasked(sent).encode()
        )
    )


def _not_from_here() -> NotFromHere:
    return NotFromHere("This form did not come from a page of Overlev: nothing was changed.")

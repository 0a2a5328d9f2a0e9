"""From a request to a `Viewer`: by a bearer token, or by whatever else is registered here.

A signer looks at a request and says who asks, None when the request does not carry what it reads,
or raises `NotSignedIn` when it does but is not good (expired, revoked, unknown). A signer that
reads a cookie also refuses an unsafe request that does not come from our own pages: a browser
sends a cookie along with anybody's form, a token only with ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from cases.access import Viewer
from cases.tokens import BadToken, viewer_of_token
from core.errors import NotSignedIn
from web.house import House, house_of
from web.session_cookie import (
    CSRF_HEADER,
    SAFE,
    NotFromHere,
    check_came_from_here,
    has_csrf,
    session_in,
)

if TYPE_CHECKING:
    from web.policy import Policy

BEARER: Final = "bearer"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who asks, and by what: `token` or `session`."""

    viewer: Viewer
    by: str


Signer = Callable[[House, Request], Signed | None]


def by_token(house: House, request: Request) -> Signed | None:
    """The viewer of an `Authorization: Bearer` token. Raises `NotSignedIn`, `Busy`."""
    written = request.headers.get("authorization")
    if written is None:
        return None
    scheme, _, token = written.partition(" ")
    if scheme.lower() != BEARER:
        raise BadToken("Authorization takes a Bearer token.")
    with house.db.glance() as tx:
        viewer = viewer_of_token(tx, token.strip(), now=house.real_clock())
    return Signed(viewer, "token")


def by_session(house: House, request: Request) -> Signed | None:
    """The viewer of a session cookie. Raises `NotFromHere` for another site's form, `Busy`.

    Pages prove their forms by a field of them; whoever calls the JSON interface from a page of
    ours sends the same token in a header.
    """
    session = session_in(house, request)
    if session is None:
        return None
    check_came_from_here(house, request)
    if request.method not in SAFE and request.url.path.startswith("/api/"):
        sent = request.headers.get(CSRF_HEADER)
        if not has_csrf(house, request, sent):
            raise NotFromHere(f"A session needs the header {CSRF_HEADER}: nothing was changed.")
    return Signed(session.viewer, "session")


def signers() -> tuple[Signer, ...]:
    """All signers, asked in this order. The session cookie's comes after the token's."""
    return (by_token, by_session)


def signed_in(house: House, request: Request) -> Signed | None:
    """Who asks, None for nobody. Raises `NotSignedIn` for something that is not good."""
    for signer in signers():
        signed = signer(house, request)
        if signed is not None:
            return signed
    return None


def by_a_quick_look(request: Request) -> bool:
    """Whether to find out who asks costs less than the way to a thread and back.

    A token on SQLite: two rows by their keys, of a file that readers never wait for. A session is
    written to, and Postgres is a way off.
    """
    return house_of(request).db.is_sqlite and "authorization" in request.headers


def sign(request: Request, policy: Policy) -> None:
    """Find out who asks and whether they may. Raises `NotSignedIn`, `NotAllowed`, `Busy`."""
    signed = signed_in(house_of(request), request)
    if signed is None:
        raise NotSignedIn("Sign in, or send a Bearer token.")
    policy.check(signed.viewer.role)
    request.state.signed = signed


async def signed_of(request: Request) -> Signed:
    """Who asks this request; only where the policy is not public."""
    signed: Signed = request.state.signed
    return signed


Who = Annotated[Signed, Depends(signed_of)]
"""For handlers: `def page(who: Who)`."""

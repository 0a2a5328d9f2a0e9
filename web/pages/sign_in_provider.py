"""Signing in through an identity provider: the way there, and the way back.

What has begun stands in a sealed cookie of the browser it began in, for ten minutes and for one
answer: an answer that is brought to another browser, or a second time, lets nobody in.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError
from starlette.responses import RedirectResponse, Response

from cases import provided, vault
from cases.provided import Shut, Vouched
from cases.signing_in import Known
from core.crypto import CannotDecrypt, UnknownKey
from core.errors import BadInput, NotFound
from core.sealing import open_with, seal_with
from core.settings import GroupRule, group_rules
from web.house import House
from web.pages.rendering import page
from web.pages.sign_in import signed_in_answer
from web.pages.visit import Pages, Visit, Visited, local_path
from web.policy import public
from web.session_cookie import is_https
from web.vouching import BACK, Begun, NotVouched, Vouching, Why, provider_of

HOLDS: Final = timedelta(minutes=10)
_AAD: Final = b"provider_sign_in"
_STATUS: Final = {
    Why.AWAY: 503,
    Why.CANCELLED: 403,
    Why.NOT_PROVED: 403,
    Shut.NO_ROLE: 403,
    Shut.DISABLED: 403,
}

router: Final = Pages()
_log: Final = logging.getLogger(__name__)


@router.get("/sign-in/provider")
@public()
def leave(visit: Visited) -> Response:
    """Off to the provider."""
    house = visit.house
    now = house.real_clock()
    try:
        address, begun = _provider(house).way_out(local_path(visit.asked("next", "/")), now=now)
    except NotVouched as refused:
        return _stays_out(visit, refused.why, str(refused))
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        _cookie(house),
        _sealed(house, begun, now + HOLDS),
        max_age=int(HOLDS.total_seconds()),
        path="/",
        secure=is_https(house),
        httponly=True,
        # The answer comes by a link from the provider's page: "strict" would keep it back.
        samesite="lax",
    )
    return answer


@router.get(BACK)
@public()
def come_back(visit: Visited) -> Response:
    """Back from the provider: whom it names is signed in."""
    house = visit.house
    now = house.real_clock()
    provider = _provider(house)
    begun = _begun(house, visit.request.cookies.get(_cookie(house), ""), now)
    try:
        if begun is None:
            raise NotVouched(Why.NOT_PROVED, "nothing has begun in this browser")
        vouched = provider.vouched(begun, dict(visit.request.query_params), now=now)
        rules = group_rules(house.settings.oidc_groups)
        found = _let_in(house, vouched, rules, now)
    except NotVouched as refused:
        return _done(house, _stays_out(visit, refused.why, str(refused)))
    except BadInput as wrong:
        # The rules name a role or unit that is not there: `doctor` says which.
        return _done(house, _stays_out(visit, Shut.NO_ROLE, wrong.reason))
    if isinstance(found, Shut):
        return _done(house, _stays_out(visit, found, found.value))
    return _done(house, signed_in_answer(visit, found, next_page=begun.next_page))


def _let_in(
    house: House, vouched: Vouched, rules: Sequence[GroupRule], now: datetime
) -> Known | Shut:
    """The account of a vouched person. Two first sign-ins at once both make it: one is second."""
    try:
        return house.db.transact(lambda tx: provided.let_in(tx, vouched, rules, now=now))
    except IntegrityError:
        return house.db.transact(lambda tx: provided.let_in(tx, vouched, rules, now=now))


def _provider(house: House) -> Vouching:
    found = provider_of(house.settings)
    if found is None:
        raise NotFound("There is no identity provider here.")
    return found


def _stays_out(visit: Visit, why: Why | Shut, what: str) -> Response:
    _log.warning("nobody was let in through the provider: %s (%s)", why.value, what)
    return page(
        visit,
        "pages/sign_in_provider.html",
        _STATUS[why],
        why=why.value,
        called=visit.house.settings.oidc_name,
    )


def _cookie(house: House) -> str:
    return "__Host-overlev-way" if is_https(house) else "overlev-way"


def _sealed(house: House, begun: Begun, until: datetime) -> str:
    said = [begun.state, begun.nonce, begun.verifier, begun.next_page, int(until.timestamp())]
    with house.db.read() as tx:
        sealed = seal_with(vault.ring_of(tx), json.dumps(said).encode(), aad=_AAD)
    return base64.urlsafe_b64encode(sealed).decode()


def _begun(house: House, cookie: str, now: datetime) -> Begun | None:
    """What this browser has begun; None for nothing, too old, or not sealed by us."""
    try:
        raw = base64.urlsafe_b64decode(cookie.encode())
        with house.db.read() as tx:
            body = open_with(vault.ring_of(tx), raw, aad=_AAD)
    except (binascii.Error, CannotDecrypt, UnknownKey):
        return None
    state, nonce, verifier, next_page, until = json.loads(body)
    if datetime.fromtimestamp(until, UTC) < now:
        return None
    return Begun(state, nonce, verifier, local_path(next_page))


def _done(house: House, answer: Response) -> Response:
    """One answer only: what had begun is over, however it ended."""
    answer.delete_cookie(
        _cookie(house), path="/", secure=is_https(house), httponly=True, samesite="lax"
    )
    return answer

"""Going on with a form that could not be sent: nothing typed is lost, and nothing sends itself.

Whose form it was is known by the mark that its token carries. Until that account is signed in
again, what was typed is sealed: somebody else at the same machine sees nothing of it, on the page
or in its source.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cases import vault
from core.clock import parse_instant
from core.crypto import CannotDecrypt, UnknownKey
from core.errors import BadInput
from core.sealing import open_with, seal_with
from web.house import House, house_of
from web.i18n import marked
from web.pages.begun import begun
from web.pages.rendering import page
from web.pages.visit import Visit, language_of, local_path
from web.pages.words import WORDS
from web.session_cookie import owner_mark, session_in

Pairs = Sequence[tuple[str, str]]

MOST_KEPT: Final = 96 * 1024
"""Characters of a sealed form: more than an ordinary request (`web.limits.BODY_LIMIT`) can give."""

SECRET: Final = frozenset({"password", "again", "old", "secret", "ticket", "kept"})
"""A form with one of these fields is never kept and never shown: whoever sent it types it anew."""

_AAD: Final = b"kept_form"
_SHOWN: Final = {
    "accepted": marked("Vil personen delta?"),
    "at": marked("Når"),
    "call_at": marked("Samtale, når"),
    "call_phone": marked("Samtale, telefon"),
    "call_with": marked("Samtale, med hvem"),
    "capacity": marked("Plasser"),
    "card": marked("Kort med en åpen dør og et telefonnummer gitt i hånden"),
    "count": marked("Antall"),
    "expires": marked("Utløper"),
    "from_on": marked("Første dag ute"),
    "leader": marked("Leder"),
    "lot": marked("Lot-nummer"),
    "name": marked("Navn"),
    "on": marked("Dato"),
    "phone": marked("Telefon"),
    "place": marked("Hvor"),
    "reason": marked("Hvorfor"),
    "risk_talk": marked("Samtale om risiko: toleransen er borte"),
    "short_training": marked("Kort opplæring i spray og hjerte-lunge-redning"),
    "signs_and_113": marked("Tegn på overdose, og ring 113"),
    "spray": marked("Nalokson nesespray gitt i hånden"),
    "spray_lot": marked("Lot-nummer på sprayen"),
    "text": marked("Nummer eller navn"),
    "to_on": marked("Siste dag ute"),
    "with": marked("Hos hvem"),
}
"""Fields that are shown again in the words of their forms."""

_SAYS: Final = {"yes": marked("Ja"), "no": marked("Nei"), **WORDS["unplanned"]}
"""What codes say to a person; a field with any other code is not shown."""

_OF_A_CALL: Final = frozenset({"call_at", "call_phone", "call_with"})
_TIMES: Final = frozenset({"at", "call_at"})
_CODES: Final = frozenset(
    {"accepted", "card", "reason", "risk_talk", "short_training", "signs_and_113", "spray"}
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that waits for its account: where it was sent, and what was typed."""

    path: str
    pairs: Pairs


def is_secret(pairs: Pairs) -> bool:
    """Whether a form holds a password or a code."""
    return any(name in SECRET for name, _ in pairs)


def seal_form(house: House, owner: str, path: str, pairs: Pairs) -> str:
    """A form as text that only this installation opens; empty where there is nothing to keep."""
    if not owner or not pairs or is_secret(pairs):
        return ""
    body = zlib.compress(json.dumps([owner, path, list(pairs)]).encode())
    with house.db.read() as tx:
        sealed = seal_with(vault.ring_of(tx), body, aad=_AAD)
    text = base64.urlsafe_b64encode(sealed).decode()
    return text if len(text) <= MOST_KEPT else ""


def kept_for(house: House, sealed: str, account: str) -> Kept | None:
    """What was kept for an account; None for another's, and for what we did not seal."""
    if not sealed or len(sealed) > MOST_KEPT:
        return None
    try:
        raw = base64.urlsafe_b64decode(sealed.encode())
        with house.db.read() as tx:
            body = open_with(vault.ring_of(tx), raw, aad=_AAD)
    except (binascii.Error, CannotDecrypt, UnknownKey):
        return None
    owner, path, pairs = json.loads(zlib.decompress(body))
    if owner != owner_mark(account):
        return None
    return Kept(local_path(path), [(name, value) for name, value in pairs])


def go_on(request: Request, path: str, pairs: Pairs) -> Response:
    """A page with the form once more, for its own account, signed in now; one click sends it."""
    house = house_of(request)
    request.state.session = None
    booked = ("call", "yes") in pairs  # a time for a call stands in its form from the start
    visit = Visit(request, house, session_in(house, request), house.now(), language_of(request))
    return page(
        visit,
        "pages/go_on.html",
        path=local_path(path),
        pairs=pairs,
        begun=begun(visit, path, pairs),
        shown=[
            (visit.translate(_SHOWN[name]), said)
            for name, value in pairs
            if name in _SHOWN
            and (booked or name not in _OF_A_CALL)
            and (said := _said(visit, name, value))
        ],
    )


def _said(visit: Visit, name: str, value: str) -> str:
    """A value as a person reads it; empty for nothing, and for what says nothing to a person."""
    if name in _CODES:
        return visit.translate(_SAYS[value]) if value in _SAYS else ""
    if name in _TIMES:
        with contextlib.suppress(BadInput):  # as it was typed
            return visit.dates.time(parse_instant(value))
    return value


def stale(request: Request, owner: str, pairs: Pairs, back: str) -> Response | None:
    """A form of an earlier session in the hands of whoever is signed in now.

    None for another account's: it is refused like any other, and nothing of it is shown.
    """
    session = session_in(house_of(request), request)
    if is_secret(pairs):
        return RedirectResponse(back, 303)
    if session is not None and owner in ("", owner_mark(session.viewer.account)):
        return go_on(request, request.url.path, pairs)
    return None

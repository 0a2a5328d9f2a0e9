"""Pages that answer a form, kept for a while so that they have an address of their own.

A page that comes straight from a form cannot be gone back to: the browser would have to send the
form again, and shows a fault of its own instead. So a form that is sent by going there is answered
with the way to its page. Kept is the page as it was written, in memory, for the session that sent
the form: what was typed lies nowhere else, and nobody else reads it.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.responses import RedirectResponse, Response

from core.crypto import new_ref
from web.pages.visit import Visit, came_from, local_path

WAY: Final = "/again/"
HOLDS: Final = timedelta(minutes=30)
MOST: Final = 300
"""Pages kept at a time, about 10 kB each; the oldest go first."""

SHOWN_ONCE: Final = frozenset(
    {
        "pages/recovery_codes.html",
        "pages/admin_person.html",
        "pages/second_step.html",
        "pages/sign_in_code.html",
        "pages/invitation.html",
    }
)
"""Templates of pages with something secret: gone after the first look."""

_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as it was written, packed. `owner` is the session it is for, "" for nobody's."""

    packed: bytes
    status: int
    owner: str
    until: datetime
    once: bool

    @property
    def body(self) -> bytes:
        """The page."""
        return gzip.decompress(self.packed)


class KeptPages:
    """The pages of one process."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, page: Kept) -> str:
        """Keep it; returns what to ask for it with, which nobody guesses."""
        ref = new_ref() + new_ref()
        with self._lock:
            self._pages[ref] = page
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)
        return ref

    def look(self, ref: str, owner: str, *, now: datetime) -> Kept | None:
        """The page, for its owner while it is kept."""
        with self._lock:
            page = self._pages.get(ref)
            if page is None or page.owner != owner:
                return None
            if page.once or page.until < now:
                del self._pages[ref]
            return page if page.until >= now else None


def owner_of(visit: Visit) -> str:
    """Whose a page is: the session's, as the table knows it."""
    return visit.session.digest if visit.session is not None else ""


def way_to(visit: Visit, template: str, body: bytes, status: int) -> Response | None:
    """The way to a page that answers a form; None where nobody went there by sending one."""
    request = visit.request
    if request.method != "POST" or request.headers.get("sec-fetch-mode") != "navigate":
        return None
    pages: KeptPages = request.app.state.kept_pages
    ref = pages.keep(
        Kept(
            gzip.compress(body, 1, mtime=0),
            status,
            owner_of(visit),
            visit.house.real_clock() + HOLDS,
            template in SHOWN_ONCE,
        )
    )
    back = came_from(request)
    if back.startswith(WAY):  # a form of a page that was kept
        back = local_path(dict(parse_qsl(urlsplit(back).query)).get("next", "/"))
    way = "" if back == "/" else f"?next={quote(back, safe='/')}"
    return RedirectResponse(f"{WAY}{ref}{way}", _SEE_OTHER)

"""Pages that answer a form, kept for a while so that they have an address of their own.

A page that comes straight from a form cannot be gone back to: the browser would have to send the
form again, and shows a fault of its own instead. So a form that is sent by going there is answered
with the way to its page. Kept is the page as it was written, in memory, for the session that sent
the form: what was typed lies nowhere else, and nobody else reads it.
"""

from __future__ import annotations

import gzip
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.responses import RedirectResponse, Response

from cases.retention import ANSWERS, ANSWERS_KEPT
from cases.vault import Secrets
from core.crypto import CannotDecrypt, KeyRing, UnknownKey, new_ref
from core.db import instant_text
from core.scratch import forget_files
from core.sealing import open_with, seal_with
from web.house import House
from web.pages.visit import Visit, came_from, local_path

WAY: Final = "/again/"
HOLDS: Final = ANSWERS_KEPT
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

    def written(self) -> bytes:
        """Itself as bytes."""
        about = [self.status, self.owner, instant_text(self.until), self.once]
        return json.dumps(about).encode() + b"\n" + self.packed

    @classmethod
    def read(cls, written: bytes) -> Kept:
        """What was written."""
        about, _, packed = written.partition(b"\n")
        status, owner, until, once = json.loads(about)
        return cls(packed, status, owner, datetime.fromisoformat(until), once)


class KeptPages:
    """The pages of an installation on one machine: sealed files, each under a name of its own.

    The name says nothing of what to ask for the page with; that alone, with the keys, opens it.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._folder: Final[Path] = house.settings.data / ANSWERS

    def keep(self, page: Kept) -> str:
        """Keep it; returns what to ask for it with, which nobody guesses.

        Raises `OSError` where nothing can be written.
        """
        ref = new_ref() + new_ref()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_files(self._folder, after=HOLDS, most=MOST - 1)
        making = self._folder / secrets.token_hex(8)
        making.touch(mode=0o600)
        making.write_bytes(seal_with(self._ring, page.written(), aad=_aad(ref)))
        making.rename(self._path(ref))
        return ref

    def look(self, ref: str, owner: str, *, now: datetime) -> Kept | None:
        """The page, for its owner while it is kept."""
        path = self._path(ref)
        try:
            page = Kept.read(open_with(self._ring, path.read_bytes(), aad=_aad(ref)))
            if page.owner != owner:
                return None
            if page.once or page.until < now:
                path.unlink()
        except FileNotFoundError:  # never there, or somebody else has just had its one look
            return None
        except (CannotDecrypt, UnknownKey):  # the key is gone, or the file is not of this page
            return None
        return page if page.until >= now else None

    @property
    def _ring(self) -> KeyRing:
        return cast("Secrets", self._house.db.secrets).ring

    def _path(self, ref: str) -> Path:
        return self._folder / sha256(ref.encode()).hexdigest()[:32]


def _aad(ref: str) -> bytes:
    return f"kept_page:{ref}".encode()


def owner_of(visit: Visit) -> str:
    """Whose a page is: the session's, as the table knows it."""
    return visit.session.digest if visit.session is not None else ""


def way_to(visit: Visit, template: str, body: bytes, status: int) -> Response | None:
    """The way to a page that answers a form; None where nobody went there by sending one."""
    request = visit.request
    if request.method != "POST" or request.headers.get("sec-fetch-mode") != "navigate":
        return None
    pages: KeptPages = request.app.state.kept_pages
    kept = Kept(
        gzip.compress(body, 1, mtime=0),
        status,
        owner_of(visit),
        visit.house.real_clock() + HOLDS,
        template in SHOWN_ONCE,
    )
    try:
        ref = pages.keep(kept)
    except OSError:
        return None  # a full disk: the page itself is better than none, though Back will not do
    back = came_from(request)
    if back.startswith(WAY):  # a form of a page that was kept
        back = local_path(dict(parse_qsl(urlsplit(back).query)).get("next", "/"))
    way = "" if back == "/" else f"?next={quote(back, safe='/')}"
    return RedirectResponse(f"{WAY}{ref}{way}", _SEE_OTHER)

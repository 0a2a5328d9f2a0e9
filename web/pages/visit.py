"""One visit to a page: who asks, in which language, when, and what was typed.

Pages are made by a `Pages` router. Its routes read the form before the handler runs (handlers are
plain functions), and when a session has run out in the middle of a form they keep what was typed:
the person signs in and goes on with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from inspect import signature
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cases.access import Viewer
from cases.soonest import KeptLines
from cases.web_sessions import SignedIn
from core.errors import NotFound, NotSignedIn
from web.house import House, house_of
from web.i18n import LANGUAGES, Translate, best_of, translator
from web.limits import BODY_LIMIT, limited
from web.pages import receipts
from web.pages.dates import Dates
from web.pages.lately import Kept
from web.pages.receipts import TOLD
from web.policy import Guarded, Router, policy_of
from web.session_cookie import (
    SAFE,
    check_came_from_here,
    csrf_of,
    has_csrf,
    masked,
    owner_of,
    session_in,
    token_in,
)
from web.signing import sign
from web.threads import in_a_thread

LANGUAGE_COOKIE: Final = "overlev-language"
SCHEME_COOKIE: Final = "overlev-scheme"
SCHEMES: Final = ("auto", "light", "dark")
CSRF: Final = "csrf"
ONCE: Final = "once"
LARGEST: Final = 10**9
"""What a number that is typed counts as at most (`whole`)."""

_DOORS: Final = ("/sign-in", "/invitation/")
_OURS: Final = frozenset({CSRF, ONCE})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class StaleForm(NotSignedIn):
    """The form belongs to another session of this browser: it is shown again, to be sent anew."""

    message_key = "error.stale_form"


@dataclass(slots=True)
class Visit:
    """One request for a page. `now` is the house's time, read once."""

    request: Request
    house: House
    session: SignedIn | None
    now: datetime
    language: str
    form: FormData = field(default_factory=FormData)

    @property
    def viewer(self) -> Viewer:
        """Who asks, on pages that are not public. Raises `NotSignedIn`."""
        return self.signed_in.viewer

    @property
    def signed_in(self) -> SignedIn:
        """The session, on pages that are not public. Raises `NotSignedIn`."""
        if self.session is None:
            # A token may call the JSON interface; pages are for people.
            raise NotSignedIn("Sign in to see this page.")
        return self.session

    @property
    def lately(self) -> Kept:
        """What the pages of this process keep for a moment."""
        kept: Kept = self.request.app.state.lately
        return kept

    @property
    def kept_lines(self) -> KeptLines:
        """Where the tasks of cases lie for the next look at the same list."""
        return self.lately.lines.at(self.house.real_clock())

    @property
    def translate(self) -> Translate:
        """The words of the visitor's language."""
        return translator(self.language)

    @property
    def dates(self) -> Dates:
        """How the visitor's language writes dates."""
        return Dates(self.language, self.translate, self.now)

    @property
    def csrf(self) -> str:
        """What the forms of this page carry; empty where nobody is signed in."""
        token = token_in(self.house, self.request) if self.session is not None else None
        return masked(csrf_of(token, self.signed_in.viewer.account)) if token else ""

    def once(self) -> str:
        """A key that makes a form count once, however often it is sent."""
        return secrets.token_urlsafe(9)

    @property
    def scheme(self) -> str:
        """Light, dark, or what the machine says."""
        chosen = self.request.cookies.get(SCHEME_COOKIE, "auto")
        return chosen if chosen in SCHEMES else "auto"

    @property
    def here(self) -> str:
        """The address of this page, to come back to; without what was just done."""
        if self.request.method not in SAFE:
            return local_path(self.typed("next", "/"))
        pairs = [pair for pair in self.request.query_params.multi_items() if pair[0] not in TOLD]
        return address(self.request.url.path, pairs)

    @property
    def place(self) -> str:
        """The network address of whoever asks."""
        return self.request.client.host if self.request.client is not None else "unknown"

    def asked(self, name: str, default: str = "") -> str:
        """A value of the address (`?name=`)."""
        return _plain(self.request.query_params.get(name, default))

    def told(self, name: str) -> str:
        """What this page is to tell of what was just done, empty for nothing of that name."""
        return next(iter(self.told_all(name)), "")

    def told_all(self, name: str) -> list[str]:
        """Every value of a name of the receipt."""
        receipt = receipts.receipt_in(self.house, self.request)
        return [value for each, value in receipt if each == name]

    def typed(self, name: str, default: str = "") -> str:
        """A value of the form, without spaces around it."""
        value = self.form.get(name)
        return _plain(value) if isinstance(value, str) else default

    def typed_all(self, name: str) -> list[str]:
        """Every value of a name of the form."""
        return [
            value.replace("\0", "") for value in self.form.getlist(name) if isinstance(value, str)
        ]

    def upload(self, name: str) -> UploadFile | None:
        """A file of the form, None where none was chosen."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def values(self) -> dict[str, str]:
        """Everything typed, to be shown again."""
        return {
            name: value
            for name, value in self.form.multi_items()
            if isinstance(value, str) and name not in _OURS
        }


def language_of(request: Request) -> str:
    """The language chosen, else what the browser likes best."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else best_of(request.headers.get("accept-language", ""))


def visit_of(request: Request, form: FormData | None = None) -> Visit:
    """The visit of a request; its form, where it has one, proved to be ours. Runs in a thread."""
    house = house_of(request)
    session = session_in(house, request)
    if form is not None:
        sent = form.get(CSRF)
        proved = has_csrf(house, request, sent if isinstance(sent, str) else None)
        # Whoever signs in proves who they are by the form itself, also where somebody else's
        # session is still open in this browser: theirs takes its place.
        if session is not None and not proved and not request.url.path.startswith(_DOORS):
            raise StaleForm("This form is from an earlier session.")
    return Visit(request, house, session, house.now(), language_of(request), form or FormData())


def _from_the_route() -> Visit:
    msg = "a page belongs to a router of Pages, whose routes hand the visit over"
    raise NotImplementedError(msg)


Visited = Annotated[Visit, Depends(_from_the_route)]
"""For handlers of pages: `def today(visit: Visited) -> Response`. `PageRoute` hands it over."""


class PageRoute(Guarded):
    """A page: its handler takes the visit and the parts of its path, all of them text.

    Signing, looking and rendering go to one thread in one go; what was typed is kept for whoever
    has to sign in first (`web.pages.refusals`).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `Guarded`."""
        policy, handler = policy_of(self.endpoint), self.endpoint
        _check_takes(handler, self.param_convertors)

        def answer(request: Request, form: FormData | None) -> Response:
            if not policy.public:
                sign(request, policy)
            if any("\0" in str(part) for part in request.path_params.values()):
                raise NotFound("There is no such page.")  # Postgres knows no such text
            visit = visit_of(request, form)
            # The page that tells of a form may come from another process than the one it went to,
            # and while the form was under way its sender may have looked in another window.
            if visit.session is not None and (
                form is not None or receipts.receipt_in(visit.house, request)
            ):
                visit.lately.sent(visit.viewer.account)
            answered: Response = handler(visit, **request.path_params)
            if not policy.public:
                receipts.hand_on(house_of(request), request, answered)
            return answered

        async def read(request: Request) -> FormData:
            # Nothing is read for whoever may not send it.
            if not policy.public:
                await in_a_thread(sign, request, policy)
            check_came_from_here(house_of(request), request)
            form: FormData = await request.form(max_files=1, max_fields=2000)
            request.state.form = form
            return form

        async def kept(request: Request) -> Response:
            request = limited(request, policy.body_limit)
            try:
                form = None if request.method in SAFE else await read(request)
                return await in_a_thread(answer, request, form)
            except NotSignedIn:
                if request.method not in SAFE:
                    check_came_from_here(house_of(request), request)
                    request.state.typed, request.state.typed_by = await _typed_in(request)
                raise
            finally:
                used: FormData | None = getattr(request.state, "form", None)
                if used is not None:
                    await used.close()

        self.alone = kept
        return kept


def _plain(value: str) -> str:
    """What was typed, without spaces around it and without NUL, which Postgres cannot store."""
    return value.replace("\0", "").strip()


def whole(text: str) -> int | None:
    """A whole number as somebody typed it; None for anything else.

    One of more digits than anything here is counted in is `LARGEST`: databases take no such number.
    """
    if not text.isdecimal():
        return None
    return int(text) if len(text) < len(str(LARGEST)) else LARGEST


def _check_takes(handler: Callable[..., Any], parts: Iterable[str]) -> None:
    """Raise `TypeError` for a handler of a page that asks for anything else than it is given."""
    wanted = list(signature(handler).parameters)[1:]
    if sorted(wanted) != sorted(parts):
        msg = f"{handler.__qualname__} takes a visit and the parts of its path, not {wanted}"
        raise TypeError(msg)


async def _typed_in(request: Request) -> tuple[list[tuple[str, str]], str]:
    """The fields of a form, without files and without our own; and the mark of whose form it is."""
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return [], ""
    form: FormData | None = getattr(request.state, "form", None)
    if form is None:  # refused before anybody read it
        form = request.state.form = await limited(request, BODY_LIMIT).form(max_files=1)
    typed = [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in _OURS
    ]
    return typed, owner_of(form.get(CSRF))


class Pages(Router):
    """A router of pages."""

    def __init__(self) -> None:
        super().__init__(include_in_schema=False)
        self.route_class = PageRoute


def to_sign_in(request: Request) -> Response:
    """The way to the sign-in page, and back again afterwards."""
    path = request.url.path
    query = f"?{request.url.query}" if request.url.query else ""
    way = "" if path == "/" else f"?next={quote(path + query, safe='/')}"
    return RedirectResponse(f"/sign-in{way}", 303)


def came_from(request: Request) -> str:
    """The page of ours that led here, to go back to."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc != request.headers.get("host") or not parts.path:
        return "/"
    return local_path(parts.path + (f"?{parts.query}" if parts.query else ""))


def local_path(text: str) -> str:
    """A path of our own pages, `/` for anything else: nobody is led elsewhere by a link."""
    good = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if good and text.isprintable() else "/"


def address(path: str, values: Mapping[str, object] | Sequence[tuple[str, object]] = ()) -> str:
    """A path with what is not empty as its query."""
    pairs = values.items() if isinstance(values, Mapping) else values
    query = urlencode([(name, value) for name, value in pairs if value not in (None, "", False)])
    return f"{path}?{query}" if query else path


def to(path: str, values: Mapping[str, object] | Sequence[tuple[str, object]] = ()) -> Response:
    """After a form: the page to look at next."""
    return RedirectResponse(address(path, values), 303)

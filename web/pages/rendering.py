"""Templates to pages: one environment a language, and what every page has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, cast

from fastapi.responses import HTMLResponse
from isal import igzip
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from core.clock import local_date
from web.i18n import LANGUAGES, translator
from web.pages import words
from web.pages.help_sections import help_about
from web.pages.kept_pages import way_to
from web.pages.menu import current_of, menu_for
from web.pages.patterns import cut, marked_place, pattern_of
from web.pages.static_files import address_of
from web.pages.tour import tour_of
from web.pages.visit import SCHEMES, Visit

HEADERS: Final = {
    # Chosen files of the design system hold their icons as data: images; nothing else comes from
    # anywhere. With no-referrer browsers would hide the origin of our own forms from us.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
        " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language, Accept-Encoding, Sec-Fetch-Site",
}
_PACKED_HEADERS: Final = HEADERS | {"Content-Encoding": "gzip"}
_BY_OURSELVES: Final = ("same-origin", "none")
"""A link or form of ours; an address that was typed or kept."""

PACKED: Final = 1
"""How hard a page is compressed: a list of 100 kB to 7 kB; trying harder gains a twentieth."""


PATTERNS: Final = {
    "acts": ("ref", "name", "label"),
    "todo": ("ref", "name", "label", "due", "whose", "giver"),
    "human": ("ref", "name", "number", "unit", "until", "tasks"),
    "deadline": (
        "ref", "name", "number", "label", "unit", "due", "until", "whose", "snooze", "by", "giver",
    ),
}  # fmt: skip
"""Parts that repeat, each with the words that are filled in (`web.pages.patterns`)."""


@lru_cache(maxsize=8)
def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=PackageLoader("web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
        extensions=[],
    )
    translate = translator(language)
    made.globals.update(
        {
            "_": translate,
            "lang": language,
            "languages": LANGUAGES,
            "schemes": SCHEMES,
            "static": address_of,
            "word": words.in_language(translate),
        }
    )
    for name, asked in PATTERNS.items():
        made.globals[name] = pattern_of(made, f"parts/{name}.html", asked)
    return made


def part(language: str, name: str) -> Callable[..., Markup]:
    """The pattern of this name, in a language."""
    return cast("Callable[..., Markup]", environment(language).globals[name])


def joined(parts: Iterable[Markup]) -> Markup:
    """Pieces of a page, one after the other; they are written already and not escaped again."""
    return Markup("".join(parts))  # noqa: S704 - each is one


def page(visit: Visit, template: str, status: int = 200, /, **values: Any) -> Response:
    """One page as an answer; to a form that was sent by going there, the way to it."""
    text = _template(visit, template).render(_common(visit), **values)
    body = text.encode()
    way = way_to(visit, template, body, status)
    return written(visit.request, body, status) if way is None else way


def kept_page(
    visit: Visit,
    template: str,
    status: int = 200,
    /,
    *,
    words: Mapping[str, Markup],
    follows: Mapping[str, Any],
    **values: Any,
) -> Response:
    """As `page`, for one that the same reader asks for again and again.

    What is around the list is written once for a reader, a minute and what stands in it, and kept
    (`web.pages.lately`). `words` are filled in each time, like what makes a form ours and once
    only; `follows` are values that the template asks for and that follow from the others, which
    tell one page from another.
    """
    me, here = visit.signed_in, visit.here
    minute = visit.now.replace(second=0, microsecond=0)
    reader = (me.digest, me.viewer, me.display_name)
    same = _told_apart(visit)
    told_apart = [_as_key(value) for value in values.values()]
    key = (template, reader, visit.language, minute, here, *same.values(), *told_apart)

    def frame() -> tuple[tuple[str, ...], tuple[str, ...]]:
        nonce = secrets.token_hex(8)
        places = {name: Markup(marked_place(name, nonce)) for name in words}  # noqa: S704 - none
        unsent = {
            "csrf": marked_place("csrf", nonce),
            "visit": _Unsent(here, marked_place("once", nonce)),
        }
        common = _common(visit, same) | unsent
        text = _template(visit, template).render(common, **follows, **values, **places)
        return cut(text, nonce)

    fixed, names = visit.lately.frames.made(key, frame, now=visit.house.real_clock())
    csrf = visit.csrf
    parts = [fixed[0]]
    for name, after in zip(names, fixed[1:], strict=True):
        parts += (
            csrf if name == "csrf" else visit.once() if name == "once" else words[name],
            after,
        )
    body = "".join(parts).encode()
    way = way_to(visit, template, body, status)
    return written(visit.request, body, status) if way is None else way


def _as_key(value: Any) -> Any:
    """A value as part of a key: dictionaries and lists of what can be one."""
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


class _Unsent:
    """A visit as templates ask it, whose forms have no key of their own yet."""

    def __init__(self, here: str, once: str) -> None:
        self.here = here
        self._once = once

    def once(self) -> str:
        """The place of the key that makes a form count once."""
        return self._once


def _template(visit: Visit, template: str) -> Template:
    return environment(visit.language).get_template(template)


def _told_apart(visit: Visit) -> dict[str, Any]:
    """Of what every page is given, what a kept one is told apart by; the rest follows from it."""
    training = visit.house.training
    return {
        "demo": visit.house.demo,
        "trains": training is not None,
        "training_on": local_date(visit.now) if training and training.moved_by() else None,
        "tour": tour_of(visit),
        "scheme": visit.scheme,
        "here": visit.request.url.path,
    }


def _common(visit: Visit, told_apart: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What every page is given."""
    session = visit.session
    menu = menu_for(session.viewer.role) if session is not None else ()
    return {
        **(told_apart if told_apart is not None else _told_apart(visit)),
        "visit": visit,
        "dates": visit.dates,
        "now": visit.now,
        "me": session,
        "viewer": session.viewer if session is not None else None,
        "menu": menu,
        "menu_at": current_of(menu, visit.request.url.path),
        "help_at": help_about(visit.request.url.path),
        "csrf": visit.csrf,
    }


def written(request: Request, body: bytes, status: int) -> Response:
    """A page as it travels."""
    headers = HEADERS
    if may_be_packed(request):
        body, headers = igzip.compress(body, PACKED, mtime=0), _PACKED_HEADERS
    return HTMLResponse(body, status, headers=headers)


def may_be_packed(request: Request) -> bool:
    """Whether an answer may travel compressed: only where no other site had it made.

    The length of a compressed page tells somebody who reads along whether what they put into its
    address stands in it already (BREACH). For that they must have the page made thousands of times
    from a page of theirs; a browser says so, and one that says nothing gets all pages whole.
    """
    said = request.headers.get("sec-fetch-site")
    return said in _BY_OURSELVES and "gzip" in request.headers.get("accept-encoding", "")

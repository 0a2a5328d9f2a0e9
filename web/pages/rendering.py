"""Templates to pages: one environment a language, and what every page has."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from core.clock import local_date
from web.i18n import LANGUAGES, translator
from web.pages import words
from web.pages.kept_pages import way_to
from web.pages.menu import current_of, menu_for
from web.pages.patterns import pattern_of
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
"""How hard a page is compressed: a list of 100 kB to 6 kB; trying harder costs twice as much."""


PATTERNS: Final = {
    "acts": ("ref", "name", "label"),
    "todo": ("ref", "name", "label", "due"),
    "human": ("ref", "name", "number", "unit", "until", "tasks"),
    "deadline": (
        "ref", "name", "number", "label", "unit", "due", "until", "whose", "snooze",
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


def page(visit: Visit, template: str, status: int = 200, /, **values: Any) -> Response:
    """One page as an answer; to a form that was sent by going there, the way to it."""
    session = visit.session
    menu = menu_for(session.viewer.role) if session is not None else ()
    training = visit.house.training
    text = (
        environment(visit.language)
        .get_template(template)
        .render(
            visit=visit,
            demo=visit.house.demo,
            trains=training is not None,
            training_on=local_date(visit.now) if training and training.moved_by() else None,
            tour=tour_of(visit),
            scheme=visit.scheme,
            dates=visit.dates,
            now=visit.now,
            me=session,
            viewer=session.viewer if session is not None else None,
            menu=menu,
            menu_at=current_of(menu, visit.request.url.path),
            here=visit.request.url.path,
            csrf=visit.csrf,
            **values,
        )
    )
    body = text.encode()
    way = way_to(visit, template, body, status)
    return written(visit.request, body, status) if way is None else way


def written(request: Request, body: bytes, status: int) -> Response:
    """A page as it travels."""
    headers = HEADERS
    if may_be_packed(request):
        body, headers = gzip.compress(body, PACKED, mtime=0), _PACKED_HEADERS
    return HTMLResponse(body, status, headers=headers)


def may_be_packed(request: Request) -> bool:
    """Whether an answer may travel compressed: only where no other site had it made.

    The length of a compressed page tells somebody who reads along whether what they put into its
    address stands in it already (BREACH). For that they must have the page made thousands of times
    from a page of theirs; a browser says so, and one that says nothing gets all pages whole.
    """
    said = request.headers.get("sec-fetch-site")
    return said in _BY_OURSELVES and "gzip" in request.headers.get("accept-encoding", "")

"""Templates to pages: one environment a language, and what every page has."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from web.i18n import LANGUAGES, translator
from web.pages import words
from web.pages.menu import current_of, menu_for
from web.pages.static_files import address_of
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
    "Vary": "Cookie, Accept-Language",
}


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
    return made


def page(visit: Visit, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """One page as an answer."""
    session = visit.session
    menu = menu_for(session.viewer.role) if session is not None else ()
    written = (
        environment(visit.language)
        .get_template(template)
        .render(
            visit=visit,
            demo=visit.house.demo,
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
    return HTMLResponse(written, status, headers=HEADERS)

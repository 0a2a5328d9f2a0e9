"""Going on with a form that could not be sent: nothing typed is lost, and nothing sends itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from web.house import house_of
from web.pages.rendering import page
from web.pages.visit import Visit, language_of, local_path
from web.session_cookie import session_in

_PLAIN: Final = frozenset({"do", "version", "next"})
"""Fields whose values say nothing to a person."""


def go_on(request: Request, path: str, pairs: Sequence[tuple[str, str]]) -> Response:
    """A page with the form once more, for somebody who is signed in now; one click sends it."""
    house = house_of(request)
    request.state.session = None
    visit = Visit(request, house, session_in(house, request), house.now(), language_of(request))
    return page(
        visit,
        "pages/go_on.html",
        path=local_path(path),
        pairs=pairs,
        shown=[(name, value) for name, value in pairs if name not in _PLAIN and value],
    )

"""What a browser is told to remember: the language, and light or dark."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from web.i18n import LANGUAGES
from web.pages.visit import LANGUAGE_COOKIE, SCHEME_COOKIE, SCHEMES, Pages, Visited, local_path
from web.policy import public
from web.session_cookie import is_https

A_YEAR: Final = 365 * 24 * 3600

router: Final = Pages()


@router.post("/choices")
@public()
def choose(visit: Visited) -> Response:
    """Remember a language or a colour scheme."""
    answer = RedirectResponse(local_path(visit.typed("next", "/")), 303)
    for name, cookie, known in (
        ("language", LANGUAGE_COOKIE, tuple(LANGUAGES)),
        ("scheme", SCHEME_COOKIE, SCHEMES),
    ):
        if (chosen := visit.typed(name)) in known:
            answer.set_cookie(
                cookie,
                chosen,
                max_age=A_YEAR,
                secure=is_https(visit.house),
                httponly=True,
                samesite="lax",
            )
    return answer

"""A page that answered a form, at an address of its own (`web.pages.kept_pages`)."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from web.pages.kept_pages import KeptPages, owner_of
from web.pages.rendering import written
from web.pages.visit import Pages, Visited, local_path
from web.policy import public

router: Final = Pages()


@router.get("/again/{ref}")
@public()
def again(visit: Visited, ref: str) -> Response:
    """The page, for the session that it answered; for anybody else, or later, where it came from.

    Public, since whoever could not sign in gets such a page too.
    """
    pages: KeptPages = visit.request.app.state.kept_pages
    page = pages.look(ref, owner_of(visit), now=visit.house.real_clock())
    if page is None:
        return RedirectResponse(local_path(visit.asked("next", "/")), 303)
    return written(visit.request, page.body, page.status)

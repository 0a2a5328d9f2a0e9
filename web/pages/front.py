"""The front door, and how the service stands. Nothing about a person."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from core.errors import Busy
from web.health import loops_of
from web.pages.menu import home_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visited
from web.policy import EVERYBODY, allow, public

router = Pages()


@router.get("/")
@public()
def front(visit: Visited) -> Response:
    """To the day's work, or to the door."""
    if visit.session is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse(home_of(visit.session.viewer.role), 303)


@router.get("/status")
@public()
def status(visit: Visited) -> Response:
    """How the service stands."""
    try:
        loops = loops_of(visit.house.db, now=visit.house.real_clock())
    except Busy:
        loops = []
    return page(visit, "pages/status.html", loops=loops)


@router.get("/start")
@allow(EVERYBODY)
def start(visit: Visited) -> Response:
    """Where a role begins whose own pages are elsewhere."""
    return page(visit, "pages/start.html")

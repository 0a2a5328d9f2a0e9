"""The front page: how the service stands. Nothing about a person."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from core.clock import iso_local
from core.errors import Busy
from web.health import loops_of
from web.house import house_of
from web.policy import Router, public

_pages: Final = Environment(
    loader=PackageLoader("web"), autoescape=select_autoescape(default=True), trim_blocks=True
)

router: Final = Router()


@router.get("/")
@public()
def front(request: Request) -> HTMLResponse:
    """How the service stands."""
    house = house_of(request)
    try:
        loops = loops_of(house.db, now=house.real_clock())
    except Busy:
        loops = []
    page = _pages.get_template("front.html").render(
        demo=house.demo,
        database=bool(loops),
        loops=[(each.loop, iso_local(each.at) if each.at else None, each.alive) for each in loops],
    )
    return HTMLResponse(page)

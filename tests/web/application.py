"""The application of a house, as quick as tests need it that make hundreds.

What a route takes and answers is the same in each, and to work it out for all routes is most of
what making an application costs. It is worked out once here; everything else is made anew.
"""

from __future__ import annotations

from typing import Final
from unittest.mock import patch

from fastapi import APIRouter, FastAPI

import web.app
from web.house import House
from web.policy import take
from web.switchboard import Switchboard

_WORKED_OUT: Final[dict[int, Switchboard]] = {}
"""The routes of each router; those are modules' own and stay, and cannot be keys themselves."""


def application(house: House) -> FastAPI:
    """`web.app.create_app`; tests about that itself call it themselves."""
    with patch.object(web.app, "take", _take):
        return web.app.create_app(house)


def _take(into: APIRouter, other: APIRouter) -> None:
    assert isinstance(into, Switchboard)
    worked_out = _WORKED_OUT.get(id(other)) or _work_out(other)
    into.routes += worked_out.routes
    for beginning, routes in worked_out._by_beginning.items():
        into._by_beginning.setdefault(beginning, []).extend(routes)


def _work_out(router: APIRouter) -> Switchboard:
    made = Switchboard()
    take(made, router)
    _WORKED_OUT[id(router)] = made
    return made

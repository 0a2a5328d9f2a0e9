"""The pages of staff, as HTML: one module a page, put together here."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from web.pages import front
from web.policy import Router
from web.problems import Problem

router: Final = Router(include_in_schema=False)
router.include_router(front.router)


def refused(request: Request, problem: Problem) -> Response:
    """What a person sees of a refusal on a page; `problem.told` holds what it says."""
    del request
    return problem

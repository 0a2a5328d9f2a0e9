"""The web application, put together: health, metrics, the JSON interface, webhooks, pages.

`create_app` is given a `House` and knows nothing of where it comes from. Every route declares who
may call it (`web.policy`); one that does not stops the start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import OverlevError
from web import api, health, metrics, pages, problems, webhooks
from web.door import Overlev
from web.headers import Exits
from web.house import House
from web.metrics import Metrics
from web.policy import check_policies, take

_FOR_PROGRAMS: Final = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


def create_app(house: House) -> Overlev:
    """The application of a house. Raises `NoPolicy`."""
    app = Overlev(title="Overlev", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.house = house
    app.state.kept_pages = pages.KeptPages(house)
    app.state.lately = pages.Kept()
    counted = app.state.metrics = Metrics(house)
    for router in (api.router, health.router, metrics.router, webhooks.router, pages.router):
        take(app.router, router)
    for kind, answer in (
        (OverlevError, problems.of_error),
        (RequestValidationError, problems.of_invalid),
        (HTTPException, problems.of_http),
    ):
        app.add_exception_handler(kind, _told(answer))
    https = (house.settings.public_url or "").startswith("https:")
    app.leave_by(Exits(https=https, fault=_told(problems.of_fault), answered=counted.answered))
    check_policies(app)
    counted.know(app)
    return app


def _told(
    answer: Callable[[Request, Exception], problems.Problem],
) -> Callable[[Request, Exception], Response]:
    """The same problem, as a page where a person reads it."""

    def told(request: Request, error: Exception) -> Response:
        problem = answer(request, error)
        path = request.url.path
        return problem if path.startswith(_FOR_PROGRAMS) else pages.refused(request, problem)

    return told

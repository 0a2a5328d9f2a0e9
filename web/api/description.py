"""`/api/v1/openapi.json`: the interface as it is, made from the routes themselves."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from web.api.models import Problem
from web.policy import Router, public
from web.problems import MEDIA_TYPE

PREFIX: Final = "/api/v1"

_OF_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_REFUSALS: Final = {
    400: "The request cannot be read.",
    401: "Nobody is signed in, or the token is not good.",
    403: "The role may not do this.",
    404: "Unknown, or another unit's: the two are never told apart.",
    409: "A rule says no, or somebody else was first: `current` says how it stands.",
    413: "The body is too large.",
    415: "The body is of another type than this takes.",
    422: "Something is filled in wrongly: `field` and `reason`; or the key was used before.",
    503: "Busy: nothing was changed. Try again after `Retry-After` seconds.",
}

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": said, "content": {MEDIA_TYPE: {"schema": _OF_PROBLEM}}}
    for status, said in _REFUSALS.items()
}
"""What every route may answer beside what it is for."""

_ABOUT: Final = (
    "Times are ISO 8601 with offset; without one they are Norwegian. Unsafe requests take an"
    " `Idempotency-Key`; a `version` that is stale by now is refused with the present one."
)

router: Final = Router()


@router.get("/openapi.json", include_in_schema=False)
@public()
def openapi(request: Request) -> JSONResponse:
    """The description of the interface (OpenAPI 3.1)."""
    app: FastAPI = request.app
    if app.openapi_schema is None:
        app.openapi_schema = description_of(app)
    return JSONResponse(app.openapi_schema)


def description_of(app: FastAPI) -> dict[str, Any]:
    """The description of an application's interface; pages and webhooks are no part of it."""
    described = get_openapi(title="Overlev", version="1", description=_ABOUT, routes=app.routes)
    parts = described.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-overlev"},
    }
    described["security"] = [{"token": []}, {"session": []}]
    return described

"""A tertial's indicators."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from reports.figures import as_json
from reports.tertial import Period
from reports.views import tertial_report
from web.api.answers import JSON, written
from web.api.inputs import LARGEST, Code, Input, Instant
from web.api.models import TertialReport
from web.asked import SignedIn
from web.policy import EVERYBODY, Router, allow

router: Final = Router(tags=["tertials"])


class View(StrEnum):
    """For whom it is cut: suppressed for all, or a unit's own figures."""

    DIRECTORATE = "directorate"
    UNIT = "unit"


class Asking(Input):
    """Which part of a tertial; `as_of` is for the command line's tokens alone."""

    view: View = View.DIRECTORATE
    unit: Code | None = None
    region: Code | None = None
    as_of: Instant | None = None
    revision: Annotated[int | None, Field(ge=1, le=LARGEST)] = None


@router.get("/tertials/{period}", response_model=TertialReport)
@allow(EVERYBODY)
def tertial(asked: SignedIn, period: Code, asking: Annotated[Asking, Query()]) -> Response:
    """The indicators of a tertial, like `2026-T3`. Counts only; nothing about a person."""
    report = tertial_report(
        asked.house.db,
        asked.viewer,
        Period.parse(period),
        now=asked.now,
        threshold=asked.house.settings.small_number_threshold,
        view=asking.view.value,
        unit=asking.unit,
        region=asking.region,
        as_of=asking.as_of,
        revision=asking.revision,
    )
    return Response(written(TertialReport, as_json(report)), media_type=JSON)

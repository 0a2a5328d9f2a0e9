"""A tertial's indicators."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.responses import Response

from cases.access import acts_in
from cases.model import Role
from core.errors import NotAllowed, NotFound
from reports.figures import as_json
from reports.report import snapshot, tertial_report
from reports.tertial import Period
from web.api.answers import JSON, written
from web.api.inputs import Code, Input, Instant
from web.api.models import TertialReport
from web.asked import SignedIn
from web.policy import CASE_WORKERS, Router, allow

COUNTING: Final = CASE_WORKERS | {Role.DIRECTORATE}
"""Who may see counts: all but administrators, who see no case and no count of cases."""

router: Final = Router(tags=["tertials"])


class View(StrEnum):
    """For whom it is cut: suppressed for all, or a unit's own figures."""

    DIRECTORATE = "directorate"
    UNIT = "unit"


class Asking(Input):
    """Which part of a tertial, and as it was known when (now, if left out)."""

    view: View = View.DIRECTORATE
    unit: Code | None = None
    region: Code | None = None
    as_of: Instant | None = None


@router.get("/tertials/{period}", response_model=TertialReport)
@allow(COUNTING)
def tertial(asked: SignedIn, period: Code, asking: Annotated[Asking, Query()]) -> Response:
    """The indicators of a tertial, like `2026-T3`. Counts only; nothing about a person."""
    of_period = Period.parse(period)
    if asking.view is View.UNIT:
        if asked.viewer.role is Role.DIRECTORATE:
            raise NotAllowed("Unsuppressed figures are the unit's own.")
        if asking.unit is not None and not acts_in(asked.viewer, asking.unit):
            raise NotFound("There is no such unit here. Check its code.")
    with snapshot(asked.house.db) as tx:
        report: Any = tertial_report(
            tx,
            of_period,
            now=asked.now,
            as_of=asking.as_of,
            view=asking.view.value,
            unit=asking.unit,
            region=asking.region,
        )
    return Response(written(TertialReport, as_json(report)), media_type=JSON)

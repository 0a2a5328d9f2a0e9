"""How much waits, by unit, owner and person: the next two weeks, and what is past its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from cases import desk, worklist
from cases.calendar import midnight_ending
from core.clock import local_date
from web.pages import rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visited
from web.policy import allow

AHEAD: Final = timedelta(days=14)

router: Final = Pages()


@router.get("/workload")
@allow(desk.TIDYING)
def workload(visit: Visited) -> Response:
    """The counts. No person is named among those who are followed up."""
    viewer, now = visit.viewer, visit.now
    on = local_date(now)
    with visit.house.db.read() as tx:
        found = worklist.load(tx, viewer, until=midnight_ending(on + AHEAD), now=now)
        units = rows.unit_names(tx, viewer, on)
        colleagues = desk.names_of_accounts(tx, (each.assigned_to for each in found))
    return page(
        visit,
        "pages/workload.html",
        load=found,
        most=max((each.open for each in found), default=0),
        units=units,
        colleagues=colleagues,
    )

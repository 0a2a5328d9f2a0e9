"""How much waits, by unit, owner and person: the next two weeks, and what is past its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from cases import desk, worklist
from cases.calendar import midnight_ending
from core.clock import local_date
from web.pages import rows
from web.pages.overdue import TO_NOBODY
from web.pages.rendering import page
from web.pages.visit import Pages, Visited, address
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
        load=[(each, board_of(each), board_of(each, span="late")) for each in found],
        units=units,
        colleagues=colleagues,
    )


def board_of(load: worklist.Load, *, span: str = "fortnight") -> str:
    """The board with the very tasks that were counted, what was put off with them."""
    whose = load.assigned_to or TO_NOBODY
    asked = {"unit": load.unit, "owner": load.owner, "whose": whose, "snoozed": "1"}
    return address("/overdue", asked | ({"span": span} if span != "late" else {}))

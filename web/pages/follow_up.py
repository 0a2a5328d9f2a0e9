"""Who is out, day by day: red the first week, amber the second, yellow until day 28."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.responses import Response

from cases import worklist
from cases.model import Role
from core.clock import local_date
from web.pages import rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visited
from web.policy import allow

CONTACTS: Final = (1, 3, 7, 14, 28, 42)
"""Days after the release on which a contact is suggested."""

_COLOURS: Final = ((7, "red"), (14, "amber"), (28, "yellow"))
FOLLOWING: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD})
"""Who follows up: an officer's work ends at the gate."""

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Out:
    """Somebody who is out, and how long."""

    human: rows.Human
    day: int
    colour: str
    next_contact: int | None


@router.get("/follow-up")
@allow(FOLLOWING)
def follow_up(visit: Visited) -> Response:
    """The window of 42 days, the shortest time out first."""
    on = local_date(visit.now)
    with visit.house.db.read() as tx:
        people = rows.humans(tx, worklist.in_follow_up(tx, visit.viewer))
        units = rows.unit_names(tx, visit.viewer, on)
    rows.log_look(visit, worklist.PEOPLE_LISTED, [each.ref for each in people])
    return page(
        visit, "pages/follow_up.html", out=[out_of(each, on) for each in people], units=units
    )


def out_of(human: rows.Human, on: date) -> Out:
    """How far somebody has come: day 0 is the day of the release."""
    released = human.released_at
    day = (on - local_date(released)).days if released is not None else 0
    colour = next((name for last, name in _COLOURS if day <= last), "")
    return Out(human, day, colour, next((each for each in CONTACTS if each >= day), None))

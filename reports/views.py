"""A tertial as a viewer gets it: one door for pages, API and command line.

The directorate's view may be seen by everybody who signs in: it is made to be published. A unit's
own view is for those who work there; for anybody else that unit does not exist.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from cases import organisation
from cases.access import CASE_ROLES, Viewer, acts_in
from core.db import Database
from core.errors import BadInput, NotAllowed, NotFound
from reports.figures import Report, of_places
from reports.publish import directorate_report
from reports.regions import REGIONS
from reports.report import snapshot, unit_report
from reports.submitted import as_sent
from reports.tertial import Period

if TYPE_CHECKING:
    from reports.suppression import Progress

VIEWS: Final = ("directorate", "unit")


def tertial_report(
    db: Database,
    viewer: Viewer,
    period: Period,
    *,
    now: datetime,
    threshold: int,
    view: str = "directorate",
    unit: str | None = None,
    region: str | None = None,
    as_of: datetime | None = None,
    revision: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """The report of a period as this viewer gets it.

    View `unit` needs `unit` and holds that unit alone, unsuppressed, with the state of what the
    unit has sent in while its figures are those. In view `directorate`, `unit`
    or `region` leaves that one beside the nation. Only the command line asks as of an instant of
    its choice or gets a cut of this very instant; others get that of the period's stage. Raises
    `Refused` for a period that has not begun, `BadInput` for an unknown view, unit or region,
    `NotFound` for a unit that is not the viewer's or a revision that there is not, `NotAllowed` for
    a role without units.
    """
    if view not in VIEWS:
        raise BadInput("unknown_code", f"view must be one of {', '.join(VIEWS)}", "view")
    if as_of is not None and not viewer.sees_all_units:
        raise NotAllowed("Figures as of an instant of one's choice are not published.")
    if view == "unit":
        if unit is None or region is not None:
            raise BadInput(
                "unit_needed",
                "the view of a unit needs that unit, and no region: --unit CODE",
                "unit",
            )
        check_own_unit(viewer, unit)
        with snapshot(db) as tx:
            found = unit_report(tx, period, unit, now=now, as_of=as_of)
            return as_sent(tx, period, unit, found) if as_of is None else found
    if region is not None and (unit is not None or region not in REGIONS):
        raise BadInput(
            "unknown_region", f"name one unit, or one region of {', '.join(REGIONS)}", "region"
        )
    found = directorate_report(
        db,
        period,
        now=now,
        threshold=threshold,
        as_of=as_of,
        revision=revision,
        reuse=not viewer.sees_all_units,
        progress=progress,
    )
    if unit is not None and unit not in found.units:
        raise BadInput("unknown_unit", f"There is no unit {unit!r}.", "unit")
    return of_places(found, unit=unit, region=region)


def names_in(db: Database, report: Report) -> dict[str, str]:
    """What units are called in a report, by code: their names on the last day of its period."""
    with db.read() as tx:
        return organisation.unit_names(tx, Period.parse(report.period).last_on)


def check_own_unit(viewer: Viewer, unit: str) -> None:
    """Refuse who does not work with cases (403), and another unit's staff (404)."""
    if viewer.role not in CASE_ROLES:
        raise NotAllowed(f"The role {viewer.role} sees published figures only.")
    if not acts_in(viewer, unit):
        raise NotFound("There is no such unit among yours.")

"""Why two revisions of a frozen report differ: which cells, and which events arrived between them.

The directorates see the cells as they were published and how many events of each kind arrived,
small numbers hidden and without anybody under kode 6; a unit's staff see the events of the cases
they may see, of their own unit, one by one, by reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Date, bindparam, or_, select

from cases.access import CASE_ROLES, Viewer
from cases.protection import published_cases
from cases.queries import visible_binds, visible_cases
from cases.tables import case_, case_event
from core.db import UtcDateTime
from core.errors import NotFound
from reports.figures import Difference, compare
from reports.publish import frozen_rows, shown
from reports.tertial import Period

_ARRIVED: Final = (
    select(
        case_event.c.unit,
        case_event.c.verb,
        case_event.c.local_on,
        case_event.c.recorded_at,
        case_event.c.case_ref,
    )
    .join(case_, case_.c.ref == case_event.c.case_ref)
    .where(
        case_event.c.recorded_at > bindparam("after", type_=UtcDateTime),
        case_event.c.recorded_at <= bindparam("until", type_=UtcDateTime),
        case_event.c.verb != "advanced",
        or_(
            case_event.c.local_on < bindparam("next_on", type_=Date),
            # What happened afterwards to somebody released in the period: appointments, a return.
            case_.c.released_on.between(
                bindparam("first_on", type_=Date), bindparam("last_on", type_=Date)
            ),
        ),
    )
    .order_by(case_event.c.recorded_at, case_event.c.case_ref, case_event.c.seq)
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that was recorded between two revisions and bears on the period."""

    unit: str
    verb: str
    local_on: date
    recorded_at: datetime
    case_ref: str


@dataclass(frozen=True, slots=True)
class Explained:
    """From one revision to another. `arrived` counts events by verb, None where 1–4 did.

    `events` are those of the viewer's own units, in the order of recording.
    """

    one: int
    other: int
    as_of: tuple[datetime, datetime]
    cells: list[Difference]
    arrived: dict[str, int | None]
    events: list[Arrived]


def explained(
    tx: Connection, viewer: Viewer, period: Period, one: int, other: int, *, threshold: int
) -> Explained:
    """The difference between two frozen revisions. Raises `NotFound` for one that there is not."""
    rows = {row.revision: row for row in frozen_rows(tx, period)}
    for revision in (one, other):
        if revision not in rows:
            raise NotFound(f"{period} has no frozen revision {revision}.")
    between = rows[one].as_of, rows[other].as_of
    binds = {
        "after": min(between),
        "until": max(between),
        "first_on": period.first_on,
        "last_on": period.last_on,
        "next_on": period.next_on,
    }
    published = tx.execute(_ARRIVED.where(published_cases()), binds)
    counts = Counter(row.verb for row in published)
    events = _seen(tx, viewer, binds) if viewer.role in CASE_ROLES else []
    return Explained(
        one,
        other,
        between,
        compare(shown(tx, period, rows[one]), shown(tx, period, rows[other])),
        {verb: None if number < threshold else number for verb, number in sorted(counts.items())},
        events,
    )


def _seen(tx: Connection, viewer: Viewer, binds: Mapping[str, Any]) -> list[Arrived]:
    """The events of the viewer's own units, of cases that the viewer may see."""
    asked = _ARRIVED.where(visible_cases(viewer))
    events = [Arrived(*row) for row in tx.execute(asked, {**binds, **visible_binds(viewer)})]
    return [event for event in events if viewer.sees_all_units or event.unit in viewer.units]

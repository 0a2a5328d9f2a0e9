"""What has been kept as long as it may be, and is taken out: by the calendar, or by hand.

Identity goes twelve months after the last case of a person was closed. What machinery left behind
(sessions and keys of requests that have expired) goes with it. Twice does nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, select

from cases import look_index
from cases.access import SYSTEM, Viewer
from cases.backup import note_erased
from cases.erasure import erase, finish
from cases.heartbeats import forget_old
from cases.installation import Installation
from cases.tables import case_, idempotency, person
from core.clock import from_local, local
from core.scratch import forget_files
from core.statement import Prepared

KEPT_MONTHS: Final = 12
"""How long identity is kept after the last case was closed."""

NEVER_USED: Final = timedelta(days=365)
"""A person without a case (registered, and the case then refused) is kept as long."""

UPLOADS: Final = "uploads"
UPLOADS_KEPT: Final = timedelta(days=1)
"""Rosters that were uploaded and looked at, and never taken in (sealed, in the data folder)."""

ANSWERS: Final = "answers"
ANSWERS_KEPT: Final = timedelta(minutes=30)
"""Pages that answered a form, for whoever goes back to one (sealed, in the data folder)."""

MOST: Final = 500
"""Persons in one go; the rest the next night."""

_OVER: Final = Prepared(
    select(person.c.ref)
    .where(
        person.c.erased_at.is_(None),
        person.c.made_at < bindparam("before", type_=person.c.made_at.type),
        ~exists().where(
            case_.c.person_id == person.c.id,
            case_.c.closed_at.is_(None),
        ),
        ~exists().where(
            case_.c.person_id == person.c.id,
            case_.c.closed_at >= bindparam("before", type_=case_.c.closed_at.type),
        ),
    )
    .order_by(person.c.id)
    .limit(bindparam("most"))
)
_EXPIRED: Final = delete(idempotency).where(idempotency.c.expires_at < bindparam("now"))


@dataclass(frozen=True, slots=True)
class Retained:
    """What a round did: persons erased, and rows of machinery taken out."""

    persons: int
    rows: int


def kept_since(now: datetime) -> datetime:
    """The instant twelve months ago on the Norwegian wall clock; 29 February is the 28th then."""
    here = local(now)
    day = here.date()
    try:
        before = day.replace(year=day.year - 1)
    except ValueError:
        before = day.replace(year=day.year - 1, day=28)
    return from_local(before, here.time().replace(tzinfo=None))


def over(tx: Connection, *, now: datetime, most: int = MOST) -> list[str]:
    """Persons whose time is over, by reference."""
    binds: dict[str, Any] = {"before": kept_since(now), "most": most}
    return [row[0] for row in _OVER.rows(tx, binds)]


def retain(house: Installation, *, now: datetime, viewer: Viewer = SYSTEM) -> Retained:
    """Erase everybody whose time is over, and finish what an earlier erasure left."""
    with house.db.read() as tx:
        persons = over(tx, now=now)
    for ref in persons:
        erase_person(house, viewer, ref, "retention", now=now)
    finish(house.db, house.keys, viewer, now=now)
    rows = house.db.transact(lambda tx: _machinery(tx, now))
    rows += forget_uploads(house.settings.data / UPLOADS)
    rows += forget_files(house.settings.data / ANSWERS, after=ANSWERS_KEPT)
    look_index.catch_up(house.db)  # last: what has to go waits for nothing that may be kept
    return Retained(len(persons), rows)


def erase_person(
    house: Installation, viewer: Viewer, ref: str, reason: str, *, now: datetime
) -> None:
    """Erase a person here and in what is told to the backups. Raises as `cases.erasure.erase`."""
    erase(house.db, house.keys, viewer, ref, reason, now=now)
    note_erased(house, [ref])


def forget_uploads(folder: Path) -> int:
    """Take out what lies in the folder of uploads longer than a day, by the real clock."""
    return forget_files(folder, after=UPLOADS_KEPT)


def _machinery(tx: Connection, now: datetime) -> int:
    return tx.execute(_EXPIRED, {"now": now}).rowcount + forget_old(tx, now=now)

"""The cases of merged units brought to the unit that theirs has become.

`units.merge` does it at once for a merger whose day has come, the sweep on the day for one that
was announced. Twice does nothing more.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

from sqlalchemy import BindParameter, Connection, Date, bindparam, or_, select

from cases import queries, store
from cases.access import SYSTEM, Viewer
from cases.merging import Merger, moved
from cases.registry import package_named
from cases.replan import replan
from cases.store import Change, Verb
from cases.tables import case_, transfer, unit_version
from core.clock import from_local, local_date

CHUNK: Final = 100
"""Cases to a transaction of the sweep."""

_MERGERS: Final = select(
    unit_version.c.unit, unit_version.c.merged_into, unit_version.c.valid_to
).where(
    unit_version.c.merged_into.is_not(None),
    unit_version.c.valid_to <= bindparam("on", type_=Date),
)
_CODES: Final[BindParameter[str]] = bindparam("codes", expanding=True)
_TO_MOVE: Final = (
    select(case_.c.id)
    .where(
        case_.c.phase != "closed",
        or_(
            case_.c.unit.in_(_CODES),
            case_.c.id.in_(
                select(transfer.c.case_id).where(
                    transfer.c.state == "proposed", transfer.c.to_unit.in_(_CODES)
                )
            ),
        ),
    )
    .order_by(case_.c.id)
    .limit(bindparam("most"))
)
_LOCKED: Final = _TO_MOVE.with_for_update(of=case_)


def midnight_of(day: date) -> datetime:
    """The instant at which a local day begins."""
    return from_local(day, time())


def follow_mergers(
    tx: Connection, *, now: datetime, viewer: Viewer = SYSTEM, most: int = CHUNK
) -> int:
    """Move up to `most` open cases of units that have been merged; returns how many it moved."""
    rows = tx.execute(_MERGERS, {"on": local_date(now)}).all()
    if not rows:
        return 0
    mergers = {row.unit: Merger(row.merged_into, midnight_of(row.valid_to)) for row in rows}
    statement = _LOCKED if tx.dialect.name == "postgresql" else _TO_MOVE
    ids = list(tx.execute(statement, {"codes": sorted(mergers), "most": most}).scalars())
    if not ids:
        return 0
    changes = []
    for before in queries.cases_by_ids(tx, SYSTEM, ids).values():
        after = moved(before, mergers, now=now)
        after = replan(before, after, package_named(tx, before.package), now=now)
        arrived = after.stays[-1].from_at if after.unit != before.unit else now
        changes.append(Change(before, after, Verb.UNIT_MERGED, min(arrived, now)))
    store.write_many(tx, changes, viewer, now=now)
    return len(changes)

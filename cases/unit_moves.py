"""The cases of merged units brought to the unit that theirs has become.

`units.merge` does it at once for a merger whose day has come, the sweep on the day for one that
was announced. Twice does nothing more. A case that cannot be moved is put off by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlalchemy import BindParameter, Connection, Date, bindparam, or_, select

from cases import backoff, queries, store
from cases.access import SYSTEM, Viewer
from cases.merging import Merger, moved
from cases.model import Phase
from cases.registry import package_named
from cases.replan import replan
from cases.store import Change, Verb
from cases.tables import case_, transfer, unit_version
from core.clock import from_local, local_date
from core.statement import Prepared

CHUNK: Final = 100
"""Cases to a transaction of the sweep."""

_MERGERS: Final = Prepared(
    select(unit_version.c.unit, unit_version.c.merged_into, unit_version.c.valid_to).where(
        unit_version.c.merged_into.is_not(None),
        unit_version.c.valid_to <= bindparam("on", type_=Date),
    )
)
_CODES: Final[BindParameter[str]] = bindparam("codes", expanding=True)
_TO_MOVE: Final = (
    select(case_.c.id)
    .where(
        # Named one by one, so that an index passes over all that were closed: the sweep asks often.
        case_.c.phase.in_([Phase.IN_PRISON.value, Phase.FOLLOW_UP.value]),
        backoff.is_not_put_off(case_.c.id),
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


@dataclass(frozen=True, slots=True)
class Moved:
    """How many cases were moved, and how many could not be and were put off."""

    cases: int = 0
    put_off: int = 0

    @property
    def looked_at(self) -> int:
        """Both together: as many as were asked for, if there may be more."""
        return self.cases + self.put_off


def midnight_of(day: date) -> datetime:
    """The instant at which a local day begins."""
    return from_local(day, time())


def mergers_by(tx: Connection, on: date) -> dict[str, Merger]:
    """What each unit that was merged by a day has become part of."""
    rows = _MERGERS.rows(tx, {"on": on})
    return {code: Merger(into, midnight_of(day)) for code, into, day in rows}


def waits_for_merger(tx: Connection, *, now: datetime) -> bool:
    """Whether an open case stands in a unit that has been merged."""
    rows = _MERGERS.rows(tx, {"on": local_date(now)})
    if not rows:
        return False
    asked = {"codes": sorted({row[0] for row in rows}), "most": 1} | backoff.binds(now)
    return tx.execute(_TO_MOVE, asked).first() is not None


def follow_mergers(
    tx: Connection, *, now: datetime, viewer: Viewer = SYSTEM, most: int = CHUNK
) -> Moved:
    """Move up to `most` open cases of units that have been merged."""
    mergers = mergers_by(tx, local_date(now))
    if not mergers:
        return Moved()
    statement = _LOCKED if tx.dialect.name == "postgresql" else _TO_MOVE
    asked = {"codes": sorted(mergers), "most": most} | backoff.binds(now)
    ids = list(tx.execute(statement, asked).scalars())
    changes = []
    done: list[int] = []
    put_off = 0
    for case_id, before in queries.cases_by_ids(tx, SYSTEM, ids).items():
        try:
            after = moved(before, mergers, now=now)
            after = replan(before, after, package_named(tx, before.package), now=now)
        except Exception as error:  # noqa: BLE001 - the others must not wait for this one
            backoff.put_off(tx, case_id, error, now=now)
            put_off += 1
            continue
        arrived = after.stays[-1].from_at if after.unit != before.unit else now
        changes.append(Change(before, after, Verb.UNIT_MERGED, min(arrived, now)))
        done.append(case_id)
    store.write_many(tx, changes, viewer, now=now)
    backoff.succeeded(tx, done)
    return Moved(len(changes), put_off)

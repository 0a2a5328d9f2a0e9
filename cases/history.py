"""A case as its events tell it: now, as of an instant, or up to the day it was given away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from cases.access import Viewer, check_may_open_cases
from cases.model import Case, Stay
from cases.rules import case_not_found
from cases.shape import fold
from cases.tables import case_event

_FIELDS: Final = (
    case_event.c.case_ref,
    case_event.c.seq,
    case_event.c.verb,
    case_event.c.unit,
    case_event.c.happened_at,
    case_event.c.recorded_at,
    case_event.c.actor,
    case_event.c.payload,
)
_EVENTS: Final = (
    select(*_FIELDS).where(case_event.c.case_ref == bindparam("ref")).order_by(case_event.c.seq)
)
_EVENTS_OF_MANY: Final = (
    select(*_FIELDS)
    .where(case_event.c.case_ref.in_(bindparam("refs", expanding=True)))
    .order_by(case_event.c.case_ref, case_event.c.seq)
)


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a case, as stored; `payload` is a difference (`cases.shape`)."""

    case_ref: str
    seq: int
    verb: str
    unit: str
    happened_at: datetime
    recorded_at: datetime
    actor: str
    payload: Mapping[str, Any]


def events_of(tx: Connection, ref: str) -> Iterator[Event]:
    """Every event of a case, in order. No viewer is asked: callers have loaded the case first."""
    for row in tx.execute(_EVENTS, {"ref": ref}):
        yield Event(*row[:-1], payload=json.loads(row.payload))


def events_of_many(tx: Connection, refs: list[str]) -> dict[str, list[Event]]:
    """The events of many cases, each in order; for folding them in one go."""
    found: dict[str, list[Event]] = {}
    for row in tx.execute(_EVENTS_OF_MANY, {"refs": refs}):
        event = Event(*row[:-1], payload=json.loads(row.payload))
        found.setdefault(event.case_ref, []).append(event)
    return found


def fold_case(tx: Connection, ref: str, as_of: datetime | None = None) -> Case | None:
    """The case as its events recorded by `as_of` (None: all) give it; None before the first.

    What belongs to the person and what drives the sweep is in no event (`cases.shape`).
    """
    case: Case | None = None
    for event in events_of(tx, ref):
        if as_of is not None and event.recorded_at > as_of:
            break
        case = fold(case, event.payload, seq=event.seq)
    return case


def stay_given_up(viewer: Viewer, case: Case) -> Stay | None:
    """The viewer's last stay of a case that is somebody else's now, or None if it is theirs."""
    check_may_open_cases(viewer)
    if viewer.sees_all_units or case.unit in viewer.units:
        return None
    ended = [stay for stay in case.stays if stay.unit in viewer.units and stay.to_at is not None]
    return max(ended, key=lambda stay: stay.seq, default=None)


def until_given_up(tx: Connection, case: Case, stay: Stay) -> Case:
    """The case up to the event that ended a stay: a sending unit's own past.

    The event decides, not its instant: what the receiving unit does in that same moment is not
    the sender's to read.
    """
    past: Case | None = None
    for event in events_of(tx, case.ref):
        past = fold(past, event.payload, seq=event.seq)
        if any(each.seq == stay.seq and each.to_at is not None for each in past.stays):
            return replace(past, id=case.id)
    raise case_not_found()

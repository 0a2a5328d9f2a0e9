"""What was brought to a role and still asks for it; and what nobody could be told of.

A rung of the ladder speaks of a task, and the task stands in the lists. The notices outside the
ladder speak of nothing that stands anywhere: these are found here, for as long as the case as it
is now would be told of them again. No one marks them as read: what was asked is done, or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, func, or_, select

from cases import ladder, queries
from cases.access import Viewer
from cases.ladder import OFFER_AGAIN, OFFER_INFO_AGAIN, OUTCOME_ASKED, RELEASE_NOT_RECORDED
from cases.model import Case, Phase, Role
from cases.phones import PHONE_INVALID
from cases.queries import visible_binds, visible_cases
from cases.registry import package_named
from cases.tables import case_, notice, person, phone, task
from core.db import UtcDateTime
from core.listed import one_of
from core.statement import Prepared

KEPT_FOR: Final = timedelta(days=90)
"""So far back is looked: as the longest of the leads' usual spans."""

MOST: Final = 40
UNSTAFFED_FOR: Final = timedelta(days=30)

CODES: Final = (
    OFFER_AGAIN,
    OFFER_INFO_AGAIN,
    OUTCOME_ASKED,
    PHONE_INVALID,
    RELEASE_NOT_RECORDED,
)
"""What is brought to whoever works on a case. Of a transfer its own page tells, of what was missed
that of the leads."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One notice that still asks, the newest of its kind for this case."""

    ref: str
    person: str
    identity_enc: str | None = field(repr=False)
    unit: str
    code: str
    since: datetime


_BROUGHT: Final = (
    select(case_.c.id, notice.c.task, notice.c.rung, notice.c.due_at, notice.c.told_at)
    .join(notice, notice.c.case_id == case_.c.id)
    .where(
        one_of(notice.c.unit, "units"),
        notice.c.to_role == bindparam("role"),
        notice.c.told_at >= bindparam("told_since", type_=UtcDateTime),
        one_of(notice.c.rung, "codes"),
        notice.c.unit == case_.c.unit,
        case_.c.phase != Phase.CLOSED.value,
    )
    .order_by(notice.c.told_at.desc(), notice.c.id.desc())
    .limit(bindparam("most"))
)
_PERSONS: Final = Prepared(
    select(
        case_.c.id,
        person.c.ref,
        person.c.identity_enc,
        exists().where(phone.c.person_id == person.c.id).label("has_number"),
    )
    .join(person, person.c.id == case_.c.person_id)
    .where(one_of(case_.c.id, "ids"))
)
_PREPARED: Final[dict[tuple[str, ...], Prepared]] = {}


def asking(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Asking]:
    """What was brought to the viewer's role in the own units and still asks, the newest first."""
    if not viewer.units:
        return []
    binds = visible_binds(viewer) | {
        "units": sorted(viewer.units),
        "role": viewer.role.value,
        "told_since": now - KEPT_FOR,
        "codes": list(CODES),
        "most": 4 * MOST,
    }
    rows = _brought(viewer).rows(tx, binds)
    if not rows:
        return []
    ids = sorted({row[0] for row in rows})
    cases = queries.cases_by_ids(tx, viewer, ids)
    whose = {row[0]: row[1:] for row in _PERSONS.rows(tx, {"ids": ids})}
    still = {
        case_id: _still(tx, case, has_number=whose[case_id][2]) for case_id, case in cases.items()
    }
    found: dict[tuple[int, str], Asking] = {}
    for case_id, about, rung, due_at, told_at in rows:
        if (about, rung, None if rung == PHONE_INVALID else due_at) in still.get(case_id, ()):
            case, (who, sealed, _) = cases[case_id], whose[case_id]
            found.setdefault(
                (case_id, rung), Asking(case.ref, who, sealed, case.unit, rung, told_at)
            )
    return list(found.values())[:MOST]


def _brought(viewer: Viewer) -> Prepared:
    shape = tuple(visible_binds(viewer))
    if shape not in _PREPARED:
        _PREPARED[shape] = Prepared(_BROUGHT.where(visible_cases(viewer, found=True)))
    return _PREPARED[shape]


def _still(
    tx: Connection, case: Case, *, has_number: bool
) -> set[tuple[str, str, datetime | None]]:
    """What the case would be told of now, by task, code and due time."""
    rungs = ladder.case_notices(case, package_named(tx, case.package))
    asks: set[tuple[str, str, datetime | None]] = {
        (rung.task, rung.rung, rung.due_at or rung.at) for rung in rungs
    }
    if has_number and not case.reachable:
        asks.add(("", PHONE_INVALID, None))
    return asks


_UNSTAFFED: Final = Prepared(
    select(notice.c.unit, func.count(notice.c.case_id.distinct()), func.max(notice.c.told_at))
    .join(case_, case_.c.id == notice.c.case_id)
    .outerjoin(task, (task.c.case_id == notice.c.case_id) & (task.c.code == notice.c.task))
    .where(
        notice.c.to_role == Role.ADMIN.value,
        notice.c.told_at >= bindparam("told_since", type_=UtcDateTime),
        case_.c.phase != Phase.CLOSED.value,
        or_(task.c.state.is_(None), task.c.state == "open"),
    )
    .group_by(notice.c.unit)
    .order_by(notice.c.unit)
)


@dataclass(frozen=True, slots=True)
class Unstaffed:
    """A unit in which something was due and nobody could be told: in how many cases, last when."""

    unit: str
    cases: int
    last_at: datetime


def unstaffed(tx: Connection, *, now: datetime) -> list[Unstaffed]:
    """Units whose notices found nobody in the last month and still wait; no case is named."""
    rows: Iterable[tuple[Any, ...]] = _UNSTAFFED.rows(tx, {"told_since": now - UNSTAFFED_FOR})
    return [Unstaffed(*row) for row in rows]

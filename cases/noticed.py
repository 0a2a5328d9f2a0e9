"""What was brought to a role and still asks for it; and what nobody could be told of.

A rung of the ladder speaks of a task, and the task stands in the lists. The notices outside the
ladder speak of nothing that stands anywhere: these are found here, for as long as the case as it
is now would be told of them again. No one marks them as read: what was asked is done, or not.
A transfer that another unit declined is found beside them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from cases import ladder, queries
from cases.access import PAST_ACCESS, Viewer
from cases.ladder import OFFER_AGAIN, OFFER_INFO_AGAIN, OUTCOME_ASKED, RELEASE_NOT_RECORDED
from cases.model import Case, Participation, Phase, Role, TransferState
from cases.phones import PHONE_INVALID
from cases.queries import visible_binds, visible_cases
from cases.registry import package_named
from cases.tables import case_, notice, person, phone, task, transfer
from cases.transfers import TRANSFERRING
from core.db import UtcDateTime
from core.listed import one_of
from core.statement import Prepared

KEPT_FOR: Final = timedelta(days=90)
"""So far back is looked: as the longest of the leads' usual spans."""

MOST: Final = 40
MOST_KNOWN: Final = 4_000
"""Cases of which it is remembered what they would be told of; nothing of a person is in it."""

UNSTAFFED_FOR: Final = timedelta(days=30)

CODES: Final = (
    OFFER_AGAIN,
    OFFER_INFO_AGAIN,
    OUTCOME_ASKED,
    PHONE_INVALID,
    RELEASE_NOT_RECORDED,
)
"""What is brought to whoever works on a case. Of a transfer that waits its own page tells, of what
was missed that of the leads."""

TRANSFER_DECLINED: Final = "transfer_declined"
"""No notice that was told: the proposal itself says it, to whoever may propose, for as long as the
page of transfers lists it and nothing came of it since."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One notice that still asks, the newest of its kind for this case."""

    ref: str
    person: str
    identity_enc: str | None = field(repr=False)
    unit: str
    code: str
    since: datetime


def _has_phone(*conditions: ColumnElement[bool]) -> Exists:
    return exists().where(phone.c.person_id == person.c.id, *conditions)


_FIELDS: Final = (
    case_.c.id,
    case_.c.ref,
    case_.c.version,
    case_.c.unit,
    person.c.ref.label("person"),
    person.c.identity_enc,
    person.c.language,
    person.c.protection,
    _has_phone(phone.c.state == "usable").label("reachable"),
    _has_phone().label("has_number"),
    notice.c.task,
    notice.c.rung,
    notice.c.due_at,
    notice.c.told_at,
)
_TOLD: Final = (
    notice.c.to_role == bindparam("role"),
    notice.c.told_at >= bindparam("told_since", type_=UtcDateTime),
    or_(*(notice.c.rung == code for code in CODES)),
    case_.c.phase != Phase.CLOSED.value,
)
_NEWEST: Final = (notice.c.told_at.desc(), notice.c.id.desc())

_BROUGHT: Final = (
    select(*_FIELDS)
    .join(notice, notice.c.case_id == case_.c.id)
    .join(person, person.c.id == case_.c.person_id)
    .where(one_of(notice.c.unit, "units"), *_TOLD, notice.c.unit == case_.c.unit)
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
# Nobody is told anew after a transfer: what was told where the case came from came along with it.
_CAME_ALONG: Final = (
    select(*_FIELDS)
    .join(transfer, transfer.c.case_id == case_.c.id)
    .join(notice, notice.c.case_id == case_.c.id)
    .join(person, person.c.id == case_.c.person_id)
    .where(
        one_of(transfer.c.to_unit, "units"),
        transfer.c.state == TransferState.ACCEPTED.value,
        transfer.c.answered_at >= bindparam("told_since", type_=UtcDateTime),
        transfer.c.to_unit == case_.c.unit,
        *_TOLD,
        notice.c.unit != case_.c.unit,
    )
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
_PREPARED: Final[dict[tuple[str, ...], tuple[Prepared, Prepared]]] = {}

_later: Final = transfer.alias("later")
_DECLINED: Final = (
    select(
        case_.c.ref,
        person.c.ref.label("person"),
        person.c.identity_enc,
        case_.c.unit,
        transfer.c.answered_at,
    )
    .join(transfer, transfer.c.case_id == case_.c.id)
    .join(person, person.c.id == case_.c.person_id)
    .where(
        one_of(transfer.c.from_unit, "units"),
        transfer.c.state == TransferState.REJECTED.value,
        transfer.c.answered_at > bindparam("declined_since", type_=UtcDateTime),
        case_.c.phase == Phase.IN_PRISON.value,
        case_.c.participation != Participation.DECLINED.value,
        case_.c.participation != Participation.WITHDRAWN.value,
        # Proposed once more, to whomever: that is what was asked.
        ~exists().where(
            _later.c.case_id == transfer.c.case_id,
            _later.c.id != transfer.c.id,
            _later.c.proposed_at >= transfer.c.answered_at,
        ),
    )
    .order_by(transfer.c.answered_at.desc(), transfer.c.id.desc())
    .limit(bindparam("most"))
)
_PREPARED_DECLINED: Final[dict[tuple[str, ...], Prepared]] = {}


@dataclass(frozen=True, slots=True)
class _Whose:
    """A case as it stands: all that a case is made of has its version, or is named here."""

    id: int
    ref: str
    version: int
    unit: str
    person: str
    identity_enc: str | None
    language: str
    protection: str
    reachable: bool
    has_number: bool

    @property
    def stands(self) -> tuple[object, ...]:
        """What tells one state of it from another."""
        return (
            self.ref,
            self.version,
            self.language,
            self.protection,
            bool(self.reachable),
            bool(self.has_number),
        )


_Asks: TypeAlias = frozenset[tuple[str, str, datetime | None]]

_KNOWN: Final[OrderedDict[tuple[object, ...], _Asks]] = OrderedDict()
_LOCK: Final = threading.Lock()


def asking(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Asking]:
    """What was brought to the viewer's role in the own units and still asks, the newest first."""
    if not viewer.units:
        return []
    binds = visible_binds(viewer) | {
        "units": sorted(viewer.units),
        "role": viewer.role.value,
        "told_since": now - KEPT_FOR,
        "most": 4 * MOST,
    }
    rows = [
        (_Whose(*row[:10]), *row[10:])
        for statement in _brought(viewer)
        for row in statement.rows(tx, binds)
    ]
    still = _still_of(tx, viewer, {row[0] for row in rows})
    found: dict[tuple[int, str], Asking] = {}
    for case, about, rung, due_at, told_at in rows:
        if (about, rung, None if rung == PHONE_INVALID else due_at) in still.get(case, ()):
            found.setdefault(
                (case.id, rung),
                Asking(case.ref, case.person, case.identity_enc, case.unit, rung, told_at),
            )
    brought = [*found.values(), *_declined_transfers(tx, viewer, now=now)]
    return sorted(brought, key=lambda each: each.since, reverse=True)[:MOST]


def _declined_transfers(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Asking]:
    """Cases of the own units that another would not have, and for which nothing was done since."""
    if viewer.role not in TRANSFERRING:
        return []
    binds = visible_binds(viewer)
    shape = tuple(binds)
    if shape not in _PREPARED_DECLINED:
        _PREPARED_DECLINED[shape] = Prepared(_DECLINED.where(visible_cases(viewer, found=True)))
    binds |= {"units": sorted(viewer.units), "declined_since": now - PAST_ACCESS, "most": MOST}
    found = _PREPARED_DECLINED[shape].rows(tx, binds)
    return [
        Asking(ref, person_ref, identity_enc, unit, TRANSFER_DECLINED, answered_at)
        for ref, person_ref, identity_enc, unit, answered_at in found
    ]


def _brought(viewer: Viewer) -> tuple[Prepared, Prepared]:
    shape = tuple(visible_binds(viewer))
    if shape not in _PREPARED:
        seen = visible_cases(viewer, found=True)
        _PREPARED[shape] = (Prepared(_BROUGHT.where(seen)), Prepared(_CAME_ALONG.where(seen)))
    return _PREPARED[shape]


def _still_of(tx: Connection, viewer: Viewer, whose: set[_Whose]) -> dict[_Whose, _Asks]:
    """What each case would be told of now. A case that stands as it stood is not read again."""
    with _LOCK:
        still = {each: _KNOWN[each.stands] for each in whose if each.stands in _KNOWN}
    new = {each.id: each for each in whose if each not in still}
    if not new:
        return still
    for case_id, case in queries.cases_by_ids(tx, viewer, sorted(new)).items():
        still[new[case_id]] = _still(tx, case, has_number=new[case_id].has_number)
    with _LOCK:
        _KNOWN.update((each.stands, still[each]) for each in new.values() if each in still)
        while len(_KNOWN) > MOST_KNOWN:
            _KNOWN.popitem(last=False)
    return still


def _still(tx: Connection, case: Case, *, has_number: bool) -> _Asks:
    """What the case would be told of now, by task, code and due time."""
    rungs = ladder.case_notices(case, package_named(tx, case.package))
    asks: set[tuple[str, str, datetime | None]] = {
        (rung.task, rung.rung, rung.due_at or rung.at) for rung in rungs
    }
    if has_number and not case.reachable:
        asks.add(("", PHONE_INVALID, None))
    return frozenset(asks)


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

"""Rebase: open cases moved to the package that their unit works by now, as a preview showed it.

A case keeps the version it was opened with until somebody moves it; `cases.package_moves` says what
becomes of it then. A unit's cases are moved together, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, bindparam, exists, or_, select

from cases import queries, rules, store
from cases.access import Viewer, acts_in, check_may_open_cases
from cases.journal import AccessRow, append
from cases.model import Case, Phase, Role
from cases.package import Package
from cases.package_moves import CaseMove, fingerprint, move_of, rebased
from cases.registry import mark_used, package_in_force, stored_package
from cases.store import Change, Verb
from cases.tables import case_, group_attendance, group_session
from core.clock import iso_local, local_date
from core.db import UtcDateTime
from core.errors import BadInput, Conflict, NotFound, Refused

REBASING: Final = frozenset({Role.UNIT_LEAD})
"""Who may move cases to another version, beside the command line: all deadlines move with them."""

REBASE_PREVIEWED: Final = "rebase_previewed"
"""The verb of a preview in the access log: it shows due times of cases."""

CHUNK: Final = 100
"""Cases that are loaded and written together."""


_REF: Final = attrgetter("ref")

T = TypeVar("T")


class SessionBeingEntered(Refused):
    """A group session of one of the cases has begun and its attendance is not recorded yet."""

    message_key = "error.session_being_entered"


def units_to_rebase(tx: Connection, viewer: Viewer, *, now: datetime) -> list[str]:
    """The units that own open cases on another version than the one they work by today."""
    _check_role(viewer)
    query = (
        select(case_.c.unit, case_.c.package)
        .where(queries.visible_cases(viewer), case_.c.phase != Phase.CLOSED.value)
        .distinct()
    )
    in_force: dict[str, str] = {}
    found: set[str] = set()
    for unit, package in tx.execute(query, queries.visible_binds(viewer)).all():
        if unit not in in_force:
            in_force[unit] = package_in_force(tx, unit, on=local_date(now)).key
        if package != in_force[unit]:
            found.add(unit)
    return sorted(found)


def preview_rebase(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    *,
    now: datetime,
    to: str | None = None,
    from_: str | None = None,
) -> list[CaseMove]:
    """What `rebase` would do to each open case of the unit, by reference; nothing is changed.

    `to` names another stored version than the one in force today, `from_` limits it to cases on
    one version. The look is logged with the cases it shows. Raises `NotAllowed`, `NotFound`.
    """
    package = _target(tx, viewer, unit, to, now)
    found: list[CaseMove] = []
    ids = [id_ for id_, _ in _waiting(tx, viewer, unit, package, from_)]
    for chunk in _chunks(ids):
        pairs = _moved(queries.cases_by_ids(tx, viewer, chunk).values(), package, now)
        found += [move_of(before, after) for before, after in pairs]
    moves = sorted(found, key=_REF)
    look = AccessRow(
        scope=unit,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=REBASE_PREVIEWED,
        subjects=tuple(move.ref for move in moves),
    )
    append(tx, [look], now=now)
    return moves


def rebase(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    *,
    now: datetime,
    from_: str | None = None,
    seen: str | None = None,
) -> list[CaseMove]:
    """Move every open case of the unit that the viewer may see to the version in force there.

    Whole or not at all. With `seen`, the `fingerprint` of a preview, it does exactly what that
    preview showed, or raises `Conflict`. Raises `SessionBeingEntered`, `NotAllowed`, `NotFound`.
    """
    package = _target(tx, viewer, unit, None, now)
    refs = [ref for _, ref in _waiting(tx, viewer, unit, package, from_)]
    found: list[CaseMove] = []
    changes: list[Change] = []
    for chunk in _chunks(refs):
        cases = queries.cases_for_update(tx, viewer, chunk).values()
        # Somebody else may have closed, given away or moved a case before its row was locked.
        there = [each for each in cases if _waits(each, unit, package, from_)]
        _check_sessions(tx, there, now)
        for before, after in _moved(there, package, now):
            found.append(move_of(before, after))
            changes.append(Change(before, after, Verb.REBASED, now))
    moves = sorted(found, key=_REF)
    if seen is not None and seen != fingerprint(moves):
        raise Conflict(
            "The cases have changed since the preview: look at it again before you move them.",
            {"fingerprint": fingerprint(moves)},
        )
    if changes:
        mark_used(tx, package.key, now=now)
    for part in _chunks(changes):
        store.write_many(tx, part, viewer, now=now)
    return moves


def _check_role(viewer: Viewer) -> None:
    check_may_open_cases(viewer)
    rules.check_role(viewer, REBASING, "move cases to another package version")


def _target(tx: Connection, viewer: Viewer, unit: str, to: str | None, now: datetime) -> Package:
    _check_role(viewer)
    if not acts_in(viewer, unit):
        raise NotFound(f"There is no unit {unit!r} here.")
    if to is None:
        return package_in_force(tx, unit, on=local_date(now))
    package = stored_package(tx, to)
    if package is None:
        raise BadInput("unknown_package", f"There is no package {to!r} stored.", "to")
    return package


def _chunks(found: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(found), CHUNK):
        yield found[start : start + CHUNK]


def _waiting(
    tx: Connection, viewer: Viewer, unit: str, package: Package, from_: str | None
) -> list[tuple[int, str]]:
    query = (
        select(case_.c.id, case_.c.ref)
        .where(
            queries.visible_cases(viewer),
            case_.c.unit == bindparam("unit"),
            case_.c.phase != Phase.CLOSED.value,
            case_.c.package != bindparam("to"),
        )
        # Rows are locked in the order of their ids, whoever locks many.
        .order_by(case_.c.id)
    )
    binds = {"unit": unit, "to": package.key} | queries.visible_binds(viewer)
    if from_ is not None:
        query = query.where(case_.c.package == bindparam("from"))
        binds["from"] = from_
    return [(row.id, row.ref) for row in tx.execute(query, binds)]


def _waits(case: Case, unit: str, package: Package, from_: str | None) -> bool:
    return (
        case.unit == unit
        and case.phase is not Phase.CLOSED
        and case.package != package.key
        and from_ in (None, case.package)
    )


def _moved(cases: Iterable[Case], package: Package, now: datetime) -> list[tuple[Case, Case]]:
    pairs = [(case, rebased(case, package, now=now)) for case in cases]
    return [(before, after) for before, after in pairs if after is not before]


def _entered_statement() -> Select[Any]:
    others = group_attendance.alias("others")
    begun = exists().where(
        others.c.session_id == group_session.c.id, others.c.state.in_(("present", "absent"))
    )
    return (
        select(group_session.c.ref, group_session.c.starts_at)
        .join(group_attendance, group_attendance.c.session_id == group_session.c.id)
        .where(
            group_attendance.c.case_id.in_(bindparam("ids", expanding=True)),
            group_session.c.state == "planned",
            or_(group_session.c.starts_at <= bindparam("now", type_=UtcDateTime), begun),
        )
        .order_by(group_session.c.starts_at)
        .limit(1)
    )


_ENTERED: Final = _entered_statement()


def _check_sessions(tx: Connection, cases: Sequence[Case], now: datetime) -> None:
    """Raise `SessionBeingEntered` while a session of these cases has begun but is not held.

    Its list may lie open in front of somebody: what they tick must still be there.
    """
    ids = [case.id for case in cases]
    found = tx.execute(_ENTERED, {"ids": ids, "now": now}).first() if ids else None
    if found is not None:
        raise SessionBeingEntered(
            f"The group session {found.ref} of {iso_local(found.starts_at)} is being entered: "
            "record who was there, or cancel the session, and repeat."
        )

"""Group sessions as they are stored: the values, and the statements that read and write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from cases.access import Viewer
from cases.queries import visible_binds, visible_cases
from cases.tables import case_, group_attendance, group_session
from core.statement import Prepared

LONGEST_MINUTES: Final = 12 * 60
"""A session lasts half a day at most; two of them are looked for within that reach."""


class SessionState(StrEnum):
    """The life of a session. What is held stays held; single persons can be corrected."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class AttendanceState(StrEnum):
    """Where one person stands. Somebody entered by mistake is `CORRECTED`: was not there."""

    INVITED = "invited"
    PRESENT = "present"
    ABSENT = "absent"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person of a session. `credited`: this session's list completed the task."""

    case_id: int
    case_ref: str
    state: AttendanceState
    credited: bool
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A group session of a unit for one task. `minutes` is how long it lasts.

    `attendance` holds the persons that the viewer who asked may see. Who is invited in a session
    that was held has not been entered: nobody who may see the case has said anything yet.
    """

    id: int
    ref: str
    unit: str
    task: str
    starts_at: datetime
    minutes: int
    leader: str | None
    place: str | None
    capacity: int | None
    state: SessionState
    held_at: datetime | None
    version: int
    attendance: tuple[Attendance, ...] = ()

    @property
    def ends_at(self) -> datetime:
        """When it is over, as planned."""
        return self.starts_at + timedelta(minutes=self.minutes)

    def of(self, case_ref: str) -> Attendance | None:
        """How one person stands, or None for somebody who is not on the list."""
        for each in self.attendance:
            if each.case_ref == case_ref:
                return each
        return None


_FIELDS: Final = (
    group_session.c.id,
    group_session.c.ref,
    group_session.c.unit,
    group_session.c.task,
    group_session.c.starts_at,
    group_session.c.minutes,
    group_session.c.leader,
    group_session.c.place,
    group_session.c.capacity,
    group_session.c.state,
    group_session.c.held_at,
    group_session.c.version,
)
_BY_REF: Final = select(*_FIELDS).where(group_session.c.ref == bindparam("ref"))
_SESSION: Final = Prepared(_BY_REF)
_LOCK_SESSION: Final = Prepared(_BY_REF.with_for_update())
_FROM: Final = (
    select(*_FIELDS)
    .where(
        group_session.c.unit == bindparam("unit"), group_session.c.starts_at >= bindparam("first")
    )
    .order_by(group_session.c.starts_at, group_session.c.id)
)
_SESSIONS: Final = Prepared(_FROM)
_SESSIONS_UNTIL: Final = Prepared(_FROM.where(group_session.c.starts_at < bindparam("until")))
_INSERT: Final = insert(group_session)
_CHANGE: Final = (
    update(group_session)
    .where(
        group_session.c.id == bindparam("b_id"), group_session.c.version == bindparam("b_version")
    )
    .values(
        state=bindparam("b_state"),
        held_at=bindparam("b_held_at"),
        version=bindparam("b_next"),
    )
)
_TAKEN: Final = select(func.count()).where(group_attendance.c.session_id == bindparam("session_id"))
_ADD: Final = insert(group_attendance)
_ENTER: Final = (
    update(group_attendance)
    .where(
        group_attendance.c.session_id == bindparam("b_session_id"),
        group_attendance.c.case_id == bindparam("b_case_id"),
    )
    .values(
        state=bindparam("b_state"),
        credited=bindparam("b_credited"),
        recorded_at=bindparam("b_recorded_at"),
        by=bindparam("b_by"),
    )
)
_REMOVE: Final = delete(group_attendance).where(
    group_attendance.c.session_id == bindparam("session_id"),
    group_attendance.c.case_id == bindparam("case_id"),
)
# Of what is only planned, the invitation counts while the person is still in that unit.
_ELSEWHERE: Final = (
    select(
        case_.c.ref,
        group_session.c.ref.label("session"),
        group_session.c.starts_at,
        group_session.c.minutes,
        group_session.c.state,
    )
    .join(group_attendance, group_attendance.c.case_id == case_.c.id)
    .join(group_session, group_session.c.id == group_attendance.c.session_id)
    .where(
        case_.c.id.in_(bindparam("case_ids", expanding=True)),
        group_session.c.id != bindparam("session_id"),
        group_session.c.starts_at > bindparam("first", type_=group_session.c.starts_at.type),
        group_session.c.starts_at < bindparam("ends_at", type_=group_session.c.starts_at.type),
        or_(
            and_(
                group_session.c.state == "planned",
                group_attendance.c.state == "invited",
                group_session.c.unit == case_.c.unit,
            ),
            and_(group_session.c.state == "held", group_attendance.c.state == "present"),
        ),
    )
    .order_by(case_.c.ref, group_session.c.id)
)


def session_by_ref(
    tx: Connection, viewer: Viewer, ref: str, *, for_update: bool = False
) -> Session | None:
    """The session as this viewer may see it; whether its unit is the viewer's, the caller asks.

    For an update its row is locked first on Postgres, before any case: always in that order.
    """
    lock = for_update and tx.dialect.name == "postgresql"
    row = (_LOCK_SESSION if lock else _SESSION).row(tx, {"ref": ref})
    if row is None:
        return None
    found = _session(row)
    return replace(found, attendance=tuple(_attendance(tx, viewer, found.id)))


def _session(row: tuple[Any, ...]) -> Session:
    values = {field.name: value for field, value in zip(_FIELDS, row, strict=True)}
    values["state"] = SessionState(values["state"])
    return Session(**values)


def _attendance(tx: Connection, viewer: Viewer, session_id: int) -> Iterable[Attendance]:
    query = (
        select(
            case_.c.id,
            case_.c.ref,
            group_attendance.c.state,
            group_attendance.c.credited,
            group_attendance.c.recorded_at,
        )
        .join(group_attendance, group_attendance.c.case_id == case_.c.id)
        .where(visible_cases(viewer), group_attendance.c.session_id == bindparam("session_id"))
        .order_by(group_attendance.c.id)
    )
    for row in tx.execute(query, {"session_id": session_id} | visible_binds(viewer)):
        yield Attendance(
            row.id, row.ref, AttendanceState(row.state), bool(row.credited), row.recorded_at
        )


def sessions_from(
    tx: Connection, unit: str, *, first: datetime, until: datetime | None = None
) -> list[Session]:
    """The sessions of a unit that start from `first` on (and before `until`), nobody named."""
    asked = _SESSIONS if until is None else _SESSIONS_UNTIL
    return [_session(row) for row in asked.rows(tx, {"unit": unit, "first": first, "until": until})]


def insert_session(tx: Connection, values: Mapping[str, Any]) -> None:
    """Store a planned session."""
    tx.execute(_INSERT, dict(values))


def change_session(
    tx: Connection, session: Session, state: SessionState, held_at: datetime | None
) -> bool:
    """Write the state and count the version on; False if somebody else changed it in between."""
    changed = tx.execute(
        _CHANGE,
        {
            "b_id": session.id,
            "b_version": session.version,
            "b_state": state.value,
            "b_held_at": held_at,
            "b_next": session.version + 1,
        },
    )
    return changed.rowcount == 1


def places_taken(tx: Connection, session: Session) -> int:
    """How many are on the list, whoever may see them."""
    return int(tx.execute(_TAKEN, {"session_id": session.id}).scalar_one())


def enter(
    tx: Connection,
    session: Session,
    entries: Iterable[tuple[int, AttendanceState, bool]],
    *,
    by: str | None,
    now: datetime | None,
) -> None:
    """Write (case id, state, credited) for persons on the list and for those who came along."""
    known = {each.case_id for each in session.attendance}
    new: list[dict[str, Any]] = []
    old: list[dict[str, Any]] = []
    for case_id, state, credited in entries:
        values = {
            "session_id": session.id,
            "case_id": case_id,
            "state": state.value,
            "credited": credited,
            "recorded_at": now,
            "by": by,
        }
        if case_id in known:
            old.append({f"b_{name}": value for name, value in values.items()})
        else:
            new.append(values)
    if old:
        tx.execute(_ENTER, old)
    if new:
        tx.execute(_ADD, new)


def take_off(tx: Connection, session: Session, case_id: int) -> None:
    """Take an invited person off the list."""
    tx.execute(_REMOVE, {"session_id": session.id, "case_id": case_id})


def at_the_same_time(
    tx: Connection, session: Session, case_ids: Iterable[int], *, held_only: bool
) -> dict[str, str]:
    """Who of these cases is in another session while this one lasts: case → that session."""
    ids = sorted(case_ids)
    if not ids:
        return {}
    binds = {
        "case_ids": ids,
        "session_id": session.id,
        "first": session.starts_at - timedelta(minutes=LONGEST_MINUTES),
        "ends_at": session.ends_at,
    }
    return {
        row.ref: row.session
        for row in tx.execute(_ELSEWHERE, binds)
        if row.starts_at + timedelta(minutes=row.minutes) > session.starts_at
        and (row.state == SessionState.HELD or not held_only)
    }

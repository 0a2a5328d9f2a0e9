"""Group sessions: planned, filled, called off. `cases.attendance` enters who was there.

A session belongs to a unit and to one task that can be done in a group. The owner of the task,
that role's lead, and every coordinator of the unit plan sessions and enter attendance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import queries, rules
from cases.access import COMPLETERS, Viewer, acts_in, check_may_open_cases
from cases.journal import AccessRow, append
from cases.model import Case, Form, Owner, Role, Task, Visibility
from cases.package import TaskRule
from cases.registry import package_in_force
from cases.session_rows import (
    LONGEST_MINUTES,
    AttendanceState,
    Session,
    SessionState,
    at_the_same_time,
    change_session,
    enter,
    insert_session,
    places_taken,
    session_by_ref,
    sessions_from,
    take_off,
)
from cases.tables import unit as unit_table
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotAllowed, NotFound, OverlevError, Refused

ONE_HOUR: Final = 60
LONGEST_LEADER: Final = 64
LONGEST_PLACE: Final = 120
MOST_PLACES: Final = 500

PLANNED: Final = "session_planned"
INVITED: Final = "session_invited"
REMOVED: Final = "session_removed"
CANCELLED: Final = "session_cancelled"
READ: Final = "session_read"
"""What the access log calls what was done to a session."""

_UNIT: Final = select(unit_table.c.code).where(unit_table.c.code == bindparam("code"))


class SessionNotFound(NotFound):
    """No such session, or another unit's."""

    message_key = "error.session_not_found"


class ListRefused(Conflict):
    """Some persons of a list cannot be taken; `current["refused"]` gives each one's reason."""

    message_key = "error.list_refused"


class NotEnoughPlaces(Refused):
    """A session cannot take that many more; how many it has and how many are taken is told."""

    def __init__(self, capacity: int, taken: int, wanted: int) -> None:
        super().__init__(
            f"The session has {capacity} places, {taken} are taken: "
            f"{wanted} more do not fit. Plan another session."
        )
        self.capacity = capacity
        self.taken = taken
        self.wanted = wanted


def plan_session(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    task: str,
    starts_at: datetime,
    *,
    now: datetime,
    leader: str | None = None,
    place: str | None = None,
    capacity: int | None = None,
    minutes: int = ONE_HOUR,
) -> Session:
    """Plan a session of a unit for a task that can be done in a group.

    `starts_at` may lie in the past: what was held on Friday may be typed in on Monday. Raises
    `NotFound` for another unit, `BadInput`, `NotAllowed`.
    """
    check_may_open_cases(viewer)
    if not acts_in(viewer, unit) or tx.execute(_UNIT, {"code": unit}).first() is None:
        raise NotFound("There is no such unit here. Check its code.")
    rule = rule_of(tx, unit, task, now)
    check_may_lead(viewer, rule.owner)
    rules.check_reachable(local_date(starts_at), "starts_at")
    if capacity is not None and not 1 <= capacity <= MOST_PLACES:
        raise BadInput("out_of_range", f"capacity is 1 to {MOST_PLACES}.", "capacity")
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise BadInput("out_of_range", f"minutes is 1 to {LONGEST_MINUTES}.", "minutes")
    ref = new_ref()
    insert_session(
        tx,
        {
            "ref": ref,
            "unit": unit,
            "task": task,
            "starts_at": starts_at,
            "minutes": minutes,
            "leader": _line(leader, "leader", LONGEST_LEADER),
            "place": _line(place, "place", LONGEST_PLACE),
            "capacity": capacity,
            "state": SessionState.PLANNED.value,
            "held_at": None,
            "version": 1,
        },
    )
    append(tx, [access_row(viewer, unit, PLANNED, now=now)], now=now)
    return session_of(tx, viewer, ref)


def add_cases(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    refs: Iterable[str],
    *,
    now: datetime,
    version: int | None = None,
) -> Session:
    """Put persons on the list; who stands there already is left as is.

    All or nothing. Raises `ListRefused` with each one's reason (closed, declined, done already,
    somewhere else at that time), `Refused` when there are not enough places, `CaseNotFound`.
    """
    session = session_to_change(tx, viewer, session_ref, version, now=now)
    check_planned(session)
    known = {each.case_ref for each in session.attendance}
    cases = listed_cases(tx, viewer, [ref for ref in refs if ref not in known])
    elsewhere = at_the_same_time(tx, session, ids_of(cases), held_only=False)
    refused: dict[str, OverlevError] = {}
    for ref, case in cases.items():
        try:
            task = task_here(case, session, viewer)
            if task.finished:
                raise Refused(f"{task.code} is {task.state} already.")
            rules.check_waits(case, task)
            if case.released_at is not None and session.starts_at > case.released_at:
                raise Refused("The person is released before the session.")
            check_elsewhere(ref, elsewhere)
        except (Refused, BadInput, NotAllowed) as reason:
            refused[ref] = reason
    raise_refused(refused)
    taken = places_taken(tx, session)
    if session.capacity is not None and taken + len(cases) > session.capacity:
        raise NotEnoughPlaces(session.capacity, taken, len(cases))
    invited = [(each, AttendanceState.INVITED, False) for each in ids_of(cases)]
    enter(tx, session, invited, by=None, now=None)
    return _changed(tx, viewer, session, verb=INVITED, refs=cases, now=now)


def remove_case(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    case_ref: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Session:
    """Take one person off the list of a session that is still planned."""
    session = session_to_change(tx, viewer, session_ref, version, now=now)
    check_planned(session)
    there = session.of(case_ref)
    if there is None:
        raise rules.case_not_found()
    take_off(tx, session, there.case_id)
    return _changed(tx, viewer, session, verb=REMOVED, refs=[case_ref], now=now)


def cancel_session(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Session:
    """Call a planned session off; the tasks stay as they are."""
    session = session_to_change(tx, viewer, session_ref, version, now=now)
    check_planned(session)
    return _changed(
        tx, viewer, session, verb=CANCELLED, refs=[], now=now, state=SessionState.CANCELLED
    )


def read_session(tx: Connection, viewer: Viewer, session_ref: str, *, now: datetime) -> Session:
    """One session with the persons this viewer may see, the reading logged."""
    session = session_of(tx, viewer, session_ref)
    listed = [each.case_ref for each in session.attendance]
    append(tx, [access_row(viewer, session.unit, READ, listed, now=now)], now=now)
    return session


def list_sessions(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    *,
    first: datetime,
    until: datetime | None = None,
) -> list[Session]:
    """A unit's sessions that start from `first` on, in order, without who is on their lists."""
    check_may_open_cases(viewer)
    if not acts_in(viewer, unit):
        raise NotFound("There is no such unit here. Check its code.")
    return sessions_from(tx, unit, first=first, until=until)


# --- what every verb asks ------------------------------------------------------------------------


def rule_of(tx: Connection, unit: str, code: str, now: datetime) -> TaskRule:
    """The rule of a session's task in the unit's present package. Raises `BadInput`."""
    package = package_in_force(tx, unit, on=local_date(now))
    grouped = [rule for rule in package.tasks if _is_for_groups(rule)]
    for rule in grouped:
        if rule.code == code:
            return rule
    known = ", ".join(rule.code for rule in grouped)
    raise BadInput("unknown_task", f"Group sessions are for {known}, not {code!r}.", "task")


def _is_for_groups(rule: TaskRule) -> bool:
    # What is said in a task of the health service alone is not said before others.
    return Form.GROUP in rule.forms and rule.visibility is Visibility.SHARED


def check_may_lead(viewer: Viewer, owner: Owner) -> None:
    """Whether this role plans and enters sessions of such tasks. Raises `NotAllowed`."""
    rules.check_role(viewer, COMPLETERS[owner] | {Role.COORDINATOR}, "plan or enter this session")


def session_of(tx: Connection, viewer: Viewer, ref: str, *, for_update: bool = False) -> Session:
    """The session as the viewer may see it. Raises `SessionNotFound` for another unit's."""
    check_may_open_cases(viewer)
    session = session_by_ref(tx, viewer, ref, for_update=for_update)
    if session is None or not acts_in(viewer, session.unit):
        raise SessionNotFound("There is no such session here. Check its number.")
    return session


def session_to_change(
    tx: Connection, viewer: Viewer, ref: str, version: int | None, *, now: datetime
) -> Session:
    """The session, locked, if the viewer may change it. Raises `Conflict` for a stale version."""
    session = session_of(tx, viewer, ref, for_update=True)
    check_may_lead(viewer, rule_of(tx, session.unit, session.task, now).owner)
    if version is not None and version != session.version:
        raise rules.StaleVersion(
            f"The session has changed since you opened it (version {session.version}, yours "
            f"{version}). Look at it again and repeat.",
            as_it_stands(session),
        )
    return session


def check_planned(session: Session) -> None:
    """Raise `Conflict` for a session that was held or called off."""
    if session.state is not SessionState.PLANNED:
        raise Conflict(f"The session is {session.state} already.", as_it_stands(session))


def as_it_stands(session: Session) -> dict[str, object]:
    """What a conflict shows of a session."""
    return {"version": session.version, "state": session.state.value}


def listed_cases(tx: Connection, viewer: Viewer, refs: Iterable[str]) -> dict[str, Case]:
    """The cases of a list, in the order it names them. Raises `CaseNotFound`."""
    asked = list(dict.fromkeys(refs))
    found = queries.cases_for_update(tx, viewer, asked)
    if len(found) < len(asked):
        raise rules.case_not_found()
    return {ref: found[ref] for ref in asked}


def task_here(case: Case, session: Session, viewer: Viewer) -> Task:
    """The session's task of a case of this unit. Raises `Refused`, `BadInput`, `NotAllowed`."""
    if case.unit != session.unit:
        raise Refused(f"The case belongs to {case.unit} and not to {session.unit}.")
    task = rules.task_of(case, session.task)
    check_may_lead(viewer, task.owner)
    return task


def check_elsewhere(ref: str, elsewhere: Mapping[str, str]) -> None:
    """Raise `Refused` for somebody who is in another session at that time."""
    if ref in elsewhere:
        raise Refused(f"The person is in session {elsewhere[ref]} at that time.")


def raise_refused(refused: Mapping[str, OverlevError]) -> None:
    """Raise `ListRefused` with the reasons, if anybody was refused."""
    if not refused:
        return
    told = {ref: reason.detail for ref, reason in refused.items()}
    listed = "; ".join(f"{ref}: {detail}" for ref, detail in told.items())
    raise ListRefused(f"Nothing was entered. {listed}", {"refused": told})


def write_session(
    tx: Connection, session: Session, state: SessionState, held_at: datetime | None
) -> None:
    """Write where a session stands; its version counts on. Raises `Conflict`."""
    if not change_session(tx, session, state, held_at):
        raise Conflict("The session was changed by somebody else. Look at it again and repeat.")


def _changed(
    tx: Connection,
    viewer: Viewer,
    session: Session,
    *,
    verb: str,
    refs: Iterable[str],
    now: datetime,
    state: SessionState = SessionState.PLANNED,
) -> Session:
    write_session(tx, session, state, None)
    append(tx, [access_row(viewer, session.unit, verb, refs, now=now)], now=now)
    return session_of(tx, viewer, session.ref)


def access_row(
    viewer: Viewer, unit: str, verb: str, subjects: Iterable[str] = (), *, now: datetime
) -> AccessRow:
    """The row of the access log for what was done to a session, with the cases on its list."""
    return AccessRow(
        unit, now, viewer.account, viewer.role.value, verb, subjects=tuple(sorted(subjects))
    )


def _line(text: str | None, field: str, longest: int) -> str | None:
    return rules.one_line(text, field, longest=longest) if text else None


def id_of(case: Case) -> int:
    """The internal id of a stored case."""
    if case.id is None:  # every case here was loaded
        raise AssertionError
    return case.id


def ids_of(cases: Mapping[str, Case]) -> list[int]:
    """The internal ids of stored cases."""
    return [id_of(case) for case in cases.values()]

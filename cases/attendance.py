"""The attendance list of a group session: entered whole, corrected for one person.

Holding a session completes its task for everybody present in one transaction; whoever was absent
keeps it open. A correction undoes what the list completed for one person, or adds somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from cases import rules, sessions, store
from cases.access import Viewer
from cases.model import Case, Form, UndoReason
from cases.registry import package_named
from cases.session_rows import AttendanceState, Session, SessionState, at_the_same_time, enter
from cases.settling import as_done, as_open, finish, with_settled
from cases.store import Change, Verb
from core.clock import iso_local
from core.errors import BadInput, Conflict, NotAllowed, OverlevError, Refused

HELD: Final = "session_held"
CORRECTED: Final = "session_corrected"
"""What the access log calls it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an attendance list did. `skipped` were there, but had the task settled before."""

    session: Session
    completed: tuple[str, ...]
    skipped: Mapping[str, str]


def hold(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    present: Iterable[str],
    *,
    now: datetime,
    held_at: datetime | None = None,
    version: int | None = None,
) -> Held:
    """Enter the attendance list: the task is done for all present, in one transaction.

    It is done (in a group) at `held_at`, else at the session's time. Somebody of the unit who
    came without an invitation counts like the others, places or not. Who had the task settled
    before is told in `skipped`; who is not named stays open and is absent. All or nothing:
    raises `ListRefused` with each one's reason, `CaseNotFound`, `Conflict` for a session that was
    held already or has changed.
    """
    session = sessions.session_to_change(tx, viewer, session_ref, version, now=now)
    sessions.check_planned(session)
    at = held_at or session.starts_at
    if at > now:
        raise BadInput("in_future", f"The session at {iso_local(at)} has not been yet.", "held_at")
    cases = sessions.listed_cases(tx, viewer, present)
    elsewhere = at_the_same_time(tx, session, sessions.ids_of(cases), held_only=True)
    changes: list[Change] = []
    skipped: dict[str, str] = {}
    refused: dict[str, OverlevError] = {}
    for ref, case in cases.items():
        try:
            change = _completion(tx, viewer, case, session, at=at, elsewhere=elsewhere, now=now)
        except (Refused, BadInput, NotAllowed) as reason:
            refused[ref] = reason
            continue
        if change is None:
            skipped[ref] = sessions.task_here(case, session, viewer).state.value
        else:
            changes.append(change)
    sessions.raise_refused(refused)
    absent = [each.case_id for each in session.attendance if each.case_ref not in cases]
    enter(
        tx,
        session,
        [
            *(
                (each, AttendanceState.PRESENT, True)
                for each in (sessions.id_of(change.after) for change in changes)
            ),
            *((sessions.id_of(cases[ref]), AttendanceState.PRESENT, False) for ref in skipped),
            *((case_id, AttendanceState.ABSENT, False) for case_id in absent),
        ],
        by=viewer.account,
        now=now,
    )
    sessions.write_session(tx, session, SessionState.HELD, at)
    listed = {*cases, *(each.case_ref for each in session.attendance)}
    look = sessions.access_row(viewer, session.unit, HELD, listed, now=now)
    store.write_many(tx, changes, viewer, now=now, also=[look])
    return Held(
        sessions.session_of(tx, viewer, session_ref),
        tuple(change.after.ref for change in changes),
        skipped,
    )


def correct(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    case_ref: str,
    attended: str,
    *,
    now: datetime,
    reason: str | None = None,
    version: int | None = None,
) -> Session:
    """Put one person right after the session: `present`, or `absent` with the reason to undo.

    Taking somebody off undoes the completion that this session's list made, and no other; adding
    somebody completes the task at the time the session was held.
    """
    session = sessions.session_to_change(tx, viewer, session_ref, version, now=now)
    if session.state is not SessionState.HELD or session.held_at is None:
        raise Refused(f"The session is {session.state}: enter its attendance first.")
    now_there = rules.one_of(AttendanceState, attended, "attended")
    cases = sessions.listed_cases(tx, viewer, [case_ref])
    case = cases[case_ref]
    stands = session.of(case_ref)
    change: Change | None = None
    if now_there is AttendanceState.PRESENT:
        if stands is not None and stands.state is AttendanceState.PRESENT:
            raise Conflict(
                "The person is entered as present already.", sessions.as_it_stands(session)
            )
        elsewhere = at_the_same_time(tx, session, sessions.ids_of(cases), held_only=True)
        change = _completion(
            tx, viewer, case, session, at=session.held_at, elsewhere=elsewhere, now=now
        )
    elif now_there is AttendanceState.ABSENT:
        if stands is None or stands.state is not AttendanceState.PRESENT:
            raise Conflict("The person is not entered as present.", sessions.as_it_stands(session))
        why = rules.one_of(UndoReason, reason or "", "reason")
        now_there = AttendanceState.CORRECTED
        task = sessions.task_here(case, session, viewer)
        # Taken back elsewhere and done again since: then it is not this session's any more.
        if stands.credited and (task.recorded_at, task.done_at) == (
            stands.recorded_at,
            session.held_at,
        ):
            package = package_named(tx, case.package)
            after = finish(case, case.with_task(as_open(task)), package, now=now)
            change = Change(
                case,
                after,
                Verb.TASK_UNDONE,
                now,
                rules.controller_of(task),
                {task.code: why.value},
            )
    else:
        raise BadInput("unknown_code", "attended is present or absent.", "attended")
    credited = now_there is AttendanceState.PRESENT and change is not None
    enter(tx, session, [(sessions.id_of(case), now_there, credited)], by=viewer.account, now=now)
    sessions.write_session(tx, session, SessionState.HELD, session.held_at)
    look = sessions.access_row(viewer, session.unit, CORRECTED, [case_ref], now=now)
    store.write_many(tx, [change] if change else [], viewer, now=now, also=[look])
    return sessions.session_of(tx, viewer, session_ref)


def _completion(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    session: Session,
    *,
    at: datetime,
    elsewhere: Mapping[str, str],
    now: datetime,
) -> Change | None:
    """The task done for one person, or None where it was settled before."""
    task = sessions.task_here(case, session, viewer)
    rules.check_happened(case, at, now=now, field="held_at")
    sessions.check_elsewhere(case.ref, elsewhere)
    if task.finished:
        return None
    rules.check_waits(case, task)
    rules.check_before_release(case, task, at)
    done = as_done(
        task, unit=session.unit, by=viewer.account, done_at=at, now=now, form=Form.GROUP.value
    )
    after = with_settled(case, [done], package_named(tx, case.package), now=now)
    return Change(case, after, Verb.TASK_COMPLETED, at, rules.controller_of(task))

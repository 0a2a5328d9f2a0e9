"""Group sessions: planned, read, and their attendance entered."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from cases import attendance, sessions
from cases.session_rows import LONGEST_MINUTES, Session
from cases.sessions import MOST_PLACES, ONE_HOUR
from core.clock import iso_local
from web.api import models
from web.api.answers import IdempotencyKey, change, read
from web.api.inputs import Code, Input, Instant, Line, ListedRef, SessionRef, Version
from web.asked import SignedIn
from web.policy import CASE_WORKERS, Router, allow

LONGEST_LIST: Final = 500

router: Final = Router(tags=["sessions"])

Refs = Annotated[list[ListedRef], Field(max_length=LONGEST_LIST)]


class NewSession(Input):
    """A session of a unit for one task; `cases` are put on its list at once."""

    unit: Code
    task: Code
    starts_at: Instant
    minutes: Annotated[int, Field(strict=True, ge=1, le=LONGEST_MINUTES)] = ONE_HOUR
    leader: Line | None = None
    place: Line | None = None
    capacity: Annotated[int | None, Field(strict=True, ge=1, le=MOST_PLACES)] = None
    cases: Annotated[list[ListedRef], Field(default_factory=list, max_length=LONGEST_LIST)]


class WhoWasThere(Input):
    """The attendance list, whole: who is not named was absent and keeps the task open."""

    present: Refs
    held_at: Instant | None = None
    version: Version | None = None


class Span(Input):
    """Of which unit, and from when."""

    unit: Code
    first: Instant
    until: Instant | None = None


@router.get("/sessions", response_model=models.Sessions)
@allow(CASE_WORKERS)
def list_sessions(asked: SignedIn, span: Annotated[Span, Query()]) -> Response:
    """A unit's sessions in order, without who is on their lists."""
    return read(
        asked,
        models.Sessions,
        lambda tx: {
            "sessions": [
                told(each)
                for each in sessions.list_sessions(
                    tx, asked.viewer, span.unit, first=span.first, until=span.until
                )
            ]
        },
    )


@router.post("/sessions", response_model=models.Session, status_code=201)
@allow(CASE_WORKERS)
def plan(asked: SignedIn, new: NewSession, key: IdempotencyKey = None) -> Response:
    """Plan a session. It may lie in the past: what was held on Friday may be typed in on Monday."""

    def verb(tx: Connection) -> dict[str, Any]:
        session = sessions.plan_session(
            tx,
            asked.viewer,
            new.unit,
            new.task,
            new.starts_at,
            now=asked.now,
            leader=new.leader,
            place=new.place,
            capacity=new.capacity,
            minutes=new.minutes,
        )
        if new.cases:
            session = sessions.add_cases(tx, asked.viewer, session.ref, new.cases, now=asked.now)
        return told(session)

    return change(asked, key, new, models.Session, verb, status=201)


@router.get("/sessions/{session}", response_model=models.Session)
@allow(CASE_WORKERS)
def read_session(asked: SignedIn, session: SessionRef) -> Response:
    """One session, with the persons you may see."""
    return read(
        asked,
        models.Session,
        lambda tx: told(sessions.read_session(tx, asked.viewer, session, now=asked.now)),
    )


@router.post("/sessions/{session}/attendance", response_model=models.SessionHeld)
@allow(CASE_WORKERS)
def attended(
    asked: SignedIn, session: SessionRef, said: WhoWasThere, key: IdempotencyKey = None
) -> Response:
    """Enter who was there: the task is done for all of them, or for nobody."""

    def verb(tx: Connection) -> dict[str, Any]:
        held = attendance.hold(
            tx,
            asked.viewer,
            session,
            said.present,
            now=asked.now,
            held_at=said.held_at,
            version=said.version,
        )
        return {
            "session": told(held.session),
            "completed": list(held.completed),
            "skipped": dict(held.skipped),
        }

    return change(asked, key, said, models.SessionHeld, verb)


def told(session: Session) -> dict[str, Any]:
    """A session as plain values."""
    return {
        "id": session.ref,
        "unit": session.unit,
        "task": session.task,
        "starts_at": iso_local(session.starts_at),
        "minutes": session.minutes,
        "leader": session.leader,
        "place": session.place,
        "capacity": session.capacity,
        "state": session.state.value,
        "held_at": iso_local(session.held_at) if session.held_at else None,
        "version": session.version,
        "attendance": [
            {"ref": each.case_ref, "state": each.state.value} for each in session.attendance
        ],
    }

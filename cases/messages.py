"""Messages that somebody has to see: those of the viewer's own cases, and the decision.

Somebody asks the person, or calls: the message went, or it is dropped, or it surely did not reach
the person and that is seen. It is never sent again by
this; an appointment can be moved or booked anew, which wants a message of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from cases import queries
from cases.access import Viewer
from cases.journal import AccessRow, append
from cases.model import Role
from cases.rules import CaseNotFound, one_of
from core.errors import Conflict, NotAllowed
from notifications import outbox
from notifications.message import Message

DECIDED: Final = "message_decided"
DECIDING: Final = frozenset(
    {Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD, Role.OPERATOR}
)
"""Who sees why a message was not sent decides about it."""


def waiting(tx: Connection, viewer: Viewer) -> list[Message]:
    """The messages of this viewer's cases that wait for a person, the oldest first."""
    _check(viewer)
    return [each for each in outbox.waiting_for_a_person(tx) if _is_seen(tx, viewer, each.subject)]


def decide(tx: Connection, viewer: Viewer, about: str, decision: str, *, now: datetime) -> None:
    """Say what became of a message: `sent`, or `drop` (it is not to go any more; it is seen).

    Raises `CaseNotFound` for a message of somebody else's case, `NotAllowed`, `Conflict` where it
    waits for nobody (any more).
    """
    _check(viewer)
    found = one_of(outbox.Decision, decision, "decision")
    case = queries.case_by_ref(tx, viewer, about.split("/", 1)[0])
    if not outbox.decide(tx, about, found, now=now):
        raise Conflict(
            "The message does not wait for that decision: it is decided, or the provider surely did"
            " not take it, which only `drop` answers. Look at the case again."
        )
    row = AccessRow(
        scope=case.unit,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=DECIDED,
        case_ref=case.ref,
    )
    append(tx, [row], now=now)


def _check(viewer: Viewer) -> None:
    if viewer.role not in DECIDING:
        raise NotAllowed(f"The role {viewer.role} does not decide about messages.")


def _is_seen(tx: Connection, viewer: Viewer, subject: str) -> bool:
    try:
        queries.case_by_ref(tx, viewer, subject)
    except CaseNotFound:
        return False
    return True

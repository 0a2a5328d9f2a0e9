"""Whether delivering would find something to do: one look through the partial indexes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, literal, select

from core.statement import Prepared
from notifications.message import MessageState
from notifications.tables import in_state, outbox

_NOW: Final = bindparam("now", type_=outbox.c.send_at.type)
_ONE: Final = literal(1)
_QUESTIONS: Final = tuple(
    Prepared(select(_ONE).where(in_state(state), instant <= _NOW).limit(1))
    for state, instant in (
        (MessageState.WANTED, outbox.c.send_at),
        (MessageState.SENDING, outbox.c.lease_until),
        (MessageState.UNKNOWN, outbox.c.look_at),
    )
)
_LATE: Final = Prepared(
    select(_ONE).where(in_state(MessageState.WANTED), outbox.c.send_at <= _NOW).limit(1)
)


def anything_due(tx: Connection, *, now: datetime) -> bool:
    """Whether a message is to be sent, to be looked up, or was left behind by a dead worker."""
    return any(question.row(tx, {"now": now}) is not None for question in _QUESTIONS)


def anything_late(tx: Connection, *, before: datetime) -> bool:
    """Whether a message that should have gone before that instant still waits."""
    return _LATE.row(tx, {"now": before}) is not None

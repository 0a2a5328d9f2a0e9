"""Plain functions that make wanted messages, and look at what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.db import Database
from notifications import outbox
from notifications.message import Message, MessageState, Wanted
from notifications.tables import attempt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""The moment at which the messages below are due (13:00 in Norway)."""

HOUR = timedelta(hours=1)


def reminder(
    name: str = "1",
    *,
    subject: str = "CASE",
    rung: str = "day_before",
    send_at: datetime = NOON,
    starts_at: datetime = NOON + 20 * HOUR,
    language: str = "nb",
) -> Wanted:
    """A message that is due at noon and expires at 15:00 UTC."""
    return Wanted(
        about=f"{subject}/{name}/{rung}/{starts_at.isoformat()}",
        subject=subject,
        person="PERSON",
        rung=rung,
        send_at=send_at,
        expires_at=min(send_at + 3 * HOUR, starts_at),
        starts_at=starts_at,
        template="appointment_reminder",
        language=language,
    )


def want(
    db: Database,
    wanted: Sequence[Wanted],
    *,
    subject: str = "CASE",
    why: outbox.WhyNot = "closed",
    now: datetime = NOON - HOUR,
) -> None:
    """Make the outbox of a subject equal to what is wanted, in a transaction of its own."""
    with db.write() as tx:
        outbox.sync(tx, subject, wanted, now=now, why=why)


def stored(db: Database, subject: str = "CASE") -> list[Message]:
    with db.read() as tx:
        return outbox.of_subject(tx, subject)


def standing(db: Database, subject: str = "CASE") -> list[tuple[MessageState, str | None]]:
    """State and reason of each message, in the order of sending."""
    return [(message.state, message.why) for message in stored(db, subject)]


def attempts(db: Database) -> list[Any]:
    with db.read() as tx:
        return list(tx.execute(select(attempt).order_by(attempt.c.id)))

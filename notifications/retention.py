"""Texts are forgotten: at the provider once a message has reached its end, and here after a time.

What stays is the attempt with its times, codes and template version: enough to say what was sent,
not to whom in which words. Instants are aware, UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, or_, select, update

from core.clock import Clock
from core.db import Transactions
from notifications.sender import Sender
from notifications.tables import attempt

BODY_KEPT: Final = timedelta(days=30)
"""So long a text is kept here: as long as somebody may ask what was sent."""
SURELY_FINAL: Final = timedelta(days=3)
"""A provider gives up long before; a message without a final status is erased then too."""

_AT_PROVIDER: Final = (
    select(attempt.c.id, attempt.c.provider_id)
    .where(
        attempt.c.erased_at.is_(None),
        attempt.c.provider_id.is_not(None),
        or_(
            attempt.c.delivery.in_(("delivered", "undelivered", "failed")),
            attempt.c.begun_at <= bindparam("final_before"),
        ),
    )
    .order_by(attempt.c.begun_at)
    .limit(bindparam("limit"))
)
_ERASED: Final = (
    update(attempt)
    .where(attempt.c.id == bindparam("this"), attempt.c.erased_at.is_(None))
    .values(erased_at=bindparam("at"))
)
_FORGET: Final = (
    update(attempt)
    .where(attempt.c.body.is_not(None), attempt.c.begun_at <= bindparam("before"))
    .values(body=None)
)


def erase_at_provider(db: Transactions, sender: Sender, *, clock: Clock, limit: int = 200) -> int:
    """Have the provider forget texts of messages that reached their end; how many it forgot.

    Stops at the first one that cannot be erased now: the next run goes on.
    """
    now = clock()
    asked = {"final_before": now - SURELY_FINAL, "limit": limit}
    rows = db.transact(lambda tx: tx.execute(_AT_PROVIDER, asked).all())
    done = 0
    for row in rows:
        if not sender.erase(row.provider_id):
            break
        erased = {"this": row.id, "at": clock()}
        db.transact(lambda tx, erased=erased: tx.execute(_ERASED, erased))  # type: ignore[misc]
        done += 1
    return done


def forget_bodies(db: Transactions, *, now: datetime, kept: timedelta = BODY_KEPT) -> int:
    """Delete texts here after the retention time; how many."""
    return db.transact(lambda tx: tx.execute(_FORGET, {"before": now - kept}).rowcount)

"""How far a message got after the provider took it: a rank that only grows, whatever comes when.

The provider's words are folded into five. `delivered` outranks a failure told before or after it:
a phone that got the message got it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, update

from core.statement import Prepared
from notifications.settling import CODE_LENGTH
from notifications.tables import attempt

STATUSES: Final = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "queued",
    "sent": "sent",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
    "delivered": "delivered",
    "read": "delivered",
    "partially_delivered": "delivered",
}
"""The provider's words, and ours."""

RANKS: Final = {"queued": 1, "sent": 2, "undelivered": 3, "failed": 4, "delivered": 5}
FINAL: Final = frozenset({"undelivered", "failed", "delivered"})
FAILED: Final = frozenset({"undelivered", "failed"})

_RISE: Final = Prepared(
    update(attempt)
    .where(attempt.c.ref == bindparam("this_ref"), attempt.c.delivery_rank < bindparam("new_rank"))
    .values(
        delivery=bindparam("new_delivery"),
        delivery_rank=bindparam("new_rank"),
        delivery_code=bindparam("new_code"),
    )
)


def tell(tx: Connection, attempt_ref: str, status: str, code: str | None) -> bool:
    """Note what the provider says about an attempt; False if that was known, or is no status."""
    delivery = STATUSES.get(status)
    if delivery is None:
        return False
    values = {
        "this_ref": attempt_ref,
        "new_delivery": delivery,
        "new_rank": RANKS[delivery],
        "new_code": code and code[:CODE_LENGTH],
    }
    return _RISE.run(tx, values) == 1

"""How far a message got after the provider took it: a rank that only grows, whatever comes when.

The provider's words are folded into five. `delivered` outranks a failure told before or after it:
a phone that got the message got it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, or_, select, update

from core.statement import Prepared
from notifications import twilio_codes
from notifications.message import MessageState
from notifications.reasons import Reason
from notifications.settling import CODE_LENGTH
from notifications.tables import attempt, in_state, outbox

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

_BELIEVED: Final = (Reason.TAKEN, Reason.FOUND, Reason.CALLED_BACK)
"""What the provider made us believe; what a person said stays."""

_OF_ATTEMPT: Final = update(outbox).where(
    outbox.c.id
    == select(attempt.c.outbox_id).where(attempt.c.ref == bindparam("this_ref")).scalar_subquery(),
    in_state(MessageState.ACCEPTED),
)
_LOST: Final = Prepared(
    _OF_ATTEMPT.where(or_(*(outbox.c.reason == reason.value for reason in _BELIEVED))).values(
        reason=Reason.NOT_DELIVERED.value
    )
)
_ARRIVED: Final = Prepared(
    _OF_ATTEMPT.where(outbox.c.reason == Reason.NOT_DELIVERED.value).values(
        reason=Reason.CALLED_BACK.value
    )
)


def tell(tx: Connection, attempt_ref: str, status: str, code: str | None) -> bool:
    """Note what the provider says about an attempt; False if that was known, or is no status.

    The message's own reason follows: one that did not arrive, for a reason that nobody hears of
    otherwise, waits for a person until it is told as delivered after all.
    """
    delivery = STATUSES.get(status)
    if delivery is None:
        return False
    values = {
        "this_ref": attempt_ref,
        "new_delivery": delivery,
        "new_rank": RANKS[delivery],
        "new_code": code and code[:CODE_LENGTH],
    }
    if _RISE.run(tx, values) != 1:
        return False
    if delivery in FAILED and not twilio_codes.tells_by_itself(code):
        _LOST.run(tx, {"this_ref": attempt_ref})
    elif delivery == "delivered":
        _ARRIVED.run(tx, {"this_ref": attempt_ref})
    return True

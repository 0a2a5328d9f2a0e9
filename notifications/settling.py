"""What came of a call is written here, and what a later proof says about it.

Two kinds of knowledge meet. What *we* think (refused, put off, no answer) counts only for whoever
still holds the message by owner and epoch. That the provider *has* it is the truth, whoever tells
it and when: an answer after its lease, a look-up, a callback. It wins over every other state, so
that a message that went is never sent again. Instants are aware, UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, update

from core.statement import Prepared
from notifications.claims import HELD, RETURNED, fence
from notifications.message import Claimed, MessageState
from notifications.reasons import Reason
from notifications.sender import Outcome, SendResult
from notifications.tables import attempt, in_state, outbox
from notifications.timing import Timing

MOST_TRIES: Final = 8
"""So many calls that the provider put off, and a message is given up (and shown)."""

CODE_LENGTH: Final = 60

_ANSWER: Final = Prepared(
    update(attempt)
    .where(
        attempt.c.outbox_id == bindparam("this"),
        attempt.c.epoch == bindparam("in_epoch"),
        attempt.c.owner == bindparam("by"),
        attempt.c.outcome == "begun",
    )
    .values(
        outcome=bindparam("new_outcome"),
        answered_at=bindparam("at"),
        code=bindparam("new_code"),
        provider_id=bindparam("new_provider_id"),
    )
)
_PROVEN: Final = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("this"), outbox.c.state != "accepted")
    .values(
        state="accepted",
        reason=bindparam("new_reason"),
        lease_until=None,
        look_at=None,
        wait_until=None,
        settled_at=bindparam("at"),
    )
)
_PROVEN_ATTEMPT: Final = Prepared(
    update(attempt)
    .where(attempt.c.ref == bindparam("this_ref"), attempt.c.outcome != "accepted")
    .values(
        outcome="accepted",
        provider_id=bindparam("new_provider_id"),
        answered_at=bindparam("at"),
    )
)
# A refusal that comes after its lease is still the truth about this epoch's one attempt.
_REFUSED: Final = (
    update(outbox)
    .where(HELD, in_state(MessageState.SENDING, MessageState.UNKNOWN, MessageState.NEEDS_PERSON))
    .values(
        state="refused",
        reason=bindparam("new_reason"),
        lease_until=None,
        look_at=None,
        settled_at=bindparam("at"),
    )
)
_UNKNOWN: Final = (
    update(outbox)
    .where(HELD, in_state(MessageState.SENDING))
    .values(
        state="unknown",
        reason=Reason.NO_ANSWER.value,
        lease_until=None,
        look_at=bindparam("new_look_at"),
        looks=0,
        failed_looks=0,
        settled_at=bindparam("at"),
    )
)
_PUT_OFF: Final = (
    update(outbox)
    .where(HELD, in_state(MessageState.SENDING))
    .values(**RETURNED, wait_until=bindparam("new_wait_until"))
)

_KEPT_AS: Final = {
    Outcome.ACCEPTED: "accepted",
    Outcome.REFUSED: "refused",
    # Surely not accepted, too: only what becomes of the message differs.
    Outcome.LATER: "refused",
    Outcome.BLOCKED: "refused",
    Outcome.UNKNOWN: "unknown",
}


def settle(
    tx: Connection, claimed: Claimed, answer: SendResult, *, now: datetime, timing: Timing
) -> bool:
    """Write what came of the one call of this claim; False if the message moved on without it.

    The attempt row keeps the answer, even of a message that moved on.
    """
    held = fence(claimed)
    met = _ANSWER.run(
        tx,
        {
            **held,
            "new_outcome": _KEPT_AS[answer.outcome],
            "at": now,
            "new_code": answer.code and answer.code[:CODE_LENGTH],
            "new_provider_id": answer.provider_id,
        },
    )
    if met == 0:
        return False  # not the caller's attempt, or answered already (by a callback, perhaps)
    match answer.outcome:
        case Outcome.ACCEPTED:
            took = Reason(answer.reason) if answer.reason is not None else Reason.TAKEN
            return prove(tx, claimed.id, took, now=now)
        case Outcome.REFUSED:
            reason = Reason(answer.reason) if answer.reason is not None else Reason.REFUSED
            return _written(tx, _REFUSED, {**held, "new_reason": reason.value, "at": now})
        case Outcome.UNKNOWN:
            look_at = now + timing.look_after
            return _written(tx, _UNKNOWN, {**held, "new_look_at": look_at, "at": now})
        case Outcome.LATER if claimed.tries + 1 >= MOST_TRIES:
            return _written(tx, _REFUSED, {**held, "new_reason": "gave_up", "at": now})
        case Outcome.LATER:
            wait_until = now + timing.wait(claimed.tries + 1, answer.retry_after)
            return _written(tx, _PUT_OFF, {**held, "new_wait_until": wait_until})
        case Outcome.BLOCKED:
            # The line rests; the message itself has done nothing wrong.
            return _written(tx, _PUT_OFF, {**held, "new_wait_until": None})


def prove(tx: Connection, outbox_id: int, reason: Reason, *, now: datetime) -> bool:
    """The provider has the message: accepted, whatever was thought of it; False if it was known."""
    return _PROVEN.run(tx, {"this": outbox_id, "new_reason": reason.value, "at": now}) == 1


def prove_attempt(tx: Connection, attempt_ref: str, provider_id: str, *, now: datetime) -> None:
    """The provider has what this attempt asked for, under this id."""
    _PROVEN_ATTEMPT.run(tx, {"this_ref": attempt_ref, "new_provider_id": provider_id, "at": now})


def _written(tx: Connection, statement: Any, values: dict[str, Any]) -> bool:
    return tx.execute(statement, values).rowcount == 1

"""Messages of which nobody knows whether they went: the provider is asked, then a person.

`take` gives one worker the unknown messages whose look-up is due, with all that is needed to tell
their trace from those of others; `settle_look` writes what it showed. Found: accepted. Two complete
look-ups without a trace: wanted again, at most once in a message's life. Several look-ups that
failed, traces that contradict each other, or a second silence without a trace: a person decides.
Nothing is ever sent again blindly. Instants are aware, UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, or_, select, update

from notifications.claims import RETURNED
from notifications.delivered import tell
from notifications.message import MessageState
from notifications.reasons import Reason
from notifications.sender import Found, Sought, Trace
from notifications.settling import prove, prove_attempt
from notifications.tables import attempt, in_state, outbox
from notifications.timing import Timing

COMPLETE_LOOKS: Final = 2
"""So many complete look-ups without a trace mean that the provider has nothing."""
FAILED_LOOKS: Final = 3
"""So many look-ups that came to nothing, and a person decides (docs/adr/0050)."""
MOST_RESENT: Final = 1
"""So often a message may be wanted again after silence."""

# The messages first, then the attempt of each: joined at once, SQLite's planner may choose to walk
# through all attempts there ever were.
_OVERDUE: Final = (
    select(
        outbox.c.id,
        outbox.c.person,
        outbox.c.epoch,
        outbox.c.looks,
        outbox.c.failed_looks,
        outbox.c.resent,
        outbox.c.look_at,
    )
    .where(in_state(MessageState.UNKNOWN), outbox.c.look_at <= bindparam("now"))
    .order_by(outbox.c.look_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .subquery("overdue")
)
_DUE: Final = (
    select(
        *(column for column in _OVERDUE.c if column.name != "look_at"),
        attempt.c.ref,
        attempt.c.begun_at,
        attempt.c.body,
        attempt.c.to_digest,
    )
    .select_from(_OVERDUE)
    .join(attempt, and_(attempt.c.outbox_id == _OVERDUE.c.id, attempt.c.epoch == _OVERDUE.c.epoch))
    .order_by(_OVERDUE.c.look_at)
)
_HOLD: Final = (
    update(outbox)
    .where(
        outbox.c.id == bindparam("this"),
        in_state(MessageState.UNKNOWN),
        outbox.c.look_at <= bindparam("now"),
    )
    .values(look_at=bindparam("new_look_at"))
)
_SAME_NUMBER: Final = select(
    attempt.c.outbox_id, attempt.c.provider_id, attempt.c.body, attempt.c.outcome
).where(
    attempt.c.to_digest == bindparam("digest"),
    attempt.c.ref != bindparam("ref"),
    or_(
        attempt.c.provider_id.is_not(None),
        attempt.c.outcome == "begun",
        attempt.c.outcome == "unknown",
    ),
)
_UNCHANGED: Final = and_(
    outbox.c.id == bindparam("this"),
    outbox.c.epoch == bindparam("in_epoch"),
    in_state(MessageState.UNKNOWN),
    outbox.c.look_at == bindparam("held_until"),
)
_LOOK_AGAIN: Final = (
    update(outbox)
    .where(_UNCHANGED)
    .values(
        look_at=bindparam("new_look_at"),
        looks=bindparam("new_looks"),
        failed_looks=bindparam("new_failed"),
    )
)
_WANT_AGAIN: Final = (
    update(outbox)
    .where(_UNCHANGED)
    .values(**RETURNED, look_at=None, looks=0, resent=outbox.c.resent + 1)
)
_TO_A_PERSON: Final = (
    update(outbox)
    .where(_UNCHANGED)
    .values(
        state="needs_person",
        reason=bindparam("new_reason"),
        look_at=None,
        settled_at=bindparam("at"),
    )
)


@dataclass(frozen=True, slots=True)
class Look:
    """One look-up to be made. `sought` is None where the number is not what it was: a person asks.

    The fence is the epoch, and `held_until`, to which the next look was put off meanwhile.
    """

    outbox_id: int
    epoch: int
    held_until: datetime
    attempt_ref: str
    looks: int
    failed_looks: int
    resent: int
    sought: Sought | None = field(repr=False)


def take(
    tx: Connection,
    *,
    now: datetime,
    limit: int,
    hold: timedelta,
    number_for: Callable[[Connection, str], str | None],
    digest_of: Callable[[Connection, str], str],
) -> list[Look]:
    """The look-ups that are due, held for the caller for so long."""
    taken: list[Look] = []
    for row in tx.execute(_DUE, {"now": now, "limit": limit}).all():
        held_until = now + hold
        held = tx.execute(_HOLD, {"this": row.id, "now": now, "new_look_at": held_until})
        if held.rowcount != 1:
            continue
        number = number_for(tx, row.person)
        same = number is not None and digest_of(tx, number) == row.to_digest
        taken.append(
            Look(
                outbox_id=row.id,
                epoch=row.epoch,
                held_until=held_until,
                attempt_ref=row.ref,
                looks=row.looks,
                failed_looks=row.failed_looks,
                resent=row.resent,
                sought=_sought(tx, row, number) if same and number is not None else None,
            )
        )
    return taken


def _sought(tx: Connection, row: Row[*tuple[Any, ...]], number: str) -> Sought:
    others = tx.execute(_SAME_NUMBER, {"digest": row.to_digest, "ref": row.ref}).all()
    return Sought(
        attempt_id=row.ref,
        begun_at=row.begun_at,
        to=number,
        body=row.body or "",
        known=frozenset(other.provider_id for other in others if other.provider_id),
        # An earlier attempt at the same message is no stranger: its trace proves the same.
        others=tuple(
            other.body or ""
            for other in others
            if other.provider_id is None and other.outbox_id != row.id
        ),
    )


def settle_look(
    tx: Connection, look: Look, found: Found, *, now: datetime, timing: Timing
) -> MessageState | None:
    """Write what a look-up showed; the state it led to, None if the message moved on without it."""
    if found.trace is Trace.FOUND and found.provider_id is not None:
        prove_attempt(tx, look.attempt_ref, found.provider_id, now=now)
        if found.status is not None:
            tell(tx, look.attempt_ref, found.status, found.code)
        return MessageState.ACCEPTED if prove(tx, look.outbox_id, Reason.FOUND, now=now) else None
    looks = look.looks + (found.trace is Trace.ABSENT)
    failed = look.failed_looks + (found.trace is Trace.FAILED)
    if found.trace is Trace.ABSENT and looks >= COMPLETE_LOOKS:
        if look.resent < MOST_RESENT:
            return _to(tx, _WANT_AGAIN, _fence(look), MessageState.WANTED)
        return _person(tx, look, Reason.MAY_HAVE_BEEN_SENT, now)
    if found.trace is Trace.FAILED and failed >= FAILED_LOOKS:
        return _person(tx, look, Reason.LOOK_UP_FAILED, now)
    if found.trace in (Trace.ABSENT, Trace.FAILED):
        counts = {"new_looks": looks, "new_failed": failed, "new_look_at": now + timing.look_after}
        return _to(tx, _LOOK_AGAIN, {**_fence(look), **counts}, MessageState.UNKNOWN)
    return _person(tx, look, Reason.TRACES_DIFFER, now)


def _person(tx: Connection, look: Look, reason: Reason, now: datetime) -> MessageState | None:
    values = {**_fence(look), "new_reason": reason.value, "at": now}
    return _to(tx, _TO_A_PERSON, values, MessageState.NEEDS_PERSON)


def _fence(look: Look) -> dict[str, Any]:
    return {"this": look.outbox_id, "in_epoch": look.epoch, "held_until": look.held_until}


def _to(
    tx: Connection, statement: Any, values: dict[str, Any], state: MessageState
) -> MessageState | None:
    return state if tx.execute(statement, values).rowcount == 1 else None

"""The worker's side of the outbox: claims, attempts, and what came of them.

`claim` takes due rows for one worker, `begin` notes an attempt before each call, `settle` writes
what came of it; `recover` and `hand_over` take care of what a stopped worker or a silent provider
left behind. Each is one short transaction of the caller's, and none is open while a sender is
called. The WHERE clause is the lock: whoever no longer holds a row by owner and epoch changes
nothing. Instants are aware, UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, exists, select, update

from notifications.message import Claimed, ClaimResult, MessageState
from notifications.reasons import Reason
from notifications.sender import Outcome, SendResult
from notifications.tables import FACTS, attempt, in_state, outbox

_CODE_LENGTH: Final = 60

_THIS: Final = outbox.c.id == bindparam("this")
_END_WANTED: Final = (
    update(outbox)
    .where(_THIS, in_state(MessageState.WANTED))
    .values(
        state=bindparam("new_state"), reason=bindparam("new_reason"), settled_at=bindparam("at")
    )
)

_DUE: Final = (
    select(*FACTS, outbox.c.epoch)
    .where(in_state(MessageState.WANTED), outbox.c.send_at <= bindparam("now"))
    .order_by(outbox.c.send_at, outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)  # SQLite has one writer at a time and leaves it out
)
_TAKE: Final = (
    update(outbox)
    .where(_THIS, in_state(MessageState.WANTED))
    .values(
        state="sending",
        owner=bindparam("new_owner"),
        epoch=bindparam("new_epoch"),
        lease_until=bindparam("new_lease"),
    )
)

_HELD: Final = and_(
    _THIS, outbox.c.owner == bindparam("by"), outbox.c.epoch == bindparam("in_epoch")
)
_RENEW: Final = (
    update(outbox)
    .where(_HELD, in_state(MessageState.SENDING), outbox.c.lease_until > bindparam("now"))
    .values(lease_until=bindparam("new_lease"))
)
_BEGIN: Final = attempt.insert()
_ANSWER: Final = (
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
_ENDED: Final[dict[str, Any]] = {
    "state": bindparam("new_state"),
    "reason": bindparam("new_reason"),
    "lease_until": None,
    "settled_at": bindparam("at"),
}
# An answer that comes after its lease is still the truth about this epoch's one attempt, and the
# best that can happen to a message nobody knew about; without an answer nothing is learned.
_SETTLE_KNOWN: Final = (
    update(outbox)
    .where(_HELD, in_state(MessageState.SENDING, MessageState.UNKNOWN, MessageState.NEEDS_PERSON))
    .values(**_ENDED)
)
_SETTLE_UNKNOWN: Final = (
    update(outbox).where(_HELD, in_state(MessageState.SENDING)).values(**_ENDED)
)
_RETURNED: Final = {"state": "wanted", "reason": None, "owner": None, "lease_until": None}
_GIVE_BACK: Final = update(outbox).where(_HELD, in_state(MessageState.SENDING)).values(**_RETURNED)

_LEFT: Final = and_(in_state(MessageState.SENDING), outbox.c.lease_until <= bindparam("now"))
_TRIED: Final = exists().where(
    attempt.c.outbox_id == outbox.c.id,
    attempt.c.epoch == outbox.c.epoch,
    attempt.c.outcome != "not_made",
)
_UNSENT_AGAIN: Final = update(outbox).where(_LEFT, ~_TRIED).values(**_RETURNED)
_TRIED_UNKNOWN: Final = (
    update(outbox)
    .where(_LEFT, _TRIED)
    .values(
        state="unknown",
        reason=Reason.WORKER_STOPPED.value,
        lease_until=None,
        settled_at=bindparam("now"),
    )
)
_HAND_OVER: Final = (
    update(outbox)
    .where(in_state(MessageState.UNKNOWN))
    .values(
        state="needs_person",
        reason=Reason.MAY_HAVE_BEEN_SENT.value,
        settled_at=bindparam("now"),
    )
)


def claim(
    tx: Connection,
    may_send: Callable[[Claimed], str | None],
    *,
    now: datetime,
    owner: str,
    limit: int,
    lease: timedelta,
) -> ClaimResult:
    """Take up to `limit` due messages for `owner`, for the time of `lease`; the caller commits.

    What is too late becomes `expired`. Of the rest `may_send` is asked in this transaction: None
    to send, or the `Reason` for which the message is cancelled (`unfit_text`: a person is needed).
    Rows another worker looks at right now are passed over.
    """
    claimed: list[Claimed] = []
    ended: list[dict[str, Any]] = []
    for row in tx.execute(_DUE, {"now": now, "limit": limit}).all():
        if row.expires_at <= now:
            ended.append(_end(row.id, MessageState.EXPIRED, Reason.TOO_LATE, now))
            continue
        candidate = _claimed(row, owner, now + lease)
        said = may_send(candidate)
        if said is None:
            claimed.append(candidate)
        else:
            ended.append(_end(row.id, _refusal_state(Reason(said)), Reason(said), now))
    if ended:
        tx.execute(_END_WANTED, ended)
    if claimed:
        tx.execute(
            _TAKE,
            [
                {
                    "this": taken.id,
                    "new_owner": owner,
                    "new_epoch": taken.epoch,
                    "new_lease": taken.lease_until,
                }
                for taken in claimed
            ],
        )
    states = [end["new_state"] for end in ended]
    return ClaimResult(
        claimed=tuple(claimed),
        expired=states.count("expired"),
        cancelled=states.count("cancelled"),
        needs_person=states.count("needs_person"),
    )


def begin(
    tx: Connection,
    claimed: Claimed,
    *,
    body: str,
    segments: int,
    template_version_id: int,
    now: datetime,
    lease: timedelta,
) -> str | None:
    """Note, before the call, that a call will be made; the lease runs anew from `now`.

    Returns the attempt's random reference, by which the provider's callbacks will know it, or
    None if the message is no longer the caller's: then nothing may be sent.
    """
    renewed = tx.execute(_RENEW, {**_fence(claimed), "now": now, "new_lease": now + lease})
    if renewed.rowcount != 1:
        return None
    ref = secrets.token_hex(16)
    tx.execute(
        _BEGIN,
        {
            "ref": ref,
            "outbox_id": claimed.id,
            "epoch": claimed.epoch,
            "owner": claimed.owner,
            "template_version_id": template_version_id,
            "body": body,
            "segments": segments,
            "begun_at": now,
        },
    )
    return ref


def settle(tx: Connection, claimed: Claimed, outcome: SendResult, *, now: datetime) -> bool:
    """Write what came of the one call of this claim; False if the message moved on without it.

    Fenced by owner and epoch. An answer that tells (accepted, refused) is taken even after the
    lease: it is about this very attempt. The attempt row keeps the answer in any case.
    """
    tx.execute(
        _ANSWER,
        {
            **_fence(claimed),
            "new_outcome": outcome.outcome.value,
            "at": now,
            "new_code": outcome.code and outcome.code[:_CODE_LENGTH],
            "new_provider_id": outcome.provider_id,
        },
    )
    state, reason = _SETTLED[outcome.outcome]
    statement = _SETTLE_UNKNOWN if outcome.outcome is Outcome.UNKNOWN else _SETTLE_KNOWN
    written = {"new_state": state.value, "new_reason": reason.value, "at": now}
    return tx.execute(statement, {**_fence(claimed), **written}).rowcount == 1


def give_back(tx: Connection, claimed: Claimed, *, now: datetime) -> bool:
    """The call was surely not made: the message is wanted again, at once. False if it was lost."""
    answer = {"new_outcome": "not_made", "at": now, "new_code": None, "new_provider_id": None}
    tx.execute(_ANSWER, {**_fence(claimed), **answer})
    return tx.execute(_GIVE_BACK, _fence(claimed)).rowcount == 1


def recover(tx: Connection, *, now: datetime) -> int:
    """Take care of messages whose lease has passed; returns how many became `unknown`.

    Without an attempt a message is surely unsent, and wanted again. With one nobody knows.
    """
    tx.execute(_UNSENT_AGAIN, {"now": now})
    return tx.execute(_TRIED_UNKNOWN, {"now": now}).rowcount


def hand_over(tx: Connection, *, now: datetime) -> int:
    """Every unknown message becomes a person's to decide; returns how many.

    Asking the provider first (two look-ups, then wanted again at most once) comes with the SMS
    provider itself; its columns `look_at`, `looks` and `resent` stand ready. Until then a message
    that may have gone is never sent again by itself.
    """
    return tx.execute(_HAND_OVER, {"now": now}).rowcount


_SETTLED: Final = {
    Outcome.ACCEPTED: (MessageState.ACCEPTED, Reason.TAKEN),
    Outcome.REFUSED: (MessageState.REFUSED, Reason.REFUSED),
    Outcome.UNKNOWN: (MessageState.UNKNOWN, Reason.NO_ANSWER),
}


def _refusal_state(reason: Reason) -> MessageState:
    if reason is Reason.UNFIT_TEXT:
        return MessageState.NEEDS_PERSON
    return MessageState.CANCELLED


def _end(row_id: int, state: MessageState, reason: Reason, now: datetime) -> dict[str, Any]:
    return {"this": row_id, "new_state": state.value, "new_reason": reason.value, "at": now}


def _fence(claimed: Claimed) -> dict[str, Any]:
    return {"this": claimed.id, "by": claimed.owner, "in_epoch": claimed.epoch}


def _claimed(row: Row[*tuple[Any, ...]], owner: str, lease_until: datetime) -> Claimed:
    return Claimed(
        id=row.id,
        about=row.about,
        subject=row.subject,
        person=row.person,
        rung=row.rung,
        send_at=row.send_at,
        expires_at=row.expires_at,
        starts_at=row.starts_at,
        template=row.template,
        language=row.language,
        owner=owner,
        epoch=row.epoch + 1,
        lease_until=lease_until,
    )

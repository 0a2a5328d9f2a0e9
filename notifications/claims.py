"""The worker's side of the outbox: claims and attempts.

`claim` takes due rows for one worker, `begin` notes an attempt before each call, `give_back` and
`recover` take care of what was not called after all, or of what a stopped worker left behind. Each
is one short transaction of the caller's, and none is open while a sender is called. The WHERE
clause is the lock: whoever no longer holds a row by owner and epoch changes nothing. What came of
a call is written by `notifications.settling`. Instants are aware, UTC.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, exists, or_, select, update

from core.statement import Prepared
from notifications.message import Claimed, ClaimResult, MessageState
from notifications.reasons import Reason
from notifications.tables import FACTS, attempt, in_state, outbox

_THIS: Final = outbox.c.id == bindparam("this")
_END_WANTED: Final = (
    update(outbox)
    .where(_THIS, in_state(MessageState.WANTED))
    .values(
        state=bindparam("new_state"), reason=bindparam("new_reason"), settled_at=bindparam("at")
    )
)

_DUE: Final = (
    select(*FACTS, outbox.c.epoch, outbox.c.tries)
    .where(
        in_state(MessageState.WANTED),
        outbox.c.send_at <= bindparam("now"),
        or_(
            outbox.c.wait_until.is_(None),
            outbox.c.wait_until <= bindparam("now"),
            outbox.c.expires_at <= bindparam("now"),
        ),
    )
    .order_by(outbox.c.send_at, outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)  # SQLite has one writer at a time and leaves it out
)
_TAKE: Final = Prepared(
    update(outbox)
    .where(_THIS, in_state(MessageState.WANTED))
    .values(
        state="sending",
        owner=bindparam("new_owner"),
        epoch=bindparam("new_epoch"),
        lease_until=bindparam("new_lease"),
        wait_until=None,
    )
)

HELD: Final = and_(
    _THIS, outbox.c.owner == bindparam("by"), outbox.c.epoch == bindparam("in_epoch")
)
"""The fence: this message, held by this worker since this claim."""

_RENEW: Final = Prepared(
    update(outbox)
    .where(HELD, in_state(MessageState.SENDING), outbox.c.lease_until > bindparam("now"))
    .values(lease_until=bindparam("new_lease"), tries=outbox.c.tries + 1)
)
_BEGIN: Final = Prepared(
    attempt.insert().values(
        {
            name: bindparam(name)
            for name in (
                "ref",
                "outbox_id",
                "epoch",
                "owner",
                "template_version_id",
                "to_digest",
                "body",
                "segments",
                "begun_at",
            )
        }
    )
)
_NOT_MADE: Final = (
    update(attempt)
    .where(
        attempt.c.outbox_id == bindparam("this"),
        attempt.c.epoch == bindparam("in_epoch"),
        attempt.c.owner == bindparam("by"),
        attempt.c.outcome == "begun",
    )
    .values(outcome="not_made", answered_at=bindparam("at"))
)
RETURNED: Final = {"state": "wanted", "reason": None, "owner": None, "lease_until": None}
"""What a message is when it is wanted again."""

_GIVE_BACK: Final = update(outbox).where(HELD, in_state(MessageState.SENDING)).values(**RETURNED)

_LEFT: Final = and_(in_state(MessageState.SENDING), outbox.c.lease_until <= bindparam("now"))
_TRIED: Final = exists().where(
    attempt.c.outbox_id == outbox.c.id,
    attempt.c.epoch == outbox.c.epoch,
    attempt.c.outcome != "not_made",
)
_UNSENT_AGAIN: Final = update(outbox).where(_LEFT, ~_TRIED).values(**RETURNED)
_TRIED_UNKNOWN: Final = (
    update(outbox)
    .where(_LEFT, _TRIED)
    .values(
        state="unknown",
        reason=Reason.WORKER_STOPPED.value,
        lease_until=None,
        look_at=bindparam("look_at"),
        looks=0,
        failed_looks=0,
        settled_at=bindparam("now"),
    )
)


@dataclass(frozen=True, slots=True)
class Written:
    """A claimed message as it will be sent: the text, and a keyed hash of the number."""

    claimed: Claimed
    to_digest: str
    template_version_id: int
    segments: int
    body: str = field(repr=False)


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
        _TAKE.run_each(
            tx,
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


def begin(tx: Connection, written: Written, *, now: datetime, lease: timedelta) -> str | None:
    """Note, before the call, that a call will be made; the lease runs anew from `now`.

    Returns the attempt's random reference, by which the provider's callbacks will know it, or
    None if the message is no longer the caller's: then nothing may be sent.
    """
    claimed = written.claimed
    if _RENEW.run(tx, {**fence(claimed), "now": now, "new_lease": now + lease}) != 1:
        return None
    ref = secrets.token_hex(16)
    _BEGIN.run(
        tx,
        {
            "ref": ref,
            "outbox_id": claimed.id,
            "epoch": claimed.epoch,
            "owner": claimed.owner,
            "template_version_id": written.template_version_id,
            "to_digest": written.to_digest,
            "body": written.body,
            "segments": written.segments,
            "begun_at": now,
        },
    )
    return ref


def give_back(tx: Connection, claimed: Claimed, *, now: datetime) -> bool:
    """The call was surely not made: the message is wanted again, at once. False if it was lost."""
    tx.execute(_NOT_MADE, {**fence(claimed), "at": now})
    return tx.execute(_GIVE_BACK, fence(claimed)).rowcount == 1


def recover(tx: Connection, *, now: datetime, look_after: timedelta) -> int:
    """Take care of messages whose lease has passed; returns how many became `unknown`.

    Without an attempt a message is surely unsent, and wanted again. With one nobody knows: the
    provider is asked after `look_after`.
    """
    tx.execute(_UNSENT_AGAIN, {"now": now})
    return tx.execute(_TRIED_UNKNOWN, {"now": now, "look_at": now + look_after}).rowcount


def fence(claimed: Claimed) -> dict[str, Any]:
    """The parameters of `HELD`."""
    return {"this": claimed.id, "by": claimed.owner, "in_epoch": claimed.epoch}


def _refusal_state(reason: Reason) -> MessageState:
    if reason is Reason.UNFIT_TEXT:
        return MessageState.NEEDS_PERSON
    return MessageState.CANCELLED


def _end(row_id: int, state: MessageState, reason: Reason, now: datetime) -> dict[str, Any]:
    return {"this": row_id, "new_state": state.value, "new_reason": reason.value, "at": now}


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
        tries=row.tries,
    )

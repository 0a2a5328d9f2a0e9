"""What the provider tells of an attempt by itself. Each telling counts once, in any order.

The address of a callback carries the attempt's random reference, so that it proves that the
provider took the message, even before the call was answered or long after it was given up. The
caller has checked the signature. Instants are aware, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from notifications import opt_outs, twilio_codes
from notifications.delivered import FAILED, STATUSES, tell
from notifications.reasons import Reason
from notifications.settling import CODE_LENGTH, prove, prove_attempt
from notifications.tables import attempt, callback

_ID_LENGTH: Final = 64
_ATTEMPT: Final = select(attempt.c.id, attempt.c.outbox_id, attempt.c.to_digest).where(
    attempt.c.ref == bindparam("ref")
)
_ADD: Final = {
    "sqlite": sqlite.insert(callback)
    .on_conflict_do_nothing(index_elements=["digest"])
    .returning(callback.c.id),
    "postgresql": postgresql.insert(callback)
    .on_conflict_do_nothing(index_elements=["digest"])
    .returning(callback.c.id),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One status callback: about which attempt, the provider's id, status and error code."""

    attempt_ref: str
    provider_id: str
    status: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a callback came to. `known`: an attempt of ours; `news`: it was told the first time.

    `failed_number` is the keyed hash of a number that is no use for good, with the reason.
    """

    known: bool
    news: bool = False
    failed_number: tuple[str, Reason] | None = None


def hear(tx: Connection, told: Told, *, now: datetime) -> Heard:
    """Take in one status callback. What is no status of a message changes nothing."""
    row = tx.execute(_ATTEMPT, {"ref": told.attempt_ref}).one_or_none()
    if row is None:
        return Heard(known=False)
    status = STATUSES.get(told.status)
    if status is None or not told.provider_id:
        return Heard(known=True)
    signed = "\n".join((told.attempt_ref, told.provider_id, told.status, told.code or ""))
    added = tx.execute(
        _ADD[tx.dialect.name],
        {
            "attempt_id": row.id,
            "provider_id": told.provider_id[:_ID_LENGTH],
            "status": status,
            "code": told.code and told.code[:CODE_LENGTH],
            "received_at": now,
            "digest": sha256(signed.encode()).hexdigest(),
        },
    )
    if added.first() is None:
        return Heard(known=True)
    prove_attempt(tx, told.attempt_ref, told.provider_id[:_ID_LENGTH], now=now)
    prove(tx, row.outbox_id, Reason.CALLED_BACK, now=now)
    tell(tx, told.attempt_ref, told.status, told.code)
    return Heard(known=True, news=True, failed_number=_failed(tx, row.to_digest, told, now))


def _failed(
    tx: Connection, digest: str | None, told: Told, now: datetime
) -> tuple[str, Reason] | None:
    code = twilio_codes.number(told.code)
    if digest is None or code is None or STATUSES[told.status] not in FAILED:
        return None
    if code == twilio_codes.OPTED_OUT:
        opt_outs.stop(tx, digest, source="provider", now=now)
        return None
    reason = twilio_codes.NUMBER_FAILED.get(code)
    return (digest, reason) if reason is not None else None

"""Requests that may be sent again: the first answer under a key, kept in the same transaction.

The key is claimed before the verb runs and the answer written after it, so that an answer stands
here if and only if what it tells of was done. A second request with the key waits for the first
(Postgres: at the unique key; SQLite has one writer anyway) and gets its answer. Nothing is kept of
a refusal: it changed nothing, and asking again is asking anew.

What was asked is kept as a keyed hash, the answer sealed: neither can be read in the database.
What has expired is deleted by the retention (`cases.retention`).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cases.tables import idempotency
from cases.vault import digest, ring_of
from core.crypto import decrypt, encrypt
from core.errors import Conflict
from core.statement import Prepared

KEPT_FOR: Final = timedelta(hours=24)
"""How long an answer can be asked for again."""

LONGEST_KEY: Final = 120
"""Characters of a key."""

# Forms of pages keep their keys in the same table, with answers of another form.
_OURS: Final = "api:"

_ASKED: Final = "idempotency"
_UNFINISHED: Final = 0
_COLUMNS: Final = [column.name for column in idempotency.columns]
_THIS: Final = (
    idempotency.c.actor == bindparam("b_actor"),
    idempotency.c.key == bindparam("b_key"),
)
_CLAIM: Final = {
    "sqlite": Prepared(sqlite.insert(idempotency).on_conflict_do_nothing(), columns=_COLUMNS),
    "postgresql": Prepared(
        postgresql.insert(idempotency).on_conflict_do_nothing(), columns=_COLUMNS
    ),
}
_FOUND: Final = Prepared(
    select(
        idempotency.c.request_hash,
        idempotency.c.status,
        idempotency.c.result_ref,
        idempotency.c.expires_at,
    ).where(*_THIS)
)
_FORGET: Final = Prepared(
    delete(idempotency).where(
        *_THIS, idempotency.c.expires_at <= bindparam("b_now", type_=idempotency.c.expires_at.type)
    )
)
_KEEP: Final = Prepared(
    update(idempotency)
    .where(*_THIS)
    .values(status=bindparam("b_status"), result_ref=bindparam("b_result"))
)


class KeyReused(Conflict):
    """The key was used for another request."""

    message_key = "error.key_reused"
    status = 422


@dataclass(frozen=True, slots=True)
class Request:
    """One request under a key: who asks, with which key, and what for (as one text of JSON)."""

    actor: str
    key: str
    asks: str

    @property
    def kept_as(self) -> str:
        """The key as it is stored."""
        return _OURS + self.key


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: a status and the body as it went out."""

    status: int
    body: bytes


def first(tx: Connection, request: Request, *, now: datetime) -> Answer | None:
    """The first answer to this request, None if there is none yet; takes nothing.

    Raises `KeyReused` for a key that stands for another request.
    """
    found = _FOUND.row(tx, {"b_actor": request.actor, "b_key": request.kept_as})
    if found is None or found[3] <= now:
        return None
    request_hash, status, sealed, _ = found
    if request_hash != _hash(tx, request):
        raise KeyReused(
            "This Idempotency-Key was used for another request: take a new key for a new one."
        )
    return Answer(status, _opened(tx, request, sealed))


def claim(tx: Connection, request: Request, *, now: datetime) -> Answer | None:
    """Take the key for this request; the first answer if it was answered before.

    Raises `KeyReused` for a key that stands for another request.
    """
    row = {
        "actor": request.actor,
        "key": request.kept_as,
        "request_hash": _hash(tx, request),
        "status": _UNFINISHED,
        "result_ref": "",
        "expires_at": now + KEPT_FOR,
    }
    taking = _CLAIM[tx.dialect.name]
    while not taking.run(tx, row):
        answered = first(tx, request, now=now)
        if answered is not None:
            return answered
        # It has expired. Another request may find that at the same moment: whoever takes the key
        # then is the first, and what it has answered is not forgotten with the old one.
        _FORGET.run(tx, {"b_actor": request.actor, "b_key": request.kept_as, "b_now": now})
    return None


def keep(tx: Connection, request: Request, answer: Answer) -> None:
    """Write the answer under the key that `claim` took in this transaction."""
    _KEEP.run(
        tx,
        {
            "b_actor": request.actor,
            "b_key": request.kept_as,
            "b_status": answer.status,
            "b_result": _sealed(tx, request, answer.body),
        },
    )


def _hash(tx: Connection, request: Request) -> str:
    return digest(tx, _ASKED, request.asks)


def _sealed(tx: Connection, request: Request, body: bytes) -> str:
    key = ring_of(tx).master
    sealed = encrypt(key.secret, body, aad=_aad(request))
    return f"{key.id}:{base64.b64encode(sealed).decode('ascii')}"


def _opened(tx: Connection, request: Request, sealed: str) -> bytes:
    key_id, _, text = sealed.partition(":")
    return decrypt(ring_of(tx).key(key_id).secret, base64.b64decode(text), aad=_aad(request))


def _aad(request: Request) -> bytes:
    return json.dumps([_ASKED, request.actor, request.key]).encode()

"""A form counts once, however often it is sent: double click, back button, a reload.

Every form carries a key made for it. The first sending and what came of it are written in the same
transaction as the change itself; whoever sends the key again gets the first answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.responses import RedirectResponse, Response

from cases.tables import idempotency
from web.pages.visit import ONCE, Visit

KEPT: Final = timedelta(hours=24)
_SEE_OTHER: Final = 303

_KNOWN: Final = select(idempotency.c.result_ref).where(
    idempotency.c.actor == bindparam("actor"), idempotency.c.key == bindparam("key")
)
_KEEP: Final = insert(idempotency)


def once(visit: Visit, verb: Callable[[Connection], str]) -> Response:
    """Do what a form asks for, or, if it was done already, show what came of it.

    `verb` gets the transaction and returns the address to look at next.
    """
    sent = visit.typed(ONCE)
    pairs = sorted(
        (name, value) for name, value in visit.form.multi_items() if isinstance(value, str)
    )
    said = sha256(repr((visit.request.url.path, pairs)).encode()).hexdigest()
    # One page has many buttons and one key: what was pressed is part of it.
    key = f"page:{sent}:{said[:32]}"
    asked = {"actor": visit.viewer.account, "key": key}

    def do(tx: Connection) -> str:
        known = tx.execute(_KNOWN, asked).scalar_one_or_none() if sent else None
        if known is not None:
            return str(known)
        next_page = verb(tx)
        if sent:
            kept = {
                "request_hash": said,
                "status": _SEE_OTHER,
                "result_ref": next_page,
                "expires_at": visit.house.real_clock() + KEPT,
            }
            tx.execute(_KEEP, asked | kept)
        return next_page

    try:
        next_page = visit.house.db.transact(do)
    except IntegrityError:
        # The same form at the same moment: the other one was first, and all of ours is undone.
        next_page = visit.house.db.transact(do)
    return RedirectResponse(next_page, _SEE_OTHER)

"""Numbers that want nothing from us, as keyed hashes: whoever has the number, it stays quiet."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.statement import Prepared
from notifications.tables import opt_out

_STOPPED: Final = Prepared(
    select(opt_out.c.id).where(
        opt_out.c.digest == bindparam("digest"),
        or_(opt_out.c.started_at.is_(None), opt_out.c.started_at < opt_out.c.stopped_at),
    )
)
_ADD: Final = {
    "sqlite": sqlite.insert(opt_out)
    .on_conflict_do_nothing(index_elements=["digest"])
    .returning(opt_out.c.id),
    "postgresql": postgresql.insert(opt_out)
    .on_conflict_do_nothing(index_elements=["digest"])
    .returning(opt_out.c.id),
}
_STOP_AGAIN: Final = (
    update(opt_out)
    .where(opt_out.c.digest == bindparam("b_digest"), opt_out.c.started_at.is_not(None))
    .values(source=bindparam("b_source"), stopped_at=bindparam("b_at"), started_at=None)
)
_START: Final = (
    update(opt_out)
    .where(opt_out.c.digest == bindparam("b_digest"), opt_out.c.started_at.is_(None))
    .values(started_at=bindparam("b_at"))
)

Source = Literal["inbound", "provider", "staff"]


def stopped(tx: Connection, digest: str) -> bool:
    """Whether this number wants nothing from us."""
    return _STOPPED.row(tx, {"digest": digest}) is not None


def stop(tx: Connection, digest: str, *, source: Source, now: datetime) -> bool:
    """Send nothing to this number from now on; False if that was so already."""
    again = tx.execute(_STOP_AGAIN, {"b_digest": digest, "b_source": source, "b_at": now})
    if again.rowcount == 1:
        return True
    new = {"digest": digest, "source": source, "stopped_at": now}
    return tx.execute(_ADD[tx.dialect.name], new).first() is not None


def start(tx: Connection, digest: str, *, now: datetime) -> bool:
    """Messages may go to this number again; False if nothing stood against it."""
    return tx.execute(_START, {"b_digest": digest, "b_at": now}).rowcount == 1

"""Taking out what messages still tell of somebody who is erased: texts, and hashes of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from core.listed import one_of
from core.statement import Prepared
from notifications.tables import attempt, outbox

_TEXTS: Final = Prepared(
    update(attempt)
    .where(attempt.c.outbox_id.in_(select(outbox.c.id).where(one_of(outbox.c.subject, "subjects"))))
    .values(body=None, to_digest=None, erased_at=bindparam("b_at"))
)


def forget_texts(tx: Connection, subjects: Sequence[str], *, now: datetime) -> int:
    """Erase the texts of every attempt about these subjects; how many attempts."""
    return _TEXTS.run(tx, {"subjects": list(subjects), "b_at": now})

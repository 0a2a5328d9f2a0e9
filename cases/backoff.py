"""A case that raises waits by itself, so that the sweep goes on for everybody else.

What a case did before it raised is taken back, a row in `backoff` says until when it is left alone,
and the queries for what is due pass over it. It is tried again after a minute, two, four, … and at
least once an hour; the first time that it succeeds its row goes. A database that does not answer
is nobody's fault: that is raised, and the whole sweep comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from cases.tables import backoff, case_
from core.errors import Busy
from core.listed import one_of
from core.statement import Prepared

FIRST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(hours=1)
"""How long a case is left alone at first, and at most: somebody waits for what it should tell."""

_MOST_DOUBLED: Final = 16
_LONGEST_NAME: Final = 64

_log: Final = logging.getLogger(__name__)
_UNTIL: Final = backoff.c.until_at
_TRIES: Final = select(backoff.c.tries).where(backoff.c.case_id == bindparam("of_case"))
_REF: Final = select(case_.c.ref).where(case_.c.id == bindparam("of_case"))
_FIRST_TIME: Final = insert(backoff)
_AGAIN: Final = (
    update(backoff)
    .where(backoff.c.case_id == bindparam("of_case"))
    .values(
        tries=bindparam("new_tries"), until_at=bindparam("new_until"), error=bindparam("new_error")
    )
)
_DONE: Final = Prepared(delete(backoff).where(one_of(backoff.c.case_id, "done")))


def is_not_put_off(case_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a case may be tried; bind `binds(now)` beside it.

    A time further off than any waiting was set by a clock that has gone back since.
    """
    waiting = select(backoff.c.case_id).where(
        bindparam("put_off_from", type_=_UNTIL.type) < _UNTIL,
        bindparam("put_off_to", type_=_UNTIL.type) >= _UNTIL,
    )
    return case_id.not_in(waiting)


def binds(now: datetime) -> dict[str, datetime]:
    """The values that `is_not_put_off` leaves to be bound."""
    return {"put_off_from": now, "put_off_to": now + LONGEST}


def apart(tx: Connection, case_id: int, act: Callable[[], None], *, now: datetime) -> bool:
    """Do something for one case; False if it raised, is taken back and the case is put off."""
    try:
        with tx.begin_nested():
            act()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others must not wait for it
        put_off(tx, case_id, error, now=now)
        return False
    return True


def put_off(tx: Connection, case_id: int, error: Exception, *, now: datetime) -> None:
    """Leave a case alone for a while. Raises `error` again where it is not the case's own fault."""
    if isinstance(error, (Busy, OperationalError, InterfaceError, InternalError)):
        raise error
    tried = tx.execute(_TRIES, {"of_case": case_id}).scalar_one_or_none() or 0
    until_at = now + min(FIRST * 2 ** min(tried, _MOST_DOUBLED), LONGEST)
    kind = type(error).__name__[:_LONGEST_NAME]
    if tried:
        tx.execute(
            _AGAIN,
            {
                "of_case": case_id,
                "new_tries": tried + 1,
                "new_until": until_at,
                "new_error": kind,
            },
        )
    else:
        tx.execute(
            _FIRST_TIME, {"case_id": case_id, "tries": 1, "until_at": until_at, "error": kind}
        )
    ref = tx.execute(_REF, {"of_case": case_id}).scalar_one_or_none()
    _log.error(
        "a case was put off",
        exc_info=(type(error), error, error.__traceback__),
        extra={"ref": ref, "count": tried + 1, "error": kind},
    )


def succeeded(tx: Connection, case_ids: Iterable[int]) -> None:
    """These cases were done: what was noted against them goes."""
    done = sorted(set(case_ids))
    if done:
        _DONE.run(tx, {"done": done})

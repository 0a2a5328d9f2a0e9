"""Numbers of persons: those that fail for good, those that several share, and their end.

A number is found by its keyed hash. One that fails, or whose holder says "feil nummer", gets no
more messages; the coordinator of every open case of its persons is told (`phone_invalid`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update

from cases import accounts, queries, sweep
from cases.access import SYSTEM
from cases.ladder import Rung
from cases.model import Case, Phase, Role
from cases.tables import appointment, case_, person, phone
from cases.wanted import wanted
from core.clock import local_date
from notifications import outbox
from notifications.reasons import Reason

PHONE_INVALID: Final = "phone_invalid"
KEPT_AFTER: Final = timedelta(days=30)
"""So long after the last appointment a number is kept."""

_STATES: Final = {Reason.WRONG_NUMBER: "wrong_person"}

_PERSONS: Final = (
    select(person.c.ref)
    .join(phone, phone.c.person_id == person.c.id)
    .where(phone.c.digest == bindparam("digest"), phone.c.state == "usable")
    .order_by(person.c.ref)
)
_FAIL: Final = (
    update(phone)
    .where(phone.c.digest == bindparam("b_digest"), phone.c.state == "usable")
    .values(state=bindparam("b_state"))
)
_OPEN_CASES: Final = (
    select(case_.c.ref)
    .join(person, person.c.id == case_.c.person_id)
    .where(person.c.ref == bindparam("person"), case_.c.phase != Phase.CLOSED.value)
    .order_by(case_.c.ref)
)
_SHARED: Final = (
    select(func.count())
    .select_from(phone)
    .where(
        phone.c.digest
        == select(phone.c.digest)
        .join(person, person.c.id == phone.c.person_id)
        .where(person.c.ref == bindparam("person"))
        .scalar_subquery()
    )
)
_OF_PERSON: Final = case_.c.person_id == phone.c.person_id
_OUTLIVED: Final = delete(phone).where(
    phone.c.recorded_at <= bindparam("before"),
    # While a case is open an appointment may still be made.
    ~exists().where(_OF_PERSON, case_.c.phase != Phase.CLOSED.value),
    ~exists().where(
        _OF_PERSON,
        appointment.c.case_id == case_.c.id,
        appointment.c.starts_at > bindparam("before"),
    ),
    # Where there never was an appointment, the closing counts.
    or_(
        exists().where(_OF_PERSON, appointment.c.case_id == case_.c.id),
        ~exists().where(_OF_PERSON, case_.c.closed_at > bindparam("before")),
    ),
)


def failed(tx: Connection, digest: str, reason: Reason, now: datetime) -> int:
    """A number is no use: nothing more goes to it, and coordinators hear; how many persons had it.

    What waits for it is cancelled with `reason`.
    """
    persons = list(tx.execute(_PERSONS, {"digest": digest}).scalars())
    if not persons:
        return 0
    tx.execute(_FAIL, {"b_digest": digest, "b_state": _STATES.get(reason, "failed")})
    staffed = accounts.staffed_roles(tx, on=local_date(now))
    for ref in persons:
        for case_ref in tx.execute(_OPEN_CASES, {"person": ref}).scalars().all():
            case = queries.case_by_ref(tx, SYSTEM, case_ref)
            outbox.sync(tx, case.ref, wanted(case), now=now, why=reason)
            sweep.tell(tx, case, _rung(now), staffed, now=now)
    return len(persons)


def shared_by(tx: Connection, ref: str) -> int:
    """How many persons have the number of this one, the person included; 0 without a number."""
    return int(tx.execute(_SHARED, {"person": ref}).scalar_one())


def forget_outlived(tx: Connection, *, now: datetime) -> int:
    """Delete the numbers of released persons 30 days after their last appointment; how many."""
    values: dict[str, Any] = {"before": now - KEPT_AFTER}
    return tx.execute(_OUTLIVED, values).rowcount


def _rung(now: datetime) -> Rung:
    return Rung(task="", rung=PHONE_INVALID, at=now, due_at=None, to_role=Role.COORDINATOR)


def is_shared(tx: Connection, case: Case) -> bool:
    """Whether somebody else has the same number: who reads a message may be another."""
    return shared_by(tx, case.person) > 1

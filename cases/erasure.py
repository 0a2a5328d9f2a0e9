"""Erasing a person: the key is destroyed, and with it everything that was sealed with it.

Counts, events and log chains stay whole: they hold references only. The row in `erasure` is
committed first and the key destroyed after it; whatever is cut short between the two is finished by
`finish`, which retention and every restore run. The key store remembers whom it forgot, so that no
backup of either database brings anybody back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from cases import people, vault
from cases.access import Viewer
from cases.inmate_no import normal_inmate_no
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.tables import case_, erasure, person, person_identifier, phone, roster_said
from core.db import Database
from core.errors import BadInput, NotFound, Refused
from core.keystore import KeyStore
from core.listed import one_of
from core.statement import Prepared
from notifications.forgetting import forget_texts

VERB: Final = "person_erased"
REASONS: Final = ("retention", "request", "registered_in_error", "restored")
"""Why a person is erased; `restored`: had been erased before a backup was put back."""

_PERSON: Final = select(person.c.id, person.c.erased_at).where(
    person.c.ref == bindparam("of_person")
)
_CASES: Final = (
    select(case_.c.id, case_.c.ref, case_.c.unit, case_.c.phase)
    .where(case_.c.person_id == bindparam("person_id"))
    .order_by(case_.c.id)
)
_BY_NUMBER: Final = (
    select(person.c.ref)
    .join(person_identifier, person_identifier.c.person_id == person.c.id)
    .where(
        person_identifier.c.kind == people.INMATE_NO,
        person_identifier.c.digest == bindparam("of_digest"),
    )
)
_ANONYMOUS: Final = (
    update(person)
    .where(person.c.id == bindparam("b_id"))
    .values(identity_enc=None, erased_at=bindparam("b_at"))
)
_ERASED: Final = select(erasure.c.person_ref).distinct()
_SAID: Final = Prepared(delete(roster_said).where(one_of(roster_said.c.case_id, "ids")))


def person_of(tx: Connection, inmate_no: str) -> str:
    """The reference of whoever has that inmate number. Raises `NotFound`."""
    digest = vault.digest(tx, people.INMATE_NO, normal_inmate_no(inmate_no))
    ref = tx.execute(_BY_NUMBER, {"of_digest": digest}).scalar_one_or_none()
    if ref is None:
        raise NotFound("Nobody with that inmate number is held here.")
    return str(ref)


def erase(
    db: Database, keys: KeyStore, viewer: Viewer, ref: str, reason: str, *, now: datetime
) -> None:
    """Erase a person. Raises `NotFound`, `BadInput`, and `Refused` while a case is open."""
    db.transact(lambda tx: erase_rows(tx, viewer, ref, reason, now=now))
    keys.destroy(ref, now=now)


def erase_rows(tx: Connection, viewer: Viewer, ref: str, reason: str, *, now: datetime) -> None:
    """The part of `erase` that stands in the domain's database; the key is still to be destroyed.

    Somebody erased already stays so, and nothing is written twice.
    """
    if reason not in REASONS:
        raise BadInput("unknown_code", f"reason must be one of {', '.join(REASONS)}", "reason")
    found = tx.execute(_PERSON, {"of_person": ref}).one_or_none()
    if found is None:
        raise NotFound("There is no person with that reference.")
    if found.erased_at is not None:
        return
    cases = tx.execute(_CASES, {"person_id": found.id}).all()
    # Who was erased before a backup was put back stays erased, whatever the backup says of a case.
    if reason != "restored" and any(each.phase != "closed" for each in cases):
        raise Refused(
            "The person has an open case: close it first. Without a name nobody can be helped."
        )
    tx.execute(_ANONYMOUS, {"b_id": found.id, "b_at": now})
    for table in (person_identifier, phone):
        tx.execute(delete(table).where(table.c.person_id == found.id))
    if cases:
        _SAID.run(tx, {"ids": [each.id for each in cases]})
        forget_texts(tx, [each.ref for each in cases], now=now)
    tx.execute(
        insert(erasure), {"person_ref": ref, "at": now, "by": viewer.account, "reason": reason}
    )
    who: dict[str, Any] = {"actor": viewer.account, "role": viewer.role.value, "verb": VERB}
    rows = [AccessRow(each.unit, now, case_ref=each.ref, **who) for each in cases]
    append(tx, rows or [AccessRow(SYSTEM_SCOPE, now, **who)], now=now)


def finish(
    db: Database, keys: KeyStore, viewer: Viewer, *, now: datetime, also: Iterable[str] = ()
) -> int:
    """Make both databases agree on who is erased; `also` names further ones. How many persons.

    Keys of erased persons are destroyed, and persons whose key was destroyed are erased.
    """
    with db.read() as tx:
        recorded = set(tx.execute(_ERASED).scalars())
        held = set(tx.execute(select(person.c.ref).where(person.c.erased_at.is_(None))).scalars())
    gone = keys.destroyed() | set(also)
    rows = (recorded | gone) & held
    for ref in sorted(rows):
        db.transact(lambda tx, ref=ref: erase_rows(tx, viewer, ref, "restored", now=now))  # type: ignore[misc]
    kept = (recorded | gone) & set(keys.pseudonyms())
    for ref in sorted(kept):
        keys.destroy(ref, now=now)
    return len(rows | kept)

"""Persons: registered, changed, found. Identity is sealed; look-ups go through keyed hashes.

A person is counted (indicators I1, I2) by the identity number's hash, else by the inmate number.
`counted_as` carries that without a hash in any event: it is the reference of the first person met
with the same identity number, else the person's own. Two such persons are not merged by it; a
person decides that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from cases import vault
from cases.inmate_no import normal_inmate_no
from cases.likeness import likeness
from cases.model import Protection
from cases.tables import person, person_identifier, phone
from cases.vault import Identity
from core.crypto import new_pseudonym
from core.listed import one_of
from core.statement import Prepared

INMATE_NO: Final = "inmate_no"
NATIONAL_ID: Final = "national_id"


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A person to be registered; `phone` in E.164."""

    identity: Identity
    language: str = "nb"
    protection: Protection = Protection.UNGRADED
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A person as the rest of the house knows one: references only."""

    ref: str
    counted_as: str


_INSERT_PERSON: Final = Prepared(
    insert(person).values(
        {
            name: bindparam(name)
            for name in ("ref", "identity_enc", "language", "protection", "counted_as", "made_at")
        }
    )
)
_PERSON_ID: Final = select(person.c.id).where(person.c.ref == bindparam("person")).scalar_subquery()
_INSERT_IDENTIFIER: Final = Prepared(
    insert(person_identifier).values(
        person_id=_PERSON_ID,
        kind=bindparam("kind"),
        digest=bindparam("digest"),
        recorded_at=bindparam("recorded_at"),
    )
)
_INSERT_PHONE: Final = Prepared(
    insert(phone).values(
        person_id=_PERSON_ID,
        digest=bindparam("digest"),
        number_enc=bindparam("number_enc"),
        state="usable",
        recorded_at=bindparam("recorded_at"),
    )
)
_SAME_IDENTITY: Final = Prepared(
    select(person_identifier.c.digest, person.c.counted_as)
    .join(person, person.c.id == person_identifier.c.person_id)
    .where(
        person_identifier.c.kind == NATIONAL_ID,
        one_of(person_identifier.c.digest, "digests"),
    )
    .order_by(person.c.id.desc())
)
_HAS_IDENTIFIER: Final = (
    select(person_identifier.c.id)
    .join(person, person.c.id == person_identifier.c.person_id)
    .where(
        person.c.ref == bindparam("person"),
        person_identifier.c.kind == bindparam("kind"),
        person_identifier.c.digest == bindparam("digest"),
    )
)
_SEALED: Final = select(person.c.ref, person.c.identity_enc).where(
    person.c.ref.in_(bindparam("refs", expanding=True))
)
_CHANGE_PERSON: Final = (
    update(person)
    .where(person.c.ref == bindparam("b_ref"))
    .values(
        identity_enc=bindparam("b_identity_enc"),
        language=bindparam("b_language"),
        protection=bindparam("b_protection"),
        counted_as=bindparam("b_counted_as"),
    )
)
# Locked on Postgres: what is not said anew is written as it was read, and must not undo what
# somebody else said meanwhile, an address protection least of all.
_PERSON: Final = (
    select(
        person.c.ref,
        person.c.identity_enc,
        person.c.language,
        person.c.protection,
        person.c.counted_as,
    )
    .where(person.c.ref == bindparam("person"))
    .with_for_update()
)
_PHONE: Final = (
    select(phone.c.number_enc, phone.c.state, phone.c.digest)
    .join(person, person.c.id == phone.c.person_id)
    .where(person.c.ref == bindparam("person"))
)
_CHANGE_PHONE: Final = (
    update(phone)
    .where(phone.c.person_id == _PERSON_ID)
    .values(
        digest=bindparam("b_digest"),
        number_enc=bindparam("b_number_enc"),
        state="usable",
        recorded_at=bindparam("b_recorded_at"),
    )
)


def register(tx: Connection, new: NewPerson, *, now: datetime) -> Registered:
    """Register one person."""
    return register_many(tx, [new], now=now)[0]


def register_many(
    tx: Connection, people: Sequence[NewPerson], *, now: datetime
) -> list[Registered]:
    """Register persons, in order. Their keys are committed in the key store before this commits."""
    if not people:
        return []
    refs = [new_pseudonym() for _ in people]
    vault.make_keys(tx, refs, now=now)
    digests = [
        vault.digest(tx, NATIONAL_ID, new.identity.national_id)
        if new.identity.national_id
        else None
        for new in people
    ]
    counted = _counted_as(tx, [d for d in digests if d is not None])
    rows: list[dict[str, Any]] = []
    identifiers: list[dict[str, Any]] = []
    phones: list[dict[str, Any]] = []
    registered: list[Registered] = []
    for ref, new, digest in zip(refs, people, digests, strict=True):
        counted_as = ref if digest is None else counted.setdefault(digest, ref)
        registered.append(Registered(ref, counted_as))
        rows.append(
            {
                "ref": ref,
                "identity_enc": vault.seal(
                    tx, ref, vault.IDENTITY, vault.identity_fields(new.identity)
                ),
                "language": new.language,
                "protection": new.protection.value,
                "counted_as": counted_as,
                "made_at": now,
            }
        )
        inmate_no = vault.digest(tx, INMATE_NO, normal_inmate_no(new.identity.inmate_no))
        identifiers.append(_identifier(ref, INMATE_NO, inmate_no, now))
        if digest is not None:
            identifiers.append(_identifier(ref, NATIONAL_ID, digest, now))
        identifiers += [
            _identifier(ref, kind, alike, now)
            for kind, alike in likeness(tx, new.identity, new.phone).items()
        ]
        if new.phone is not None:
            phones.append(
                {
                    "person": ref,
                    "digest": vault.digest(tx, "phone", new.phone),
                    "number_enc": vault.seal(tx, ref, vault.PHONE, {"number": new.phone}),
                    "recorded_at": now,
                }
            )
    _INSERT_PERSON.run_each(tx, rows)
    _INSERT_IDENTIFIER.run_each(tx, identifiers)
    if phones:
        _INSERT_PHONE.run_each(tx, phones)
    return registered


def counted_as(tx: Connection, national_id: str) -> str | None:
    """How somebody with this identity number is counted, or None where nobody has it yet."""
    digest = vault.digest(tx, NATIONAL_ID, national_id)
    return _counted_as(tx, [digest]).get(digest)


def _note_alike(
    tx: Connection, ref: str, identity: Identity, number: str | None, now: datetime
) -> None:
    """Earlier names and numbers stay beside the new ones: a changed name is found by both."""
    for kind, digest in likeness(tx, identity, number).items():
        known = tx.execute(_HAS_IDENTIFIER, {"person": ref, "kind": kind, "digest": digest})
        if known.first() is None:
            _INSERT_IDENTIFIER.run(tx, _identifier(ref, kind, digest, now))


def _identifier(ref: str, kind: str, digest: str, now: datetime) -> dict[str, Any]:
    return {"person": ref, "kind": kind, "digest": digest, "recorded_at": now}


def _counted_as(tx: Connection, digests: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    # Newest first, so that the oldest person met with the number stays in the dictionary.
    return dict(_SAME_IDENTITY.rows(tx, {"digests": wanted}))


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What a roster or a member of staff says anew; None leaves a thing as it is."""

    first_name: str | None = None
    last_name: str | None = None
    born_on: Any = None
    national_id: str | None = None
    language: str | None = None
    protection: Protection | None = None
    phone: str | None = None


def change(tx: Connection, ref: str, said: PersonChange, *, now: datetime) -> Registered:
    """Write what is said anew about a person; returns how the person is counted from now on."""
    row = tx.execute(_PERSON, {"person": ref}).one()
    identity = identity_of(tx, ref)
    counted_as: str = row.counted_as
    if identity is not None:
        identity = after_change(identity, said)
        if said.national_id is not None:
            counted_as = _note_national_id(tx, ref, said.national_id, counted_as, now)
        tx.execute(
            _CHANGE_PERSON,
            {
                "b_ref": ref,
                "b_identity_enc": vault.seal(
                    tx, ref, vault.IDENTITY, vault.identity_fields(identity)
                ),
                "b_language": said.language or row.language,
                "b_protection": (said.protection or Protection(row.protection)).value,
                "b_counted_as": counted_as,
            },
        )
        if said.phone is not None:
            _set_phone(tx, ref, said.phone, now)
        if any((said.first_name, said.last_name, said.born_on, said.phone)):
            number = said.phone or (number_for(tx, ref) if said.born_on else None)
            _note_alike(tx, ref, identity, number, now)
    return Registered(ref, counted_as)


def after_change(identity: Identity, said: PersonChange) -> Identity:
    """Who a person is once what is said anew is written."""
    return Identity(
        inmate_no=identity.inmate_no,
        first_name=said.first_name or identity.first_name,
        last_name=said.last_name or identity.last_name,
        born_on=said.born_on or identity.born_on,
        national_id=said.national_id or identity.national_id,
    )


def _note_national_id(tx: Connection, ref: str, number: str, counted_as: str, now: datetime) -> str:
    digest = vault.digest(tx, NATIONAL_ID, number)
    same = _counted_as(tx, [digest])
    known = tx.execute(_HAS_IDENTIFIER, {"person": ref, "kind": NATIONAL_ID, "digest": digest})
    if known.first() is None:
        _INSERT_IDENTIFIER.run(tx, _identifier(ref, NATIONAL_ID, digest, now))
    return same.get(digest, counted_as)


def _set_phone(tx: Connection, ref: str, number: str, now: datetime) -> None:
    values = {
        "person": ref,
        "b_digest": vault.digest(tx, "phone", number),
        "b_number_enc": vault.seal(tx, ref, vault.PHONE, {"number": number}),
        "b_recorded_at": now,
    }
    if tx.execute(_CHANGE_PHONE, values).rowcount == 0:
        _INSERT_PHONE.run(
            tx,
            {
                "person": ref,
                "digest": values["b_digest"],
                "number_enc": values["b_number_enc"],
                "recorded_at": now,
            },
        )


def identity_of(tx: Connection, ref: str) -> Identity | None:
    """Who a person is, or None once erased."""
    return identities_of(tx, [ref]).get(ref)


def identities_of(tx: Connection, refs: Sequence[str]) -> dict[str, Identity]:
    """Who persons are; erased ones are left out."""
    found: dict[str, Identity] = {}
    for start in range(0, len(refs), 500):
        rows = tx.execute(_SEALED, {"refs": list(refs[start : start + 500])})
        found |= opened(tx, {row.ref: row.identity_enc for row in rows})
    return found


def opened(tx: Connection, sealed: Mapping[str, str | None]) -> dict[str, Identity]:
    """Identities from their sealed texts (person → text); erased ones are left out."""
    there = {ref: text for ref, text in sealed.items() if text is not None}
    fields = vault.unseal_many(tx, vault.IDENTITY, there)
    return {ref: vault.identity_from(each) for ref, each in fields.items()}


def number_for(tx: Connection, ref: str) -> str | None:
    """The number an SMS to this person goes to (E.164), or None where there is none to use."""
    row = tx.execute(_PHONE, {"person": ref}).one_or_none()
    if row is None or row.state != "usable":
        return None
    return vault.unseal(tx, ref, vault.PHONE, row.number_enc)["number"]

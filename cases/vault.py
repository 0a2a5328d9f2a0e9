"""What is sealed about a person: identity, phone, appointment details, health answers.

Every person has a key of their own in the key store; destroying it erases what is sealed here.
The associated data names what a sealed value is and whose, so that a value moved to another row
does not open. The keys travel with the connection (`core.db.secrets_of`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast

from sqlalchemy import Connection

from core.crypto import KeyRing, decrypt, encrypt
from core.db import secrets_of
from core.keystore import KeyStore

IDENTITY: Final = "identity"
PHONE: Final = "phone"
DETAILS: Final = "appointment"
HEALTH: Final = "health_answer"


_written: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of one installation: the ring, and the store of the keys of persons."""

    ring: KeyRing
    keys: KeyStore


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a person is; `national_id` is optional, `inmate_no` always known."""

    inmate_no: str
    first_name: str = ""
    last_name: str = ""
    born_on: date | None = None
    national_id: str | None = None

    @property
    def name(self) -> str:
        """First and last name, or the inmate number where neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.inmate_no


def _secrets(tx: Connection) -> Secrets:
    return cast("Secrets", secrets_of(tx))


def ring_of(tx: Connection) -> KeyRing:
    """The key ring of this installation."""
    return _secrets(tx).ring


def digest(tx: Connection, kind: str, value: str) -> str:
    """The keyed hash by which a value is found without being stored."""
    return _secrets(tx).ring.digest(kind, value)


def make_keys(tx: Connection, persons: Iterable[str], *, now: datetime) -> None:
    """A key for each new person, committed in the key store before the caller commits."""
    _secrets(tx).keys.create_many(persons, now=now)


def seal(tx: Connection, person: str, what: str, value: Mapping[str, object]) -> str:
    """A value as text that only the person's key opens. Raises `KeyDestroyed`."""
    key = _secrets(tx).keys.get(person)
    body = _written(value).encode()
    return base64.b64encode(encrypt(key, body, aad=_aad(person, what))).decode("ascii")


def unseal(tx: Connection, person: str, what: str, sealed: str) -> dict[str, str | None]:
    """What `seal` sealed. Raises `KeyDestroyed` once the person is erased."""
    key = _secrets(tx).keys.get(person)
    return _open(key, person, what, sealed)


def unseal_many(
    tx: Connection, what: str, sealed: Mapping[str, str]
) -> dict[str, dict[str, str | None]]:
    """`unseal` for many persons (person → sealed); who was erased is left out."""
    keys = _secrets(tx).keys.get_many(sealed)
    return {person: _open(keys[person], person, what, sealed[person]) for person in keys}


def identity_fields(identity: Identity) -> dict[str, object]:
    """An identity as it is sealed."""
    return {
        "inmate_no": identity.inmate_no,
        "first_name": identity.first_name,
        "last_name": identity.last_name,
        "born_on": identity.born_on.isoformat() if identity.born_on else None,
        "national_id": identity.national_id,
    }


def identity_from(fields: Mapping[str, str | None]) -> Identity:
    """An identity from what was sealed."""
    born = fields.get("born_on")
    return Identity(
        inmate_no=fields["inmate_no"] or "",
        first_name=fields.get("first_name") or "",
        last_name=fields.get("last_name") or "",
        born_on=date.fromisoformat(born) if born else None,
        national_id=fields.get("national_id"),
    )


def _open(key: bytes, person: str, what: str, sealed: str) -> dict[str, str | None]:
    body = decrypt(key, base64.b64decode(sealed), aad=_aad(person, what))
    opened: dict[str, str | None] = json.loads(body)
    return opened


def _aad(person: str, what: str) -> bytes:
    return f"{what}:{person}".encode()

"""How a member of staff is reached outside the app, and who stands in while they are away.

A phone is sealed under the house's key: it is the employee's own. Instants are aware, UTC.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from cases import vault
from cases.accounts import AccountNotFound
from cases.tables import account
from core.crypto import decrypt, encrypt
from core.errors import BadInput
from notifications.phone import Phone, sms_number

_MAIL: Final = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,180}\.[^@\s<>,;]{2,}")
_DIVIDER: Final = b"\0"


def set_contact(
    tx: Connection, username: str, *, phone: str | None = None, email: str | None = None
) -> None:
    """Note where digests go; "" takes a number or address out, None leaves it as it is.

    Raises `BadInput`, `AccountNotFound`.
    """
    account_id = _id_of(tx, username)
    values: dict[str, object] = {}
    if phone is not None:
        values["phone_enc"] = _sealed(tx, account_id, phone) if phone else None
    if email is not None:
        if email and _MAIL.fullmatch(email) is None:
            raise BadInput("bad_email", "That is no mail address.", "email")
        values["email"] = email or None
    if values:
        tx.execute(update(account).where(account.c.id == account_id).values(values))


def set_away(
    tx: Connection,
    username: str,
    *,
    from_at: datetime | None,
    until: datetime | None,
    deputy: str | None = None,
) -> None:
    """Note until when somebody is away and who stands in; `until` None: they are back.

    Raises `BadInput`, `AccountNotFound`.
    """
    account_id = _id_of(tx, username)
    deputy_id = _id_of(tx, deputy) if deputy is not None else None
    if deputy_id == account_id:
        raise BadInput("own_deputy", "Nobody stands in for themselves.", "deputy")
    if from_at is not None and until is not None and until <= from_at:
        raise BadInput("out_of_order", "The end must lie after the beginning.", "until")
    values = {
        "away_from": from_at if until is not None else None,
        "away_until": until,
        "deputy_id": deputy_id if until is not None else None,
    }
    tx.execute(update(account).where(account.c.id == account_id).values(values))


def opened(tx: Connection, account_id: int, sealed: bytes | None) -> str | None:
    """The number that was sealed for this account."""
    if sealed is None:
        return None
    key_id, _, body = sealed.partition(_DIVIDER)
    key = vault.ring_of(tx).key(key_id.decode("ascii"))
    return decrypt(key.secret, body, aad=_aad(account_id)).decode("ascii")


def email_of(tx: Connection, ref: str) -> str | None:
    """Where mail to this account goes."""
    asked = select(account.c.email).where(account.c.ref == ref, account.c.disabled_at.is_(None))
    found: str | None = tx.execute(asked).scalar_one_or_none()
    return found


def _sealed(tx: Connection, account_id: int, phone: str) -> bytes:
    number = sms_number(phone)
    if not isinstance(number, Phone):
        raise BadInput("bad_phone", f"The number cannot take an SMS ({number.reason}).", "phone")
    key = vault.ring_of(tx).master
    body = encrypt(key.secret, number.e164.encode("ascii"), aad=_aad(account_id))
    return key.id.encode("ascii") + _DIVIDER + body


def _aad(account_id: int) -> bytes:
    return f"account_phone:{account_id}".encode()


def _id_of(tx: Connection, username: str) -> int:
    asked = select(account.c.id).where(
        account.c.username == username.strip().lower(), account.c.disabled_at.is_(None)
    )
    found: int | None = tx.execute(asked).scalar_one_or_none()
    if found is None:
        raise AccountNotFound(f"There is no active account {username!r}.")
    return found

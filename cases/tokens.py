"""Tokens of other systems, and of persons who work through one: known to us only by their hash.

A token has a role and some units. One that belongs to an account speaks for that person: it does
what the person may still do in that role, is logged under the person's name, and ends when the
account does.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Date, bindparam, func, insert, select, update

from cases.access import Viewer
from cases.accounts import AccountNotFound, checked_role, checked_units, in_force
from cases.controllers import health_controllers
from cases.model import Role
from cases.tables import (
    access_log,
    account,
    api_token,
    case_event,
    membership,
    token_account,
    token_unit,
)
from core.clock import local_date
from core.errors import BadInput, NotFound, NotSignedIn
from core.statement import Prepared

PREFIX: Final = "ovl_"
ACTOR: Final = "token-"
"""Before a token's number: how it is named in the logs."""

_FOUND: Final = Prepared(
    select(
        api_token.c.id,
        api_token.c.role,
        api_token.c.expires_at,
        api_token.c.revoked_at,
        account.c.id.label("account_id"),
        account.c.ref,
        account.c.disabled_at,
        token_unit.c.unit,
    )
    .select_from(api_token)
    .join(token_unit, token_unit.c.token_id == api_token.c.id, isouter=True)
    .join(token_account, token_account.c.token_id == api_token.c.id, isouter=True)
    .join(account, account.c.id == token_account.c.account_id, isouter=True)
    .where(api_token.c.digest == bindparam("digest"))
)
_STILL: Final = Prepared(
    select(membership.c.unit).where(
        membership.c.account_id == bindparam("account_id"),
        membership.c.role == bindparam("role"),
        in_force(bindparam("on", type_=Date)),
    )
)


class BadToken(NotSignedIn):
    """The token is unknown or was revoked, or its person does not have that role any more."""

    message_key = "error.bad_token"


class TokenExpired(NotSignedIn):
    """The token was good, until it expired."""

    message_key = "error.token_expired"


class AccountDisabled(NotSignedIn):
    """The token belongs to somebody whose account is shut."""

    message_key = "error.account_disabled"


class TokenNotFound(NotFound):
    """No token of that number."""

    message_key = "error.token_not_found"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: never what it is made of."""

    id: int
    label: str
    role: str
    units: tuple[str, ...]
    username: str | None
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`good`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        expired = self.expires_at is not None and self.expires_at <= now
        return "expired" if expired else "good"


def add_token(
    tx: Connection,
    label: str,
    role: str,
    units: Iterable[str],
    *,
    now: datetime,
    expires_at: datetime | None = None,
    username: str | None = None,
) -> str:
    """Make a token; only its hash is kept, so it is shown this once.

    With `username` it belongs to that account. Raises `BadInput`, `AccountNotFound`.
    """
    of_role = checked_role(role)
    codes = checked_units(tx, of_role, units)
    if expires_at is not None and expires_at <= now:
        raise BadInput("in_past", "A token expires in the future.", "expires")
    owner = _account_id(tx, username) if username is not None else None
    token = f"{PREFIX}{secrets.token_urlsafe(32)}"
    made: int = tx.execute(
        insert(api_token)
        .values(
            digest=digest_of(token),
            label=label,
            role=of_role.value,
            made_at=now,
            expires_at=expires_at,
        )
        .returning(api_token.c.id)
    ).scalar_one()
    if codes:
        tx.execute(insert(token_unit), [{"token_id": made, "unit": code} for code in codes])
    if owner is not None:
        tx.execute(insert(token_account), {"token_id": made, "account_id": owner})
    return token


def _account_id(tx: Connection, username: str) -> int:
    name = username.strip().lower()
    found: int | None = tx.execute(
        select(account.c.id).where(account.c.username == name, account.c.disabled_at.is_(None))
    ).scalar_one_or_none()
    if found is None:
        raise AccountNotFound(f"There is no active account {username!r}.")
    return found


def revoke_token(tx: Connection, token_id: int, *, now: datetime) -> None:
    """End a token at once. Raises `TokenNotFound`."""
    ended = tx.execute(
        update(api_token)
        .where(api_token.c.id == token_id, api_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if ended.rowcount == 0:
        raise TokenNotFound(f"There is no token {token_id} that is still good.")


def revoke_label(tx: Connection, label: str, *, now: datetime) -> int:
    """End every token of a label; how many there were. Raises `TokenNotFound`."""
    ended = tx.execute(
        update(api_token)
        .where(api_token.c.label == label, api_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    if ended.rowcount == 0:
        raise TokenNotFound(f"There is no token {label!r} that is still good.")
    return ended.rowcount


def list_tokens(tx: Connection) -> list[Token]:
    """All tokens there have been, the oldest first."""
    units: dict[int, list[str]] = {}
    for row in tx.execute(select(token_unit).order_by(token_unit.c.unit)):
        units.setdefault(row.token_id, []).append(row.unit)
    rows = tx.execute(
        select(api_token, account.c.username)
        .select_from(api_token)
        .join(token_account, token_account.c.token_id == api_token.c.id, isouter=True)
        .join(account, account.c.id == token_account.c.account_id, isouter=True)
        .order_by(api_token.c.id)
    )
    return [
        Token(
            row.id,
            row.label,
            row.role,
            tuple(units.get(row.id, ())),
            row.username,
            row.made_at,
            row.expires_at,
            row.revoked_at,
        )
        for row in rows
    ]


def last_used(tx: Connection) -> dict[int, datetime]:
    """When each token last read or changed something, as the logs tell.

    One that belongs to a person is logged under the person's name, so that nobody can say. Looks
    through whole logs: for whoever asks by hand.
    """
    found: dict[int, datetime] = {}
    for actor, when in (
        (access_log.c.actor, access_log.c.at),
        (case_event.c.actor, case_event.c.recorded_at),
    ):
        asked = select(actor, func.max(when)).where(actor.like(f"{ACTOR}%")).group_by(actor)
        for name, instant in tx.execute(asked):
            number = int(str(name).removeprefix(ACTOR))
            found[number] = max(instant, found.get(number, instant))
    return found


def viewer_of_token(tx: Connection, token: str, *, now: datetime) -> Viewer:
    """Whom a token speaks for. Raises `BadToken`, `TokenExpired`, `AccountDisabled`."""
    found = _FOUND.rows(tx, {"digest": digest_of(token)})  # a row for each unit
    if not found:
        raise _bad()
    number, role_code, expires_at, revoked_at, account_id, ref, disabled_at, _ = found[0]
    if revoked_at is not None:
        raise _bad()
    if expires_at is not None and expires_at <= now:
        raise TokenExpired("This token has expired: ask for a new one.")
    if disabled_at is not None:
        raise AccountDisabled("The account this token belongs to is disabled.")
    role = Role(role_code)
    on = local_date(now)
    units = frozenset(row[-1] for row in found if row[-1] is not None)
    if account_id is not None:
        still = _STILL.rows(tx, {"account_id": account_id, "role": role_code, "on": on})
        if not still:
            raise _bad()
        units &= {row[0] for row in still}
    belongs = (
        health_controllers(tx, units, on)
        if role in (Role.HEALTH, Role.HEALTH_LEAD)
        else frozenset()
    )
    return Viewer(ref or f"{ACTOR}{number}", role, units, belongs)


def _bad() -> BadToken:
    return BadToken("This token is unknown or was revoked: ask for a new one.")


def digest_of(token: str) -> str:
    """What is kept of a token: it is long and random, so a plain hash gives nothing away."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

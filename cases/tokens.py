"""Tokens of other systems: a role and some units, known to us only by their hash."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select

from cases.access import Viewer
from cases.accounts import checked_role, checked_units
from cases.controllers import health_controllers
from cases.model import Role
from cases.tables import api_token, token_unit
from core.clock import local_date
from core.statement import Prepared

PREFIX: Final = "ovl_"

_FOUND: Final = Prepared(
    select(api_token.c.id, api_token.c.role, api_token.c.expires_at, api_token.c.revoked_at).where(
        api_token.c.digest == bindparam("digest")
    )
)
_UNITS: Final = Prepared(
    select(token_unit.c.unit).where(token_unit.c.token_id == bindparam("token_id"))
)


def add_token(tx: Connection, label: str, role: str, units: Iterable[str], *, now: datetime) -> str:
    """Make a token for another system; only its hash is kept, so it is shown this once."""
    of_role = checked_role(role)
    codes = checked_units(tx, of_role, units)
    token = f"{PREFIX}{secrets.token_urlsafe(32)}"
    made: int = tx.execute(
        insert(api_token)
        .values(digest=digest_of(token), label=label, role=of_role.value, made_at=now)
        .returning(api_token.c.id)
    ).scalar_one()
    if codes:
        tx.execute(insert(token_unit), [{"token_id": made, "unit": code} for code in codes])
    return token


def viewer_of_token(tx: Connection, token: str, *, now: datetime) -> Viewer | None:
    """Whom a token speaks for, None when it is unknown, expired or revoked."""
    found = _FOUND.row(tx, {"digest": digest_of(token)})
    if found is None:
        return None
    number, role_code, expires_at, revoked_at = found
    if revoked_at is not None or (expires_at is not None and expires_at <= now):
        return None
    role = Role(role_code)
    units = frozenset(row[0] for row in _UNITS.rows(tx, {"token_id": number}))
    belongs = (
        health_controllers(tx, units, local_date(now))
        if role in (Role.HEALTH, Role.HEALTH_LEAD)
        else frozenset()
    )
    return Viewer(f"token-{number}", role, units, belongs)


def digest_of(token: str) -> str:
    """What is kept of a token: it is long and random, so a plain hash gives nothing away."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

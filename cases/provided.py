"""Staff whom an identity provider vouches for: their account here, and the role their groups give.

The provider says who somebody is; what they may see is decided here, anew at every sign-in, by the
rules of `OIDC_GROUPS`. An account belongs to one person of one issuer for ever: it is found by
issuer and subject alone, never by a name or an address, which the provider may give to another
person. Of these only a hash is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, select, update

from cases import accounts, web_sessions
from cases.access import SYSTEM
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Role
from cases.signing_in import Known
from cases.tables import account, membership
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput
from core.settings import GroupRule

LONGEST_NAME: Final = 120
_NOT_OF_A_NAME: Final = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider named. `username` and `name` are only what the account is called."""

    issuer: str
    subject: str
    username: str
    name: str
    groups: frozenset[str]


class Shut(StrEnum):
    """Why somebody whom the provider vouches for stays outside."""

    NO_ROLE = "no_role"
    DISABLED = "disabled"


def let_in(
    tx: Connection, vouched: Vouched, rules: Sequence[GroupRule], *, now: datetime
) -> Known | Shut:
    """The account of a vouched person, made at the first sign-in, with the role of today.

    Whoever has no group with a role (any more) loses role and sessions. Raises `BadInput` for a
    rule that names a role or unit that does not exist.
    """
    found = tx.execute(
        select(account.c.id, account.c.ref, account.c.username, account.c.disabled_at).where(
            account.c.oidc_subject == _digest(vouched)
        )
    ).one_or_none()
    if found is not None and found.disabled_at is not None:
        return Shut.DISABLED
    given = _given(tx, rules, vouched.groups)
    if given is None:
        if found is not None and _has_now(tx, found.id, now) is not None:
            accounts.give(tx, found.id, None, (), today=local_date(now))
            web_sessions.end_others(tx, found.id, now=now)
            _log(tx, found.ref, SYSTEM.role, "user_role_withdrawn", now)
        return Shut.NO_ROLE
    if found is None:
        return _made(tx, vouched, *given, now=now)
    if _has_now(tx, found.id, now) != given:
        accounts.give(tx, found.id, *given, today=local_date(now))
        web_sessions.end_others(tx, found.id, now=now)
        _log(tx, found.ref, given[0], "user_role_changed", now)
    return Known(found.id, found.ref, found.username, second_step=False)


def _digest(vouched: Vouched) -> str:
    return sha256(json.dumps([vouched.issuer, vouched.subject]).encode()).hexdigest()


def _given(
    tx: Connection, rules: Iterable[GroupRule], groups: frozenset[str]
) -> tuple[Role, tuple[str, ...]] | None:
    """The role of the first rule that fits, in the units of all rules of that role that do."""
    fitting = [rule for rule in rules if rule.group in groups]
    if not fitting:
        return None
    role = accounts.checked_role(fitting[0].role)
    units = sorted({code for rule in fitting if rule.role == role.value for code in rule.units})
    return role, accounts.checked_units(tx, role, units)


def _has_now(tx: Connection, account_id: int, now: datetime) -> tuple[Role, tuple[str, ...]] | None:
    mine = select(membership.c.role, membership.c.unit).where(
        membership.c.account_id == account_id, accounts.in_force(local_date(now))
    )
    rows: Sequence[Any] = tx.execute(mine).all()
    if not rows:
        return None
    return Role(rows[0].role), tuple(sorted(row.unit for row in rows if row.unit is not None))


def _made(
    tx: Connection, vouched: Vouched, role: Role, units: tuple[str, ...], *, now: datetime
) -> Known:
    username = _free_name(tx, vouched.username)
    shown = " ".join(vouched.name.split())[:LONGEST_NAME] or username
    ref = accounts.add(
        tx,
        username,
        shown,
        role.value,
        units,
        password=None,
        now=now,
        valid_from=local_date(now),
    )
    mine = account.c.ref == ref
    tx.execute(update(account).where(mine).values(oidc_subject=_digest(vouched)))
    account_id: int = tx.execute(select(account.c.id).where(mine)).scalar_one()
    _log(tx, ref, role, "user_added", now)
    return Known(account_id, ref, username, second_step=False)


def _free_name(tx: Connection, wanted: str) -> str:
    """A user name like the one of the provider; never that of an account that is there already."""
    plain = _NOT_OF_A_NAME.sub("-", wanted.partition("@")[0].lower()).strip("-.")[:40] or "ansatt"
    name = plain
    while tx.execute(select(account.c.id).where(account.c.username == name)).first() is not None:
        name = f"{plain}-{new_ref()[:4]}"
    return name


def _log(tx: Connection, ref: str, role: Role, verb: str, now: datetime) -> None:
    # No administrator did it: the person's own sign-in brought it about.
    append(tx, [AccessRow(SYSTEM_SCOPE, now, ref, role.value, verb)], now=now)


def check_rules(tx: Connection, rules: Iterable[GroupRule]) -> list[str]:
    """What is wrong with the rules, in words: roles and units that do not exist."""
    wrong = []
    for rule in rules:
        try:
            accounts.checked_units(tx, accounts.checked_role(rule.role), rule.units)
        except BadInput as mistake:
            wrong.append(f"{rule.group}: {mistake}")
    return wrong

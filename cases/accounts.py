"""Accounts of staff: who works where in which role."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, Date, and_, bindparam, delete, insert, or_, select, update

from cases.access import Viewer
from cases.model import Role
from cases.organisation import health_controllers
from cases.tables import account, membership, unit
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotFound
from core.statement import Prepared

SHORTEST_PASSWORD: Final = 12
UNIT_ROLES: Final = (
    Role.HEALTH,
    Role.HEALTH_LEAD,
    Role.OFFICER,
    Role.COORDINATOR,
    Role.UNIT_LEAD,
)
EVERYWHERE: Final = (Role.DIRECTORATE, Role.ADMIN)
_hasher: Final = PasswordHash((Argon2Hasher(),))


class AccountNotFound(NotFound):
    """No account of that name."""

    message_key = "error.account_not_found"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of a demo folder, to be shown with its password."""

    username: str
    role: str
    units: tuple[str, ...]


def add(
    tx: Connection,
    username: str,
    display_name: str,
    role: str,
    units: Iterable[str],
    *,
    password: str | None,
    now: datetime,
    valid_from: date | None = None,
) -> str:
    """Make an account with one role in some units; returns its reference.

    Roles of a unit need at least one unit, directorate and admin have none. Without `password` the
    account cannot sign in until it is reset. Raises `BadInput`, `Conflict`.
    """
    name = username.strip().lower()
    of_role = checked_role(role)
    codes = checked_units(tx, of_role, units)
    if not name or not name.isascii() or not name.replace("-", "").replace(".", "").isalnum():
        raise BadInput("bad_username", "A user name is letters, digits, '.' and '-'.", "username")
    if tx.execute(select(account.c.id).where(account.c.username == name)).first() is not None:
        raise Conflict(f"There is an account {name} already.")
    return _insert(
        tx,
        [
            _Account(
                name, display_name.strip() or name, of_role, codes, _hashed(password), valid_from
            )
        ],
        now,
    )[0]


@dataclass(frozen=True, slots=True)
class _Account:
    username: str
    display_name: str
    role: Role
    units: tuple[str, ...]
    password_hash: str | None
    valid_from: date | None = None


def checked_role(role: str) -> Role:
    """A role that an account or a token may have. Raises `BadInput`."""
    try:
        found = Role(role)
    except ValueError:
        found = Role.OPERATOR
    if found is Role.OPERATOR:
        known = ", ".join((*UNIT_ROLES, *EVERYWHERE))
        raise BadInput("unknown_code", f"role must be one of {known}", "role")
    return found


def checked_units(tx: Connection, role: Role, units: Iterable[str]) -> tuple[str, ...]:
    """The units of a role, each once: at least one, or none. Raises `BadInput`."""
    codes = tuple(dict.fromkeys(units))
    if role in EVERYWHERE and codes:
        raise BadInput("unit_not_asked", f"The role {role} belongs to no unit.", "unit")
    if role in UNIT_ROLES and not codes:
        raise BadInput("unit_missing", f"The role {role} needs at least one unit.", "unit")
    known = set(tx.execute(select(unit.c.code).where(unit.c.code.in_(codes))).scalars())
    for code in codes:
        if code not in known:
            raise BadInput("unknown_unit", f"There is no unit {code!r}.", "unit")
    return codes


def _hashed(password: str | None) -> str | None:
    if password is None:
        return None
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(
            "weak_password", f"A password has at least {SHORTEST_PASSWORD} characters.", "password"
        )
    return _hasher.hash(password)


def _insert(tx: Connection, accounts: Sequence[_Account], now: datetime) -> list[str]:
    refs = [new_ref() for _ in accounts]
    tx.execute(
        insert(account),
        [
            {
                "ref": ref,
                "username": each.username,
                "display_name": each.display_name,
                "password_hash": each.password_hash,
                "created_at": now,
            }
            for ref, each in zip(refs, accounts, strict=True)
        ],
    )
    made = select(account.c.ref, account.c.id).where(account.c.ref.in_(refs))
    ids = {row.ref: row.id for row in tx.execute(made)}
    rows: list[dict[str, Any]] = [
        {
            "account_id": ids[ref],
            "role": each.role.value,
            "unit": code,
            "valid_from": each.valid_from,
        }
        for ref, each in zip(refs, accounts, strict=True)
        for code in (each.units or (None,))
    ]
    tx.execute(insert(membership), rows)
    return refs


def give(
    tx: Connection, account_id: int, role: Role | None, units: Iterable[str], *, today: date
) -> None:
    """The role and units of an account from today; None takes away what it has."""
    mine = membership.c.account_id == account_id
    # What would begin today or later never was.
    tx.execute(delete(membership).where(mine, membership.c.valid_from >= today))
    tx.execute(
        update(membership)
        .where(mine, or_(membership.c.valid_to.is_(None), membership.c.valid_to > today))
        .values(valid_to=today)
    )
    if role is not None:
        tx.execute(
            insert(membership),
            [
                {"account_id": account_id, "role": role.value, "unit": code, "valid_from": today}
                for code in (tuple(units) or (None,))
            ],
        )


def disable(tx: Connection, username: str, *, now: datetime) -> None:
    """Shut an account; what it did stays."""
    changed = tx.execute(
        update(account)
        .where(account.c.username == username.strip().lower(), account.c.disabled_at.is_(None))
        .values(disabled_at=now)
    )
    if changed.rowcount == 0:
        raise AccountNotFound(f"There is no active account {username!r}.")


def keep_tour_step(tx: Connection, account_id: int, step: int) -> None:
    """Keep how far somebody has come in the tour of their first sign-in."""
    tx.execute(update(account).where(account.c.id == account_id).values(tour_step=step))


def reset_password(tx: Connection, username: str) -> str:
    """A new random password for an account, to be handed over once."""
    password = new_password()
    changed = tx.execute(
        update(account)
        .where(account.c.username == username.strip().lower())
        .values(password_hash=_hashed(password))
    )
    if changed.rowcount == 0:
        raise AccountNotFound(f"There is no account {username!r}.")
    return password


def new_password() -> str:
    """A random password that can be read aloud: four groups of four letters and digits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def viewer_of(tx: Connection, username: str, *, now: datetime) -> Viewer:
    """The viewer an account is today. Raises `AccountNotFound` for a disabled or unknown one."""
    on = local_date(now)
    rows = tx.execute(
        select(account.c.ref, membership.c.role, membership.c.unit)
        .join(membership, membership.c.account_id == account.c.id)
        .where(
            account.c.username == username.strip().lower(),
            account.c.disabled_at.is_(None),
            in_force(on),
        )
    ).all()
    if not rows:
        raise AccountNotFound(f"There is no active account {username!r}.")
    units = frozenset(row.unit for row in rows if row.unit is not None)
    role = Role(rows[0].role)
    belongs = (
        health_controllers(tx, units, on)
        if role in (Role.HEALTH, Role.HEALTH_LEAD)
        else frozenset()
    )
    return Viewer(rows[0].ref, role, units, belongs)


def in_force(on: Any) -> Any:
    """The condition that a membership holds on a day (a value, or a bound one)."""
    return and_(
        or_(membership.c.valid_from.is_(None), membership.c.valid_from <= on),
        or_(membership.c.valid_to.is_(None), membership.c.valid_to > on),
    )


_STAFFED: Final = Prepared(
    select(membership.c.unit, membership.c.role)
    .join(account, account.c.id == membership.c.account_id)
    .where(
        account.c.disabled_at.is_(None),
        membership.c.unit.is_not(None),
        in_force(bindparam("on", type_=Date)),
    )
    .distinct()
)


def staffed_roles(tx: Connection, *, on: date) -> frozenset[tuple[str, str]]:
    """The pairs (unit, role) that at least one active user fills on a day."""
    return frozenset((unit, role) for unit, role in _STAFFED.rows(tx, {"on": on}))


def demo_accounts(tx: Connection, password: str, *, now: datetime) -> list[DemoAccount]:
    """An account of every role in every unit, and of the roles without units.

    They are valid from always, so that a frozen clock may go back. One hash serves all: hashing
    is slow on purpose, and demo passwords are printed anyway. Those that are there already get the
    new password and stay who they are: what they did names them.
    """
    hashed = _hashed(password)
    codes = list(tx.execute(select(unit.c.code).order_by(unit.c.code)).scalars())
    accounts = [
        _Account(
            f"{role.value.replace('_', '-')}.{code}",
            f"{role.value.replace('_', ' ').capitalize()} {code}",
            role,
            (code,),
            hashed,
        )
        for code in codes
        for role in UNIT_ROLES
    ]
    accounts += [
        _Account(role.value, role.value.capitalize(), role, (), hashed) for role in EVERYWHERE
    ]
    names = [each.username for each in accounts]
    known = set(
        tx.execute(select(account.c.username).where(account.c.username.in_(names))).scalars()
    )
    if known:
        tx.execute(
            update(account).where(account.c.username.in_(known)).values(password_hash=hashed)
        )
    new = [each for each in accounts if each.username not in known]
    if new:
        _insert(tx, new, now)
    return [DemoAccount(each.username, each.role.value, each.units) for each in accounts]

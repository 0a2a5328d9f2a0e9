"""Accounts of staff as an administrator keeps them: who works where, and who may sign in.

Accounts are named by their reference, never by the user name, so that no address tells a name.
Every change stands in the access log. Nobody changes their own role or shuts their own account, so
there is always an administrator left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from cases import accounts, rules, signing_in, web_sessions
from cases.access import Viewer
from cases.accounts import AccountNotFound
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Role
from cases.tables import account, membership, web_session
from cases.web_sessions import IDLE, LONGEST, Place
from core.clock import local_date
from core.errors import Refused

KEEPING: Final = frozenset({Role.ADMIN})
LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Member:
    """An account. `role` is None where it has none today; `places` counts its open sessions."""

    id: int
    ref: str
    username: str
    name: str
    role: str | None
    units: tuple[str, ...]
    has_password: bool
    second_step: bool
    disabled_at: datetime | None
    places: int


def members(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Member]:
    """Every account, by name; those that are shut come last."""
    _check(viewer)
    found = _members(tx, now=now)
    return sorted(found, key=lambda each: (each.disabled_at is not None, each.name, each.ref))


def member(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> Member:
    """One account by its reference. Raises `AccountNotFound`."""
    _check(viewer)
    found = _members(tx, now=now, ref=ref)
    if not found:
        raise AccountNotFound("There is no such account.")
    return found[0]


def add(
    tx: Connection,
    viewer: Viewer,
    username: str,
    name: str,
    *,
    role: str,
    units: Iterable[str],
    now: datetime,
) -> Member:
    """Make an account that cannot sign in until its invitation is used; returns it."""
    _check(viewer)
    shown = rules.one_line(name, "name", longest=LONGEST_NAME)
    ref = accounts.add(tx, username, shown, role, units, password=None, now=now)
    _log(tx, viewer, "user_added", now)
    return member(tx, viewer, ref, now=now)


def give(
    tx: Connection, viewer: Viewer, ref: str, role: str, units: Iterable[str], *, now: datetime
) -> Member:
    """Another role, or other units, from today; whoever is signed in signs in anew."""
    found = _others(tx, viewer, ref, now)
    of_role = accounts.checked_role(role)
    codes = accounts.checked_units(tx, of_role, units)
    accounts.give(tx, found.id, of_role, codes, today=local_date(now))
    web_sessions.end_others(tx, found.id, now=now)
    _log(tx, viewer, "user_role_changed", now)
    return member(tx, viewer, ref, now=now)


def invite(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> str:
    """The secret of a link for the first sign-in, good once within seven days."""
    found = member(tx, viewer, ref, now=now)
    secret = signing_in.invite(tx, found.username, now=now)
    _log(tx, viewer, "user_invited", now)
    return secret


def reset(tx: Connection, viewer: Viewer, ref: str, hashed: str, *, now: datetime) -> None:
    """A new password, given as its hash; every session and open invitation ends."""
    found = member(tx, viewer, ref, now=now)
    signing_in.set_password(tx, found.id, hashed, now=now)
    _log(tx, viewer, "user_reset", now)


def disable(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> None:
    """Shut an account and end its sessions; what it did stays."""
    found = _others(tx, viewer, ref, now)
    accounts.disable(tx, found.username, now=now)
    signing_in.shut_out(tx, found.username, now=now)
    _log(tx, viewer, "user_disabled", now)


def enable(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> None:
    """Open an account again that was shut."""
    found = member(tx, viewer, ref, now=now)
    if found.disabled_at is None:
        raise Refused("The account is not shut.")
    tx.execute(update(account).where(account.c.id == found.id).values(disabled_at=None))
    _log(tx, viewer, "user_enabled", now)


def places(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> list[Place]:
    """Where the account is signed in, the latest click first."""
    return web_sessions.sessions_of(tx, member(tx, viewer, ref, now=now).id, now=now)


def end_session(
    tx: Connection, viewer: Viewer, ref: str, digest: str | None, *, now: datetime
) -> None:
    """End one session of an account, or (None) all of them."""
    found = member(tx, viewer, ref, now=now)
    if digest is None:
        web_sessions.end_others(tx, found.id, now=now)
    else:
        web_sessions.end_session(tx, found.id, digest, now=now)
    _log(tx, viewer, "user_sessions_ended", now)


def _members(tx: Connection, *, now: datetime, ref: str | None = None) -> list[Member]:
    on: date = local_date(now)
    open_places = (
        select(web_session.c.account_id, func.count().label("sessions"))
        .where(
            web_session.c.revoked_at.is_(None),
            web_session.c.seen_at > now - IDLE,
            web_session.c.made_at > now - LONGEST,
        )
        .group_by(web_session.c.account_id)
        .subquery()
    )
    query = (
        select(account, open_places.c.sessions)
        .outerjoin(open_places, open_places.c.account_id == account.c.id)
        .order_by(account.c.id)
    )
    roles = select(membership.c.account_id, membership.c.role, membership.c.unit).where(
        accounts.in_force(on)
    )
    if ref is not None:
        query = query.where(account.c.ref == ref)
        mine = select(account.c.id).where(account.c.ref == ref)
        roles = roles.where(membership.c.account_id.in_(mine))
    held: dict[int, list[Any]] = {}
    for row in tx.execute(roles.order_by(membership.c.id)):
        held.setdefault(row.account_id, []).append(row)
    return [
        Member(
            row.id,
            row.ref,
            row.username,
            row.display_name,
            held[row.id][0].role if row.id in held else None,
            tuple(sorted(each.unit for each in held.get(row.id, ()) if each.unit is not None)),
            has_password=row.password_hash is not None,
            second_step=row.totp_enc is not None,
            disabled_at=row.disabled_at,
            places=row.sessions or 0,
        )
        for row in tx.execute(query)
    ]


def _others(tx: Connection, viewer: Viewer, ref: str, now: datetime) -> Member:
    found = member(tx, viewer, ref, now=now)
    if found.ref == viewer.account:
        raise Refused("This is your own account: another administrator has to do it.")
    return found


def _check(viewer: Viewer) -> None:
    rules.check_role(viewer, KEEPING, "keep the accounts of staff")


def _log(tx: Connection, viewer: Viewer, verb: str, now: datetime) -> None:
    append(tx, [AccessRow(SYSTEM_SCOPE, now, viewer.account, viewer.role.value, verb)], now=now)

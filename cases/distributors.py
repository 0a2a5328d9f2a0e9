"""Certified naloxone distributors: who may train people and hand out sprays, and since when.

A certificate belongs to the person, so it holds in every unit; the unit it is kept under is the
one that counts the distributor as its own (indicator I18).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from cases import organisation, rules
from cases.access import Viewer, acts_in
from cases.custody import Certificate
from cases.journal import AccessRow, append
from cases.model import Role
from cases.tables import account, distributor
from core.errors import Conflict, NotFound, Refused

CERTIFYING: Final = frozenset({Role.ADMIN, Role.HEALTH_LEAD, Role.UNIT_LEAD})
CERTIFIED: Final = "distributor_certified"
UNCERTIFIED: Final = "distributor_uncertified"


class DistributorNotFound(NotFound):
    """No such user, or nobody certified."""

    message_key = "error.distributor_not_found"


def certify(
    tx: Connection,
    viewer: Viewer,
    username: str,
    unit: str,
    *,
    on: date,
    now: datetime,
    until: date | None = None,
) -> None:
    """Note that a user is a certified distributor of a unit from a day (before `until`)."""
    code = _unit_of(tx, viewer, unit, on)
    rules.check_reachable(on, "on")
    if until is not None and until <= on:
        raise Refused("A certificate ends after the day it begins.")
    user = _account(tx, username)
    same = select(distributor.c.certified_from).where(
        distributor.c.account_id == user,
        distributor.c.unit == code,
        or_(distributor.c.certified_to.is_(None), distributor.c.certified_to > on),
    )
    since = tx.execute(same).scalars().first()
    if since is not None:
        raise Conflict(f"{username} is certified in {code} already, since {since}.")
    tx.execute(
        insert(distributor),
        {
            "account_id": user,
            "unit": code,
            "certified_from": on,
            "certified_to": until,
            "recorded_at": now,
            "end_recorded_at": now if until is not None else None,
        },
    )
    _log(tx, viewer, code, CERTIFIED, now)


def uncertify(
    tx: Connection, viewer: Viewer, username: str, unit: str, *, on: date, now: datetime
) -> None:
    """End a user's certificate in a unit: `on` is the first day without it."""
    code = _unit_of(tx, viewer, unit, on)
    user = _account(tx, username)
    ended = tx.execute(
        update(distributor)
        .where(
            distributor.c.account_id == user,
            distributor.c.unit == code,
            distributor.c.certified_from < on,
            or_(distributor.c.certified_to.is_(None), distributor.c.certified_to > on),
        )
        .values(certified_to=on, end_recorded_at=now)
    )
    if ended.rowcount == 0:
        raise DistributorNotFound(f"{username} is no certified distributor of {code} before {on}.")
    _log(tx, viewer, code, UNCERTIFIED, now)


def certificates(tx: Connection, accounts: Iterable[str]) -> list[Certificate]:
    """Every certificate of these accounts (references), wherever it is kept."""
    wanted = sorted(set(accounts))
    if not wanted:
        return []
    rows = tx.execute(
        select(account.c.ref, distributor.c.certified_from, distributor.c.certified_to)
        .join(account, account.c.id == distributor.c.account_id)
        .where(account.c.ref.in_(wanted))
    )
    return [Certificate(*row) for row in rows]


def is_certified(tx: Connection, ref: str, on: date) -> bool:
    """Whether the account is a certified distributor on a day."""
    return any(
        each.since <= on and (each.until is None or on < each.until)
        for each in certificates(tx, [ref])
    )


def how_many(tx: Connection, on: date, *, as_of: datetime | None = None) -> dict[str, int]:
    """How many certified distributors each unit has on a day; units without one are left out.

    With `as_of`, certificates and their ends that were recorded later are left out.
    """
    ends = distributor.c.certified_to.is_(None) | (distributor.c.certified_to > on)
    known = and_(distributor.c.certified_from <= on, ends)
    if as_of is not None:
        known = and_(
            distributor.c.certified_from <= on,
            or_(distributor.c.recorded_at.is_(None), distributor.c.recorded_at <= as_of),
            or_(ends, distributor.c.end_recorded_at > as_of),
        )
    rows = tx.execute(
        select(distributor.c.unit, func.count(distributor.c.account_id.distinct()))
        .where(known)
        .group_by(distributor.c.unit)
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Distributor:
    """A certified distributor of a unit: who, and from which day (before `until`)."""

    username: str
    name: str
    since: date
    until: date | None


def of_unit(tx: Connection, unit: str, on: date) -> list[Distributor]:
    """The distributors a unit counts as its own on a day, or is to count later; by name."""
    rows = tx.execute(
        select(
            account.c.username,
            account.c.display_name,
            distributor.c.certified_from,
            distributor.c.certified_to,
        )
        .join(account, account.c.id == distributor.c.account_id)
        .where(
            distributor.c.unit == unit,
            or_(distributor.c.certified_to.is_(None), distributor.c.certified_to > on),
        )
        .order_by(account.c.display_name, distributor.c.id)
    )
    return [Distributor(*row) for row in rows]


def ref_of_user(tx: Connection, username: str) -> str | None:
    """The reference of an account, also of one that is disabled today; None for an unknown name."""
    found: str | None = tx.execute(
        select(account.c.ref).where(account.c.username == username.strip().lower())
    ).scalar_one_or_none()
    return found


def _unit_of(tx: Connection, viewer: Viewer, unit: str, on: date) -> str:
    rules.check_role(viewer, CERTIFYING, "certify distributors")
    code = organisation.standing_code(tx, unit, on)
    if viewer.role is not Role.ADMIN and not acts_in(viewer, code):
        raise NotFound(f"There is no unit {unit!r} here.")
    return code


def _account(tx: Connection, username: str) -> int:
    found: int | None = tx.execute(
        select(account.c.id).where(account.c.username == username.strip().lower())
    ).scalar_one_or_none()
    if found is None:
        raise DistributorNotFound(f"There is no account {username!r}.")
    return found


def _log(tx: Connection, viewer: Viewer, unit: str, verb: str, now: datetime) -> None:
    append(tx, [AccessRow(unit, now, viewer.account, viewer.role.value, verb)], now=now)

"""Address protection: set by hand or by roster, and who may still see a protected person.

Kode 6 (`STRENGT_FORTROLIG`, also abroad): no message, on no list but those of users who are named
for the person, in no published table. Nothing is copied: `queries.visible_cases`, `wanted` and
`published_cases` ask the person, so that a change holds at once everywhere. Kode 7 (`FORTROLIG`)
and `UGRADERT` are treated alike.

The leads of a unit name its users. They need not see the case for that: a case whose person nobody
is named for must not be out of everybody's reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from cases import people, queries, rules, store
from cases.access import CASE_ROLES, SYSTEM, Viewer, check_may_open_cases
from cases.journal import AccessRow, append
from cases.model import Case, Protection, Role
from cases.store import Change, Verb
from cases.tables import account, case_, membership, named_access, person
from cases.tables.people import HIDDEN
from core.clock import local_date
from core.errors import BadInput, Conflict

NAMING: Final = frozenset({Role.UNIT_LEAD, Role.HEALTH_LEAD, Role.OPERATOR})
SETTING: Final = NAMING | {Role.COORDINATOR, Role.HEALTH}

GRANTED: Final = "named_access_granted"
REVOKED: Final = "named_access_revoked"
PROTECTED_LISTED: Final = "protected_listed"
"""What the access log calls it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A user who is named for a person. `account` is the account's reference."""

    account: str
    username: str
    granted_at: datetime
    granted_by: str


@dataclass(frozen=True, slots=True)
class Protected:
    """A case of a person under kode 6, as a lead sees it who is not named: no more than this."""

    ref: str
    unit: str
    admitted_on: date
    named: int


_ON: Final = bindparam("on", type_=Date)
_USER: Final = (
    select(account.c.ref)
    .join(membership, membership.c.account_id == account.c.id)
    .where(
        account.c.username == bindparam("username"),
        account.c.disabled_at.is_(None),
        membership.c.unit == bindparam("unit"),
        membership.c.role.in_(sorted(role.value for role in CASE_ROLES)),
        or_(membership.c.valid_from.is_(None), membership.c.valid_from <= _ON),
        or_(membership.c.valid_to.is_(None), membership.c.valid_to > _ON),
    )
    .limit(1)
)
_PERSON_ID: Final = select(person.c.id).where(person.c.ref == bindparam("person")).scalar_subquery()
_GRANT_VALUES: Final[dict[str, Any]] = {
    "person_id": _PERSON_ID,
    "account": bindparam("account"),
    "granted_at": bindparam("granted_at"),
    "granted_by": bindparam("granted_by"),
}
_GRANT: Final = {
    "sqlite": sqlite.insert(named_access)
    .values(_GRANT_VALUES)
    .on_conflict_do_nothing()
    .returning(named_access.c.id),
    "postgresql": postgresql.insert(named_access)
    .values(_GRANT_VALUES)
    .on_conflict_do_nothing()
    .returning(named_access.c.id),
}
_REVOKE: Final = (
    update(named_access)
    .where(
        named_access.c.person_id == _PERSON_ID,
        named_access.c.account
        == select(account.c.ref)
        .where(account.c.username == bindparam("username"))
        .scalar_subquery(),
        named_access.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("b_revoked_at"), revoked_by=bindparam("b_revoked_by"))
)
_NAMED: Final = (
    select(
        named_access.c.account,
        account.c.username,
        named_access.c.granted_at,
        named_access.c.granted_by,
    )
    .join(account, account.c.ref == named_access.c.account)
    .where(named_access.c.person_id == _PERSON_ID, named_access.c.revoked_at.is_(None))
    .order_by(account.c.username)
)
_OPEN_CASES: Final = (
    select(case_.c.ref)
    .join(person, person.c.id == case_.c.person_id)
    .where(person.c.ref == bindparam("person"), case_.c.phase != "closed")
)


def published_cases() -> ColumnElement[bool]:
    """The condition of every published table, nation included: nobody under kode 6.

    The unit view and the recount count everybody. A table that uses this says so.
    """
    hidden = person.alias("hidden")
    return case_.c.person_id.not_in(select(hidden.c.id).where(text(HIDDEN)).correlate(None))


def persons_left_out(tx: Connection) -> frozenset[str]:
    """The references of the persons that no published table may count: for counting one by one."""
    return frozenset(tx.execute(select(person.c.ref).where(text(HIDDEN))).scalars())


def set_protection(
    tx: Connection, viewer: Viewer, ref: str, protection: str, *, now: datetime
) -> Case:
    """Record the address protection of the person of a case; every open case follows at once.

    Under kode 6 messages that wait are cancelled, and only named users see the person from then
    on, whoever recorded it. What is set already changes nothing.
    """
    case = _case_of_unit(tx, viewer, ref, SETTING, "record an address protection")
    to = rules.one_of(Protection, protection, "protection")
    if to is case.protection:
        return case
    refs = {ref, *tx.execute(_OPEN_CASES, {"person": case.person}).scalars()}
    cases = queries.cases_for_update(tx, SYSTEM, refs)
    people.change(tx, case.person, people.PersonChange(protection=to), now=now)
    changes = [
        Change(each, replace(each, protection=to), Verb.PERSON_CHANGED, now)
        for each in cases.values()
    ]
    written = store.write_many(tx, changes, viewer, now=now)
    return next(each for each in written if each.ref == ref)


def grant(tx: Connection, viewer: Viewer, ref: str, username: str, *, now: datetime) -> None:
    """Name a user of the case's unit for its person: the leads of that unit, or the operator.

    Users may be named before the protection is recorded, so that the work goes on without a gap.
    """
    case = _case_of_unit(tx, viewer, ref, NAMING, "name users for a protected person")
    name = username.strip().lower()
    user = tx.execute(
        _USER, {"username": name, "unit": case.unit, "on": local_date(now)}
    ).scalar_one_or_none()
    if user is None:
        raise BadInput(
            "unknown_user", f"Nobody of that name works with cases in {case.unit}.", "username"
        )
    values = {
        "person": case.person,
        "account": user,
        "granted_at": now,
        "granted_by": viewer.account,
    }
    if tx.execute(_GRANT[tx.dialect.name], values).first() is None:
        raise Conflict(f"{name} is named already.")
    append(tx, [_row(viewer, case, GRANTED, now)], now=now)


def revoke(tx: Connection, viewer: Viewer, ref: str, username: str, *, now: datetime) -> None:
    """Take a user's name off again."""
    case = _case_of_unit(tx, viewer, ref, NAMING, "name users for a protected person")
    name = username.strip().lower()
    values = {
        "person": case.person,
        "username": name,
        "b_revoked_at": now,
        "b_revoked_by": viewer.account,
    }
    if tx.execute(_REVOKE, values).rowcount != 1:
        raise Conflict(f"{name} is not named.")
    append(tx, [_row(viewer, case, REVOKED, now)], now=now)


def named(tx: Connection, viewer: Viewer, ref: str) -> list[Named]:
    """Who is named for the person of a case: for those who may name."""
    case = _case_of_unit(tx, viewer, ref, NAMING, "see who is named")
    return [Named(*row) for row in tx.execute(_NAMED, {"person": case.person})]


def protected_cases(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Protected]:
    """The open cases under kode 6 in the viewer's units, those with nobody named first.

    For the leads, who must know that there is somebody to be named for. References only; the look
    is logged.
    """
    check_may_open_cases(viewer)
    rules.check_role(viewer, NAMING, "see which cases are protected")
    count = (
        select(func.count())
        .where(named_access.c.person_id == case_.c.person_id, named_access.c.revoked_at.is_(None))
        .correlate(case_)
        .scalar_subquery()
    )
    query = (
        select(case_.c.ref, case_.c.unit, case_.c.admitted_on, count.label("named"))
        .where(~published_cases(), case_.c.phase != "closed")
        .order_by(text("named"), case_.c.admitted_on, case_.c.ref)
    )
    if not viewer.sees_all_units:
        query = query.where(case_.c.unit.in_(sorted(viewer.units)))
    found = [Protected(*row) for row in tx.execute(query)]
    rows = [
        AccessRow(
            unit,
            now,
            viewer.account,
            viewer.role.value,
            PROTECTED_LISTED,
            subjects=tuple(each.ref for each in found if each.unit == unit),
        )
        for unit in sorted({each.unit for each in found})
    ]
    append(tx, rows, now=now)
    return found


def _case_of_unit(
    tx: Connection, viewer: Viewer, ref: str, roles: frozenset[Role], what: str
) -> Case:
    """The case for a viewer of these roles; a lead needs only to belong to its unit."""
    check_may_open_cases(viewer)
    if viewer.role in NAMING:
        case = queries.case_for_update(tx, SYSTEM, ref)
        rules.check_owns(viewer, case)
        return case
    case = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, roles, what)
    return case


def _row(viewer: Viewer, case: Case, verb: str, now: datetime) -> AccessRow:
    return AccessRow(case.unit, now, viewer.account, viewer.role.value, verb, case_ref=case.ref)

"""The neutral phone number that messages to released persons name (DOMAIN section 6).

A unit's own, proposed there and checked by an admin, else the installation's national one
(`OVERLEV_CONTACT_PHONE`). It is never an appointment's number, nor the prison's, nor somebody's who
is registered: whoever calls it must not learn from the answer where the message came from. That it
is nobody's who is registered is looked up; that it answers neutrally is what the admin checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import phonenumbers
from sqlalchemy import Connection, bindparam, insert, select, update

from cases import organisation, rules, vault
from cases.access import Viewer, acts_in
from cases.journal import AccessRow, append
from cases.model import Role
from cases.tables import case_, contact_phone, phone
from core.clock import local_date
from core.errors import BadInput, NotFound, Refused
from core.statement import Prepared

PROPOSING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.HEALTH_LEAD, Role.ADMIN})
CHECKING: Final = frozenset({Role.ADMIN})

PROPOSED: Final = "contact_phone_proposed"
CHECKED: Final = "contact_phone_checked"
REJECTED: Final = "contact_phone_rejected"
ENDED: Final = "contact_phone_ended"
"""What the access log calls it."""

_MAY_ANSWER: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    }
)

_FOR_CASE: Final = Prepared(
    select(contact_phone.c.number)
    .join(case_, contact_phone.c.unit == case_.c.unit)
    .where(case_.c.ref == bindparam("ref"), contact_phone.c.state == "checked")
)
_STANDING: Final = (
    select(contact_phone)
    .where(contact_phone.c.state.in_(("proposed", "checked")))
    .order_by(contact_phone.c.unit, contact_phone.c.id)
)


class ContactNotFound(NotFound):
    """No such unit here, or no number that waits."""

    message_key = "error.contact_not_found"


@dataclass(frozen=True, slots=True)
class ContactPhone:
    """A number of a unit. `state` is `proposed` or `checked` (in force)."""

    unit: str
    number: str
    state: str
    proposed_at: datetime
    proposed_by: str


def number_for_case(tx: Connection, ref: str) -> str | None:
    """The checked number of the unit that owns a case; None: the national one is named."""
    row = _FOR_CASE.row(tx, {"ref": ref})
    return None if row is None else str(row[0])


def propose(
    tx: Connection, viewer: Viewer, unit: str, number: str, *, now: datetime
) -> ContactPhone:
    """Propose a number for a unit.

    It is named in messages once an admin has checked it; one that waits is replaced. What an
    admin proposes is checked at once. Raises `BadInput`, `Refused`, `NotAllowed`, `NotFound`.
    """
    rules.check_role(viewer, PROPOSING, "propose a contact number")
    code = _unit_of(tx, viewer, unit, now)
    written = _written(tx, number)
    _end(tx, code, "proposed", to="rejected", viewer=viewer, now=now)
    checked = viewer.role in CHECKING or viewer.role is Role.OPERATOR
    if checked:
        _end(tx, code, "checked", to="ended", viewer=viewer, now=now)
    values = {
        "unit": code,
        "number": written,
        "proposed_at": now,
        "proposed_by": viewer.account,
        "decided_at": now if checked else None,
        "decided_by": viewer.account if checked else None,
        "state": "checked" if checked else "proposed",
    }
    tx.execute(insert(contact_phone), values)
    _log(tx, viewer, code, CHECKED if checked else PROPOSED, now)
    return _contact(values)


def decide(tx: Connection, viewer: Viewer, unit: str, decision: str, *, now: datetime) -> None:
    """Check (`check`) or reject (`reject`) the number that waits, or end (`end`) the one in force.

    Raises `ContactNotFound` where there is none, `BadInput`, `NotAllowed`.
    """
    rules.check_role(viewer, CHECKING, "check a contact number")
    code = _unit_of(tx, viewer, unit, now)
    if decision == "check":
        waiting = select(contact_phone.c.id).where(
            contact_phone.c.unit == code, contact_phone.c.state == "proposed"
        )
        if tx.execute(waiting).first() is not None:
            _end(tx, code, "checked", to="ended", viewer=viewer, now=now)
        found, verb = _end(tx, code, "proposed", to="checked", viewer=viewer, now=now), CHECKED
    elif decision == "reject":
        found, verb = _end(tx, code, "proposed", to="rejected", viewer=viewer, now=now), REJECTED
    elif decision == "end":
        found, verb = _end(tx, code, "checked", to="ended", viewer=viewer, now=now), ENDED
    else:
        raise BadInput("unknown_code", "decide check, reject or end.", "decision")
    if not found:
        raise ContactNotFound("There is no number to decide about.")
    _log(tx, viewer, code, verb, now)


def standing(tx: Connection, viewer: Viewer) -> list[ContactPhone]:
    """Every number that waits or is in force, of the viewer's units (an admin's: all)."""
    rules.check_role(viewer, PROPOSING, "see the contact numbers")
    everywhere = viewer.role is Role.ADMIN
    return [
        _contact(row)
        for row in tx.execute(_STANDING).mappings()
        if everywhere or acts_in(viewer, row["unit"])
    ]


def _contact(row: Mapping[Any, Any]) -> ContactPhone:
    return ContactPhone(**{name: row[name] for name in ContactPhone.__dataclass_fields__})


def _unit_of(tx: Connection, viewer: Viewer, unit: str, now: datetime) -> str:
    code = organisation.standing_code(tx, unit, local_date(now))
    if viewer.role is not Role.ADMIN and not acts_in(viewer, code):
        raise ContactNotFound(f"There is no unit {unit!r} here.")
    return code


def _written(tx: Connection, number: str) -> str:
    """The number as people write it. Raises `BadInput` for none, `Refused` for somebody's."""
    try:
        parsed = phonenumbers.parse(number, "NO")
    except phonenumbers.NumberParseException:
        raise _unfit() from None
    if parsed.country_code != 47 or phonenumbers.number_type(parsed) not in _MAY_ANSWER:
        raise _unfit()
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    somebodys = select(phone.c.id).where(phone.c.digest == vault.digest(tx, "phone", e164))
    if tx.execute(somebodys).first() is not None:
        raise Refused("This is the number of a registered person: give a neutral one.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


def _unfit() -> BadInput:
    return BadInput(
        "bad_contact_phone",
        "Give a Norwegian number that is free or costs what a call costs, like 22 00 00 00.",
        "number",
    )


def _end(tx: Connection, unit: str, state: str, *, to: str, viewer: Viewer, now: datetime) -> bool:
    changed = tx.execute(
        update(contact_phone)
        .where(contact_phone.c.unit == unit, contact_phone.c.state == state)
        .values(state=to, decided_at=now, decided_by=viewer.account)
    )
    return changed.rowcount > 0


def _log(tx: Connection, viewer: Viewer, unit: str, verb: str, now: datetime) -> None:
    row = AccessRow(unit, now, viewer.account, viewer.role.value, verb)
    append(tx, [row], now=now)

"""Everything held about one person, and who looked: for the person who asks.

Answered for each controller: the health service's answer holds what only its members may read. The
correctional service's does not: neither answers to the offer nor consents as they went by, nor who
in the health service did or read what; of those the health service gives account. Giving it is
itself an entry in the access log, made before a byte leaves.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CompoundSelect, Connection, bindparam, select, union_all

from cases import look_index, people, views
from cases.access import OPERATOR, Viewer
from cases.journal import AccessRow, append
from cases.model import Role
from cases.queries import cases_by_ids
from cases.store import Verb
from cases.tables import (
    access_log,
    account,
    case_,
    case_event,
    erasure,
    membership,
    naloxone_event,
    person,
    person_identifier,
    phone,
)
from core.clock import iso_local
from core.errors import NotFound

VERB: Final = "subject_access"


def _looks(tx: Connection) -> CompoundSelect[Any]:
    return union_all(*look_index.looks_at(tx, *_LOOK)).order_by("at", "id")


class Controller(StrEnum):
    """Who answers."""

    HEALTH = "health"
    CORRECTIONAL = "correctional"


_PERSON: Final = select(
    person.c.id,
    person.c.language,
    person.c.protection,
    person.c.made_at,
    person.c.erased_at,
).where(person.c.ref == bindparam("of_person"))
_CASES: Final = (
    select(case_.c.id).where(case_.c.person_id == bindparam("person_id")).order_by(case_.c.id)
)
_IDENTIFIERS: Final = select(person_identifier.c.kind, person_identifier.c.recorded_at).where(
    person_identifier.c.person_id == bindparam("person_id")
)
_PHONE: Final = select(phone.c.state, phone.c.recorded_at).where(
    phone.c.person_id == bindparam("person_id")
)
_LOOK: Final = (
    access_log.c.id,
    access_log.c.at,
    access_log.c.actor,
    access_log.c.role,
    access_log.c.verb,
    access_log.c.scope,
)
_EVENTS: Final = (
    select(
        case_event.c.verb,
        case_event.c.happened_at,
        case_event.c.recorded_at,
        case_event.c.actor,
        case_event.c.controller,
    )
    .where(case_event.c.case_ref == bindparam("of_case"))
    .order_by(case_event.c.seq)
)
_OF_HEALTH: Final = (Role.HEALTH.value, Role.HEALTH_LEAD.value)
_HEALTH_STAFF: Final = (
    select(account.c.ref)
    .join(membership, membership.c.account_id == account.c.id)
    .where(membership.c.role.in_(_OF_HEALTH))
)
_HEALTH_VERBS: Final = frozenset({Verb.ANSWERED.value, Verb.CONSENT_RECORDED.value})
SOMEBODY_IN_HEALTH: Final = "health_service"
"""What stands for a member of the health service in the correctional service's answer."""
_SPRAYS: Final = (
    select(naloxone_event.c.kind, naloxone_event.c.quantity, naloxone_event.c.happened_at)
    .where(naloxone_event.c.case_id == bindparam("case_id"))
    .order_by(naloxone_event.c.id)
)
_ERASURES: Final = select(erasure.c.at, erasure.c.reason).where(
    erasure.c.person_ref == bindparam("of_person")
)


def held(
    tx: Connection, viewer: Viewer, ref: str, controller: Controller, *, now: datetime
) -> dict[str, Any]:
    """Everything held about a person, as plain values. Raises `NotFound`."""
    found = tx.execute(_PERSON, {"of_person": ref}).one_or_none()
    if found is None:
        raise NotFound("There is no person with that reference.")
    binds = {"person_id": found.id}
    identity = people.identity_of(tx, ref)
    ids = list(tx.execute(_CASES, binds).scalars())
    cases = cases_by_ids(tx, OPERATOR, ids)
    number = tx.execute(_PHONE, binds).one_or_none()
    told: dict[str, Any] = {
        "asked_at": iso_local(now),
        "controller": controller.value,
        "person": {
            "reference": ref,
            "inmate_no": identity.inmate_no if identity else None,
            "first_name": identity.first_name if identity else None,
            "last_name": identity.last_name if identity else None,
            "born_on": identity.born_on.isoformat() if identity and identity.born_on else None,
            "national_id": identity.national_id if identity else None,
            "phone": people.number_for(tx, ref) if identity else None,
            "phone_state": number.state if number else None,
            "language": found.language,
            "protection": found.protection,
            "registered_at": iso_local(found.made_at),
            "erased_at": iso_local(found.erased_at) if found.erased_at else None,
        },
        "kept_as_hashes": [
            {"kind": each.kind, "since": iso_local(each.recorded_at)}
            for each in tx.execute(_IDENTIFIERS, binds)
        ],
        "cases": [_case(tx, cases[each], controller, now) for each in ids],
        "erasures": [
            {"at": iso_local(each.at), "reason": each.reason}
            for each in tx.execute(_ERASURES, {"of_person": ref})
        ],
    }
    rows = [
        AccessRow(each.unit, now, viewer.account, viewer.role.value, VERB, case_ref=each.ref)
        for each in cases.values()
    ]
    append(tx, rows, now=now)
    return told


def _case(tx: Connection, case: Any, controller: Controller, now: datetime) -> dict[str, Any]:
    reader = OPERATOR
    if controller is Controller.CORRECTIONAL:
        reader = Viewer("subject-access", Role.COORDINATOR, frozenset({case.unit}))
    view = views.case_view(tx, reader, case, now=now)
    of_case = {"of_case": case.ref}
    whole = controller is Controller.HEALTH
    unnamed = frozenset() if whole else frozenset(tx.execute(_HEALTH_STAFF).scalars())
    return view | {
        "history": [
            {
                "what": each.verb,
                "happened_at": iso_local(each.happened_at),
                "recorded_at": iso_local(each.recorded_at),
                "by": SOMEBODY_IN_HEALTH if each.actor in unnamed else each.actor,
            }
            for each in tx.execute(_EVENTS, of_case)
            if whole or each.controller == Controller.CORRECTIONAL.value
        ],
        "naloxone": [
            {
                "kind": each.kind,
                "quantity": each.quantity,
                "happened_at": iso_local(each.happened_at),
            }
            for each in tx.execute(_SPRAYS, {"case_id": case.id})
        ],
        "who_looked": [
            {
                "at": iso_local(each.at),
                "who": each.actor,
                "role": each.role,
                "unit": each.scope,
                "what": each.verb,
            }
            for each in tx.execute(_looks(tx), look_index.named(case.ref))
            if whole or (each.role not in _OF_HEALTH and each.verb not in _HEALTH_VERBS)
        ],
    }

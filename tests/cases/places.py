"""Units of a test's own in a database that many tests share: nobody else's kits, cases or staff."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from cases import controllers, organisation, people, release, service, transfers
from cases.access import OPERATOR, Viewer
from cases.model import Case, ReleaseKind, Role
from cases.service import Admission, TaskDone
from cases.vault import Identity
from tests.cases.desk import ADMITTED, OPENED, RELEASE_ON, Desk
from tests.cases.strategies import oslo

_numbers: Final = itertools.count(1)
_inmates: Final = itertools.count(300_000)
_MADE_AT: Final = oslo("2026-01-02 08:00")


@dataclass(frozen=True, slots=True)
class Place:
    """Two new units at a shared desk, `code` and `other`, both in Øst."""

    desk: Desk
    code: str
    other: str

    def staff(self, role: Role, *units: str) -> Viewer:
        """A member of staff in these units (in `code`, if none are named)."""
        codes = frozenset(units or (self.code,))
        belongs = (
            self.desk.look(controllers.health_controllers, codes, _MADE_AT.date())
            if role in (Role.HEALTH, Role.HEALTH_LEAD)
            else frozenset()
        )
        return Viewer(f"{role.value}-{'-'.join(sorted(codes))}", role, codes, belongs)


def new_place(desk: Desk) -> Place:
    """Two units that no other test has."""
    number = next(_numbers)
    codes = f"p{number}", f"q{number}"
    for code in codes:
        add_unit(desk, code)
    return Place(desk, *codes)


def add_unit(desk: Desk, code: str, **cells: str) -> None:
    """One more unit, in the columns of `units.csv`."""
    row = {
        "code": code,
        "name": f"{code.upper()} fengsel",
        "kind": "prison",
        "region": "Øst",
        "host_municipality": f"{code.upper()}-by",
        "cohort_year": "2016",
    }
    desk.do(organisation.import_units, [row | cells], now=_MADE_AT)


def make_case(
    place: Place,
    *,
    unit: str | None = None,
    admitted_at: datetime = ADMITTED,
    now: datetime = OPENED,
    release_on: date | None = RELEASE_ON,
    answer: str | None = None,
    identity: Identity | None = None,
    phone: str | None = None,
) -> Case:
    """A case of a new person in `place.code`, or in `unit`."""

    def admit(tx: Any) -> Case:
        who = identity or Identity(f"N{next(_inmates)}", "Kari", "Nordmann")
        registered = people.register(tx, people.NewPerson(who, phone=phone), now=now)
        admission = Admission(
            registered.ref,
            registered.counted_as,
            unit or place.code,
            admitted_at,
            release_on=release_on,
            release_kind=ReleaseKind.FULL_TERM,
        )
        return service.admit(tx, OPERATOR, admission, now=now)

    case = place.desk.do(admit)
    if answer is not None:
        case = place.desk.do(service.answer_offer, OPERATOR, case.ref, answer, now=now)
    return case


def complete(
    place: Place,
    case: Case,
    code: str,
    *,
    now: datetime,
    at: datetime | None = None,
    form: str | None = None,
    answer: str | None = None,
) -> Case:
    """A task completed by the operator."""
    done = TaskDone(code, at, form, answer)
    return place.desk.do(service.complete_task, OPERATOR, case.ref, done, now=now)


def move(place: Place, case: Case, to: str, *, now: datetime) -> Case:
    """A transfer proposed and accepted at once."""
    proposed = place.desk.do(transfers.propose_transfer, OPERATOR, case.ref, to, now=now)
    waiting = proposed.open_transfer
    assert waiting is not None
    return place.desk.do(transfers.answer_transfer, OPERATOR, waiting.id, "accept", now=now)


def let_go(place: Place, case: Case, *, now: datetime, at: datetime | None = None) -> Case:
    """A release to liberty."""
    return place.desk.do(release.release, OPERATOR, case.ref, now=now, released_at=at)

"""Units, staff, persons and cases for tests: plain keyword functions, all through real verbs.

Local times are written as on the wall: "2026-09-01 06:00". All persons are synthetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from cases import organisation, people, release, service
from cases.access import OPERATOR, Viewer
from cases.model import Case, Protection, ReleaseKind, Role, Source
from cases.people import NewPerson, Registered
from cases.registry import register_national
from cases.service import Admission, TaskDone
from cases.vault import Identity
from core.clock import parse_instant
from tests.databases import Filling
from tests.installation import installation

# `make_units` in a new database numbers the controllers: A's health service, the correctional
# service, then B's and C's health services.
NURSE = Viewer("nurse", Role.HEALTH, frozenset({"A"}), frozenset({1}))
OFFICER = Viewer("officer", Role.OFFICER, frozenset({"A"}), frozenset({2}))
COORDINATOR = Viewer("coordinator", Role.COORDINATOR, frozenset({"A", "B"}), frozenset({2}))
OUTSIDER = Viewer("outsider", Role.HEALTH, frozenset({"C"}), frozenset({4}))

REGIONS = {"A": "Vest", "B": "Øst", "C": "Nord"}

_numbers = itertools.count(1)


def at(text: str) -> datetime:
    """The instant of a local time: `at("2026-09-01 06:00")`."""
    return parse_instant(text)


def make_units(tx: Connection, **more: str) -> None:
    """Units A in Vest, B in Øst and C in Nord, and `more` as code=region; the national package."""
    now = at("2026-01-01 00:00")
    rows = [
        {
            "code": code,
            "name": f"{code} fengsel",
            "kind": "prison",
            "region": region,
            "host_municipality": f"{code}-by",
            "cohort_year": "2016",
        }
        for code, region in (REGIONS | more).items()
    ]
    organisation.import_units(tx, rows, now=now)
    register_national(tx, now=now)


def _with_units(url: str) -> None:
    with TemporaryDirectory() as folder, installation(url, Path(folder)) as db, db.write() as tx:
        make_units(tx)


UNITS = Filling("units", _with_units)
"""A database in which `make_units` has been."""


def make_person(
    tx: Connection,
    *,
    inmate_no: str | None = None,
    national_id: str | None = None,
    phone: str | None = None,
    language: str = "nb",
    protection: Protection = Protection.UNGRADED,
    now: datetime | None = None,
) -> Registered:
    """A registered person; without an inmate number one that nobody has."""
    identity = Identity(
        inmate_no or f"T{next(_numbers)}", "Test", "Person", date(1990, 1, 1), national_id
    )
    new = NewPerson(identity, language=language, protection=protection, phone=phone)
    return people.register(tx, new, now=now or at("2026-01-01 00:00"))


def make_case(
    tx: Connection,
    *,
    unit: str = "A",
    admitted: str = "2026-09-01 06:00",
    opened: str | None = None,
    release_on: date | None = None,
    kind: ReleaseKind = ReleaseKind.CONFIRMED,
    answer: str | None = None,
    answered: str | None = None,
    done: Iterable[str] | Mapping[str, str] = (),
    released: str | None = None,
    person: Registered | None = None,
) -> Case:
    """A case that was opened (2 h after the admission), answered and worked on, as the operator.

    The answer is given an hour after the opening if no time is said, and so are tasks in `done`
    (codes, or code → local time). Everything is recorded when it happens.
    """
    admitted_at = at(admitted)
    opened_at = at(opened) if opened else admitted_at + timedelta(hours=2)
    whom = person or make_person(tx, now=opened_at)
    admission = Admission(
        whom.ref,
        whom.counted_as,
        unit,
        admitted_at,
        release_on=release_on,
        release_kind=kind,
        source=Source.STAFF,
    )
    case = service.admit(tx, OPERATOR, admission, now=opened_at)
    soon = opened_at + timedelta(hours=1)
    if answer is not None:
        case = service.answer_offer(
            tx, OPERATOR, case.ref, answer, now=at(answered) if answered else soon
        )
    times = done if isinstance(done, Mapping) else dict.fromkeys(done)
    for code, time in times.items():
        case = complete(tx, case, code, at(time) if time else soon)
    if released is not None:
        case = release.release(tx, OPERATOR, case.ref, now=at(released))
    return case


def complete(
    tx: Connection,
    case: Case,
    code: str,
    done_at: datetime,
    *,
    recorded_at: datetime | None = None,
    form: str | None = None,
    answer: str | None = None,
) -> Case:
    """A task completed by the operator, recorded when it was done unless said otherwise."""
    done = TaskDone(code, done_at, form, answer)
    return service.complete_task(tx, OPERATOR, case.ref, done, now=recorded_at or done_at)

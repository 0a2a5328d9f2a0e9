"""A desk to work at in tests: a furnished database, three units, and the people who stand there.

Everything is a plain function; a test says in its own words what happens and when. Instants are
written as Norwegian wall clock, `oslo("2026-09-01 08:00")`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, select

from cases import (
    accounts,
    appointments,
    history,
    journal,
    organisation,
    people,
    queries,
    release,
    service,
    shape,
    standing,
    sweep,
    transfers,
)
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking
from cases.derived import COLUMNS, derived
from cases.model import (
    Appointment,
    AppointmentStatus,
    Case,
    Phase,
    ReleaseKind,
    Role,
    Step,
    Task,
    TaskState,
    TransferState,
)
from cases.registry import package_named, register_national
from cases.replan import replan
from cases.service import Admission, TaskDone
from cases.tables import case_, notice
from cases.vault import Identity, Secrets
from cases.wanted import wanted
from core.chain import read_heads
from core.chain_check import Finding, verify
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore
from notifications import outbox
from notifications.message import MAY_HAVE_GONE, Message, MessageState
from tests.cases.strategies import oslo as oslo  # noqa: PLC0414 - every test takes it from here
from tests.databases import Filling
from tests.installation import SECRET

T = TypeVar("T")

ADMITTED: Final = oslo("2026-09-01 06:00")
OPENED: Final = oslo("2026-09-01 08:00")
RELEASE_ON: Final = date(2026, 12, 28)
"""The dates of worked example (a): a stay of 118 days that is known from the start."""

UNITS: Final = ("a", "b", "c")
_STAFF: Final = (
    Role.HEALTH,
    Role.HEALTH_LEAD,
    Role.OFFICER,
    Role.COORDINATOR,
    Role.UNIT_LEAD,
)
_FURNISHED_AT: Final = oslo("2026-01-02 08:00")

# The controllers of a new database are numbered as units are imported: the health service of each
# municipality, and the one correctional service after the first of them (`furnish` makes sure).
_HEALTH_OF: Final = {"a": 1, "b": 3, "c": 4}


def staff(role: Role, *units: str) -> Viewer:
    """A member of staff in some units; health staff belong to the health service of each."""
    belongs = (
        frozenset(_HEALTH_OF[unit] for unit in units)
        if role in (Role.HEALTH, Role.HEALTH_LEAD)
        else frozenset()
    )
    return Viewer(f"{role.value}-{''.join(units)}", role, frozenset(units), belongs)


NURSE: Final = staff(Role.HEALTH, "a")
COORDINATOR: Final = staff(Role.COORDINATOR, "a", "b")
OUTSIDER: Final = staff(Role.HEALTH, "c")
OFFICER: Final = staff(Role.OFFICER, "a")
UNIT_LEAD: Final = staff(Role.UNIT_LEAD, "a")
HEALTH_LEAD: Final = staff(Role.HEALTH_LEAD, "a")
DIRECTORATE: Final = Viewer("directorate", Role.DIRECTORATE)
ADMIN: Final = Viewer("admin", Role.ADMIN)

OWNER_OF: Final = {
    "intake_talk": NURSE,
    "brief_info": OFFICER,
    "naloxone_training": NURSE,
    "talk_booked": COORDINATOR,
    "talk_held": OFFICER,
    "requests_sent": COORDINATOR,
    "appointments_confirmed": COORDINATOR,
    "card_printed": COORDINATOR,
    "handed_over": OFFICER,
}
"""Somebody in unit A who may complete each task (`offer_answered` is settled by the answer)."""

BEFORE_RELEASE: Final = (
    "brief_info",
    "naloxone_training",
    "talk_booked",
    "talk_held",
    "requests_sent",
    "appointments_confirmed",
    "card_printed",
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A furnished database: units A, B and C with an active account of every role in each."""

    db: Database
    ring: KeyRing
    keys: KeyStore

    def do(self, verb: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """One verb in a transaction of its own, as every caller does it."""
        return self.db.transact(lambda tx: verb(tx, *args, **kwargs))

    def look(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """One query in a transaction that only reads."""
        with self.db.read() as tx:
            return query(tx, *args, **kwargs)

    def case(self, ref: str) -> Case:
        """The case as it is stored."""
        return self.look(queries.case_by_ref, OPERATOR, ref)

    def close(self) -> None:
        """Give all connections back."""
        self.db.close()
        self.keys.close()


def furnish(
    url: str,
    keys: Path,
    *,
    units: Iterable[str] = UNITS,
    staffed: bool = True,
    ring: KeyRing | None = None,
) -> Desk:
    """Make a migrated, empty database ready to work with; the keys go to the file `keys`."""
    desk = reopened(url, keys, ring or KeyRing.generate())
    with desk.db.write() as tx:
        register_national(tx, now=_FURNISHED_AT)
        organisation.import_units(
            tx,
            [
                {
                    "code": code,
                    "name": f"{code.upper()} fengsel",
                    "kind": "prison",
                    "region": "Øst",
                    "host_municipality": f"{code.upper()}-by",
                    "cohort_year": "2016",
                }
                for code in units
            ],
            now=_FURNISHED_AT,
        )
        for code in units if staffed else ():
            for role in _STAFF:
                accounts.add(
                    tx,
                    f"{role.value.replace('_', '-')}.{code}",
                    "",
                    role.value,
                    [code],
                    password=None,
                    now=_FURNISHED_AT,
                )
        for code, number in _HEALTH_OF.items():
            if code in units:
                found = organisation.health_controllers(tx, [code], _FURNISHED_AT.date())
                assert found == {number}
    return desk


def _filled(url: str, *, staffed: bool) -> None:
    with TemporaryDirectory() as folder:
        furnish(url, Path(folder) / "keys.db", staffed=staffed, ring=RING).close()


RING: Final = KeyRing.derive(SECRET)
"""The ring of the databases that are copied."""

FURNISHED: Final = Filling("furnished", partial(_filled, staffed=True))
"""A database that `furnish` has made ready; `reopened` with `RING` is its desk."""

UNSTAFFED: Final = Filling("unstaffed", partial(_filled, staffed=False))
"""The same without accounts."""


def reopened(url: str, keys: Path, ring: KeyRing) -> Desk:
    """The desk of a database that is furnished already, as another program opens it."""
    store = KeyStore(f"sqlite:///{keys}", ring)
    store.prepare()
    return Desk(Database(url, secrets=Secrets(ring, store)), ring, store)


# --- doing -------------------------------------------------------------------------------------

_numbers: Final = itertools.count(700_000)

WAITING: Final = (TaskState.OPEN, TaskState.PREPARED)


def make_case(
    desk: Desk,
    *,
    unit: str = "a",
    admitted_at: datetime = ADMITTED,
    now: datetime = OPENED,
    release_on: date | None = RELEASE_ON,
    kind: ReleaseKind = ReleaseKind.FULL_TERM,
    phone: str | None = None,
    answer: str | None = None,
    done: Iterable[str] = (),
) -> Case:
    """A case of a new person, perhaps answered (an hour after the opening) and partly done."""

    def admit(tx: Connection) -> Case:
        return _admitted(
            tx,
            unit=unit,
            admitted_at=admitted_at,
            now=now,
            release_on=release_on,
            kind=kind,
            phone=phone,
        )

    case = desk.do(admit)
    if answer is not None:
        case = desk.do(service.answer_offer, OPERATOR, case.ref, answer, now=now)
    for code in done:
        case = complete(desk, case, code, now=now, viewer=OPERATOR)
    return case


def make_many(desk: Desk, count: int, *, release_on: date | None = RELEASE_ON) -> list[Case]:
    """So many cases in unit A in one transaction."""

    def admit(tx: Connection) -> list[Case]:
        return [_admitted(tx, release_on=release_on) for _ in range(count)]

    return desk.do(admit)


def _admitted(
    tx: Connection,
    *,
    unit: str = "a",
    admitted_at: datetime = ADMITTED,
    now: datetime = OPENED,
    release_on: date | None = RELEASE_ON,
    kind: ReleaseKind = ReleaseKind.FULL_TERM,
    phone: str | None = None,
) -> Case:
    number = str(next(_numbers))
    who = people.register(
        tx, people.NewPerson(Identity(number, "Kari", "Nordmann"), phone=phone), now=now
    )
    admission = Admission(
        who.ref, who.counted_as, unit, admitted_at, release_on=release_on, release_kind=kind
    )
    return service.admit(tx, OPERATOR, admission, now=now)


def complete(
    desk: Desk,
    case: Case,
    code: str,
    *,
    now: datetime,
    viewer: Viewer | None = None,
    at: datetime | None = None,
    form: str | None = None,
    answer: str | None = None,
) -> Case:
    """A task completed by whoever owns it in unit A, or by `viewer`."""
    return desk.do(
        service.complete_task,
        viewer or OWNER_OF[code],
        case.ref,
        TaskDone(code, at, form, answer),
        now=now,
    )


def answer_offer(
    desk: Desk,
    case: Case,
    status: str,
    *,
    now: datetime,
    at: datetime | None = None,
    reason: str | None = None,
) -> Case:
    return desk.do(
        service.answer_offer, NURSE, case.ref, status, now=now, happened_at=at, reason=reason
    )


def set_date(
    desk: Desk, case: Case, on: date | None, *, now: datetime, kind: str = "confirmed"
) -> Case:
    return desk.do(release.set_release_date, COORDINATOR, case.ref, on, kind=kind, now=now)


def let_go(
    desk: Desk, case: Case, *, now: datetime, at: datetime | None = None, to: str = "liberty"
) -> Case:
    return desk.do(release.release, OFFICER, case.ref, now=now, released_at=at, to=to)


def consent(
    desk: Desk,
    case: Case,
    purpose: str,
    *,
    now: datetime,
    given: bool = True,
    to: str | None = None,
) -> Case:
    return desk.do(
        service.record_consent, NURSE, case.ref, purpose, given=given, now=now, receiver=to
    )


def book(
    desk: Desk,
    case: Case,
    kind: str,
    starts_at: datetime,
    *,
    now: datetime,
    status: str = "confirmed",
    viewer: Viewer = NURSE,
) -> Appointment:
    """The appointment just booked."""
    known = {each.id for each in desk.case(case.ref).appointments}
    booking = Booking(kind, starts_at, "Dr. Moen", "Storgata 1", status=status)
    after = desk.do(appointments.book, viewer, case.ref, booking, now=now)
    return next(each for each in after.appointments if each.id not in known)


def outcome(
    desk: Desk, appointment: Appointment, status: str, *, now: datetime, viewer: Viewer = NURSE
) -> Case:
    return desk.do(appointments.record_outcome, viewer, appointment.id, status, now=now)


def propose(
    desk: Desk, case: Case, to_unit: str, *, now: datetime, viewer: Viewer = COORDINATOR
) -> str:
    """The reference of the transfer just proposed."""
    after = desk.do(transfers.propose_transfer, viewer, case.ref, to_unit, now=now)
    return next(t.id for t in after.transfers if t.state is TransferState.PROPOSED)


def answer_transfer(
    desk: Desk, transfer: str, answer: str, *, now: datetime, viewer: Viewer = COORDINATOR
) -> Case:
    return desk.do(transfers.answer_transfer, viewer, transfer, answer, now=now)


def sweep_at(desk: Desk, now: datetime) -> sweep.SweepResult:
    return sweep.sweep(desk.db, now=now)


# --- looking -----------------------------------------------------------------------------------


def task(case: Case, code: str) -> Task:
    found = case.task(code)
    assert found is not None
    return found


def state(case: Case, code: str) -> TaskState:
    return task(case, code).state


def states(case: Case, codes: Iterable[str] = BEFORE_RELEASE) -> set[str]:
    """The states that these tasks stand in."""
    return {state(case, code).value for code in codes}


def due(case: Case, code: str) -> datetime | None:
    return task(case, code).due_at


def messages(desk: Desk, case: Case) -> list[Message]:
    return desk.look(outbox.of_subject, case.ref)


def still_to_send(desk: Desk, case: Case) -> list[datetime]:
    """When each message that is still wanted should go."""
    return [m.send_at for m in messages(desk, case) if m.state is MessageState.WANTED]


def notices(desk: Desk, case: Case) -> list[tuple[str, str, str]]:
    """(task or "", rung, role) of everything told about a case, in the order of telling."""
    with desk.db.read() as tx:
        rows = tx.execute(
            select(notice.c.task, notice.c.rung, notice.c.to_role)
            .where(notice.c.case_id == case.id)
            .order_by(notice.c.at, notice.c.id)
        )
        return [tuple(row) for row in rows]


def told(desk: Desk, case: Case) -> list[Any]:
    """Every row told about a case, whole, in the order of telling."""
    with desk.db.read() as tx:
        return list(
            tx.execute(
                select(notice).where(notice.c.case_id == case.id).order_by(notice.c.at, notice.c.id)
            )
        )


# --- what always holds -------------------------------------------------------------------------


def findings(desk: Desk) -> list[Finding]:
    """What is wrong with the log chains."""
    with desk.db.read() as tx:
        return verify(journal.stored_rows(tx), read_heads(tx), desk.ring)


def as_events_tell(desk: Desk, ref: str) -> Case | None:
    """The case as its events give it, its version left out (the sweep counts it on silently)."""
    folded = desk.look(history.fold_case, ref)
    return None if folded is None else comparable(folded)


def comparable(case: Case) -> Case:
    """What events can know of a case."""
    return replace(shape.without_machinery(shape.in_order(case)), version=0)


def check_case(desk: Desk, ref: str, *, now: datetime) -> None:
    """Everything that holds for every case at every moment."""
    with desk.db.read() as tx:
        case = queries.case_by_ref(tx, OPERATOR, ref)
        package = package_named(tx, case.package)
        folded = history.fold_case(tx, ref)
        stored = {m.about: m for m in outbox.of_subject(tx, ref)}
        beside = tx.execute(select(*(case_.c[n] for n in COLUMNS)).where(case_.c.ref == ref)).one()
    assert folded is not None
    assert beside == derived(case), "what lists and counts read is not what follows from the case"
    assert comparable(folded) == comparable(case), "the events tell another story than the tables"
    assert replan(case, case, package, now=now) == case, "stored is not what the rules give"
    check_facts(case, now=now)
    unsent = {about for about, m in stored.items() if m.state is MessageState.WANTED}
    # What was claimed once is never wanted anew, nor on another rung.
    ended = {
        about
        for about, m in stored.items()
        if m.state not in (MessageState.WANTED, MessageState.CANCELLED)
    }
    gone = {m.occasion for m in stored.values() if m.state in MAY_HAVE_GONE}
    to_send = {m.about for m in wanted(case) if m.about not in ended and m.occasion not in gone}
    assert unsent == to_send, "the outbox is not what is wanted"


def check_facts(case: Case, *, now: datetime) -> None:
    """The invariants that need nothing but the case."""
    for each in case.tasks:
        assert (each.state is not TaskState.OPEN) or each.due_at is not None
        assert not (each.finished and standing.is_overdue(each, now))
        assert each.finished == (each.done_at is not None)
        assert each.wake_at is None or each.state is TaskState.OPEN
        if case.released_at is not None and each.klass.value == "before_release":
            assert each.state is not TaskState.OPEN, "open though the release is over"
        if case.phase is Phase.CLOSED:
            assert each.state not in (TaskState.OPEN, TaskState.PREPARED)
        if case.participation.value in ("declined", "withdrawn"):
            asked = each.step is Step.INTAKE_TALK or each.state not in WAITING
            assert asked, "somebody who said no is asked again"
    assert sum(t.state is TransferState.PROPOSED for t in case.transfers) <= 1
    assert [s.unit for s in case.stays if s.to_at is None] == [case.unit]
    assert all(s.to_at is None or s.from_at <= s.to_at for s in case.stays)
    assert all(s.to_at == following.from_at for s, following in pairwise(case.stays))
    assert case.released_at is None or case.admitted_at <= case.released_at
    assert case.closed_at is None or (case.released_at or case.closed_at) <= case.closed_at
    assert (case.phase is Phase.CLOSED) == (case.closed_at is not None)
    if case.phase is not Phase.IN_PRISON:
        assert case.open_transfer is None
    for answer in case.answers:
        assert answer.until_at is None or answer.until_at >= answer.happened_at
    assert all(
        a.confirmed_at is not None
        for a in case.appointments
        if a.status is AppointmentStatus.CONFIRMED
    )


def all_refs(desk: Desk) -> Iterator[str]:
    with desk.db.read() as tx:
        yield from list(tx.execute(select(case_.c.ref).order_by(case_.c.id)).scalars())

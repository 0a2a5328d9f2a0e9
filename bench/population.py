"""Cases in numbers: some made by the verbs, day by day, and then multiplied inside the database.

What the verbs make (`templates`) is whole: persons, events, logs, notices. The copies are rows of
the projection (case, parts, person, look-ups) and of the ledger of naloxone, because that is what
today's work and the counts read; the copies of one case differ in their references and persons.
Their sealed names are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, Table, func, select

from bench.clock import NOW
from bench.people import phone_number
from bench.places import Place
from cases import people, queries, release, service
from cases.access import OPERATOR
from cases.model import ReleaseKind, TaskState
from cases.naloxone import HANDED_OVER
from cases.store import PART_TABLES
from cases.sweep import advance, sweep
from cases.tables import case_, naloxone_event, naloxone_held, person, person_identifier, unit
from cases.vault import Identity
from core.clock import from_local

Act: TypeAlias = Callable[[Connection, datetime], None]

DONE: Final = 0.8
"""Share of tasks that are done at their time; the rest is overdue or missed."""

SPRAY: Final = "card_and_spray"
"""What is handed over: a row of the ledger too."""

ANSWERS: Final = ("accepted",) * 17 + ("declined",) * 2 + ("not_now",)

TOGETHER: Final = 100
"""Acts to a transaction while templates are made."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One imprisonment to be played: the plan of a template."""

    admitted_at: datetime
    release_on: date
    accepted: str


def open_stays(number: int, chance: random.Random) -> Iterator[Stay]:
    """Imprisonments that are open now; one in ten is in its follow-up."""
    for _ in range(number):
        if chance.random() < 0.1:
            release_on = NOW.date() - timedelta(days=chance.randint(1, 38))
            admitted_on = release_on - timedelta(days=chance.randint(20, 200))
            yield Stay(_hour(admitted_on, chance), release_on, "accepted")
        else:
            admitted_on = NOW.date() - timedelta(days=chance.randint(1, 200))
            release_on = NOW.date() + timedelta(days=chance.randint(1, 300))
            yield Stay(_hour(admitted_on, chance), release_on, chance.choice(ANSWERS))


def past_stays(number: int, chance: random.Random, *, years: int) -> Iterator[Stay]:
    """Imprisonments that began in the last years, most of them over."""
    for _ in range(number):
        admitted_on = NOW.date() - timedelta(days=chance.randint(1, 365 * years))
        release_on = admitted_on + timedelta(days=chance.randint(3, 150))
        yield Stay(_hour(admitted_on, chance), release_on, chance.choice(ANSWERS))


def _hour(day: date, chance: random.Random) -> datetime:
    return from_local(day, time(chance.randint(8, 18), chance.randint(0, 59)))


def play(place: Place, stays: Iterator[Stay], chance: random.Random) -> None:
    """Play imprisonments by the verbs, in the order of time, and sweep at the end."""
    with place.db.read() as tx:
        units = list(tx.execute(select(unit.c.code).order_by(unit.c.code)).scalars())
    agenda = _Agenda()
    for number, stay in enumerate(stays):
        agenda.add(stay.admitted_at, _admission(agenda, stay, chance.choice(units), number, chance))
    while agenda:
        place.db.transact(agenda.work)
    sweep(place.db, now=NOW)


class _Agenda:
    """Acts in the order of their time; an act may add later ones."""

    def __init__(self) -> None:
        self._acts: list[tuple[datetime, int, Act]] = []
        self._tie = count()

    def add(self, at: datetime, act: Act) -> None:
        if at <= NOW:
            heappush(self._acts, (at, next(self._tie), act))

    def __bool__(self) -> bool:
        return bool(self._acts)

    def work(self, tx: Connection) -> None:
        for _ in range(TOGETHER):
            if not self._acts:
                return
            at, _, act = heappop(self._acts)
            act(tx, at)


def _admission(
    agenda: _Agenda, stay: Stay, unit_code: str, number: int, chance: random.Random
) -> Act:
    def act(tx: Connection, now: datetime) -> None:
        new = people.NewPerson(
            Identity(f"B{number:06d}", "Ola", f"Prøve {number}", date(1990, 1, 1)),
            phone=phone_number(number),
        )
        registered = people.register(tx, new, now=now)
        admission = service.Admission(
            person=registered.ref,
            counted_as=registered.counted_as,
            unit=unit_code,
            admitted_at=stay.admitted_at,
            release_on=stay.release_on,
            release_kind=ReleaseKind.TWO_THIRDS,
        )
        case = service.admit(tx, OPERATOR, admission, now=now)
        released_at = from_local(stay.release_on, time(10))
        agenda.add(now + timedelta(hours=chance.randint(20, 60)), _answer(case.ref, stay.accepted))
        for task in case.tasks:
            if task.due_at is not None and chance.random() < DONE:
                early = timedelta(hours=chance.randint(1, 30))
                at = max(now + timedelta(hours=2), min(task.due_at - early, released_at))
                agenda.add(at, _completion(case.ref, task.code))
        agenda.add(released_at, _release(case.ref))
        agenda.add(released_at + timedelta(days=43), _advance(case.ref))

    return act


def _answer(ref: str, answer: str) -> Act:
    def act(tx: Connection, now: datetime) -> None:
        service.answer_offer(tx, OPERATOR, ref, answer, now=now)

    return act


def _completion(ref: str, code: str) -> Act:
    def act(tx: Connection, now: datetime) -> None:
        task = queries.case_by_ref(tx, OPERATOR, ref).task(code)
        if task is None or task.state is not TaskState.OPEN:
            return
        if code in ("offer_answered", "appointments_confirmed"):
            return
        answer = SPRAY if code == HANDED_OVER else None
        service.complete_task(tx, OPERATOR, ref, service.TaskDone(code, answer=answer), now=now)

    return act


def _release(ref: str) -> Act:
    def act(tx: Connection, now: datetime) -> None:
        release.release(tx, OPERATOR, ref, now=now)

    return act


def _advance(ref: str) -> Act:
    def act(tx: Connection, now: datetime) -> None:
        advance(tx, ref, now=now)

    return act


# --- multiplied --------------------------------------------------------------------------------


def multiply(place: Place, wanted: int) -> int:
    """Copy the cases there are until about `wanted` are open; returns how many are open."""
    return _multiply(place, wanted, _OPEN_CASES)


def multiply_all(place: Place, wanted: int) -> int:
    """Copy the cases there are until there are about `wanted`, open or not; returns how many."""
    return _multiply(place, wanted, _ALL_CASES)


_ALL_CASES: Final = select(func.count()).select_from(case_)
_OPEN_CASES: Final = _ALL_CASES.where(case_.c.phase != "closed")


def _multiply(place: Place, wanted: int, counted: Select[int]) -> int:
    with place.db.read() as tx:
        there = tx.execute(counted).scalar_one()
        stride = tx.execute(select(func.max(case_.c.id))).scalar_one()
        step = tx.execute(select(func.max(person.c.id))).scalar_one()
        rows = tx.execute(select(func.max(naloxone_event.c.id))).scalar_one() or 0
    copies = max(round(wanted / there) - 1, 0)
    if copies:
        steps = {"case_": stride, "person": step, "naloxone_event": rows}
        copied = [_copy(table, steps, copies) for table in _TABLES]
        _run_raw(place, [*copied, _STOCK.format(times=copies + 1)], steps)
    with place.db.read() as tx:
        return tx.execute(counted).scalar_one()


_TABLES: Final = (
    person,
    person_identifier,
    case_,
    *PART_TABLES.values(),
    naloxone_event,
    naloxone_held,
)
_STOCK: Final = "UPDATE naloxone_stock SET quantity = quantity * {times}"
_REFERENCES: Final = {
    "case_": ("ref", "counted_as"),
    "person": ("ref", "counted_as"),
    "person_identifier": ("digest",),
    "appointment": ("id",),
    "transfer": ("id",),
}
"""Text that must differ between copies: how far the copy lies from the case it is of is hung on.

That grows from one multiplication to the next, so that copies may be copied too.
"""


def _copy(table: Table, steps: Mapping[str, int], copies: int) -> str:
    """`steps`: how far the numbers of the copies lie apart, for the tables that others name."""
    number = f"CAST(k.k * {steps['case_']} AS TEXT)"
    for digit, letter in zip("0189", "abcd", strict=True):  # those that no reference has
        number = f"replace({number}, '{digit}', '{letter}')"
    changed = {name: f"t.{_q(name)} || {number}" for name in _REFERENCES.get(table.name, ())}
    changed["case_id"] = f"t.case_id + k.k * {steps['case_']}"
    changed["person_id"] = f"t.person_id + k.k * {steps['person']}"
    for name in ("undoes", "given_twice"):
        changed[name] = f"t.{name} + k.k * {steps['naloxone_event']}"
    if table.name in steps:
        changed["id"] = f"t.id + k.k * {steps[table.name]}"
    if table.name == "person":
        changed["identity_enc"] = "NULL"
    kept = [c.name for c in table.columns if table.name != "person_identifier" or c.name != "id"]
    names = ", ".join(_q(name) for name in kept)
    values = ", ".join(changed.get(name, f"t.{_q(name)}") for name in kept)
    order = ", ".join(f"t.{_q(c.name)}" for c in table.primary_key.columns)
    return (
        f"WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k WHERE k < {copies}) "
        f"INSERT INTO {table.name} ({names}) SELECT {values} FROM k CROSS JOIN {table.name} AS t "
        f"ORDER BY k.k, {order}"
    )


def _q(name: str) -> str:
    return f'"{name}"'


_COPIED: Final = ", ".join(f"'{table.name}'" for table in _TABLES)
_INDEXES: Final = {
    "sqlite": (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        f"AND sql NOT LIKE '%UNIQUE%' AND tbl_name IN ({_COPIED})"
    ),
    "postgres": (
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        f"AND indexdef NOT LIKE '%UNIQUE%' AND tablename IN ({_COPIED})"
    ),
}


def _run_raw(place: Place, statements: list[str], steps: Iterable[str]) -> None:
    """Run statements as quickly as the engine can: nothing here need survive a crash."""
    raw: Any = place.raw()
    if place.engine == "sqlite":
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("PRAGMA foreign_keys = OFF")
    else:
        raw.execute("SET session_replication_role = replica")
        raw.execute("SET maintenance_work_mem = '256MB'")
    raw.execute("BEGIN")
    # Indexes are made again afterwards, in one go each: a third of the time for a million cases.
    indexes = raw.execute(_INDEXES[place.engine]).fetchall()
    for name, _ in indexes:
        raw.execute(f"DROP INDEX {name}")
    for statement in (*statements, *(made for _, made in indexes)):
        raw.execute(statement)
    raw.execute("COMMIT")
    if place.engine == "postgres":
        for name in steps:
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            raw.execute(f"SELECT setval({sequence}, coalesce(max(id), 1)) FROM {name}")
        raw.execute("VACUUM ANALYZE")
    else:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()

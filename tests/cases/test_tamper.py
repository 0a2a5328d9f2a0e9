"""The two logs against somebody who owns the database: whatever is changed is found.

The triggers stop careless hands; whoever drops them is found by the chains. Every attack happens
in a transaction that is rolled back, so that each starts from whole logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from cases import journal, release, service, views
from cases.tables import access_log, case_event
from core.chain import chain, read_heads
from core.chain_check import Fault, Finding, verify
from core.db import metadata
from migrations.schema import APPEND_ONLY
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OFFICER,
    OPENED,
    Desk,
    answer_offer,
    book,
    complete,
    consent,
    findings,
    furnish,
    make_case,
    oslo,
    set_date,
    sweep_at,
)
from tests.databases import Databases

MONDAY = oslo("2026-09-07 10:00")
OCTOBER = oslo("2026-10-05 10:00")
DAY = timedelta(days=1)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def logs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk where things have happened in two units and over two months."""
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    url = source.create(migrated=True)
    desk = furnish(url, Path(tmp_path_factory.mktemp("keys")) / "keys.db")
    for unit in ("a", "b"):
        case = make_case(desk, unit=unit, release_on=date(2026, 9, 18))
        complete(desk, case, "talk_booked", now=MONDAY)
        set_date(desk, case, date(2026, 9, 25), now=MONDAY)
    case = make_case(desk, answer="accepted")
    consent(desk, case, "sms", now=MONDAY)
    book(desk, case, "GP", oslo("2027-01-04 10:00"), now=MONDAY)
    desk.do(views.read_case, NURSE, case.ref, now=MONDAY)
    desk.do(views.list_cases, COORDINATOR, now=MONDAY)
    sweep_at(desk, MONDAY + DAY)
    answer_offer(desk, case, "withdrawn", now=OCTOBER)
    desk.do(views.list_cases, NURSE, now=OCTOBER)
    complete(desk, case, "intake_talk", now=OCTOBER, answer="at_risk")
    assert findings(desk) == []
    yield desk
    desk.close()
    source.drop(url)


@contextmanager
def attacked(desk: Desk, attack: Callable[[Connection], None]) -> Iterator[list[Finding]]:
    """What the check finds after an attack by somebody who takes the triggers away first."""

    class Undo(Exception):
        pass

    try:
        with desk.db.write() as tx:
            for log in (case_event, access_log):
                disarm(tx, log)
            attack(tx)
            yield verify(journal.stored_rows(tx), read_heads(tx), desk.ring)
            raise Undo
    except Undo:
        pass


def disarm(tx: Connection, table: Table) -> None:
    if tx.dialect.name == "postgresql":
        tx.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
        return
    named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name")
    for name in tx.execute(named, {"name": table.name}).scalars().all():
        tx.execute(text(f"DROP TRIGGER {name}"))


def ids(tx: Connection, table: Table) -> list[int]:
    return list(tx.execute(select(table.c.id).order_by(table.c.id)).scalars())


def row_of(tx: Connection, table: Table, row_id: int) -> dict[str, Any]:
    return dict(tx.execute(select(table).where(table.c.id == row_id)).one()._mapping)


# --- changed ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lie:
    """Another value for a column, from the true one."""

    column: str
    instead: Callable[[Any], Any]


def one_letter(value: str) -> str:
    """The same text with its last letter changed."""
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


LIES = {
    case_event: [
        Lie("case_ref", one_letter),
        Lie("seq", lambda seq: seq + 100),
        Lie("verb", lambda _: "closed_by_nobody"),
        Lie("unit", lambda _: "c"),
        Lie("controller", lambda kind: {"health": "correctional"}.get(kind, "health")),
        Lie("local_on", lambda day: day + DAY),
        Lie("happened_at", lambda at: at + timedelta(microseconds=1)),
        Lie("recorded_at", lambda at: at - DAY),
        Lie("actor", lambda _: "somebody-else"),
        Lie("payload", lambda payload: payload.replace(":", ": ", 1)),
        Lie("payload", lambda payload: payload[:-1] + ',"x":1}'),
        Lie("chain_month", lambda _: "2026-08"),
        Lie("chain_seq", lambda seq: seq + 1000),
        Lie("key_id", one_letter),
        Lie("mac", one_letter),
    ],
    access_log: [
        Lie("scope", lambda _: "nowhere"),
        Lie("at", lambda at: at + timedelta(seconds=1)),
        Lie("actor", lambda _: "somebody-else"),
        Lie("role", lambda _: "admin"),
        Lie("verb", lambda _: "looked_away"),
        Lie("case_ref", lambda ref: None if ref else "nosuchref0"),
        Lie("subjects", lambda subjects: "" if subjects else '["nosuchref0"]'),
        Lie("chain_month", lambda _: "2026-08"),
        Lie("chain_seq", lambda seq: seq + 1000),
        Lie("key_id", one_letter),
        Lie("mac", one_letter),
    ],
}


@pytest.mark.parametrize(
    ("table", "lie"),
    [(table, lie) for table, lies in LIES.items() for lie in lies],
    ids=lambda value: getattr(value, "column", getattr(value, "name", "")),
)
def test_one_changed_cell_of_any_row_is_found(logs: Desk, table: Table, lie: Lie) -> None:
    with logs.db.read() as tx:
        rows = ids(tx, table)
    for row_id in (rows[0], rows[len(rows) // 2], rows[-1]):

        def change(tx: Connection, row_id: int = row_id) -> None:
            said = lie.instead(row_of(tx, table, row_id)[lie.column])
            tx.execute(update(table).where(table.c.id == row_id).values({lie.column: said}))

        with attacked(logs, change) as found:
            assert any(one.tampered and one.log == table.name for one in found)
    assert findings(logs) == [], "the attack was not taken back"


def test_every_column_of_both_logs_is_covered() -> None:
    for table, lies in LIES.items():
        assert {lie.column for lie in lies} == {c.name for c in table.columns} - {"id"}


# --- taken away ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [case_event, access_log], ids=lambda table: table.name)
def test_any_deleted_row_is_found(logs: Desk, table: Table) -> None:
    with logs.db.read() as tx:
        rows = ids(tx, table)
    for row_id in rows:

        def remove(tx: Connection, row_id: int = row_id) -> None:
            tx.execute(text("DELETE FROM access_subject"))
            tx.execute(delete(table).where(table.c.id == row_id))

        with attacked_with_subjects(logs, remove) as found:
            assert any(one.fault in (Fault.MISSING, Fault.HEAD_ALTERED) for one in found)


@contextmanager
def attacked_with_subjects(
    desk: Desk, attack: Callable[[Connection], None]
) -> Iterator[list[Finding]]:
    def first(tx: Connection) -> None:
        disarm(tx, metadata.tables["access_subject"])
        attack(tx)

    with attacked(desk, first) as found:
        yield found


def test_a_whole_month_taken_away_with_its_head_is_found_by_the_month_that_follows(
    logs: Desk,
) -> None:
    def remove(tx: Connection) -> None:
        september = case_event.c.chain_month == "2026-09"
        tx.execute(delete(case_event).where(september, case_event.c.unit == "a"))
        tx.execute(
            delete(chain).where(
                chain.c.log == "case_event", chain.c.scope == "a", chain.c.month == "2026-09"
            )
        )

    with attacked(logs, remove) as found:
        assert Fault.HEAD_MISSING in {one.fault for one in found}


def test_the_last_row_taken_away_and_the_head_turned_back_is_found(logs: Desk) -> None:
    def turn_back(tx: Connection) -> None:
        last = tx.execute(
            select(case_event)
            .where(case_event.c.unit == "a")
            .order_by(case_event.c.chain_month.desc(), case_event.c.chain_seq.desc())
        ).first()
        assert last is not None
        before = tx.execute(
            select(case_event.c.mac).where(
                case_event.c.unit == "a",
                case_event.c.chain_month == last.chain_month,
                case_event.c.chain_seq == last.chain_seq - 1,
            )
        ).scalar_one()
        tx.execute(delete(case_event).where(case_event.c.id == last.id))
        tx.execute(
            update(chain)
            .where(
                chain.c.log == "case_event", chain.c.scope == "a", chain.c.month == last.chain_month
            )
            .values(seq=last.chain_seq - 1, mac=before)
        )

    with attacked(logs, turn_back) as found:
        assert Fault.HEAD_ALTERED in {one.fault for one in found}


# --- moved and invented -------------------------------------------------------------------------


@pytest.mark.parametrize("table", [case_event, access_log], ids=lambda table: table.name)
@pytest.mark.parametrize("columns", ["words", "places"])
def test_two_rows_that_changed_places_are_found(logs: Desk, table: Table, columns: str) -> None:
    place = {"chain_month", "chain_seq", "key_id", "mac"}
    scope = table.c.unit if table is case_event else table.c.scope

    def swap(tx: Connection) -> None:
        one, other = tx.execute(
            select(table.c.id)
            .where(scope == "a", table.c.chain_month == "2026-09")
            .order_by(table.c.id.desc())
            .limit(2)
        ).scalars()
        first, second = row_of(tx, table, one), row_of(tx, table, other)
        names = (place if columns == "places" else set(first) - place) - {"id"}
        # Out of the way first: a place, and a number within a case, is taken once.
        aside = {"chain_seq": -1} if columns == "places" else {}
        if columns == "words" and table is case_event:
            aside = {"seq": -1}
        if aside:
            tx.execute(update(table).where(table.c.id == one).values(aside))
        for row_id, row in ((other, first), (one, second)):
            tx.execute(update(table).where(table.c.id == row_id).values({n: row[n] for n in names}))

    with attacked(logs, swap) as found:
        assert any(one.tampered and one.log == table.name for one in found)


def test_a_row_added_by_hand_is_found_wherever_it_is_put(logs: Desk) -> None:
    def forge(tx: Connection, seq: int) -> None:
        forged = row_of(tx, case_event, ids(tx, case_event)[-1])
        del forged["id"]
        forged |= {"case_ref": "forged0000", "seq": 1, "chain_seq": seq}
        tx.execute(insert(case_event), forged)

    for seq in (0, 500):
        with attacked(logs, partial(forge, seq=seq)) as found:
            assert any(one.tampered for one in found)


def test_a_row_of_another_installation_is_found(
    logs: Desk, database_url: str, tmp_path: Path
) -> None:
    other = furnish(database_url, tmp_path / "keys.db")
    try:
        make_case(other)
        with other.db.read() as tx:
            foreign = row_of(tx, case_event, ids(tx, case_event)[0])
    finally:
        other.close()
    del foreign["id"]

    def put_in(tx: Connection) -> None:
        first = tx.execute(
            select(case_event.c.id).where(
                case_event.c.unit == "a",
                case_event.c.chain_month == "2026-09",
                case_event.c.chain_seq == 1,
            )
        ).scalar_one()
        tx.execute(delete(case_event).where(case_event.c.id == first))
        tx.execute(insert(case_event), foreign)

    with attacked(logs, put_in) as found:
        assert any(one.tampered for one in found)


# --- refused by the database itself -------------------------------------------------------------


@pytest.mark.parametrize("name", APPEND_ONLY)
def test_the_database_refuses_to_change_what_only_grows(logs: Desk, name: str) -> None:
    table = metadata.tables[name]
    with logs.db.read() as tx:
        count = tx.execute(select(func.count()).select_from(table)).scalar_one()
        row = tx.execute(select(table).limit(1)).first()
    column = table.columns.values()[-1].name
    attempts = [f'UPDATE "{name}" SET "{column}" = "{column}"', f'DELETE FROM "{name}"']
    if not logs.db.is_sqlite:
        attempts += [f'TRUNCATE "{name}" CASCADE', f'UPDATE ONLY "{name}" SET "{column}" = NULL']
    elif row is None:
        pytest.skip("SQLite asks its triggers row by row, and there is no row")

    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"), logs.db.write() as tx:
            tx.execute(text(attempt))
    if logs.db.is_sqlite and row is not None:
        names = ", ".join(f'"{c.name}"' for c in table.columns)
        marks = ", ".join("?" for _ in table.columns)
        again = f'INSERT OR REPLACE INTO "{name}" ({names}) VALUES ({marks})'
        with logs.db.read() as tx:
            stored = tuple(tx.exec_driver_sql(f'SELECT {names} FROM "{name}" LIMIT 1').one())
        with pytest.raises(DBAPIError, match="append-only"), logs.db.write() as tx:
            tx.exec_driver_sql(again, stored)
    with logs.db.read() as tx:
        assert tx.execute(select(func.count()).select_from(table)).scalar_one() == count


def test_verbs_only_ever_add_to_the_logs(logs: Desk) -> None:
    with logs.db.read() as tx:
        before = {t.name: tx.execute(select(t).order_by(t.c.id)).all() for t in LIES}
    case = make_case(logs)
    complete(logs, case, "brief_info", now=OPENED)
    logs.do(service.undo_task, OFFICER, case.ref, "brief_info", "not_done", now=MONDAY)
    logs.do(release.close, COORDINATOR, case.ref, "died", now=MONDAY)

    with logs.db.read() as tx:
        for table in LIES:
            after = tx.execute(select(table).order_by(table.c.id)).all()
            assert after[: len(before[table.name])] == before[table.name]
            assert len(after) > len(before[table.name])

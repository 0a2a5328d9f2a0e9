"""What is kept of the ledger of naloxone is what its rows come to, whatever was done."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from app.migrate import migrate
from app.rebuild import rebuild
from cases import naloxone, naloxone_rows, service
from cases.access import OPERATOR
from cases.custody import Kind, RefillReason, Row, custody, flaws, standing
from cases.model import Case
from cases.tables import case_, naloxone_held, naloxone_stock
from core.errors import OverlevError
from tests.cases.desk import Desk
from tests.cases.places import Place, complete, let_go, make_case, move, new_place
from tests.cases.strategies import oslo
from tests.steps import steps_of

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def place(desk: Desk) -> Place:
    return new_place(desk)


def record(place: Place, kind: str, *, of: Case | None = None, **more: Any) -> Row:
    """One row, of a person or of the unit's shelf."""
    where = {"ref": of.ref} if of is not None else {"unit": more.pop("unit", place.code)}
    told = place.desk.do(naloxone.record, OPERATOR, kind, **({"now": MONDAY} | where | more))
    return told.row


def all_kept(tx: Connection) -> tuple[dict[str, int], dict[int, tuple[int, int | None]]]:
    """Stock by unit without zeros, and what is kept of cases, as the tables say."""
    stock = {row.unit: row.quantity for row in tx.execute(select(naloxone_stock)) if row.quantity}
    held = {
        row.case_id: (row.in_property, row.given_twice) for row in tx.execute(select(naloxone_held))
    }
    return stock, held


def all_folded(tx: Connection) -> tuple[dict[str, int], dict[int, tuple[int, int | None]]]:
    """The same from all rows there are."""
    rows = naloxone_rows.recorded_by(tx, oslo("2030-01-01 00:00"))
    ids = {row.ref: row.id for row in tx.execute(select(case_.c.ref, case_.c.id))}
    folded = custody(rows)
    by_hand = {
        row.case_ref
        for row in standing(rows)
        if row.kind is Kind.HANDED_OVER and row.task is None and row.case_ref is not None
    }
    twice = {
        row.case_ref: row.id
        for row in standing(rows)
        if row.task == "handed_over" and row.case_ref in by_hand
    }
    held = {
        ids[ref]: (folded.in_property.get(ref, 0), twice.get(ref))
        for ref in twice.keys() | {ref for ref, kits in folded.in_property.items() if kits}
    }
    return {unit: kits for unit, kits in folded.stock.items() if kits}, held


# --- whatever is done ----------------------------------------------------------------------------


ACTS = st.lists(
    st.tuples(
        st.sampled_from([*Kind, "undo", "undo", "gate", "not at the gate", "move"]),
        st.integers(0, 2),
        st.integers(1, 4),
        st.integers(0, 5),
    ),
    max_size=14,
)


@given(ACTS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_recorded_and_taken_back_what_is_kept_is_what_the_rows_come_to(
    desk: Desk, acts: list[tuple[str, int, int, int]]
) -> None:
    place = new_place(desk)
    people = [make_case(place, answer="accepted"), make_case(place, unit=place.other)]
    written: list[int] = []
    for number, (act, who, quantity, hours_ago) in enumerate(acts):
        now = MONDAY + timedelta(minutes=number)
        case = people[who] if who < len(people) else None
        with suppress(OverlevError):
            if act == "undo" and written:
                desk.do(naloxone.undo, OPERATOR, written[quantity % len(written)], now=now)
            elif act == "gate":
                complete(place, people[0], "handed_over", answer="card_and_spray", now=now)
            elif act == "not at the gate":
                desk.do(
                    service.undo_task, OPERATOR, people[0].ref, "handed_over", "not_done", now=now
                )
            elif act == "move" and case is not None:
                to = place.other if desk.case(case.ref).unit == place.code else place.code
                move(place, case, to, now=now)
            elif act in list(Kind):
                row = record(
                    place, act, of=case, quantity=quantity, now=now,
                    happened_at=now - hours_ago * HOUR,
                )  # fmt: skip
                written.append(row.id)
    with desk.db.read() as tx:
        assert all_kept(tx) == all_folded(tx)
        units = frozenset({place.code, place.other})
        assert {row.id for row in naloxone_rows.doubtful(tx, units)} >= {
            row.id for row in standing(naloxone_rows.of_units(tx, units)) if list(flaws(row, {}))
        }


def test_a_row_that_would_be_taken_back_is_reckoned_without_it(place: Place) -> None:
    case = make_case(place)
    record(place, "received", quantity=5)
    put = record(place, "to_property", of=case)
    given_away = record(place, "handed_over", of=case, now=MONDAY + HOUR)

    def stock(without: int | None = None) -> tuple[int, int]:
        asked = {"now": MONDAY, "without": without}
        found = place.desk.do(naloxone.stock, OPERATOR, place.code, **asked)
        return found.stock, found.in_property

    assert stock() == (4, 0)
    assert stock(without=given_away.id) == (4, 1)
    assert stock(without=put.id) == (4, 0), "another kit was handed over then"
    move(place, case, place.other, now=MONDAY + HOUR)
    assert stock(without=given_away.id) == (4, 0), "the kit went with its person"


# --- how much is read ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["received", "refill"])
def test_recording_a_row_reads_no_more_when_the_ledger_is_longer(own_desk: Desk, kind: str) -> None:
    place = new_place(own_desk)
    taken: list[int] = []
    case, other = make_case(place), make_case(place)
    of = case if kind == "refill" else None
    for rows in (20, 80):
        for _ in range(rows):
            record(place, "received", lot="A", expires_on=date(2028, 1, 1))
            record(place, "handed_over", of=other, lot="A")
        with own_desk.db.write() as tx:
            where: dict[str, Any] = {"ref": of.ref} if of is not None else {"unit": place.code}
            taken.append(
                steps_of(
                    tx,
                    partial(
                        naloxone.record, tx, OPERATOR, kind, now=MONDAY, lot="unknown", **where
                    ),
                )
            )
    assert taken[1] <= taken[0] + 20


# --- an older house, and a wrong one -------------------------------------------------------------


def furnish(place: Place) -> None:
    """Rows of every kind: in property, given twice, taken back, of a shelf and below zero."""
    one, two, three = (make_case(place, answer="accepted") for _ in range(3))
    record(place, "received", quantity=9)
    record(place, "lost", unit=place.other, quantity=2)
    record(place, "to_property", of=one, quantity=2)
    record(place, "handed_over", of=one, now=MONDAY + HOUR)
    record(place, "handed_over", of=two)
    complete(place, two, "handed_over", answer="card_and_spray", now=MONDAY + HOUR)
    wrong = record(place, "refill", of=three, reason=RefillReason.USED.value, quantity=3)
    place.desk.do(naloxone.undo, OPERATOR, wrong.id, now=MONDAY + HOUR)
    record(place, "to_property", of=three, now=MONDAY + HOUR)
    record(place, "lost", of=three, quantity=2, now=MONDAY + 2 * HOUR)
    record(place, "returned", of=three, now=MONDAY + 3 * HOUR)
    let_go(place, one, now=MONDAY + HOUR)


def test_an_older_house_is_given_what_the_verbs_would_have_kept(own_desk: Desk) -> None:
    place = new_place(own_desk)
    furnish(place)
    with own_desk.db.read() as tx:
        given = all_kept(tx)
    assert given[0] == {place.code: 5, place.other: -2}
    assert sorted(kits for kits, _ in given[1].values()) == [0, 1]
    with own_desk.db.write() as tx:
        for statement in (
            "DROP TABLE naloxone_stock",
            "DROP TABLE naloxone_held",
            "DROP INDEX ix_naloxone_event_lot",
            "UPDATE alembic_version SET version_num = '0027'",
        ):
            tx.execute(text(statement))

    migrate(own_desk.db)

    with own_desk.db.read() as tx:
        assert all_kept(tx) == given == all_folded(tx)


def test_a_rebuild_finds_what_is_kept_and_does_not_follow_from_the_ledger(own_desk: Desk) -> None:
    place = new_place(own_desk)
    furnish(place)
    assert rebuild(own_desk.db).different == {}
    with own_desk.db.write() as tx:
        right = {row.case_id for row in tx.execute(select(naloxone_held))}
        never = make_wrong(tx, right)
        tx.execute(text("UPDATE naloxone_stock SET quantity = 8 WHERE quantity = 5"))

    found = rebuild(own_desk.db)

    assert found.different == {ref: ["naloxone"] for ref in never}
    assert found.shelves == [place.code]


def make_wrong(tx: Connection, held: set[int]) -> list[str]:
    """Nothing kept of those of whom there is something to say, and something of one other."""
    every = {row.id: row.ref for row in tx.execute(select(case_.c.id, case_.c.ref))}
    tx.execute(naloxone_held.delete())
    other = min(every.keys() - held)
    tx.execute(naloxone_held.insert(), {"case_id": other, "in_property": 1, "given_twice": None})
    return [every[case_id] for case_id in sorted(held | {other})]

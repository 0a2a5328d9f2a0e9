"""The custody ledger of naloxone. DOMAIN section 7."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from cases import (
    accounts,
    distributors,
    naloxone,
    naloxone_given,
    naloxone_rows,
    release,
    service,
)
from cases.access import OPERATOR, Viewer
from cases.custody import Flaw, Kind, Row, custody, standing
from cases.model import Case, Role
from cases.naloxone import NaloxoneNotFound, Recorded
from cases.rules import CaseNotFound
from cases.tables import access_log, naloxone_event
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from tests.cases.desk import ADMIN, DIRECTORATE, OPENED, Desk, check_case, findings
from tests.cases.places import Place, complete, let_go, make_case, move, new_place
from tests.cases.strategies import oslo

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
SOON = date(2026, 9, 9)
FRESH = date(2028, 6, 30)


@pytest.fixture
def place(desk: Desk) -> Place:
    return new_place(desk)


def kits(
    place: Place,
    kind: str,
    count: int = 1,
    *,
    of: Case | None = None,
    unit: str | None = None,
    now: datetime = MONDAY,
    viewer: Viewer = OPERATOR,
    **more: Any,
) -> Recorded:
    """One row, of a person or of a unit's shelf."""
    where = {"ref": of.ref} if of is not None else {"unit": unit or place.code}
    return place.desk.do(naloxone.record, viewer, kind, quantity=count, now=now, **where, **more)


def shelf(place: Place, unit: str | None = None) -> tuple[int, int]:
    """(stock, in property) of a unit."""
    found = place.desk.do(naloxone.stock, OPERATOR, unit or place.code, now=MONDAY)
    return found.stock, found.in_property


def flaws(place: Place) -> list[str]:
    found = place.desk.do(naloxone.discrepancies_of, OPERATOR, place.code, now=MONDAY)
    return sorted(each.flaw.value for each in found)


def hand_over(place: Place, case: Case, answer: str, *, now: datetime) -> Case:
    return complete(place, case, "handed_over", answer=answer, now=now)


def nurse_of(place: Place) -> str:
    """The user name of a nurse with an account in the unit."""
    username = f"nurse.{place.code}"
    place.desk.do(accounts.add, username, "", "health", [place.code], password=None, now=OPENED)
    return username


def certified(place: Place) -> tuple[str, str]:
    """(user name, account) of a certified nurse of the unit."""
    username = nurse_of(place)
    place.desk.do(
        distributors.certify, ADMIN, username, place.code, on=date(2026, 1, 1), now=MONDAY
    )
    ref = place.desk.look(distributors.ref_of_user, username)
    assert ref is not None
    return username, ref


# --- stock ---------------------------------------------------------------------------------------


def test_the_stock_of_a_unit_is_what_came_less_what_left(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 10)
    assert shelf(place) == (10, 0)
    kits(place, "lost", 1)
    kits(place, "expired", 2)
    assert shelf(place) == (7, 0)
    kits(place, "handed_over", 1, of=case)
    kits(place, "refill", 1, of=case, reason="used")
    assert shelf(place) == (5, 0)
    kits(place, "returned", 1, of=case)
    assert shelf(place) == (6, 0)


def test_a_kit_in_somebodys_property_is_out_of_stock_but_in_custody(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 3)

    kits(place, "to_property", of=case)
    assert shelf(place) == (2, 1)

    kits(place, "handed_over", of=case, now=MONDAY + HOUR)
    assert shelf(place) == (2, 0), "what was in the property was handed over, not another kit"


def test_a_kit_taken_back_from_the_property_stands_on_the_shelf_again(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 3)
    kits(place, "to_property", of=case)
    kits(place, "returned", of=case, now=MONDAY + HOUR)

    assert shelf(place) == (3, 0)


def test_a_kit_that_a_person_lost_was_not_on_the_shelf(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 3)
    kits(place, "handed_over", of=case)
    kits(place, "lost", of=case, now=MONDAY + HOUR)

    assert shelf(place) == (2, 0)


def test_a_row_entered_late_falls_into_its_place(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 3, happened_at=MONDAY - HOUR)
    kits(place, "handed_over", of=case, now=MONDAY)
    kits(place, "to_property", of=case, happened_at=MONDAY - HOUR, now=MONDAY)

    assert shelf(place) == (2, 0)


def test_a_kit_travels_with_its_person_and_leaves_the_next_units_shelf_alone(
    place: Place,
) -> None:
    case = make_case(place)
    kits(place, "received", 5)
    kits(place, "received", 5, unit=place.other)
    kits(place, "to_property", of=case)
    move(place, case, place.other, now=MONDAY)
    assert (shelf(place), shelf(place, place.other)) == ((4, 0), (5, 1))

    kits(place, "handed_over", of=case, now=MONDAY + HOUR)

    assert (shelf(place), shelf(place, place.other)) == ((4, 0), (5, 0))


def test_a_negative_stock_is_shown_and_never_refused(place: Place) -> None:
    case = make_case(place)

    told = kits(place, "handed_over", 2, of=case)

    assert told.stock == -2
    assert Flaw.STOCK_NEGATIVE in {each.flaw for each in told.warnings}
    assert "stock_negative" in flaws(place)


def test_kits_left_in_the_property_of_somebody_released_are_unaccounted_for(
    place: Place,
) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "received", 2, lot="X1", expires_on=FRESH)
    kits(place, "to_property", of=case, lot="X1")
    assert "unaccounted" not in flaws(place)

    let_go(place, case, now=MONDAY + HOUR)
    assert flaws(place).count("unaccounted") == 1

    hand_over(place, place.desk.case(case.ref), "card_and_spray", now=MONDAY + HOUR)
    assert "unaccounted" not in flaws(place)


def test_kits_left_by_somebody_who_died_in_custody_are_unaccounted_for(place: Place) -> None:
    case = make_case(place)
    kits(place, "to_property", of=case)
    place.desk.do(release.close, OPERATOR, case.ref, "died", now=MONDAY + HOUR)

    assert "unaccounted" in flaws(place)


# --- lots and distributors -----------------------------------------------------------------------


def test_a_spray_of_an_expired_lot_is_recorded_and_warned_about(place: Place) -> None:
    case = make_case(place)

    last_day = kits(place, "handed_over", of=case, lot="A", expires_on=MONDAY.date())
    day_after = kits(
        place, "handed_over", of=case, lot="B", expires_on=MONDAY.date() - timedelta(days=1)
    )

    assert Flaw.LOT_EXPIRED not in {each.flaw for each in last_day.warnings}
    assert Flaw.LOT_EXPIRED in {each.flaw for each in day_after.warnings}
    assert flaws(place).count("lot_expired") == 1


def test_the_expiry_of_a_lot_is_known_from_where_it_was_received(place: Place) -> None:
    case = make_case(place)
    kits(place, "received", 5, lot="OLD", expires_on=date(2026, 8, 1))

    told = kits(place, "handed_over", of=case, lot="OLD")

    assert told.row.expires_on == date(2026, 8, 1)
    assert Flaw.LOT_EXPIRED in {each.flaw for each in told.warnings}


@pytest.mark.parametrize(
    ("happened_at", "fine"),
    [
        (oslo("2026-08-31 12:00"), False),
        (oslo("2026-09-02 00:00"), True),
        (oslo("2026-09-04 23:59"), True),
        (oslo("2026-09-05 00:00"), False),
    ],
)
def test_a_distributor_counts_as_certified_from_the_first_day_to_the_last(
    place: Place, happened_at: datetime, fine: bool
) -> None:
    case = make_case(place, admitted_at=oslo("2026-08-01 08:00"), now=oslo("2026-08-01 09:00"))
    username = nurse_of(place)
    place.desk.do(
        distributors.certify,
        ADMIN,
        username,
        place.code,
        on=date(2026, 9, 2),
        until=date(2026, 9, 5),
        now=MONDAY,
    )

    told = kits(place, "handed_over", of=case, distributor=username, happened_at=happened_at)

    warned = Flaw.DISTRIBUTOR_UNCERTIFIED in {each.flaw for each in told.warnings}
    assert warned is not fine


def test_an_unknown_distributor_is_a_warning_and_no_refusal(place: Place) -> None:
    case = make_case(place)

    told = kits(place, "handed_over", of=case, distributor="nobody")

    assert told.row.distributor is None
    assert Flaw.DISTRIBUTOR_UNKNOWN in {each.flaw for each in told.warnings}


def test_somebody_certified_who_records_a_handing_over_is_its_distributor(place: Place) -> None:
    _, account = certified(place)
    case = make_case(place)
    nurse = Viewer(account, Role.HEALTH, frozenset({place.code}))

    told = kits(place, "handed_over", of=case, viewer=nurse, lot="L", expires_on=FRESH)

    assert told.row.distributor == account
    assert {each.flaw for each in told.warnings} == {Flaw.STOCK_NEGATIVE}


def test_a_refill_without_its_reason_is_a_discrepancy(place: Place) -> None:
    case = make_case(place)
    kits(place, "refill", of=case)
    assert "reason_missing" in flaws(place)


def test_a_certificate_is_given_once_and_ended(place: Place) -> None:
    do, code = place.desk.do, place.code
    username, _ = certified(place)
    with pytest.raises(Conflict):
        do(distributors.certify, ADMIN, username, code, on=date(2026, 3, 1), now=MONDAY)
    do(distributors.uncertify, ADMIN, username, code, on=date(2026, 9, 1), now=MONDAY)
    assert place.desk.look(distributors.how_many, date(2026, 8, 31))[code] == 1
    assert code not in place.desk.look(distributors.how_many, date(2026, 9, 1))
    with pytest.raises(NotFound):
        do(distributors.uncertify, ADMIN, username, code, on=date(2026, 9, 2), now=MONDAY)
    for role in (Role.HEALTH, Role.OFFICER, Role.COORDINATOR, Role.DIRECTORATE):
        with pytest.raises(NotAllowed):
            do(distributors.certify, place.staff(role), username, code, on=SOON, now=MONDAY)
    lead = place.staff(Role.UNIT_LEAD, place.other)
    with pytest.raises(NotFound):
        do(distributors.certify, lead, username, code, on=SOON, now=MONDAY)
    do(distributors.certify, place.staff(Role.UNIT_LEAD), username, code, on=SOON, now=MONDAY)


# --- the task at the gate ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "rows"), [("card_and_spray", 1), ("spray_only", 1), ("card_only", 0), (None, 0)]
)
def test_a_spray_handed_over_at_the_gate_writes_its_row(
    place: Place, answer: str | None, rows: int
) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "received", 4)
    let_go(place, case, now=MONDAY)

    complete(place, case, "handed_over", answer=answer, now=MONDAY + 2 * HOUR, at=MONDAY + HOUR)

    written = place.desk.do(naloxone.ledger, OPERATOR, ref=case.ref, now=MONDAY + 2 * HOUR)
    assert [(row.kind, row.quantity, row.task, row.happened_at) for row in written] == [
        (Kind.HANDED_OVER, 1, "handed_over", MONDAY + HOUR)
    ] * rows
    assert shelf(place) == (4 - rows, 0)


def test_the_kit_from_the_property_brings_its_lot_and_distributor(place: Place) -> None:
    username, account = certified(place)
    case = make_case(place, answer="accepted")
    kits(place, "received", 4, lot="L7", expires_on=FRESH)
    kits(place, "to_property", of=case, lot="L7", distributor=username)
    let_go(place, case, now=MONDAY + HOUR)

    hand_over(place, case, "card_and_spray", now=MONDAY + HOUR)

    row = place.desk.do(naloxone.ledger, OPERATOR, ref=case.ref, now=MONDAY)[-1]
    assert (row.lot, row.expires_on, row.distributor) == ("L7", FRESH, account)
    assert flaws(place) == []


def test_a_spray_of_which_nothing_is_known_is_handed_over_all_the_same(place: Place) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "received", 4)
    hand_over(place, case, "spray_only", now=MONDAY)
    assert flaws(place) == ["distributor_unknown", "lot_unknown"]


def test_a_lot_that_was_read_off_the_spray_is_known_and_is_no_answer_without_a_spray(
    place: Place,
) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "received", 4, lot="L9", expires_on=FRESH)
    said = service.TaskDone("handed_over", None, None, "card_only", " L9 ")
    with pytest.raises(BadInput) as wrong:
        place.desk.do(service.complete_task, OPERATOR, case.ref, said, now=MONDAY)
    assert (wrong.value.field, wrong.value.reason) == ("lot", "lot_without_spray")
    said = service.TaskDone("handed_over", None, None, "spray_only", " L9 ")
    place.desk.do(service.complete_task, OPERATOR, case.ref, said, now=MONDAY)

    row = place.desk.do(naloxone.ledger, OPERATOR, ref=case.ref, now=MONDAY)[-1]
    assert (row.lot, row.expires_on) == ("L9", FRESH)
    assert "lot_unknown" not in flaws(place)


def test_undoing_the_handing_over_takes_its_row_back_and_doing_it_again_writes_another(
    place: Place,
) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "received", 4)
    hand_over(place, case, "card_and_spray", now=MONDAY)
    place.desk.do(
        service.undo_task, OPERATOR, case.ref, "handed_over", "wrong_person", now=MONDAY + HOUR
    )
    assert shelf(place) == (4, 0)

    after = hand_over(place, case, "card_and_spray", now=MONDAY + 2 * HOUR)

    assert shelf(place) == (3, 0)
    rows = place.desk.do(naloxone.ledger, OPERATOR, ref=case.ref, now=MONDAY)
    assert [(row.kind, row.undoes) for row in rows] == [
        (Kind.HANDED_OVER, None),
        (Kind.HANDED_OVER, rows[0].id),
        (Kind.HANDED_OVER, None),
    ]
    check_case(place.desk, after.ref, now=MONDAY + 2 * HOUR)


def test_undoing_a_card_without_a_spray_touches_no_row(place: Place) -> None:
    case = make_case(place, answer="accepted")
    kits(place, "handed_over", of=case)
    hand_over(place, case, "card_only", now=MONDAY)
    place.desk.do(service.undo_task, OPERATOR, case.ref, "handed_over", "not_done", now=MONDAY)
    assert shelf(place) == (-1, 0)


def test_a_spray_typed_in_by_hand_and_by_the_task_is_shown_as_given_twice(place: Place) -> None:
    case = make_case(place, answer="accepted")
    by_hand = kits(place, "handed_over", of=case)
    hand_over(place, case, "card_and_spray", now=MONDAY)
    assert "given_twice" in flaws(place)

    place.desk.do(naloxone.undo, OPERATOR, by_hand.row.id, now=MONDAY)

    assert "given_twice" not in flaws(place)
    assert shelf(place) == (-1, 0)


def test_completing_other_tasks_asks_the_ledger_nothing(place: Place) -> None:
    case = make_case(place, answer="accepted")
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(place.desk.db.engine, "before_cursor_execute", note)
    try:
        complete(place, case, "talk_held", now=MONDAY)
        hand_over(place, case, "card_only", now=MONDAY)
    finally:
        event.remove(place.desk.db.engine, "before_cursor_execute", note)
    assert asked
    assert not [statement for statement in asked if "naloxone" in statement]


# --- taking back, and what the database holds ----------------------------------------------------


def test_a_row_is_taken_back_by_another_row_and_only_once(place: Place) -> None:
    row = kits(place, "received", 7).row

    taken_back = place.desk.do(naloxone.undo, OPERATOR, row.id, now=MONDAY + HOUR)

    assert shelf(place) == (0, 0)
    assert (taken_back.undoes, taken_back.quantity) == (row.id, 7)
    assert (taken_back.happened_at, taken_back.recorded_at) == (MONDAY, MONDAY + HOUR)
    with pytest.raises(Conflict):
        place.desk.do(naloxone.undo, OPERATOR, row.id, now=MONDAY + HOUR)
    with pytest.raises(Refused):
        place.desk.do(naloxone.undo, OPERATOR, taken_back.id, now=MONDAY + HOUR)
    outsider = place.staff(Role.HEALTH, place.other)
    with pytest.raises(NaloxoneNotFound):
        place.desk.do(naloxone.undo, outsider, row.id, now=MONDAY + HOUR)
    with pytest.raises(NaloxoneNotFound):
        place.desk.do(naloxone.undo, OPERATOR, 10_000, now=MONDAY + HOUR)


def test_the_row_of_a_task_is_taken_back_with_the_task_and_not_by_itself(place: Place) -> None:
    case = make_case(place, answer="accepted")
    hand_over(place, case, "card_and_spray", now=MONDAY)
    row = place.desk.do(naloxone.ledger, OPERATOR, ref=case.ref, now=MONDAY)[0]
    with pytest.raises(Refused, match="undo the task"):
        place.desk.do(naloxone.undo, OPERATOR, row.id, now=MONDAY)


def test_the_database_refuses_to_change_or_forget_a_row(place: Place) -> None:
    from sqlalchemy.exc import DBAPIError

    kits(place, "received", 7)
    for statement in (naloxone_event.update().values(quantity=1), naloxone_event.delete()):
        with pytest.raises(DBAPIError), place.desk.db.write() as tx:
            tx.execute(statement)


def test_what_is_done_and_looked_at_is_in_the_access_log(place: Place) -> None:
    case = make_case(place)
    nurse = place.staff(Role.HEALTH)
    kits(place, "refill", of=case, reason="used", viewer=nurse)
    place.desk.do(naloxone.ledger, nurse, unit=place.code, now=MONDAY)
    with place.desk.db.read() as tx:
        rows = tx.execute(
            select(access_log.c.verb, access_log.c.actor, access_log.c.case_ref).where(
                access_log.c.verb.like("naloxone%"), access_log.c.scope == place.code
            )
        ).all()
    assert [tuple(row) for row in rows] == [
        ("naloxone_refill", nurse.account, case.ref),
        ("naloxone_read", nurse.account, None),
    ]
    assert findings(place.desk) == []


def test_the_newest_rows_of_a_ledger_name_their_people_and_nobody_who_had_a_kit_before(
    place: Place,
) -> None:
    before, last = make_case(place), make_case(place)
    old = kits(place, "refill", of=before, reason="used").row
    kits(place, "refill", of=last, reason="used")
    nurse = place.staff(Role.HEALTH)

    def people(also: int | None = None) -> list[str | None]:
        asked = {"unit": place.code, "most": 1, "also": also}
        return [row.case_ref for row in place.desk.do(naloxone.ledger, nurse, now=MONDAY, **asked)]

    assert people() == [last.ref]
    assert people(also=old.id) == [before.ref, last.ref]
    taken_back = place.desk.do(naloxone.undo, nurse, old.id, now=MONDAY + HOUR)
    assert people(also=old.id) == [before.ref, before.ref], "the row, and the one that ended it"
    with place.desk.db.read() as tx:
        looks = select(access_log.c.subjects).where(
            access_log.c.verb == naloxone.READ, access_log.c.scope == place.code
        )
        named = [json.loads(each) for each in tx.execute(looks.order_by(access_log.c.id)).scalars()]
    assert named == [[last.ref], sorted([before.ref, last.ref]), [before.ref]]
    assert taken_back.undoes == old.id


# --- who may, and what cannot be -----------------------------------------------------------------


def test_health_coordinator_and_leads_keep_the_ledger_and_nobody_else(place: Place) -> None:
    case, do = make_case(place), place.desk.do
    for role in (Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD):
        viewer = place.staff(role)
        told = kits(place, "refill", of=case, viewer=viewer, reason="lost")
        assert told.row.by == viewer.account
    officer, outsider = place.staff(Role.OFFICER), place.staff(Role.HEALTH, place.other)
    for verb in (naloxone.stock, naloxone.discrepancies_of):
        with pytest.raises(NotAllowed):
            do(verb, officer, place.code, now=MONDAY)
        with pytest.raises(NaloxoneNotFound):
            do(verb, outsider, place.code, now=MONDAY)
    with pytest.raises(NotAllowed):
        kits(place, "refill", of=case, viewer=officer)
    with pytest.raises(CaseNotFound):
        kits(place, "refill", of=case, viewer=outsider)
    with pytest.raises(NaloxoneNotFound):
        kits(place, "received", viewer=outsider)
    for viewer in (DIRECTORATE, ADMIN):
        with pytest.raises(NotAllowed):
            do(naloxone.record, viewer, "received", ref="nothing", now=MONDAY)
        with pytest.raises(NotAllowed):
            do(naloxone.ledger, viewer, unit=place.code, now=MONDAY)


def test_a_unit_that_gave_the_person_away_sees_its_row_without_the_case(place: Place) -> None:
    case = make_case(place)
    kits(place, "to_property", of=case)
    move(place, case, place.other, now=MONDAY)

    nurse = place.staff(Role.HEALTH)
    rows = place.desk.do(naloxone.ledger, nurse, unit=place.code, now=MONDAY)

    assert [(row.kind, row.case_ref) for row in rows] == [(Kind.TO_PROPERTY, None)]


@pytest.mark.parametrize(
    ("kind", "of_person", "more", "reason"),
    [
        ("received", False, {"quantity": 0}, "bad_quantity"),
        ("received", False, {"quantity": -1}, "bad_quantity"),
        ("received", False, {"quantity": 10_001}, "bad_quantity"),
        ("stolen", False, {}, "unknown_code"),
        ("refill", True, {"reason": "wanted"}, "unknown_code"),
        ("lost", False, {"reason": "used"}, "reason_not_asked"),
        ("to_property", False, {}, "person_missing"),
        ("received", True, {}, "unit_missing"),
        ("received", False, {"lot": "x" * 41}, "bad_lot"),
        ("received", False, {"happened_at": MONDAY + HOUR}, "in_future"),
        ("refill", True, {"happened_at": OPENED - timedelta(days=9)}, "before_admission"),
        ("received", False, {"expires_on": date(1800, 1, 1)}, "out_of_range"),
    ],
)
def test_what_cannot_have_happened_is_refused_with_the_reason(
    place: Place, kind: str, of_person: bool, more: dict[str, Any], reason: str
) -> None:
    where = {"ref": make_case(place).ref} if of_person else {"unit": place.code}
    with pytest.raises(BadInput) as refused:
        place.desk.do(naloxone.record, OPERATOR, kind, now=MONDAY, **where, **more)
    assert refused.value.reason == reason


def test_a_row_is_about_a_person_or_about_a_unit_not_both_or_neither(place: Place) -> None:
    case = make_case(place)
    for where in ({}, {"ref": case.ref, "unit": place.code}):
        with pytest.raises(BadInput):
            place.desk.do(naloxone.record, OPERATOR, "lost", now=MONDAY, **where)


# --- sprays given, for I9 ------------------------------------------------------------------------


def counted(place: Place, *, as_of: datetime) -> list[tuple[int, bool]]:
    """(quantity, first) of the sprays given in T3 2026, both ways of counting them."""
    first_at, next_at = oslo("2026-09-01 00:00"), oslo("2027-01-01 00:00")
    here = {place.code, place.other}
    with place.desk.db.read() as tx:
        binds = {"first_at": first_at, "next_at": next_at, "as_of": as_of}
        in_database = [
            (row.quantity, bool(row.first))
            for row in tx.execute(naloxone_given.GIVEN, binds)
            if row.unit in here
        ]
        rows = [row for row in naloxone_rows.recorded_by(tx, as_of) if row.unit in here]
    people = {
        row.case_ref: place.desk.case(row.case_ref) for row in rows if row.case_ref is not None
    }

    def person_of(ref: str) -> str | None:
        found = people[ref]
        error = found.close_reason is not None and found.close_reason == "registered_in_error"
        return None if error else found.counted_as

    one_by_one = [
        (each.quantity, each.first)
        for each in naloxone_given.givings(rows, person_of)
        if first_at <= each.happened_at < next_at
    ]
    assert sorted(in_database) == sorted(one_by_one)
    return sorted(one_by_one)


def test_sprays_given_are_the_first_of_a_person_or_refills(place: Place) -> None:
    ola, kari = make_case(place), make_case(place)
    kits(place, "received", 20)
    kits(place, "to_property", 2, of=ola)
    kits(place, "handed_over", 2, of=ola, now=MONDAY + HOUR)
    kits(place, "handed_over", 1, of=ola, now=MONDAY + 2 * HOUR)
    kits(place, "refill", 1, of=kari, reason="used", now=MONDAY + HOUR)
    kits(place, "handed_over", 1, of=kari, now=MONDAY + 2 * HOUR)

    assert counted(place, as_of=MONDAY + 3 * HOUR) == [
        (1, False),
        (1, False),
        (1, False),
        (2, True),
    ]


def test_a_spray_before_the_period_makes_the_next_one_a_refill(place: Place) -> None:
    before = oslo("2026-08-30 10:00")
    case = make_case(place, admitted_at=before - HOUR, now=before)
    kits(place, "handed_over", of=case, now=before)
    kits(place, "handed_over", of=case, now=MONDAY)

    assert counted(place, as_of=MONDAY) == [(1, False)]


def test_a_spray_that_was_taken_back_later_was_given_as_of_then(place: Place) -> None:
    case = make_case(place)
    row = kits(place, "handed_over", of=case).row
    kits(place, "handed_over", of=case, now=MONDAY + HOUR)
    place.desk.do(naloxone.undo, OPERATOR, row.id, now=MONDAY + 2 * HOUR)

    assert counted(place, as_of=MONDAY + HOUR) == [(1, False), (1, True)]
    assert counted(place, as_of=MONDAY + 2 * HOUR) == [(1, True)]


def test_sprays_of_a_case_registered_in_error_are_not_counted(place: Place) -> None:
    case = make_case(place)
    kits(place, "handed_over", of=case)
    place.desk.do(release.close, OPERATOR, case.ref, "registered_in_error", now=MONDAY + HOUR)
    kits(place, "handed_over", 3, now=MONDAY + HOUR)

    assert counted(place, as_of=MONDAY + HOUR) == [(3, True)]


# --- the rule itself -----------------------------------------------------------------------------


ROWS = st.lists(
    st.builds(
        lambda unit, who, kind, quantity, hour, undo: (unit, who, kind, quantity, hour, undo),
        st.sampled_from("ab"),
        st.sampled_from([None, "ola", "kari"]),
        st.sampled_from(list(Kind)),
        st.integers(1, 4),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=25,
)


def ledger_of(drawn: list[tuple[Any, ...]]) -> list[Row]:
    found: list[Row] = []
    for unit, who, kind, quantity, hour, undo in drawn:
        person = None if kind is Kind.RECEIVED else who
        if kind is Kind.TO_PROPERTY and person is None:
            person = "ola"
        at = MONDAY + timedelta(hours=hour)
        row = Row(
            len(found) + 1, unit, person, kind, quantity,
            None, None, None, None, None, None, at, at, "x",
        )  # fmt: skip
        found.append(row)
        if undo:
            found.append(replace(row, id=len(found) + 1, undoes=row.id))
    return found


@given(ROWS)
def test_nobody_ever_holds_less_than_nothing(drawn: list[tuple[Any, ...]]) -> None:
    assert all(quantity >= 0 for quantity in custody(ledger_of(drawn)).in_property.values())


@given(ROWS)
def test_every_kit_that_came_is_on_a_shelf_in_a_property_or_has_left(
    drawn: list[tuple[Any, ...]],
) -> None:
    # A person's own loss or return may be about a kit that was outside already.
    ledger = [
        row
        for row in ledger_of(drawn)
        if row.case_ref is None or row.kind not in (Kind.LOST, Kind.EXPIRED, Kind.RETURNED)
    ]
    held = custody(ledger)
    came = {Kind.RECEIVED: 1, Kind.RETURNED: 1, Kind.TO_PROPERTY: 0}
    balance = sum(row.quantity * came.get(row.kind, -1) for row in standing(ledger))
    assert sum(held.stock.values()) + sum(held.in_property.values()) == balance


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_are_typed_in_makes_no_difference(
    drawn: list[tuple[Any, ...]], chance: Any
) -> None:
    ledger = [
        replace(row, happened_at=MONDAY + timedelta(minutes=row.id))
        for row in ledger_of([(*each[:5], False) for each in drawn])
    ]
    shuffled = [*ledger]
    chance.shuffle(shuffled)
    one, other = custody(ledger), custody(shuffled)
    assert {k: v for k, v in one.stock.items() if v} == {k: v for k, v in other.stock.items() if v}
    assert one.in_property == other.in_property


@given(ROWS)
def test_a_ledger_taken_back_whole_leaves_nothing(drawn: list[tuple[Any, ...]]) -> None:
    held = custody(ledger_of([(*each[:5], True) for each in drawn]))
    assert not any(held.stock.values())
    assert not any(held.in_property.values())

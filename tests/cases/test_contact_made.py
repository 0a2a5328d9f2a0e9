"""A contact after the release, recorded once it has been: in one act, and taken back with a reason.

Released on Friday 18 September 2026, so that a contact is asked for the same day or the day after.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from cases import appointments, contact_made, subject_access, views
from cases.access import OPERATOR, Viewer
from cases.contact_made import Contact
from cases.health import note_of
from cases.history import Event, events_of
from cases.model import Case
from cases.rules import CaseClosed, CaseNotFound
from cases.subject_access import Controller
from cases.tables import health_answer
from cases.warnings import CaseWarning, warnings
from core.db import Database
from core.errors import BadInput, NotAllowed, Refused
from reports.indicators import count_now
from reports.recount import recount
from reports.tertial import Period, Question
from tests.cases.desk import (
    COORDINATOR,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    book,
    check_case,
    let_go,
    make_case,
    oslo,
    outcome,
)

FRIDAY = date(2026, 9, 18)
GONE = oslo("2026-09-18 10:00")
NOW = oslo("2026-09-18 14:00")
CLOSED_DAYS = CaseWarning.CLOSED_DAYS_AFTER_RELEASE
CALLED = Contact("phone", reached=True)
NOBODY = Contact("phone", reached=False)


def out(desk: Desk, **more: Any) -> Case:
    """Somebody who agreed to take part and was released that Friday."""
    case = make_case(desk, release_on=FRIDAY, answer="accepted", **more)
    return let_go(desk, case, now=GONE)


def record(
    desk: Desk, case: Case, contact: Contact = CALLED, viewer: Viewer = NURSE, **when: Any
) -> Case:
    return desk.do(contact_made.record_contact, viewer, case.ref, contact, **{"now": NOW, **when})


def seen(desk: Desk, case: Case, viewer: Viewer) -> dict[str, Any]:
    (one,) = desk.do(views.read_case, viewer, case.ref, now=NOW)["appointments"]
    return dict(one)


def events(desk: Desk, case: Case) -> list[Event]:
    return desk.look(lambda tx: list(events_of(tx, case.ref)))


def notes(desk: Desk, contact: str) -> int:
    kept = select(health_answer).where(health_answer.c.task == note_of(contact))
    return len(desk.look(lambda tx: tx.execute(kept).all()))


def test_a_call_is_recorded_in_one_act_and_stands_among_the_appointments(desk: Desk) -> None:
    case = record(desk, out(desk))

    (made,) = case.appointments
    assert (made.kind, made.status, made.starts_at) == ("OTHER", "attended", NOW)
    assert made.unbooked
    one = seen(desk, case, OFFICER)
    assert (one["contact"], one["how"], one["status"]) == (True, "phone", "attended")
    event = events(desk, case)[-1]
    assert (event.verb, event.actor, event.happened_at) == (
        "contact_recorded", NURSE.account, NOW,
    )  # fmt: skip
    check_case(desk, case.ref, now=NOW)


def test_it_quiets_a_friday_as_one_that_was_booked_and_held_does(desk: Desk) -> None:
    called, held, tried = out(desk), out(desk), out(desk)
    assert warnings(tried, now=NOW) == (CLOSED_DAYS,)

    called = record(desk, called)
    agreed = book(desk, held, "OTHER", oslo("2026-09-18 13:00"), now=oslo("2026-09-18 11:00"))
    outcome(desk, agreed, "attended", now=NOW)
    tried = record(desk, tried, NOBODY)

    assert warnings(called, now=NOW) == warnings(desk.case(held.ref), now=NOW) == ()
    assert warnings(tried, now=NOW) == (CLOSED_DAYS,), "nobody was reached"
    (attempt,) = tried.appointments
    outcome(desk, attempt, "attended", now=NOW)
    assert warnings(desk.case(tried.ref), now=NOW) == (), "put right"


def test_who_was_not_reached_has_no_earlier_first_appointment(desk: Desk) -> None:
    case = make_case(desk, release_on=FRIDAY, answer="accepted")
    book(desk, case, "OTHER", oslo("2026-09-28 10:00"), now=oslo("2026-09-10 10:00"))
    case = let_go(desk, case, now=GONE)
    late = CaseWarning.FIRST_APPOINTMENT_LATE
    assert late in warnings(case, now=NOW)

    assert late in warnings(record(desk, case, NOBODY), now=NOW)
    assert late not in warnings(record(desk, case), now=NOW)


def test_no_figure_counts_it(desk: Desk) -> None:
    def figures(db: Database) -> tuple[Any, Any]:
        question = Question(Period(2026, 3), oslo("2027-01-20 08:00"))
        with db.read() as tx:
            return count_now(tx, question).report(question), recount(
                tx, question.period, question.as_of
            )

    case = make_case(desk, release_on=FRIDAY, answer="accepted")
    book(desk, case, "GP", oslo("2026-09-21 10:00"), now=oslo("2026-09-10 10:00"))
    case = let_go(desk, case, now=GONE)
    before = figures(desk.db)

    record(desk, case, happened_at=GONE)
    record(desk, case, Contact("visit", reached=False))

    assert figures(desk.db) == before


def test_a_note_is_the_health_services_alone(desk: Desk) -> None:
    case = out(desk)
    note = "Har det bra, vil ringe fastlegen."
    case = record(desk, case, Contact("phone", reached=True, note=note))

    for reader in (NURSE, HEALTH_LEAD):
        assert seen(desk, case, reader)["note"] == note
    for reader in (OFFICER, COORDINATOR, UNIT_LEAD):
        assert "note" not in seen(desk, case, reader)
    for event in events(desk, case):
        assert "fastlegen" not in str(event.payload)
    with pytest.raises(NotAllowed):
        record(desk, case, Contact("phone", reached=True, note="x"), COORDINATOR)
    with pytest.raises(BadInput) as long:
        record(desk, case, Contact("phone", reached=True, note="x" * 501))
    assert long.value.field == "note"


def test_a_note_is_among_what_is_held_by_the_health_service(desk: Desk) -> None:
    case = record(desk, out(desk), Contact("visit", reached=True, note="Møtte på kaia."))

    def held(controller: Controller) -> str:
        told = desk.do(subject_access.held, OPERATOR, case.person, controller, now=NOW)
        return str(told)

    assert "Møtte på kaia." in held(Controller.HEALTH)
    assert "Møtte på kaia." not in held(Controller.CORRECTIONAL)


def test_it_is_taken_back_with_a_reason_and_both_stay(desk: Desk) -> None:
    case = record(desk, out(desk), Contact("phone", reached=True, note="Feil person."))
    (made,) = case.appointments
    assert notes(desk, made.id) == 1

    case = desk.do(contact_made.undo_contact, NURSE, made.id, "wrong_person", now=NOW)

    assert [each.status for each in case.appointments] == ["cancelled"]
    assert warnings(case, now=NOW) == (CLOSED_DAYS,)
    assert notes(desk, made.id) == 0
    last = events(desk, case)[-1]
    assert last.verb == "contact_undone"
    assert last.payload["undone"] == {made.id: "wrong_person"}
    with pytest.raises(Refused):
        desk.do(contact_made.undo_contact, NURSE, made.id, "not_done", now=NOW)
    check_case(desk, case.ref, now=NOW)


def test_what_the_health_service_recorded_it_takes_back_itself(desk: Desk) -> None:
    case = out(desk)
    nurses = record(desk, case).appointments[0].id
    case = record(desk, case, viewer=COORDINATOR)
    others = next(each.id for each in case.appointments if each.id != nurses)

    with pytest.raises(NotAllowed):
        desk.do(contact_made.undo_contact, COORDINATOR, nurses, "not_done", now=NOW)
    desk.do(contact_made.undo_contact, UNIT_LEAD, others, "not_done", now=NOW)
    desk.do(contact_made.undo_contact, HEALTH_LEAD, nurses, "not_done", now=NOW)


def test_an_appointment_that_was_booked_is_no_contact_to_take_back(desk: Desk) -> None:
    case = out(desk)
    agreed = book(desk, case, "OTHER", NOW, now=GONE + timedelta(hours=1))
    with pytest.raises(Refused):
        desk.do(contact_made.undo_contact, NURSE, agreed.id, "not_done", now=NOW)


def test_its_time_lies_after_the_release_and_not_ahead(desk: Desk) -> None:
    case = out(desk)
    for when, why in (
        (GONE - timedelta(minutes=1), "before_release"),
        (NOW + timedelta(minutes=1), "in_future"),
    ):
        with pytest.raises(BadInput) as wrong:
            record(desk, case, happened_at=when)
        assert wrong.value.reason == why
    late = record(desk, case, happened_at=GONE, now=NOW + timedelta(days=5))
    event = events(desk, late)[-1]
    assert (event.happened_at, event.recorded_at) == (GONE, NOW + timedelta(days=5))


def test_it_belongs_to_the_follow_up(desk: Desk) -> None:
    inside = make_case(desk, release_on=FRIDAY, answer="accepted")
    with pytest.raises(Refused):
        record(desk, inside)
    closed = let_go(desk, make_case(desk, release_on=FRIDAY, answer="declined"), now=GONE)
    with pytest.raises(CaseClosed):
        record(desk, closed)


def test_who_may(desk: Desk) -> None:
    case = out(desk)
    for viewer in (NURSE, HEALTH_LEAD, COORDINATOR, UNIT_LEAD):
        record(desk, case, viewer=viewer)
    with pytest.raises(NotAllowed):
        record(desk, case, viewer=OFFICER)
    with pytest.raises(CaseNotFound):
        record(desk, case, viewer=OUTSIDER)
    number = desk.case(case.ref).appointments[0].id
    with pytest.raises(appointments.AppointmentNotFound):
        desk.do(contact_made.undo_contact, OUTSIDER, number, "not_done", now=NOW)
    with pytest.raises(BadInput):
        record(desk, case, Contact("letter", reached=True))


def test_a_correctional_reader_asks_for_no_health_note(desk: Desk) -> None:
    case = record(desk, out(desk), Contact("phone", reached=True, note="Noe."))

    def may(tx: Connection, viewer: Viewer) -> bool:
        return contact_made.may_undo(tx, viewer, case, case.appointments[0])

    assert desk.look(may, NURSE)
    assert not desk.look(may, COORDINATOR)
    assert not desk.look(may, OFFICER)

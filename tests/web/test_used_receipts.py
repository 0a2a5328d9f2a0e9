"""A receipt says what was done, for whom and until when, and leads to where it is mended."""

from __future__ import annotations

import re
from datetime import date

from cases import appointments, naloxone, naloxone_rows, queries, sessions
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, make_case
from tests.web.browser import Page
from tests.web.conftest import Desk

_TOLD = re.compile(
    r'(?:class="receipt"|data-color="success" role="status")[^>]*>(.*?)</p>', re.DOTALL
)


def told(page: Page) -> str:
    """The text of the receipt on a page."""
    found = _TOLD.search(page.text)
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split()) if found else ""


def test_what_was_put_off_is_told_with_the_day_it_comes_back(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, admitted="2026-08-20 06:00").ref
    coordinator, path = desk.of("coordinator"), f"/cases/{ref}/tasks/brief_info"
    coordinator.get("/overdue")
    board = coordinator.send("/overdue", {"do": f"snooze/{ref}/brief_info/7"})
    coordinator.get(path)
    page = coordinator.send(path, {"do": "snooze", "days": "30"})

    said = "Kort informasjon og overdosekort gitt, Test Person. Fristen og varslene står som før."
    assert told(board) == f"Utsatt til 15. september 2026: {said}"
    assert told(page) == f"Utsatt til 8. oktober 2026: {said}"


def test_what_was_handed_on_or_set_aside_is_told_so(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, admitted="2026-08-20 06:00").ref
    coordinator, path = desk.of("coordinator"), f"/cases/{ref}/tasks/brief_info"
    what = "Kort informasjon og overdosekort gitt, Test Person."
    officer = re.search(r'<option value="(\w+)">Officer', coordinator.get(path).text)
    assert officer is not None
    given = coordinator.send(path, {"do": "assign", "to": officer[1]})
    coordinator.get(path)
    taken = coordinator.send(path, {"do": "assign", "to": ""})
    coordinator.get(path)
    waived = coordinator.send(path, {"do": "waive", "why": "absent"})

    assert told(given) == f"Gitt til Officer: {what}"
    assert told(taken) == f"Ingen bestemt har oppgaven: {what}"
    assert told(waived) == f"Satt til side: {what}"
    assert f"undo/{ref}/brief_info/not_done" in waived.text


def test_what_a_form_of_a_case_did_is_told_in_full(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref
    case = f"/cases/{ref}"
    coordinator, nurse = desk.of("coordinator"), desk.of("nurse")

    def sent(action: str, **typed: str) -> str:
        coordinator.get(action)
        return told(coordinator.send(action, typed))

    meeting = {"kind": "OTHER", "with": "Kari Vik", "place": "Torget 1", "status": "confirmed"}
    booked = sent(f"{case}/appointments/new", at="2026-10-02T10:00", **meeting)
    assert booked == "Annen avtale for Test Person, fre. 2.10. kl. 10.00: bekreftet."
    with desk.db.read() as tx:
        (made,) = queries.case_by_ref(tx, OPERATOR, ref).appointments
    one = f"{case}/appointments/{made.id}"
    moved = sent(one, do="move", at="2026-10-05T09:00")
    assert moved == "Annen avtale for Test Person er flyttet til man. 5.10. kl. 09.00: bekreftet."
    dated = sent(f"{case}/release-date", do="save", kind="parole", on="2026-09-28")
    assert dated == (
        "Løslatelsesdato (prøveløslatelse) for Test Person: man. 28.9."
        " Det som gjelder, er tors. 1.10."
    )
    gone = sent(f"{case}/release-date", do="save", kind="parole", withdraw="yes")
    assert gone.startswith("Løslatelsesdatoen (prøveløslatelse) for Test Person er trukket")
    away = sent(f"{case}/absence", kind="leave", from_on="2026-09-20", to_on="2026-09-22")
    assert away == "Permisjon for Test Person: søn. 20.9.–tirs. 22.9."
    back = sent(f"{case}/absence", do="cancel/1")
    assert back == "Permisjon for Test Person er tatt tilbake: søn. 20.9.–tirs. 22.9."
    nurse.get(case)
    agreed = nurse.send(f"{case}/consents", {"do": "sms/given"})
    assert told(agreed) == "Ja er ført: Påminning på SMS, Test Person."
    proposed = sent(f"{case}/transfer", do="propose", unit="C")
    assert proposed.startswith("Foreslått overført til C fengsel: Test Person.")
    closed = sent(f"{case}/close", reason="died", at="2026-09-08T08:30")
    assert closed == "Saken til Test Person er avsluttet: død."


def test_an_appointment_that_is_not_shown_is_not_told_of(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1)).ref
        meeting = Booking("OAT", at("2026-10-02 10:00"), "LAR-klinikken", "Storgata 1")
        appointments.book(tx, OPERATOR, ref, meeting, now=desk.now)
    page = desk.of("coordinator").get(f"/cases/{ref}?said=appointment/x")
    assert told(page) == ""


def test_a_row_of_sprays_is_told_with_what_is_left(on_sqlite: Desk) -> None:
    desk = on_sqlite
    nurse = desk.of("nurse")
    nurse.get("/naloxone")
    made = nurse.send("/naloxone", {"kind": "received", "count": "10", "lot": "L1"})
    assert told(made) == "Ført: Mottatt, 10 stk. Lot L1. På lager nå: 10."
    with desk.db.read() as tx:
        row = naloxone_rows.of_units(tx, frozenset({"A"}))[-1]
    asked = nurse.send("/naloxone", {"unit": "A", "do": f"undo/{row.id}"})
    assert "På lager: 10, blir 0." in asked.text
    assert told(asked) == ""
    undone = nurse.send("/naloxone", {"unit": "A", "do": f"undo/{row.id}", "sure": str(row.id)})
    assert told(undone) == "Angret: Mottatt, 10 stk. Lot L1. På lager nå: 0."


def test_a_spray_taken_out_of_property_leaves_its_task_done_and_says_so(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(
            tx, release_on=date(2026, 10, 1), answer="accepted", done=("card_printed",)
        ).ref
        row = naloxone.record(tx, OPERATOR, "to_property", ref=ref, now=desk.now).row
    nurse = desk.of("nurse")
    nurse.get("/naloxone")
    asked = nurse.send("/naloxone", {"do": f"undo/{row.id}"})
    assert "I effekter: 1, blir 0." in asked.text
    assert "Test Person" in asked.text.partition('id="ask"')[2].partition("</p>")[0]
    assert "står fortsatt som gjort." in asked.text
    undone = nurse.send("/naloxone", {"do": f"undo/{row.id}", "sure": str(row.id)})
    assert "spray lagt i effekter» står fortsatt som gjort. Gå til oppgaven" in told(undone)
    assert f'href="/cases/{ref}#task-card_printed"' in undone.text


def test_who_lets_somebody_go_reads_that_the_spray_in_property_was_taken_back(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    said = "Sprayen i effektene er angret i nalokson-regnskapet."
    with desk.db.write() as tx:
        ref = make_case(
            tx, release_on=date(2026, 9, 8), answer="accepted", done=("card_printed",)
        ).ref
    officer = desk.of("officer")

    def told_now() -> bool:
        return said in officer.get(f"/cases/{ref}/release").text

    assert not told_now(), "nothing was put there"
    with desk.db.write() as tx:
        row = naloxone.record(tx, OPERATOR, "to_property", ref=ref, now=desk.now).row
    assert not told_now()
    with desk.db.write() as tx:
        naloxone.undo(tx, OPERATOR, row.id, now=desk.now)
    assert told_now()
    text = officer.get(f"/cases/{ref}/release").text
    assert "spray lagt i effekter» står fortsatt som gjort." in text
    assert f'href="/cases/{ref}#task-card_printed"' in text
    with desk.db.write() as tx:
        naloxone.record(tx, OPERATOR, "to_property", ref=ref, now=desk.now)
    assert not told_now(), "another was put there"


def test_the_row_that_takes_another_back_shows_when_that_was(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        row = naloxone.record(
            tx, OPERATOR, "received", unit="A", now=desk.now, happened_at=at("2026-09-01 09:00")
        ).row
        naloxone.undo(tx, OPERATOR, row.id, now=desk.now)
    page = desk.of("nurse").get("/naloxone").text
    _, taken_back, first = page.partition("<tbody>")[2].split('<tr><td class="nowrap">')
    assert "Angret:" in taken_back
    assert "1.9." in first
    assert "1.9." not in taken_back


def test_another_units_row_is_neither_asked_about_nor_taken_back(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        row = naloxone.record(tx, OPERATOR, "received", unit="C", now=desk.now).row
    nurse = desk.of("nurse")
    for sure in ("", str(row.id)):
        nurse.get("/naloxone")
        assert nurse.send("/naloxone", {"do": f"undo/{row.id}", "sure": sure}).status == 404
    assert "Angre raden?" not in nurse.get(f"/naloxone?ask={row.id}").text


def test_a_list_of_a_group_tells_whom_it_was_about(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref
        planned = sessions.plan_session(
            tx, OPERATOR, "A", "brief_info", at("2026-09-09 10:00"), now=desk.now
        )
    nurse, path = desk.of("nurse"), f"/sessions/{planned.ref}"
    nurse.get(path)
    assert told(nurse.send(path, {"do": "add", "add": ref})) == "Satt på listen: Test Person"
    assert told(nurse.send(path, {"do": f"remove/{ref}"})) == "Tatt av listen: Test Person"


def test_a_list_that_nobody_was_chosen_for_says_so_at_the_field(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        make_case(tx, release_on=date(2026, 10, 1), answer="accepted")
        planned = sessions.plan_session(
            tx, OPERATOR, "A", "brief_info", at("2026-09-09 10:00"), now=desk.now, capacity=1
        )
    nurse, path = desk.of("nurse"), f"/sessions/{planned.ref}"
    assert "1 plass <" in nurse.get(path).text
    page = nurse.send(path, {"do": "add"})
    assert page.status == 422
    assert told(page) == ""
    assert 'id="e-add">Ingen er valgt.' in page.text


def test_a_group_of_a_day_that_has_passed_is_asked_about(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    page = nurse.get("/sessions")
    assert 'name="been"' not in page.text
    typed = {"task": "brief_info", "unit": "A", "at": "2026-09-01T10:00"}
    page = nurse.send("/sessions", typed)
    assert page.status == 422
    assert 'id="e-at">Dagen er passert.' in page.text
    assert 'value="2026-09-01T10:00"' in page.text
    held = nurse.send("/sessions", {**typed, "been": "yes"})
    assert held.status == 200
    assert held.url.startswith("/sessions/")

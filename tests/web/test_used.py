"""What people who used the pages for a day missed: each once a fault, and how it ends now."""

from __future__ import annotations

import re
from datetime import date

import pytest

from cases import (
    appointments,
    attendance,
    naloxone,
    people,
    queries,
    release,
    sessions,
    transfers,
)
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.people import NewPerson
from cases.vault import Identity
from tests.people import at, make_case
from tests.web.conftest import Desk


def released(desk: Desk) -> str:
    """Somebody who was let go yesterday, neither talked to at first nor with a card in hand."""
    with desk.db.write() as tx:
        case = make_case(
            tx,
            admitted="2026-08-01 06:00",
            release_on=date(2026, 9, 7),
            answer="accepted",
            released="2026-09-07 10:00",
        )
    return case.ref


def test_a_row_of_the_follow_up_leads_to_what_is_to_be_done(on_sqlite: Desk) -> None:
    desk, ref = on_sqlite, released(on_sqlite)
    nurse, lead = desk.of("nurse"), desk.of("lead")

    mine, theirs = nurse.get("/follow-up").text, lead.get("/follow-up").text

    assert f'value="done/{ref}/intake_talk/unknown"' in mine
    assert f'value="done/{ref}/handed_over/card_only"' not in mine, "the officer's"
    assert f'href="/cases/{ref}#task-handed_over"' in mine
    assert f'value="done/{ref}/handed_over/card_only"' in theirs
    done = nurse.send("/act", {"do": f"done/{ref}/intake_talk/unknown"})
    assert done.url == "/follow-up"
    assert "er ført for Test Person" in done.text
    assert f'value="done/{ref}/intake_talk/unknown"' not in done.text


def test_how_an_appointment_went_is_told_on_the_follow_up_page(on_sqlite: Desk) -> None:
    desk, ref = on_sqlite, released(on_sqlite)
    with desk.db.write() as tx:
        for kind, when in (("GP", "2026-09-08 08:00"), ("OTHER", "2026-09-08 08:30")):
            meeting = Booking(kind, at(when), "Kari Vik", "Torget 1", status="confirmed")
            appointments.book(tx, OPERATOR, ref, meeting, now=at("2026-09-07 12:00"))
        booked = queries.case_by_ref(tx, OPERATOR, ref).appointments
    doctor, other = sorted(booked, key=lambda each: each.starts_at)
    nurse, coordinator = desk.of("nurse"), desk.of("coordinator")
    page = coordinator.get("/follow-up").text
    assert f"outcome/{ref}/{other.id}/attended" in page
    assert doctor.id not in page, "nobody consented that the coordinator knows of it"

    nurse.get("/follow-up")
    came = nurse.send("/act", {"do": f"outcome/{ref}/{doctor.id}/attended"})

    assert came.url == "/follow-up"
    assert "Test Person, Fastlege tirs. 8.9. kl. 08.00: Møtte." in came.text
    assert f"outcome/{ref}/{doctor.id}" not in came.text
    with desk.db.read() as tx:
        now = queries.case_by_ref(tx, OPERATOR, ref).appointments
    assert {each.kind.value: each.status.value for each in now} == {
        "GP": "attended",
        "OTHER": "confirmed",
    }
    coordinator.get("/follow-up")
    refused = coordinator.send("/act", {"do": f"outcome/{ref}/{doctor.id}/no_show"})
    assert refused.status == 403
    foreign = desk.of("elsewhere")
    foreign.get("/today")
    assert foreign.send("/act", {"do": f"outcome/{ref}/{other.id}/attended"}).status == 404


def test_a_day_for_a_contact_leads_to_its_booking(on_sqlite: Desk) -> None:
    desk, ref = on_sqlite, released(on_sqlite)
    nurse, path = desk.of("nurse"), f"/cases/{ref}/appointments/new?kind=OTHER"

    page = nurse.get("/follow-up").text
    assert "Ta kontakt i dag" in page
    assert f'href="{path}"' in page
    assert '<option value="OTHER" selected>' in nurse.get(path).text


@pytest.mark.parametrize("released", [None, "2026-09-07 10:00"])
def test_a_talk_that_was_held_is_red_of_no_booking(on_sqlite: Desk, released: str | None) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(
            tx, admitted="2026-08-01 06:00", release_on=date(2026, 9, 12), answer="accepted"
        )
        group = sessions.plan_session(
            tx, OPERATOR, "A", "talk_held", at("2026-09-03 08:00"), now=at("2026-09-02 09:00")
        )
        sessions.add_cases(tx, OPERATOR, group.ref, [case.ref], now=at("2026-09-02 09:00"))
        attendance.hold(tx, OPERATOR, group.ref, [case.ref], now=at("2026-09-03 09:00"))
        if released is not None:
            release.release(tx, OPERATOR, case.ref, now=at(released))

    page = desk.of("coordinator").get(f"/cases/{case.ref}").text

    talk = re.findall(r'<li data-state="(\w+)">', page.split('class="way"')[1])[2]
    row = page.split('id="task-talk_booked"')[1].split("</li>")[0]
    assert talk == "partly"
    assert "Samtalen er holdt" in row
    assert 'class="late"' not in row


def test_nobody_chose_court_who_did_not_choose(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer="accepted").ref
    officer, path = desk.of("officer"), f"/cases/{ref}/unplanned"
    reasons = officer.get(path).text.split('name="reason"')[1].split("</select>")[0]
    assert "selected" not in reasons
    assert '<option value="">Velg</option>' in reasons

    typed = {"at": "2026-09-08T08:30", "signs_and_113": "yes"}
    refused = officer.send(path, typed)

    assert refused.status == 422
    assert 'id="e-reason">Velg en grunn.' in refused.text
    assert 'name="signs_and_113" value="yes" checked' in refused.text
    assert officer.send(path, typed | {"reason": "court"}).url == f"/cases/{ref}"


def test_the_ledger_of_sprays_names_people_and_not_cases(on_sqlite: Desk) -> None:
    desk, ref = on_sqlite, released(on_sqlite)
    with desk.db.write() as tx:
        who = people.register(tx, NewPerson(Identity("77003", "Bort", "Reist")), now=desk.now)
        gone = make_case(tx, person=who, release_on=date(2026, 10, 1))
        for each in (ref, gone.ref):
            naloxone.record(tx, OPERATOR, "refill", ref=each, reason="used", now=desk.now)
        asked = transfers.propose_transfer(tx, OPERATOR, gone.ref, "C", now=desk.now)
        transfers.answer_transfer(tx, OPERATOR, asked.transfers[-1].id, "accept", now=desk.now)

    text = desk.of("nurse").get("/naloxone").text

    flaws, rows = text.split('id="flaws"')[1].split("</section>")[0], text.split("<tbody>")[1]
    assert f'href="/cases/{ref}">Test Person</a>' in flaws
    assert f'href="/cases/{ref}">Test Person</a>' in rows
    assert "Ny spray</td>" in rows, "of somebody who is another unit's by now"
    assert gone.ref not in text
    assert "Bort Reist" not in text

"""A refused "appointments confirmed" says which one lacks, and leads to where it is got."""

from __future__ import annotations

from datetime import date

from cases import appointments, service
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, make_case
from tests.web.conftest import Desk

TASK = "appointments_confirmed"
DOCTOR, NAV = "helsetjenesten", "NAV eller kommunen"


def leaving(desk: Desk, *, consents: bool = True) -> str:
    """Somebody released in October who agrees to what is planned."""
    with desk.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 10, 1), answer="accepted")
        for to in ("health", "nav", "municipality") if consents else ():
            service.record_consent(
                tx, OPERATOR, case.ref, "sharing", given=True, receiver=to, now=desk.now
            )
    return case.ref


def booked(desk: Desk, ref: str, kind: str, when: str, status: str) -> str:
    with desk.db.write() as tx:
        meeting = Booking(kind, at(when), "Kari Vik", "Torget 1", status=status)
        case = appointments.book(tx, OPERATOR, ref, meeting, now=desk.now)
    return max(case.appointments, key=lambda each: (each.kind.value == kind, each.id)).id


def test_it_says_which_one_lacks_and_leads_there(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = leaving(desk)
    coordinator = desk.of("coordinator")
    number = booked(desk, ref, "GP", "2026-10-02 10:00", "requested")
    coordinator.get(f"/cases/{ref}")

    refused = coordinator.send("/act", {"do": f"done/{ref}/{TASK}"})

    assert refused.status == 409
    lead = refused.text.split("<main")[1].split("</main>")[0]
    assert f"({DOCTOR}) er ikke bekreftet" in lead
    assert f'href="/cases/{ref}/appointments/{number}"' in lead
    assert f"Bekreftet avtale mangler: {NAV}" in lead
    assert f'href="/cases/{ref}/appointments/new"' in lead

    booked(desk, ref, "NAV", "2026-10-02 12:00", "confirmed")
    late = booked(desk, ref, "HOUSING", "2026-10-20 12:00", "confirmed")
    page = coordinator.get(f"/cases/{ref}/tasks/{TASK}")
    assert f"({DOCTOR}) er ikke bekreftet" in page.text
    assert NAV not in page.text
    assert late not in page.text


def test_an_appointment_on_another_day_is_said_to_be_so(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = leaving(desk)
    number = booked(desk, ref, "NAV", "2026-10-20 12:00", "confirmed")
    page = desk.of("lead").get(f"/cases/{ref}")
    assert number not in page.text.split("er utenfor de første")[0].split("Avtaler</h2>")[-1]

    page = desk.of("coordinator").get(f"/cases/{ref}")

    assert f"({NAV}) er utenfor de første sju dagene" in page.text
    assert "Flytt den" in page.text


def test_what_the_health_service_booked_is_not_told_without_a_consent(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = leaving(desk, consents=False)
    number = booked(desk, ref, "OAT", "2026-10-02 10:00", "requested")
    path = f"/cases/{ref}"

    for who in ("coordinator", "lead"):
        text = desk.of(who).get(path).text
        assert f"Bekreftet avtale mangler: {DOCTOR}. Helsepersonell" in text, who
        assert f"appointments/{number}" not in text, who
    assert f'href="{path}#consents">Til samtykkene' in desk.of("coordinator").get(path).text
    assert DOCTOR not in desk.of("officer").get(path).text.split("Avtaler</h2>")[1]
    assert f"{path}/appointments/{number}" in desk.of("nurse").get(path).text


def test_many_at_once_name_what_lacks_of_each(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = leaving(desk)
    booked(desk, ref, "GP", "2026-10-02 10:00", "confirmed")
    coordinator = desk.of("coordinator")
    coordinator.get("/overdue")

    told = coordinator.send("/overdue", {"do": "done", "pick": f"{ref}/{TASK}"})

    assert f"Bekreftet avtale mangler: {NAV}" in told.text
    assert DOCTOR not in told.text


def test_an_unknown_release_date_is_what_lacks(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        asked = make_case(tx, answer="accepted").ref
        waits = make_case(tx, answer="not_now").ref
    coordinator = desk.of("coordinator")
    assert "Dette mangler" not in coordinator.get(f"/cases/{waits}").text
    page = coordinator.get(f"/cases/{asked}/tasks/{TASK}")

    assert "Løslatelsesdatoen er ikke kjent." in page.text
    assert f'href="/cases/{asked}/release-date">Sett datoen' in page.text

"""An appointment nobody can come to is told as such, and one nobody came to leads to the next."""

from __future__ import annotations

from datetime import date

import pytest

from cases import appointments, queries, release, service
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, make_case
from tests.web.conftest import Desk

EARLY = "Ligger før løslatelsen"
OUTSIDE = "Utenfor de første sju dagene"
CLOSED = "Dagen er helg eller helligdag"


def shared(desk: Desk, **about: object) -> str:
    """Somebody who agrees to what is planned, and who shares it with the unit."""
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", **about)  # type: ignore[arg-type]
        for to in ("health", "nav"):
            service.record_consent(
                tx, OPERATOR, case.ref, "sharing", given=True, receiver=to, now=desk.now
            )
    return case.ref


def booked(desk: Desk, ref: str, kind: str, when: str, status: str = "confirmed") -> str:
    with desk.db.write() as tx:
        known = {each.id for each in queries.case_by_ref(tx, OPERATOR, ref).appointments}
        meeting = Booking(kind, at(when), "Kari Vik", "Torget 1", status=status)
        case = appointments.book(tx, OPERATOR, ref, meeting, now=desk.now)
    return next(each.id for each in case.appointments if each.id not in known)


def receipt(text: str) -> str:
    return text.split("alert receipt")[1].split("</div></div>", maxsplit=1)[0]


@pytest.mark.parametrize("status", ["requested", "confirmed"])
def test_what_lies_before_the_release_is_told_as_that(on_sqlite: Desk, status: str) -> None:
    desk = on_sqlite
    ref = shared(desk, admitted="2026-08-01 06:00", release_on=date(2026, 9, 10))
    booked(desk, ref, "OAT", "2026-09-10 13:00", status)
    coordinator = desk.of("coordinator")
    with desk.db.write() as tx:
        release.set_release_date(
            tx, OPERATOR, ref, date(2026, 9, 14), kind="confirmed", now=desk.now
        )

    for who in ("nurse", "coordinator", "officer"):
        text = desk.of(who).get(f"/cases/{ref}").text
        assert EARLY in text, who
        assert "En avtale ligger før løslatelsen" in text, who
        assert OUTSIDE not in text, who
    coordinator.get(f"/cases/{ref}/release-date")
    looked = coordinator.send(
        f"/cases/{ref}/release-date", {"do": "show", "kind": "confirmed", "on": "2026-09-15"}
    )
    assert "1 avtale blir liggende før løslatelsen" in looked.text
    assert "utenfor de første sju dagene." not in looked.text
    if status == "confirmed":
        assert "er før løslatelsen. " in coordinator.get(f"/cases/{ref}").text

    with desk.db.write() as tx:
        release.set_release_date(
            tx, OPERATOR, ref, date(2026, 9, 10), kind="confirmed", now=desk.now
        )
    assert EARLY not in coordinator.get(f"/cases/{ref}").text


def test_an_office_on_a_sunday_is_asked_about(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = shared(desk, release_on=date(2026, 9, 11))
    coordinator = desk.of("coordinator")
    form = {
        "kind": "NAV",
        "at": "2026-09-13T10:00",
        "with": "NAV",
        "place": "NAV",
        "status": "requested",
    }
    coordinator.get(f"/cases/{ref}/appointments/new")

    told = coordinator.send(f"/cases/{ref}/appointments/new", form)

    assert CLOSED in receipt(told.text)
    assert CLOSED not in desk.of("officer").get(f"/cases/{ref}").text
    booked(desk, ref, "PEER_OR_MENTOR", "2026-09-13 12:00")
    assert coordinator.get(f"/cases/{ref}").text.count(CLOSED) == 1


def test_who_did_not_come_is_offered_a_new_time_at_once(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = shared(desk, admitted="2026-08-01 06:00", release_on=date(2026, 9, 9))
    number = booked(desk, ref, "OAT", "2026-09-10 13:00")
    with desk.db.write() as tx:
        release.release(tx, OPERATOR, ref, now=at("2026-09-08 08:30"))
    desk.clock[0] = at("2026-09-10 15:00")
    new = f"/cases/{ref}/appointments/new?kind=OAT"
    nurse = desk.of("nurse")
    nurse.get("/follow-up")

    told = nurse.send("/act", {"do": f"outcome/{ref}/{number}/no_show", "next": "/follow-up"})

    assert f'href="{new}"' in receipt(told.text)
    assert f'href="{new}"' in nurse.get(f"/cases/{ref}").text
    assert "Avtal ny tid" not in desk.of("officer").get(f"/cases/{ref}").text
    booked(desk, ref, "OAT", "2026-09-11 13:00")
    assert f'href="{new}"' not in nurse.get(f"/cases/{ref}").text


def test_a_card_without_the_places_says_so_before_it_is_printed(on_sqlite: Desk) -> None:
    desk = on_sqlite
    ref = shared(desk, release_on=date(2026, 9, 30))
    booked(desk, ref, "OAT", "2026-10-01 13:00")
    less = "Helsetjenesten skriver ut det fulle kortet"

    for who, said in (("officer", True), ("lead", True), ("nurse", False), ("coordinator", False)):
        text = desk.of(who).get(f"/cases/{ref}/card").text
        assert (less in text) is said, who
        assert ("Skriv ut kortet uten stedene" in text) is said, who

"""The follow-up says what was not done: a day of contact that passed, and who did not come."""

from __future__ import annotations

import pytest

from cases import appointments, contact_made, queries, service
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.contact_made import Contact
from tests.people import at, make_case
from tests.web.conftest import Desk


def released(desk: Desk, when: str) -> str:
    """Somebody released then, who agreed to share with the services; it is 8 September, 09:00."""
    with desk.db.write() as tx:
        ref = make_case(
            tx, admitted="2026-06-01 06:00", answer="accepted", released=f"2026-{when} 10:00"
        ).ref
        for to in ("health", "nav"):
            service.record_consent(
                tx, OPERATOR, ref, "sharing", given=True, receiver=to, now=desk.now
            )
    return ref


def went(desk: Desk, ref: str, kind: str, when: str, status: str) -> None:
    """An appointment after the release, confirmed before it, and how it went."""
    with desk.db.write() as tx:
        known = {each.id for each in queries.case_by_ref(tx, OPERATOR, ref).appointments}
        meeting = Booking(kind, at(when), "Kari Vik", "Torget 1", status="confirmed")
        case = appointments.book(tx, OPERATOR, ref, meeting, now=at("2026-08-01 12:00"))
        (new,) = (each.id for each in case.appointments if each.id not in known)
        if status != "confirmed":
            appointments.record_outcome(tx, OPERATOR, new, status, now=desk.now)


def called(desk: Desk, ref: str, when: str, status: str) -> None:
    with desk.db.write() as tx:
        made = Contact("phone", reached=status == "attended")
        contact_made.record_contact(tx, OPERATOR, ref, made, happened_at=at(when), now=desk.now)


def row(desk: Desk, ref: str, who: str = "nurse") -> str:
    """The row of somebody on the page."""
    text = desk.of(who).get("/follow-up").text
    return next(part for part in text.split('<li class="card person')[1:] if ref in part)


@pytest.mark.parametrize(
    ("out", "said", "then"),
    [
        ("08-27", "dag 7", "Neste kontakt dag 14"),
        ("08-30", "dag 7", "Neste kontakt dag 14"),
        ("08-10", "dag 28", "Neste kontakt dag 42"),
        ("09-01", "dag 3", "Ta kontakt i dag"),
    ],
)
def test_a_contact_nobody_made_is_said(on_sqlite: Desk, out: str, said: str, then: str) -> None:
    ref = released(on_sqlite, out)
    for who in ("nurse", "coordinator"):
        shown = row(on_sqlite, ref, who)
        assert f"Kontakt {said} ikke gjort" in shown
        assert then in shown


def test_the_page_of_who_is_out_says_it_too(on_sqlite: Desk) -> None:
    """All four steps stood there green, and nothing of the contact nobody had made."""

    def way(who: str, ref: str) -> str:
        page = on_sqlite.of(who).get(f"/cases/{ref}").text
        return page.split('id="way"')[1].split("</section>")[0]

    ref = released(on_sqlite, "09-01")
    for who in ("nurse", "coordinator", "lead", "healthlead"):
        assert "Dag 7 · " in way(who, ref), who
        assert "Kontakt dag 3 ikke gjort" in way(who, ref), who
        assert "Ta kontakt i dag" in way(who, ref), who
    assert "ontakt" not in way("officer", ref)
    called(on_sqlite, ref, "2026-09-08 08:30", "attended")
    assert "ikke gjort" not in way("nurse", ref)
    assert "Neste kontakt dag 14" in way("nurse", ref)
    with on_sqlite.db.write() as tx:
        inside = make_case(tx).ref
    assert "ontakt" not in way("nurse", inside)


def test_the_first_day_has_no_contact_to_be_lacking(on_sqlite: Desk) -> None:
    assert "ikke gjort" not in row(on_sqlite, released(on_sqlite, "09-07"))


def test_it_is_said_until_somebody_was_reached(on_sqlite: Desk) -> None:
    ref = released(on_sqlite, "08-27")
    called(on_sqlite, ref, "2026-09-02 12:00", "attended")
    assert "Kontakt dag 7 ikke gjort" in row(on_sqlite, ref), "that was the day before"
    called(on_sqlite, ref, "2026-09-07 12:00", "no_show")
    assert "Kontakt dag 7 ikke gjort" in row(on_sqlite, ref), "nobody answered"
    called(on_sqlite, ref, "2026-09-07 15:00", "attended")
    assert "ikke gjort" not in row(on_sqlite, ref)


def test_who_lacks_a_contact_comes_first(on_sqlite: Desk) -> None:
    fresh = released(on_sqlite, "09-07")
    lacking = released(on_sqlite, "08-27")
    text = on_sqlite.of("nurse").get("/follow-up").text
    assert text.index(f"/cases/{lacking}") < text.index(f"/cases/{fresh}")


def test_who_did_not_come_stays_with_a_new_time_at_hand(desk: Desk) -> None:
    ref = released(desk, "09-03")
    went(desk, ref, "OAT", "2026-09-07 10:00", "no_show")

    shown = row(desk, ref)
    assert "LAR: møtte ikke" in shown
    assert f'href="/cases/{ref}/appointments/new?kind=OAT"' in shown

    went(desk, ref, "NAV", "2026-09-10 10:00", "confirmed")
    assert "LAR: møtte ikke" in row(desk, ref), "another office is no new time"
    went(desk, ref, "OAT", "2026-09-11 10:00", "confirmed")
    assert "møtte ikke" not in row(desk, ref)


def test_a_contact_since_settles_it_and_one_before_does_not(on_sqlite: Desk) -> None:
    ref = released(on_sqlite, "09-03")
    went(on_sqlite, ref, "OAT", "2026-09-07 10:00", "no_show")
    called(on_sqlite, ref, "2026-09-06 10:00", "attended")
    assert "LAR: møtte ikke" in row(on_sqlite, ref)
    called(on_sqlite, ref, "2026-09-07 12:00", "no_show")
    assert "LAR: møtte ikke" in row(on_sqlite, ref)
    called(on_sqlite, ref, "2026-09-07 15:00", "attended")
    assert "møtte ikke" not in row(on_sqlite, ref)


def test_without_the_details_it_is_an_appointment_and_leads_nowhere(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        ref = make_case(
            tx, admitted="2026-06-01 06:00", answer="accepted", released="2026-09-03 10:00"
        ).ref
    went(on_sqlite, ref, "OAT", "2026-09-07 10:00", "no_show")
    shown = row(on_sqlite, ref, "coordinator")
    assert "Avtale: møtte ikke" in shown
    assert "kind=OAT" not in shown

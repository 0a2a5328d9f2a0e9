"""A nurse who has called somebody released records that in one act, and can take it back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from cases import queries
from cases.access import OPERATOR
from cases.model import Appointment
from tests.people import make_case
from tests.web.browser import Page
from tests.web.conftest import Desk


def released(desk: Desk) -> str:
    """Somebody who was released yesterday, on the day before the first suggested contact."""
    with desk.db.write() as tx:
        return make_case(
            tx,
            admitted="2026-08-01 06:00",
            release_on=date(2026, 9, 7),
            answer="accepted",
            released="2026-09-07 10:00",
        ).ref


@pytest.fixture
def ref(on_sqlite: Desk) -> str:
    return released(on_sqlite)


def contacts(desk: Desk, ref: str) -> list[Appointment]:
    with desk.db.read() as tx:
        return list(queries.case_by_ref(tx, OPERATOR, ref).appointments)


def receipt(page: Page) -> str:
    """What the page tells of what was just done."""
    return page.text.split('class="ds-alert receipt"')[1].split("</p>")[0].split("<p>")[1]


def test_one_press_on_the_follow_up_page(desk: Desk) -> None:
    ref, nurse = released(desk), desk.of("nurse")
    assert "Ta kontakt i dag" in nurse.get("/follow-up").text

    page = nurse.send("/act", {"do": f"contact/{ref}/phone/attended"})

    assert page.url == "/follow-up"
    said = "Kontakt etter løslatelse med Test Person, tirs. 8.9. kl. 09.00: nådd."
    assert receipt(page) == said
    assert "Ta kontakt i dag" not in page.text
    assert "Neste kontakt dag 3" in page.text
    (made,) = contacts(desk, ref)
    assert (made.status, made.starts_at) == ("attended", desk.now)

    undone = nurse.send("/act", {"do": f"uncontact/{ref}/{made.id}/wrong_person"})

    assert receipt(undone) == "Kontakten med Test Person, tirs. 8.9. kl. 09.00, er angret."
    assert "Ta kontakt i dag" in undone.text
    assert [each.status for each in contacts(desk, ref)] == ["cancelled"]


def test_who_was_not_reached_is_to_be_contacted_still(on_sqlite: Desk, ref: str) -> None:
    nurse = on_sqlite.of("nurse")
    nurse.get("/follow-up")
    page = nurse.send("/act", {"do": f"contact/{ref}/phone/no_show"})
    assert receipt(page).endswith(": ikke nådd.")
    assert "Ta kontakt i dag" in page.text
    assert "Ikke nådd" in page.text.split("Ta kontakt i dag")[1]


def test_a_form_sent_twice_counts_once(on_sqlite: Desk, ref: str) -> None:
    nurse = on_sqlite.of("nurse")
    hidden = nurse.get("/follow-up").hidden("/act")
    for _ in range(2):
        nurse.post("/act", {**hidden, "do": f"contact/{ref}/phone/attended"})
    assert len(contacts(on_sqlite, ref)) == 1


def test_the_whole_form_with_a_time_and_a_note(on_sqlite: Desk, ref: str) -> None:
    desk, path = on_sqlite, f"/cases/{ref}"
    nurse = desk.of("nurse")
    assert f'href="{path}/contact"' in nurse.get(path).text
    form = f"{path}/contact"
    nurse.get(form)
    typed: dict[str, Any] = {"how": "visit", "when": "other", "at": "2026-09-07T15:00"}
    assert nurse.send(form, typed).status == 422, "reached or not?"

    page = nurse.send(form, {**typed, "went": "attended", "note": "Er hos søsteren."})

    assert page.url.partition("#")[0] == path
    assert receipt(page) == (
        "Kontakt etter løslatelse med Test Person, man. 7.9. kl. 15.00: nådd ved et møte."
    )
    assert "Er hos søsteren." in page.text
    assert "<strong>Kontakt etter løslatelse</strong>" in page.text
    assert "<span>Kontakt etter løslatelse: <span" in page.text, "the history"
    for who in ("coordinator", "officer", "lead"):
        text = desk.of(who).get(path).text
        assert "ved et møte" in text
        assert "søsteren" not in text
    assert 'name="note"' in nurse.get(form).text
    assert 'name="note"' not in desk.of("coordinator").get(form).text

    (made,) = contacts(desk, ref)
    nurse.get(f"{path}/appointments/{made.id}")
    undone = nurse.send(f"{path}/contacts/{made.id}", {"why": "not_done"})
    assert "er angret" in receipt(undone)
    assert "søsteren" not in undone.text
    assert "ingen kontakt likevel" in undone.text


def test_what_is_wrong_is_said_at_its_field(on_sqlite: Desk, ref: str) -> None:
    nurse, form = on_sqlite.of("nurse"), f"/cases/{ref}/contact"
    nurse.get(form)
    known = {"went": "attended", "how": "phone", "when": "other"}
    for at, words in (
        ("2026-09-07T09:00", "Det er før løslatelsen."),
        ("2026-09-09T09:00", "Tidspunktet er ikke kommet ennå."),
    ):
        page = nurse.send(form, {**known, "at": at})
        assert (page.status, words in page.text) == (422, True)
    assert contacts(on_sqlite, ref) == []


def test_its_page_puts_it_right_or_takes_it_back(on_sqlite: Desk, ref: str) -> None:
    desk = on_sqlite
    nurse = desk.of("nurse")
    nurse.get("/follow-up")
    nurse.send("/act", {"do": f"contact/{ref}/phone/no_show"})
    (made,) = contacts(desk, ref)
    one = f"/cases/{ref}/appointments/{made.id}"

    page = nurse.get(one)
    assert "Ikke nådd på telefon" in page.text
    assert f'action="/cases/{ref}/contacts/{made.id}"' in page.text
    desk.later(timedelta(minutes=5))
    assert receipt(nurse.send(one, {"do": "attended"})).endswith(": nådd på telefon.")
    theirs = desk.of("coordinator").get(one).text
    assert f'action="/cases/{ref}/contacts/{made.id}"' not in theirs, "the health service's own"


def test_others_do_not_reach_it(on_sqlite: Desk, ref: str) -> None:
    desk = on_sqlite
    nurse = desk.of("nurse")
    nurse.get("/follow-up")
    nurse.send("/act", {"do": f"contact/{ref}/phone/attended"})
    (made,) = contacts(desk, ref)
    undo = f"/cases/{ref}/contacts/{made.id}"
    for who, status in (("officer", 403), ("outsider", 404), ("elsewhere", 404)):
        browser = desk.of(who)
        mine = browser.get("/today").hidden("/sign-out")
        assert browser.get(f"/cases/{ref}/contact").status == status, who
        pressed = browser.post("/act", {**mine, "do": f"contact/{ref}/phone/attended"})
        assert pressed.status == status, who
        assert browser.post(undo, {**mine, "why": "not_done"}).status == status, who
    coordinator = desk.of("coordinator")
    mine = coordinator.get("/today").hidden("/sign-out")
    assert coordinator.post(undo, {**mine, "why": "not_done"}).status == 403
    assert len(contacts(desk, ref)) == 1


def test_who_leaves_comes_first_and_an_officer_is_not_sent_to_speak_with_who_went_out_today(
    on_sqlite: Desk,
) -> None:
    """Contacts after the release are not an officer's; today's release stood there as day 0."""
    day = on_sqlite.now.date()
    with on_sqlite.db.write() as tx:
        out = make_case(
            tx,
            admitted="2026-08-01 06:00",
            release_on=day,
            answer="accepted",
            released="2026-09-08 07:00",
        ).ref
        leaves = [make_case(tx, release_on=day + timedelta(days=days)).ref for days in (1, 0)]
        called = [released_days_ago(tx, day, days) for days in (3, 1)]

    for_officer = of_the_day(on_sqlite.of("officer").get("/today"))
    assert [ref for ref in (out, *leaves, *called) if ref in for_officer] == leaves
    for_nurse = of_the_day(on_sqlite.of("nurse").get("/today"))
    assert out not in for_nurse
    in_order = sorted([*leaves, *called], key=for_nurse.index)
    assert in_order == [*leaves[::-1], *called[::-1]]


def of_the_day(page: Page) -> str:
    """Releases and contacts, first on the list of the day."""
    return page.text.split('class="plain ofday"')[1].split("</ul>")[0]


def released_days_ago(tx: Connection, today: date, days: int) -> str:
    """Somebody who took part and has been out for so many days."""
    on = today - timedelta(days=days)
    return make_case(
        tx,
        admitted="2026-08-01 06:00",
        release_on=on,
        answer="accepted",
        released=f"{on} 10:00",
    ).ref

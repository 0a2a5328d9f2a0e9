"""Who follows up asks for the number of a released person, and that they looked is logged."""

from __future__ import annotations

from sqlalchemy import select, update

from cases import people
from cases.people import PersonChange
from cases.tables import access_log, phone
from tests.people import at, make_case
from tests.web.conftest import Desk

NUMBER = "+4740000001"


def out_with_a_number(desk: Desk, released: str | None = "2026-09-05 10:00") -> str:
    """A case in follow-up (in prison without `released`) of somebody whose number is known."""
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", released=released)
        people.change(tx, case.person, PersonChange(phone=NUMBER), now=at("2026-09-01 09:00"))
    return case.ref


def looks(desk: Desk, ref: str) -> list[tuple[str, str]]:
    with desk.db.read() as tx:
        found = tx.execute(
            select(access_log.c.role, access_log.c.scope).where(
                access_log.c.verb == "phone_read", access_log.c.case_ref == ref
            )
        )
        return [(row.role, row.scope) for row in found]


def test_whoever_follows_up_asks_for_the_number_and_the_look_is_logged(desk: Desk) -> None:
    ref = out_with_a_number(desk)
    link = f'href="/cases/{ref}/phone"'
    for who in ("nurse", "healthlead", "coordinator", "lead"):
        for page in (f"/cases/{ref}", "/follow-up"):
            text = desk.of(who).get(page).text
            assert link in text, (who, page)
            assert NUMBER not in text, (who, page)
    assert looks(desk, ref) == []

    for who in ("nurse", "healthlead", "coordinator", "lead"):
        assert f'href="tel:{NUMBER}"' in desk.of(who).get(f"/cases/{ref}/phone").text, who
    assert [role for role, _ in looks(desk, ref)] == [
        "health",
        "health_lead",
        "coordinator",
        "unit_lead",
    ]
    assert {scope for _, scope in looks(desk, ref)} == {"A"}


def test_an_officer_and_another_unit_see_no_number(desk: Desk) -> None:
    ref = out_with_a_number(desk)
    assert "/phone" not in desk.of("officer").get(f"/cases/{ref}").text
    for who, status in (
        ("officer", 403),
        ("directorate", 403),
        ("admin", 403),
        ("outsider", 404),
        ("elsewhere", 404),
    ):
        page = desk.of(who).get(f"/cases/{ref}/phone")
        assert page.status == status, who
        assert NUMBER not in page.text, who
    assert looks(desk, ref) == []


def test_of_somebody_in_prison_no_number_is_shown(on_sqlite: Desk) -> None:
    ref = out_with_a_number(on_sqlite, released=None)
    nurse = on_sqlite.of("nurse")
    assert "/phone" not in nurse.get(f"/cases/{ref}").text
    page = nurse.get(f"/cases/{ref}/phone")
    assert page.status == 409
    assert NUMBER not in page.text


def test_a_number_that_is_wrong_or_stopped_is_not_shown(on_sqlite: Desk) -> None:
    ref = out_with_a_number(on_sqlite)
    nurse = on_sqlite.of("nurse")
    for state in ("stopped", "failed", "wrong_person"):
        with on_sqlite.db.write() as tx:
            tx.execute(update(phone).values(state=state))
        text = nurse.get(f"/cases/{ref}/phone").text
        assert "Det er ikke noe nummer som kan brukes." in text, state
        assert NUMBER not in text, state

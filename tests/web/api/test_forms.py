"""Papers over HTTP: what each role is given, and what is refused."""

from __future__ import annotations

import icalendar
import pytest

from cases.paper_forms import FORMS
from tests.cases.desk import RELEASE_ON, book, make_case, oslo
from tests.web.office import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    NOW,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Office,
)

READY = [each for each in FORMS if each not in ("certificate", "transfer")]


def test_every_form_comes_as_pdf_and_as_a_page(office: Office) -> None:
    case = make_case(office.desk, release_on=RELEASE_ON)
    book(office.desk, case, "GP", oslo("2026-12-29 10:00"), now=NOW)

    for form in READY:
        paper = office.get(f"/cases/{case.ref}/forms/{form}", by=NURSE)
        page = office.get(f"/cases/{case.ref}/forms/{form}?format=html", by=NURSE)

        assert paper.status_code == 200, (form, paper.text)
        assert paper.headers["content-type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF-")
        assert paper.headers["content-disposition"] == f'inline; filename="{form}.pdf"'
        assert paper.headers["cache-control"] == "no-store"
        assert page.text.startswith("<!doctype html>")
        assert "'unsafe-inline'" not in page.headers["content-security-policy"]
        assert "<script" not in page.text


@pytest.mark.parametrize("form", sorted([*FORMS, "calendar"]))
def test_another_unit_finds_nothing_and_roles_without_cases_are_refused(
    office: Office, form: str
) -> None:
    case = make_case(office.desk, release_on=RELEASE_ON)
    path = f"/cases/{case.ref}/forms/{form}"

    assert office.get(path, by=OUTSIDER).status_code == 404
    assert office.get(path, by=DIRECTORATE).status_code == 403
    assert office.get(path, by=ADMIN).status_code == 403
    assert office.get(path, by=None).status_code == 401


def test_details_are_on_the_page_of_those_who_may_know_them(office: Office) -> None:
    case = make_case(office.desk, release_on=RELEASE_ON)
    book(office.desk, case, "GP", oslo("2026-12-29 10:00"), now=NOW)
    path = f"/cases/{case.ref}/forms/time-in-hand?format=html"

    assert "Dr. Moen" in office.get(path, by=NURSE).text
    for who in (COORDINATOR, UNIT_LEAD, OFFICER):
        told = office.get(path, by=who).text
        assert "Dr. Moen" not in told
        assert "Storgata" not in told
        assert "29.12." in told


def test_the_ledger_is_not_printed_for_a_role_that_does_not_keep_it(office: Office) -> None:
    case = make_case(office.desk)

    assert office.get(f"/cases/{case.ref}/forms/naloxone", by=OFFICER).status_code == 403


def test_what_there_is_nothing_to_print_of_is_refused_with_what_to_do(office: Office) -> None:
    case = make_case(office.desk)

    certificate = office.get(f"/cases/{case.ref}/forms/certificate", by=NURSE)
    transfer = office.get(f"/cases/{case.ref}/forms/transfer", by=NURSE)

    assert (certificate.status_code, transfer.status_code) == (409, 409)
    assert "naloxone_training" in certificate.text


@pytest.mark.parametrize("query", ["sheet=3", "size=a5", "format=exe", "sheet=8&size=a6", "x=1"])
def test_a_layout_there_is_not_is_bad_input(office: Office, query: str) -> None:
    case = make_case(office.desk)

    assert office.get(f"/cases/{case.ref}/forms/overdose?{query}", by=NURSE).status_code == 422
    assert office.get(f"/cases/{case.ref}/forms/other", by=NURSE).status_code == 422


def test_a_language_without_texts_is_served_in_bokmaal_and_says_so(office: Office) -> None:
    case = make_case(office.desk)

    page = office.get(f"/cases/{case.ref}/forms/consent?format=html&language=ti", by=NURSE)

    assert "Skjemaet finnes ikke på språket «ti»" in page.text


def test_the_calendar_is_one_that_calendars_read(office: Office) -> None:
    case = make_case(office.desk, release_on=RELEASE_ON)
    book(office.desk, case, "GP", oslo("2026-12-29 10:00"), now=NOW)

    answer = office.get(f"/cases/{case.ref}/forms/calendar", by=OFFICER)

    assert answer.headers["content-type"].startswith("text/calendar")
    [event] = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert event.decoded("dtstart") == oslo("2026-12-29 10:00")


def test_a_days_cards_are_those_of_the_own_unit(office: Office) -> None:
    make_case(office.desk, release_on=RELEASE_ON)
    path = f"/units/a/forms/cards?on={RELEASE_ON}"

    assert office.get(path, by=COORDINATOR).headers["content-type"] == "application/pdf"
    assert office.get(path, by=OUTSIDER).status_code == 404
    assert office.get(f"/units/a/forms/cards?on={RELEASE_ON}&sheet=3").status_code == 422
    assert office.get("/units/b/forms/cards?on=2026-12-27").status_code == 409

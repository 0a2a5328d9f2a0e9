"""Who answers a transfer is told whom it was about, as far as they may know."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from cases import transfers
from cases.access import OPERATOR
from cases.tables import access_subject
from tests.people import make_case
from tests.web.conftest import Desk
from tests.web.test_used_receipts import told


def proposed(desk: Desk, frm: str, to: str) -> tuple[str, str, str]:
    """A case that is proposed to a unit: its reference, the number of the proposal, the name."""
    with desk.db.write() as tx:
        ref = make_case(tx, unit=frm, release_on=date(2026, 10, 1)).ref
        case = transfers.propose_transfer(tx, OPERATOR, ref, to, now=desk.now)
        found = transfers.list_proposals(tx, OPERATOR, now=desk.now)
        number = case.transfers[-1].id
        (mine,) = [each for each in found if each.id == number]
        return ref, number, transfers.who_they_are_about(tx, OPERATOR, [mine])[ref].inmate_no


def test_the_new_owner_is_told_the_name(desk: Desk) -> None:
    ref, number, _ = proposed(desk, "A", "C")
    receiver = desk.of("elsewhere")
    receiver.get("/transfers")
    page = receiver.send("/transfers", {"do": f"accept/{number}"})
    assert told(page) == "Overføringen er godtatt: Test Person. Saken er hos dere."
    with desk.db.read() as tx:
        subjects = tx.execute(select(access_subject.c.case_ref)).scalars().all()
    assert ref in subjects


def test_who_says_no_is_told_the_number_alone(on_sqlite: Desk) -> None:
    _, number, inmate_no = proposed(on_sqlite, "A", "C")
    receiver = on_sqlite.of("elsewhere")
    receiver.get("/transfers")
    asked = receiver.send("/transfers", {"do": f"reject/{number}"})
    assert "Avslå? Saken blir da i" in asked.text
    assert "er avslått" not in asked.text
    page = receiver.send("/transfers", {"do": f"reject/{number}", "sure": number})
    assert told(page) == f"Overføringen er avslått: {inmate_no}. Saken blir der den er."
    assert "Test Person" not in page.text


def test_who_takes_it_back_is_told_the_name(on_sqlite: Desk) -> None:
    _, number, _ = proposed(on_sqlite, "A", "C")
    sender = on_sqlite.of("coordinator")
    sender.get("/transfers")
    page = sender.send("/transfers", {"do": f"revoke/{number}"})
    assert told(page) == "Overføringen er trukket tilbake: Test Person. Saken blir hos dere."


def test_nobody_else_is_told_whom_a_transfer_was_about(on_sqlite: Desk) -> None:
    _, number, _ = proposed(on_sqlite, "A", "C")
    receiver, lead = on_sqlite.of("elsewhere"), on_sqlite.of("lead")
    receiver.get("/transfers")
    receiver.send("/transfers", {"do": f"accept/{number}"})
    for who in (receiver, lead, on_sqlite.of("coordinator")):
        page = who.get(f"/transfers?said=accept/{number}")
        assert "er godtatt" not in page.text


@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_who_answers_too_late_is_told_so(on_sqlite: Desk, verb: str) -> None:
    _, number, _ = proposed(on_sqlite, "A", "C")
    receiver = on_sqlite.of("elsewhere")
    receiver.get("/transfers")
    with on_sqlite.db.write() as tx:
        transfers.answer_transfer(tx, OPERATOR, number, "revoke", now=on_sqlite.now)
    assert receiver.send("/transfers", {"do": f"{verb}/{number}"}).status == 409


def test_who_proposed_reads_the_answer_and_is_led_to_it(desk: Desk) -> None:
    ref, number, _ = proposed(desk, "A", "C")
    sender = desk.of("coordinator")
    for page in ("/today", "/overdue"):
        assert "Overføringen ble avslått" not in sender.get(page).text
    assert "Besvart" not in sender.get("/transfers").text
    receiver = desk.of("elsewhere")
    receiver.get("/transfers")
    receiver.send("/transfers", {"do": f"reject/{number}", "sure": number})

    for page in ("/today", "/overdue"):
        text = sender.get(page).text
        assert "Test Person: Overføringen ble avslått" in text
        assert 'href="/transfers#answered"' in text
    shown = sender.get("/transfers").text
    assert f'href="/cases/{ref}">Test Person</a>' in shown
    assert "av Elsewhere · ingen grunn oppgis: spør enheten" in shown
    assert "Besvart" not in receiver.get("/transfers").text
    for other in ("nurse", "officer", "elsewhere"):
        assert "Overføringen ble avslått" not in desk.of(other).get("/today").text


def test_of_what_was_accepted_who_proposed_reads_the_number_and_opens_their_past(
    on_sqlite: Desk,
) -> None:
    ref, number, inmate_no = proposed(on_sqlite, "A", "C")
    receiver = on_sqlite.of("elsewhere")
    receiver.get("/transfers")
    receiver.send("/transfers", {"do": f"accept/{number}"})

    sender = on_sqlite.of("coordinator")
    shown = sender.get("/transfers").text
    assert f'href="/cases/{ref}">{inmate_no}</a>' in shown
    assert "Test Person" not in shown
    assert "Overføringen ble avslått" not in sender.get("/today").text
    assert sender.get(f"/cases/{ref}").status == 200


def test_what_waits_for_an_answer_is_said_on_the_first_pages_of_who_gives_it(desk: Desk) -> None:
    """It stood on its own page alone, and nobody had a reason to look there."""
    _, number, inmate_no = proposed(desk, "C", "A")
    _, to_b, _ = proposed(desk, "C", "B")
    proposed(desk, "A", "C")

    for who, pages, waiting in (
        ("coordinator", ("/overdue", "/today"), 2),
        ("lead", ("/deviations", "/overdue", "/today"), 1),
        ("nurse", ("/overdue", "/today"), 0),
        ("officer", ("/overdue", "/today"), 0),
        ("healthlead", ("/deviations",), 0),
        ("elsewhere", ("/overdue",), 1),
    ):
        for path in pages:
            page = desk.of(who).get(path)
            said = f"Overføringer som venter på svar fra dere: {waiting}."
            assert (said in page.text) == bool(waiting), (who, path)
            assert ("venter på svar fra dere" in page.text) == bool(waiting), (who, path)
            if who != "elsewhere":
                assert inmate_no not in page.text, (who, path)

    receiver = desk.of("coordinator")
    receiver.get("/transfers")
    receiver.send("/transfers", {"do": f"accept/{number}"})
    assert "venter på svar fra dere: 1." in receiver.get("/overdue").text
    receiver.get("/transfers")
    receiver.send("/transfers", {"do": f"reject/{to_b}", "sure": to_b})
    assert "venter på svar fra dere" not in receiver.get("/overdue").text

"""The history says what an import changed and why something was taken back, to whom it may."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from cases import appointments, queries, release, release_undo, service, transfers
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.model import TransferState
from cases.roster import import_roster
from tests.people import at, complete, make_case
from tests.web.conftest import Desk

HEADER = "innsattnr;fornavn;etternavn;enhet;innsatt;planlagt løslatelse;løslatelsesgrunnlag"
FIRST = f"{HEADER}\n4711;Kari;Berg;A;01.09.2026 08:00;01.12.2026;full tid\n"
SECOND = f"{HEADER}\n4711;Kari;Berg;C;01.09.2026 06:00;15.11.2026;to tredjedeler\n"


def history(desk: Desk, who: str, ref: str) -> str:
    """The history of a case as somebody reads it, without tags."""
    section = desk.of(who).get(f"/cases/{ref}").text.split('id="history"')[1]
    return " ".join(re.sub(r"<[^>]*>", " ", section.split("</section>")[0]).split())


def test_what_an_import_changed_stands_in_the_history(on_sqlite: Desk, tmp_path: Path) -> None:
    desk = on_sqlite
    for number, text in enumerate((FIRST, SECOND)):
        file = tmp_path / f"{number}.csv"
        file.write_text(text, encoding="utf-8")
        import_roster(desk.db, file, OPERATOR, now=at(f"2026-09-0{6 + number} 08:00"), demo=True)
    with desk.db.read() as tx:
        ref = queries.newest_ref(tx, OPERATOR, "4711", now=desk.now)

    for who in ("nurse", "officer", "coordinator"):
        told = history(desk, who, ref)
        assert "Endret fra innsattlisten: innsatt tirs. 1.9. kl. 06.00;" in told, who
        assert "datoen for full tid er trukket" in told, who
        assert "løslatelse søn. 15.11. (to tredjedeler)" in told, who
        assert "overføring til C fengsel foreslått" in told, who
        assert "Kari" not in told, who


def test_the_reason_of_an_undo_stands_beside_it(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 9, 7), answer="accepted", done=("brief_info",))
        complete(tx, case, "intake_talk", at("2026-09-02 10:00"), answer="at_risk")
        for code, why in (("brief_info", "wrong_person"), ("intake_talk", "wrong_task")):
            service.undo_task(tx, OPERATOR, case.ref, code, why, now=at("2026-09-03 10:00"))
        release.release(tx, OPERATOR, case.ref, now=at("2026-09-07 10:00"))
        release_undo.undo_release(
            tx, OPERATOR, case.ref, "not_released", now=at("2026-09-07 12:00")
        )

    nurse, officer = history(desk, "nurse", case.ref), history(desk, "officer", case.ref)

    for told in (nurse, officer):
        assert "Angret: Kort informasjon og overdosekort gitt (feil person)" in told
        assert "Løslatelse tatt tilbake: ikke løslatt likevel" in told
        assert "risiko" not in told
    assert "Angret: Innkomstsamtale holdt (feil oppgave)" in nurse
    assert "Angret: Innkomstsamtale holdt" in officer
    assert "feil oppgave" not in officer, "as little as who did it"


def test_why_an_answer_was_taken_back_is_the_health_services(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer="declined").ref
        service.undo_task(
            tx, OPERATOR, ref, "offer_answered", "wrong_person", now=at("2026-09-03 10:00")
        )

    assert "feil person" in history(desk, "nurse", ref)
    for who in ("officer", "coordinator", "lead"):
        assert "feil person" not in history(desk, who, ref), who


@pytest.mark.parametrize("earlier", [None, "accepted", "not_now"])
def test_that_an_answer_was_taken_back_is_not_told_by_what_followed_from_it(
    on_sqlite: Desk, earlier: str | None
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer=earlier).ref
        service.answer_offer(tx, OPERATOR, ref, "declined", now=at("2026-09-03 09:00"))
        service.undo_task(
            tx, OPERATOR, ref, "offer_answered", "wrong_person", now=at("2026-09-03 10:00")
        )

    nurse = history(desk, "nurse", ref)
    assert "Angret: Tilbudet besvart (feil person)" in nurse
    assert "Kort informasjon" not in nurse, "nobody had done it, and nobody took it back"
    for who in ("officer", "coordinator", "lead"):
        assert "Angret" not in history(desk, who, ref), who


def test_the_history_says_what_was_answered_agreed_to_booked_and_handed_over(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1)).ref
        service.answer_offer(tx, OPERATOR, ref, "not_now", now=at("2026-09-01 09:00"))
        service.answer_offer(tx, OPERATOR, ref, "accepted", now=at("2026-09-02 09:00"))
        for purpose, receiver, given in (("sms", None, True), ("sharing", "nav", False)):
            service.record_consent(
                tx, OPERATOR, ref, purpose, given=given, receiver=receiver, now=desk.now
            )
        for kind in ("OAT", "NAV", "OTHER"):
            booking = Booking(kind, at("2026-10-02 10:00"), "Kari Vik", "Torget 1", None)
            appointments.book(tx, OPERATOR, ref, booking, now=desk.now)
        for unit, answer in (("C", "reject"), ("C", "accept"), ("A", "accept")):
            asked = transfers.propose_transfer(tx, OPERATOR, ref, unit, now=desk.now)
            (this,) = (each for each in asked.transfers if each.state is TransferState.PROPOSED)
            transfers.answer_transfer(tx, OPERATOR, this.id, answer, now=desk.now)

    nurse = history(desk, "nurse", ref)
    for told in ("Svar på tilbudet: ikke nå", "Svar på tilbudet: takket ja"):
        assert told in nurse
    for told in ("påminning på sms: ja", "dele avtaler med nav: nei"):
        assert told in nurse.lower()
    assert "Avtale lagt inn: LAR" in nurse
    for who in ("nurse", "officer", "coordinator"):
        told = history(desk, who, ref)
        assert "Overføring foreslått: C fengsel" in told, who
        assert "Overføring besvart: avslått" in told, who
        assert "Overføring besvart: godtatt" in told, who
        assert "Avtale lagt inn: Annen avtale" in told, who
    for who in ("officer", "coordinator"):  # nobody may share these
        assert "Avtale lagt inn: LAR" not in history(desk, who, ref), who
        assert "Avtale lagt inn: NAV" not in history(desk, who, ref), who
    assert "ikke nå" not in history(desk, "officer", ref).lower()
    assert "påminning" not in history(desk, "officer", ref).lower()


def test_a_wrong_health_answer_is_put_right_on_its_page_and_only_health_staff_read_that(
    desk: Desk,
) -> None:
    with desk.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 10, 1))
        complete(tx, case, "intake_talk", at("2026-09-02 10:00"), answer="at_risk")
    path = f"/cases/{case.ref}/tasks/intake_talk"
    nurse = desk.of("nurse")
    before = history(desk, "officer", case.ref)
    shown = nurse.get(path).text
    assert "Rett svaret" in shown
    version = re.findall(r'name="version" value="(\d+)"', shown)[0]

    assert "Velg ett svar." in nurse.send(path, {"do": "correct", "version": version}).text
    same = {"do": "correct", "version": version, "answer": "at_risk"}
    assert "Ingenting er endret" in nurse.send(path, same).text
    page = nurse.send(path, same | {"answer": "not_at_risk"})

    assert "Svaret er rettet: Innkomstsamtale holdt" in page.text
    assert "Svaret rettet: Innkomstsamtale holdt (feil svar ført)" in history(
        desk, "nurse", case.ref
    )
    assert history(desk, "officer", case.ref) == before
    for who in ("officer", "coordinator", "lead"):
        told = desk.of(who).get(f"/cases/{case.ref}").text
        assert "Svaret" not in told, who
        assert desk.of(who).get(path).status == 403, who
    nurse.get(path)
    late = nurse.send(path, same)
    assert late.status == 409
    assert "Saken er endret mens du så på den" in late.text

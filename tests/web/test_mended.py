"""What a reviewer found on the pages: each once a fault, and how it ends now."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pyotp
import pytest

from cases import (
    appointments,
    attendance,
    noticed,
    people,
    queries,
    release,
    service,
    sessions,
    signing_in,
    transfers,
)
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking
from cases.model import Role
from cases.people import NewPerson
from cases.signing_in import TooManyAttempts, WrongPassword
from cases.sweep import sweep
from cases.vault import Identity
from core.settings import Settings
from forms.card import TimeInHand
from forms.overdose import Overdose
from tests.people import at, complete, make_case, make_person
from tests.web.application import application
from tests.web.conftest import PASSWORD, Desk
from tests.web.test_sign_in import second_step
from web.pages import papers

HERE = "192.0.2.5"


def brief_info(desk: Desk, ref: str) -> tuple[str, str | None]:
    with desk.db.read() as tx:
        task = queries.case_by_ref(tx, OPERATOR, ref).task("brief_info")
    assert task is not None
    return task.state.value, task.form


def test_the_card_names_the_number_that_the_installation_was_given(
    on_sqlite: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    settings = Settings(data=tmp_path, contact_phone="33 11 22 33")
    desk.app = application(replace(desk.app.state.house, settings=settings))
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 10, 1))
    printed: list[str | None] = []

    def seen(card: TimeInHand) -> bytes:
        printed.append(card.contact_phone)
        return b"%PDF-"

    monkeypatch.setattr(papers, "card_pdf", seen)
    assert desk.of("nurse").get(f"/cases/{case.ref}/card.pdf").status == 200

    assert printed == ["33 11 22 33"]


def test_whoever_was_entered_as_present_by_mistake_is_put_right_on_the_page(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 10, 1))
        starts, planned = at("2026-09-08 08:00"), at("2026-09-07 09:00")
        group = sessions.plan_session(tx, OPERATOR, "A", "brief_info", starts, now=planned)
        sessions.add_cases(tx, OPERATOR, group.ref, [case.ref], now=planned)
        attendance.hold(tx, OPERATOR, group.ref, [case.ref], now=at("2026-09-08 08:30"))
    assert brief_info(desk, case.ref)[0] == "done"
    nurse, path = desk.of("nurse"), f"/sessions/{group.ref}"
    nurse.get(path)

    assert nurse.send(path, {"do": f"absent/{case.ref}"}).status == 200
    assert brief_info(desk, case.ref)[0] == "open"

    nurse.send(path, {"do": f"present/{case.ref}"})
    assert brief_info(desk, case.ref)[0] == "done"


def test_only_what_was_shown_is_replaced_by_mine(desk: Desk) -> None:
    with desk.db.write() as tx:
        case = make_case(tx)
    path = f"/cases/{case.ref}/tasks/brief_info"
    nurse, officer, lead = desk.of("nurse"), desk.of("officer"), desk.of("lead")
    for each in (nurse, officer, lead):
        each.get(path)
    officer.send(path, {"do": "complete"})
    taken = nurse.send(path, {"do": "complete", "when": "other", "at": "2026-09-07T13:05"})
    assert taken.status == 409
    lead.get(path)
    lead.send(path, {"do": "undo", "why": "wrong_task"})
    lead.get(path)
    mended = {"do": "complete", "when": "other", "at": "2026-09-06T10:00", "form": "group"}
    lead.send(path, mended)

    again = nurse.post(path, [*taken.hidden(path).items(), ("do", "replace")])

    assert again.status == 409
    assert brief_info(desk, case.ref) == ("done", "group")

    done = nurse.post(path, [*again.hidden(path).items(), ("do", "replace")])
    assert done.status == 200
    assert brief_info(desk, case.ref) == ("done", "individual")


def test_a_unit_that_gave_a_case_away_does_not_read_what_the_other_did(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 10, 20))
        giving = Viewer("x-lead", Role.UNIT_LEAD, frozenset({"A"}))
        taking = Viewer("y-lead", Role.UNIT_LEAD, frozenset({"C"}))
        made = transfers.propose_transfer(tx, giving, case.ref, "C", now=at("2026-09-07 09:00"))
        assert made.open_transfer is not None
        transfers.answer_transfer(
            tx, taking, made.open_transfer.id, "accept", now=at("2026-09-07 10:00")
        )
        complete(tx, case, "talk_held", at("2026-09-08 08:00"), form="individual")

    page = desk.of("officer").get(f"/cases/{case.ref}")

    assert page.status == 200
    assert "Samtalen er holdt" not in page.text


def test_a_nul_in_an_address_or_a_field_is_no_fault_of_ours(desk: Desk) -> None:
    stranger = desk.browser()
    stranger.get("/sign-in")
    assert stranger.send("/sign-in", {"username": "nu\0rse", "password": "x"}).status == 401
    nurse = desk.of("nurse")
    assert nurse.get("/cases/a%00b").status == 404
    nurse.get("/search")
    assert nurse.send("/search", {"text": "1\0002"}).status == 200


def test_guesses_made_at_the_same_moment_count(desk: Desk) -> None:
    looked_at: list[type[Exception]] = []
    gate = Barrier(12)

    def guess() -> None:
        gate.wait()
        try:
            signing_in.check_password(desk.db, "nurse", "wrong" * 3, place=HERE, now=desk.now)
        except (WrongPassword, TooManyAttempts) as refused:
            looked_at.append(type(refused))

    threads = [Thread(target=guess) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert looked_at.count(WrongPassword) == signing_in.FREE_TRIES
    assert looked_at.count(TooManyAttempts) == 12 - signing_in.FREE_TRIES


def test_a_password_alone_does_not_lift_the_limit_on_guesses_at_the_code(on_sqlite: Desk) -> None:
    desk = on_sqlite
    second_step(desk, "nurse")
    asked = [
        guess_a_code(desk, f"198.51.100.{number // signing_in.FREE_TRIES}") for number in range(150)
    ]

    assert asked.count(WrongPassword) == signing_in.MOST_PER_NAME
    assert asked[signing_in.MOST_PER_NAME :] == [TooManyAttempts] * 50


def guess_a_code(desk: Desk, place: str) -> type[Exception] | None:
    """The right password and a wrong code from an address; how that ended."""
    try:
        known = signing_in.check_password(desk.db, "nurse", PASSWORD, place=place, now=desk.now)
        with desk.db.read() as tx:
            ticket = signing_in.ticket_for(tx, known, now=desk.now)
        signing_in.check_code(desk.db, ticket, "not-one", place=place, now=desk.now)
    except (WrongPassword, TooManyAttempts) as refused:
        return type(refused)
    return None


def test_all_addresses_of_one_network_are_one_place(on_sqlite: Desk) -> None:
    desk = on_sqlite

    def guess(place: str) -> None:
        signing_in.check_password(desk.db, "nurse", "wrong" * 3, place=place, now=desk.now)

    for number in range(signing_in.FREE_TRIES):
        with pytest.raises(WrongPassword):
            guess(f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        guess("2001:db8::ffff")
    with pytest.raises(WrongPassword):
        guess("2001:db8:0:1::1")


def test_whoever_signs_in_with_a_code_often_does_not_wait(on_sqlite: Desk) -> None:
    desk = on_sqlite
    secret = second_step(desk, "nurse")
    for _ in range(8):
        desk.later(timedelta(minutes=1))
        known = signing_in.check_password(desk.db, "nurse", PASSWORD, place=HERE, now=desk.now)
        with desk.db.read() as tx:
            ticket = signing_in.ticket_for(tx, known, now=desk.now)
        code = pyotp.TOTP(secret).at(desk.now)
        signing_in.check_code(desk.db, ticket, code, place=HERE, now=desk.now)


def test_the_old_code_cannot_be_guessed_from_an_open_session(on_sqlite: Desk) -> None:
    desk = on_sqlite
    nurse, secret = desk.of("nurse"), second_step(desk, "nurse")
    desk.later(timedelta(minutes=2))
    mine = signing_in.new_totp_secret()
    nurse.get("/me/second-step")

    def tried(old: str) -> int:
        typed = {"secret": mine, "code": pyotp.TOTP(mine).at(desk.now), "old": old}
        return nurse.send("/me/second-step", typed).status

    statuses = [tried("not-one") for _ in range(signing_in.FREE_TRIES + 1)]

    assert statuses == [422] * signing_in.FREE_TRIES + [429]
    assert tried(pyotp.TOTP(secret).at(desk.now)) == 429


def test_what_was_brought_to_a_role_stands_on_its_own_pages(desk: Desk) -> None:
    with desk.db.write() as tx:
        asked = make_case(tx, person=make_person(tx), release_on=date(2026, 12, 28))
        service.answer_offer(tx, OPERATOR, asked.ref, "not_now", now=at("2026-09-02 10:00"))
        gone = make_case(tx, person=make_person(tx), release_on=date(2026, 9, 4))
    desk.later(timedelta(days=14))
    sweep(desk.db, now=desk.now)
    nurse, coordinator = desk.of("nurse"), desk.of("coordinator")

    today, board = nurse.get("/today").text, coordinator.get("/overdue").text

    assert "Spør om tilbudet igjen" in today
    assert asked.ref in today
    assert "Spør om tilbudet igjen" not in board
    assert f"/cases/{gone.ref}/release" in board
    assert "Løslatelse ikke registrert" in board
    assert "Løslatelse ikke registrert" not in desk.of("officer").get("/today").text

    with desk.db.write() as tx:
        release.release(tx, OPERATOR, gone.ref, now=desk.now, released_at=at("2026-09-04 10:00"))
        assert [each.code for each in noticed.asking(tx, coordinator_of_a(), now=desk.now)] == []


def coordinator_of_a() -> Viewer:
    return Viewer("somebody", Role.COORDINATOR, frozenset({"A"}))


def test_a_task_is_handed_only_to_somebody_who_may_do_it(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, 20))
    coordinator, path = desk.of("coordinator"), f"/cases/{case.ref}/tasks/talk_booked"
    board = coordinator.get("/overdue?span=month")
    found = re.search(r'<option value="(\w+)">Officer</option>', board.text)
    assert found is not None
    offered = coordinator.get(path)

    refused = coordinator.send(path, {"do": "assign", "to": found[1]})

    assert f'value="{found[1]}"' not in offered.text
    assert refused.status == 422
    assert "velg en som har den" in refused.text


def test_a_receipt_says_when_it_was_and_that_it_was_undone(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx)
    nurse, path = desk.of("nurse"), f"/cases/{case.ref}/tasks/brief_info"
    nurse.get(path)

    done = nurse.send(path, {"do": "complete", "when": "yesterday"})
    assert "er ført for" in done.text
    assert "Det skjedde i går kl." in done.text

    nurse.get(path)
    assert "er angret for" in nurse.send(path, {"do": "undo", "why": "not_done"}).text


def test_a_task_that_takes_an_answer_is_not_done_without_one(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx)
    nurse, path = desk.of("nurse"), f"/cases/{case.ref}/tasks/intake_talk"
    nurse.get(path)

    refused = nurse.send(path, {"do": "complete"})

    assert refused.status == 422
    assert 'id="e-answer"' in refused.text
    assert nurse.send(path, {"do": "complete", "answer": "unknown"}).status == 200


def test_a_name_is_found_from_a_keyboard_without_norwegian_letters(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        named = Identity("77001", "Åshild", "Skjærgård")
        person = people.register(tx, NewPerson(named), now=desk.now)
        case = make_case(tx, person=person)
    nurse = desk.of("nurse")

    for typed in ("ashild", "Aashild", "skjaergard", "Åshild Skjærgård"):
        nurse.get("/search")
        assert case.ref in nurse.send("/search", {"text": typed}).text, typed


def test_a_card_that_was_printed_before_an_appointment_moved_is_told_to_be_old(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 9, 20))
        meeting = Booking(
            "PROBATION", at("2026-09-21 10:00"), "Kari Vik", "Storgata 1", status="confirmed"
        )
        appointments.book(tx, OPERATOR, case.ref, meeting, now=at("2026-09-05 09:00"))
        complete(tx, case, "card_printed", desk.now)
    coordinator, told = desk.of("coordinator"), "Avtalene er endret etter at kortet"
    assert coordinator.get(f"/cases/{case.ref}/card.pdf").status == 200
    for path in (f"/cases/{case.ref}", f"/cases/{case.ref}/card"):
        assert told not in coordinator.get(path).text
    desk.later(timedelta(minutes=20))
    with desk.db.write() as tx:
        (booked,) = queries.case_by_ref(tx, OPERATOR, case.ref).appointments
        page = coordinator.get(f"/cases/{case.ref}/appointments/{booked.id}").text
        assert "Møtte ikke" not in page, "it has not been yet"
        later = at("2026-09-21 13:00")
        appointments.move(tx, OPERATOR, booked.id, later, now=desk.now)

    for path in (f"/cases/{case.ref}", f"/cases/{case.ref}/card"):
        assert told in coordinator.get(path).text


def test_a_card_printed_for_somebody_at_not_now_is_told_to_be_old(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, answer="not_now", release_on=date(2026, 9, 20))
        meeting = Booking(
            "PROBATION", at("2026-09-21 10:00"), "Kari Vik", "Storgata 1", status="confirmed"
        )
        appointments.book(tx, OPERATOR, case.ref, meeting, now=at("2026-09-05 09:00"))
    coordinator, told = desk.of("coordinator"), "Avtalene er endret etter at kortet"
    assert coordinator.get(f"/cases/{case.ref}/card.pdf").status == 200
    assert told not in coordinator.get(f"/cases/{case.ref}").text
    desk.later(timedelta(minutes=20))
    with desk.db.write() as tx:
        (booked,) = queries.case_by_ref(tx, OPERATOR, case.ref).appointments
        appointments.record_outcome(tx, OPERATOR, booked.id, "cancelled", now=desk.now)

    assert told in coordinator.get(f"/cases/{case.ref}").text


def test_an_officers_print_leaves_the_card_of_the_health_service_old(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 9, 20))
        doctor = Booking("GP", at("2026-09-21 10:00"), "Kari Vik", "Storgata 1", status="confirmed")
        appointments.book(tx, OPERATOR, case.ref, doctor, now=at("2026-09-05 09:00"))
    nurse, officer = desk.of("nurse"), desk.of("officer")
    told = "Avtalene er endret etter at kortet"
    assert nurse.get(f"/cases/{case.ref}/card.pdf").status == 200
    desk.later(timedelta(minutes=10))
    with desk.db.write() as tx:
        (booked,) = queries.case_by_ref(tx, OPERATOR, case.ref).appointments
        appointments.move(tx, OPERATOR, booked.id, at("2026-09-21 13:00"), now=desk.now)
    desk.later(timedelta(minutes=10))
    assert officer.get(f"/cases/{case.ref}/card.pdf").status == 200

    for browser in (nurse, officer):
        for path in (f"/cases/{case.ref}", f"/cases/{case.ref}/card"):
            assert told in browser.get(path).text
    assert "Skriv ut et nytt" in nurse.get(f"/cases/{case.ref}").text
    page = officer.get(f"/cases/{case.ref}").text
    assert "Skriv ut et nytt" not in page
    assert "Helsetjenesten skriver ut det fulle kortet." in page


def test_a_number_without_digits_is_refused_at_its_field(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer="accepted", release_on=date(2026, 9, 20)).ref
    coordinator, new = desk.of("coordinator"), f"/cases/{ref}/appointments/new"
    typed = {
        "kind": "OTHER", "at": "2026-09-21T10:00", "with": "Kari Vik", "place": "Torget 1",
        "status": "confirmed",
    }  # fmt: skip
    coordinator.get(new)
    page = coordinator.send(new, {**typed, "phone": "abc"})
    assert page.status == 422
    assert 'id="e-phone">Skriv et telefonnummer, eller tøm feltet.' in page.text
    assert 'value="abc"' in page.text
    assert coordinator.send(new, {**typed, "phone": "22 00 00 00, spør etter Kari"}).status == 200
    with desk.db.read() as tx:
        (booked,) = queries.case_by_ref(tx, OPERATOR, ref).appointments
    one = f"/cases/{ref}/appointments/{booked.id}"
    coordinator.get(one)
    right = {"right_with": "Kari Vik", "right_place": "Torget 1", "right_phone": "abc"}
    page = coordinator.send(one, {"do": "correct", **right})
    assert page.status == 422
    assert 'id="e-right_phone">Skriv et telefonnummer, eller tøm feltet.' in page.text


def test_a_card_is_printed_in_the_persons_language_or_in_another_that_is_chosen(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        who = people.register(tx, NewPerson(Identity("77002"), language="pl"), now=desk.now)
        case = make_case(tx, person=who, answer="accepted", release_on=date(2026, 10, 1))
    printed: list[str] = []

    def seen(card: Overdose) -> bytes:
        printed.append(card.language)
        return b"%PDF-"

    monkeypatch.setattr(papers, "overdose_pdf", seen)
    nurse, path = desk.of("nurse"), f"/cases/{case.ref}"
    assert '<option value="pl" selected>' in nurse.get(f"{path}/card").text
    for asked in ("", "?language=nb", "?language=klingon"):
        assert nurse.get(f"{path}/overdose.pdf{asked}").status == 200

    assert printed == ["pl", "nb", "pl"]

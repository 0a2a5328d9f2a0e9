"""What one careless press must not do: end a follow-up, call waived work done, settle a page."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest

from cases import naloxone, queries, release, service
from cases.access import OPERATOR
from cases.model import Case, CloseReason, Participation, Phase, TaskState
from tests.people import at, make_case, make_person
from tests.web.browser import Page
from tests.web.conftest import Desk

ENDS = "Saken avsluttes"


def _case(desk: Desk, ref: str) -> Case:
    with desk.db.read() as tx:
        return queries.case_by_ref(tx, OPERATOR, ref)


def _board(desk: Desk, *numbers: str) -> list[Case]:
    """People in A with every task of the first days overdue."""
    cases = []
    for number in numbers:
        with desk.db.write() as tx:
            whom = make_person(tx, inmate_no=number)
            cases.append(make_case(tx, person=whom, admitted="2026-08-25 06:00"))
    return cases


def _ticked(page: Page) -> set[str]:
    boxes = re.findall(r'name="pick" value="([^"]*)"( checked)?', page.text)
    return {unescape(value) for value, checked in boxes if checked}


# --- a release of somebody who was never asked ---------------------------------------------------


def test_whoever_was_never_asked_is_not_let_out_of_the_follow_up_unnoticed(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 10, 1))
    form = {"reason": "court", "at": "2026-09-08T08:30", "spray": "yes"}
    for who in ("coordinator", "officer", "nurse"):
        browser = on_sqlite.of(who)
        assert ENDS in browser.get(f"/cases/{case.ref}/unplanned").text, who
        refused = browser.send(f"/cases/{case.ref}/unplanned", form)
        assert refused.status == 422, who
        assert 'name="closes"' in refused.text, who
        assert _case(on_sqlite, case.ref).phase is Phase.IN_PRISON

    nurse = on_sqlite.of("nurse")
    nurse.get(f"/cases/{case.ref}/unplanned")
    nurse.send(f"/cases/{case.ref}/unplanned", {**form, "accepted": "yes"})

    assert _case(on_sqlite, case.ref).phase is Phase.FOLLOW_UP


def test_a_planned_release_of_somebody_who_was_never_asked_is_asked_about_too(
    on_sqlite: Desk,
) -> None:
    with on_sqlite.db.write() as tx:
        unasked = make_case(tx, release_on=date(2026, 10, 1))
        agreed = make_case(tx, release_on=date(2026, 10, 1), answer="accepted")
    browser = on_sqlite.of("officer")
    for case, status, phase in (
        (unasked, 422, Phase.IN_PRISON),
        (agreed, 200, Phase.FOLLOW_UP),
    ):
        browser.get(f"/cases/{case.ref}/release")
        answer = browser.send(
            f"/cases/{case.ref}/release", {"at": "2026-09-08T08:30", "to": "liberty"}
        )
        assert (answer.status, _case(on_sqlite, case.ref).phase) == (status, phase)


def test_a_release_that_ended_the_case_is_undone_from_its_page(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 10, 1))
    browser = on_sqlite.of("coordinator")
    browser.get(f"/cases/{case.ref}/unplanned")
    ended = browser.send(
        f"/cases/{case.ref}/unplanned",
        {"reason": "court", "at": "2026-09-08T08:30", "closes": "yes"},
    )
    assert _case(on_sqlite, case.ref).close_reason is CloseReason.NOT_PARTICIPATING
    assert ended.url.startswith(f"/cases/{case.ref}")
    assert "ikke spurt" in ended.text

    browser.send(f"/cases/{case.ref}/release/undo", {"do": "not_released"})

    after = _case(on_sqlite, case.ref)
    assert (after.phase, after.released_at) == (Phase.IN_PRISON, None)
    assert after.participation is Participation.NOT_ASKED
    assert "/release/undo" not in on_sqlite.of("nurse").get(f"/cases/{case.ref}").text


# --- nothing that was typed is thrown away unseen ------------------------------------------------


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ("brief_info", {"do": "complete"}),
        ("intake_talk", {"do": "complete", "answer": "at_risk"}),
        ("offer_answered", {"do": "complete", "answer": "accepted"}),
    ],
)
def test_a_time_that_was_typed_is_the_time_although_the_page_stood_on_now(
    on_sqlite: Desk, code: str, typed: dict[str, str]
) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, admitted="2026-08-25 06:00")
    address, when = f"/cases/{case.ref}/tasks/{code}", "2026-09-03T10:00"
    browser = on_sqlite.of("nurse")
    page = browser.get(address)
    assert re.search(r'name="when" value="now" checked', page.text)
    assert re.search(r'name="at" type="datetime-local" value=""', page.text)

    refused = browser.send(address, {**typed, "when": "yesterday", "at": when})
    assert refused.status == 422
    assert f'value="{when}"' in refused.text
    assert not _case(on_sqlite, case.ref).task(code).finished  # type: ignore[union-attr]

    browser.send(address, {**typed, "when": "now", "at": when})
    assert _case(on_sqlite, case.ref).task(code).done_at == at("2026-09-03 10:00")  # type: ignore[union-attr]


def test_a_time_that_has_not_come_is_told_in_the_words_of_the_form(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx)
    nurse = on_sqlite.of("nurse")
    for path, called in (("tasks/brief_info", "Tidspunkt"), ("unplanned", "Løslatt når")):
        nurse.get(f"/cases/{case.ref}/{path}")
        form = {"do": "complete", "when": "other", "reason": "court", "closes": "yes"}
        page = nurse.send(f"/cases/{case.ref}/{path}", {**form, "at": "2026-12-24T10:00"})
        summary = page.text.split('id="errors"')[1].split("</ul>")[0]
        assert f'href="#f-at">{called}: Tidspunktet er ikke kommet' in summary
        assert re.search(r'<input [^>]*id="f-at"[^>]*aria-invalid="true"', page.text)


def test_what_stands_beside_a_box_that_is_not_ticked_is_asked_about(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, answer="accepted")
    nurse, address = on_sqlite.of("nurse"), f"/cases/{case.ref}/unplanned"
    form = {"reason": "court", "at": "2026-09-08T08:30"}
    preset = re.search(r'name="call_at"[^>]* value="([^"]*)"', nurse.get(address).text)[1]  # type: ignore[index]
    for box, name, typed in (
        ("spray", "spray_lot", "L42"),
        ("call", "call_with", "Kari"),
        ("call", "call_at", "2026-09-10T12:00"),
    ):
        refused = nurse.send(address, {**form, "call_at": preset, name: typed})
        assert (refused.status, f'id="e-{name}"' in refused.text) == (422, True), name
        assert f'value="{typed}"' in refused.text
        assert re.search(rf'<input [^>]*id="f-{name}"[^>]*data-chooses="f-{box}"', refused.text)

    nurse.send(address, {**form, "call_at": preset})
    after = _case(on_sqlite, case.ref)
    assert (after.phase, after.appointments) == (Phase.FOLLOW_UP, ())


def test_the_lot_of_a_spray_is_written_where_the_spray_is_handed_over(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, answer="accepted", release_on=date(2026, 9, 30))
    officer, address = on_sqlite.of("officer"), f"/cases/{case.ref}/tasks/handed_over"
    assert 'id="f-lot"' not in officer.get(f"/cases/{case.ref}/tasks/brief_info").text
    assert 'id="f-lot"' in officer.get(address).text

    refused = officer.send(address, {"do": "complete", "answer": "card_only", "lot": "L42"})
    summary = refused.text.split('id="errors"')[1].split("</ul>")[0]
    assert refused.status == 422
    assert 'href="#f-lot">Lot-nummer: Svar at sprayen ble gitt' in summary
    assert 'value="L42"' in refused.text

    officer.send(address, {"do": "complete", "answer": "spray_only", "lot": "L42"})
    with on_sqlite.db.write() as tx:
        assert naloxone.ledger(tx, OPERATOR, ref=case.ref, now=on_sqlite.now)[-1].lot == "L42"


# --- waived is not done --------------------------------------------------------------------------


def test_a_step_of_which_something_was_waived_does_not_look_done(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, answer="accepted", done=("brief_info", "talk_held"))
    for code, why in (
        ("naloxone_training", "too_short_notice"),
        ("talk_booked", "done_elsewhere"),
        *((code, "not_relevant") for code in ("requests_sent", "appointments_confirmed")),
        *((code, "not_relevant") for code in ("card_printed", "handed_over")),
    ):
        with on_sqlite.db.write() as tx:
            service.waive_task(tx, OPERATOR, case.ref, code, why, now=on_sqlite.now)

    text = on_sqlite.of("nurse").get(f"/cases/{case.ref}").text

    way = text.split('class="way"')[1].split("</ol>")[0]
    marks = re.findall(r'<li data-state="(\w+)">', way)
    assert marks[1:] == ["partly", "done", "waived"]
    assert "Delvis gjort" in way


# --- many at once --------------------------------------------------------------------------------


def test_rows_that_were_refused_stay_ticked_and_say_why(on_sqlite: Desk) -> None:
    [case] = _board(on_sqlite, "T1")
    own, health = f"{case.ref}/brief_info", f"{case.ref}/intake_talk"
    browser = on_sqlite.of("coordinator")
    browser.get("/overdue")
    page = browser.send("/overdue", [("do", "done"), ("pick", own), ("pick", health)])

    assert _case(on_sqlite, case.ref).task("brief_info").state is TaskState.DONE  # type: ignore[union-attr]
    assert _ticked(page) == {health}
    refusal = page.text.split('id="refused"')[1].split("</ul>")[0]
    assert "Innkomstsamtale holdt" in refusal
    assert "en annen rolle" in refusal


def test_a_whole_page_is_settled_only_after_a_question_and_is_undone_in_one(
    on_sqlite: Desk,
) -> None:
    cases = _board(on_sqlite, *(f"T{number}" for number in range(7)))
    picks = [("pick", f"{case.ref}/brief_info") for case in cases]
    browser = on_sqlite.of("coordinator")
    browser.get("/overdue")
    asked = browser.send("/overdue", [("do", "done"), *picks])

    assert 'name="sure" value="yes"' in asked.text
    states = {_case(on_sqlite, case.ref).task("brief_info").state for case in cases}  # type: ignore[union-attr]
    assert states == {TaskState.OPEN}

    done = browser.send("/overdue", [("do", "done"), ("sure", "yes"), *picks])
    assert "7 ført" in done.text

    undone = browser.send("/overdue", [("do", "undo/not_done"), *picks])
    states = {_case(on_sqlite, case.ref).task("brief_info").state for case in cases}  # type: ignore[union-attr]
    assert states == {TaskState.OPEN}
    assert "7 angret" in undone.text


def test_a_button_with_more_in_it_than_ours_have_is_no_fault(on_sqlite: Desk) -> None:
    (case,) = _board(on_sqlite, "K1")
    coordinator = on_sqlite.of("coordinator")
    coordinator.get("/today")

    page = coordinator.send("/act", {"do": f"snooze/{case.ref}/brief_info/7/more"})

    assert page.status == 200
    assert "Utsatt til 15. september 2026" in page.text


def test_nothing_is_waived_for_a_reason_that_nobody_chose(on_sqlite: Desk) -> None:
    [case] = _board(on_sqlite, "T1")
    browser = on_sqlite.of("coordinator")
    page = browser.get("/overdue")
    reasons = page.text.split('name="why"')[1].split("</select>")[0]
    assert re.search(r"<option[^>]*>", reasons)[0] == '<option value="">'  # type: ignore[index]
    answer = browser.send(
        "/overdue", [("do", "waive"), ("why", ""), ("pick", f"{case.ref}/brief_info")]
    )
    assert answer.status == 422
    assert "Velg en grunn" in answer.text
    assert _ticked(answer) == {f"{case.ref}/brief_info"}
    assert _case(on_sqlite, case.ref).task("brief_info").state is TaskState.OPEN  # type: ignore[union-attr]


def test_an_appointment_is_not_called_confirmed_before_somebody_says_so(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx)
    text = on_sqlite.of("nurse").get(f"/cases/{case.ref}/appointments/new").text
    assert re.search(r'value="requested" checked', text)
    assert not re.search(r'value="confirmed" checked', text)


def test_confirmed_appointments_wait_on_both_lists_and_are_no_main_button(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, admitted="2026-06-25 06:00", release_on=date(2026, 9, 10))
    for path in ("/overdue", "/today"):
        page = on_sqlite.of("coordinator").get(path)
        assert page.status == 200, path
        key = f'value="done/{case.ref}/appointments_confirmed"'
        button = next(each for each in re.findall(r"<button[^>]*>", page.text) if key in each)
        assert 'data-variant="tertiary"' in button, path


def test_what_became_of_a_spray_left_in_property_is_said_where_it_is_asked(desk: Desk) -> None:
    with desk.db.write() as tx:
        case = make_case(
            tx,
            person=make_person(tx, inmate_no="N1"),
            admitted="2026-08-01 06:00",
            release_on=date(2026, 9, 4),
            answer="accepted",
        )
        naloxone.record(
            tx, OPERATOR, "to_property", ref=case.ref, quantity=2, now=at("2026-08-20 10:00")
        )
        release.release(tx, OPERATOR, case.ref, now=at("2026-09-04 10:00"))
    nurse = desk.of("nurse")
    asked = f"lost/{case.ref}"
    assert asked in nurse.get("/naloxone").text

    page = nurse.send("/naloxone", {"unit": "A", "do": asked})

    assert "Ført: Mistet, 2 stk." in page.text
    assert asked not in page.text
    again = nurse.send("/naloxone", {"unit": "A", "do": asked})
    assert again.status == 200
    with desk.db.read() as tx:
        rows = naloxone.ledger(tx, OPERATOR, now=desk.now, unit="A")
        assert [(row.kind, row.quantity) for row in rows if row.case_ref == case.ref] == [
            ("to_property", 2),
            ("lost", 2),
        ]
    elsewhere = desk.of("elsewhere")
    elsewhere.get("/naloxone")
    elsewhere.send("/naloxone", {"unit": "A", "do": asked})
    with desk.db.read() as tx:
        assert len(naloxone.ledger(tx, OPERATOR, now=desk.now, unit="A")) == len(rows)

"""What one careless press must not do: end a follow-up, call waived work done, settle a page."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

from cases import queries, service
from cases.access import OPERATOR
from cases.model import Case, CloseReason, Participation, Phase, TaskState
from tests.people import make_case, make_person
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


def test_the_own_rows_of_a_receipt_are_what_was_done_not_what_an_address_says(
    on_sqlite: Desk,
) -> None:
    [case] = _board(on_sqlite, "T1")
    browser = on_sqlite.of("coordinator")
    forged = browser.get(f"/overdue?many=done&ok={case.ref}/brief_info&done=999")
    assert "ført" not in forged.text.split("<h1")[1].split('action="/overdue" class="card')[0]


def test_confirmed_appointments_wait_on_both_lists_and_are_no_main_button(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, admitted="2026-06-25 06:00", release_on=date(2026, 9, 10))
    for path in ("/overdue", "/today"):
        page = on_sqlite.of("coordinator").get(path)
        assert page.status == 200, path
        key = f'value="done/{case.ref}/appointments_confirmed"'
        button = next(each for each in re.findall(r"<button[^>]*>", page.text) if key in each)
        assert 'data-variant="tertiary"' in button, path

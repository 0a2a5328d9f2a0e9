"""Every page in every role: what is there, what is refused, and that nothing of others is told."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event

from cases import appointments, look_index, queries, release, service
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.model import Case
from cases.sessions import plan_session
from tests.people import at, make_case, make_person
from tests.web.conftest import STAFF, Desk

LISTS = (
    "/today",
    "/search",
    "/overdue",
    "/follow-up",
    "/transfers",
    "/sessions",
    "/import",
    "/naloxone",
    "/messages",
    "/workload",
    "/tertial",
    "/tertial/definitions",
    "/tertial/own",
    "/deviations",
    "/rebase",
    "/me",
    "/me/second-step",
    "/help",
    "/accessibility",
    "/status",
    "/start",
)
OF_ADMIN = (
    "/admin/units",
    "/admin/units/new",
    "/admin/units/A",
    "/admin/people",
    "/admin/people/new",
    "/admin/packages",
    "/admin/packages/edit",
    "/admin/packages/edit?unit=A",
    "/admin/texts",
    "/admin/settings",
    "/admin/health",
)
OF_CASE = (
    "",
    "/tasks/intake_talk",
    "/tasks/offer_answered",
    "/tasks/brief_info",
    "/tasks/talk_held",
    "/release-date",
    "/appointments/new",
    "/release",
    "/unplanned",
    "/transfer",
    "/close",
    "/absence",
    "/card.pdf",
    "/overdose.pdf",
    "/forms/checklist.pdf",
    "/forms/consent.html",
)
CASE_ROLES = ("nurse", "officer", "coordinator", "lead", "healthlead")
SECRET_NAME = "Hemmelig"


def someone(tx: Connection, **more: object) -> Case:
    """A case with something of everything: an answer, a health answer, an appointment."""
    case = make_case(
        tx,
        person=make_person(tx, inmate_no="T4711"),
        release_on=date(2026, 10, 1),
        answer="accepted",
        **more,  # type: ignore[arg-type]
    )
    service.complete_task(
        tx,
        OPERATOR,
        case.ref,
        service.TaskDone("intake_talk", at("2026-09-02 10:00"), "individual", "at_risk"),
        now=at("2026-09-02 10:00"),
    )
    return appointments.book(
        tx,
        OPERATOR,
        case.ref,
        Booking("OAT", at("2026-10-02 10:00"), "LAR-klinikken", "Storgata 1", status="confirmed"),
        now=at("2026-09-02 10:00"),
    )


@pytest.fixture
def furnished(on_sqlite: Desk) -> tuple[Desk, Case, Case]:
    """One case in A and one in C."""
    with on_sqlite.db.write() as tx:
        here = someone(tx)
        there = make_case(tx, unit="C", release_on=date(2026, 10, 1))
    return on_sqlite, here, there


def test_every_page_answers_every_role_and_never_with_a_fault(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, there = furnished
    told: dict[tuple[str, str], int] = {}
    for who in STAFF:
        browser = desk.of(who)
        for path in (*LISTS, *OF_ADMIN, *(f"/cases/{here.ref}{part}" for part in OF_CASE)):
            page = browser.get(path)
            told[who, path] = page.status
            assert page.status in (200, 403, 404), (who, path, page.status, page.text[-2000:])
    for who in CASE_ROLES:
        assert told[who, f"/cases/{here.ref}"] == 200
        assert told[who, "/today"] == 200
    for who in ("directorate", "admin"):
        refused = [told[who, path] for path in ("/today", "/overdue", f"/cases/{here.ref}")]
        assert refused == [403, 403, 403], who
    for who in STAFF:
        expected = {200} if who == "admin" else {403}
        assert {told[who, path] for path in OF_ADMIN} == expected, who
        leads = who in ("lead", "healthlead")
        assert told[who, "/deviations"] == (200 if leads else 403), who
        assert told[who, "/rebase"] == (200 if who == "lead" else 403), who
        assert told[who, "/tertial"] == 200, who
        assert told[who, "/tertial/own"] == (403 if who in ("directorate", "admin") else 200), who
    for who in ("outsider", "elsewhere"):
        assert {told[who, f"/cases/{here.ref}{part}"] for part in OF_CASE} <= {403, 404}, who
        assert told[who, f"/cases/{here.ref}"] == 404
    del there


def test_the_roles_without_cases_are_refused_whatever_the_reference(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, _ = furnished
    for who in ("directorate", "admin"):
        known = desk.of(who).get(f"/cases/{here.ref}")
        unknown = desk.of(who).get("/cases/aaaaaaaaaa")
        assert (known.status, unknown.status) == (403, 403)
        assert _plain(known.text, here.ref) == _plain(unknown.text, "aaaaaaaaaa")


def test_another_units_case_and_an_unknown_one_are_told_alike(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, _ = furnished
    for who in ("outsider", "elsewhere"):
        known = desk.of(who).get(f"/cases/{here.ref}")
        unknown = desk.of(who).get("/cases/aaaaaaaaaa")
        assert (known.status, unknown.status) == (404, 404)
        assert _plain(known.text, here.ref) == _plain(unknown.text, "aaaaaaaaaa")


def test_no_list_tells_of_another_units_people(furnished: tuple[Desk, Case, Case]) -> None:
    desk, here, there = furnished
    for who in ("outsider", "elsewhere"):
        for path in LISTS:
            page = desk.of(who).get(path)
            assert here.ref not in page.text, (who, path)
            assert "T4711" not in page.text, (who, path)
    for who in CASE_ROLES:
        for path in LISTS:
            assert there.ref not in desk.of(who).get(path).text, (who, path)


def test_a_search_finds_only_ones_own(furnished: tuple[Desk, Case, Case]) -> None:
    desk, here, _ = furnished
    for who, found in (("nurse", True), ("outsider", False)):
        browser = desk.of(who)
        browser.get("/search")
        by_number = browser.send("/search", {"text": "T4711"})
        assert (by_number.url == f"/cases/{here.ref}") is found
        browser.get("/search")
        assert (here.ref in browser.send("/search", {"text": "tes per"}).text) is found


def test_correctional_staff_never_read_a_health_answer_nor_who_gave_it(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, _ = furnished
    answer = "I risiko for overdose"
    assert answer in desk.of("nurse").get(f"/cases/{here.ref}").text
    for who in ("officer", "coordinator", "lead"):
        page = desk.of(who).get(f"/cases/{here.ref}")
        intake = page.text.split('id="task-intake_talk"')[1].split("</li>")[0]
        assert answer not in intake, who
        assert "operator" not in intake, who
        assert "Svar på tilbudet</h2>" not in page.text, who


def test_an_appointment_that_tells_something_shows_its_time_alone(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, _ = furnished
    assert "LAR-klinikken" in desk.of("nurse").get(f"/cases/{here.ref}").text
    for who in ("officer", "coordinator", "lead"):
        text = desk.of(who).get(f"/cases/{here.ref}").text
        assert "LAR-klinikken" not in text, who
        assert "Storgata 1" not in text, who
        assert "fre. 2.10. kl. 10.00" in text, who


def test_every_look_at_people_is_logged(furnished: tuple[Desk, Case, Case]) -> None:
    from sqlalchemy import func, select

    from cases.tables import access_log

    desk, here, _ = furnished
    case = f"/cases/{here.ref}"
    of_case = [f"{case}{part}" for part in OF_CASE]
    of_case += [f"{case}/appointments/{here.appointments[0].id}"]
    lists = ["/today", "/follow-up", "/naloxone"]
    looked = set()
    for who in ("nurse", "officer", "coordinator"):
        for path in (*of_case, *lists):
            with desk.db.read() as tx:
                before = tx.execute(select(func.count()).select_from(access_log)).scalar_one()
            if desk.of(who).get(path).status != 200:
                continue
            with desk.db.read() as tx:
                after = tx.execute(select(func.count()).select_from(access_log)).scalar_one()
            assert after > before, (who, path)
            looked.add(path)
    assert looked == {*of_case, *lists}


def test_a_number_that_was_searched_for_and_found_is_logged_with_whom_it_found(
    furnished: tuple[Desk, Case, Case],
) -> None:
    from sqlalchemy import select

    from cases.tables import access_log, access_subject

    desk, here, _ = furnished
    browser = desk.of("nurse")
    hidden = browser.get("/search").hidden("/search")
    found = browser.post("/search", hidden | {"text": "T4711"}, follow=False)
    assert found.headers["location"] == f"/cases/{here.ref}"
    with desk.db.read() as tx:
        subjects = select(access_subject.c.case_ref).join(
            access_log, access_log.c.id == access_subject.c.access_id
        )
        searched = subjects.where(access_log.c.verb == "cases_searched")
        assert tx.execute(searched).scalars().all() == [here.ref]


def test_correctional_staff_do_not_learn_what_the_answer_was_before(on_sqlite: Desk) -> None:
    from cases import sweep
    from cases.model import UndoReason

    with on_sqlite.db.write() as tx:
        case = make_case(tx, person=make_person(tx), answer="not_now")
    sweep.sweep(on_sqlite.db, now=at("2026-09-21 10:00"))
    with on_sqlite.db.write() as tx:
        service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-09-21 11:00"))
        service.undo_task(
            tx,
            OPERATOR,
            case.ref,
            "offer_answered",
            UndoReason.WRONG_PERSON.value,
            now=at("2026-09-21 11:05"),
        )
        service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-09-21 11:10"))
    for who, knows in (
        ("nurse", True),
        ("officer", False),
        ("coordinator", False),
        ("lead", False),
    ):
        page = on_sqlite.of(who).get(f"/cases/{case.ref}").text
        assert ("Spør om tilbudet igjen" in page) is knows, who
        history = page.split('id="history"')[1].split("</section>")[0]
        assert ("Tilbudet" in history or "tilbudet" in history) is knows, (who, history)


def test_an_upload_that_nobody_took_in_is_forgotten(tmp_path: Path) -> None:
    from cases.retention import forget_uploads

    old, new = tmp_path / "a.rows", tmp_path / "b.rows"
    for path in (old, new):
        path.write_bytes(b"sealed")
    os.utime(old, (0, 0))
    assert forget_uploads(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["b.rows"]
    assert forget_uploads(tmp_path / "none") == 0


def test_no_page_names_anybody_in_an_address(furnished: tuple[Desk, Case, Case]) -> None:
    desk, here, _ = furnished
    for path in (*LISTS, f"/cases/{here.ref}"):
        page = desk.of("coordinator").get(path)
        for address in re.findall(r'(?:href|action|src)="([^"]*)"', page.text):
            assert "Test" not in address, (path, address)
            assert "T4711" not in address, (path, address)


def test_pages_about_people_are_not_kept_and_run_nothing_of_others(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, here, _ = furnished
    page = desk.of("nurse").get(f"/cases/{here.ref}")
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=", page.text)


def test_a_group_session_of_another_unit_does_not_exist(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        make_case(tx)
        session = plan_session(
            tx, OPERATOR, "A", "brief_info", at("2026-09-09 10:00"), now=on_sqlite.now
        )
    assert on_sqlite.of("nurse").get(f"/sessions/{session.ref}").status == 200
    assert on_sqlite.of("outsider").get(f"/sessions/{session.ref}").status == 404


MOST_ASKED = {
    ("nurse", "/today"): 13,
    # Whoever proposes transfers is told of those declined.
    ("coordinator", "/overdue"): 13,
    # The cases whole, in two statements: what waits for each, and what was agreed.
    ("nurse", "/follow-up"): 11,
    ("coordinator", "/messages"): 9,
    ("coordinator", "/workload"): 5,
    ("nurse", "/sessions"): 7,
    ("coordinator", "/transfers"): 5,
}
"""Statements of one look at a page, that of the session and the rows of the log among them."""

_OUT: Final[dict[str, Any]] = {
    "admitted": "2026-08-01 06:00",
    "release_on": date(2026, 9, 7),
    "answer": "accepted",
    "released": "2026-09-07 10:00",
}


def test_a_page_asks_the_same_number_of_questions_however_many_people(
    furnished: tuple[Desk, Case, Case],
) -> None:
    desk, _, _ = furnished
    with desk.db.write() as tx:
        make_case(tx, admitted="2026-08-25 06:00")
        make_case(tx, **_OUT)
    asked: list[str] = []
    event.listen(
        desk.db.engine,
        "before_cursor_execute",
        lambda tx, cursor, statement, *more: asked.append(statement),
    )
    few = {page: _questions(desk, asked, *page) for page in MOST_ASKED}
    with desk.db.write() as tx:
        for _ in range(look_index.LONG + 2):
            make_case(tx, admitted="2026-08-25 06:00")
            make_case(tx, **_OUT)

    many = {page: _questions(desk, asked, *page) for page in MOST_ASKED}
    # The entries of a long list are made later on SQLite: that is a statement less.
    assert all(few[page] - int(desk.db.is_sqlite) <= many[page] <= few[page] for page in few)
    for page, most in MOST_ASKED.items():
        assert few[page] <= most, page


def _questions(desk: Desk, asked: list[str], who: str, path: str) -> int:
    """How many statements a second look at a page takes."""
    browser = desk.of(who)
    browser.get(path)
    asked.clear()
    browser.get(path)
    return len(asked)


def _plain(text: str, ref: str) -> str:
    """A page without what differs by nature: keys of forms and the reference asked for."""
    text = re.sub(r'name="(?:once|csrf)" value="[^"]*"', "", text)
    return text.replace(ref, "REF")


@pytest.mark.parametrize("do", ["complete", "waive"])
def test_a_time_that_was_typed_stands_beside_what_somebody_else_recorded_meanwhile(
    on_sqlite: Desk, do: str
) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, person=make_person(tx))
    path = f"/cases/{case.ref}/tasks/brief_info"
    nurse, officer = on_sqlite.of("nurse"), on_sqlite.of("officer")
    nurse.get(path)
    officer.get(path)
    officer.send(path, {"do": "complete"})
    typed = {"do": do, "when": "other", "at": "2026-09-07T13:05", "why": "absent"}
    taken = nurse.send(path, typed)
    assert taken.status == 409
    assert "Står der nå" in taken.text
    assert "man. 7.9. kl. 13.05" in taken.text
    settled = nurse.send(path, {"do": "replace"})
    assert settled.status == 200
    with on_sqlite.db.read() as tx:
        task = queries.case_by_ref(tx, OPERATOR, case.ref).task("brief_info")
    assert task is not None
    assert task.state.value == {"complete": "done", "waive": "waived"}[do]
    assert task.done_at == at("2026-09-07 13:05")
    assert task.reason == (None if do == "complete" else "absent")


def test_a_release_that_nobody_had_a_date_for_has_a_page_for_its_date(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        case = make_case(tx, person=make_person(tx), answer="accepted")
        release.release(tx, OPERATOR, case.ref, now=at("2026-09-08 08:00"))
    page = on_sqlite.of("coordinator").get(f"/cases/{case.ref}/release-date")
    assert page.status == 200
    assert "Løslatt i dag kl. 08.00" in page.text

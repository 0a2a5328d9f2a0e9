"""What leads look at: deviations, what was brought to them, late entries; and papers."""

from __future__ import annotations

import re
from datetime import date, timedelta

from cases import accounts, package_saving, service, sweep, transfers
from cases.access import OPERATOR, Viewer
from cases.model import Role
from reports import lifecycle
from reports.tertial import Period
from tests.people import at, complete, make_case, make_person
from tests.web.browser import Page
from tests.web.conftest import Desk


def test_what_was_brought_bears_the_day_on_which_it_was_told(on_sqlite: Desk) -> None:
    """A case that came with a late list "was told to the lead" before anybody knew of it."""
    desk = on_sqlite
    with desk.db.write() as tx:
        make_case(
            tx,
            admitted="2026-06-01 06:00",
            opened="2026-09-08 08:00",
            release_on=date(2026, 8, 14),
        )
    sweep.sweep(desk.db, now=desk.now)
    brought = (
        desk.of("lead").get("/deviations").text.split('id="brought"')[1].split("</section>")[0]
    )
    assert set(re.findall(r"Meldt til leder ([^<]*)", brought)) == {"tirs. 8.9."}


def test_a_lead_sees_what_was_missed_told_and_late(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        missed = make_case(
            tx,
            person=make_person(tx, inmate_no="L1"),
            admitted="2026-08-01 06:00",
            release_on=date(2026, 9, 4),
            answer="accepted",
            done=("intake_talk",),
            released="2026-09-04 10:00",
        )
        waits = make_case(tx, person=make_person(tx, inmate_no="L2"), admitted="2026-08-20 06:00")
        complete(
            tx, waits, "intake_talk", at("2026-08-21 05:00"), recorded_at=at("2026-08-25 10:00")
        )
        there = make_case(tx, unit="C", admitted="2026-08-20 06:00")
    sweep.sweep(desk.db, now=desk.now)
    lead = desk.of("lead")
    page = lead.get("/deviations")
    parts = {
        name: page.text.split(f'id="{name}"')[1].split("</section>")[0]
        for name in ("brought", "missed", "late")
    }
    assert f"/cases/{missed.ref}/tasks/talk_held" in parts["missed"]
    assert f"/cases/{missed.ref}/tasks/naloxone_training" not in parts["missed"]
    assert f"done/{waits.ref}/brief_info" in parts["brought"]
    assert waits.ref in parts["late"]
    assert missed.ref not in parts["late"]
    assert there.ref not in page.text

    done = lead.send("/act", {"do": f"done/{waits.ref}/brief_info"})
    assert "Kort informasjon" in done.text.split('role="status"')[1].split("</div>")[0]
    assert f"done/{waits.ref}/brief_info" not in done.text

    with desk.db.write() as tx:
        held = service.TaskDone("talk_held", at("2026-09-01 10:00"), "group")
        service.complete_task(tx, OPERATOR, missed.ref, held, now=desk.now)
    page = lead.get("/deviations")
    assert "Rettet i ettertid" in page.text
    assert f"/cases/{missed.ref}/tasks/talk_held" not in page.text
    assert desk.of("healthlead").get("/deviations").status == 200


def test_a_report_that_is_due_is_told_on_the_first_page_of_a_lead_until_it_is_sent_in(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    lead = desk.of("lead")
    with desk.db.write() as tx:
        early = Viewer("lead", Role.UNIT_LEAD, frozenset({"A"}))
        lifecycle.submit(tx, early, Period.parse("2026-T1"), "A", now=at("2026-05-18 10:00"))
    assert "levert" not in lead.get("/deviations").text

    desk.later(timedelta(days=4))
    desk.signed.clear()
    told = _told_of_reports(desk.of("lead").get("/deviations"))
    assert 'data-color="info"' in told
    assert "Rapporten for mai–august 2026 skal være levert 18. september 2026" in told
    assert 'href="/tertial/own?period=2026-T2&amp;unit=A"' in told
    assert "skal være levert" in desk.of("healthlead").get("/deviations").text

    desk.later(timedelta(days=10))
    desk.signed.clear()
    lead = desk.of("lead")
    told = _told_of_reports(lead.get("/deviations"))
    assert 'data-color="danger"' in told
    assert "Rapporten for mai–august 2026 skulle vært levert 18. september 2026" in told

    lead.get("/tertial/own?period=2026-T2&unit=A")
    lead.send("/tertial/own", {"period": "2026-T2", "unit": "A", "sure": "submit"})
    assert "Rapporten for" not in lead.get("/deviations").text
    assert "unit=A" not in desk.of("elsewhere").get("/overdue").text


def test_a_coordinator_reads_on_the_board_which_units_reports_wait(on_sqlite: Desk) -> None:
    """Who sends reports in, on their first page; nobody else there, and not from a list kept."""
    desk = on_sqlite
    with desk.db.write() as tx:
        early = Viewer("lead", Role.UNIT_LEAD, frozenset({"A", "B"}))
        for unit in ("A", "B"):
            lifecycle.submit(tx, early, Period.parse("2026-T1"), unit, now=at("2026-05-18 10:00"))
    assert "levert" not in desk.of("coordinator").get("/overdue").text

    desk.later(timedelta(days=4))
    desk.signed.clear()
    both = desk.of("coordinator")
    assert _waiting(both.get("/overdue")) == ["A", "B"]
    both.get("/tertial/own?period=2026-T2&unit=A")
    both.send("/tertial/own", {"period": "2026-T2", "unit": "A", "sure": "submit"})
    assert _waiting(both.get("/overdue")) == ["B"]
    for who in ("nurse", "officer"):
        assert "Rapporten for" not in desk.of(who).get("/overdue").text


def _waiting(page: Page) -> list[str]:
    """The units that one line says the report of the summer is to be sent in for."""
    (line,) = re.findall(r"<p>Rapporten for mai–august 2026 skal være.*?</p>", page.text)
    return re.findall(r'unit=(\w)">', line)


def _told_of_reports(page: Page) -> str:
    """What stands above the lists."""
    return page.text.split("</h1>")[1].split('action="/deviations"')[0]


def test_what_waits_stands_there_however_long_ago_and_in_which_unit_it_was_told(
    desk: Desk,
) -> None:
    """Not done for a hundred days, or told before the person came here: it waits all the same."""
    with desk.db.write() as tx:
        there = [
            accounts._Account(f"{role.value} of C", "Leder", role, ("C",), "no password")
            for role in (Role.UNIT_LEAD, Role.HEALTH_LEAD)
        ]
        accounts._insert(tx, there, at("2026-05-01 06:00"))
        old = make_case(
            tx,
            person=make_person(tx, inmate_no="L3"),
            admitted="2026-05-01 06:00",
            release_on=date(2026, 9, 20),
        )
        out = make_case(
            tx,
            person=make_person(tx, inmate_no="L6"),
            admitted="2026-05-01 06:00",
            release_on=date(2026, 8, 28),
            answer="accepted",
            done=("intake_talk", "naloxone_training"),
            released="2026-08-28 10:00",
        )
        came = make_case(
            tx,
            unit="C",
            person=make_person(tx, inmate_no="L4"),
            admitted="2026-05-02 06:00",
            release_on=date(2026, 9, 10),
        )
    sweep.sweep(desk.db, now=at("2026-05-20 09:00"))
    sweep.sweep(desk.db, now=desk.now)
    with desk.db.write() as tx:
        proposed = transfers.propose_transfer(tx, OPERATOR, came.ref, "A", now=desk.now)
        assert proposed.open_transfer is not None
        transfers.answer_transfer(tx, OPERATOR, proposed.open_transfer.id, "accept", now=desk.now)
    for who in ("lead", "healthlead"):
        for days in (30, 90, 365):
            page = desk.of(who).get(f"/deviations?days={days}")
            waiting = page.text.split('id="brought"')[1].split("</section>")[0]
            told = waiting.split("<details")[0]
            places = [told.find(f'/cases/{each.ref}"') for each in (came, old)]
            assert places == sorted(places), "who leaves first stands first"
            assert -1 not in places, (who, days, places)
            assert "Løslates om 2 dager" in waiting
            if who == "lead":
                assert told.find(f'/cases/{out.ref}"') > places[-1], "who is out comes after them"
    gone = desk.of("elsewhere").get("/deviations")
    assert came.ref not in gone.text


def test_what_is_settled_is_counted_no_longer_and_a_late_entry_says_of_what(desk: Desk) -> None:
    with desk.db.write() as tx:
        case = make_case(tx, person=make_person(tx, inmate_no="L5"), admitted="2026-08-20 06:00")
    sweep.sweep(desk.db, now=desk.now)
    lead = desk.of("lead")
    before = waiting_number(lead.get("/deviations").text)
    with desk.db.write() as tx:
        held = service.TaskDone("brief_info", at("2026-08-21 10:00"), "individual")
        service.complete_task(tx, OPERATOR, case.ref, held, now=desk.now)
    page = lead.get("/deviations").text
    assert waiting_number(page) == before - 1
    assert "Avklart (1)" in page
    late = page.split('id="late"')[1].split("</section>")[0]
    assert "Oppgave gjort: Kort informasjon" in late


def waiting_number(text: str) -> int:
    """How many the heading of what was told says."""
    return int(text.split('id="brought"')[1].split('number">')[1].split("<", maxsplit=1)[0])


def test_open_cases_move_to_a_new_version_as_the_preview_showed(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(tx, admitted="2026-09-01 06:00", release_on=date(2026, 12, 28))
        text = (
            'key = "a-1"\nnumber = 1\nparent = "national-1"\n[task.talk_held]\ndue = ["R - 10 d"]\n'
        )
        package_saving.save_overlay(tx, OPERATOR, "A", text, now=desk.now)
    lead = desk.of("lead")
    assert "/rebase?unit=A" in lead.get("/deviations").text
    page = lead.get("/rebase?unit=A")
    assert case.ref in page.text
    assert "fre. 18.12. kl. 15.00" in page.text
    with desk.db.write() as tx:
        other = make_case(tx, admitted="2026-09-02 06:00")
    changed = lead.send("/rebase")
    assert changed.status == 409
    assert other.ref in changed.text
    done = lead.send("/rebase")
    assert "2 saker er flyttet." in done.text
    assert "Alle åpne saker følger pakken som gjelder." in done.text


def test_every_paper_of_a_case_is_a_button_on_its_page(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        case = make_case(
            tx,
            person=make_person(tx),
            admitted="2026-08-01 06:00",
            release_on=date(2026, 12, 1),
            answer="accepted",
            done=("intake_talk", "naloxone_training"),
        )
    nurse = desk.of("nurse")
    page = nurse.get(f"/cases/{case.ref}")
    papers = set(page.text.split(f"/cases/{case.ref}/forms/")[1:])
    named = {each.partition(".pdf")[0] for each in papers}
    assert named >= {"checklist", "consent", "certificate", "naloxone", "overdose", "short-form"}
    assert "transfer" not in named
    for name in ("checklist", "certificate"):
        paper = nurse.get(f"/cases/{case.ref}/forms/{name}.pdf")
        assert paper.headers["content-type"] == "application/pdf", name
    read = nurse.get(f"/cases/{case.ref}/forms/checklist.html")
    assert "<table" in read.text
    assert nurse.get(f"/cases/{case.ref}/forms/other.pdf").status == 404
    assert desk.of("outsider").get(f"/cases/{case.ref}/forms/checklist.pdf").status == 404

"""What leads look at: deviations, what was brought to them, late entries; and papers."""

from __future__ import annotations

from datetime import date

from cases import package_saving, service, sweep
from cases.access import OPERATOR
from tests.people import at, complete, make_case, make_person
from tests.web.conftest import Desk


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

"""What people do with the pages: few clicks, and a good end where something comes in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from cases import queries
from cases.access import OPERATOR
from cases.model import Case, TaskState
from tests.web.chromium.looking import Looks
from tests.web.chromium.office import IN_A_BROWSER, Office, case_of, sign_in
from tests.web.conftest import NOW

pytestmark = IN_A_BROWSER

CAFE = "Kafé Torget"


@dataclass(slots=True)
class Hand:
    """A hand on the mouse, which counts."""

    clicks: int = 0

    def click(self, it: Locator) -> None:
        it.click()
        self.clicks += 1


def stored(office: Office, case: Case) -> Case:
    """The case as it stands in the database."""
    with office.desk.db.read() as tx:
        return queries.case_by_ref(tx, OPERATOR, case.ref)


def row(page: Page, name: str, label: str) -> Any:
    """The line of one task of one person on the list of the day."""
    return page.locator("li.person", has_text=name).locator(".task", has_text=label)


def focus_comes_to(page: Page, what: str) -> bool:
    """Whether the keyboard stands at such an element, within three seconds."""
    for _ in range(30):
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return True
        page.wait_for_timeout(100)
    return False


# --- few clicks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_nurse_ticks_five_tasks_for_five_people_in_two_clicks_each(
    office: Office, script: bool
) -> None:
    names = [f"{first} {script}" for first in ("Anna", "Berit", "Cato", "Dina", "Eli")]
    for number, name in enumerate(names):
        case_of(office.desk, name, f"5{int(script)}{number}0", admitted="2026-09-01 06:00")
    hand = Hand()
    with office.at_the_desk("nurse", script=script) as page:
        # She has just signed in, and nobody has told her anything.
        for number, name in enumerate(names, 1):
            line = row(page, name, "Innkomstsamtale holdt")
            hand.click(line.locator("summary"))
            hand.click(line.get_by_role("button", name="Ikke i risiko"))
            page.get_by_text(f"Innkomstsamtale holdt er ført for {name} Prøvesen").wait_for()
            assert hand.clicks <= 2 * number
        hand.click(row(page, names[0], "Tilbudet besvart").get_by_role("button", name="Nei"))
        page.get_by_text(f"Tilbudet besvart for {names[0]} Prøvesen: Takket nei").wait_for()
    assert hand.clicks <= 11


def test_the_keyboard_goes_from_person_to_person_and_a_tick_breaks_no_rule_of_the_page(
    office: Office,
) -> None:
    for number in range(3):
        case_of(office.desk, f"Pil{number}", f"709{number}", admitted="2026-09-01 06:00")
    broken: list[str] = []
    with office.at_the_desk("nurse") as page:
        page.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
        page.goto("/today")
        focused = "document.activeElement.closest('.person')?.querySelector('h3').innerText"
        everybody = page.locator(".person h3").all_inner_texts()
        page.locator(".person .acts summary").first.focus()
        walk = []
        for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
            walk.append(page.evaluate(focused))
        assert walk == [everybody[1], everybody[2], everybody[1]]
        # What browsers and their extensions leave on a field is not copied to the next page's.
        for colour in ("red", ""):
            page.evaluate(f"document.getElementById('quick').style.color = '{colour}'")
        line = row(page, "Pil1", "Innkomstsamtale holdt")
        line.locator("summary").click()
        line.get_by_role("button", name="Ikke i risiko").click()
        page.get_by_text("er ført for Pil1").wait_for()
    assert broken == []


def test_who_presses_enter_twice_records_one_thing(office: Office) -> None:
    case = case_of(office.desk, "Tast", "7190", admitted="2026-09-01 06:00")
    with office.at_the_desk("nurse") as page:
        page.goto("/today")
        line = row(page, "Tast", "Kort informasjon og overdosekort gitt")
        line.get_by_role("button", name="Gjort:").focus()
        page.keyboard.press("Enter")
        page.get_by_text("er ført for Tast").wait_for()
        assert focus_comes_to(page, ".person a, .person, [role=status]")
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
    done = [each.code for each in stored(office, case).tasks if each.state is TaskState.DONE]
    assert done == ["brief_info"]


def test_the_keyboard_is_never_lost_after_an_act(office: Office) -> None:
    case_of(office.desk, "Sist", "7191", admitted="2026-09-01 06:00")
    with office.at_the_desk("nurse") as page:
        page.goto("/today")
        row(page, "Sist", "Kort informasjon og overdosekort gitt").get_by_role(
            "button", name="Gjort:"
        ).click()
        page.get_by_text("er ført for Sist").wait_for()
        undo = page.locator("[role=status]")
        undo.locator("summary").click()
        undo.get_by_role("button").first.click()
        page.get_by_text("er angret for Sist").wait_for()
        assert focus_comes_to(page, "#page *")


def test_a_coordinator_clears_ten_overdue_rows_in_fifteen_clicks(office: Office) -> None:
    for number in range(10):
        case_of(office.desk, f"Rad{number}", f"60{number}", admitted="2026-08-20 06:00")
    hand = Hand()
    with office.at_the_desk("coordinator") as page:
        page.goto("/overdue?step=OVERDOSE_INFO&owner=any")
        before = page.locator("input[name=pick]").count()
        assert before >= 10
        for number in range(3):
            hand.click(
                page.get_by_role(
                    "button", name=f"Gjort: Kort informasjon og overdosekort gitt, Rad{number}"
                )
            )
            page.get_by_text(f"er ført for Rad{number}").wait_for()
        hand.click(page.get_by_label("Velg alle på siden"))
        hand.click(page.locator(".picked").get_by_role("button", name="Gjort"))
        hand.click(page.get_by_role("button", name="Ja, alle er gjort"))
        page.get_by_text(f"{before - 3} ført som gjort.").wait_for()
        assert page.locator("input[type=checkbox][name=pick]").count() == 0
    assert hand.clicks <= 15


# --- two people, the same task; twice the same ---------------------------------------------------


def test_the_second_of_two_sees_both_values_and_chooses(office: Office) -> None:
    case = case_of(office.desk, "Toer", "7001", admitted="2026-09-01 06:00")
    path = f"/cases/{case.ref}/tasks/brief_info"
    with office.at_the_desk("nurse") as one, office.at_the_desk("officer") as other:
        one.goto(path)
        other.goto(path)
        one.get_by_label("Individuelt").check()
        one.get_by_role("button", name="Før som gjort").click()
        one.get_by_text("er ført for Toer").wait_for()

        other.get_by_label("I gruppe").check()
        other.get_by_role("button", name="Før som gjort").click()

        other.get_by_role("heading", name="Noen var før deg").wait_for()
        text = other.locator("main").inner_text()
        assert "Individuelt" in text
        assert "I gruppe" in text
        other.get_by_role("button", name="Bytt til mitt").click()
        other.get_by_text("er ført for Toer").wait_for()
        assert "i gruppe" in other.locator("#task-brief_info").inner_text()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_double_click_counts_once_and_so_does_going_back(office: Office, script: bool) -> None:
    case = case_of(
        office.desk, "Dobbel", f"702{int(script)}", admitted="2026-09-01 06:00",
        release_on=date(2026, 10, 1),
    )  # fmt: skip
    with office.at_the_desk("coordinator", script=script) as page:
        page.goto(f"/cases/{case.ref}")
        page.locator("#task-brief_info").get_by_role("button", name="Gjort:").dblclick()
        # The second click breaks off the way the first one was on: no address is waited for.
        page.locator("[role=status]").filter(has_text="er ført for Dobbel").first.wait_for()
        written(page, f"/cases/{case.ref}")
        page.get_by_role("button", name="Legg inn").dblclick()
        page.get_by_text(CAFE).first.wait_for()
        page.go_back()
        page.get_by_role("heading", name="Ny avtale").wait_for()
        page.go_forward()
        page.get_by_text(CAFE).first.wait_for()
    after = stored(office, case)
    assert [each.state for each in after.tasks if each.code == "brief_info"] == [TaskState.DONE]
    assert len(after.appointments) == 1


def test_the_second_of_a_slow_double_click_is_not_the_next_persons(office: Office) -> None:
    """The list moves up under the pointer, and what lay below was ticked."""
    cases = [
        case_of(
            office.desk, name, f"703{number}", admitted=f"2026-0{number}-01 06:00",
            done=("intake_talk", "naloxone_training"), answer="accepted",
            release_on=date(2027, 3, 1),
        )
        for number, name in enumerate(("Nullte", "Forsten", "Andreas"), 4)
    ]  # fmt: skip

    def done() -> list[bool]:
        return [
            task.state is TaskState.DONE
            for case in cases
            for task in stored(office, case).tasks
            if task.code == "brief_info"
        ]

    def tick_of(page: Page, name: str) -> Locator:
        line: Locator = row(page, name, "Kort informasjon")
        return line.get_by_role("button", name="Gjort:").first

    with office.at_the_desk("nurse") as page:
        # From now on there is a receipt above the list, which stays where it is.
        tick_of(page, "Nullte").press("Enter")
        page.get_by_text("er ført for Nullte").wait_for()
        tick = tick_of(page, "Forsten")
        box = tick.bounding_box()
        assert box is not None
        there = (box["x"] + 10, box["y"] + 10)
        page.mouse.click(*there)
        page.get_by_text("er ført for Forsten").wait_for()
        lies = page.evaluate("([x, y]) => document.elementFromPoint(x, y).ariaLabel", there)
        assert "Andreas" in lies
        page.mouse.click(*there)
        page.mouse.move(*there)
        page.mouse.down(click_count=2)
        page.mouse.up(click_count=2)
        page.wait_for_timeout(600)
        assert done() == [True, True, False]
        # Whoever presses once more means it.
        tick_of(page, "Andreas").click()
        page.get_by_text("er ført for Andreas").wait_for()
    assert done() == [True, True, True]


def written(page: Page, case: str) -> None:
    """A form that took some writing, filled in and not sent."""
    page.goto(f"{case}/appointments/new")
    page.get_by_label("Type").select_option("OTHER")
    page.get_by_label("Tid").fill("2026-10-02T10:00")
    page.get_by_label("Hos hvem").fill(CAFE)
    page.get_by_label("Hvor", exact=True).fill("Torget 1")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_time_that_is_typed_is_meant_and_one_can_go_back_to_a_refused_form(
    office: Office, script: bool
) -> None:
    case = case_of(office.desk, "Tilbake", f"701{int(script)}", admitted="2026-09-01 06:00")
    with office.at_the_desk("nurse", script=script) as page:
        page.goto(f"/cases/{case.ref}/tasks/brief_info")
        page.get_by_label("Tidspunkt", exact=True).fill("2026-12-24T10:00")
        assert page.get_by_label("Et annet tidspunkt").is_checked() is script
        page.get_by_role("button", name="Før som gjort").click()
        page.get_by_text("Tidspunktet er ikke kommet ennå").first.wait_for()
        page.goto("/today")
        page.go_back()
        assert page.get_by_label("Tidspunkt", exact=True).input_value() == "2026-12-24T10:00"
        assert page.get_by_label("Et annet tidspunkt").is_checked()
        page.get_by_label("Tidspunkt", exact=True).fill("2026-09-03T10:00")
        page.get_by_role("button", name="Før som gjort").click()
        page.get_by_text("er ført for Tilbake").wait_for()
        assert "tors. 3.9. kl. 10.00" in page.locator("#task-brief_info").inner_text()


# --- a session that ran out ----------------------------------------------------------------------


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_what_was_typed_outlives_the_session(office: Office, script: bool) -> None:
    case = case_of(
        office.desk, "Avbrutt", f"703{int(script)}", admitted="2026-09-01 06:00",
        release_on=date(2026, 10, 1),
    )  # fmt: skip
    with office.at_the_desk("coordinator", script=script) as page:
        written(page, f"/cases/{case.ref}")
        office.desk.later(timedelta(hours=2))
        page.get_by_role("button", name="Legg inn").click()
        page.get_by_text("Det du skrev, er tatt vare på").wait_for()
        sign_in(page, "coordinator", here=True)
        page.get_by_text(CAFE).wait_for()
        page.get_by_role("button", name="Send nå").click()
        page.get_by_role("heading", name="Gå videre der du var").wait_for(state="detached")
        page.get_by_text(CAFE).wait_for()
    assert len(stored(office, case).appointments) == 1
    office.desk.clock[0] = NOW


def test_a_tick_of_the_list_outlives_the_session(office: Office) -> None:
    case = case_of(office.desk, "Utlogget", "7040", admitted="2026-09-01 06:00")
    with office.at_the_desk("officer") as page:
        page.goto("/today")
        office.desk.later(timedelta(hours=2))
        row(page, "Utlogget", "Kort informasjon").get_by_role("button", name="Gjort:").click()
        page.get_by_text("Det du skrev, er tatt vare på").wait_for()
        sign_in(page, "officer", here=True)
        page.get_by_role("heading", name="Gå videre der du var").wait_for()
        told = page.locator("main").inner_text()
        assert "Utlogget Prøvesen" in told
        assert "Kort informasjon og overdosekort gitt: Gjort" in told
        page.get_by_role("button", name="Send nå").click()
        page.get_by_text("er ført for Utlogget").wait_for()
    assert stored(office, case).task("brief_info").state is TaskState.DONE  # type: ignore[union-attr]
    office.desk.clock[0] = NOW


# --- no network ----------------------------------------------------------------------------------


def test_a_lost_network_loses_nothing_that_was_typed_or_pressed(office: Office) -> None:
    case = case_of(
        office.desk, "Frakoblet", "7050", admitted="2026-09-01 06:00", release_on=date(2026, 10, 1)
    )
    looks, lost = Looks(), "Ingen kontakt med Overlev akkurat nå."
    with office.at_the_desk("coordinator") as page:
        page.goto("/today")
        page.context.set_offline(True)
        press = row(page, "Frakoblet", "Kort informasjon").get_by_role("button", name="Gjort:")
        press.click()
        page.get_by_text(lost).wait_for()
        looks.at(page, "lost", html=None, known=True)
        page.context.set_offline(False)
        press.click()
        page.get_by_text("er ført for Frakoblet").wait_for()
        assert page.get_by_text(lost).count() == 0

        written(page, f"/cases/{case.ref}")
        page.context.set_offline(True)
        page.get_by_role("button", name="Legg inn").click()
        page.get_by_text(lost).wait_for()
        assert page.get_by_label("Hos hvem").input_value() == CAFE
        page.context.set_offline(False)
        page.get_by_text(lost).wait_for(state="detached")
        page.wait_for_timeout(1100)
        page.get_by_role("button", name="Legg inn").click()
        page.locator("#appointments").wait_for()
        page.get_by_text(CAFE).first.wait_for()
    assert len(stored(office, case).appointments) == 1
    assert looks.judged() == []


def test_without_a_script_a_form_is_sent_once_more_when_the_network_is_back(
    office: Office,
) -> None:
    case = case_of(
        office.desk, "Nettløs", "7051", admitted="2026-09-01 06:00", release_on=date(2026, 10, 1)
    )
    with office.at_the_desk("coordinator", script=False) as page:
        written(page, f"/cases/{case.ref}")
        page.context.set_offline(True)
        page.get_by_role("button", name="Legg inn").click(no_wait_after=True)
        for _ in range(100):
            if page.url.startswith("chrome-error:"):
                break
            page.wait_for_timeout(50)
        page.context.set_offline(False)
        page.reload()
        page.get_by_text(CAFE).first.wait_for()
    assert len(stored(office, case).appointments) == 1


def test_a_package_shows_what_it_does_while_it_is_written(office: Office) -> None:
    text = 'key = "a-1"\nnumber = 1\nparent = "national-1"\n[task.talk_held]\ndue = ["{due}"]\n'
    looks = Looks()
    with office.at_the_desk("admin") as page:
        page.goto("/admin/packages/edit?unit=A")
        page.get_by_label("Pakken som tekst").fill(text.format(due="R - 10 d"))
        page.locator("#preview").get_by_text("Tidligere").first.wait_for()
        page.get_by_label("Pakken som tekst").fill(text.format(due="R - 2 d"))
        page.locator("#preview").get_by_text("Linje 5").wait_for()
        assert page.get_by_label("Pakken som tekst").input_value().endswith('due = ["R - 2 d"]\n')
        looks.at(page, "a faulty package", html=None, known=True)
    assert looks.judged() == []

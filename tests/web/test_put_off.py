"""Who puts a row off takes it off the board alone; it is counted there and back with one press."""

from __future__ import annotations

import re
from datetime import date

from cases import desk as desks
from tests.people import COORDINATOR, make_case
from tests.web.browser import Page
from tests.web.conftest import Desk
from tests.web.test_snooze_undone import TASK, late, many
from tests.web.test_used_receipts import told

LIST = "/overdue?snoozed=only"


def put_off(desk: Desk, ref: str, days: int = 7) -> Page:
    coordinator = desk.of("coordinator")
    coordinator.get("/overdue")
    return coordinator.send("/overdue", {"do": f"snooze/{ref}/{TASK}/{days}"})


def test_it_stays_on_the_day_of_those_whose_task_it_is(desk: Desk) -> None:
    ref = late(desk)
    put_off(desk, ref)

    assert f'value="done/{ref}/{TASK}"' in desk.of("nurse").get("/today").text
    assert f'value="done/{ref}/{TASK}"' in desk.of("officer").get("/today").text


def test_the_board_says_how_many_and_shows_them_with_the_way_back(desk: Desk) -> None:
    ref, other, coordinator = late(desk), late(desk), desk.of("coordinator")
    assert "Vis utsatte" not in coordinator.get("/overdue").text
    put_off(desk, ref)

    board = coordinator.get("/overdue")
    assert 'href="/overdue?snoozed=only">Vis utsatte (1)</a>' in board.text
    page = coordinator.get(LIST)

    assert f'name="pick" value="{other}/{TASK}"' not in page.text
    assert "utsatt til tirs. 15.9. av Coordinator" in page.text
    assert f'value="snooze/{ref}/{TASK}/7"' not in page.text
    assert f'value="wake/{ref}/{TASK}"' in page.text
    coordinator.send(LIST, {"do": f"wake/{ref}/{TASK}"})
    assert "Ingenting er utsatt her." in coordinator.get(LIST).text
    assert f'name="pick" value="{ref}/{TASK}"' in coordinator.get("/overdue").text


def test_the_case_says_it_in_a_quiet_line(on_sqlite: Desk) -> None:
    ref = late(on_sqlite)
    put_off(on_sqlite, ref)
    for who in ("coordinator", "nurse", "officer"):
        page = on_sqlite.of(who).get(f"/cases/{ref}")
        assert "utsatt på tavlen til tirs. 15.9. av Coordinator" in page.text


def test_somebody_who_leaves_is_put_off_until_the_day_before_and_the_receipt_says_so(
    on_sqlite: Desk,
) -> None:
    with on_sqlite.db.write() as tx:
        soon = make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, 12)).ref
        tomorrow = make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, 9)).ref
    assert (told(put_off(on_sqlite, soon, 30)) or "").startswith("Utsatt til 11. september 2026:")
    coordinator = on_sqlite.of("coordinator")
    assert f'value="snooze/{tomorrow}/{TASK}/7"' not in coordinator.get("/overdue").text
    page = many(on_sqlite, "snooze-7", [tomorrow, late(on_sqlite)])
    assert "1 utsatt: Test Person." in page.text
    assert "1 kunne ikke føres" in page.text
    assert "oppgaven blir stående på tavlen" in page.text
    refused = many(on_sqlite, "snooze-7", [tomorrow])
    assert refused.status == 422
    assert "oppgaven blir stående på tavlen" in refused.text


def test_the_outsider_has_no_part_in_it(on_sqlite: Desk) -> None:
    ref = late(on_sqlite)
    put_off(on_sqlite, ref)
    page = on_sqlite.of("elsewhere").get(LIST)
    assert ref not in page.text
    assert "Vis utsatte" not in on_sqlite.of("elsewhere").get("/overdue").text


def test_somebody_of_several_units_stands_once_where_tasks_are_given(on_sqlite: Desk) -> None:
    late(on_sqlite)
    page = on_sqlite.of("coordinator").get("/overdue").text
    assert page.count(">Coordinator</option>") == 1


def test_paper_says_which_units_which_filter_when_and_which_rows(on_sqlite: Desk) -> None:
    late(on_sqlite)
    page = on_sqlite.of("coordinator").get("/overdue?span=week&owner=any&unit=A").text
    said = "A fengsel. Neste 7 dager · A fengsel · Hvem som helst. Rad 1–1 av 1."
    assert said in page, page[page.index('class="paper') :][:300]
    assert "Skrevet ut 8. september 2026 09.00" in page
    assert "<summary>Filter: Neste 7 dager · A fengsel" in page


def test_a_task_is_taken_back_only_where_that_is_chosen_and_a_refusal_keeps_the_choice(
    on_sqlite: Desk,
) -> None:
    """Nobody was chosen beforehand, and again after every refusal: "Gi" took tasks back."""
    desk = on_sqlite
    ref, coordinator = late(desk), desk.of("coordinator")
    with desk.db.read() as tx:
        who = {each.name: each.ref for each in desks.colleagues(tx, COORDINATOR, now=desk.now)}

    def give(to: str, code: str = TASK) -> Page:
        hidden = coordinator.get("/overdue").hidden("/overdue")
        return coordinator.post(
            "/overdue", [*hidden.items(), ("pick", f"{ref}/{code}"), ("to", to), ("do", "assign")]
        )

    def chosen(page: Page) -> str:
        options = page.text.split('id="f-to"')[1].split("</select>")[0]
        return next(iter(re.findall(r'value="([^"]*)" selected', options)), "")

    assert give(who["Nurse"]).status == 200
    refused = give("")
    assert refused.status == 422
    assert 'href="#f-to"' in refused.text
    assert "Velg hvem som skal ha oppgaven." in refused.text
    refused = give(who["Officer"], "naloxone_training")
    assert refused.status == 422
    assert chosen(refused) == who["Officer"]
    assert "gitt til Nurse" in coordinator.get(f"/cases/{ref}").text

    back = re.findall(r'<option value="([^"]*)">Ingen \(ta den tilbake\)', refused.text)
    assert "1 står uten en bestemt." in give(*back).text
    assert "gitt til" not in coordinator.get(f"/cases/{ref}").text


def test_who_was_given_a_task_reads_by_whom_and_others_to_whom(desk: Desk) -> None:
    ref, coordinator = late(desk), desk.of("coordinator")
    board = coordinator.get("/overdue")
    with desk.db.read() as tx:
        nurse = next(
            each.ref
            for each in desks.colleagues(tx, COORDINATOR, now=desk.now)
            if each.name == "Nurse"
        )
    hidden = board.hidden("/overdue")
    coordinator.post(
        "/overdue", [*hidden.items(), ("pick", f"{ref}/{TASK}"), ("to", nurse), ("do", "assign")]
    )

    for path in ("/today", "/overdue", f"/cases/{ref}"):
        assert "gitt til deg av Coordinator" in desk.of("nurse").get(path).text, path
        assert "gitt til Nurse" in desk.of("officer").get(path).text, path
        assert "gitt til Nurse" in coordinator.get(path).text, path

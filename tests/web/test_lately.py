"""What pages keep for a moment: never more than its reader may see, never what is no longer so."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Template

from cases import desk as desks
from cases import people, service, transfers, worklist
from cases.access import OPERATOR
from cases.people import NewPerson, PersonChange
from cases.task_line import Filter
from cases.vault import Identity
from tests.people import at, complete, make_case
from tests.web.browser import Browser
from tests.web.conftest import Desk
from web.pages import rendering
from web.pages.lately import ANSWERS_LIE, NAMES_LIE, Kept, Lately
from web.pages.visit import Visit

NOW = at("2026-09-08 09:00")
A_MINUTE = timedelta(minutes=1)
_FIELDS = re.compile(r'name="(csrf|once)" value="([^"]*)"')


def a_case(
    desk: Desk, first: str, last: str, *, unit: str = "A", admitted: str = "2026-09-01 06:00"
) -> tuple[str, str]:
    """Somebody of this name with something overdue: the case's reference and the person's."""
    with desk.db.write() as tx:
        new = NewPerson(Identity(f"K{first}", first, last, date(1990, 1, 1)))
        person = people.register(tx, new, now=at("2026-01-01 00:00"))
        return make_case(tx, person=person, unit=unit, admitted=admitted).ref, person.ref


@pytest.mark.parametrize("path", ["/today", "/overdue"])
def test_a_list_says_again_what_it_said(desk: Desk, path: str) -> None:
    a_case(desk, "Ane", "Prøvesen")
    coordinator = desk.of("coordinator")
    first, again = (coordinator.get(path).text for _ in range(2))

    def plain(text: str) -> str:
        return _FIELDS.sub(r"\1", text)

    assert "Ane Prøvesen" in first
    assert plain(first) == plain(again)
    assert all("\ue000" not in text and "\ue001" not in text for text in (first, again))


@pytest.mark.parametrize("path", ["/today", "/overdue"])
def test_every_form_of_a_kept_page_has_a_key_of_its_own(on_sqlite: Desk, path: str) -> None:
    a_case(on_sqlite, "Ane", "Prøvesen")
    coordinator = on_sqlite.of("coordinator")
    keys = [
        value
        for _ in range(3)
        for name, value in _FIELDS.findall(coordinator.get(path).text)
        if name == "once"
    ]

    assert len(keys) == len(set(keys)) >= 3


def test_nobody_sees_a_name_after_the_case_has_left_the_unit(desk: Desk) -> None:
    ref, _ = a_case(desk, "Ane", "Prøvesen")
    nurse = desk.of("nurse")
    assert "Ane Prøvesen" in nurse.get("/today").text
    with desk.db.write() as tx:
        case = transfers.propose_transfer(tx, OPERATOR, ref, "C", now=desk.now)
        given = case.transfers[-1].id
        transfers.answer_transfer(tx, OPERATOR, given, "accept", now=desk.now)

    assert "Prøvesen" not in nurse.get("/today").text
    assert "Ane Prøvesen" in desk.of("outsider").get("/today").text


def test_a_new_name_shows_at_once(desk: Desk) -> None:
    _, person = a_case(desk, "Ane", "Prøvesen")
    nurse = desk.of("nurse")
    assert "Ane Prøvesen" in nurse.get("/today").text
    with desk.db.write() as tx:
        people.change(tx, person, PersonChange(last_name="Nyhus"), now=desk.now)

    text = nurse.get("/today").text

    assert "Ane Nyhus" in text
    assert "Prøvesen" not in text


def test_a_task_done_elsewhere_is_gone_at_once(desk: Desk) -> None:
    ref, _ = a_case(desk, "Ane", "Prøvesen")
    officer = desk.of("officer")
    button = f"done/{ref}/brief_info"
    assert button in officer.get("/today").text
    with desk.db.write() as tx:
        case = service.answer_offer(tx, OPERATOR, ref, "accepted", now=desk.now)
        complete(tx, case, "brief_info", desk.now)

    assert button not in officer.get("/today").text


def test_what_is_kept_for_one_reader_is_not_shown_to_another(on_sqlite: Desk) -> None:
    desk = on_sqlite
    a_case(desk, "Ane", "Prøvesen", unit="B")
    a_case(desk, "Bo", "Annensen", unit="A")
    everything = desk.of("coordinator").get("/today").text
    mine = desk.of("nurse").get("/today").text

    assert "Prøvesen" in everything
    assert "Annensen" in everything
    assert "Coordinator" in everything
    assert "Annensen" in mine
    assert "Nurse" in mine
    assert "Prøvesen" not in mine
    assert "Coordinator" not in mine


def test_a_kept_page_follows_the_language_the_light_and_the_minute(on_sqlite: Desk) -> None:
    desk = on_sqlite
    a_case(desk, "Ane", "Prøvesen")
    nurse = desk.of("nurse")
    assert "kl. 09.00" in nurse.get("/today").text
    nurse.send("/choices", {"scheme": "dark"})
    assert 'data-color-scheme="dark"' in nurse.get("/today").text
    nurse.send("/choices", {"language": "en"})
    assert 'lang="en"' in nurse.get("/today").text
    desk.later(A_MINUTE)
    assert "09:01" in nurse.get("/today").text


def test_a_deadline_that_passes_is_late_at_once(on_sqlite: Desk) -> None:
    desk = on_sqlite
    a_case(desk, "Ane", "Prøvesen", admitted="2026-09-07 10:00")
    with desk.db.read() as tx:
        viewer = Filter(until=desk.now + timedelta(days=30))
        due = worklist.task_lines(tx, OPERATOR, viewer, now=desk.now)[0].due_at
    desk.later(due - desk.now - timedelta(seconds=1))
    coordinator = desk.of("coordinator")
    path = "/overdue?span=today"
    for _ in range(2):
        assert '<div class="late">' not in coordinator.get(path).text
    desk.later(timedelta(seconds=2))

    assert '<div class="late">' in coordinator.get(path).text


def test_what_people_typed_is_never_taken_for_a_place_to_be_filled_in(on_sqlite: Desk) -> None:
    desk = on_sqlite
    a_case(desk, "\ue000csrf\ue001", "\ue000x\ue001", admitted="2026-09-07 10:00")
    nurse = desk.of("nurse")
    for _ in range(2):
        page = nurse.get("/today")
        assert page.status == 200
        assert "\ue000csrf\ue001 \ue000x\ue001" in page.text


def test_a_count_is_new_after_ones_own_form_and_soon_after_anothers(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    monkeypatch.setattr("web.pages.overdue.PAGE", 1)
    refs = [a_case(desk, f"Ane{number}", "Prøvesen")[0] for number in range(3)]
    coordinator = desk.of("coordinator")

    def said() -> int:
        found = re.search(
            r'Frister <span class="count number">(\d+)', coordinator.get("/overdue").text
        )
        assert found is not None
        return int(found[1])

    before = said()
    assert before > 1
    with desk.db.write() as tx:
        service.answer_offer(tx, OPERATOR, refs[0], "declined", now=desk.now)
    desk.later(2 * ANSWERS_LIE)
    after = said()
    assert after < before

    pick = re.search(r'name="pick" value="([^"]+)"', coordinator.get("/overdue").text)
    assert pick is not None
    coordinator.send("/overdue", [("pick", pick[1]), ("do", "snooze-7")])
    assert said() == after - 1


def _counted(browser: Browser) -> int:
    found = re.search(r'Frister <span class="count number">(\d+)', browser.get("/overdue").text)
    assert found is not None
    return int(found[1])


def _first_pick(browser: Browser) -> str:
    found = re.search(r'name="pick" value="([^"]+)"', browser.get("/overdue").text)
    assert found is not None
    return found[1]


def test_a_look_while_ones_own_form_is_under_way_leaves_no_count_behind(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    monkeypatch.setattr("web.pages.overdue.PAGE", 1)
    for number in range(3):
        a_case(desk, f"Ane{number}", "Prøvesen")
    asked: list[tuple[str, Hashable]] = []
    count, snooze = Kept.answered, desks.snooze

    def noted(
        kept: Kept, account: str, what: Hashable, answer: Callable[[], Any], *, now: datetime
    ) -> Any:
        if answer.__qualname__.startswith("_count."):
            asked.append((account, what))
        return count(kept, account, what, answer, now=now)

    def looked_at_meanwhile(*given: Any, **named: Any) -> list[tuple[str, str]]:
        # Another window of the same person counts before this form is done.
        count(desk.app.state.lately, *asked[-1], lambda: before, now=desk.now)
        return snooze(*given, **named)

    monkeypatch.setattr(Kept, "answered", noted)
    monkeypatch.setattr(desks, "snooze", looked_at_meanwhile)
    coordinator = desk.of("coordinator")
    before, pick = _counted(coordinator), _first_pick(coordinator)
    coordinator.send("/overdue", [("pick", pick), ("do", "snooze-7")])

    assert _counted(coordinator) == before - 1


def test_the_count_beside_a_receipt_is_new_whichever_process_took_the_form(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    monkeypatch.setattr("web.pages.overdue.PAGE", 1)
    for number in range(3):
        a_case(desk, f"Ane{number}", "Prøvesen")
    coordinator = desk.of("coordinator")
    before, pick = _counted(coordinator), _first_pick(coordinator)
    assert coordinator.last is not None
    hidden = coordinator.last.hidden("/overdue")
    here, desk.app.state.lately = desk.app.state.lately, Kept()  # as of another process
    coordinator.post("/overdue", hidden | {"pick": pick, "do": "snooze-7"}, follow=False)
    desk.app.state.lately = here

    assert _counted(coordinator) == before - 1


def test_a_frame_is_written_once_a_minute_for_its_reader(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    a_case(desk, "Ane", "Prøvesen")
    made: list[str] = []
    real = rendering._template

    def noted(visit: Visit, template: str) -> Template:
        made.append(template)
        return real(visit, template)

    monkeypatch.setattr(rendering, "_template", noted)
    nurse, officer = desk.of("nurse"), desk.of("officer")
    desk.later(A_MINUTE)
    made.clear()
    for _ in range(3):
        nurse.get("/today")
    assert made == ["pages/today.html"]
    officer.get("/today")
    assert len(made) == 2
    desk.later(A_MINUTE)
    nurse.get("/today")
    assert len(made) == 3


def test_no_name_lies_longer_than_twice_its_time() -> None:
    kept: Lately[str] = Lately(lasts=NAMES_LIE, most=100)
    kept.keep("a", "Ane", now=NOW)
    assert kept.find("a", now=NOW + NAMES_LIE) == "Ane"
    assert kept.find("a", now=NOW + 2 * NAMES_LIE) is None
    assert len(kept) == 0
    kept.keep("a", "Ane", now=NOW)
    assert kept.find("b", now=NOW + timedelta(hours=1)) is None
    assert len(kept) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_whatever_is_kept_is_no_older_than_twice_its_time_and_no_more_than_the_most(
    asked: list[tuple[int, int]],
) -> None:
    kept: Lately[int] = Lately(lasts=timedelta(seconds=60), most=8)
    now = NOW
    for key, later in asked:
        now += timedelta(seconds=later)
        found = kept.find(key, now=now)
        if found is None:
            kept.keep(key, int(now.timestamp()), now=now)
        else:
            assert now.timestamp() - found <= 120
        assert len(kept) <= 8 + 1

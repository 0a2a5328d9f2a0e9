"""How much waits with whom, and the way from a number to the very tasks that were counted."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

from cases import desk as verbs
from cases import worklist
from cases.access import Viewer
from cases.model import Role
from tests.people import make_case
from tests.web.conftest import Desk
from web.pages.workload import board_of

COUNTED = re.compile(r'<a class="ds-link(?: late)?" href="([^"]+)" aria-label="(\d+) ')


def test_a_number_leads_to_the_tasks_it_counts(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        refs = [
            make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, day)).ref
            for day in (15, 20, 23)
        ]
        viewer = Viewer("somebody", Role.COORDINATOR, frozenset({"A"}))
        officer = next(
            each.ref
            for each in verbs.colleagues(tx, viewer, now=desk.now)
            if each.role == "officer"
        )
        held = [(ref, "talk_held") for ref in refs[:2]]
        verbs.assign(tx, viewer, held, officer, now=desk.now)
        verbs.snooze(tx, viewer, held[:1], 7, now=desk.now)
    coordinator = desk.of("coordinator")

    found = COUNTED.findall(coordinator.get("/workload").text)

    assert len(found) > 3
    assert any(f"whose={officer}" in path for path, _ in found)
    assert any("whose=nobody" in path for path, _ in found)
    for path, count in found:
        board = coordinator.get(unescape(path)).text
        assert board.count('name="pick"') == int(count), path
    given = coordinator.get(f"/overdue?span=fortnight&whose={officer}&snoozed=1").text
    assert "Gitt til Officer" in given
    assert "Ikke gitt til noen" in coordinator.get("/overdue?span=fortnight&whose=nobody").text


def test_an_account_of_another_place_is_not_named_and_has_nothing_here(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, 15))
    page = desk.of("coordinator").get("/overdue?span=fortnight&whose=abcdefgh").text

    assert "Gitt til –" in page
    assert 'name="pick"' not in page


def test_where_nothing_waits_the_page_leads_on(on_sqlite: Desk) -> None:
    page = on_sqlite.of("coordinator").get("/workload").text

    assert "Ingenting venter de neste 14 dagene." in page
    assert 'href="/overdue?span=month"' in page


def test_what_is_late_is_the_boards_own_span() -> None:
    load = worklist.Load("A", "health", None, 3, 1)

    assert board_of(load, span="late") == "/overdue?unit=A&owner=health&whose=nobody&snoozed=1"

"""A talk that was held needs no booking: the lists are no redder about it than the case's page."""

from __future__ import annotations

from datetime import date

from tests.people import at, complete, make_case
from tests.web.browser import Page
from tests.web.conftest import Desk

SAID = "Samtalen er holdt: før også avtalen som gjort."


def row_of(page: Page, ref: str) -> str:
    """What a list says of the booking of somebody's talk."""
    before, _, after = page.text.partition(f"done/{ref}/talk_booked")
    return before[before.rindex('<div class="task') :] + after[:200]


def test_a_booking_is_red_until_the_talk_was_held(desk: Desk) -> None:
    with desk.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 9, 25), answer="accepted")
    desk.clock[0] = at("2026-09-18 09:00")
    coordinator = desk.of("coordinator")
    for path in ("/today", "/overdue?owner=coordinator"):
        row = row_of(coordinator.get(path), case.ref)
        assert 'class="late"' in row
        assert SAID not in row

    with desk.db.write() as tx:
        complete(tx, case, "talk_held", at("2026-09-17 10:00"), form="individual")

    for path in ("/today", "/overdue?owner=coordinator", f"/cases/{case.ref}"):
        row = row_of(coordinator.get(path), case.ref)
        assert 'class="late"' not in row, path
        assert SAID in row, path
    assert SAID in coordinator.get("/today").text

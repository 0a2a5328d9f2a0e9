"""The tour of the first sign-in, and the training day of a demo."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from cases.journal import SYSTEM_SCOPE
from cases.model import Role
from cases.tables import access_log
from core.clock import from_local
from tests.web.conftest import STAFF, Desk
from web.pages.menu import home_of
from web.pages.tour import STOPS
from web.pages.training import AHEAD, BEGINS, offers

TOUR = "Kort omvisning"


def test_every_role_has_a_tour_of_a_few_stops() -> None:
    assert set(STOPS) == set(Role) - {Role.OPERATOR}
    assert all(3 <= len(stops) <= 5 for stops in STOPS.values())


@pytest.mark.parametrize("who", STAFF)
def test_the_first_page_of_every_role_shows_the_tour_and_no_other_page_does(
    on_sqlite: Desk, who: str
) -> None:
    browser, role = on_sqlite.of(who), STAFF[who][0]
    stops = STOPS[role]
    for number, stop in enumerate(stops, start=1):
        shown = browser.get(home_of(role)).text
        assert stop.heading in shown
        assert f"{TOUR}, {number} av {len(stops)}" in shown
        browser.send("/tour", {"go": "on"})
        assert f"{TOUR}," not in browser.get("/help").text
    assert TOUR not in browser.get(home_of(role)).text


def test_whoever_skips_it_never_sees_it_again_on_any_machine(desk: Desk) -> None:
    first = desk.of("nurse")
    assert TOUR in first.get("/today").text
    first.send("/tour", {"go": "end"})
    assert TOUR not in first.get("/today").text
    desk.signed.clear()
    assert TOUR not in desk.of("nurse").get("/today").text
    assert TOUR in desk.of("officer").get("/today").text


def test_it_goes_back_no_further_than_the_beginning_and_can_be_taken_again(desk: Desk) -> None:
    browser = desk.of("nurse")
    browser.get("/today")
    browser.send("/tour", {"go": "back"})
    assert f"{TOUR}, 1 av 4" in browser.get("/today").text
    browser.send("/tour", {"go": "end"})
    assert "Ta omvisningen igjen" in browser.get("/help").text
    browser.send("/tour", {"go": "again"})
    assert f"{TOUR}, 1 av 4" in browser.get("/today").text


def test_whoever_is_not_signed_in_is_shown_no_tour(on_sqlite: Desk) -> None:
    assert TOUR not in on_sqlite.browser().get("/sign-in").text
    assert "Ta omvisningen igjen" not in on_sqlite.browser().get("/help").text


# --- a training day ------------------------------------------------------------------------------


def test_days_worth_training_on_lie_ahead_of_a_thursday_in_november() -> None:
    found = {offer.on for offer in offers(date(2026, 11, 26))}
    assert found == {
        date(2026, 11, 27),  # Friday
        date(2026, 11, 30),  # Monday
        date(2026, 12, 28),  # after Christmas and the weekend
        date(2027, 1, 19),  # the third tertial is due
    }


@pytest.mark.parametrize("month", range(1, 13))
def test_on_every_day_of_a_year_there_are_days_to_train_on_and_none_is_behind(month: int) -> None:
    for number in range(1, 29):
        today = date(2027, month, number)
        found = offers(today)
        assert len(found) >= 2
        assert all(0 < (offer.on - today).days <= AHEAD for offer in found)
        assert found == sorted(found, key=lambda offer: offer.on)


def test_a_chosen_day_is_the_day_of_everybody_and_the_log_tells_who_chose_it(desk: Desk) -> None:
    nurse, coordinator = desk.of("nurse"), desk.of("coordinator")
    on = offers(desk.now.date())[0].on
    assert "Øvingsdag:" not in coordinator.get("/overdue").text
    nurse.get("/training")
    nurse.send("/training", {"on": on.isoformat()})
    house = desk.app.state.house
    assert house.now() == from_local(on, BEGINS)
    assert "Øvingsdag:" in coordinator.get("/overdue").text
    with desk.db.read() as tx:
        told = tx.execute(
            select(access_log.c.role, access_log.c.scope).where(
                access_log.c.verb == "training_day_chosen"
            )
        ).all()
    assert told == [("health", SYSTEM_SCOPE)]
    coordinator.get("/training")
    coordinator.send("/training", {"on": "now"})
    assert house.now() == desk.now
    assert "Øvingsdag:" not in nurse.get("/today").text


@pytest.mark.parametrize(
    "typed", ["", "tull", "31.2.2027", "26.11.2020", "1.1.2090", "2026-09-01", "\x00"]
)
def test_a_day_that_cannot_be_is_refused_with_the_way_out(on_sqlite: Desk, typed: str) -> None:
    browser = on_sqlite.of("nurse")
    browser.get("/training")
    page = browser.send("/training", {"other": typed})
    assert page.status == 422
    assert "Dette må rettes" in page.text
    assert on_sqlite.app.state.house.now() == on_sqlite.now


def test_a_house_with_real_people_has_no_training_day(on_sqlite: Desk) -> None:
    browser, state = on_sqlite.of("nurse"), on_sqlite.app.state
    form = browser.get("/training").hidden("/training")
    state.house = replace(state.house, demo=False, training=None)
    assert browser.get("/training").status == 404
    assert browser.post("/training", {**form, "on": "2026-10-01"}).status == 404
    assert "/training" not in browser.get("/today").text

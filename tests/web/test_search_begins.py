"""The beginning of an inmate number finds whom it may mean, in own units alone."""

from __future__ import annotations

from cases import people
from cases.people import NewPerson
from cases.vault import Identity
from tests.people import at, make_case
from tests.web.conftest import Desk


def somebody(desk: Desk, number: str, unit: str = "A") -> str:
    with desk.db.write() as tx:
        new = NewPerson(Identity(number, "Kari", f"Nr{number}", None))
        person = people.register(tx, new, now=at("2026-08-01 08:00"))
        return make_case(tx, person=person, unit=unit).ref


def test_the_beginning_of_a_number_finds_whom_it_may_mean(desk: Desk) -> None:
    first, second = somebody(desk, "101049"), somebody(desk, "101119")
    other, foreign = somebody(desk, "510100"), somebody(desk, "101200", unit="C")
    nurse = desk.of("nurse")
    nurse.get("/search")

    page = nurse.send("/search", {"text": "101"})

    assert first in page.text
    assert second in page.text
    assert other not in page.text
    assert foreign not in page.text
    desk.of("outsider").get("/search")
    assert foreign in desk.of("outsider").send("/search", {"text": "101 2"}).text


def test_a_part_from_the_middle_says_the_way_out(on_sqlite: Desk) -> None:
    somebody(on_sqlite, "101049")
    nurse = on_sqlite.of("nurse")
    nurse.get("/search")
    page = nurse.send("/search", {"text": "049"})
    assert "Skriv hele nummeret, begynnelsen av det, eller en del av navnet." in page.text
    assert nurse.send("/search", {"text": "101049"}).url.startswith("/cases/")

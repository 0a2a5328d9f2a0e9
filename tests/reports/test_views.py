"""Who gets which figures of a tertial, and that the published ones are decided once."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Connection, func, select

from cases.access import OPERATOR, Viewer
from cases.model import Protection, Role
from core.db import Database
from core.errors import BadInput, NotAllowed, NotFound, Refused
from reports.attack import recovered
from reports.figures import Report, cells
from reports.publish import directorate_report, earlier_publications
from reports.tables import published_cell, report
from reports.tertial import Period
from reports.views import tertial_report
from tests.people import COORDINATOR, NURSE, OUTSIDER, at, make_case, make_person

T3 = Period.parse("2026-T3")
NOW = at("2026-10-01 08:00")
DIRECTORATE = Viewer("kdi", Role.DIRECTORATE)
ADMIN = Viewer("admin", Role.ADMIN)


def seen(
    db: Database, viewer: Viewer = OPERATOR, *, now: datetime = NOW, **asked: object
) -> Report:
    return tertial_report(db, viewer, T3, now=now, threshold=5, **asked)  # type: ignore[arg-type]


def some_cases(tx: Connection, unit: str, number: int, **more: str) -> None:
    for _ in range(number):
        make_case(tx, unit=unit, **more)  # type: ignore[arg-type]


@pytest.fixture
def filled(db: Database) -> Database:
    with db.write() as tx:
        some_cases(tx, "A", 7, answer="accepted")
        some_cases(tx, "B", 2, answer="accepted")
        some_cases(tx, "C", 6, answer="declined")
    return db


def test_a_small_number_is_hidden_and_so_is_what_would_give_it_back(filled: Database) -> None:
    report_ = seen(filled)

    assert report_.view == "directorate"
    assert report_.units["B"]["I3"].suppressed
    assert report_.regions["Øst"]["I3"].suppressed
    # 15 cases nationally and 2 in B: without one more hidden unit it would be 15 - 7 - 6.
    hidden = [
        place
        for place, figures in {"": report_.nation, **report_.units}.items()
        if figures["tasks_done.offer_answered"].suppressed
    ]
    assert len(hidden) >= 2
    assert report_.units["C"]["I4"].numerator in (0, None)


def test_who_asks_again_gets_the_stored_answer(filled: Database) -> None:
    first = seen(filled)
    with filled.read() as tx:
        stored = tx.execute(select(func.count()).select_from(published_cell)).scalar_one()
        told = tx.execute(select(published_cell).where(published_cell.c.hidden)).mappings().all()

    assert stored == len(list(cells(first)))
    assert told
    assert all(row["numerator"] is None and row["denominator"] is None for row in told)
    assert seen(filled) == first
    with filled.read() as tx:
        assert tx.execute(select(func.count()).select_from(report)).scalar_one() == 1


def test_a_page_gets_one_cut_in_each_stage_of_a_period_however_often_it_is_asked(
    filled: Database,
) -> None:
    first = seen(filled, DIRECTORATE)
    with filled.write() as tx:
        some_cases(tx, "A", 1, admitted="2026-10-01 09:00")

    for later in ("2026-10-01 12:00", "2026-10-02 08:00", "2026-10-31 23:59"):
        assert seen(filled, DIRECTORATE, now=at(later)) == first
    half = seen(filled, DIRECTORATE, now=at("2026-11-01 00:00"))
    assert half.as_of == at("2026-11-01 00:00")
    assert seen(filled, DIRECTORATE, now=at("2026-12-31 23:59")) == half
    ended = seen(filled, DIRECTORATE, now=at("2027-01-01 00:00"))
    assert seen(filled, DIRECTORATE, now=at("2027-01-18 08:00")) == ended
    assert seen(filled, now=at("2026-10-02 08:30")).as_of == at("2026-10-02 08:30")


def test_every_cut_that_everybody_saw_is_attacked_and_the_command_lines_newest(
    filled: Database,
) -> None:
    for stage in ("2026-10-01 08:00", "2026-11-01 08:00", "2027-01-02 08:00"):
        seen(filled, DIRECTORATE, now=at(stage))
    for day in range(10, 15):
        seen(filled, now=at(f"2026-11-{day} 08:00"))

    with filled.read() as tx:
        before = earlier_publications(tx, T3)

    assert [each.report.as_of for each in before] == [
        at(f"{when} 08:00")
        for when in ("2026-10-01", "2026-11-01", "2026-11-13", "2026-11-14", "2027-01-02")
    ]


def test_kode_6_stands_in_no_published_figure_and_in_the_units_own(db: Database) -> None:
    with db.write() as tx:
        some_cases(tx, "A", 8, answer="accepted")
        hidden = make_person(tx, protection=Protection.STRICTLY_CONFIDENTIAL)
        make_case(tx, unit="A", answer="accepted", person=hidden)

    assert seen(db).nation["I1"].numerator == 8
    assert seen(db).nation["I3"].denominator == 8
    assert seen(db, NURSE, view="unit", unit="A").units["A"]["I3"].denominator == 9
    assert "kode 6" in " ".join(seen(db).seal.notes)  # type: ignore[union-attr]


def test_a_units_own_view_is_for_those_who_work_there(filled: Database) -> None:
    assert seen(filled, NURSE, view="unit", unit="A").units["A"]["I3"].denominator == 7
    assert seen(filled, COORDINATOR, view="unit", unit="B").units["B"]["I3"].denominator == 2
    for viewer in (OUTSIDER, NURSE):
        with pytest.raises(NotFound):
            seen(filled, viewer, view="unit", unit="B")
    for viewer in (DIRECTORATE, ADMIN):
        with pytest.raises(NotAllowed):
            seen(filled, viewer, view="unit", unit="A")


def test_everybody_may_see_what_is_published(filled: Database) -> None:
    assert seen(filled, OUTSIDER) == seen(filled, DIRECTORATE)


def test_only_the_command_line_chooses_an_instant(filled: Database) -> None:
    with pytest.raises(NotAllowed):
        seen(filled, DIRECTORATE, as_of=at("2026-09-15 08:00"))
    assert seen(filled, as_of=at("2026-09-15 08:00")).as_of == at("2026-09-15 08:00")


def test_one_unit_or_one_region_stands_beside_the_nation(filled: Database) -> None:
    one = seen(filled, unit="A")
    assert (list(one.units), one.regions) == (["A"], {})
    assert one.nation == seen(filled).nation
    other = seen(filled, region="Vest")
    assert (list(other.regions), other.units) == (["Vest"], {})


@pytest.mark.parametrize(
    "asked",
    [
        {"view": "unit"},
        {"view": "unit", "unit": "A", "region": "Vest"},
        {"view": "unit", "unit": "Z"},
        {"view": "everything"},
        {"unit": "Z"},
        {"region": "Utlandet"},
        {"region": "Vest", "unit": "A"},
    ],
)
def test_what_cannot_be_shown_is_bad_input(db: Database, asked: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        seen(db, **asked)  # type: ignore[arg-type]


def test_what_cannot_be_published_is_refused(db: Database) -> None:
    with pytest.raises(Refused, match="begins on 2027-01-01"):
        directorate_report(db, Period.parse("2027-T1"), now=NOW, threshold=5)
    with pytest.raises(NotFound, match="no frozen revision 1"):
        seen(db, revision=1)
    with pytest.raises(BadInput, match="at least 3"):
        directorate_report(db, T3, now=NOW, threshold=2)


def test_a_later_cut_does_not_give_the_earlier_one_back(filled: Database) -> None:
    seen(filled)
    with filled.write() as tx:
        some_cases(tx, "B", 4, admitted="2026-10-01 09:00", answer="accepted")
    seen(filled, now=at("2026-10-03 08:00"))
    with filled.read() as tx:
        first, second = earlier_publications(tx, T3)

    assert recovered([first.published()], second.published()) == []

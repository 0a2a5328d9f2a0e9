"""What a unit learns from itself: the funnel, chance, and charts that everybody can read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from cases.access import Viewer
from cases.model import Role
from core.db import Database
from core.errors import BadInput, NotAllowed, NotFound, Refused
from reports import charts
from reports.figures import Figure, share
from reports.learning import LEAST_POINTS, RUN, funnel, p_chart, wilson
from reports.own_unit import learned
from reports.periods import periods_until
from reports.tertial import Period
from tests.people import NURSE, OUTSIDER, at, make_case
from tests.reports.national import Nation

T3 = Period.parse("2026-T3")
NOW = at("2026-12-01 08:00")
HIDDEN = Figure(None, None, None, suppressed=True)


@given(st.integers(0, 200).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d))))
def test_an_interval_holds_its_share_and_small_numbers_leave_it_wide(pair: tuple[int, int]) -> None:
    numerator, denominator = pair
    low, high = wilson(numerator, denominator)
    assert 0 <= low <= high <= 1
    if denominator:
        assert low <= numerator / denominator + 1e-9
        assert high >= numerator / denominator - 1e-9
        more = wilson(numerator * 10, denominator * 10)
        assert more[1] - more[0] < high - low


def test_an_interval_is_that_of_the_textbook() -> None:
    # Newcombe 1998, table I: 81 of 263.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_chance_is_told_from_a_change() -> None:
    steady = [(f"p{n}", 10 + n % 2, 20) for n in range(6)]
    assert not any(point.signal for point in p_chart(steady).points)
    jumped = p_chart([*steady, ("high", 20, 20)])
    assert [point.signal for point in jumped.points] == [None] * 6 + ["above"]
    fell = p_chart([*steady, ("low", 0, 20)])
    assert fell.points[-1].signal == "below"


def test_eight_in_a_row_on_one_side_are_no_chance() -> None:
    rows = [(f"low{n}", 9, 20) for n in range(RUN)] + [(f"high{n}", 11, 20) for n in range(RUN)]
    signals = [point.signal for point in p_chart(rows).points]
    assert [n for n, signal in enumerate(signals) if signal == "run"] == [RUN - 1, 2 * RUN - 1]


def test_too_few_tertials_say_nothing_and_an_empty_one_breaks_nothing() -> None:
    few = p_chart([("a", 0, 10), ("b", 10, 10), ("c", 0, 0)])
    assert (few.enough, [point.signal for point in few.points]) == (False, [None] * 3)
    assert few.points[2].value is None
    assert p_chart([("a", 0, 0)]).centre is None
    assert p_chart([(str(n), 1, 2) for n in range(LEAST_POINTS)]).enough


def test_a_unit_sees_where_its_own_cases_fall_out(db: Database) -> None:
    with db.write() as tx:
        for _ in range(2):
            make_case(tx, answer="accepted", released="2026-10-01 10:00")
        make_case(tx, answer="declined")
        make_case(tx, unit="B", answer="accepted")
        found = learned(tx, NURSE, T3, "A", now=NOW)

        assert [(s.name, s.reached, s.of, s.lost) for s in found.funnel][:3] == [
            ("offered", 3, 3, 0), ("accepted", 2, 3, 1), ("trained", 0, 2, 2),
        ]  # fmt: skip
        assert (found.first_days, found.without_appointment) == ({}, 2)
        assert [name for name, _ in found.over_time] == ["2026-T3"], "nobody was there before"
        for viewer, refused in (
            (OUTSIDER, NotFound),
            (Viewer("kdi", Role.DIRECTORATE), NotAllowed),
        ):
            with pytest.raises(refused):
                learned(tx, viewer, T3, "A", now=NOW)
        with pytest.raises(BadInput):
            learned(tx, NURSE, T3, "A", now=NOW, indicator="I1")
        with pytest.raises(Refused):
            learned(tx, NURSE, Period.parse("2027-T2"), "A", now=NOW)


def test_periods_go_back_over_new_year() -> None:
    assert [str(each) for each in periods_until(Period.parse("2026-T2"), 4)] == [
        "2025-T2", "2025-T3", "2026-T1", "2026-T2",
    ]  # fmt: skip


def drawings() -> dict[str, charts.Drawing]:
    nation = Nation.of(4, units=6, size=20).report()
    hidden = {**nation.units, "u00": {**nation.units["u00"], "I4": HIDDEN}}
    return {
        "trend": charts.trend("I13", [("2025-T1", share(2, 5)), ("2025-T2", HIDDEN)], "<A> & B"),
        "units": charts.units_against_nation(replace(nation, units=hidden), "I4"),
        "funnel": charts.funnel_chart(funnel(nation.nation), "landet"),
        "days": charts.days_chart({0: 2, 3: 1}, 4, "A"),
        "control": charts.control_chart("I13", p_chart([(str(n), 1, 2) for n in range(6)]), "A"),
        "empty": charts.days_chart({}, 0, "A"),
    }


def test_a_chart_has_a_name_a_description_words_of_its_own_and_no_script() -> None:
    for name, drawing in drawings().items():
        root = ElementTree.fromstring(drawing.svg)
        space = "{http://www.w3.org/2000/svg}"
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"] == drawing.title
        assert root[0].tag == f"{space}title"
        assert root[0].text == drawing.title
        assert root[1].text == drawing.says
        assert [each for each in root.iter() if each.tag == f"{space}script"] == [], name
        assert not any(key.startswith("on") for each in root.iter() for key in each.attrib)
        if name != "empty":
            assert [each.text for each in root.iter(f"{space}text") if each.text]
            assert any(number in drawing.says for number in "123456789")


def test_a_chart_is_drawn_alike_every_time_and_names_what_it_leaves_out() -> None:
    one, other = drawings(), drawings()
    assert {name: each.svg for name, each in one.items()} == {
        name: each.svg for name, each in other.items()
    }
    assert "Skjult (små tall): u00" in one["units"].says
    assert "u00" not in one["units"].svg.decode().split("</desc>")[1]
    assert "Skjult (små tall): 2025-T2" in one["trend"].says

"""Cells, their rounding, their comparison, and how they are written."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.export_csv import as_csv
from reports.figures import Figure, Report, as_json, compare, count, of_unit, percent, share
from tests.people import at

REPORT = Report(
    period="2026-T3",
    due_on=date(2027, 1, 19),
    as_of=at("2026-10-01 08:00"),
    nation={"I1": count(3), "I3": share(2, 3)},
    regions={"Vest": {"I1": count(3), "I3": share(2, 3)}},
    units={
        "A": {"I1": count(2), "I3": share(0, 0)},
        "=B": {"I1": count(1), "I3": share(2, 3, pending=4)},
    },
)


@pytest.mark.parametrize(
    ("numerator", "denominator", "value"),
    [(1, 3, 0.3333), (2, 3, 0.6667), (1, 32, 0.0313), (3, 32, 0.0938), (5, 5, 1.0), (0, 7, 0.0)],
)
def test_shares_have_four_decimals_halves_rounded_up(
    numerator: int, denominator: int, value: float
) -> None:
    assert share(numerator, denominator).value == value


@given(st.integers(1, 100_000).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d))))
def test_a_rounded_share_is_the_nearest(pair: tuple[int, int]) -> None:
    numerator, denominator = pair
    value = share(numerator, denominator).value
    assert value is not None

    rounded = Fraction(round(value * 10_000), 10_000)

    assert abs(rounded - Fraction(numerator, denominator)) <= Fraction(1, 20_000)
    assert float(rounded) == value


@pytest.mark.parametrize(
    ("numerator", "denominator", "said"),
    [(32, 39, "82,1 %"), (9, 41, "22,0 %"), (2, 3, "66,7 %"), (1, 80, "1,3 %"), (7, 7, "100,0 %"),
     (0, 7, "0,0 %"), (0, 0, "–")],
)  # fmt: skip
def test_a_share_is_told_in_tenths_of_a_per_cent_rounded_once(
    numerator: int, denominator: int, said: str
) -> None:
    assert percent(share(numerator, denominator)) == said


def test_of_nothing_there_is_no_share() -> None:
    assert share(0, 0) == Figure(None, 0, 0)


def test_a_count_is_its_own_numerator() -> None:
    assert count(7) == Figure(7, 7, None)


def test_json_is_as_the_interfaces_say() -> None:
    written = json.loads(json.dumps(as_json(of_unit(REPORT, "=B"))))

    assert written == {
        "period": "2026-T3",
        "due_on": "2027-01-19",
        "state": "open",
        "revision": 0,
        "view": "unit",
        "as_of": "2026-10-01T08:00:00+02:00",
        "nation": {},
        "regions": {},
        "units": {
            "=B": {
                "I1": {
                    "value": 1,
                    "numerator": 1,
                    "denominator": None,
                    "pending": None,
                    "suppressed": False,
                },
                "I3": {
                    "value": 0.6667,
                    "numerator": 2,
                    "denominator": 3,
                    "pending": 4,
                    "suppressed": False,
                },
            }
        },
    }


def test_a_difference_names_its_cell_at_every_level() -> None:
    other = replace(
        REPORT,
        nation={**REPORT.nation, "I3": share(1, 3)},
        regions={},
        units={**REPORT.units, "A": {"I1": count(2)}},
    )

    assert [str(difference) for difference in compare(REPORT, other)] == [
        "nation I3: 2/3 against 1/3",
        "region Vest I1: 3 against nothing",
        "region Vest I3: 2/3 against nothing",
        "unit A I3: 0/0 against nothing",
    ]
    assert compare(REPORT, REPORT) == []


def test_csv_is_one_line_for_each_cell_for_norwegian_spreadsheets() -> None:
    written = as_csv(REPORT)

    assert written.startswith(
        b"\xef\xbb\xbfperiod;as_of;state;revision;view;level;place;indicator;"
    )
    assert written.count(b"\r\n") == written.count(b"\n") == 9
    lines = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig")), delimiter=";"))
    assert [(line["level"], line["place"], line["indicator"]) for line in lines][:4] == [
        ("nation", "", "I1"),
        ("nation", "", "I3"),
        ("region", "Vest", "I1"),
        ("region", "Vest", "I3"),
    ]
    last = lines[-1]
    assert (last["value"], last["numerator"], last["denominator"], last["pending"]) == (
        "0,6667",
        "2",
        "3",
        "4",
    )


def test_csv_leaves_a_share_of_nothing_empty() -> None:
    line = as_csv(REPORT).decode().splitlines()[6]

    assert line.endswith(";unit;A;I3;;0;0;")


def test_csv_shows_a_hidden_cell_as_a_colon_and_never_as_a_number() -> None:
    hidden = Figure(None, None, None, suppressed=True)

    lines = as_csv(replace(REPORT, nation={"I1": hidden}, regions={}, units={})).decode()

    assert lines.splitlines()[1].endswith(";nation;;I1;:;:;:;")


def test_csv_holds_no_formula() -> None:
    assert b";'=B;" in as_csv(REPORT)
    assert b";=" not in as_csv(REPORT)

"""`sweep`, `deliver` and `tertial`: what they print and where it goes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.app.databases import behind
from tests.app.shell import Shell

ROSTER = Path(__file__).parents[1] / "data" / "roster-2026-09-01.csv"
NOW = "2026-09-01T08:00+02:00"
UNIT = ("--view", "unit", "--unit", "bergen")


def test_sweeping_twice_does_nothing_the_second_time(any_house: Shell) -> None:
    first = any_house("sweep", "--json", now="2026-09-04T16:00").json
    second = any_house("sweep", "--json", now="2026-09-04T16:00").json

    assert first["notices"] > 0
    assert set(first) == set(second) == {"notices", "missed", "phase_changes", "closed"}
    assert set(second.values()) == {0}
    assert any_house("sweep", now="2026-09-04T16:00").out == (
        "0 notices, 0 missed, 0 phase changes, 0 closed\n"
    )


def test_an_empty_outbox_is_delivered_without_a_word_more(house: Shell) -> None:
    answer = house("deliver", "--json", now=NOW)

    assert answer.json == {
        "accepted": 0, "refused": 0, "unknown": 0, "needs_person": 0, "expired": 0, "cancelled": 0,
    }  # fmt: skip
    assert answer.err == ""


def test_without_an_sms_service_what_is_due_is_said_to_be_shown_and_not_sent(
    released: Shell,
) -> None:
    answer = released("deliver", now="2026-11-30T14:01+01:00")

    assert answer.out == (
        "1 shown, not sent, 0 refused, 0 unknown, 0 needs person, 0 expired, 0 cancelled\n"
    )
    assert "Påminning" in answer.err
    (told,) = (m for m in released.case("101000")["messages"] if m["state"] == "accepted")
    assert told["why"] == "shown_only"


def test_the_directorates_view_is_the_default_and_hides_small_numbers(house: Shell) -> None:
    seen = house("tertial", "2026-T3", "--format", "json", now=NOW).json

    assert (seen["view"], seen["state"], seen["revision"]) == ("directorate", "open", 0)
    figures = [
        figure
        for places in ({"": seen["nation"]}, seen["regions"], seen["units"])
        for place in places.values()
        for figure in place.values()
    ]
    assert any(figure["suppressed"] for figure in figures)
    for figure in figures:
        numbers = [figure["numerator"], figure["denominator"]]
        assert figure["suppressed"] == (figure["numerator"] is None)
        assert not any(0 < (number or 0) < 5 for number in numbers)
    assert house("tertial", "2026-T3", "--format", "json", now=NOW).json == seen
    one = house("tertial", "2026-T3", "--region", "Vest", "--format", "json", now=NOW).json
    assert list(one["regions"]) == ["Vest"]
    assert one["nation"] == seen["nation"]


def test_a_unit_is_named_by_code_name_or_alias_and_must_exist(house: Shell) -> None:
    by_code = house("tertial", "2026-T3", *UNIT, now=NOW).json
    by_name = house(
        "tertial", "2026-T3", "--view", "unit", "--unit", "Bergen fengsel", now=NOW
    ).json

    assert by_code == by_name
    assert (by_code["nation"], by_code["regions"], list(by_code["units"])) == ({}, {}, ["bergen"])
    house("tertial", "2026-T3", "--view", "unit", "--unit", "atlantis", now=NOW, code=2)
    house("tertial", "2026-T3", "--view", "unit", now=NOW, code=2)


@pytest.mark.parametrize("words", [("--format", "json"), ()])
def test_a_report_goes_to_a_file_in_the_format_of_its_name(
    house: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = tmp_path / "report.json"

    answer = house("tertial", "2026-T3", *UNIT, *words, "-o", out, now=NOW)

    assert answer.out == ""
    assert json.loads(out.read_text())["units"]["bergen"]["I3"]["denominator"] >= 0


def test_a_report_as_csv_opens_in_a_norwegian_spreadsheet(house: Shell, tmp_path: Path) -> None:
    out = tmp_path / "report.csv"

    house("tertial", "2026-T3", *UNIT, "-o", out, now=NOW)

    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert {row["place"] for row in rows} == {"bergen"}


@pytest.mark.parametrize("form", ["xlsx", "pdf"])
def test_a_published_report_in_every_format_comes_from_what_is_stored(
    house: Shell, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"report.{form}"

    house("tertial", "2026-T3", "-o", out, now=NOW)
    once = out.read_bytes()
    house("tertial", "2026-T3", "--format", form, "-o", out, now=NOW)

    assert once == out.read_bytes()
    assert once[:4] in (b"PK\x03\x04", b"%PDF")


def test_a_file_that_was_changed_is_found_out(house: Shell, tmp_path: Path) -> None:
    out = tmp_path / "report.csv"
    house("tertial", "2026-T3", "-o", out, now=NOW)

    assert "is as published" in house("tertial-verify", out, now=NOW).out
    out.write_bytes(out.read_bytes().replace(b";I1;0;0;", b";I1;7;7;", 1))
    assert "nation I1: 7, published 0" in house("tertial-verify", out, now=NOW, code=1).err
    house("tertial-verify", tmp_path / "none.csv", now=NOW, code=2)


def test_a_report_of_a_time_to_come_is_refhouse(house: Shell) -> None:
    assert "begins on 2027-01-01" in house("tertial", "2027-T1", *UNIT, now=NOW, code=1).err


def test_a_recount_that_differs_is_told_and_fails(any_house: Shell) -> None:
    any_house("participation", "101000", "accepted", now="2026-09-02T09:00")
    assert (
        "the same"
        in any_house("tertial", "2026-T3", *UNIT, "--recount", now="2026-09-03T09:00").err
    )
    behind(any_house, "UPDATE case_ SET joined_at = NULL, left_at = NULL")

    answer = any_house("tertial", "2026-T3", *UNIT, "--recount", now="2026-09-03T09:00", code=1)

    assert answer.json["differences"]
    assert "unit bergen" in answer.err
    assert "nation" in answer.err

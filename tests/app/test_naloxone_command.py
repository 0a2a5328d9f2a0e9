"""`naloxone`, the life of units, and `duplicates` on the command line."""

from __future__ import annotations

import pytest

from tests.app.databases import scalar
from tests.app.shell import Shell

NOW = "2026-09-07T10:00+02:00"
LATER = "2026-10-15T10:00+02:00"


def test_a_units_kits_are_received_and_counted(any_house: Shell) -> None:
    told = any_house(
        "naloxone", "--unit", "bergen", "received", "--count", 10, "--lot", "L1",
        "--expires", "2028-06-30", now=NOW,
    )  # fmt: skip
    assert "received 10 · bergen has 10 in stock" in told.out
    stock = any_house("naloxone", "--unit", "Bergen fengsel", "stock", "--json", now=NOW).json
    assert stock == {"unit": "bergen", "stock": 10, "in_property": 0, "discrepancies": []}


def test_a_persons_kit_is_recorded_with_what_is_wrong_said_beside_it(any_house: Shell) -> None:
    unit = any_house.case("101000", now=NOW)["unit"]
    told = any_house(
        "naloxone", "101000", "handed_over", "--lot", "OLD", "--expires", "2026-09-01",
        "--by", "nobody", now=NOW,
    )  # fmt: skip
    assert "warning: lot OLD had expired" in told.err
    assert "warning: the distributor is not known" in told.err
    assert "warning: the stock is -1" in told.err
    stock = any_house("naloxone", "--unit", unit, "stock", "--json", now=NOW).json
    assert stock["stock"] == -1
    assert [each["discrepancy"] for each in stock["discrepancies"]] == [
        "stock_negative",
        "lot_expired",
        "distributor_unknown",
    ]
    ref = any_house.case("101000", now=NOW)["ref"]
    refill = any_house(
        "naloxone", "--ref", ref, "refill", "--reason", "used", "--json", now=NOW
    ).json
    assert (refill["kind"], refill["reason"], refill["stock"]) == ("refill", "used", -2)
    rows = any_house("naloxone", "101000", "ledger", "--json", now=NOW).json
    assert [row["kind"] for row in rows] == ["handed_over", "refill"]
    assert "OLD" in any_house("naloxone", "101000", "ledger", now=NOW).out
    assert "had expired" in any_house("naloxone", "--unit", unit, "stock", now=NOW).out


def test_a_certified_distributor_is_no_warning(shell: Shell) -> None:
    username = "health.bergen"
    shell("unit", "certify", username, "bergen", "--on", "2026-01-01", now=NOW)
    told = shell(
        "naloxone", "--unit", "bergen", "handed_over", "--lot", "L", "--by", username, now=NOW
    )
    assert "distributor" not in told.err
    shell("unit", "uncertify", username, "bergen", "--on", "2026-02-01", now=NOW)
    assert "not certified" in shell("naloxone", "--unit", "bergen", "stock", now=NOW).out


def test_a_row_is_taken_back_where_it_stands(shell: Shell) -> None:
    row = shell("naloxone", "--unit", "bergen", "received", "--json", now=NOW).json["row"]
    assert (
        "another ledger"
        in shell("naloxone", "--unit", "halden", "undo", "--row", row, now=NOW, code=1).err
    )
    shell("naloxone", "--unit", "bergen", "undo", "--row", row, now=NOW)
    assert shell("naloxone", "--unit", "bergen", "stock", "--json", now=NOW).json["stock"] == 0


def test_messages_name_the_number_of_a_unit_once_it_is_set(shell: Shell) -> None:
    told = shell("unit", "contact", "Bergen fengsel", "22 00 00 00", now=NOW)
    assert "bergen: messages name 22 00 00 00 (checked)" in told.out
    again = shell("unit", "contact", "bergen", "+47 22 00 00 01", now=NOW)
    assert "22 00 00 01" in again.out
    assert shell("unit", "contact", "bergen", "end", now=NOW).out.strip() == "bergen: end"

    # Nothing stands and nothing waits: the national number is named again.
    for decision in ("end", "check", "reject"):
        refused = shell("unit", "contact", "bergen", decision, now=NOW, code=1)
        assert "no number to decide about" in refused.err


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("02800", "Norwegian number"),
        ("820 00 000", "Norwegian number"),
        ("+46 8 123 456 78", "Norwegian number"),
        ("our reception", "Norwegian number"),
        ("", "Norwegian number"),
    ],
)
def test_a_number_that_people_could_not_just_call_is_refused(
    shell: Shell, number: str, said: str
) -> None:
    assert said in shell("unit", "contact", "bergen", number, now=NOW, code=2).err


def test_a_number_of_a_unit_that_is_not_there_is_refused(shell: Shell) -> None:
    assert "atlantis" in shell("unit", "contact", "atlantis", "22 00 00 00", now=NOW, code=2).err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("101000", "stolen"), 2),
        (("101000", "stock"), 2),
        (("101000", "received"), 2),
        (("101000", "undo"), 2),
        (("--unit", "atlantis", "stock"), 2),
        (("--unit", "bergen", "received", "--count", "0"), 2),
        (("--unit", "bergen", "received", "--count", "many"), 2),
        (("--unit", "bergen", "received", "--expires", "soon"), 2),
        (("--unit", "bergen", "to_property"), 2),
        (("--unit", "bergen", "lost", "--reason", "used"), 2),
        (("101000", "refill", "--reason", "wanted"), 2),
        (("--unit", "bergen", "--ref", "abc", "stock"), 2),
        (("999999", "refill"), 1),
        (("101000",), 2),
    ],
)
def test_what_cannot_be_is_refused_with_one_line(
    house: Shell, words: tuple[str, ...], code: int
) -> None:
    refused = house("naloxone", *words, now=NOW, code=code)
    assert refused.err.count("\n") == 1
    assert scalar(house, "SELECT count(*) FROM naloxone_event") == 0


def test_units_are_renamed_moved_merged_and_closed_from_a_day(any_house: Shell) -> None:
    unit = any_house.case("101000", now=NOW)["unit"]
    into = "sandeid" if unit != "sandeid" else "bergen"
    on = ("--on", "2026-10-15")
    any_house("unit", "rename", unit, "Et nytt navn", "--on", "2026-09-20", now=LATER)
    any_house("unit", "move", unit, "--region", "Annet", "--on", "2026-09-21", now=LATER)

    told = any_house("unit", "merge", "Et nytt navn", "--into", into, *on, now=LATER)

    assert f"{unit} became part of {into} on 2026-10-15" in told.out
    assert any_house.case("101000", now=LATER)["unit"] == into
    assert any_house("cases", "--unit", unit, "--json", now=LATER).json
    codes = {each["code"] for each in any_house("unit", "list", "--json", now=LATER).json}
    assert unit not in codes
    assert "closed from" in any_house("unit", "close", "arups", *on, now=LATER).out
    refused = any_house("transfer", "101000", "arups", now=LATER, code=1)
    assert "closed on 2026-10-15" in refused.err
    assert not any_house("doctor", now=LATER).err


def test_the_life_of_a_unit_in_the_project_is_recorded_and_shown(shell: Shell) -> None:
    for event, on in (("contract_signed", "2026-03-01"), ("active", "2026-04-01")):
        shell("unit", "project", "oslo", event, "--on", on, now=NOW)
    shell("unit", "project", "oslo", "visit", "--on", "2026-05-01", now=NOW)
    shell("unit", "project", "oslo", "network", "--on", "2026-05-02", now=NOW)
    shell("unit", "project", "oslo", "naloxone", now=NOW)

    (state,) = shell("unit", "project", "oslo", "--json", now=NOW).json

    assert state == {
        "unit": "oslo", "stage": "active", "since": "2026-04-01", "cohort_year": 2026,
        "naloxone": True, "naloxone_on": None, "distributors": 0, "networks": 1, "visits": 1,
        "in_project": True,
    }  # fmt: skip
    assert "bergen" in shell("unit", "project", now=NOW).out
    assert "what follows is" in shell("unit", "project", "oslo", "interested", code=1, now=NOW).err


def test_two_persons_are_merged_and_taken_apart_again(any_house: Shell) -> None:
    found = any_house("duplicates", "list", "--json", now=NOW).json
    made = any_house("duplicates", "propose", "101000", "101001", now=NOW)
    number = made.out.split()[1]
    assert len(any_house("duplicates", "list", "--json", now=NOW).json) == len(found) + 1
    assert "101001" in any_house("duplicates", "list", now=NOW).out

    assert "merged" in any_house("duplicates", "merge", number, now=NOW).out
    assert "decided already" in any_house("duplicates", "reject", number, code=1, now=NOW).err
    assert "undone" in any_house("duplicates", "undo", number, now=NOW).out
    assert "no such proposal" in any_house("duplicates", "merge", 999, code=1, now=NOW).err

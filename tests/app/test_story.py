"""A release from the roster to the tertial, all of it through the command line."""

from __future__ import annotations

from pathlib import Path

from tests.app.shell import Shell

DATA = Path(__file__).parents[1] / "data"
OPENED = "2026-09-01T08:00+02:00"


def unit_figures(shell: Shell, *, now: str, as_of: str | None = None) -> dict[str, dict[str, int]]:
    more = ("--as-of", as_of) if as_of else ()
    report = shell(
        "tertial", "2026-T3", "--view", "unit", "--unit", "bergen", *more, "--recount",
        "--format", "json", now=now,
    ).json  # fmt: skip
    assert report["differences"] == []
    assert report["recount"] == {
        "nation": {},
        "regions": {},
        "units": {"bergen": report["units"]["bergen"]},
    }
    figures: dict[str, dict[str, int]] = report["units"]["bergen"]
    return figures


def test_a_release_stands_in_the_indicators_of_its_unit_and_tertial(released: Shell) -> None:
    figures = unit_figures(released, now="2027-01-20T12:00+01:00")

    for code in ("I6", "I7", "I8", "I10", "I10.individual", "I13", "I13.planned"):
        assert (figures[code]["numerator"], figures[code]["denominator"]) == (1, 1), code
    assert figures["tasks_done.talk_held"]["value"] == 1
    # Monday 30 November was neither a Friday nor before a holiday, and known since September.
    assert figures["I16"]["numerator"] == figures["I17"]["numerator"] == 0
    other = released(
        "tertial", "2026-T3", "--view", "unit", "--unit", "trondheim", "--format", "json",
        now="2027-01-20T12:00+01:00",
    ).json["units"]["trondheim"]  # fmt: skip
    assert other["I13"]["numerator"] == 0


def test_a_report_as_of_the_day_before_a_late_entry_is_not_changed_by_it(released: Shell) -> None:
    before = unit_figures(released, now="2027-01-20T12:00+01:00", as_of="2026-11-20T23:00+01:00")
    after = unit_figures(released, now="2027-01-20T12:00+01:00", as_of="2026-11-21T10:00+01:00")

    assert before["tasks_done.talk_held"]["value"] == 0
    assert after["tasks_done.talk_held"]["value"] == 1


def test_day_42_closes_the_case_at_the_local_midnight_that_ends_it(released: Shell) -> None:
    released("sweep", now="2027-01-11T23:59:59+01:00")
    assert released.case("101000")["phase"] == "follow_up"

    done = released("sweep", "--json", now="2027-01-12T00:00+01:00").json

    assert (done["phase_changes"], done["closed"]) == (1, 1)
    case = released.case("101000")
    assert (case["phase"], case["close_reason"]) == ("closed", "completed")
    again = released("sweep", "--json", now="2027-01-12T00:00+01:00").json
    assert set(again.values()) == {0}


def test_the_reminder_goes_out_once_on_the_day_before(released: Shell) -> None:
    now = "2026-11-30T14:00+01:00"
    wanted = released.case("101000")["messages"]
    assert [(m["send_at"], m["state"], m["why"]) for m in wanted] == [
        ("2026-11-30T14:00:00+01:00", "wanted", None),
        ("2026-12-01T14:00:00+01:00", "wanted", None),
    ]

    first = released("deliver", "--json", now=now)
    second = released("deliver", "--json", now=now)

    assert first.json["accepted"] == 1
    assert set(second.json.values()) == {0}
    assert first.err.startswith("SMS to ")
    assert "10.00" in first.err
    assert released.case("101000")["messages"][0]["why"] == "shown_only"
    assert [m["state"] for m in released.case("101000")["messages"]] == ["accepted", "wanted"]


def test_what_was_told_stands_in_the_case(released: Shell) -> None:
    case = released.case("101000")

    # The actual release has no kind; its date came to be known with the roster.
    assert case["release"] == {
        "on": "2026-11-30",
        "kind": None,
        "known_at": "2026-09-01T08:00:00+02:00",
    }
    assert [step["state"] for step in case["steps"]] == ["done"] * 4
    assert case["deviations"] == []
    talk = released.task("101000", "talk_held")
    assert talk["done_at"] == "2026-11-20T10:00:00+01:00"
    assert talk["recorded_at"] == "2026-11-21T10:00:00+01:00"


def test_the_tables_equal_their_events_and_the_logs_verify_after_it_all(released: Shell) -> None:
    released("sweep", now="2027-01-12T00:00+01:00")

    rebuilt = released("doctor", "--rebuild", now="2027-01-12T00:00+01:00")

    assert "120 cases equal their events, 0 differ" in rebuilt.out
    assert "WRONG" not in rebuilt.out
    assert released("audit", "verify").out.endswith("OK\n")


def test_the_second_roster_does_what_a_week_brings(any_house: Shell) -> None:
    second = DATA / "roster-2026-09-08.csv"
    week_later = "2026-09-08T08:00+02:00"

    dry = any_house("import", "--dry-run", second, "--json", now=week_later).json
    done = any_house("import", second, "--json", now=week_later).json
    again = any_house("import", second, "--json", now=week_later).json

    assert dry == done
    counts = ("rows", "created", "updated", "unchanged", "transfers_proposed", "released")
    assert [done[name] for name in counts] == [121, 10, 32, 79, 15, 4]
    assert (len(done["missing_from_roster"]), done["rejected"]) == (9, [])
    assert [again[name] for name in counts] == [121, 0, 0, 121, 0, 0]


def test_a_transfer_is_proposed_answered_and_seen_in_the_case(any_house: Shell) -> None:

    out = any_house("transfer", "101000", "Trondheim fengsel", now="2026-09-02T09:00").out
    waiting = any_house.case("101000")["transfers"][0]
    assert waiting["id"] in out
    assert (waiting["from"], waiting["to"], waiting["state"]) == ("bergen", "trondheim", "proposed")
    assert any_house.case("101000")["unit"] == "bergen"

    any_house("transfer-answer", waiting["id"], "accept", now="2026-09-03T09:00")

    case = any_house.case("101000")
    assert (case["unit"], case["transfers"][0]["state"]) == ("trondheim", "accepted")
    assert any_house("transfer-answer", waiting["id"], "reject", code=1).err.count("\n") == 1


def test_a_task_taken_back_is_open_again(any_house: Shell) -> None:
    before = any_house.task("101000", "talk_held", now=OPENED)
    any_house("complete", "101000", "talk_held", "--form", "group", now="2026-09-02T09:00")
    refused = any_house("complete", "101000", "talk_held", now="2026-09-02T09:05", code=1)
    assert "already done, recorded by operator" in refused.err

    any_house("undo", "101000", "talk_held", "--reason", "wrong_person", now="2026-09-02T09:10")

    assert any_house.task("101000", "talk_held", now=OPENED) == before


def test_another_case_is_named_by_its_reference(any_house: Shell) -> None:
    ref = any_house.case("101000")["ref"]

    any_house("waive", "talk_held", "refused_this_task", "--ref", ref, now="2026-09-02T09:00")

    assert any_house.task("101000", "talk_held")["reason"] == "refused_this_task"
    assert any_house("case", "--ref", ref, "--json").json == any_house.case("101000")


def test_a_wrong_release_is_taken_back_with_its_reason(released: Shell) -> None:
    later = "2026-12-02T09:00+01:00"
    released("undo-release", "101000", now=later, code=2)
    released("undo-release", "101000", "--reason", "no_idea", now=later, code=2)

    answer = released("undo-release", "101000", "--reason", "wrong_person", now=later)

    assert answer.out.startswith("release taken back: in_prison, release date 2026-11-30")
    case = released.case("101000", now=later)
    assert (case["phase"], case["released_at"]) == ("in_prison", None)
    assert "wanted" not in {each["state"] for each in case["messages"]}
    again = released("undo-release", "101000", "--reason", "wrong_person", now=later, code=1)
    assert "nothing to take back" in again.err
    unit_figures(released, now="2027-01-20T12:00+01:00")
    unit_figures(released, now="2027-01-20T12:00+01:00", as_of="2026-12-01T12:00+01:00")

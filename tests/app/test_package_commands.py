"""`overlev package`: checked, previewed, saved, and open cases moved, from the shell."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from tests.app.shell import Shell

DATA = Path(__file__).parents[1] / "data"
OVERLAY = DATA / "overlay-a-1.toml"
ROSTER = DATA / "roster-2026-09-01.csv"
MORNING = "2026-09-01T08:00+02:00"
LATER = "2026-09-15T08:00+02:00"


def test_check_says_what_is_well_formed_and_names_the_line_of_a_fault(shell: Shell) -> None:
    good = shell("package", "check", OVERLAY)
    bad = shell("package", "check", DATA / "overlay-deletes-core.toml", code=2)

    assert good.out == "overlay-a-1.toml: national-1+a-1 is well formed, 12 tasks\n"
    assert bad.err.startswith("overlev: overlay-deletes-core.toml:8: task naloxone_training: ")
    missing = shell("package", "check", DATA / "overlay-none.toml", code=2)
    assert "cannot be read as text" in missing.err


def test_preview_shows_three_known_cases(shell: Shell) -> None:
    page = shell("package", "preview", OVERLAY, "--on", "2026-09-01").out
    examples = shell("package", "preview", OVERLAY, "--on", "2026-09-01", "--json").json

    assert "Utslusingssamtale" in page
    assert "10 due times differ from national-1" in page
    assert [each["example"] for each in examples] == ["short_remand", "four_months", "two_years"]
    held = next(line for line in examples[1]["lines"] if line["task"] == "talk_held")
    assert (held["before"], held["after"], held["effect"]) == (
        "2026-12-21T15:00:00+01:00",
        "2026-12-18T15:00:00+01:00",
        "earlier",
    )


def test_an_overlay_is_saved_and_cases_move_as_the_dry_run_said(any_house: Shell) -> None:
    shell = any_house
    saved = shell("package", "save", "bergen", OVERLAY, now=LATER)
    assert saved.out == "national-1+a-1 saved; bergen works by it from 2026-09-15\n"

    shown = shell("package", "rebase", "--dry-run", "--json", now=LATER).json
    again = shell("package", "rebase", "--dry-run", "--json", now=LATER).json
    done = shell("package", "rebase", "--json", now=LATER).json

    assert shown == again == done
    assert list(done) == ["bergen"]
    assert done["bergen"]
    for move in done["bergen"]:
        case = shell("case", "--ref", move["ref"], "--json", now=LATER).json
        assert case["package"] == "national-1+a-1"
        due = {task["task"]: task["due_at"] for step in case["steps"] for task in step["tasks"]}
        for task in move["tasks"]:
            assert due[task["task"]] == task["due_after"]
    assert shell("package", "rebase", now=LATER).out == "0 cases moved\n"
    assert "Utslusingssamtale" in shell("case", "--ref", move["ref"], now=LATER).out
    shell("doctor", "--rebuild", now=LATER)


def test_the_page_of_a_rebase_says_what_is_overdue_at_once(any_house: Shell) -> None:
    # So late in the year the added task was due before it was known.
    late = "2026-10-15T08:00+02:00"
    any_house("package", "save", "bergen", OVERLAY, now=late)

    page = any_house("package", "rebase", "--unit", "bergen", "--dry-run", now=late).out

    assert "risk_reviewed" in page
    assert "overdue" in page
    assert "would be moved" in page


def test_national_2_is_registered_and_put_in_force(shell: Shell, tmp_path: Path) -> None:
    text = (resources.files("cases") / "packages" / "national-1.toml").read_text("utf-8")
    file = tmp_path / "national-2.toml"
    file.write_text(
        text.replace('key = "national-1"\nnumber = 1', 'key = "national-2"\nnumber = 2'), "utf-8"
    )

    shell("package", "register", file, now=MORNING)
    used = shell("package", "use", "national-2", "--from", "2026-10-01", now=MORNING)
    listed = shell("package", "list", "--json", now=MORNING).json

    assert used.out == "every unit without an overlay: national-2 from 2026-10-01\n"
    assert {each["key"] for each in listed["versions"]} == {"national-1", "national-2"}
    assert listed["given"] == [{"unit": None, "package": "national-2", "valid_from": "2026-10-01"}]
    assert "all others" in shell("package", "list", now=MORNING).out


def test_what_cannot_be_saved_is_told_and_nothing_is_stored(shell: Shell) -> None:
    unknown = shell("package", "save", "nowhere", OVERLAY, now=MORNING, code=2)
    broken = shell("package", "save", "bergen", DATA / "overlay-cycle.toml", now=MORNING, code=2)
    passed = shell(
        "package", "save", "bergen", OVERLAY, "--from", "2026-08-01", now=MORNING, code=2
    )

    assert "no unit 'nowhere'" in unknown.err
    assert "overlay-cycle.toml:5: parent: " in broken.err
    assert "has passed" in passed.err
    assert len(shell("package", "list", "--json", now=MORNING).json["versions"]) == 1

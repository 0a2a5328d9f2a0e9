"""`overlev import`: what it prints, its exit codes and the file of rejects."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest

from app.commands.roster import rejects_beside
from app.commands.roster_reasons import SAID
from tests.app.shell import Shell
from web.pages.words import WORDS

DATA = Path(__file__).parents[1] / "data"
NOW = "2026-09-08T08:00+02:00"


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    """As bad as they come, in a folder that may be written."""
    return Path(shutil.copyfile(DATA / "roster-dirty.csv", tmp_path / "roster.csv"))


def test_a_dirty_roster_gives_its_good_rows_and_a_file_to_mend(shell: Shell, dirty: Path) -> None:
    answer = shell("import", dirty, "--json", now=NOW, code=3)

    counts = answer.json
    assert counts["rows"] == 59
    assert counts["rows"] == sum(counts[name] for name in ("created", "updated", "unchanged")) + 5
    assert [(each["line"], each["reason"]) for each in counts["rejected"]] == [
        (5, "date_impossible"),
        (6, "unknown_unit"),
        (43, "admission_missing"),
        (44, "inmate_no_missing"),
        (45, "release_before_admission"),
    ]
    rejects = dirty.with_name("roster.rejects.csv")
    assert str(rejects) in answer.err
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    written = rejects.read_text("utf-8-sig")
    assert len(written.splitlines()) == 6
    assert SAID["unknown_unit"] in written


def test_mended_rejects_are_imported_like_any_roster(shell: Shell, dirty: Path) -> None:
    shell("import", dirty, now=NOW, code=3)
    rejects = dirty.with_name("roster.rejects.csv")
    lines = rejects.read_text("utf-8-sig").splitlines()
    columns = lines[0].split(";")
    unknown = next(line for line in lines if SAID["unknown_unit"] in line).split(";")
    unknown[columns.index("enhet")] = "bergen"
    rejects.write_text(f"{lines[0]}\n{';'.join(unknown)}\n", "utf-8")

    answer = shell("import", rejects, "--json", now=NOW)

    assert (answer.json["rows"], answer.json["created"]) == (1, 1)
    assert answer.json["warnings"] == [], "our own column of reasons is nothing odd"


def test_of_mended_rows_the_option_is_named_by_which_nobody_is_missing(
    shell: Shell, dirty: Path
) -> None:
    told = shell("import", dirty, now=NOW, code=3)
    assert "--part" in told.err
    rejects = dirty.with_name("roster.rejects.csv")
    lines = rejects.read_text("utf-8-sig").splitlines()
    row = next(line for line in lines if SAID["unknown_unit"] in line)
    rejects.write_text(f"{lines[0]}\n{row.replace('Finnes ikke fengsel', 'gjovik')}\n", "utf-8")

    whole = shell("import", rejects, "--dry-run", now=NOW).out
    part = shell("import", rejects, "--dry-run", "--part", now=NOW).out

    assert "avvist" not in whole
    assert "in prison here but not in this file" in whole
    assert "--part" in whole
    assert "in prison here" not in part


def test_rejects_never_overwrite_those_that_somebody_may_be_mending(
    shell: Shell, dirty: Path
) -> None:
    shell("import", dirty, now=NOW, code=3)
    first = dirty.with_name("roster.rejects.csv")
    first.write_text("being mended")

    answer = shell("import", dirty, now=NOW, code=3)

    assert first.read_text() == "being mended"
    assert str(dirty.with_name("roster.rejects-2.csv")) in answer.err
    assert rejects_beside(first) == dirty.with_name("roster.rejects-3.csv")


def test_a_dry_run_says_so_and_writes_nothing(shell: Shell, dirty: Path) -> None:
    answer = shell("import", dirty, "--dry-run", now=NOW, code=3)

    assert answer.out.startswith("Dry run: nothing is written.")
    assert sorted(entry.name for entry in dirty.parent.iterdir()) == ["data", "roster.csv"]
    assert shell("cases", "--json", now=NOW).json == []


def test_no_bar_is_drawn_where_nobody_looks(shell: Shell) -> None:
    assert shell("import", DATA / "roster-2026-09-01.csv", now=NOW).err == ""


def test_a_long_list_of_remarks_is_cut_and_says_so(shell: Shell, tmp_path: Path) -> None:
    rows = "".join(f"9{n:05d};nowhere;01.09.2026\n" for n in range(30))
    roster = tmp_path / "roster.csv"
    roster.write_text(f"innsattnr;enhet;innsatt\n{rows}")

    answer = shell("import", roster, now=NOW, code=3)

    assert "30 rejected" in answer.out
    assert "… and 10 more (--json lists them all)" in answer.out


@pytest.mark.parametrize(
    "content", [b"", b"name;age\nKari;30\n", b"%PDF-1.7 not a roster", b"PK\x03\x04 not a zip"]
)
def test_a_file_that_is_no_roster_is_one_line_and_exit_2(
    shell: Shell, tmp_path: Path, content: bytes
) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_bytes(content)

    answer = shell("import", roster, now=NOW, code=2)

    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "Kari" not in answer.err


def test_every_reason_is_said_in_words_too(shell: Shell, dirty: Path) -> None:
    assert SAID.keys() == WORDS["roster"].keys()
    told = " ".join(shell("import", dirty, "--dry-run", now=NOW, code=3).out.split())
    assert SAID["date_impossible"].split(":")[0] in told


FIRST, SECOND = DATA / "roster-2026-09-01.csv", DATA / "roster-2026-09-08.csv"


def test_a_list_older_than_the_last_one_is_said_to_be_so(shell: Shell, tmp_path: Path) -> None:
    shell("import", FIRST, now=NOW)
    shell("import", SECOND, now=NOW)
    again = shell("import", SECOND, now=NOW)
    assert ("unchanged" in again.out, again.err) == (True, ""), "the same again is no older"

    for _ in range(2):
        assert "This very file was taken in" in shell("import", FIRST, "--dry-run", now=NOW).err
    answer = shell("import", FIRST, now=NOW)

    assert "This very file was taken in" in answer.err
    assert answer.err.count("\n") == 1
    assert "updated" in answer.out, "whoever runs it by a program is told, and not refused"
    helped = shell("import", "--help").out
    named = set(re.findall(r"(?<!\S)--[a-z-]+", helped))
    assert named == {"--dry-run", "--part", "--json", "--help"}, "no option that there is not"
    shell("import", SECOND, now=NOW)
    other = Path(shutil.copyfile(FIRST, tmp_path / "liste 20260901.csv"))
    other.write_bytes(other.read_bytes() + b"\n")
    answer = shell("import", other, now=NOW)
    assert "This list is of 2026-09-01; a newer one, of 2026-09-08, came" in answer.err


def test_of_a_part_of_a_roster_nobody_is_missing(shell: Shell, tmp_path: Path) -> None:
    shell("import", FIRST, now=NOW)
    few = tmp_path / "few.csv"
    few.write_text("".join(FIRST.read_text("utf-8-sig").splitlines(keepends=True)[:3]), "utf-8")

    assert len(shell("import", few, "--json", now=NOW).json["missing_from_roster"]) > 0
    assert "in prison here but not in this file" in shell("import", few, now=NOW).out
    answer = shell("import", few, "--part", "--json", now=NOW)

    assert (answer.json["unchanged"], answer.json["missing_from_roster"]) == (2, [])
    assert "not in this file" not in shell("import", few, "--part", now=NOW).out

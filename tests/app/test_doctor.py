"""`overlev doctor`: a sound house says ok in every line, another one says the mend."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from app.doctor import _rights
from core import messenger
from tests.app.databases import behind
from tests.app.shell import Shell

ROSTER = Path(__file__).parents[1] / "data" / "roster-2026-09-01.csv"
NOW = "2026-09-01T08:00+02:00"


def work(shell: Shell) -> Shell:
    """Cases come to stand in every phase."""
    shell("participation", "101000", "accepted", now="2026-09-02T09:00")
    shell("release", "101000", now="2026-09-03T09:00")
    shell("release", "101001", now="2026-09-03T09:00")
    shell("sweep", now="2026-09-10T09:00")
    return shell


@pytest.fixture
def used(any_house: Shell) -> Shell:
    return work(any_house)


def lines(out: str, sign: str) -> list[str]:
    return [line[len(sign) :].strip() for line in out.splitlines() if line.startswith(sign)]


def test_a_sound_house_is_told_line_by_line(used: Shell) -> None:
    out = used("doctor", "--rebuild", now="2026-09-10T09:00").out

    assert lines(out, "WRONG") == []
    names = {line.partition(":")[0] for line in lines(out, "ok")}
    assert {
        "code", "time zone", "installation", "rights", "disk", "schema", "database", "key store",
        "keys of persons", "packages", "clock", "rebuild",
    } <= names  # fmt: skip
    assert "rebuild: 120 cases equal their events, 0 differ" in out


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("UPDATE case_ SET released_unit = 'bergen' WHERE unit <> 'bergen'", "released_unit"),
        ("UPDATE case_ SET admitted_on = '2026-01-01'", "admitted_on"),
        (
            "UPDATE task SET due_at = known_at WHERE code = 'talk_held' AND state = 'open'",
            "tasks.talk_held.due_at",
        ),
        ("DELETE FROM release_date", "release_dates.1"),
        ("UPDATE stay SET seq = 2", "stays.2"),
        ("DELETE FROM case_event WHERE seq = 1", "events"),
    ],
)
def test_what_was_written_past_the_verbs_is_named_by_field(
    house: Shell, statement: str, field: str
) -> None:
    used = work(house)
    behind(used, statement)

    out = used("doctor", "--rebuild", now="2026-09-10T09:00", code=1).out

    wrong = lines(out, "WRONG")
    assert wrong[-1].startswith("rebuild: ")
    assert any(field in line for line in wrong[:-1])
    assert all(line.startswith("case ") for line in wrong[:-1])


def test_a_house_that_stands_still_is_rebuilt_all_the_same(used: Shell) -> None:
    """After a restore nothing runs: the loops are said to be silent, and the events are folded."""
    behind(
        used,
        "INSERT INTO heartbeat (loop, worker, at)"
        " SELECT 'sweep', 'one-1', recorded_at FROM case_event WHERE id = 1",
    )

    out = used("doctor", "--rebuild", now="2026-09-10T09:00", code=1).out

    assert any(line.startswith("sweep: ") for line in lines(out, "WRONG"))
    assert "rebuild: 120 cases equal their events, 0 differ" in out


def test_events_without_a_case_are_found(used: Shell) -> None:
    behind(
        used,
        "INSERT INTO case_event (case_ref, seq, verb, unit, controller, local_on, happened_at,"
        " recorded_at, actor, payload, chain_month, chain_seq, key_id, mac)"
        " SELECT 'nobodyatal', 1, verb, unit, controller, local_on, happened_at, recorded_at,"
        " actor, payload, '2020-01', 1, key_id, mac FROM case_event WHERE id = 1",
    )

    assert "case nobodyatal" in used("doctor", "--rebuild", code=1).out


def test_a_person_without_a_key_is_told(shell: Shell) -> None:
    import sqlite3

    shell("import", ROSTER, now=NOW)
    with sqlite3.connect(shell.folder / "keys.db") as keys:
        keys.execute("DELETE FROM person_key WHERE pseudonym IN (SELECT min(pseudonym) FROM"
                     " person_key)")  # fmt: skip
    keys.close()

    assert "1 of 120 persons have no key" in shell("doctor", code=1).out


def test_a_changed_package_is_told(shell: Shell) -> None:
    behind(shell, "UPDATE package_version SET body = body || ' '")

    assert "packages: changed: national-1" in shell("doctor", code=1).out


def test_a_folder_open_to_others_is_told_with_the_mend(shell: Shell) -> None:
    shell.folder.chmod(0o755)

    assert f"chmod 700 {shell.folder}" in shell("doctor", code=1).out


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can give a file away")
def test_a_file_that_is_somebody_else_s_is_told_with_the_mend(shell: Shell) -> None:
    lock = shell.folder / "running.lock"
    lock.touch()
    os.chown(lock, 65534, 65534)

    told = shell("doctor", code=1).out
    assert f"WRONG  rights: {lock} belongs to another user" in told
    assert f"chown -R --reference={shell.folder}" in told


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can give a file away")
def test_what_a_disk_brings_along_is_nobody_s_fault(shell: Shell) -> None:
    """A folder may be a disk of its own, on which the file system keeps one that is root's."""
    for each in (shell.folder, *shell.folder.rglob("*")):
        os.chown(each, 65534, 65534)
    (shell.folder / "lost+found").mkdir()

    [told, *_] = list(_rights(shell.folder))
    assert told.ok


def test_a_file_that_goes_while_the_rights_are_looked_at_is_no_matter(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service goes on meanwhile: its databases make files and take them away."""
    monkeypatch.setattr(os, "walk", lambda folder: iter([(folder, [], ["overlev.db-journal"])]))

    [told] = list(_rights(shell.folder))
    assert told.ok


def test_a_damaged_database_is_told_and_does_not_crash_the_doctor(shell: Shell) -> None:
    file = shell.folder / "overlev.db"
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 3 : len(whole) // 3 + 40_000] = b"\xff" * 40_000
    file.write_bytes(whole)

    assert "WRONG" in shell("doctor", code=1).out


def test_a_missing_folder_is_a_finding(tmp_path: Path) -> None:
    answer = Shell(tmp_path / "none", {})("doctor", code=1)

    assert "init`" in answer.out


def test_a_clock_behind_the_newest_entry_is_told_where_people_are_real(tmp_path: Path) -> None:
    real = Shell(tmp_path / "real", {})
    real("init")
    behind(real, "UPDATE access_log SET at = '2099-01-01T00:00:00.000000Z'")

    assert "set the clock" in real("doctor", code=1).out


def test_a_demo_may_go_back_in_time(shell: Shell) -> None:
    assert "may go back" in shell("doctor", now="2020-01-01T00:00").out


def test_the_redis_between_prefect_servers_is_looked_at_where_one_is_named(
    used: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = "2026-09-10T09:00"
    assert "Redis" not in used("doctor", now=now).out
    monkeypatch.setenv(messenger.URL, "redis://:secret@127.0.0.1:1/0")
    told = used("doctor", now=now, code=1)
    assert "Prefect's Redis: it does not answer: start it" in told.out
    assert "secret" not in told.out + told.err


def test_a_house_that_makes_no_backups_is_told_once_it_should_have(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "data", {})
    shell("init")
    assert "ok     backup: none by the calendar yet" in shell("doctor").out

    marker = shell.folder / "folder.json"
    marker.write_text(re.sub('"20[0-9]{2}-', '"2025-', marker.read_text()))
    assert f"WRONG  backup: none was ever made in {shell.folder / 'backups'}" in (
        shell("doctor", code=1).out
    )

    shell("backup", shell.folder / "backups")
    assert "ok     backup: last " in shell("doctor").out


def test_a_place_where_no_backup_can_be_made_is_told(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shell.env["OVERLEV_BACKUP_DIR"] = str(tmp_path / "file" / "kept")
    assert "WRONG  backup: nothing can be written in" in shell("doctor", code=1).out

    other = Shell(tmp_path / "other", {})
    other("init")
    other("backup", tmp_path / "kept")
    shell.env["OVERLEV_BACKUP_DIR"] = str(tmp_path / "kept")
    assert "made with other secrets" in shell("doctor", code=1).out

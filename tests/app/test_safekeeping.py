"""Backup and restore, erasure and retention, and what is held on a person; on both databases."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from cases.tables import account
from cases.web_sessions import open_session
from core.alone import among_others
from tests.app.databases import behind, scalar, url_of
from tests.app.shell import Shell

NOW = "2026-09-02T09:00"
LATER = "2027-09-03T09:00"
KARI, OLA = "101000", "101001"


@pytest.fixture
def kept(any_house: Shell, tmp_path: Path) -> Path:
    """Where the backups of a house with some work done go."""
    any_house("participation", KARI, "accepted", now=NOW)
    any_house("complete", KARI, "intake_talk", "--answer", "at_risk", now=NOW)
    return tmp_path / "kept"


def sound(shell: Shell) -> None:
    """The logs verify, every case equals its events, every figure its recount."""
    assert "OK" in shell("audit", "verify").out
    assert " 0 differ" in shell("doctor", "--rebuild", now=NOW).out


def close(shell: Shell, inmate_no: str) -> None:
    shell("close", inmate_no, "deported", now="2026-09-02T10:00")


def test_a_backup_put_back_is_the_house_as_it_was(any_house: Shell, kept: Path) -> None:
    before = any_house.case(KARI, now=NOW)
    any_house("backup", kept)
    shutil.rmtree(any_house.folder / "backups", ignore_errors=True)
    any_house("restore", kept)

    assert any_house.case(KARI, now=NOW) == before
    sound(any_house)


def test_nothing_of_a_backup_can_be_read_by_others_nor_does_it_hold_a_name(
    house: Shell, kept_on_sqlite: Path
) -> None:
    house("backup", kept_on_sqlite)

    files = [file for file in kept_on_sqlite.rglob("*") if file.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    held = house.folder.parent / "held.json"
    house("subject-access", KARI, "-o", held, "--json")
    name: str = json.loads(held.read_text())["person"]["last_name"]
    assert len(name) > 2
    assert not any(name.encode() in file.read_bytes() for file in files)


@pytest.fixture
def kept_on_sqlite(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_an_older_backup_is_refused_unless_forced(any_house: Shell, kept: Path) -> None:
    any_house("user", "add", "kari.n", "--role", "admin")
    engine = create_engine(url_of(any_house))
    with engine.begin() as tx:
        account_id = tx.execute(select(account.c.id)).scalars().first()
        assert account_id is not None
        open_session(tx, account_id, place=None, now=datetime.now(UTC))
    engine.dispose()
    any_house("backup", kept)
    any_house("complete", KARI, "brief_info", now=NOW)

    refused = any_house("restore", kept, code=1)
    assert "log rows would be lost" in refused.err
    assert any_house.task(KARI, "brief_info", now=NOW)["state"] == "done"

    said = any_house("restore", kept, "--force").out
    assert "1 sessions ended, with every open invitation" in said
    open_ways = "SELECT count(*) FROM web_session WHERE revoked_at IS NULL"
    assert scalar(any_house, open_ways) == 0
    assert scalar(any_house, "SELECT count(*) FROM invitation WHERE used_at IS NULL") == 0
    assert any_house.task(KARI, "brief_info", now=NOW)["state"] == "open"
    sound(any_house)


def test_nothing_is_put_back_while_a_web_or_a_worker_runs_on_the_data(
    any_house: Shell, kept: Path
) -> None:
    any_house("backup", kept)
    any_house("complete", KARI, "brief_info", now=NOW)

    with among_others(any_house.folder):
        refused = any_house("restore", kept, "--force", code=2)
    assert "stop them all" in refused.err
    if any_house.env:
        engine = create_engine(url_of(any_house))
        with engine.connect():  # a web of another machine
            refused = any_house("restore", kept, "--force", code=2)
        engine.dispose()
        assert "1 others are connected" in refused.err

    assert any_house.task(KARI, "brief_info", now=NOW)["state"] == "done"


def test_who_was_erased_after_the_backup_stays_erased_after_the_restore(
    any_house: Shell, kept: Path
) -> None:
    close(any_house, KARI)
    any_house("backup", kept)
    any_house("erase", KARI, "--yes", now="2026-09-02T11:00")

    any_house("restore", kept, "--force")

    any_house("case", KARI, code=1)
    assert any_house("doctor", now=NOW).out
    sound(any_house)


def test_who_was_erased_stays_so_also_in_another_folder(
    house: Shell, kept_on_sqlite: Path, tmp_path: Path
) -> None:
    close(house, KARI)
    house("backup", kept_on_sqlite)
    house("erase", KARI, "--yes", now="2026-09-02T11:00")
    elsewhere = Shell(tmp_path / "elsewhere", {})

    told = elsewhere("restore", kept_on_sqlite).out

    assert "; 120 keys that were missing here put back, 1 persons erased anew\n" in told
    elsewhere("case", KARI, code=1)
    assert elsewhere.case(OLA, now=NOW)["inmate_no"] == OLA
    sound(elsewhere)


def test_a_damaged_or_altered_backup_is_refused(house: Shell, kept_on_sqlite: Path) -> None:
    house("backup", kept_on_sqlite)
    (copy,) = (kept_on_sqlite / "data").iterdir()
    manifest = copy / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"erased": []', '"erased": ["x"]'))
    assert "altered" in house("restore", kept_on_sqlite, code=2).err
    manifest.write_text(whole)
    with (copy / "overlev.db").open("ab") as file:
        file.write(b"x")

    assert "not what was backed up" in house("restore", kept_on_sqlite, code=2).err
    assert house.case(KARI, now=NOW)["inmate_no"] == KARI


def test_without_the_recovery_key_a_backup_opens_for_nobody(
    house: Shell, kept_on_sqlite: Path, tmp_path: Path
) -> None:
    house("backup", kept_on_sqlite)
    (kept_on_sqlite / "keys" / "secrets.json").unlink()  # it is there because this is a demo

    refused = Shell(tmp_path / "new", {})("restore", kept_on_sqlite, code=2)

    assert "recovery key" in refused.err


def test_a_backup_under_load_is_whole(any_house: Shell, kept: Path) -> None:
    from cases import backup, sweep
    from cases.installation import open_installation
    from core.clock import parse_instant
    from core.settings import Settings

    settings = Settings(
        data=any_house.folder,
        database_url=any_house.env.get("OVERLEV_DATABASE_URL") or "",
        keys_url=any_house.env.get("OVERLEV_KEYS_URL") or "",
    )
    with open_installation(settings) as house:
        stop = threading.Event()
        swept = 0

        def work() -> None:
            nonlocal swept
            now = parse_instant("2026-09-03T00:00")
            while not stop.is_set():
                now = now.replace(day=now.day % 28 + 1)
                swept += sweep.sweep(house.db, now=now).notices

        worker = threading.Thread(target=work)
        worker.start()
        for _ in range(3):
            backup.make(house, kept)
        stop.set()
        worker.join()
    assert swept > 0
    any_house("restore", kept, "--force")
    sound(any_house)


def test_whoever_closed_twelve_months_ago_is_erased_and_counts_stay(any_house: Shell) -> None:
    close(any_house, KARI)
    before = any_house(
        "tertial", "2026-T3", "--view", "unit", "--unit", "bergen", "--as-of", LATER, now=LATER
    ).json["units"]

    assert any_house("retention", now="2027-09-02T09:00").out.startswith("0 persons")
    assert any_house("retention", now=LATER).out.startswith("1 persons erased")
    assert any_house("retention", now=LATER).out.startswith("0 persons")

    any_house("case", KARI, now=LATER, code=1)
    assert scalar(any_house, "SELECT count(*) FROM erasure") == 1
    after = any_house(
        "tertial", "2026-T3", "--view", "unit", "--unit", "bergen", "--as-of", LATER, now=LATER
    ).json["units"]
    assert after == before
    sound(any_house)


def test_who_has_an_open_case_is_not_erased(house: Shell) -> None:
    assert "open case" in house("erase", KARI, "--yes", now=NOW, code=1).err
    assert "say --yes" in house("erase", KARI, now=NOW, code=2).err
    assert house.case(KARI, now=NOW)["inmate_no"] == KARI


def test_an_erasure_cut_short_is_finished(house: Shell) -> None:
    close(house, KARI)
    house("erase", KARI, "--yes", now="2026-09-02T11:00")
    behind(house, "UPDATE person SET erased_at = NULL WHERE erased_at IS NOT NULL")

    house("retention", now="2026-09-02T12:00")

    assert scalar(house, "SELECT count(*) FROM person WHERE erased_at IS NOT NULL") == 1


def test_a_person_gets_everything_held_and_who_looked(any_house: Shell, tmp_path: Path) -> None:
    any_house("participation", KARI, "accepted", now=NOW)
    any_house("complete", KARI, "intake_talk", "--answer", "at_risk", now=NOW)
    any_house("complete", KARI, "brief_info", now=NOW)
    any_house("consent", KARI, "sms", "given", now=NOW)
    any_house.case(KARI, now=NOW)
    nurse = "(SELECT ref FROM account WHERE username = 'health.bergen')"
    behind(
        any_house,
        f"UPDATE case_event SET actor = {nurse} WHERE verb = 'task_completed'",
        f"UPDATE access_log SET actor = {nurse}, role = 'health' WHERE verb = 'case_read'",
    )
    file = tmp_path / "innsyn.json"

    any_house("subject-access", KARI, "--json", "-o", file, now=NOW)

    held = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert held["person"]["inmate_no"] == KARI
    (case,) = held["cases"]
    assert "case_read" in {each["what"] for each in case["who_looked"]}
    assert "at_risk" in file.read_text()
    assert {"answered", "consent_recorded"} < {each["what"] for each in case["history"]}
    whole = {each["by"] for each in case["history"]}
    any_house("subject-access", KARI, "--json", "-o", file, "--controller", "correctional", now=NOW)
    (other,) = json.loads(file.read_text())["cases"]
    assert [each["what"] for each in other["history"]] == ["case_opened", "task_completed"]
    assert {each["by"] for each in other["history"]} == {"operator", "health_service"}
    assert "health_service" not in whole
    assert {each["role"] for each in other["who_looked"]} == {"operator"}
    assert not {"answered", "consent_recorded"} & {each["what"] for each in other["who_looked"]}
    any_house("subject-access", KARI, "-o", file, "--controller", "correctional", now=NOW)
    told = file.read_text()
    assert "kriminalomsorgen" in told
    assert "at_risk" not in told, "health answers are the other controller's"
    logged = "SELECT count(*) FROM access_log WHERE verb = 'subject_access'"
    assert scalar(any_house, logged) == 3

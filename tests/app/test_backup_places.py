"""Whose backups lie in a folder, and a restore that is refused before it touches anything."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from app import doctor_service
from cases import backup, heartbeats
from core.clock import system_now
from core.crypto import KeyRing
from core.keystore import KeyStore
from tests.app.databases import scalar, url_of
from tests.app.shell import Shell

NOW = "2026-09-02T09:00"
KARI = "101000"
LATE = "29990101T000000000000Z"
"""Of a backup newer than any that a test makes."""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where backups go."""
    return tmp_path / "kept"


@pytest.fixture
def other(tmp_path: Path) -> Shell:
    """Another installation, with secrets of its own."""
    shell = Shell(tmp_path / "other", {})
    shell("init", "--demo", "--cases", 0)
    return shell


def another_came(kept: Path, stamp: str = LATE) -> None:
    """What an installation with other secrets left beside ours, as earlier versions let it."""
    copy = kept / "data" / stamp
    copy.mkdir(parents=True)
    said = {"ring": "lookup-other", "key_id": "mac-other", "heads": {"x/y/2026-09": [9**9, "m"]}}
    (copy / "manifest.json").write_text(json.dumps(said))
    (kept / "keys").mkdir(exist_ok=True)
    with gzip.open(kept / "keys" / f"{stamp}.jsonl.gz", "wt") as out:
        out.write('{"ring": "lookup-other"}\n')


def all_in(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder with what it holds."""
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None
        for each in folder.rglob("*")
    }


def with_a_key(shell: Shell) -> int:
    """How many persons `doctor` finds, every one with a key."""
    line = next(each for each in shell("doctor", now=NOW).out.splitlines() if "keys of" in each)
    assert "every one has a key" in line
    return int(line.split("persons: ")[1].split()[0])


def only_copy(kept: Path) -> Path:
    return min((kept / "data").iterdir())


def test_a_folder_that_another_installation_backs_up_into_is_refused(
    house: Shell, other: Shell, kept: Path
) -> None:
    house("backup", kept)
    before = all_in(kept)

    refused = other("backup", kept, code=2).err

    assert "holds backups of another installation" in refused
    assert "OVERLEV_BACKUP_DIR" in refused
    assert (
        "holds backups of another"
        in other("backup", kept.parent / "own", "--keys", kept / "keys", code=2).err
    )
    assert all_in(kept) == before
    assert not (kept.parent / "own").exists()


def test_a_copy_that_is_named_comes_back_with_its_own_keys_whatever_lies_beside_it(
    any_house: Shell, kept: Path
) -> None:
    any_house("backup", kept)
    copy = only_copy(kept)
    persons = with_a_key(any_house)
    another_came(kept)
    (any_house.folder / "keys.db").unlink(missing_ok=True)
    any_house.folder.joinpath("heads.json").unlink()

    said = any_house("restore", copy).out

    assert f"restored {copy.name}" in said
    assert "OK" in any_house("audit", "verify").out
    assert with_a_key(any_house) == persons > 0
    assert any_house.case(KARI, now=NOW)["inmate_no"] == KARI


def test_the_newest_backup_is_the_newest_of_this_installation(any_house: Shell, kept: Path) -> None:
    any_house("backup", kept)
    copy = only_copy(kept)
    another_came(kept)

    assert f"restored {copy.name}" in any_house("restore", kept).out


def test_a_manifest_of_an_earlier_version_is_known_by_its_seal(house: Shell, kept: Path) -> None:
    house("backup", kept)
    ring = KeyRing.from_json((house.folder / "secrets.json").read_text())
    manifest = only_copy(kept) / "manifest.json"
    said = json.loads(manifest.read_text())
    del said["mac"], said["ring"]
    said["mac"] = backup._mac(ring, said["key_id"], said)
    manifest.write_text(json.dumps(said))
    another_came(kept)

    assert f"restored {only_copy(kept).name}" in house("restore", kept).out


def test_the_calendar_takes_out_nothing_of_another_installation(tmp_path: Path) -> None:
    ring, now = KeyRing.generate(), datetime(2026, 11, 27, tzinfo=UTC)
    ours = {"ring": ring.lookup.id}
    for day in range(backup.DATA_KEPT + 6):
        stamp = (now - timedelta(days=3 * day)).strftime("%Y%m%dT%H%M%S%fZ")
        another_came(tmp_path, stamp)
        if day % 2:
            stamp = stamp.replace("000000Z", "000001Z")
            another_came(tmp_path, stamp)
            (tmp_path / "data" / stamp / "manifest.json").write_text(json.dumps(ours))
            with gzip.open(tmp_path / "keys" / f"{stamp}.jsonl.gz", "wt") as out:
                out.write(json.dumps(ours) + "\n")

    gone = backup.prune(tmp_path, ring, now=now)

    assert gone == 5, "keys of ours older than 30 days, and no copy: there are ten of ours"
    assert len(list((tmp_path / "data").iterdir())) == 30
    assert len([each for each in (tmp_path / "keys").iterdir() if "000000Z" in each.name]) == 20


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("other secrets", "made with other secrets"),
        ("no keys", "are not in"),
        ("keys cut short", "are not in"),
        ("newer schema", "does not know"),
        ("damaged", "not what was backed up"),
        ("secrets open to others", "can be read by others"),
        ("both kinds of secrets", "holds keys too"),
    ],
)
@pytest.mark.parametrize("where", ["new", "nowhere", "here"])
def test_a_restore_that_is_refused_leaves_the_folder_as_it_was(
    house: Shell,
    kept: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    where: str,
    why: str,
    says: str,
) -> None:
    house("backup", kept)
    copy = only_copy(kept)
    (keys,) = (kept / "keys").glob("*.gz")
    target, env = tmp_path / "new", dict[str, str | None]()
    if where == "new":
        target.mkdir(mode=0o700)
    elif where == "here":
        shutil.copytree(house.folder, target)
        (target / "keys.db").unlink()
        house("complete", KARI, "brief_info", now=NOW)
    if why == "other secrets":
        env = {"OVERLEV_SECRET_KEY": "of another installation and longer than 32"}
        (target / "secrets.json").unlink(missing_ok=True)
    elif why == "no keys":
        keys.unlink()
    elif why == "keys cut short":
        keys.write_bytes(keys.read_bytes()[:-9])
    elif why == "newer schema":
        monkeypatch.setattr(backup, "known_schemas", lambda: ["0001"])
    elif why == "damaged":
        os.truncate(copy / "overlev.db", 8192)
    else:
        target.mkdir(exist_ok=True)
        shutil.copyfile(house.folder / "secrets.json", target / "secrets.json")
        (target / "secrets.json").chmod(0o644 if "open" in why else 0o600)
        if "both" in why:
            env = {"OVERLEV_SECRET_KEY": "of another installation and longer than 32"}
    before = all_in(target)
    stood = target.exists()

    refused = Shell(target, env)("restore", copy, "--force", code=2)

    assert says in refused.err
    assert "Traceback" not in refused.err
    assert target.exists() == stood
    assert all_in(target) == before


def test_keys_that_are_newer_than_the_copy_serve_where_its_own_are_gone(
    house: Shell, kept: Path, tmp_path: Path
) -> None:
    house("backup", kept)
    copy = only_copy(kept)
    persons = with_a_key(house)
    house("backup", kept)
    (kept / "keys" / f"{copy.name}.jsonl.gz").unlink()
    shutil.rmtree(max((kept / "data").iterdir()))
    elsewhere = Shell(tmp_path / "elsewhere", {})

    elsewhere("restore", kept)

    assert with_a_key(elsewhere) == persons
    assert scalar(elsewhere, "SELECT count(*) FROM person WHERE erased_at IS NOT NULL") == 0


def test_a_disk_that_is_full_leaves_the_house_as_it_was(
    house: Shell, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import restore

    def full(url: str) -> None:
        del url
        raise OSError(28, "No space left on device")

    house("backup", kept)
    before = {name: body for name, body in all_in(house.folder).items() if "lock" not in name}
    monkeypatch.setattr(restore, "upgrade", full)

    assert "make room" in house("restore", kept, code=2).err

    assert {n: b for n, b in all_in(house.folder).items() if "lock" not in n} == before


def test_a_house_put_back_and_not_started_yet_is_sound(any_house: Shell, kept: Path) -> None:
    engine = create_engine(url_of(any_house))
    with engine.begin() as tx:
        for loop in doctor_service.LOOPS:
            heartbeats.beat(tx, loop, "worker elsewhere", now=system_now() - timedelta(hours=2))
    engine.dispose()
    any_house("backup", kept)
    assert "last sign of life" in any_house("doctor", code=1, now=NOW).out

    any_house("restore", kept)

    assert "service: no worker is running" in any_house("doctor", now=NOW).out


def test_keys_that_cannot_be_taken_in_leave_nothing_of_the_copy_behind(
    house: Shell, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    house("backup", kept)
    (house.folder / "keys.db").unlink()
    before = (house.folder / "overlev.db").read_bytes()
    monkeypatch.setattr(KeyStore, "take_in", full)

    house("restore", kept, code=70)

    assert not list(house.folder.glob("*.restoring*"))
    assert (house.folder / "overlev.db").read_bytes() == before


def test_what_is_set_aside_is_never_mixed_with_what_was_set_aside_before(
    house: Shell, kept: Path
) -> None:
    house("backup", kept)
    stale = house.folder / "overlev.db.replaced-wal"
    stale.write_bytes(b"of an earlier database that was put aside")

    house("restore", kept)

    assert not stale.exists()
    assert (house.folder / "overlev.db.replaced").is_file()


def test_a_store_that_lacks_keys_of_the_backup_is_not_taken_for_its_keys(
    any_house: Shell, kept: Path
) -> None:
    any_house("backup", kept)
    (keys,) = (kept / "keys").glob("*.gz")
    keys.rename(kept / keys.name)
    store = any_house.env.get("OVERLEV_KEYS_URL") or f"sqlite:///{any_house.folder / 'keys.db'}"
    one = "(SELECT max(pseudonym) FROM person_key)"
    engine = create_engine(store)
    with engine.begin() as tx:
        tx.execute(text(f"DELETE FROM person_key WHERE pseudonym <> {one}"))
    engine.dispose()
    before = scalar(any_house, "SELECT count(*) FROM access_log")

    assert "have no key here" in any_house("restore", kept, code=2).err

    assert scalar(any_house, "SELECT count(*) FROM access_log") == before
    assert not list(any_house.folder.glob("*.restoring*"))
    any_house("restore", kept, "--keys", kept)
    assert with_a_key(any_house) > 1

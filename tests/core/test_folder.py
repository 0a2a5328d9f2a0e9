from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import folder as module
from core.crypto import KeyRing
from core.errors import UnsafeSettings
from core.folder import DataFolder

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
SECRET = "a long secret that somebody made at random"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("demo", [True, False])
def test_a_folder_remembers_what_it_was_made_as(tmp_path: Path, demo: bool) -> None:
    DataFolder.create(tmp_path / "deep" / "data", demo=demo, made_at=NOW)

    opened = DataFolder.open(tmp_path / "deep" / "data")
    assert (opened.demo, opened.made_at) == (demo, NOW)


def test_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)

    assert mode(made.path) == 0o700
    assert mode(made.secrets_path) == 0o600


@pytest.mark.parametrize("file", ["secrets.json", "keys.db"])
def test_keys_that_others_can_read_are_refused_with_the_mend(tmp_path: Path, file: str) -> None:
    DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    (tmp_path / "data" / file).touch()
    (tmp_path / "data" / file).chmod(0o640)

    with pytest.raises(UnsafeSettings, match=f"chmod 600 .*{file}"):
        DataFolder.open(tmp_path / "data")


def test_the_same_keys_come_back(tmp_path: Path) -> None:
    ring = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW).ring(None)

    assert DataFolder.open(tmp_path / "data").ring(None) == ring


def test_a_rotated_ring_replaces_the_old_one_and_stays_private(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    rotated = made.ring(None).with_new_master()
    made.keep_ring(rotated)

    assert made.ring(None) == rotated
    assert mode(made.secrets_path) == 0o600


def test_with_a_secret_key_no_keys_lie_in_the_folder(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW, secret_key=SECRET)

    assert not made.secrets_path.exists()
    assert made.ring(SECRET) == KeyRing.derive(SECRET)
    with pytest.raises(UnsafeSettings, match="set OVERLEV_SECRET_KEY"):
        made.ring(None)


def test_two_sources_of_keys_are_refused(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)

    with pytest.raises(UnsafeSettings, match="holds keys too"):
        made.ring(SECRET)


def test_a_weak_secret_leaves_nothing_behind_that_could_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnsafeSettings, match="32 characters"):
        DataFolder.create(tmp_path / "data", demo=False, made_at=NOW, secret_key="weak")

    assert not DataFolder.exists(tmp_path / "data")


def test_a_folder_is_never_made_twice(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    keys = made.secrets_path.read_bytes()

    with pytest.raises(UnsafeSettings, match="already"):
        DataFolder.create(tmp_path / "data", demo=True, made_at=NOW)
    assert made.secrets_path.read_bytes() == keys
    assert not DataFolder.open(made.path).demo


def test_an_attempt_cut_short_keeps_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = module._write_durably

    def cut_short(file: Path, text: str) -> None:
        if file.name == "folder.json":
            raise KeyboardInterrupt
        write(file, text)

    monkeypatch.setattr(module, "_write_durably", cut_short)
    with pytest.raises(KeyboardInterrupt):
        DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    keys = (tmp_path / "data" / "secrets.json").read_bytes()
    monkeypatch.undo()

    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    assert made.secrets_path.read_bytes() == keys


def test_no_folder_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UnsafeSettings, match="init"):
        DataFolder.open(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UnsafeSettings, match="init"):
        DataFolder.open(tmp_path / "file")


def test_a_demo_that_lies_beside_is_named(tmp_path: Path) -> None:
    DataFolder.create(tmp_path / "data-demo", demo=True, made_at=NOW)

    with pytest.raises(UnsafeSettings, match=f"--data {tmp_path / 'data-demo'}"):
        DataFolder.open(tmp_path / "data")


def test_a_folder_cannot_be_made_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UnsafeSettings, match="cannot be made"):
        DataFolder.create(tmp_path / "file" / "data", demo=False, made_at=NOW)


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"format": 1, "demo": true, "made_at": 3}'])
def test_a_damaged_marker_is_refused(tmp_path: Path, marker: str) -> None:
    DataFolder.create(tmp_path / "data", demo=True, made_at=NOW)
    (tmp_path / "data" / "folder.json").write_text(marker)

    with pytest.raises(UnsafeSettings, match="damaged"):
        DataFolder.open(tmp_path / "data")


def test_a_folder_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    DataFolder.create(tmp_path / "data", demo=True, made_at=NOW)
    marker = tmp_path / "data" / "folder.json"
    marker.write_text(marker.read_text().replace('"format": 1', '"format": 2'))

    with pytest.raises(UnsafeSettings, match="newer"):
        DataFolder.open(tmp_path / "data")


def test_damaged_keys_are_refused_without_being_shown(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    made.secrets_path.write_text('{"geheim": 1}')

    with pytest.raises(UnsafeSettings, match="backup") as refused:
        made.ring(None)
    assert "geheim" not in str(refused.value)


@pytest.mark.skipif(
    "os.geteuid() != 0", reason="only root may do to another's folder what it likes"
)
def test_root_leaves_another_s_folder_alone(tmp_path: Path) -> None:
    made = DataFolder.create(tmp_path / "data", demo=False, made_at=NOW)
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (made.path, empty):
        os.chown(folder, 65534, 65534)

    with pytest.raises(UnsafeSettings, match="run this as that user, `runuser -u"):
        DataFolder.open(made.path)
    with pytest.raises(UnsafeSettings, match="shuts"):
        DataFolder.create(empty, demo=False, made_at=NOW)
    assert list(empty.iterdir()) == []

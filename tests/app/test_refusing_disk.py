"""A disk that is read-only or full: every command says so in one line, and so does the doctor."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.serving import free_port
from tests.app.shell import Shell
from tests.disks import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path) as made:
        yield made


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def use_up(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size):
                    pass


def test_a_folder_on_a_read_only_disk_is_no_fault_of_ours(shell: Shell, disk: Path) -> None:
    there = Shell(disk / "data", shell.env)
    shutil.copytree(shell.folder, there.folder)
    read_only(disk)

    for words in (
        ("up", "--port", free_port()),
        ("web", "--port", free_port()),
        ("worker",),
        ("sweep",),
        ("cases",),
        ("backup", shell.folder.parent / "kept"),
    ):
        told = there(*words, code=2).err
        assert "Read-only file system" in told, words
        assert len(told.splitlines()) == 1, words

    told = there("doctor", code=1).out
    assert "WRONG  installation: " in told
    assert "Read-only file system" in told
    assert "disk: " in told


def test_a_folder_on_a_full_disk_is_told_with_the_way_out(shell: Shell, disk: Path) -> None:
    there = Shell(disk / "data", shell.env)
    shutil.copytree(shell.folder, there.folder)
    use_up(disk)

    assert "make room" in there("sweep", code=1).err.lower()
    assert "WRONG  disk: 0 MB free: make room" in there("doctor", code=1).out


def test_a_backup_onto_a_full_disk_says_so_and_leaves_nothing_half(
    shell: Shell, disk: Path
) -> None:
    use_up(disk)
    (disk / "filler").unlink()
    (disk / "filler").write_bytes(b"x" * (shutil.disk_usage(disk).free - (1 << 18)))

    told = shell("backup", disk / "kept", code=2).err

    assert "could not be written" in told
    assert "make room" in told
    assert [each for each in (disk / "kept").rglob("*") if each.is_file()] == []

    (disk / "filler").unlink()
    shell("backup", disk / "kept")


@pytest.mark.skipif("os.geteuid() != 0", reason="only root gets into another's folder")
@pytest.mark.parametrize("words", ["up", "key rotate --yes"])
def test_root_leaves_no_lock_in_another_s_folder(tmp_path: Path, words: str) -> None:
    """Its owner could not open it: neither `up` nor a rotation would start any more."""
    shell = Shell(tmp_path / "data", {})
    shell("init")
    for each in (shell.folder, *shell.folder.rglob("*")):
        os.chown(each, 65534, 65534)

    port = ("--port", free_port()) if words == "up" else ()
    assert "shuts" in shell(*words.split(), *port, code=2).err
    assert {each.stat().st_uid for each in shell.folder.rglob("*")} == {65534}

"""What must lie open for a moment lies nowhere afterwards."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from cases.retention import forget_uploads
from core.scratch import private_folder, wipe


def test_without_memory_the_folder_is_the_owners_alone_and_goes_even_after_a_fault(
    tmp_path: Path,
) -> None:
    def work() -> None:
        with private_folder(tmp_path, memory=tmp_path / "none") as folder:
            assert folder.parent == tmp_path
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            (folder / "rows.csv").write_text("101000;Kari", "utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert list(tmp_path.iterdir()) == []


def test_what_is_wiped_is_overwritten_first(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    rows = tmp_path / "open" / "rows.csv"
    rows.write_text("101000;Kari", "utf-8")
    os.link(rows, tmp_path / "same")  # another name of the same bytes on the disk

    wipe(tmp_path / "open")

    assert (tmp_path / "same").read_bytes() == bytes(11)


def test_what_a_killed_process_left_is_wiped_when_it_is_a_day_old(tmp_path: Path) -> None:
    left = tmp_path / "open-1"
    left.mkdir()
    (left / "rows.csv").write_text("101000;Kari", "utf-8")
    assert forget_uploads(tmp_path) == 0
    os.utime(left, (time.time() - 90_000, time.time() - 90_000))

    assert forget_uploads(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []

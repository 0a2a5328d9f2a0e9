"""A small disk of one's own, to be filled or made read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(within: Path) -> Iterator[Path]:
    """A tmpfs of 16 MB, which only root can mount: who is not skips the test."""
    folder = within / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a disk that refuses")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)

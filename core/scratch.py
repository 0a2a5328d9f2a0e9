"""Files for a time: a folder for what lies open for a moment, and what is forgotten when it is old.

What lies open lies in memory, or is wiped before it goes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
PREFIX: Final = "open-"


@contextmanager
def private_folder(other: Path, *, memory: Path = MEMORY) -> Iterator[Path]:
    """A folder of the owner's alone: in memory where the machine has such a place, else in `other`.

    What lies in it is overwritten and removed at the end. A process that is killed leaves it; in
    memory until the machine stops, in `other` until somebody calls `wipe`.
    """
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else other
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))  # made with mode 0700
    try:
        yield folder
    finally:
        wipe(folder)


def wipe(folder: Path) -> None:
    """Overwrite every file of a folder, and remove it. Disks may keep what was there elsewhere."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
    shutil.rmtree(folder, ignore_errors=True)


def forget_files(folder: Path, *, after: timedelta, most: int | None = None) -> int:
    """Take out what lies in a folder longer than `after`, by the real clock; returns how many.

    With `most`, the oldest go beyond so many. Others may do the same at the same time.
    """
    old = time.time() - after.total_seconds()
    lying: list[tuple[float, Path]] = []
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            lying.append((path.stat().st_mtime, path))
    lying.sort(reverse=True)
    gone = 0
    for number, (since, path) in enumerate(lying):
        if since >= old and (most is None or number < most):
            continue
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                wipe(path)
            else:
                path.unlink()
            gone += 1
    return gone

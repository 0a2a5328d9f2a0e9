"""A folder for what must lie open for a moment: in memory, or wiped before it goes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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

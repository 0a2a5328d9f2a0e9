"""Who works on a data folder: parts of the service share it, what replaces it must be alone.

A lock of the kernel on a file beside the data, given back however its holder ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.disk import writable
from core.errors import UnsafeSettings

FILE: Final = "running.lock"


@contextmanager
def among_others(folder: Path) -> Iterator[None]:
    """Work on the folder beside others, unless somebody is alone on it. Raises `UnsafeSettings`."""
    with _held(
        folder,
        fcntl.LOCK_SH,
        f"{folder} is being restored or replaced: start again when that is over",
    ):
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one on the folder. Raises `UnsafeSettings` where a part of the service runs."""
    with _held(
        folder,
        fcntl.LOCK_EX,
        f"`overlev web` or `overlev worker` runs on {folder}: stop them all first",
    ):
        yield


@contextmanager
def _held(folder: Path, how: int, refusal: str) -> Iterator[None]:
    with writable(folder):
        descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnsafeSettings(refusal) from None
        yield
    finally:
        os.close(descriptor)

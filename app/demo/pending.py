"""A mark in a demo's folder: its cases are still to be made. Whoever makes them holds it locked."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MARK: Final = "demo-cases-to-come"

STARTS_WITHIN: Final = 60.0
"""Seconds in which whoever is to make them begins, also on a busy machine."""


def to_come(folder: Path) -> bool:
    """Whether the cases of this demo are still to be made."""
    return (folder / MARK).is_file()


def put_mark(folder: Path) -> None:
    """Say so, from now on."""
    (folder / MARK).touch(mode=0o600)


def take_mark(folder: Path) -> None:
    """They are made."""
    (folder / MARK).unlink(missing_ok=True)


@contextmanager
def making(folder: Path) -> Iterator[Callable[[int], None]]:
    """While they are made: something to be told how many per cent are."""
    descriptor = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _write(descriptor, 0)  # what an attempt before came to is gone
        yield lambda percent: _write(descriptor, percent)
    finally:
        os.close(descriptor)


def _write(descriptor: int, percent: int) -> None:
    os.pwrite(descriptor, f"{min(percent, 99):02}".encode(), 0)


def percent_made(folder: Path) -> int | None:
    """How far whoever makes them has come, 0 to 99; None while nobody does.

    Nothing yet counts as 0 where they were promised just now: who makes them is still starting.
    """
    try:
        descriptor = os.open(folder / MARK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(descriptor, 2, 0) or b"0")
    else:
        promised = time.time() - os.fstat(descriptor).st_mtime < STARTS_WITHIN
        return 0 if promised else None
    finally:
        os.close(descriptor)

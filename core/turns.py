"""Whose turn it is to write on one machine: first among the threads, then among the processes.

SQLite has one writer at a time. Waiting in line outside it keeps the slowest writer quick, where
its own busy loop lets some starve.

Among processes a lock of the kernel on a file says who writes. It is given to whoever asks first
after it was let go, and that is mostly a thread of the process that let it go. So there is a second
file, beside the first: whoever wants to write next holds it while waiting for the turn, and nobody
asks for the turn without it. A process that has just written finds it held by the one that waits,
and they take turns. Both are given back by the kernel however their holder ends.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import Busy

SHORTEST_PAUSE: Final = 0.0002
LONGEST_PAUSE: Final = 0.002
"""Seconds between two questions whether another process has let go; a turn takes about three
thousandths, and Python has no waiting for such a lock that ends by itself."""


_waits: Final = threading.local()


@contextmanager
def waiting_since(came: float) -> Iterator[None]:
    """What this thread does waits for its turns as if since `came`, by the monotonic clock.

    For whoever stood in another line before this one, or in several: patience is for all of them
    together. A turn that is free is taken all the same.
    """
    before = getattr(_waits, "since", None)
    _waits.since = came if before is None else min(before, came)
    try:
        yield
    finally:
        _waits.since = before


class WriterQueue:
    """The line of writers at a database; `patience` in seconds is for all of the way to a turn."""

    def __init__(self, database: Path, patience: float) -> None:
        self._turn: Final = _FileLock(database.with_name(database.name + ".lock"))
        self._next: Final = _FileLock(database.with_name(database.name + ".next"))
        self._patience = patience
        self._thread_lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only writer. Raises `Busy` when the turn does not come within the patience."""
        now = time.monotonic()
        since = getattr(_waits, "since", None)
        deadline = (now if since is None else since) + self._patience
        if not self._thread_lock.acquire(timeout=max(0.0, deadline - now)):
            raise Busy("Others are writing. Try again in a moment.")
        try:
            self._next.take(deadline)
            try:
                self._turn.take(deadline)
            finally:
                self._next.give_back()
            try:
                yield
            finally:
                self._turn.give_back()
        finally:
            self._thread_lock.release()

    @contextmanager
    def if_nobody_writes(self) -> Iterator[bool]:
        """Whether no thread of this process writes; while it says so, none begins to."""
        free = self._thread_lock.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._thread_lock.release()

    @contextmanager
    def nobody_here(self) -> Iterator[None]:
        """While no thread of this process writes; after the patience, whoever writes."""
        had = self._thread_lock.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if had:
                self._thread_lock.release()


class _FileLock:
    """A lock between processes; one thread of each may ask for it at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._owner = 0

    def take(self, deadline: float) -> None:
        """Wait for it until `deadline` of the monotonic clock. Raises `Busy`."""
        fd, pause = self._file(), SHORTEST_PAUSE
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() + pause > deadline:
                    raise Busy("Others are writing. Try again in a moment.") from None
                time.sleep(pause)
                pause = min(pause * 1.25, LONGEST_PAUSE)
            else:
                return

    def give_back(self) -> None:
        """Let go of it, whoever had it last in this process."""
        if self._fd is not None and self._owner == os.getpid():
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _file(self) -> int:
        # A forked child must not share the parent's open file: a lock belongs to the open file.
        if self._fd is None or self._owner != os.getpid():
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._owner = os.getpid()
        return self._fd

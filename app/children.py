"""A part of the service as its parent sees it: a process that is started, watched and stopped."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final, Self

from core.parent import MARK
from core.processors import keep_to

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds until a part that died comes again; each time twice as long."""

STEADY: Final = 60.0
"""A part that lived so long begins anew with the shortest wait."""

MEMORY: Final = {"MALLOC_ARENA_MAX": "2"}
"""Each thread has memory of its own by default, which a part with many threads never gives back."""

GIVEN_UP: Final = 5
"""A part that died so often before it ever was ready is not tried again at the start."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child has ended by itself."""

    child: Child
    code: int

    @property
    def how(self) -> str:
        """The exit code, or the signal's name."""
        if self.code >= 0:
            return f"exit {self.code}"
        return signal.Signals(-self.code).name


class Child:
    """One part. `told` gets an `Ended` each time it ends although nobody asked."""

    def __init__(
        self,
        name: str,
        words: tuple[str, ...],
        environ: dict[str, str],
        told: queue.SimpleQueue[Ended | int],
        *,
        keep: tuple[int, ...] = (),
        comes_again: bool = True,
        processor: int | None = None,
    ) -> None:
        self.name = name
        self._words = words
        self._environ = MEMORY | environ | {MARK: "1"}
        self._told = told
        self._keep = keep
        self._comes_again = comes_again
        self._processor = processor
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._begun = 0.0
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process is not None else None

    def start(self) -> Self:
        """Start the process, and a thread that waits for its end."""
        with self._lock:
            if self._stopping:
                return self
            self._begun = time.monotonic()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-P", *self._words],
                stdin=subprocess.PIPE,
                env=self._environ,
                pass_fds=self._keep,
                # Ctrl-C reaches the parent alone, which stops the parts in order.
                start_new_session=True,
            )
            if self._processor is not None:
                keep_to(self._processor, self._process.pid)
        threading.Thread(target=self._wait, args=(self._process,), daemon=True).start()
        return self

    def may_come_again(self, ended: Ended) -> bool:
        """At the start: begin again, unless it has died too often to be worth it."""
        if self._deaths >= GIVEN_UP or not self._comes_again:
            return False
        self.come_again(ended)
        return True

    def come_again(self, ended: Ended) -> float:
        """Start anew after a while; how long, in seconds."""
        del ended
        if time.monotonic() - self._begun > STEADY:
            self._deaths = 0
        wait: float = min(FIRST_WAIT * 2**self._deaths, LONGEST_WAIT)
        self._deaths += 1
        again = threading.Timer(wait, self.start)
        again.daemon = True
        again.start()
        return wait

    def ask_to_end(self) -> subprocess.Popen[bytes] | None:
        """Tell it to end, once; its process, None where none runs."""
        with self._lock:
            asked, self._stopping = self._stopping, True
            process = self._process
        if process is None or process.poll() is not None:
            return None
        if not asked:
            process.send_signal(signal.SIGTERM)
        return process

    def stop(self, within: float) -> bool:
        """Ask it to end, and end it if it does not within so many seconds; False then."""
        process = self.ask_to_end()
        if process is None:
            return True
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        return True

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if not self._stopping:
            self._told.put(Ended(self, code))

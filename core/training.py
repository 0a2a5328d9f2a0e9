"""A demo's clock: the real one, or one moved ahead to the training day that somebody chose.

The choice is a file in the demo's folder (`training.json`), so that the web, the worker and the
commands of one folder agree on the day. A moved clock goes on: eight in the morning of the day
chosen, and an hour later nine.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from core.clock import Clock, system_now

FILE: Final = "training.json"
LOOKED_EVERY: Final = 0.5
"""Seconds within which a process notices that another day was chosen."""


class TrainingClock:
    """The time it is in a demo's folder; call it for the instant, in UTC."""

    def __init__(self, folder: Path, real: Clock = system_now) -> None:
        self._file = folder / FILE
        self._real = real
        self._moved_by = timedelta()
        self._looked_at = float("-inf")

    def __call__(self) -> datetime:
        return self._real() + self.moved_by()

    def moved_by(self) -> timedelta:
        """How far the clock is moved ahead; nothing on an ordinary day."""
        if time.monotonic() - self._looked_at >= LOOKED_EVERY:
            self._look()
        return self._moved_by

    def move_to(self, instant: datetime | None) -> None:
        """Let it be this instant now and go on from there; None is the real time again."""
        if instant is None:
            self._file.unlink(missing_ok=True)
        else:
            seconds = (instant - self._real()).total_seconds()
            half_made = self._file.with_suffix(f".{os.getpid()}")
            half_made.write_text(json.dumps({"moved_by": seconds}), encoding="utf-8")
            half_made.replace(self._file)
        self._look()

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        seconds = 0.0
        # A file that says nothing sensible moves nothing: it is a demo's, and chosen anew in a tap.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            seconds = float(json.loads(self._file.read_text(encoding="utf-8"))["moved_by"])
        self._moved_by = timedelta(seconds=seconds)

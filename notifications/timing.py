"""How long and how often: every period of delivery in one value, checked when it is made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

TIMEOUT: Final = timedelta(seconds=8)
"""How long one call to the provider may take, all of it."""
LIST_LAG: Final = timedelta(seconds=5)
"""How long the provider may take to list a message it accepted."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The periods of one installation's delivery. Raises `ValueError` if they contradict.

    `lease` is how long a worker holds a message; `look_after` how long an unknown one waits before
    each look-up; `first_pause` … `longest_pause` how long a line that gives no answers rests;
    `put_off` how long a message waits that the provider could not take, at first.
    """

    timeout: timedelta = TIMEOUT
    list_lag: timedelta = LIST_LAG
    lease: timedelta = timedelta(seconds=24)
    look_after: timedelta = timedelta(seconds=120)
    first_pause: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(minutes=5)
    put_off: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        if self.lease <= self.timeout + self.list_lag:
            raise ValueError(
                f"a message is held for {_seconds(self.lease)}, which is not longer than a call"
                f" ({_seconds(self.timeout)}) and the provider's lag ({_seconds(self.list_lag)})"
                " together"
            )
        if self.look_after <= 2 * self.list_lag:
            raise ValueError(
                f"look-ups {_seconds(self.look_after)} apart are not further apart than twice the"
                f" provider's lag ({_seconds(self.list_lag)})"
            )

    def pause(self, pauses: int) -> timedelta:
        """How long the line rests the `pauses`-th time in a row (from 0)."""
        return min(self.first_pause * (1 << min(pauses, 10)), self.longest_pause)

    def wait(self, tries: int, asked: float | None) -> timedelta:
        """How long a message waits after its `tries`-th call; `asked` is its wish (s)."""
        own = self.put_off * (1 << min(max(tries - 1, 0), 6))
        return max(own, timedelta(seconds=min(asked, 3600.0))) if asked else own


def _seconds(period: timedelta) -> str:
    return f"{period.total_seconds():g} s"

"""How fast we may call: so many a second, and not at all while the provider asks us to wait.

Where many wait, calls are let go by the handful: what is noted of them before and after the calls
then costs a commit a handful, and no call waits longer for it than a fortieth of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_NEARLY: Final = 1e-6
"""So much of a permission may be lacking: times do not add up to the last digit."""


class Pace:
    """A bucket of permissions that fills with `rate` a second (None: no limit)."""

    def __init__(
        self,
        rate: float | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._sleep = sleep
        # A burst comes on top of the rate in some second of the provider's, so it is a short one:
        # as much as a claim may hold up calls, a tenth of a second.
        self._most = max(rate / 10, 1.0) if rate is not None else 0.0
        self._handful = max(self._most // 4, 1.0)
        self._left = self._most
        self._filled_at = monotonic()
        self._held_until = 0.0

    def take(self, most: int) -> int:
        """Wait until `most` calls (at least 1) may be made, or a handful; how many may be."""
        while True:
            allowed, wait = self._allowed(most)
            if allowed:
                return allowed
            self._sleep(wait)

    def hold(self, seconds: float) -> None:
        """Make no call for so long."""
        self._held_until = max(self._held_until, self._monotonic() + seconds)

    def _allowed(self, most: int) -> tuple[int, float]:
        now = self._monotonic()
        if now < self._held_until:
            return 0, self._held_until - now
        if self._rate is None:
            return most, 0.0
        self._left = min(self._left + (now - self._filled_at) * self._rate, self._most)
        self._filled_at = now
        fewest = min(float(most), self._handful)
        if self._left < fewest - _NEARLY:
            return 0, (fewest - self._left) / self._rate
        allowed = min(int(self._left + _NEARLY), most)
        self._left -= allowed
        return allowed, 0.0

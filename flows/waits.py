"""What a loop says of a database that is away: once when it begins, and once when it is over.

It looks every few seconds, and a database may be away for a night: the places in the code where
that was noticed, again and again, would fill the log in which somebody looks for the reason.
"""

from __future__ import annotations

import logging
from typing import Final

from core.errors import Busy

_log: Final = logging.getLogger(__name__)


class Waits:
    """Of one loop, by its name."""

    def __init__(self, loop: str) -> None:
        self._loop = {"loop": loop}
        self._why: str | None = None

    def begun(self, busy: Busy) -> None:
        """It could not work now; told where that is new, or has another reason."""
        if self._why != busy.for_operators:
            self._why = busy.for_operators
            _log.warning("the loop waits for the database: %s", busy, extra=self._loop)

    def over(self) -> None:
        """It has worked."""
        if self._why is not None:
            self._why = None
            _log.warning("the loop goes on", extra=self._loop)

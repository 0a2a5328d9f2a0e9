"""Who carries the messages of a demo's year: nobody. Most are told as shown and not sent.

What becomes of a message follows from its number and text, so that the same year gives the same.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from notifications.reasons import Reason
from notifications.sender import Found, Outcome, SendRequest, SendResult, Sought, Trace

_REFUSED: Final = 5
_UNKNOWN: Final = 3
"""In 256."""


class Nobody:
    """A sender that sends nothing."""

    takes_replies = True
    threaded = False

    def send(self, request: SendRequest) -> SendResult:
        """Say what a provider would have."""
        drawn = blake2b(f"{request.to}/{request.body}".encode(), digest_size=1).digest()[0]
        if drawn < _REFUSED:
            return SendResult(Outcome.REFUSED, code="demo_refused")
        if drawn < _REFUSED + _UNKNOWN:
            return SendResult(Outcome.UNKNOWN, code="demo_no_answer")
        return SendResult(Outcome.ACCEPTED, f"demo-{request.attempt_id}", reason=Reason.SHOWN.value)

    def look_up(self, sought: Sought) -> Found:
        """Nobody can tell: these are the messages that a person decides about."""
        del sought
        return Found(Trace.UNCLEAR)

    def erase(self, provider_id: str) -> bool:
        """Nothing is kept."""
        del provider_id
        return True

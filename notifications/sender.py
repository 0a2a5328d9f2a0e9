"""Who carries a message out of the house: the protocol, and two senders that need no provider.

A sender answers with what it *knows*. `REFUSED` means surely not accepted; whatever leaves a doubt
(timeout, reset, a broken answer) is `UNKNOWN`. It never tries again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TextIO


class Outcome(StrEnum):
    """What is known about one call."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One call: our random attempt id, the number as E.164, the text.

    Number and text are left out of `repr`, so that no log or traceback can hold them.
    """

    attempt_id: str
    to: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of it; `provider_id` if accepted, `code` is the provider's own word for why not."""

    outcome: Outcome
    provider_id: str | None = None
    code: str | None = None


class Sender(Protocol):
    """Something that can send one SMS. May take seconds; no transaction is open meanwhile."""

    def send(self, request: SendRequest) -> SendResult: ...


def masked(number: str) -> str:
    """The number with all but its last two digits hidden: `********50`."""
    return "*" * max(len(number) - 2, 0) + number[-2:] if len(number) > 2 else "**"


def accept(request: SendRequest) -> SendResult:
    """The answer of a provider that takes everything."""
    return SendResult(Outcome.ACCEPTED, provider_id=f"memory-{request.attempt_id}")


class MemorySender:
    """Keeps what it was asked to send, in order; for tests.

    `answer` decides about each request, after the request was kept (as a provider that took the
    message before the line broke would have it).
    """

    def __init__(self, answer: Callable[[SendRequest], SendResult] = accept) -> None:
        self.sent: list[SendRequest] = []
        self._answer = answer

    def send(self, request: SendRequest) -> SendResult:
        self.sent.append(request)
        return self._answer(request)


class ConsoleSender:
    """Without a provider: prints what would be sent, the number masked, and calls it accepted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, request: SendRequest) -> SendResult:
        self._stream.write(f"SMS to {masked(request.to)}: {request.body}\n")
        self._stream.flush()
        return SendResult(Outcome.ACCEPTED, provider_id=f"console-{request.attempt_id}")

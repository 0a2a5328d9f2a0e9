"""Who carries a message out of the house: the protocol, and two senders that need no provider.

A sender answers with what it *knows*. `REFUSED`, `LATER` and `BLOCKED` mean surely not accepted;
whatever leaves a doubt (timeout, reset, a 500, a broken answer) is `UNKNOWN`. It never tries again
by itself. About an unknown one it can be asked what the provider has (`look_up`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TextIO

from notifications.reasons import Reason


class Outcome(StrEnum):
    """What is known about one call.

    `REFUSED` is about this message and final; `LATER` is surely not accepted now, and may be tried
    again; `BLOCKED` is about us (credentials, account, sender): no message would be accepted.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One call: our random attempt id, the number as E.164, the text.

    After `valid_for` seconds it is too late to be delivered. Number and text are left out of
    `repr`, so that no log or traceback can hold them.
    """

    attempt_id: str
    to: str = field(repr=False)
    body: str = field(repr=False)
    valid_for: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of it.

    `provider_id` if accepted, with a `reason` where nothing left the house; `code` is the
    provider's own word for why not, `reason` what it means (a `Reason` value, None for one we do
    not know by name); `retry_after` (seconds) if the provider said when to come again.
    """

    outcome: Outcome
    provider_id: str | None = None
    code: str | None = None
    reason: str | None = None
    retry_after: float | None = None


class Trace(StrEnum):
    """What a look-up showed. `ABSENT` is said only by a look-up that saw everything."""

    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: a message to `to` with the text `body`, asked for at `begun_at`.

    `known` are provider ids that belong to other attempts; `others` the texts of other attempts
    to the same number of which nobody knows yet whether they went.
    """

    attempt_id: str
    begun_at: datetime
    to: str = field(repr=False)
    body: str = field(repr=False)
    known: frozenset[str] = frozenset()
    others: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up came to; `provider_id` and `status` (the provider's word) if found."""

    trace: Trace
    provider_id: str | None = None
    status: str | None = None
    code: str | None = None


class Sender(Protocol):
    """Something that can send one SMS. May take seconds; no transaction is open meanwhile."""

    takes_replies: bool
    """Whether an answer to its messages reaches us, so that STOPP can be promised."""
    threaded: bool
    """Whether several threads may call it at once."""

    def send(self, request: SendRequest) -> SendResult: ...

    def look_up(self, sought: Sought) -> Found: ...

    def erase(self, provider_id: str) -> bool:
        """Have the provider forget the text; whether it is gone. Raises nothing."""


def masked(number: str) -> str:
    """The number with all but its last two digits hidden: `********50`."""
    return "*" * max(len(number) - 2, 0) + number[-2:] if len(number) > 2 else "**"


def accept(request: SendRequest) -> SendResult:
    """The answer of a provider that takes everything."""
    return SendResult(Outcome.ACCEPTED, provider_id=f"memory-{request.attempt_id}")


def unclear(sought: Sought) -> Found:
    """The answer of a provider that cannot be asked."""
    del sought
    return Found(Trace.UNCLEAR)


class MemorySender:
    """Keeps what it was asked to send, in order; for tests.

    `answer` decides about each request, after the request was kept (as a provider that took the
    message before the line broke would have it); `trace` answers look-ups.
    """

    takes_replies = True
    threaded = False

    def __init__(
        self,
        answer: Callable[[SendRequest], SendResult] = accept,
        trace: Callable[[Sought], Found] = unclear,
    ) -> None:
        self.sent: list[SendRequest] = []
        self.looked: list[Sought] = []
        self.erased: list[str] = []
        self._answer = answer
        self._trace = trace

    def send(self, request: SendRequest) -> SendResult:
        self.sent.append(request)
        return self._answer(request)

    def look_up(self, sought: Sought) -> Found:
        self.looked.append(sought)
        return self._trace(sought)

    def erase(self, provider_id: str) -> bool:
        self.erased.append(provider_id)
        return True


class ConsoleSender:
    """Without a provider: prints what would be sent, the number masked, and calls it accepted.

    Its reason says that it was shown alone, and stays with the message if a provider is set later.
    """

    takes_replies = True
    threaded = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def send(self, request: SendRequest) -> SendResult:
        self._stream.write(f"SMS to {masked(request.to)}: {request.body}\n")
        self._stream.flush()
        return SendResult(
            Outcome.ACCEPTED, f"console-{request.attempt_id}", reason=Reason.SHOWN.value
        )

    def look_up(self, sought: Sought) -> Found:
        """What was printed cannot be found again."""
        del sought
        return Found(Trace.UNCLEAR)

    def erase(self, provider_id: str) -> bool:
        """Nothing is kept."""
        del provider_id
        return True

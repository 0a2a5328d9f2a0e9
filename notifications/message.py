"""The values of the outbox: what is wanted, what is claimed, what became of it. Pure.

A message is known by what it is about; who and what that is, only its author knows. `subject`
and `person` are opaque references, `rung` and `template` codes. All instants are aware, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class MessageState(StrEnum):
    """The life of a message.

    wanted → sending → accepted | refused | unknown → (accepted | wanted again | needs_person),
    and cancelled, expired. What was surely not accepted but may be later is wanted again.
    """

    WANTED = "wanted"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NEEDS_PERSON = "needs_person"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


MAY_HAVE_GONE: Final = frozenset(
    {
        MessageState.SENDING,
        MessageState.ACCEPTED,
        MessageState.UNKNOWN,
        MessageState.NEEDS_PERSON,
    }
)
"""States in which the person may have the message, or may get it this very moment."""


def occasion_of(about: str, rung: str) -> str:
    """What a message reminds of, whichever rung it goes on: `about` without its rung."""
    return about.replace(f"/{rung}/", "/", 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One message that should be sent, once.

    `about` is unique for ever, with the rung as one of its parts between slashes:
    ``<subject>/<what>/<rung>/<start>``. It goes at `send_at` or soon after, never at or after
    `expires_at`. `starts_at` is what the text names.
    """

    about: str
    subject: str
    person: str
    rung: str
    send_at: datetime
    expires_at: datetime
    starts_at: datetime
    template: str
    language: str

    @property
    def occasion(self) -> str:
        """What it reminds of; of one occasion a person is reminded once."""
        return occasion_of(self.about, self.rung)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands. `why` is a `Reason` value, None while it is still on its way."""

    id: int
    about: str
    subject: str
    person: str
    rung: str
    send_at: datetime
    expires_at: datetime
    starts_at: datetime
    template: str
    language: str
    state: MessageState
    why: str | None

    @property
    def occasion(self) -> str:
        """What it reminds of."""
        return occasion_of(self.about, self.rung)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message one worker holds until `lease_until`; `owner` and `epoch` are its fence."""

    id: int
    about: str
    subject: str
    person: str
    rung: str
    send_at: datetime
    expires_at: datetime
    starts_at: datetime
    template: str
    language: str
    owner: str
    epoch: int
    lease_until: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What one claim did with the rows it looked at."""

    claimed: tuple[Claimed, ...] = ()
    expired: int = 0
    cancelled: int = 0
    needs_person: int = 0

    @property
    def looked_at(self) -> int:
        """How many due messages the claim decided about."""
        return len(self.claimed) + self.expired + self.cancelled + self.needs_person

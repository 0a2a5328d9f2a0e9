"""Sending what is due: claim, commit, call, settle, so that nothing is accepted twice.

The order is the promise. A claim is committed before anything else happens; an attempt is
committed before each call; no transaction is open during the call; what came of it is committed
after it. A worker may die between any two of these:

    after the claim        no attempt row: surely unsent, wanted again when the lease has passed
    after the attempt      maybe sent: unknown when the lease has passed, then a person's
    after the call         the same; the provider's answer died with the worker
    after the settling     nothing is lost

The look-up at the provider that settles most of the unknown ones, rate limits and the breaker
come with the SMS provider.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from core.clock import Clock
from core.db import Transactions
from core.errors import BadInput, Busy
from notifications import claims, texts, versions
from notifications.message import Claimed, ClaimResult
from notifications.reasons import Reason
from notifications.segments import segments
from notifications.sender import Outcome, Sender, SendRequest, SendResult

LEASE: Final = timedelta(minutes=2)
"""How long a worker may hold a message: longer than a call can take plus the provider's lag."""

SETTLE_TRIES: Final = 5
"""How often an answer is tried to be written while the database is busy; it cannot be had again."""


@dataclass(slots=True)
class DeliverResult:
    """What one run did, in messages.

    `unknown` are those of which the run had to learn that nobody knows whether they went, and
    `needs_person` those it gave to a person, so that one message may be in both.
    """

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    needs_person: int = 0
    expired: int = 0
    cancelled: int = 0


def deliver(
    db: Transactions,
    sender: Sender,
    *,
    may_send: Callable[[Connection, Claimed], str | None],
    number_for: Callable[[Connection, str], str | None],
    contact_phone: Callable[[Connection, str], str],
    clock: Clock,
    owner: str,
    batch: int = 100,
    lease: timedelta = LEASE,
    monotonic: Callable[[], float] = time.monotonic,
) -> DeliverResult:
    """Send what is due, until nothing is; safe to run twice and beside other workers.

    In the claim's transaction `may_send` says None, or the `Reason` for sending nothing after
    all; `number_for` tells the E.164 number of a person (None: cancelled as `no_number`) and
    `contact_phone` the neutral number to name to a subject. `owner` names this worker, unlike any
    other. `lease` must be longer than a call can take. What a sender raises counts as no answer.
    """
    run = _Run(
        db, sender, may_send, number_for, contact_phone, clock, owner, batch, lease, monotonic
    )
    done = DeliverResult()
    version_ids = db.transact(lambda tx: versions.record(tx, now=clock()))
    done.unknown += db.transact(lambda tx: claims.recover(tx, now=clock()))
    while run.one_batch(version_ids, done):
        pass
    done.needs_person += db.transact(lambda tx: claims.hand_over(tx, now=clock()))
    return done


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed message with all that its call needs; the number is held in memory only."""

    claimed: Claimed
    to: str = field(repr=False)
    text: texts.Rendered


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of one worker."""

    db: Transactions
    sender: Sender
    may_send: Callable[[Connection, Claimed], str | None]
    number_for: Callable[[Connection, str], str | None]
    contact_phone: Callable[[Connection, str], str]
    clock: Clock
    owner: str
    batch: int
    lease: timedelta
    monotonic: Callable[[], float]

    def one_batch(self, version_ids: versions.VersionIds, done: DeliverResult) -> bool:
        """Claim and send one batch; whether there may be more to do."""
        held_until = self._lease_end()
        result, ready = self.db.transact(self._take)
        done.expired += result.expired
        done.cancelled += result.cancelled
        done.needs_person += result.needs_person
        moved_on = result.looked_at - len(ready)
        for message in ready:
            version_id = version_ids[message.text.template.key]
            moved_on += self._send(message, version_id, held_until, done)
        # A round that only gives back what it took would go on for ever.
        return result.looked_at == self.batch and moved_on > 0

    def _take(self, tx: Connection) -> tuple[ClaimResult, list[_Ready]]:
        ready: dict[int, _Ready] = {}

        def check(candidate: Claimed) -> str | None:
            said = self.may_send(tx, candidate)
            if said is not None:
                return said
            to = self.number_for(tx, candidate.person)
            if to is None:
                return Reason.NO_NUMBER
            try:
                text = texts.render(
                    candidate.template,
                    candidate.language,
                    starts_at=candidate.starts_at,
                    contact_phone=self.contact_phone(tx, candidate.subject),
                )
            except BadInput:
                return Reason.UNFIT_TEXT
            ready[candidate.id] = _Ready(candidate, to, text)
            return None

        result = claims.claim(
            tx, check, now=self.clock(), owner=self.owner, limit=self.batch, lease=self.lease
        )
        return result, list(ready.values())

    def _send(
        self, message: _Ready, version_id: int, held_until: float, done: DeliverResult
    ) -> bool:
        """Send one message if it is still ours and its time has not passed; whether it moved on."""
        claimed = message.claimed
        if not self._may_begin(claimed, held_until):
            self._give_back(claimed)
            return False
        held_until = self._lease_end()
        attempt = self.db.transact(
            lambda tx: claims.begin(
                tx,
                claimed,
                body=message.text.body,
                segments=segments(message.text.body).count,
                template_version_id=version_id,
                now=self.clock(),
                lease=self.lease,
            )
        )
        if attempt is None:
            return True  # another worker has it now
        # The commit may have waited: the lease is looked at once more, directly before the call.
        if not self._may_begin(claimed, held_until):
            self._give_back(claimed)
            return False
        answer = self._call(SendRequest(attempt, message.to, message.text.body))
        self._settle(claimed, answer)
        match answer.outcome:
            case Outcome.ACCEPTED:
                done.accepted += 1
            case Outcome.REFUSED:
                done.refused += 1
            case Outcome.UNKNOWN:
                done.unknown += 1
        return True

    def _call(self, request: SendRequest) -> SendResult:
        try:
            return self.sender.send(request)
        except Exception as failed:  # noqa: BLE001 - the call may have got through before it broke
            # Only the kind of failure is kept: its words may hold the number or the text.
            return SendResult(Outcome.UNKNOWN, code=type(failed).__name__)

    def _settle(self, claimed: Claimed, answer: SendResult) -> None:
        for tried in range(1, SETTLE_TRIES + 1):
            try:
                self.db.transact(lambda tx: claims.settle(tx, claimed, answer, now=self.clock()))
                return
            except Busy:
                if tried == SETTLE_TRIES:
                    raise

    def _give_back(self, claimed: Claimed) -> None:
        self.db.transact(lambda tx: claims.give_back(tx, claimed, now=self.clock()))

    def _lease_end(self) -> float:
        return self.monotonic() + self.lease.total_seconds()

    def _may_begin(self, claimed: Claimed, held_until: float) -> bool:
        # By the monotonic clock: the other one may be set back while a message is held.
        return self.monotonic() < held_until and self.clock() < claimed.expires_at

"""Sending what is due: claim, commit, call, settle, so that nothing is accepted twice.

The order is the promise. A claim is committed before anything else happens; an attempt is
committed before each call; no transaction is open during the call; what came of it is committed
after it. A worker may die between any two of these:

    after the claim        no attempt row: surely unsent, wanted again when the lease has passed
    after the attempt      maybe sent: unknown when the lease has passed, then looked up
    after the call         the same; the provider's answer died with the worker
    after the settling     nothing is lost

Several calls may be under way at once (`at_once`), from threads that touch no database: this one
begins and settles for all of them, in as few commits as it can.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from core.clock import Clock
from core.db import Transactions
from core.errors import BadInput, Busy
from notifications import claims, line, looking, opt_outs, settling, texts, versions
from notifications.claims import Written
from notifications.line import Line
from notifications.message import Claimed, ClaimResult, MessageState
from notifications.pace import Pace
from notifications.reasons import Reason
from notifications.segments import segments
from notifications.sender import Found, Outcome, Sender, SendRequest, SendResult, Trace
from notifications.timing import Timing

SETTLE_TRIES: Final = 5
"""How often an answer is tried to be written while the database is busy; it cannot be had again."""

LONGEST_HOLD: Final = 5.0
"""Seconds a run itself waits when the provider asks it to slow down; for longer the line rests."""

LOOKS: Final = 10
"""Look-ups to a run, at least."""

BATCH: Final = 40
"""Messages to a claim: each case is asked once more in it, and the write lock is held meanwhile."""


@dataclass(slots=True)
class DeliverResult:
    """What one run did, in messages.

    `unknown` are those of which the run had to learn that nobody knows whether they went, and
    `needs_person` those it gave to a person, so that one message may be in both. A message that a
    look-up found at the provider is `accepted`.
    """

    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    needs_person: int = 0
    expired: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What delivery asks of the floor that knows cases, always in a transaction that is open.

    In the claim's transaction `may_send` says None, or the `Reason` for sending nothing after all;
    `number_for` tells the E.164 number of a person (None: cancelled as `no_number`), `digest_of`
    its keyed hash, and `contact_phone` the neutral number to name to a subject. `number_failed`
    hears, with the transaction's instant, of a number (as its hash) that is no use for good.
    """

    may_send: Callable[[Connection, Claimed], str | None]
    number_for: Callable[[Connection, str], str | None]
    contact_phone: Callable[[Connection, str], str]
    digest_of: Callable[[Connection, str], str]
    number_failed: Callable[[Connection, str, Reason, datetime], None] = lambda *_: None


def deliver(
    db: Transactions,
    sender: Sender,
    *,
    ask: Ask,
    clock: Clock,
    owner: str,
    batch: int = BATCH,
    timing: Timing | None = None,
    at_once: int = 1,
    rate: float | None = None,
    go_on: Callable[[], bool] = lambda: True,
    monotonic: Callable[[], float] = time.monotonic,
) -> DeliverResult:
    """Send what is due, until nothing is; safe to run twice and beside other workers.

    `owner` names this worker, unlike any other. `at_once` calls are under way at a time, `rate` a
    second at most. `go_on` is asked between batches: False ends the run. What a sender raises
    counts as no answer.
    """
    done = DeliverResult()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(at_once)) if at_once > 1 else None
        run = _Run(
            db=db,
            sender=sender,
            ask=ask,
            clock=clock,
            owner=owner,
            batch=batch,
            timing=timing or Timing(),
            at_once=at_once,
            pace=Pace(rate),
            pool=pool,
            go_on=go_on,
            monotonic=monotonic,
            done=done,
        )
        run.look()
        run.send()
    return done


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed message with all that its call needs; the number is held in memory only."""

    written: Written
    to: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A message of ours, and until when (monotonic) its call may begin."""

    ready: _Ready
    until: float


@dataclass(slots=True)
class _Run:
    """One run of one worker."""

    db: Transactions
    sender: Sender
    ask: Ask
    clock: Clock
    owner: str
    batch: int
    timing: Timing
    at_once: int
    pace: Pace
    pool: ThreadPoolExecutor | None
    go_on: Callable[[], bool]
    monotonic: Callable[[], float]
    done: DeliverResult
    version_ids: versions.VersionIds = field(default_factory=dict)
    line: Line = line.ANSWERS
    waiting: deque[_Held] = field(default_factory=deque)
    under_way: dict[Future[SendResult | None], _Held] = field(default_factory=dict)
    idle_claims: int = 0
    """How many claims ago a message last moved on, whichever way."""

    def look(self) -> None:
        """Ask the provider about what is unknown, where its look-up is due."""
        self.done.unknown += self.db.transact(
            lambda tx: claims.recover(tx, now=self.clock(), look_after=self.timing.look_after)
        )
        # One batch a run: asking about the past must not keep the present waiting.
        looks = self.db.transact(self._take_looks)
        if not looks:
            return
        found = list((self.pool.map if self.pool is not None else map)(self._found, looks))
        states = self.db.transact(lambda tx: self._settle_looks(tx, looks, found))
        self.done.accepted += states.count(MessageState.ACCEPTED)
        self.done.needs_person += states.count(MessageState.NEEDS_PERSON)

    def _settle_looks(
        self, tx: Connection, looks: Sequence[looking.Look], found: Sequence[Found]
    ) -> list[MessageState | None]:
        now = self.clock()
        return [
            looking.settle_look(tx, look, each, now=now, timing=self.timing)
            for look, each in zip(looks, found, strict=True)
        ]

    def _take_looks(self, tx: Connection) -> list[looking.Look]:
        return looking.take(
            tx,
            now=self.clock(),
            limit=max(self.at_once, LOOKS),
            hold=self.timing.look_after,
            number_for=self.ask.number_for,
            digest_of=self.ask.digest_of,
        )

    def _found(self, look: looking.Look) -> Found:
        if look.sought is None:
            return Found(Trace.UNCLEAR)
        try:
            return self.sender.look_up(look.sought)
        except Exception as failed:  # noqa: BLE001 - only the kind of failure is kept
            return Found(Trace.FAILED, code=type(failed).__name__)

    def send(self) -> None:
        """Claim and send until nothing is due, or the line rests."""
        self.version_ids, self.line = self.db.transact(
            lambda tx: (versions.record(tx, now=self.clock()), line.state(tx))
        )
        try:
            self._send_what_is_due()
        except Busy:
            self._settle_all()  # an answer cannot be had again
            raise

    def _send_what_is_due(self) -> None:
        more = True
        while True:
            self._call_some()
            if more and self._may_claim():
                more, at_once = self._claim(), True
            elif self.waiting or self.under_way:
                # With room for more calls, answers that are there are written, not waited for.
                at_once = bool(self.waiting) and len(self.under_way) < self.at_once
            else:
                return
            self._settle_ended(timeout=0 if at_once else None)

    def _may_claim(self) -> bool:
        """Whether to claim now: the next messages are taken while calls are still under way.

        Otherwise every batch would wait for its slowest call, and the next for a claim. A claim
        only gives back what it took where leases pass faster than calls begin: a second one on
        its heels would do the same, for ever.
        """
        if self.waiting or self.under_way:
            ahead = self.pool is not None and not self.line.on_trial
            if not ahead or len(self.waiting) >= self.at_once or self.idle_claims > 1:
                return False
        elif self.idle_claims > 0:
            return False
        return not self.line.rests(self.clock()) and self.go_on()

    def _claim(self) -> bool:
        """Take the next messages; whether more may be due."""
        limit = 1 if self.line.on_trial else self.batch
        held_until = self._lease_end()
        result, ready = self.db.transact(lambda tx: self._take(tx, limit))
        self.done.expired += result.expired
        self.done.cancelled += result.cancelled
        self.done.needs_person += result.needs_person
        self.waiting.extend(_Held(each, held_until) for each in ready)
        self.idle_claims += 1
        self._moved_on(result.looked_at - len(ready))
        return result.looked_at == limit

    def _moved_on(self, messages: int) -> None:
        if messages:
            self.idle_claims = 0

    def _take(self, tx: Connection, limit: int) -> tuple[ClaimResult, list[_Ready]]:
        ready: dict[int, _Ready] = {}

        def check(candidate: Claimed) -> str | None:
            answer = self._ready(tx, candidate)
            if isinstance(answer, _Ready):
                ready[candidate.id] = answer
                return None
            return answer

        result = claims.claim(
            tx,
            check,
            now=self.clock(),
            owner=self.owner,
            limit=limit,
            lease=self.timing.lease,
        )
        return result, list(ready.values())

    def _ready(self, tx: Connection, candidate: Claimed) -> _Ready | str:
        said = self.ask.may_send(tx, candidate)
        if said is not None:
            return said
        to = self.ask.number_for(tx, candidate.person)
        if to is None:
            return Reason.NO_NUMBER
        digest = self.ask.digest_of(tx, to)
        if opt_outs.stopped(tx, digest):
            return Reason.OPTED_OUT
        name = texts.for_sender(candidate.template, takes_replies=self.sender.takes_replies)
        try:
            text = texts.render(
                name,
                candidate.language,
                starts_at=candidate.starts_at,
                contact_phone=self.ask.contact_phone(tx, candidate.subject),
            )
        except BadInput:
            return Reason.UNFIT_TEXT
        written = Written(
            claimed=candidate,
            to_digest=digest,
            template_version_id=self.version_ids[text.template.key],
            segments=segments(text.body).count,
            body=text.body,
        )
        return _Ready(written, to)

    def _call_some(self) -> None:
        """Begin as many calls as there is room for and the pace allows, while the line answers."""
        if self.waiting and self.line.rests(self.clock()):
            self._give_back([each.ready.written.claimed for each in self.waiting])
            self.waiting.clear()
        room = min(len(self.waiting), self.at_once - len(self.under_way))
        if room > 0:
            self._begin([self.waiting.popleft() for _ in range(self.pace.take(room))])

    def _settle_ended(self, *, timeout: float | None) -> None:
        """Write what came of the calls that ended, waiting for one at most so long."""
        if self.under_way:
            ended, _ = wait(self.under_way, timeout=timeout, return_when=FIRST_COMPLETED)
            self._settle([(self.under_way.pop(each), each.result()) for each in ended])

    def _settle_all(self) -> None:
        while self.under_way:
            self._settle_ended(timeout=None)

    def _begin(self, group: Sequence[_Held]) -> None:
        """Note the attempts of a group in one commit, then call."""
        late: list[_Held] = []
        timely: list[_Held] = []
        for each in group:
            (timely if self._may_begin(each) else late).append(each)
        self._give_back([each.ready.written.claimed for each in late])
        if not timely:
            return
        renewed_until = self._lease_end()
        refs = self.db.transact(
            lambda tx: [
                claims.begin(tx, each.ready.written, now=self.clock(), lease=self.timing.lease)
                for each in timely
            ]
        )
        for each, ref in zip(timely, refs, strict=True):
            if ref is not None:
                begun = _Held(each.ready, renewed_until)
                self.under_way[self._submit(begun, ref)] = begun
        self._moved_on(refs.count(None))  # to another worker

    def _submit(self, begun: _Held, ref: str) -> Future[SendResult | None]:
        written = begun.ready.written
        left = (written.claimed.expires_at - self.clock()).total_seconds()
        request = SendRequest(ref, begun.ready.to, written.body, max(int(left), 1))
        if self.pool is not None:
            return self.pool.submit(self._call, begun, request)
        at_once: Future[SendResult | None] = Future()
        at_once.set_result(self._call(begun, request))
        return at_once

    def _call(self, begun: _Held, request: SendRequest) -> SendResult | None:
        # The commit may have waited, and this thread too: the lease is looked at once more,
        # directly before the call.
        if not self._may_begin(begun):
            return None
        try:
            return self.sender.send(request)
        except Exception as failed:  # noqa: BLE001 - the call may have got through before it broke
            # Only the kind of failure is kept: its words may hold the number or the text.
            return SendResult(Outcome.UNKNOWN, code=type(failed).__name__)

    def _settle(self, answers: Sequence[tuple[_Held, SendResult | None]]) -> None:
        """Write what came of calls."""
        if not answers:
            return
        before = self.line
        for _, answer in answers:
            self._heard(answer)
        for tried in range(1, SETTLE_TRIES + 1):
            try:
                self.db.transact(lambda tx: self._write(tx, answers, before))
                break
            except Busy:
                if tried == SETTLE_TRIES:
                    raise
        outcomes = [answer.outcome for _, answer in answers if answer is not None]
        self.done.accepted += outcomes.count(Outcome.ACCEPTED)
        self.done.refused += outcomes.count(Outcome.REFUSED)
        self.done.unknown += outcomes.count(Outcome.UNKNOWN)
        self._moved_on(len(outcomes) - outcomes.count(Outcome.BLOCKED))

    def _write(
        self, tx: Connection, answers: Sequence[tuple[_Held, SendResult | None]], before: Line
    ) -> None:
        now = self.clock()
        for begun, answer in answers:
            claimed = begun.ready.written.claimed
            if answer is None:
                claims.give_back(tx, claimed, now=now)
                continue
            settling.settle(tx, claimed, answer, now=now, timing=self.timing)
            digest = begun.ready.written.to_digest
            if answer.reason == Reason.OPTED_OUT:
                opt_outs.stop(tx, digest, source="provider", now=now)
            elif answer.reason in (Reason.BAD_NUMBER, Reason.NUMBER_GONE):
                self.ask.number_failed(tx, digest, Reason(answer.reason), now)
        if self.line != before:
            line.write(tx, self.line, now=now)

    def _heard(self, answer: SendResult | None) -> None:
        """What an answer says about the line."""
        now = self.clock()
        if answer is None or (
            self.line.rests(now) and answer.outcome not in (Outcome.ACCEPTED, Outcome.REFUSED)
        ):
            return  # calls that were under way together count once
        pause = self.timing.pause(self.line.pauses)
        match answer.outcome:
            case Outcome.UNKNOWN:
                self.line = self.line.silent(now=now, pause=pause)
            case Outcome.BLOCKED:
                self.line = self.line.resting(
                    until=now + pause, reason=answer.reason or Reason.SENDER_REFUSED
                )
            case Outcome.LATER if answer.reason == Reason.NO_CONNECTION:
                self.line = self.line.silent(now=now, pause=pause)
            case Outcome.LATER:
                asked = answer.retry_after or 1.0
                if asked <= LONGEST_HOLD:
                    self.pace.hold(asked)
                else:
                    until = now + min(timedelta(seconds=asked), self.timing.longest_pause)
                    self.line = self.line.resting(until=until, reason=Reason.TOO_FAST.value)
            case Outcome.ACCEPTED | Outcome.REFUSED:
                self.line = line.ANSWERS

    def _give_back(self, messages: Sequence[Claimed]) -> None:
        if messages:
            self.db.transact(
                lambda tx: [claims.give_back(tx, each, now=self.clock()) for each in messages]
            )

    def _lease_end(self) -> float:
        return self.monotonic() + self.timing.lease.total_seconds()

    def _may_begin(self, held: _Held) -> bool:
        # By the monotonic clock: the other one may be set back while a message is held.
        expires_at = held.ready.written.claimed.expires_at
        return self.monotonic() < held.until and self.clock() < expires_at

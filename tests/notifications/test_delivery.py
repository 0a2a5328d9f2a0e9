"""Delivery: what is due goes once, through every stop of the worker, and every end has a reason."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select

from core.clock import Clock, frozen_clock
from core.db import Database, metadata
from core.errors import Busy
from notifications import delivery, settling, texts
from notifications.delivery import Ask, DeliverResult, deliver
from notifications.message import Claimed, MessageState
from notifications.sender import (
    ConsoleSender,
    Found,
    MemorySender,
    Outcome,
    Sender,
    SendRequest,
    SendResult,
    Sought,
    Trace,
    masked,
)
from notifications.standing import has_answered
from notifications.tables import TABLES, template_version
from notifications.timing import Timing
from tests.notifications.messages import HOUR, NOON, attempts, reminder, standing, want

T = TypeVar("T")
TIMING = Timing()
LEASE = TIMING.lease
LOOK = TIMING.look_after
NUMBER = "+4700000042"
ACCEPTED = (MessageState.ACCEPTED, "taken")
WANTED = (MessageState.WANTED, None)
SENDING = (MessageState.SENDING, None)
UNKNOWN = (MessageState.UNKNOWN, "worker_stopped")


SECOND = timedelta(seconds=1)


def silent(request: SendRequest) -> SendResult:
    """A provider that took the message or did not, and says neither."""
    return SendResult(Outcome.UNKNOWN, code="timeout")


class Killed(BaseException):
    """The process died here: nothing of ours may catch it."""


def yes(tx: Connection, claimed: Claimed) -> str | None:
    return None


def run(
    db: Database,
    sender: Sender,
    *,
    at: datetime = NOON,
    clock: Clock | None = None,
    may_send: Callable[[Connection, Claimed], str | None] = yes,
    number: str | None = NUMBER,
    phone: str = "22 00 00 00",
    owner: str = "worker-1",
    batch: int = 100,
    at_once: int = 1,
    monotonic: Callable[[], float] = lambda: 0.0,
) -> DeliverResult:
    return deliver(
        db,
        sender,
        ask=Ask(
            may_send=may_send,
            number_for=lambda tx, person: number,
            contact_phone=lambda tx, subject: phone,
            digest_of=lambda tx, number: f"digest of {number[-2:]}",
        ),
        clock=clock or frozen_clock(at),
        owner=owner,
        batch=batch,
        timing=TIMING,
        at_once=at_once,
        monotonic=monotonic,
    )


def test_a_due_message_is_sent_and_accepted(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender()

    result = run(db, sender)

    assert result == DeliverResult(accepted=1)
    assert standing(db) == [ACCEPTED]
    (sent,) = sender.sent
    (tried,) = attempts(db)
    assert sent.to == NUMBER
    assert sent.attempt_id == tried.ref
    assert sent.body == tried.body
    assert sent.body.startswith("Påminning: Du har en avtale ons. 25.11. kl. 09.00.")
    assert tried.segments == 1


def test_a_provider_has_answered_when_a_message_went_to_it_and_not_when_it_was_shown(
    db: Database,
) -> None:
    def answered() -> bool:
        with db.read() as tx:
            return has_answered(tx)

    want(db, [reminder("1")])
    run(db, ConsoleSender(io.StringIO()))
    assert not answered()

    want(db, [reminder("2")])
    run(db, MemorySender(silent))
    assert not answered()

    want(db, [reminder("3")])
    run(db, MemorySender(lambda _: SendResult(Outcome.REFUSED, code="21211")))
    assert answered()


def test_running_again_sends_nothing_more(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender()
    run(db, sender)

    assert run(db, sender) == DeliverResult()
    assert len(sender.sent) == 1


def test_more_messages_than_a_batch_all_go(db: Database) -> None:
    want(db, [reminder(str(number)) for number in range(7)])

    assert run(db, MemorySender(), batch=3).accepted == 7


def test_a_message_that_is_not_due_waits(db: Database) -> None:
    want(db, [reminder()])

    assert run(db, MemorySender(), at=NOON - timedelta(seconds=1)) == DeliverResult()
    assert standing(db) == [WANTED]


def test_a_message_too_late_is_dropped_and_shown_as_dropped(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender()

    assert run(db, sender, at=NOON + 3 * HOUR) == DeliverResult(expired=1)
    assert standing(db) == [(MessageState.EXPIRED, "too_late")]
    assert sender.sent == []


def test_a_refusal_is_final_and_keeps_the_providers_word(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(lambda _: SendResult(Outcome.REFUSED, code="21211"))

    assert run(db, sender) == DeliverResult(refused=1)
    assert run(db, sender) == DeliverResult()
    assert standing(db) == [(MessageState.REFUSED, "refused")]
    assert [tried.code for tried in attempts(db)] == ["21211"]


def test_no_answer_is_asked_about_and_goes_to_a_person_if_that_does_not_tell(
    db: Database,
) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent)

    assert run(db, sender) == DeliverResult(unknown=1)
    assert run(db, sender, at=NOON + LOOK - SECOND) == DeliverResult()
    assert standing(db) == [(MessageState.UNKNOWN, "no_answer")]
    assert run(db, sender, at=NOON + LOOK) == DeliverResult(needs_person=1)
    assert run(db, sender, at=NOON + HOUR) == DeliverResult()
    assert standing(db) == [(MessageState.NEEDS_PERSON, "traces_differ")]
    assert len(sender.sent) == 1


def test_what_a_sender_raises_is_no_answer_and_the_others_still_go(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])
    calls: list[str] = []

    def first_breaks(request: SendRequest) -> SendResult:
        calls.append(request.attempt_id)
        if len(calls) == 1:
            raise ConnectionResetError(f"while sending to {request.to}")
        return SendResult(Outcome.ACCEPTED, provider_id="SM2")

    result = run(db, MemorySender(first_breaks))

    assert result == DeliverResult(accepted=1, unknown=1)
    assert standing(db) == [(MessageState.UNKNOWN, "no_answer"), ACCEPTED]
    assert [tried.code for tried in attempts(db)] == ["ConnectionResetError", None]


def test_consent_is_asked_once_more_when_a_message_is_claimed(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender()

    result = run(db, sender, may_send=lambda tx, claimed: "no_consent")

    assert result == DeliverResult(cancelled=1)
    assert standing(db) == [(MessageState.CANCELLED, "no_consent")]
    assert sender.sent == []


def test_a_person_whose_number_is_gone_gets_nothing(db: Database) -> None:
    want(db, [reminder()])

    assert run(db, MemorySender(), number=None) == DeliverResult(cancelled=1)
    assert standing(db) == [(MessageState.CANCELLED, "no_number")]


@pytest.mark.parametrize("phone", ["22 00 00 00, Ila fengsel", "resepsjonen", "", "22-00-00-00"])
def test_a_contact_phone_that_is_more_than_a_number_lets_nothing_out(
    db: Database, phone: str
) -> None:
    want(db, [reminder()])
    sender = MemorySender()

    assert run(db, sender, phone=phone) == DeliverResult(needs_person=1)
    assert standing(db) == [(MessageState.NEEDS_PERSON, "unfit_text")]
    assert sender.sent == []


def test_an_unknown_template_lets_nothing_out(db: Database) -> None:
    want(db, [replace(reminder(), template="birthday")])

    assert run(db, MemorySender()) == DeliverResult(needs_person=1)


def test_no_transaction_is_open_while_the_sender_is_called(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])
    open_ones: list[int] = []

    def look(request: SendRequest) -> SendResult:
        # On SQLite one connection is kept for whoever has the turn to write.
        kept = int(db.is_sqlite)
        open_ones.append(db.engine.pool.checkedout() - kept)  # type: ignore[attr-defined]
        with db.write():  # nobody holds that turn either
            pass
        return SendResult(Outcome.ACCEPTED, provider_id=request.attempt_id)

    run(db, MemorySender(look))

    assert open_ones == [0, 0]


def test_the_attempt_is_committed_before_the_call(db: Database) -> None:
    want(db, [reminder()])
    seen: list[tuple[str, str]] = []

    def look(request: SendRequest) -> SendResult:
        seen.extend((tried.ref, tried.outcome) for tried in attempts(db))
        return SendResult(Outcome.ACCEPTED, provider_id="SM1")

    sender = MemorySender(look)
    run(db, sender)

    assert seen == [(sender.sent[0].attempt_id, "begun")]


def test_attempt_ids_are_random_and_every_attempt_names_the_text_it_used(db: Database) -> None:
    want(db, [reminder("1"), reminder("2", language="en"), reminder("3", language="xx")])
    run(db, MemorySender())

    tried = attempts(db)
    with db.read() as tx:
        used = {row.id: row for row in tx.execute(select(template_version))}
    assert len({row.ref for row in tried}) == 3
    assert [used[row.template_version_id].language for row in tried] == ["nb", "en", "nb"]
    assert used[tried[0].template_version_id].sha256 == (
        texts.template_for("appointment_reminder", "nb").sha256
    )


def test_a_text_changed_without_a_new_version_stops_delivery_before_anything_goes(
    db: Database,
) -> None:
    want(db, [reminder()])
    run(db, MemorySender(), at=NOON - HOUR)
    with db.write() as tx:
        tx.execute(template_version.update().values(sha256="0" * 64))
    sender = MemorySender()

    with pytest.raises(texts.TextFault, match="without a new version"):
        run(db, sender)
    assert sender.sent == []


# Time that passes while a message is held


def test_a_lease_that_passes_between_claim_and_attempt_gives_the_message_back(
    db: Database,
) -> None:
    want(db, [reminder()])
    sender = MemorySender()
    instants = iter([0.0, LEASE.total_seconds()])

    assert run(db, sender, monotonic=lambda: next(instants)) == DeliverResult()

    assert sender.sent == []
    assert attempts(db) == []
    assert standing(db) == [WANTED]


def test_a_lease_that_passes_directly_before_the_call_gives_the_message_back(
    db: Database,
) -> None:
    want(db, [reminder()])
    sender = MemorySender()
    instants = iter([0.0, 0.0, 0.0, LEASE.total_seconds()])

    assert run(db, sender, monotonic=lambda: next(instants)) == DeliverResult()

    assert sender.sent == []
    assert [tried.outcome for tried in attempts(db)] == ["not_made"]
    assert standing(db) == [WANTED]
    assert run(db, sender) == DeliverResult(accepted=1)


def test_a_batch_that_is_only_given_back_ends_the_run(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])
    ticking = iter(range(0, 10_000, int(LEASE.total_seconds())))

    result = run(db, MemorySender(), batch=1, monotonic=lambda: float(next(ticking)))

    assert result == DeliverResult()
    assert standing(db) == [WANTED, WANTED]


def test_nothing_goes_at_or_after_the_start_however_long_the_batch_takes(db: Database) -> None:
    start = NOON + 2 * HOUR
    want(db, [reminder(str(number), starts_at=start) for number in range(3)])
    time = [start - timedelta(seconds=2)]

    def slow(request: SendRequest) -> SendResult:
        time[0] += timedelta(seconds=1)
        return SendResult(Outcome.ACCEPTED, provider_id=request.attempt_id)

    sender = MemorySender(slow)
    run(db, sender, clock=lambda: time[0])
    result = run(db, sender, clock=lambda: time[0])

    assert len(sender.sent) == 2
    assert result == DeliverResult(expired=1)
    assert standing(db) == [ACCEPTED, ACCEPTED, (MessageState.EXPIRED, "too_late")]


# Stops


def killing_at(call: int) -> Callable[[], float]:
    """A monotonic clock that dies when it is read for the `call`th time (from 1)."""
    read = iter(range(1, 1000))

    def now() -> float:
        if next(read) == call:
            raise Killed
        return 0.0

    return now


def test_a_worker_killed_between_claim_and_attempt_leaves_a_message_that_is_sent_later(
    db: Database,
) -> None:
    want(db, [reminder()])
    sender = MemorySender()
    with pytest.raises(Killed):
        run(db, sender, monotonic=killing_at(2))
    assert standing(db) == [SENDING]
    assert attempts(db) == []

    assert run(db, sender, at=NOON + LEASE / 2, owner="worker-2") == DeliverResult()
    assert run(db, sender, at=NOON + LEASE, owner="worker-2") == DeliverResult(accepted=1)

    assert len(sender.sent) == 1


def test_a_worker_killed_between_attempt_and_call_leaves_a_message_to_ask_about(
    db: Database,
) -> None:
    want(db, [reminder()])
    sender = MemorySender()
    with pytest.raises(Killed):
        run(db, sender, monotonic=killing_at(4))
    assert standing(db) == [SENDING]
    assert [tried.outcome for tried in attempts(db)] == ["begun"]

    result = run(db, sender, at=NOON + LEASE, owner="worker-2")

    assert result == DeliverResult(unknown=1)
    assert standing(db) == [UNKNOWN]
    assert sender.sent == []


def test_a_worker_killed_between_call_and_settling_leaves_a_message_that_is_not_sent_again(
    db: Database,
) -> None:
    want(db, [reminder("1"), reminder("2")])

    def take_and_die(request: SendRequest) -> SendResult:
        raise Killed

    dying = MemorySender(take_and_die)
    with pytest.raises(Killed):
        run(db, dying)
    assert len(dying.sent) == 1
    assert standing(db) == [SENDING, SENDING]

    sender = MemorySender()
    result = run(db, sender, at=NOON + LEASE, owner="worker-2")

    # The second of the batch was never tried: it goes now. The first may have gone.
    assert result == DeliverResult(accepted=1, unknown=1)
    assert standing(db) == [UNKNOWN, ACCEPTED]


class Honest(MemorySender):
    """A provider that takes everything and can tell what it has."""

    def look_up(self, sought: Sought) -> Found:
        self.looked.append(sought)
        if any(sent.attempt_id == sought.attempt_id for sent in self.sent):
            return Found(Trace.FOUND, provider_id=f"memory-{sought.attempt_id}")
        return Found(Trace.ABSENT)


class MortalDatabase(Database):
    """A database whose user dies directly before or after one of its commits."""

    dies_at = 0
    after_commit = True

    def transact(self, verb: Callable[[Connection], T]) -> T:
        self.dies_at -= 1
        if self.dies_at == 0 and not self.after_commit:
            with self.write() as tx:
                verb(tx)
                raise Killed
        result = super().transact(verb)
        if self.dies_at == 0:
            raise Killed
        return result


@pytest.mark.parametrize("after_commit", [True, False])
def test_wherever_a_worker_dies_no_message_goes_twice_and_each_gets_an_end(
    new_database_url: Callable[..., str], after_commit: bool
) -> None:
    url = new_database_url()
    mortal, db = MortalDatabase(url), Database(url)
    metadata.create_all(db.engine, tables=TABLES)
    mortal.after_commit = after_commit
    kills = looked = 0
    for point in range(1, 14):
        subject = f"CASE{point}"
        at = NOON + point * HOUR
        start = at + 20 * HOUR
        messages = [
            reminder(str(n), subject=subject, send_at=at, starts_at=start + n * HOUR)
            for n in range(3)
        ]
        want(db, messages, subject=subject, now=at)
        sender = Honest()
        mortal.dies_at = point
        try:
            run(mortal, sender, at=at, owner=f"mortal-{point}")
        except Killed:
            kills += 1
        for later in (LEASE, LEASE + LOOK, LEASE + 2 * LOOK):
            run(db, sender, at=at + later, owner=f"next-{point}")

        # Each appointment has its own time, so each text that went is another one.
        assert len({sent.body for sent in sender.sent}) == len(sender.sent) == 3
        assert [state for state, _ in standing(db, subject)] == [MessageState.ACCEPTED] * 3
        looked += len(sender.looked)
    mortal.close()
    db.close()
    assert kills >= 10  # recover, look, versions, claim, (begin, settle) × 3
    assert looked > 0


def test_an_answer_is_written_even_if_the_database_is_busy_for_a_while(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    want(db, [reminder()])
    whole = settling.settle
    refused = iter(range(delivery.SETTLE_TRIES - 1))

    def settle(
        tx: Connection, claimed: Claimed, answer: SendResult, *, now: datetime, timing: Timing
    ) -> bool:
        if next(refused, None) is not None:
            raise Busy
        return whole(tx, claimed, answer, now=now, timing=timing)

    monkeypatch.setattr(settling, "settle", settle)

    assert run(db, MemorySender()) == DeliverResult(accepted=1)
    assert standing(db) == [ACCEPTED]


def test_the_next_messages_are_claimed_while_a_slow_call_is_under_way(db: Database) -> None:
    want(db, [reminder(str(number)) for number in range(3)])
    third_begun = threading.Event()
    calls = itertools.count(1)
    first_saw_third: list[bool] = []

    def slow_at_first(request: SendRequest) -> SendResult:
        match next(calls):
            case 1:
                first_saw_third.append(third_begun.wait(timeout=10))
            case 3:
                third_begun.set()
        return SendResult(Outcome.ACCEPTED, provider_id=request.attempt_id)

    result = run(db, MemorySender(slow_at_first), batch=2, at_once=2)

    assert first_saw_third == [True]
    assert result == DeliverResult(accepted=3)


def test_answers_under_way_are_written_though_the_next_claim_finds_the_database_busy(
    db: Database,
) -> None:
    want(db, [reminder(str(number)) for number in range(3)])
    refused = threading.Event()
    asked = itertools.count(1)

    def busy_at_the_third(tx: Connection, claimed: Claimed) -> str | None:
        if next(asked) < 3:
            return None
        refused.set()
        raise Busy

    def slow(request: SendRequest) -> SendResult:
        refused.wait(timeout=10)
        return SendResult(Outcome.ACCEPTED, provider_id=request.attempt_id)

    with pytest.raises(Busy):
        run(db, MemorySender(slow), batch=2, at_once=2, may_send=busy_at_the_third)

    assert refused.is_set()
    assert standing(db) == [ACCEPTED, ACCEPTED, WANTED]


# Senders


def test_the_console_shows_the_text_and_only_the_end_of_the_number(db: Database) -> None:
    want(db, [reminder()])
    stream = io.StringIO()

    assert run(db, ConsoleSender(stream)).accepted == 1

    assert stream.getvalue().startswith("SMS to *********42: Påminning: Du har en avtale")
    assert NUMBER not in stream.getvalue()


@pytest.mark.parametrize(("number", "shown"), [("+4700000042", "*********42"), ("42", "**")])
def test_a_masked_number_keeps_two_digits_at_most(number: str, shown: str) -> None:
    assert masked(number) == shown


def test_neither_number_nor_text_can_slip_out_through_a_repr() -> None:
    request = SendRequest("attempt", NUMBER, "Du har en avtale")

    assert repr(request) == "SendRequest(attempt_id='attempt')"

"""Messages nobody knows about: asked for at the provider, twice, and then a person decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from core.clock import frozen_clock
from core.db import Database
from notifications.delivery import Ask, DeliverResult, deliver
from notifications.message import MessageState
from notifications.sender import (
    Found,
    MemorySender,
    Outcome,
    SendRequest,
    SendResult,
    Sought,
    Trace,
)
from notifications.timing import Timing
from tests.notifications.messages import HOUR, NOON, attempts, reminder, standing, stored, want

TIMING = Timing()
LOOK = TIMING.look_after
NUMBER = "+4700000042"
UNKNOWN = (MessageState.UNKNOWN, "no_answer")
A_PERSONS = MessageState.NEEDS_PERSON


def run(
    db: Database,
    sender: MemorySender,
    *,
    at: datetime = NOON,
    number: Callable[[], str | None] = lambda: NUMBER,
) -> DeliverResult:
    return deliver(
        db,
        sender,
        ask=Ask(
            may_send=lambda tx, claimed: None,
            number_for=lambda tx, person: number(),
            contact_phone=lambda tx, subject: "22 00 00 00",
            digest_of=lambda tx, number: number[-2:],
        ),
        clock=frozen_clock(at),
        owner="worker-1",
        timing=TIMING,
        monotonic=lambda: 0.0,
    )


SILENCE = SendResult(Outcome.UNKNOWN, code="timeout")


def silent(request: SendRequest) -> SendResult:
    return SILENCE


def answers(*given: SendResult) -> Callable[[SendRequest], SendResult]:
    """One answer after the other."""
    left = iter(given)
    return lambda request: next(left)


def traces(*found: Trace) -> Callable[[Sought], Found]:
    """One look-up after the other."""
    left = iter(found)

    def look(sought: Sought) -> Found:
        trace = next(left)
        return Found(trace, provider_id="SM1" if trace is Trace.FOUND else None)

    return look


def test_what_the_provider_has_is_accepted_and_not_sent_again(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent, traces(Trace.FOUND))

    run(db, sender)
    result = run(db, sender, at=NOON + LOOK)

    assert result == DeliverResult(accepted=1)
    assert standing(db) == [(MessageState.ACCEPTED, "found_at_provider")]
    assert [(tried.outcome, tried.provider_id) for tried in attempts(db)] == [("accepted", "SM1")]
    assert len(sender.sent) == 1


def test_a_trace_at_the_second_look_is_as_good(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent, traces(Trace.ABSENT, Trace.FOUND))

    run(db, sender)
    assert run(db, sender, at=NOON + LOOK) == DeliverResult()
    assert standing(db) == [UNKNOWN]
    assert run(db, sender, at=NOON + 2 * LOOK) == DeliverResult(accepted=1)


def test_two_complete_looks_without_a_trace_send_it_again_once(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(
        answers(SILENCE, SendResult(Outcome.ACCEPTED, provider_id="SM2")),
        traces(Trace.ABSENT, Trace.ABSENT),
    )

    run(db, sender)
    run(db, sender, at=NOON + LOOK)
    result = run(db, sender, at=NOON + 2 * LOOK)

    assert result == DeliverResult(accepted=1)
    assert standing(db) == [(MessageState.ACCEPTED, "taken")]
    assert [tried.outcome for tried in attempts(db)] == ["unknown", "accepted"]


def test_a_second_silence_without_a_trace_is_a_persons(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent, lambda sought: Found(Trace.ABSENT))

    for looks in range(8):
        run(db, sender, at=NOON + looks * LOOK)

    assert len(sender.sent) == 2
    assert standing(db) == [(A_PERSONS, "may_have_been_sent")]


def test_a_message_too_late_to_be_sent_again_has_expired(db: Database) -> None:
    want(db, [reminder(starts_at=NOON + 1.5 * LOOK)])
    sender = MemorySender(silent, lambda sought: Found(Trace.ABSENT))

    run(db, sender)
    run(db, sender, at=NOON + LOOK)

    assert run(db, sender, at=NOON + 2 * LOOK) == DeliverResult(expired=1)
    assert standing(db) == [(MessageState.EXPIRED, "too_late")]


def test_a_contradictory_look_up_is_a_persons(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent, traces(Trace.UNCLEAR))

    run(db, sender)

    assert run(db, sender, at=NOON + LOOK) == DeliverResult(needs_person=1)
    assert standing(db) == [(A_PERSONS, "traces_differ")]


def test_a_failed_look_up_is_tried_again_and_the_third_is_a_persons(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent, lambda sought: Found(Trace.FAILED))

    run(db, sender)
    for looks in (1, 2):
        assert run(db, sender, at=NOON + looks * LOOK) == DeliverResult()
    assert run(db, sender, at=NOON + 3 * LOOK) == DeliverResult(needs_person=1)

    assert standing(db) == [(A_PERSONS, "look_up_failed")]
    assert len(sender.sent) == 1


def test_a_look_up_that_raises_has_failed(db: Database) -> None:
    def broken(sought: Sought) -> Found:
        raise ConnectionResetError(sought.to)

    want(db, [reminder()])
    sender = MemorySender(silent, broken)
    run(db, sender)

    run(db, sender, at=NOON + LOOK)

    assert standing(db) == [UNKNOWN]


def test_a_number_that_changed_meanwhile_is_a_persons(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(silent)
    run(db, sender)

    result = run(db, sender, at=NOON + LOOK, number=lambda: "+4700000043")

    assert result == DeliverResult(needs_person=1)
    assert sender.looked == []


def test_other_messages_to_a_shared_number_are_told_apart(db: Database) -> None:
    want(db, [reminder("1"), reminder("2"), reminder("3", starts_at=NOON + 21 * HOUR)])
    sender = MemorySender(
        answers(SILENCE, SendResult(Outcome.ACCEPTED, "SM-known"), SILENCE), traces(Trace.FOUND)
    )

    run(db, sender)
    run(db, sender, at=NOON + LOOK)

    sought = sender.looked[0]
    assert sought.known == {"SM-known"}
    assert [body.count("kl. 10.00") for body in sought.others] == [1]


def test_two_workers_do_not_look_at_once(db: Database) -> None:
    want(db, [reminder()])
    inner: list[DeliverResult] = []

    def look(sought: Sought) -> Found:
        inner.append(run(db, MemorySender(silent), at=NOON + LOOK))
        return Found(Trace.ABSENT)

    sender = MemorySender(silent, look)
    run(db, sender)
    run(db, sender, at=NOON + LOOK)

    assert inner == [DeliverResult()]
    assert len(sender.looked) == 1


# What the provider puts off


def test_a_message_put_off_waits_and_goes_later(db: Database) -> None:
    want(db, [reminder()])
    later = SendResult(Outcome.LATER, code="20429", reason="too_fast", retry_after=2)
    sender = MemorySender(answers(later, SendResult(Outcome.ACCEPTED, "SM1")))

    assert run(db, sender) == DeliverResult()
    assert standing(db) == [(MessageState.WANTED, None)]
    assert run(db, sender, at=NOON + timedelta(seconds=4)) == DeliverResult()
    assert run(db, sender, at=NOON + timedelta(seconds=5)) == DeliverResult(accepted=1)
    assert [tried.outcome for tried in attempts(db)] == ["refused", "accepted"]


def test_a_message_put_off_again_and_again_is_given_up_and_shown(db: Database) -> None:
    want(db, [reminder()])
    sender = MemorySender(lambda _: SendResult(Outcome.LATER, reason="too_fast"))

    results = [run(db, sender, at=NOON + minutes * HOUR / 12) for minutes in range(10)]

    assert sum(result.refused for result in results) == 0
    assert standing(db) == [(MessageState.REFUSED, "gave_up")]
    assert len(sender.sent) == 8


def test_refused_credentials_rest_the_line_and_lose_nothing(db: Database) -> None:
    want(db, [reminder(str(number)) for number in range(3)])
    blocked = SendResult(Outcome.BLOCKED, code="20003", reason="credentials_refused")
    sender = MemorySender(lambda _: blocked)

    assert run(db, sender) == DeliverResult()
    assert run(db, sender, at=NOON + TIMING.first_pause / 2) == DeliverResult()
    assert len(sender.sent) == 1
    assert [state for state, _ in standing(db)] == [MessageState.WANTED] * 3

    mended = MemorySender()
    assert run(db, mended, at=NOON + 2 * TIMING.first_pause) == DeliverResult(accepted=3)


def test_after_five_silences_the_line_rests_and_then_one_message_tries_it(db: Database) -> None:
    want(db, [reminder(str(number)) for number in range(20)])
    sender = MemorySender(silent, lambda sought: Found(Trace.FAILED))

    run(db, sender)
    assert len(sender.sent) == 5
    run(db, sender, at=NOON + TIMING.first_pause - timedelta(seconds=1))
    assert len(sender.sent) == 5
    run(db, sender, at=NOON + TIMING.first_pause)
    assert len(sender.sent) == 6  # the trial; the pause is twice as long now
    run(db, sender, at=NOON + 2 * TIMING.first_pause)
    assert len(sender.sent) == 6

    answering = MemorySender()
    run(db, answering, at=NOON + 3 * TIMING.first_pause)
    assert len(answering.sent) == 14
    assert sum(m.state is MessageState.ACCEPTED for m in stored(db)) == 14


# The periods themselves


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lease": timedelta(seconds=13)}, "not longer than a call"),
        ({"timeout": timedelta(seconds=20)}, "not longer than a call"),
        ({"look_after": timedelta(seconds=10)}, "not further apart"),
    ],
)
def test_periods_that_contradict_each_other_are_refused(
    wrong: dict[str, timedelta], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Timing(**wrong)


def test_unsent_messages_are_taken_over_within_30_s_and_unclear_ones_settled_within_5_min() -> None:
    every = timedelta(seconds=5)  # between two looks of the loop
    timing = Timing()

    assert timing.lease + every <= timedelta(seconds=30)
    assert timing.lease + 2 * timing.look_after + 3 * every <= timedelta(minutes=5)
    assert timing.lease + 5 * (timing.look_after + every) <= timedelta(minutes=15)

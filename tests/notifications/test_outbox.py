"""The outbox: what is wanted is stored once, claimed by one, and settled by who holds it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Select, Update, insert, text, update
from sqlalchemy.exc import IntegrityError

from core.db import Database
from notifications import claims, looking, outbox, settling, versions
from notifications.message import Claimed, ClaimResult, MessageState
from notifications.reasons import MEANING, Reason, meaning
from notifications.sender import Outcome, SendResult
from notifications.tables import attempt
from notifications.tables import outbox as outbox_table
from notifications.timing import Timing
from tests.notifications.messages import HOUR, NOON, attempts, reminder, standing, stored, want

TIMING = Timing()
LEASE = TIMING.lease
TAKEN = SendResult(Outcome.ACCEPTED, provider_id="SM1")
REFUSED = SendResult(Outcome.REFUSED, code="21211")
SILENCE = SendResult(Outcome.UNKNOWN, code="timeout")
WANTED = (MessageState.WANTED, None)
ACCEPTED = (MessageState.ACCEPTED, "taken")


def yes(claimed: Claimed) -> None:
    return None


def claim(
    db: Database, *, now: datetime = NOON, owner: str = "worker-1", limit: int = 10
) -> ClaimResult:
    with db.write() as tx:
        return outbox.claim(tx, yes, now=now, owner=owner, limit=limit, lease=LEASE)


def begin(db: Database, claimed: Claimed, *, now: datetime = NOON) -> str | None:
    with db.write() as tx:
        ids = versions.record(tx, now=now)
        return claims.begin(
            tx,
            claims.Written(
                claimed,
                to_digest="digest",
                template_version_id=ids["appointment_reminder", "nb", 1],
                segments=1,
                body="body",
            ),
            now=now,
            lease=LEASE,
        )


def settle(db: Database, claimed: Claimed, answer: SendResult, *, now: datetime = NOON) -> bool:
    with db.write() as tx:
        return settling.settle(tx, claimed, answer, now=now, timing=TIMING)


def recover(db: Database, *, now: datetime) -> int:
    with db.write() as tx:
        return claims.recover(tx, now=now, look_after=TIMING.look_after)


def hand_over(db: Database) -> int:
    """As a second look-up without a trace does."""
    with db.write() as tx:
        given = tx.execute(
            update(outbox_table)
            .where(outbox_table.c.state == "unknown")
            .values(state="needs_person", reason="may_have_been_sent")
        )
        return given.rowcount


def held(db: Database) -> Claimed:
    """A message that worker-1 holds."""
    want(db, [reminder()])
    return claim(db).claimed[0]


# What is wanted


def test_a_second_sync_adds_nothing(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])
    before = stored(db)

    want(db, [reminder("1"), reminder("2")], now=NOON)

    assert stored(db) == before
    assert [message.about for message in before] == [reminder("1").about, reminder("2").about]


def test_a_moved_message_moves_and_one_that_is_wanted_no_longer_is_cancelled_with_its_reason(
    db: Database,
) -> None:
    want(db, [reminder("1"), reminder("2")])
    later = replace(reminder("1"), send_at=NOON + HOUR, expires_at=NOON + 4 * HOUR, language="en")

    want(db, [later], why="appointment_cancelled")

    other, moved = stored(db)
    assert (moved.send_at, moved.expires_at, moved.language, moved.state) == (
        NOON + HOUR,
        NOON + 4 * HOUR,
        "en",
        MessageState.WANTED,
    )
    assert (other.state, other.why) == (MessageState.CANCELLED, "appointment_cancelled")


def test_each_cancelled_message_may_have_a_reason_of_its_own(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])

    want(db, [], why=lambda about: "moved" if "/1/" in about else "appointment_cancelled")

    assert {message.why for message in stored(db)} == {"moved", "appointment_cancelled"}


def test_a_cancelled_message_that_is_wanted_again_is_wanted_again(db: Database) -> None:
    want(db, [reminder()])
    want(db, [], why="no_consent")

    want(db, [reminder()])

    assert standing(db) == [WANTED]


def test_a_cancelled_message_keeps_its_first_reason(db: Database) -> None:
    want(db, [reminder()])
    want(db, [], why="no_consent")

    want(db, [], why="closed")

    assert standing(db) == [(MessageState.CANCELLED, "no_consent")]


def test_other_subjects_are_left_alone(db: Database) -> None:
    want(db, [reminder(subject="OTHER")], subject="OTHER")

    want(db, [])

    assert standing(db, "OTHER") == [WANTED]


def test_a_message_of_another_subject_and_an_unknown_reason_are_faults(db: Database) -> None:
    with pytest.raises(ValueError, match="another subject"):
        want(db, [reminder(subject="OTHER")])
    want(db, [reminder()])
    with pytest.raises(ValueError, match="because"):
        want(db, [], why="because")


@pytest.mark.parametrize("wish", [[], [reminder(language="en")]])
def test_what_was_claimed_once_is_never_touched_by_sync(db: Database, wish: list) -> None:
    message = held(db)
    want(db, wish)
    assert [(m.state, m.language) for m in stored(db)] == [(MessageState.SENDING, "nb")]

    begin(db, message)
    settle(db, message, TAKEN)
    want(db, wish)

    assert [(m.state, m.language) for m in stored(db)] == [(MessageState.ACCEPTED, "nb")]


def test_an_occasion_that_may_have_been_reminded_of_gets_no_second_rung(db: Database) -> None:
    message = held(db)
    same_day = reminder(rung="same_day", send_at=NOON + 18 * HOUR)

    want(db, [same_day])
    begin(db, message)
    settle(db, message, TAKEN)
    want(db, [same_day])

    assert standing(db) == [ACCEPTED]


def test_an_occasion_whose_reminder_was_only_cancelled_gets_another_rung(db: Database) -> None:
    want(db, [reminder()])

    want(db, [reminder(rung="same_day", send_at=NOON + 18 * HOUR)], why="replaced")

    assert standing(db) == [(MessageState.CANCELLED, "replaced"), WANTED]


def test_many_syncs_of_the_same_subject_at_once_add_each_message_once(db: Database) -> None:
    wanted = [reminder(str(number)) for number in range(5)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: want(db, wanted), range(8)))

    assert standing(db) == [WANTED] * 5


# Claims


def test_a_message_is_claimed_when_it_is_due_and_not_before(db: Database) -> None:
    want(db, [reminder()])

    assert claim(db, now=NOON - timedelta(microseconds=1)).looked_at == 0
    (claimed,) = claim(db).claimed

    assert (claimed.owner, claimed.epoch, claimed.lease_until) == ("worker-1", 1, NOON + LEASE)
    assert standing(db) == [(MessageState.SENDING, None)]


def test_a_claimed_message_is_not_claimed_again(db: Database) -> None:
    held(db)

    assert claim(db, owner="worker-2").looked_at == 0


def test_the_longest_due_are_claimed_first_and_no_more_than_the_limit(db: Database) -> None:
    want(db, [reminder(str(n), send_at=NOON - n * timedelta(minutes=1)) for n in range(5)])

    names = [claimed.about.split("/")[1] for claimed in claim(db, limit=2).claimed]

    assert names == ["4", "3"]


def test_a_message_expires_at_the_instant_it_expires(db: Database) -> None:
    want(db, [reminder("1"), reminder("2", send_at=NOON + timedelta(seconds=1))])

    result = claim(db, now=NOON + 3 * HOUR)

    assert (result.expired, len(result.claimed)) == (1, 1)
    assert standing(db)[0] == (MessageState.EXPIRED, "too_late")


def test_a_message_that_starts_soon_expires_at_the_start(db: Database) -> None:
    want(db, [reminder(starts_at=NOON + 2 * HOUR)])

    assert claim(db, now=NOON + 2 * HOUR).expired == 1


def test_a_message_that_may_not_be_sent_is_cancelled_with_the_reason(db: Database) -> None:
    want(db, [reminder("1"), reminder("2")])

    with db.write() as tx:
        result = outbox.claim(
            tx,
            lambda claimed: Reason.NO_CONSENT if "/1/" in claimed.about else None,
            now=NOON,
            owner="worker-1",
            limit=10,
            lease=LEASE,
        )

    assert (len(result.claimed), result.cancelled) == (1, 1)
    assert standing(db) == [(MessageState.CANCELLED, "no_consent"), (MessageState.SENDING, None)]


def test_an_unfit_text_is_not_dropped_but_given_to_a_person(db: Database) -> None:
    want(db, [reminder()])

    with db.write() as tx:
        result = outbox.claim(
            tx, lambda _: "unfit_text", now=NOON, owner="worker-1", limit=10, lease=LEASE
        )
    with db.read() as tx:
        waiting = outbox.waiting_for_a_person(tx)

    assert result.needs_person == 1
    assert [(m.state, m.why) for m in waiting] == [(MessageState.NEEDS_PERSON, "unfit_text")]


def test_workers_that_claim_at_once_never_hold_the_same_message(db: Database) -> None:
    want(db, [reminder(str(number)) for number in range(60)])

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda n: claim(db, owner=f"worker-{n}", limit=10), range(6)))

    ids = [claimed.id for result in results for claimed in result.claimed]
    assert len(ids) == len(set(ids)) > 0
    assert standing(db).count((MessageState.SENDING, None)) == len(ids)


# Settling


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (TAKEN, ACCEPTED),
        (REFUSED, (MessageState.REFUSED, "refused")),
        (SILENCE, (MessageState.UNKNOWN, "no_answer")),
    ],
)
def test_the_answer_settles_message_and_attempt(
    db: Database, answer: SendResult, state: tuple
) -> None:
    message = held(db)
    begin(db, message)

    assert settle(db, message, answer)

    assert standing(db) == [state]
    (tried,) = attempts(db)
    assert (tried.outcome, tried.code, tried.provider_id) == (
        answer.outcome,
        answer.code,
        answer.provider_id,
    )


def test_an_answer_is_taken_once(db: Database) -> None:
    message = held(db)
    begin(db, message)
    settle(db, message, TAKEN)

    assert not settle(db, message, REFUSED)

    assert standing(db) == [ACCEPTED]
    assert [tried.outcome for tried in attempts(db)] == ["accepted"]


def test_whoever_is_not_the_owner_or_comes_from_an_earlier_epoch_settles_nothing(
    db: Database,
) -> None:
    message = held(db)
    begin(db, message)

    assert not settle(db, replace(message, owner="worker-2"), TAKEN)
    assert not settle(db, replace(message, epoch=0), TAKEN)

    assert standing(db) == [(MessageState.SENDING, None)]
    assert [tried.outcome for tried in attempts(db)] == ["begun"]


def test_a_lost_message_is_not_begun(db: Database) -> None:
    message = held(db)
    recover(db, now=NOON + LEASE)
    claim(db, now=NOON + LEASE, owner="worker-2")

    assert begin(db, message, now=NOON + LEASE) is None
    assert attempts(db) == []


def test_a_message_whose_lease_has_passed_is_not_begun_even_if_nobody_took_it(
    db: Database,
) -> None:
    message = held(db)

    assert begin(db, message, now=NOON + LEASE) is None


def test_beginning_renews_the_lease(db: Database) -> None:
    message = held(db)
    begin(db, message, now=NOON + LEASE / 2)

    assert recover(db, now=NOON + LEASE) == 0
    assert standing(db) == [(MessageState.SENDING, None)]


def test_what_is_given_back_can_be_claimed_at_once_and_its_attempt_was_not_made(
    db: Database,
) -> None:
    message = held(db)
    begin(db, message)

    with db.write() as tx:
        assert claims.give_back(tx, message, now=NOON)

    (again,) = claim(db, owner="worker-2").claimed
    assert again.epoch == 2
    assert [tried.outcome for tried in attempts(db)] == ["not_made"]


# What a stopped worker leaves behind


def test_a_claim_without_an_attempt_is_wanted_again_when_the_lease_has_passed(
    db: Database,
) -> None:
    held(db)

    assert recover(db, now=NOON + LEASE - timedelta(microseconds=1)) == 0
    assert standing(db) == [(MessageState.SENDING, None)]
    recover(db, now=NOON + LEASE)

    assert standing(db) == [WANTED]


def test_a_claim_with_an_attempt_is_unknown_when_the_lease_has_passed_and_then_a_persons(
    db: Database,
) -> None:
    begin(db, held(db))

    assert recover(db, now=NOON + LEASE) == 1
    assert standing(db) == [(MessageState.UNKNOWN, "worker_stopped")]
    assert hand_over(db) == 1

    assert standing(db) == [(MessageState.NEEDS_PERSON, "may_have_been_sent")]
    assert claim(db, now=NOON + HOUR).looked_at == 0


def test_an_attempt_that_was_not_made_in_an_earlier_claim_does_not_make_this_one_unknown(
    db: Database,
) -> None:
    message = held(db)
    begin(db, message)
    with db.write() as tx:
        claims.give_back(tx, message, now=NOON)
    claim(db, owner="worker-2")

    recover(db, now=NOON + LEASE)

    assert standing(db) == [WANTED]


@pytest.mark.parametrize("given_to_a_person", [False, True])
def test_an_answer_that_comes_after_the_lease_still_settles_its_own_attempt(
    db: Database, given_to_a_person: bool
) -> None:
    message = held(db)
    begin(db, message)
    recover(db, now=NOON + LEASE)
    if given_to_a_person:
        hand_over(db)

    assert settle(db, message, TAKEN, now=NOON + 2 * LEASE)

    assert standing(db) == [ACCEPTED]


def test_silence_after_the_lease_changes_nothing(db: Database) -> None:
    message = held(db)
    begin(db, message)
    recover(db, now=NOON + LEASE)
    hand_over(db)

    assert not settle(db, message, SILENCE)

    assert standing(db) == [(MessageState.NEEDS_PERSON, "may_have_been_sent")]


# What the tables promise


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANING) == set(Reason)
    assert meaning("too_late").startswith("it could not go within three hours")


@pytest.mark.parametrize(
    "broken",
    [
        "UPDATE outbox SET state = 'lost'",
        "UPDATE outbox SET state = 'cancelled'",  # says no why
        "UPDATE outbox SET state = 'sending'",  # held by nobody
        "UPDATE outbox SET expires_at = send_at",
        "UPDATE outbox SET send_at = starts_at",
    ],
)
def test_the_database_itself_refuses_a_broken_message(db: Database, broken: str) -> None:
    want(db, [reminder()])

    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(text(broken))


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (claims._DUE, "ix_outbox_due"),
        (looking._DUE, "ix_outbox_look"),
        (claims._UNSENT_AGAIN, "ix_outbox_lease"),
        (claims._TRIED_UNKNOWN, "ix_outbox_lease"),
        (looking._SAME_NUMBER, "ix_attempt_to_digest"),
        (outbox._FOR_A_PERSON, "ix_outbox_for_a_person"),
        (outbox._OF_SUBJECT, "ix_outbox_subject"),
    ],
)
def test_every_question_of_the_loops_is_answered_by_an_index(
    db: Database, question: Select | Update, index: str
) -> None:
    busy_once(db)
    asked = question.compile(db.engine)
    with db.read() as tx:
        if db.is_sqlite:
            values = ("",) * len(asked.positiontup or ())
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", values)
        else:
            known = {
                "now": NOON,
                "limit": 10,
                "of_subject": "CASE",
                "look_at": NOON,
                "digest": "1" * 64,
                "ref": "2" * 32,
            }
            plan = tx.exec_driver_sql(f"EXPLAIN {asked}", {**asked.params, **known})
        assert index in " ".join(str(row) for row in plan)


def busy_once(db: Database) -> None:
    """Two thousand settled messages of other subjects, and one in each state the loops ask for."""
    settled = [reminder(str(number), subject="OTHER") for number in range(2000)]
    want(db, settled, subject="OTHER")
    want(db, [reminder(str(number)) for number in range(4)])
    with db.write() as tx:
        tx.execute(text("UPDATE outbox SET state = 'accepted', reason = 'taken' WHERE id <= 2000"))
        for name, state in ((1, "unknown"), (2, "needs_person")):
            tx.execute(
                text("UPDATE outbox SET state = :state, reason = 'no_answer' WHERE about LIKE :it"),
                {"state": state, "it": f"CASE/{name}/%"},
            )
        ids = versions.record(tx, now=NOON)
        tx.execute(
            insert(attempt),
            [
                {
                    "ref": f"{number:032}",
                    "outbox_id": number,
                    "epoch": 1,
                    "owner": "worker",
                    "template_version_id": next(iter(ids.values())),
                    "to_digest": f"{number:064}",
                    "segments": 1,
                    "begun_at": NOON,
                    "outcome": "accepted",
                }
                for number in range(1, 2001)
            ],
        )
        tx.execute(text("ANALYZE"))

"""The Twilio sender with the real SDK, against a stand-in that misbehaves on a real connection."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifications.reasons import Reason
from notifications.sender import Found, Outcome, SendRequest, SendResult, Sought, Trace
from notifications.twilio_sender import TwilioAccount, TwilioSender
from tests.notifications.standin import SID, TOKEN, StandIn

NUMBER = "+4799900042"
REQUEST = SendRequest("a" * 32, NUMBER, "Du har en avtale", 3600)
ACCOUNT = TwilioAccount(SID, TOKEN, "+4759440000", "https://overlev.example", timeout=0.6)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path) as standing:
        yield standing


def sender(stand_in: StandIn, **more: object) -> TwilioSender:
    return TwilioSender(replace(ACCOUNT, api_base=stand_in.base, **more))  # type: ignore[arg-type]


def faulty(stand_in: StandIn, fault: str) -> SendResult:
    stand_in.manners.share, stand_in.manners.faults = 1.0, (fault,)
    return sender(stand_in).send(REQUEST)


def sought(**more: object) -> Sought:
    about = Sought("a" * 32, datetime.now(UTC), NUMBER, REQUEST.body)
    return replace(about, **more)  # type: ignore[arg-type]


def test_a_message_is_sent_with_its_own_callback_address(stand_in: StandIn) -> None:
    answer = sender(stand_in).send(REQUEST)

    (sent,) = stand_in.sent()
    assert answer == SendResult(Outcome.ACCEPTED, provider_id=sent["sid"])
    assert (sent["to"], sent["from"], sent["body"]) == (NUMBER, "+4759440000", REQUEST.body)
    assert sent["status_callback"] == f"https://overlev.example/webhooks/twilio/status/{'a' * 32}"


def test_a_messaging_service_is_named_as_one(stand_in: StandIn) -> None:
    sender(stand_in, sender="MG" + "1" * 32).send(REQUEST)

    (sent,) = stand_in.sent()
    assert (sent["from"], sent["messaging_service_sid"]) == (None, "MG" + "1" * 32)


@pytest.mark.parametrize(
    ("name", "replies"), [("+4759440000", True), ("MG" + "1" * 32, True), ("Overlev", False)]
)
def test_only_a_number_or_a_service_takes_replies(
    stand_in: StandIn, name: str, replies: bool
) -> None:
    assert sender(stand_in, sender=name).takes_replies is replies


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ("error_before", 0),
        ("error_after", 1),
        ("hang_after", 1),
        ("reset_after", 1),
        ("broken", 1),
    ],
)
def test_whatever_leaves_a_doubt_is_unknown_and_never_tried_twice(
    stand_in: StandIn, fault: str, accepted: int
) -> None:
    assert faulty(stand_in, fault).outcome is Outcome.UNKNOWN
    assert len(stand_in.sent()) == accepted
    assert len(stand_in.calls) == 1


def test_a_slow_answer_within_the_time_is_an_answer(stand_in: StandIn) -> None:
    assert faulty(stand_in, "slow").outcome is Outcome.ACCEPTED


def test_too_fast_is_put_off_for_as_long_as_the_provider_says(stand_in: StandIn) -> None:
    stand_in.manners.retry_after = 7

    answer = faulty(stand_in, "too_fast")

    assert (answer.outcome, answer.reason) == (Outcome.LATER, Reason.TOO_FAST)
    assert answer.retry_after == 7.0


@pytest.mark.parametrize(
    ("status", "code", "outcome", "reason"),
    [
        (400, 21211, Outcome.REFUSED, Reason.BAD_NUMBER),
        (400, 21610, Outcome.REFUSED, Reason.OPTED_OUT),
        (400, 21408, Outcome.REFUSED, Reason.COUNTRY_NOT_ALLOWED),
        (400, 21606, Outcome.BLOCKED, Reason.SENDER_REFUSED),
        (401, 20003, Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),
        (403, 20403, Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),
        (429, 20429, Outcome.LATER, Reason.TOO_FAST),
        (400, 99999, Outcome.REFUSED, None),
        (400, None, Outcome.REFUSED, None),
        (408, None, Outcome.UNKNOWN, None),
        (503, 20503, Outcome.UNKNOWN, None),
    ],
)
def test_what_the_provider_says_decides(
    stand_in: StandIn, status: int, code: int | None, outcome: Outcome, reason: Reason | None
) -> None:
    stand_in.manners.refuse = {NUMBER: (status, code)}

    answer = sender(stand_in).send(REQUEST)

    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.provider_id is None


def test_wrong_credentials_block_the_line(stand_in: StandIn) -> None:
    answer = sender(stand_in, token="another").send(REQUEST)

    assert (answer.outcome, answer.code) == (Outcome.BLOCKED, "20003")


def test_what_never_left_is_surely_not_accepted() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = taken.getsockname()[1]
        answer = TwilioSender(replace(ACCOUNT, api_base=f"http://127.0.0.1:{port}")).send(REQUEST)

    assert (answer.outcome, answer.reason) == (Outcome.LATER, Reason.NO_CONNECTION)


# Looking up


def test_a_message_is_found_by_number_text_and_time(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    sent = asked.send(REQUEST)

    found = asked.look_up(sought())

    assert found == Found(Trace.FOUND, sent.provider_id, "queued", None)


def test_nothing_there_is_absent(stand_in: StandIn) -> None:
    assert sender(stand_in).look_up(sought()) == Found(Trace.ABSENT)


def test_what_the_provider_does_not_list_yet_is_absent_and_found_later(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    asked.send(REQUEST)
    stand_in.manners.lag = 60.0

    assert asked.look_up(sought()).trace is Trace.ABSENT
    stand_in.manners.lag = 0.0
    assert asked.look_up(sought()).trace is Trace.FOUND


def test_every_page_is_read(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    mine = stand_in.accept({"To": NUMBER, "Body": REQUEST.body})
    others = [stand_in.accept({"To": NUMBER, "Body": f"another {n}"}) for n in range(230)]

    found = asked.look_up(sought(known=frozenset(each["sid"] for each in others)))

    assert found.provider_id == mine["sid"]
    assert len(stand_in.calls) == 3


def test_a_list_that_breaks_off_is_no_look_up(stand_in: StandIn) -> None:
    stand_in.manners.list_share = 1.0

    with pytest.raises(Exception, match="503"):
        sender(stand_in).look_up(sought())


def test_messages_of_other_attempts_are_not_ours(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    sent = asked.send(REQUEST)

    found = asked.look_up(sought(known=frozenset({sent.provider_id or ""})))

    assert found.trace is Trace.ABSENT


def test_a_message_from_before_is_not_ours(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    asked.send(REQUEST)

    found = asked.look_up(sought(begun_at=datetime.now(UTC) + timedelta(minutes=6)))

    assert found.trace is Trace.ABSENT


def test_two_that_could_be_ours_are_unclear(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    asked.send(REQUEST)
    asked.send(REQUEST)

    assert asked.look_up(sought()).trace is Trace.UNCLEAR


def test_one_trace_of_two_unclear_attempts_with_the_same_text_is_unclear(
    stand_in: StandIn,
) -> None:
    asked = sender(stand_in)
    asked.send(REQUEST)

    assert asked.look_up(sought(others=(REQUEST.body,))).trace is Trace.UNCLEAR


def test_the_trace_of_another_unclear_attempt_is_left_to_it(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    asked.send(replace(REQUEST, body="another"))

    assert asked.look_up(sought(others=("another",))).trace is Trace.ABSENT


def test_a_text_the_provider_changed_is_unclear_and_never_absent(stand_in: StandIn) -> None:
    stand_in.accept({"To": NUMBER, "Body": "Du har en avtale."})

    assert sender(stand_in).look_up(sought()).trace is Trace.UNCLEAR


def test_the_body_is_erased_at_the_provider(stand_in: StandIn) -> None:
    asked = sender(stand_in)
    sent = asked.send(REQUEST)

    assert asked.erase(sent.provider_id or "")

    assert stand_in.messages[0]["body"] == ""
    assert asked.erase("SM" + "f" * 32)  # gone there already


def test_neither_number_nor_text_nor_secret_is_logged(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = sender(stand_in)
    asked.send(REQUEST)
    asked.look_up(sought())
    faulty(stand_in, "reset_after")

    said = caplog.text + repr(asked._account)
    for canary in (NUMBER, NUMBER[3:], REQUEST.body, TOKEN, SID):
        assert canary not in said

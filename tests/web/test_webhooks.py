"""What the provider tells: in any order and any number of times the same; a forgery nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import delete, func, select
from twilio.request_validator import RequestValidator

from cases import appointments, service
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.model import Case
from cases.sending import ASK
from cases.tables import notice, phone
from core.clock import frozen_clock
from core.db import Database
from core.settings import Settings
from notifications import opt_outs, outbox
from notifications.delivery import deliver
from notifications.outbox import waiting_for_a_person
from notifications.sender import MemorySender, Outcome, SendRequest, SendResult
from notifications.signature import sign
from notifications.tables import attempt, callback, inbound, line
from tests.installation import installation
from tests.people import at, make_case, make_person
from tests.web.application import application as application_of
from web.house import House

TOKEN = "the-auth-token"
SHARED = "a-shared-key"
BASE = "https://overlev.example"
NUMBER = "+4799900042"
SENT = at("2026-11-24 14:00")
NOW = at("2026-11-24 14:05")
SID = "SM" + "1" * 32
SETTINGS = Settings(
    public_url=BASE,
    twilio_account_sid="AC" + "0" * 32,
    twilio_auth_token=SecretStr(TOKEN),
    twilio_sender="+4759440000",
    twilio_webhook_secret=SecretStr(f"an-older-key, {SHARED}"),
)


@pytest.fixture
def db(units_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(units_url, tmp_path) as db:
        yield db


def with_reminder(db: Database, *, starts: str = "2026-11-25 10:00", number: str = NUMBER) -> Case:
    """A released person with one reminder to get at 14:00 the day before."""
    with db.write() as tx:
        who = make_person(tx, phone=number)
        case = make_case(tx, person=who, answer="accepted", release_on=date(2026, 11, 23))
        booked = at("2026-11-20 09:00")
        service.record_consent(tx, OPERATOR, case.ref, "sms", given=True, now=booked)
        booking = Booking("GP", at(starts), "Dr. Moen", "Storgata 1", status="confirmed")
        appointments.book(tx, OPERATOR, case.ref, booking, now=booked)
        from cases import release

        return release.release(tx, OPERATOR, case.ref, now=at("2026-11-23 10:00"))


def send(db: Database, answer: SendResult | None = None) -> list[str]:
    """Deliver what is due; the attempts' references."""
    sender = MemorySender(lambda _: answer or SendResult(Outcome.ACCEPTED, provider_id=SID))
    deliver(db, sender, ask=ASK, clock=frozen_clock(SENT), owner="worker-1")
    return [sent.attempt_id for sent in sender.sent]


def post(
    db: Database,
    path: str,
    fields: Sequence[tuple[str, str]] | dict[str, str],
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    now: datetime = NOW,
    settings: Settings = SETTINGS,
) -> httpx.Response:
    """A call as Twilio makes it, signed with the auth token unless `headers` say otherwise."""
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
    if headers is None:
        headers = {"X-Twilio-Signature": sign(TOKEN, BASE + path, pairs, "HMAC_SHA1")}
    return ask(
        application(db, now, settings),
        "POST",
        path,
        content=body if body is not None else urlencode(pairs).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
    )


@lru_cache(maxsize=4)
def application(db: Database, now: datetime, settings: Settings) -> FastAPI:
    """The application over a database at an instant: all calls of a test meet the same."""
    return application_of(House(db, lambda: now, settings, real_clock=lambda: now))


def ask(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


def told(status: str, *, sid: str = SID, code: str = "") -> dict[str, str]:
    fields = {"MessageSid": sid, "MessageStatus": status, "To": NUMBER, "AccountSid": "AC1"}
    return fields | ({"ErrorCode": code} if code else {})


def stands(db: Database, case: Case) -> list[tuple[str, str | None]]:
    with db.read() as tx:
        return [(each.state.value, each.why) for each in outbox.of_subject(tx, case.ref)]


def deliveries(db: Database) -> list[Any]:
    with db.read() as tx:
        rows = tx.execute(select(attempt.c.outcome, attempt.c.provider_id, attempt.c.delivery))
        return [tuple(row) for row in rows]


def everything(db: Database) -> list[Any]:
    """All that webhooks may write."""
    with db.read() as tx:
        counts = [
            tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (callback, inbound, notice)
        ]
        return [*counts, *tx.execute(select(phone.c.state)).scalars(), *deliveries(db)]


def test_a_status_is_taken_in(db: Database) -> None:
    case = with_reminder(db)
    (ref,) = send(db)

    answer = post(db, f"/webhooks/twilio/status/{ref}", told("delivered"))

    assert answer.status_code == 204
    assert deliveries(db) == [("accepted", SID, "delivered")]
    assert stands(db, case) == [("accepted", "taken")]


ORDERS = list(itertools.permutations(["queued", "sent", "delivered"]))


@pytest.mark.parametrize("answered", ["before", "never", "after"])
def test_every_order_of_callbacks_three_times_over_ends_the_same(
    db: Database, answered: str
) -> None:
    """Before, after and without the answer to the call itself."""
    silence = SendResult(Outcome.UNKNOWN, code="timeout")
    ends = set()
    for day, order in enumerate(ORDERS):
        case = with_reminder(db, number=f"+479990{day:04}")
        sid = f"SM{day:032}"
        accepted = SendResult(Outcome.ACCEPTED, provider_id=sid)

        def call_back(ref: str, order: Sequence[str] = order, sid: str = sid) -> None:
            for status in [*order] * 3:
                assert post(
                    db, f"/webhooks/twilio/status/{ref}", told(status, sid=sid)
                ).status_code in (200, 204)

        def call(
            request: SendRequest, accepted: SendResult = accepted, back: Any = call_back
        ) -> SendResult:
            if answered == "after":
                back(request.attempt_id)
            return silence if answered == "never" else accepted

        sender = MemorySender(call)
        deliver(db, sender, ask=ASK, clock=frozen_clock(SENT), owner="worker-1")
        if answered != "after":
            call_back(sender.sent[0].attempt_id)
        with db.write() as tx:
            tx.execute(delete(line))  # five silences in a row would have it rest
            row = tx.execute(
                select(attempt.c.outcome, attempt.c.delivery, attempt.c.provider_id).where(
                    attempt.c.provider_id == sid
                )
            ).one()
        ends.add((stands(db, case)[0][0], row.outcome, row.delivery, row.provider_id == sid))

    assert ends == {("accepted", "accepted", "delivered", True)}


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["sent", "undelivered", "delivered"]))
)
def test_a_message_that_arrived_arrived_whatever_else_was_told(
    db: Database, order: Sequence[str]
) -> None:
    with_reminder(db)
    (ref,) = send(db)

    for status in order:
        post(db, f"/webhooks/twilio/status/{ref}", told(status))

    assert deliveries(db) == [("accepted", SID, "delivered")]


def test_a_callback_before_the_answer_keeps_a_message_from_going_again(db: Database) -> None:
    case = with_reminder(db)
    (ref,) = send(db, SendResult(Outcome.UNKNOWN, code="timeout"))
    assert stands(db, case) == [("unknown", "no_answer")]

    post(db, f"/webhooks/twilio/status/{ref}", told("sent"))

    assert stands(db, case) == [("accepted", "told_by_provider")]
    assert send(db) == []


def signed(path: str, fields: dict[str, str]) -> dict[str, dict[str, str]]:
    """Headers that must not be believed."""
    pairs = list(fields.items())
    good = sign(TOKEN, BASE + path, pairs, "HMAC_SHA1")
    header = "X-Twilio-Signature"
    return {
        "none": {},
        "empty": {header: ""},
        "another key": {header: sign("x", BASE + path, pairs, "HMAC_SHA1")},
        "another address": {header: sign(TOKEN, f"http://127.0.0.1{path}", pairs, "HMAC_SHA1")},
        "other fields": {header: sign(TOKEN, BASE + path, pairs[:-1], "HMAC_SHA1")},
        "not ascii": {header: "\xe6\xf8\xe5"},
        "cut": {header: good[:-2]},
        "unknown hash": {
            header: good,
            "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_MD5",
        },
        "hash of another kind": {
            header: good,
            "X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_SHA256",
        },
    }


@pytest.mark.parametrize("kind", ["status", "inbound"])
def test_a_forgery_writes_nothing_and_is_no_fault_of_ours(db: Database, kind: str) -> None:
    with_reminder(db)
    (ref,) = send(db)
    before = everything(db)
    fields = told("failed", code="30005") | {"From": NUMBER, "Body": "STOPP"}
    path = f"/webhooks/twilio/{f'status/{ref}' if kind == 'status' else 'inbound'}"

    for headers in signed(path, fields).values():
        latin = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = post(db, path, fields, headers=latin)  # type: ignore[arg-type]
        assert answer.status_code == 403, headers
    assert everything(db) == before


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"&&&===", b"MessageSid=%ff%fe", b"a=" + b"b" * 40_000]
)
def test_what_cannot_be_read_is_refused_and_no_fault_of_ours(db: Database, body: bytes) -> None:
    for path in ("/webhooks/twilio/inbound", f"/webhooks/twilio/status/{'a' * 32}"):
        answer = post(db, path, {}, headers={"X-Twilio-Signature": "x"}, body=body)
        assert 400 <= answer.status_code < 500


def test_the_newer_signature_is_taken_with_any_key_in_force(db: Database) -> None:
    with_reminder(db)
    (ref,) = send(db)
    path = f"/webhooks/twilio/status/{ref}"
    fields = told("sent")
    for key in ("an-older-key", SHARED):
        # The SDK's own signer, not ours.
        signature = RequestValidator(key).compute_signature(BASE + path, fields, "HMAC_SHA256")
        answer = post(
            db,
            path,
            fields,
            headers={
                "X-Twilio-Signature": signature,
                "X-Twilio-Webhooks-Signature-Settings": "key=sk1,algorithm=HMAC_SHA256",
            },
        )
        assert answer.status_code == 204
    assert deliveries(db) == [("accepted", SID, "sent")]


def test_a_replay_changes_nothing(db: Database) -> None:
    with_reminder(db)
    (ref,) = send(db)
    path = f"/webhooks/twilio/status/{ref}"
    post(db, path, told("delivered"))
    answered = {"MessageSid": "SM9", "From": NUMBER, "Body": "STOPP"}
    post(db, "/webhooks/twilio/inbound", answered)
    post(db, "/webhooks/twilio/inbound", answered | {"MessageSid": "SM10", "Body": "START"})
    before = everything(db)

    post(db, path, told("delivered"))
    post(db, "/webhooks/twilio/inbound", answered)

    assert everything(db) == before
    assert not stopped(db)


def test_an_attempt_that_is_not_ours_is_not_found(db: Database) -> None:
    assert post(db, f"/webhooks/twilio/status/{'0' * 32}", told("sent")).status_code == 404
    assert post(db, "/webhooks/twilio/status/x", told("sent")).status_code == 404


def test_a_word_that_is_no_status_changes_nothing(db: Database) -> None:
    with_reminder(db)
    (ref,) = send(db)
    before = everything(db)

    assert post(db, f"/webhooks/twilio/status/{ref}", told("exploded")).status_code == 204
    assert everything(db) == before


def test_without_a_provider_nobody_is_believed(db: Database) -> None:
    answer = post(db, f"/webhooks/twilio/status/{'0' * 32}", told("sent"), settings=Settings())

    assert answer.status_code == 403


def test_neither_number_nor_text_stands_in_what_is_counted(db: Database) -> None:
    with_reminder(db)
    sender = MemorySender(lambda _: SendResult(Outcome.ACCEPTED, provider_id=SID))
    deliver(db, sender, ask=ASK, clock=frozen_clock(SENT), owner="worker-1")
    (sent,) = sender.sent
    path = f"/webhooks/twilio/status/{sent.attempt_id}"
    assert post(db, path, told("sent")).status_code == 204
    assert post(db, path, told("sent"), headers={}).status_code == 403
    assert answers(db, f"feil nummer, jeg har {NUMBER}").status_code == 200
    assert post(db, f"/webhooks/twilio/{NUMBER}/{SID}", told("sent")).status_code == 404

    counted = ask(application(db, NOW, SETTINGS), "GET", "/metrics").text

    assert 'route="/webhooks/twilio/status/{attempt}",status="204"' in counted
    assert 'route="/webhooks/twilio/inbound",status="200"' in counted
    for canary in (NUMBER, NUMBER[3:], sent.attempt_id, SID, sent.body, "Påminning", "25.11."):
        assert canary not in counted


# Answers of persons


def stopped(db: Database, number: str = NUMBER) -> bool:
    with db.read() as tx:
        return opt_outs.stopped(tx, ASK.digest_of(tx, number))


def answers(db: Database, body: str, *, sid: str = "SM9", number: str = NUMBER) -> httpx.Response:
    fields = {"MessageSid": sid, "From": number, "Body": body, "To": "+4759440000"}
    return post(db, "/webhooks/twilio/inbound", fields)


def test_whoever_answers_stopp_gets_nothing_more_until_start(db: Database) -> None:
    case = with_reminder(db)

    answer = answers(db, "Stopp!")

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/xml")
    assert stopped(db)
    assert send(db) == []
    assert stands(db, case) == [("cancelled", "opted_out")]
    answers(db, "start", sid="SM10")
    assert not stopped(db)


def test_a_stop_that_comes_while_a_message_waits_stops_all_who_share_the_number(
    db: Database,
) -> None:
    first, second = with_reminder(db), with_reminder(db, starts="2026-11-25 11:00")
    answers(db, "STOP")

    send(db)

    assert stands(db, first) == stands(db, second) == [("cancelled", "opted_out")]


def test_a_wrong_number_stops_its_messages_and_gives_the_coordinator_a_task(db: Database) -> None:
    case = with_reminder(db)

    answers(db, "Hei, feil nummer")

    assert stands(db, case) == [("cancelled", "wrong_number")]
    with db.read() as tx:
        assert list(tx.execute(select(phone.c.state)).scalars()) == ["wrong_person"]
        told_to = tx.execute(select(notice.c.rung, notice.c.to_role, notice.c.unit)).all()
    assert ("phone_invalid", "A") in {(row.rung, row.unit) for row in told_to}


def test_what_somebody_wrote_is_not_kept(db: Database) -> None:
    with_reminder(db)
    answers(db, "ring meg, det haster")

    with db.read() as tx:
        kept = [tuple(row) for row in tx.execute(select(inbound))]
    assert len(kept) == 1
    assert "haster" not in repr(kept)
    assert NUMBER not in repr(kept)


@pytest.mark.parametrize("code", ["30005", "30006", "21614"])
def test_a_number_that_fails_for_good_stops_and_the_coordinator_hears(
    db: Database, code: str
) -> None:
    with_reminder(db)
    (ref,) = send(db)

    post(db, f"/webhooks/twilio/status/{ref}", told("undelivered", code=code))

    with db.read() as tx:
        assert list(tx.execute(select(phone.c.state)).scalars()) == ["failed"]
        rungs = list(tx.execute(select(notice.c.rung)).scalars())
    assert rungs.count("phone_invalid") == 1


def test_a_phone_that_is_only_switched_off_stays_usable_and_somebody_hears(db: Database) -> None:
    with_reminder(db)
    (ref,) = send(db)

    post(db, f"/webhooks/twilio/status/{ref}", told("undelivered", code="30003"))

    with db.read() as tx:
        assert list(tx.execute(select(phone.c.state)).scalars()) == ["usable"]
        assert [each.why for each in waiting_for_a_person(tx)] == ["not_delivered"]
    post(db, f"/webhooks/twilio/status/{ref}", told("delivered"))
    with db.read() as tx:
        assert waiting_for_a_person(tx) == []


def test_an_opt_out_at_the_provider_is_ours_too(db: Database) -> None:
    case = with_reminder(db)
    refused = SendResult(Outcome.REFUSED, code="21610", reason="opted_out")

    send(db, refused)

    assert stands(db, case) == [("refused", "opted_out")]
    assert stopped(db)

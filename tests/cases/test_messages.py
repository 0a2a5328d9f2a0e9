"""What happens between planning and sending decides: the right message or none, with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from cases import (
    appointments,
    messages,
    people,
    phones,
    protection,
    release,
    service,
    views,
    worklist,
)
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.model import Case
from cases.rules import CaseNotFound
from cases.sending import ASK, digest_of
from cases.sweep import advance
from cases.tables import phone
from core.clock import frozen_clock
from core.db import Database
from core.errors import Conflict, NotAllowed
from core.log import SafeFormatter
from notifications import opt_outs, retention
from notifications.delivery import deliver
from notifications.sender import MemorySender, Outcome, SendRequest, SendResult
from notifications.tables import attempt
from notifications.timing import Timing
from tests.installation import installation
from tests.people import COORDINATOR, OFFICER, OUTSIDER, at, make_case, make_person

NUMBER = "+4799900042"
SENT = at("2026-11-24 14:00")
BETWEEN = at("2026-11-24 09:00")


@pytest.fixture
def db(units_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(units_url, tmp_path) as db:
        yield db


@pytest.fixture
def case(db: Database) -> Case:
    """A released person with a reminder to get at 14:00 on the 24th."""
    with db.write() as tx:
        who = make_person(tx, phone=NUMBER)
        case = make_case(tx, person=who, answer="accepted", release_on=date(2026, 11, 23))
        booked = at("2026-11-20 09:00")
        service.record_consent(tx, OPERATOR, case.ref, "sms", given=True, now=booked)
        booking = Booking(
            "GP", at("2026-11-25 10:00"), "Dr. Moen", "Storgata 1", status="confirmed"
        )
        appointments.book(tx, OPERATOR, case.ref, booking, now=booked)
        return release.release(tx, OPERATOR, case.ref, now=at("2026-11-23 10:00"))


def send(
    db: Database, sender: MemorySender | None = None, *, later: timedelta = timedelta()
) -> MemorySender:
    sender = sender or MemorySender()
    deliver(db, sender, ask=ASK, clock=frozen_clock(SENT + later), owner="worker-1")
    return sender


def shown(db: Database, case: Case) -> list[tuple[str, str | None]]:
    """State and reason of each message, as `overlev case` shows them."""
    with db.write() as tx:
        view = views.read_case(tx, OPERATOR, case.ref, now=SENT)
    assert all(bool(each["meaning"]) == bool(each["why"]) for each in view["messages"])
    return [(each["state"], each["why"]) for each in view["messages"]]


def appointment_of(case: Case) -> str:
    return case.appointments[0].id


def moved(tx: Connection, case: Case) -> None:
    appointments.move(tx, OPERATOR, appointment_of(case), at("2026-11-27 10:00"), now=BETWEEN)


def ended(status: str) -> Callable[[Connection, Case], None]:
    def verb(tx: Connection, case: Case) -> None:
        appointments.record_outcome(tx, OPERATOR, appointment_of(case), status, now=BETWEEN)

    return verb


def closed(reason: str) -> Callable[[Connection, Case], None]:
    def verb(tx: Connection, case: Case) -> None:
        release.close(tx, OPERATOR, case.ref, reason, now=BETWEEN)

    return verb


def withdrawn(tx: Connection, case: Case) -> None:
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=BETWEEN)


def no_consent(tx: Connection, case: Case) -> None:
    service.record_consent(tx, OPERATOR, case.ref, "sms", given=False, now=BETWEEN)


def protected(tx: Connection, case: Case) -> None:
    protection.set_protection(tx, OPERATOR, case.ref, "STRENGT_FORTROLIG", now=BETWEEN)


def opted_out(tx: Connection, case: Case) -> None:
    opt_outs.stop(tx, digest_of(tx, NUMBER), source="inbound", now=BETWEEN)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (ended("cancelled"), "appointment_cancelled"),
        (closed("died"), "died"),
        (closed("reimprisoned"), "reimprisoned"),
        (withdrawn, "withdrawn"),
        (no_consent, "no_consent"),
        (protected, "protected"),
        (opted_out, "opted_out"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_happens_between_planning_and_sending_stops_the_message(
    db: Database, case: Case, between: Callable[[Connection, Case], None], reason: str
) -> None:
    with db.write() as tx:
        between(tx, case)

    assert send(db).sent == []
    assert shown(db, case) == [("cancelled", reason)]


def test_a_moved_appointment_gets_the_right_message(db: Database, case: Case) -> None:
    with db.write() as tx:
        moved(tx, case)

    assert send(db).sent == []
    (later,) = send(db, later=timedelta(days=2)).sent
    assert "fre. 27.11. kl. 10.00" in later.body
    assert {("cancelled", "moved"), ("accepted", "taken")} == set(shown(db, case))


# What only a person can decide


def left_unclear(db: Database) -> None:
    silent = MemorySender(lambda _: SendResult(Outcome.UNKNOWN, code="timeout"))
    send(db, silent)
    send(db, silent, later=Timing().look_after)  # its traces are unclear


def test_an_unclear_message_waits_for_a_person_of_the_unit_and_no_other(
    db: Database, case: Case
) -> None:
    left_unclear(db)

    with db.write() as tx:
        (waiting,) = messages.waiting(tx, COORDINATOR)
        assert waiting.why == "traces_differ"
        assert messages.waiting(tx, OUTSIDER) == []
        with pytest.raises(CaseNotFound):
            messages.decide(tx, OUTSIDER, waiting.about, "sent", now=SENT)
        with pytest.raises(NotAllowed):
            messages.decide(tx, OFFICER, waiting.about, "sent", now=SENT)
        messages.decide(tx, COORDINATOR, waiting.about, "sent", now=SENT)
        with pytest.raises(Conflict):
            messages.decide(tx, COORDINATOR, waiting.about, "drop", now=SENT)
    assert shown(db, case) == [("accepted", "a_person_says_it_went")]


def test_what_somebody_dropped_is_not_sent_when_the_case_changes(db: Database, case: Case) -> None:
    left_unclear(db)
    soon = SENT + timedelta(minutes=10)
    with db.write() as tx:
        (waiting,) = messages.waiting(tx, COORDINATOR)
        messages.decide(tx, COORDINATOR, waiting.about, "drop", now=soon)
        booking = Booking("NAV", at("2026-11-26 12:00"), "NAV", "Storgata 2", status="confirmed")
        appointments.book(tx, OPERATOR, case.ref, booking, now=soon)

    assert send(db, later=timedelta(minutes=20)).sent == []
    assert ("cancelled", "a_person_dropped_it") in shown(db, case)


@pytest.mark.parametrize("code", ["21999", "30034"])
def test_a_refusal_we_do_not_know_by_name_waits_for_a_person(
    db: Database, case: Case, code: str
) -> None:
    send(db, MemorySender(lambda _: SendResult(Outcome.REFUSED, code=code)))

    with db.write() as tx:
        (waiting,) = messages.waiting(tx, COORDINATOR)
        assert (waiting.state, waiting.why) == ("refused", "refused")
        for viewer, many in ((COORDINATOR, 1), (OUTSIDER, 0)):
            lines = worklist.message_lines(tx, viewer, states=("needs_person",), waiting=True)
            assert len(lines) == many
        with pytest.raises(Conflict):
            messages.decide(tx, COORDINATOR, waiting.about, "sent", now=SENT)
        messages.decide(tx, COORDINATOR, waiting.about, "drop", now=SENT)
        assert messages.waiting(tx, COORDINATOR) == []
    assert shown(db, case) == [("refused", "a_person_saw_it")]


def test_neither_number_nor_text_stands_in_logs_or_in_what_a_crash_says(
    db: Database,
    case: Case,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    written: list[str] = []

    def breaks(request: SendRequest) -> SendResult:
        written.append(request.body)
        raise ValueError(f"{request.to} does not take {request.body!r}")

    def breaks_too(*_: object, **__: object) -> bool:
        raise RuntimeError(f"{NUMBER}: {written[0]}")

    monkeypatch.setattr("notifications.settling.settle", breaks_too)
    with pytest.raises(RuntimeError) as crash:
        send(db, MemorySender(breaks))
    record = logging.LogRecord("x", logging.ERROR, "", 0, "it broke", (), crash._excinfo)

    told = SafeFormatter().format(record)
    assert "RuntimeError" in told
    for canary in (NUMBER, NUMBER[3:], written[0], "25.11."):
        assert canary not in caplog.text + told + "".join(capfd.readouterr())
    assert shown(db, case) == [("sending", None)]


# What is forgotten


def test_texts_are_erased_at_the_provider_and_here(db: Database, case: Case) -> None:
    sender = send(db)

    def forgotten(days: int) -> tuple[int, int]:
        now = SENT + timedelta(days=days)
        erased = retention.erase_at_provider(db, sender, clock=frozen_clock(now))
        return erased, retention.forget_bodies(db, now=now)

    assert forgotten(1) == (0, 0)
    assert forgotten(3) == (1, 0)
    assert forgotten(30) == (0, 1)
    assert len(sender.erased) == 1
    with db.read() as tx:
        assert list(tx.execute(select(attempt.c.body)).scalars()) == [None]


def test_a_number_is_deleted_30_days_after_the_last_appointment_of_a_closed_case(
    db: Database, case: Case
) -> None:
    def left(day: str) -> int:
        with db.write() as tx:
            phones.forget_outlived(tx, now=at(f"{day} 12:00"))
            return len(tx.execute(select(phone.c.id)).all())

    # While somebody is followed up an appointment may still be made, and be reminded of.
    assert left("2026-12-26") == 1
    with db.write() as tx:
        assert advance(tx, case.ref, now=at("2027-01-05 09:00")).closed == 1
    assert left("2027-01-05") == 0


def test_a_number_of_somebody_in_prison_is_kept(db: Database) -> None:
    with db.write() as tx:
        make_case(tx, person=make_person(tx, phone=NUMBER))
        assert phones.forget_outlived(tx, now=at("2028-01-01 12:00")) == 0


def test_a_shared_number_is_noticed(db: Database, case: Case) -> None:
    with db.write() as tx:
        assert not phones.is_shared(tx, case)
        other = make_person(tx, phone=NUMBER)
        assert phones.is_shared(tx, case)
        assert phones.shared_by(tx, other.ref) == 2
        assert phones.shared_by(tx, make_person(tx).ref) == 0
        assert people.number_for(tx, other.ref) == NUMBER
        assert replace(case, person=other.ref).person == other.ref

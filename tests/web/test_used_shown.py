"""Without an SMS service nothing is said to be sent: it was shown, also when one is set later."""

from __future__ import annotations

import io

from pydantic import SecretStr

from cases import appointments, release, service
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.sending import ASK
from core.clock import frozen_clock
from core.settings import Settings
from notifications.delivery import deliver
from notifications.sender import ConsoleSender, MemorySender, Sender
from tests.people import at, make_case, make_person
from tests.web.application import application
from tests.web.conftest import Desk
from web.house import House

BANNER = "Ingen SMS-tjeneste er satt: meldinger vises, men sendes ikke."
SENT = ("Sendt</span>", "Levert til SMS-tjenesten.")


def reminded(desk: Desk, number: str) -> str:
    """Somebody released yesterday, with an appointment in three days to be reminded of."""
    with desk.db.write() as tx:
        ref = make_case(
            tx,
            person=make_person(tx, phone=number),
            admitted="2026-08-01 06:00",
            answer="accepted",
        ).ref
        then = at("2026-09-01 09:00")
        service.record_consent(tx, OPERATOR, ref, "sms", given=True, now=then)
        meeting = Booking("GP", at("2026-09-11 10:00"), "Dr. Moen", "Torget 1", status="confirmed")
        appointments.book(tx, OPERATOR, ref, meeting, now=then)
        release.release(tx, OPERATOR, ref, now=at("2026-09-07 10:00"))
    return ref


def delivered(desk: Desk, sender: Sender) -> None:
    desk.later(at("2026-09-10 14:01") - desk.now)
    deliver(desk.db, sender, ask=ASK, clock=frozen_clock(desk.now), owner="worker-1")


def with_a_service(desk: Desk) -> None:
    settings = Settings(
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token=SecretStr("t" * 32),
        twilio_sender="+4759440000",
        public_url="http://127.0.0.1:8000",
    )
    clock = desk.clock
    desk.app = application(
        House(desk.db, lambda: clock[0], settings, demo=True, real_clock=lambda: clock[0])
    )
    desk.signed.clear()


def messages_of(text: str) -> str:
    """What the page of a case says of its messages."""
    return text.split('id="messages"')[1].split("</section>", maxsplit=1)[0]


def test_what_comes_is_to_be_shown(on_sqlite: Desk) -> None:
    ref = reminded(on_sqlite, "+4799900042")
    nurse = on_sqlite.of("nurse")
    listed, case = nurse.get("/messages").text, messages_of(nurse.get(f"/cases/{ref}").text)
    for text in (listed, case):
        assert BANNER in text
        assert "Skal vises, sendes ikke" in text
        assert "Skal sendes" not in text


def test_what_was_shown_is_not_said_to_be_sent_also_with_a_service_later(desk: Desk) -> None:
    ref = reminded(desk, "+4799900042")
    delivered(desk, ConsoleSender(io.StringIO()))

    for later in (False, True):
        if later:
            with_a_service(desk)
        nurse = desk.of("nurse")
        listed, case = nurse.get("/messages").text, messages_of(nurse.get(f"/cases/{ref}").text)
        for text in (listed, case):
            assert "Vist, ikke sendt" in text
            assert "Ingen SMS-tjeneste var satt." in text
            assert not any(word in text for word in SENT)
            assert (BANNER in text) is not later
        assert ref in nurse.get("/messages?show=unsent").text
        assert ref not in nurse.get("/messages?show=sent").text


def test_who_keeps_the_house_counts_what_was_shown_apart_from_what_was_sent(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    reminded(desk, "+4799900042")

    def counted() -> str:
        desk.signed.clear()  # two days lie between the looks
        page = desk.of("admin").get("/admin/health").text
        return page.split('id="sms"')[1].split("</dl>", maxsplit=1)[0]

    assert '<dt>Skal vises, sendes ikke</dt><dd class="number">1</dd>' in counted()
    delivered(desk, ConsoleSender(io.StringIO()))
    assert '<dt>Vist, ikke sendt</dt><dd class="number">1</dd>' in counted()
    assert "<dt>Sendt</dt>" not in counted()
    with_a_service(desk)
    reminded(desk, "+4799900043")
    assert '<dt>Vist, ikke sendt</dt><dd class="number">1</dd>' in counted()
    assert '<dt>Skal sendes</dt><dd class="number">1</dd>' in counted()


def test_what_a_service_took_is_sent(on_sqlite: Desk) -> None:
    ref = reminded(on_sqlite, "+4799900042")
    delivered(on_sqlite, MemorySender())
    with_a_service(on_sqlite)
    nurse = on_sqlite.of("nurse")
    for text in (nurse.get("/messages?show=sent").text, nurse.get(f"/cases/{ref}").text):
        assert "Levert til SMS-tjenesten." in text
        assert "Vist, ikke sendt" not in text
    assert ref not in nurse.get("/messages?show=unsent").text

"""Digests: one per person and slot, counts and a link, the deputy's for whoever is away."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from cases import accounts, digests, staff_contact, sweep
from cases.tables import account, digest
from core.clock import frozen_clock
from core.db import Database
from core.errors import BadInput
from notifications.digest import digest_text, languages
from notifications.lint import faults
from notifications.mail import SmtpMailer
from notifications.segments import segments
from notifications.sender import MemorySender, Outcome, SendResult
from tests.installation import installation
from tests.people import at, make_case

KARI, OLA, OUTSIDE = "+4799900001", "+4799900002", "+4799900003"
URL = "https://overlev.example"
MORNING = at("2026-09-03 08:00")  # a Thursday; the intake talk of 1 September is overdue


class MemoryMailer:
    def __init__(self, *, takes: bool = True) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self._takes = takes

    def send(self, to: str, subject: str, body: str) -> bool:
        self.sent.append((to, subject, body))
        return self._takes


@pytest.fixture
def db(units_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(units_url, tmp_path) as db:
        with db.write() as tx:
            for name, unit, phone in (
                ("kari", "A", KARI),
                ("ola", "B", OLA),
                ("outsider", "C", OUTSIDE),
            ):
                accounts.add(
                    tx, name, name, "health", [unit], password=None, now=at("2026-01-01 00:00")
                )
                staff_contact.set_contact(tx, name, phone=phone, email=f"{name}@example.org")
            make_case(tx, release_on=date(2026, 12, 1))
        sweep.sweep(db, now=MORNING)
        yield db


def send(
    db: Database,
    sender: MemorySender,
    *,
    now: datetime = MORNING,
    mailer: MemoryMailer | None = None,
) -> int:
    return digests.send_due(db, sender, mailer, clock=frozen_clock(now), url=URL)


def test_whoever_has_something_to_do_is_told_counts_and_a_link_once_per_slot(
    db: Database,
) -> None:
    sender = MemorySender()

    assert send(db, sender) == 1
    assert send(db, sender, now=at("2026-09-03 08:30")) == 0
    assert send(db, sender, now=at("2026-09-03 13:00")) == 1  # still overdue

    assert [sent.to for sent in sender.sent] == [KARI, KARI]
    assert sender.sent[0].body.endswith(f"1 oppgaver over frist. {URL}")


def test_another_units_staff_hear_nothing(db: Database) -> None:
    sender = MemorySender()
    send(db, sender)

    assert OUTSIDE not in {sent.to for sent in sender.sent}


def test_the_deputy_of_somebody_away_is_told_instead(db: Database) -> None:
    with db.write() as tx:
        staff_contact.set_away(tx, "kari", from_at=None, until=at("2026-09-10 00:00"), deputy="ola")
    sender = MemorySender()

    send(db, sender)
    send(db, sender, now=at("2026-09-10 08:00"))

    assert [sent.to for sent in sender.sent] == [OLA, KARI]


def test_mail_is_the_second_path(db: Database) -> None:
    mailer = MemoryMailer()
    refusing = MemorySender(lambda _: SendResult(Outcome.REFUSED, code="21211"))

    assert send(db, refusing, mailer=mailer) == 1

    ((to, subject, body),) = mailer.sent
    assert to == "kari@example.org"
    assert "1 over frist" in subject
    assert URL in body
    with db.read() as tx:
        assert tx.execute(select(digest.c.state, digest.c.via)).all() == [("sent", "mail")]


def test_what_a_dead_worker_left_goes_by_mail_and_never_by_sms_again(db: Database) -> None:
    with db.write() as tx:
        digests.claim(tx, MORNING, now=MORNING)
    sender, mailer = MemorySender(), MemoryMailer()

    send(db, sender, mailer=mailer, now=at("2026-09-03 08:05"))

    assert sender.sent == []
    assert len(mailer.sent) == 1


def test_a_number_of_staff_is_sealed_and_only_taken_if_it_can_get_an_sms(db: Database) -> None:
    with db.write() as tx:
        (sealed, *_) = tx.execute(select(account.c.phone_enc)).scalars()
        assert KARI[3:].encode() not in sealed
        with pytest.raises(BadInput):
            staff_contact.set_contact(tx, "kari", phone="22 00 00 00")
        with pytest.raises(BadInput):
            staff_contact.set_contact(tx, "kari", email="no address")
        with pytest.raises(BadInput):
            staff_contact.set_away(tx, "kari", from_at=None, until=MORNING, deputy="kari")


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_digest_is_one_segment_and_tells_nothing(language: str) -> None:
    text = digest_text(notices=120, overdue=999, url=URL, language=language)

    assert segments(text.sms).count == 1
    assert faults(text.sms) == faults(text.subject) == ()


class _Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as one mail needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        data = False
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if data:
                if line == ".":
                    data = False
                    self.wfile.write(b"250 taken\r\n")
                else:
                    self.server.lines.append(line)  # type: ignore[attr-defined]
            elif line.upper() == "DATA":
                data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


def test_mail_goes_through_a_real_connection() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox) as server:
        server.lines = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        mailer = SmtpMailer("127.0.0.1", server.server_address[1], "o@example.org", "none")

        assert mailer.send("kari@example.org", "Overlev: 1", "Overlev: 1")
        assert not mailer.send("kari@example.org\nBcc: x@example.org", "s", "b")
        server.shutdown()
        lines: list[str] = server.lines  # type: ignore[attr-defined]
    assert "To: kari@example.org" in lines
    assert "Overlev: 1" in lines


def test_a_mail_server_that_is_away_is_no_fault() -> None:
    assert not SmtpMailer("127.0.0.1", 1, "o@example.org", "none").send("a@b.no", "s", "b")

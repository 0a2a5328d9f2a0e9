"""People and things in every state that a page can show, in unit A; unit C stays empty."""

from __future__ import annotations

from datetime import date

from cases import (
    appointments,
    leave,
    naloxone,
    package_saving,
    service,
    sessions,
    signing_in,
    sweep,
    transfers,
)
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, complete
from tests.web.chromium.office import Office, case_of
from tests.web.test_tertial_pages import released_in_summer

OVERLAY = 'key = "a-1"\nnumber = 1\nparent = "national-1"\n[task.talk_held]\ndue = ["R - 10 d"]\n'
SOON = {"admitted": "2026-09-05 06:00"}


def furnished(office: Office) -> dict[str, str]:
    """Fill the house; returns what the addresses of pages need, by name."""
    desk = office.desk
    now = desk.now
    full = case_of(
        desk, "Full", "9001", admitted="2026-09-01 06:00", release_on=date(2026, 10, 1),
        answer="accepted", done=("brief_info",),
    ).ref  # fmt: skip
    bare = case_of(desk, "Bar", "9002", **SOON).ref
    due = case_of(desk, "Over", "9003", admitted="2026-08-28 06:00", release_on=date(2026, 9, 7))
    out = case_of(
        desk, "Ute", "9004", admitted="2026-08-01 06:00", release_on=date(2026, 9, 5),
        answer="accepted", done=("intake_talk",), released="2026-09-05 10:00",
    )  # fmt: skip
    closed = case_of(
        desk, "Slutt", "9005", admitted="2026-08-01 06:00", answer="declined",
        done=("intake_talk",), released="2026-09-02 10:00",
    )  # fmt: skip
    offered, taken = (case_of(desk, name, name, **SOON) for name in ("Tilbudt", "Tatt"))
    moved = case_of(desk, "Flyttet", "9006", admitted="2026-09-05 06:00", unit="B")
    away = case_of(desk, "Borte", "9007", answer="accepted", done=("intake_talk",), **SOON)
    later = case_of(desk, "Senere", "9008", answer="not_now", **SOON)
    with desk.db.write() as tx:
        held, typed = at("2026-08-29 05:00"), at("2026-09-04 10:00")
        complete(tx, due, "intake_talk", held, recorded_at=typed, answer="at_risk")
        for to in ("health", "nav", "municipality"):
            service.record_consent(tx, OPERATOR, full, "sharing", given=True, receiver=to, now=now)
        service.record_consent(tx, OPERATOR, full, "sms", given=True, now=now)
        booked = [
            appointments.book(
                tx,
                OPERATOR,
                full,
                Booking(kind, at(day), "Fastlege Moen", "Torget 1", "22 33 44 55", status),
                now=now,
            )
            for kind, day, status in (
                ("GP", "2026-10-02 13:00", "confirmed"),
                ("NAV", "2026-10-05 10:00", "confirmed"),
                ("OTHER", "2026-10-20 10:00", "requested"),
            )
        ]
        number = str(booked[-1].appointments[0].id)
        doctor = Booking(
            "GP", at("2026-09-07 13:00"), "Fastlege Moen", "Torget 1", None, "confirmed"
        )
        missed = appointments.book(tx, OPERATOR, out.ref, doctor, now=at("2026-09-01 12:00"))
        appointments.record_outcome(tx, OPERATOR, missed.appointments[0].id, "no_show", now=now)
        transfers.propose_transfer(tx, OPERATOR, offered.ref, "C", now=now)
        asked = transfers.propose_transfer(tx, OPERATOR, taken.ref, "C", now=now)
        transfers.answer_transfer(tx, OPERATOR, asked.transfers[-1].id, "accept", now=now)
        transfers.propose_transfer(tx, OPERATOR, moved.ref, "A", now=now)
        refused = transfers.propose_transfer(tx, OPERATOR, away.ref, "C", now=now)
        transfers.answer_transfer(tx, OPERATOR, refused.transfers[-1].id, "reject", now=now)
        leave.record_leave(
            tx, OPERATOR, away.ref, "leave", from_on=date(2026, 9, 20), to_on=None, now=now
        )
        been = sessions.plan_session(
            tx, OPERATOR, "A", "brief_info", at("2026-09-07 10:00"), place="Klasserommet", now=now
        )
        sessions.add_cases(tx, OPERATOR, been.ref, [bare, away.ref], now=now)
        sessions.plan_session(tx, OPERATOR, "A", "talk_held", at("2026-09-10 10:00"), now=now)
        naloxone.record(tx, OPERATOR, "received", unit="A", quantity=10, lot="L1", now=now)
        naloxone.record(tx, OPERATOR, "to_property", ref=out.ref, quantity=2, now=now)
        naloxone.record(tx, OPERATOR, "handed_over", ref=out.ref, now=now)
        complete(tx, away, "card_printed", now)
        put = naloxone.record(tx, OPERATOR, "to_property", ref=away.ref, now=now).row
        naloxone.undo(tx, OPERATOR, put.id, now=now)
        package_saving.save_overlay(tx, OPERATOR, "A", OVERLAY, now=now)
        invited = signing_in.invite(tx, "officer", now=now)
    released_in_summer(desk)
    sweep.sweep(desk.db, now=now)
    return {
        "full": full,
        "bare": bare,
        "due": due.ref,
        "out": out.ref,
        "closed": closed.ref,
        "offered": offered.ref,
        "taken": taken.ref,
        "away": away.ref,
        "later": later.ref,
        "number": number,
        "session": been.ref,
        "invited": invited,
    }

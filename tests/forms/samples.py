"""Cards of nobody: synthetic appointments with names as difficult as they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from forms.card import Appointment, Mark, TimeInHand
from forms.entries import Entry

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)

DIFFICULT = (
    ("Fastlege Łukasz Berg", "Storgata 1, Oslo", "22 11 11 11"),
    ("Сергей, محمد", "Trondheimsveien 5", "55 55 33 33"),
    ("Čáhppe\nlinje to", "Rådhuset 😀", "+46 70 123 45 67"),
    ("=1+1", "@SUM(1)", None),
    ("x" * 300, "y" * 300, "1" * 60),
    (None, None, None),
    ("中文 ไทย", '<b>fet</b> & "sitat" \'', "113"),
    ("Å" * 40, "é" * 40, "22 00 00 01"),
)


def appointment(at: int, **more: Any) -> Appointment:
    """The appointment number `at` of the difficult ones, a day and some hours after the last."""
    whom, place, phone = DIFFICULT[at % len(DIFFICULT)]
    entry = Entry(f"q7x2mfd3k{at}", 0, NOW + timedelta(days=at + 1, minutes=37 * at))
    return Appointment(entry, whom, place, phone, **more)


def card(count: int = 3, language: str = "nb", **more: Any) -> TimeInHand:
    """A card with so many appointments."""
    marks = (Mark.SAME, Mark.NEW, Mark.CHANGED)
    said: dict[str, Any] = {
        "appointments": tuple(appointment(at, mark=marks[at % 3]) for at in range(count)),
        "contact_phone": "22 00 00 00",
        "printed_at": NOW,
        "sms": True,
        "label": "101000",
    }
    return TimeInHand(language, **(said | more))

"""Cards of nobody: synthetic appointments with names as difficult as they come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from forms import (
    attendance,
    card_page,
    certificate,
    checklist,
    consent,
    naloxone_record,
    short_form,
    tertial_sheet,
    transfer_sheet,
)
from forms.card import Appointment, Mark, TimeInHand
from forms.document import Document
from forms.entries import Entry
from forms.overdose import Overdose

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


def chart() -> bytes:
    """A small chart, as reports make them."""
    bars = "".join(
        f'<rect x="{40 + 60 * at}" y="{150 - high}" width="40" height="{high}" fill="#1e5aa8"/>'
        f'<text x="{60 + 60 * at}" y="170" font-size="14" text-anchor="middle">T{at + 1}</text>'
        for at, high in enumerate((60, 90, 120))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="260" height="180" '
        f'font-family="sans-serif">{bars}</svg>'
    ).encode()


def steps() -> tuple[checklist.Step, ...]:
    """Two steps with tasks in every state."""
    states = ("done", "open", "prepared", "waived", "missed", "cancelled")
    owners = ("health", "officer", "coordinator", "any")
    tasks = tuple(
        checklist.Task(
            f"Oppgave {at} med en ganske lang merkelapp",
            owners[at % 4],
            state,
            NOW + timedelta(days=at) if state != "prepared" else None,
            NOW if state == "done" else None,
        )
        for at, state in enumerate(states)
    )
    return (
        checklist.Step("Innkomstsamtale", tasks[:2]),
        checklist.Step("Time i hånden", tasks[2:]),
    )


def documents(language: str) -> dict[str, Document]:
    """Every form, in a language."""
    ref = "5sl4v67w2h"
    return {
        "time_in_hand": card_page.time_in_hand_page(card(4, language)),
        "overdose": card_page.overdose_page(Overdose(language, NOW)),
        "checklist": checklist.document(
            checklist.Checklist(
                language, "Tromsø fengsel", ref, "101000", "national-1", NOW,
                date(2026, 12, 28), steps(), NOW,
            )
        ),
        "attendance": attendance.document(
            attendance.AttendanceList(
                language, "Tromsø fengsel", ref, "Overdoseinformasjon", NOW, 60, "Rom 2", None,
                tuple(
                    attendance.Person(f"10{at:04d}", whom or "")
                    for at, (whom, *_) in enumerate(DIFFICULT)
                ),
                NOW,
            )
        ),
        "consent": consent.document(
            consent.ConsentForm(language, consent.PURPOSES, "101000", "Tromsø fengsel", NOW)
        ),
        "short_form": short_form.document(
            short_form.ShortFormSheet(language, "Tromsø fengsel", ref, "101000", NOW, NOW)
        ),
        "naloxone": naloxone_record.document(
            naloxone_record.SupplyRecord(
                language, "Tromsø fengsel", ref, "101000",
                tuple(
                    naloxone_record.Row(NOW, kind, 1, "L-1", date(2028, 1, 1), "Moen")
                    for kind in (
                        "received", "to_property", "handed_over", "refill", "returned", "lost",
                        "expired",
                    )
                ),
                NOW,
            )
        ),
        "certificate": certificate.document(
            certificate.Certificate(language, "Łukasz Сергей محمد Čáhppe", NOW, "group", NOW)
        ),
        "transfer": transfer_sheet.document(
            transfer_sheet.TransferSheet(
                language, ref, "101000", "Tromsø", "Bodø", NOW, "proposed", None, steps(),
                (
                    transfer_sheet.Booked(NOW, "Fastlege", "Storgata"),
                    transfer_sheet.Booked(NOW, None, None),
                ),
                NOW,
            )
        ),
        "tertial": tertial_sheet.document(tertial(language)),
    }  # fmt: skip


def tertial(language: str = "nb") -> tertial_sheet.TertialSheet:
    """A report with figures that were hidden before."""
    rows = tuple(
        tertial_sheet.Figure(f"I{at}", f"Indikator nummer {at}", "0,8571", "6", "7", "0")
        for at in range(1, 20)
    )
    hidden = tertial_sheet.Figure("I20", "Skjult", ":", ":", ":", "")
    return tertial_sheet.TertialSheet(
        language, "2026-T3", "Norge", "frozen", 1, NOW, date(2027, 1, 19),
        (tertial_sheet.Figures("Norge", (*rows, hidden)), tertial_sheet.Figures("Vest", rows)),
        (tertial_sheet.Picture("I8", chart(), "I8 går opp fra 60 til 120."),),
        (("I1", "Personer med et ja i kraft i perioden."),),
        "ab" * 32, ("cd" * 32,), "2026-T3.csv", b"indicator;value\r\nI1;3\r\n",
    )  # fmt: skip

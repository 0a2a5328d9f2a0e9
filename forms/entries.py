"""Calendar entries: what a telephone takes over, as a file and as a QR code.

The title is neutral, and neither whom nor place is in them: a calendar lies open on a telephone.
An entry keeps its UID for ever, also when it is moved; its SEQUENCE grows with every change, so
that a calendar changes the entry it has (RFC 5545).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from icalendar import Calendar, Component, Event, Timezone

from core.clock import local
from forms import qr

PRODUCT: Final = "-//avtale//NO"
HOW_LONG: Final = timedelta(minutes=30)
"""What an entry takes in a calendar; nobody says how long an appointment lasts."""

LARGEST: Final = 22
"""The QR version up to which a telephone reads a code of 36 mm: squares of a third of a mm."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `uid` is opaque; `cancelled` takes it out of a calendar again."""

    uid: str
    sequence: int
    starts_at: datetime
    cancelled: bool = False


def ics(entries: Iterable[Entry], *, title: str, made_at: datetime) -> bytes:
    """A calendar file in Norwegian time. All entries cancelled: a cancellation, else a request.

    `title` is the neutral title of every entry, `made_at` when the answer was made (aware).
    """
    every = list(entries)
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    called_off = bool(every) and all(each.cancelled for each in every)
    calendar.add("method", "CANCEL" if called_off else "PUBLISH")
    calendar.add_component(_zone())
    for each in every:
        calendar.add_component(_event(each, title, made_at))
    return bytes(calendar.to_ical())


def _event(entry: Entry, title: str, made_at: datetime) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", made_at.astimezone(UTC))
    event.add("dtstart", _in_norway(entry.starts_at))
    event.add("duration", HOW_LONG)
    event.add("summary", title)
    event.add("class", "PRIVATE")
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    return event


_ZONE: Final = """BEGIN:VTIMEZONE
TZID:Europe/Oslo
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
"""Norwegian time, by the rule in force since 1996."""


@lru_cache(maxsize=1)
def _zone() -> Component:
    return Timezone.from_ical(_ZONE.replace("\n", "\r\n"))


def _in_norway(instant: datetime) -> datetime:
    """The wall-clock time; in the hour that comes twice, the second one can only be told in UTC."""
    there = local(instant)
    return there if there.fold == 0 else instant.astimezone(UTC)


def calendar_text(entries: Iterable[Entry], *, title: str, made_at: datetime) -> str:
    """The same as short as a QR code needs it; times in UTC."""
    stamp = _utc(made_at)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}"]
    for each in entries:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{each.uid}",
            f"DTSTAMP:{stamp}",
            f"DTSTART:{_utc(each.starts_at)}",
            *([f"SEQUENCE:{each.sequence}"] if each.sequence else []),
            f"SUMMARY:{_escaped(title)}",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def phone_link(number: str) -> str:
    """A link that dials: `tel:+4722000000`; Norwegian numbers get their country."""
    digits = "".join(each for each in number if each.isdigit() and each.isascii())
    if number.strip().startswith("+"):
        return f"tel:+{digits}"
    return f"tel:+47{digits}" if len(digits) == 8 else f"tel:{digits}"


@lru_cache(maxsize=256)
def squares(content: str) -> tuple[tuple[bool, ...], ...] | None:
    """A QR code as rows of dark and light, without its quiet zone; None if it would be too fine."""
    return qr.matrix(content.encode(), largest=LARGEST)


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return text

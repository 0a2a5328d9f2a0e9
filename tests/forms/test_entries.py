"""Calendar files read back by an independent parser: same moment, same entry, nothing told."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
from dateutil import tz  # type: ignore[import-untyped]
from dateutil.parser import parse  # type: ignore[import-untyped]

from forms.entries import LARGEST, Entry, calendar_text, ics, phone_link, squares

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)

BOTH_NIGHTS = [
    datetime(2026, 10, 24, 23, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02.30, the first time
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # 02.30, the second time
    datetime(2026, 10, 25, 9, 0, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 59, tzinfo=UTC),
    datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
    datetime(2027, 3, 28, 8, 0, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
]


def events(body: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(body).walk("VEVENT"))


@pytest.mark.parametrize("starts_at", BOTH_NIGHTS, ids=lambda each: each.isoformat())
def test_an_entry_is_the_same_moment_when_it_is_read_back(starts_at: datetime) -> None:
    [event] = events(ics([Entry("a", 0, starts_at)], title="Avtale", made_at=NOW))

    assert event.decoded("dtstart").astimezone(UTC) == starts_at


def test_the_zone_in_the_file_tells_the_same_moments_as_the_worlds(tmp_path: Path) -> None:
    body = ics([Entry("a", 0, starts_at) for starts_at in BOTH_NIGHTS], title="x", made_at=NOW)
    # Under another name no program knows the zone, and has to take the one in the file.
    own = icalendar.Calendar.from_ical(body.replace(b"Europe/Oslo", b"Own/Zone"))

    read = [event.decoded("dtstart").astimezone(UTC) for event in own.walk("VEVENT")]

    assert read == BOTH_NIGHTS


def events_of(text: str) -> str:
    """What follows the time zone, by lines."""
    return text.split("END:VTIMEZONE", 1)[1].replace("\r\n", "\n")


def test_a_reader_that_shares_nothing_with_the_writer_finds_the_same_moments() -> None:
    body = ics([Entry("a", 0, starts_at) for starts_at in BOTH_NIGHTS], title="x", made_at=NOW)
    text = body.decode().replace("\r\n ", "").replace("Europe/Oslo", "Own/Zone")
    zone = tz.tzical(io.StringIO(text.replace("\r\n", "\n"))).get("Own/Zone")

    read = []
    for line in re.findall(
        r"^DTSTART(?:;TZID=Own/Zone)?:(\d+T\d+Z?)$", events_of(text), re.MULTILINE
    ):
        there = parse(line)  # aware where it is told in UTC
        read.append((there if there.tzinfo else there.replace(tzinfo=zone)).astimezone(UTC))

    assert read == BOTH_NIGHTS


def test_a_moved_entry_keeps_its_name_and_counts_on() -> None:
    before = events(ics([Entry("a", 0, NOW)], title="Avtale", made_at=NOW))[0]
    later = NOW + timedelta(days=1)
    after = events(ics([Entry("a", 2, later)], title="Avtale", made_at=NOW))[0]

    assert before["uid"] == after["uid"]
    assert int(after["sequence"]) > int(before["sequence"])


def test_a_file_of_called_off_entries_is_a_cancellation() -> None:
    off = Entry("a", 3, NOW, cancelled=True)

    alone = icalendar.Calendar.from_ical(ics([off], title="Avtale", made_at=NOW))
    mixed = icalendar.Calendar.from_ical(ics([off, Entry("b", 0, NOW)], title="x", made_at=NOW))

    assert str(alone["method"]) == "CANCEL"
    assert str(mixed["method"]) == "PUBLISH"
    assert [str(e["status"]) for e in mixed.walk("VEVENT")] == ["CANCELLED", "CONFIRMED"]


def test_a_title_cannot_break_out_of_its_line() -> None:
    title = "Avtale;x,\\\nEND:VEVENT"

    [event] = events(ics([Entry("a", 0, NOW)], title=title, made_at=NOW))
    short = icalendar.Calendar.from_ical(
        calendar_text([Entry("a", 0, NOW)], title="Avtale; x, \\", made_at=NOW)
    )

    assert str(event["summary"]) == title
    assert [str(e["summary"]) for e in short.walk("VEVENT")] == ["Avtale; x, \\"]


def test_the_same_entries_are_the_same_bytes() -> None:
    it = [Entry("a", 0, NOW), Entry("b", 1, NOW)]

    assert ics(it, title="Avtale", made_at=NOW) == ics(it, title="Avtale", made_at=NOW)


@pytest.mark.parametrize(
    ("number", "link"),
    [("22 00 00 00", "tel:+4722000000"), ("+46 70 1", "tel:+46701"), ("113", "tel:113")],
)
def test_a_number_becomes_a_link_that_dials(number: str, link: str) -> None:
    assert phone_link(number) == link


def test_a_code_too_fine_for_a_telephone_is_not_printed() -> None:
    assert squares("x" * 5000) is None
    assert squares("x" * 1010) is None
    fine = squares("x" * 800)
    assert fine is not None
    assert len(fine) <= 17 + 4 * LARGEST

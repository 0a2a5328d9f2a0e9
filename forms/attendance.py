"""The attendance list of a group session, to be ticked in the room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forms.document import Document, Fields, Paragraph, Table
from forms.texts import words

SPARE: Final = 4
"""Empty rows for who comes without an invitation."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the list."""

    inmate_no: str
    name: str


@dataclass(frozen=True, slots=True)
class AttendanceList:
    """A session with who is invited; `topic` is the label of its task."""

    language: str
    unit: str
    session_ref: str
    topic: str
    starts_at: datetime
    minutes: int
    place: str | None
    leader: str | None
    persons: tuple[Person, ...]
    printed_at: datetime


def document(form: AttendanceList) -> Document:
    """The form."""
    said = words("staff", form.language)
    rows = tuple(
        (str(number), each.inmate_no, each.name, "", "")
        for number, each in enumerate(form.persons, start=1)
    )
    printed = said.filled("printed", date=said.dates.date_of(form.printed_at))
    return Document(
        title=said["attendance_title"],
        words=said,
        staff=said,
        made_at=form.printed_at,
        footer=f"{form.session_ref} · {printed}",
        blocks=(
            Fields(
                (
                    (said["unit"], form.unit),
                    (said["what"], form.topic),
                    (said["time"], said.dates.at_of(form.starts_at)),
                    (said["minutes"], str(form.minutes)),
                    (said["place"], form.place or ""),
                    (said["leader"], form.leader or ""),
                )
            ),
            Table(
                said["attendance_title"],
                (
                    said["number"],
                    said["inmate_no"],
                    said["person"],
                    said["present"],
                    said["signature"],
                ),
                rows,
                (0.9, 2.4, 4.4, 1.6, 3.4),
                empty=SPARE,
            ),
            Paragraph(said["attendance_note"]),
        ),
    )

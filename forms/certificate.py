"""The certificate of the training in life-saving and naloxone, in the person's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from forms.document import Block, Document, Fields, Paragraph, Signatures
from forms.texts import words


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who was trained, and when. `form` is group or individual, or None where nobody said.

    No prison is named on it: it is shown to others.
    """

    language: str
    name: str
    held_at: datetime
    form: str | None
    printed_at: datetime


def document(form: Certificate) -> Document:
    """The form."""
    said = words("certificate", form.language)
    held = said.dates.date_of(form.held_at)
    if form.form in ("group", "individual"):
        held = f"{held}, {said[form.form]}"
    blocks: tuple[Block, ...] = (
        Paragraph(form.name, strong=True),
        Paragraph(said["has_taken_part"]),
        Fields(((said["held"], held), (said["distributor"], ""))),
        Signatures((said["signed"],)),
    )
    return Document(
        title=said["title"],
        words=said,
        staff=words("staff", form.language),
        made_at=form.printed_at,
        big=True,
        blocks=blocks,
    )

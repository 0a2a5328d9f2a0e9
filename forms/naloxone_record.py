"""The naloxone supply record of a case or of a unit's shelf: what came, what went, to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from forms.document import Block, Document, Fields, Paragraph, Signatures, Table
from forms.texts import words

SPARE: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger; `kind` is a code."""

    happened_at: datetime
    kind: str
    quantity: int
    lot: str | None
    expires_on: date | None
    distributor: str | None


@dataclass(frozen=True, slots=True)
class SupplyRecord:
    """Rows in order. `inmate_no` None: the record of a unit."""

    language: str
    unit: str
    case_ref: str
    inmate_no: str | None
    rows: tuple[Row, ...]
    printed_at: datetime


def document(form: SupplyRecord) -> Document:
    """The form."""
    said = words("staff", form.language)
    dates = said.dates
    whose: tuple[tuple[str, str], ...] = ((said["unit"], form.unit),)
    if form.inmate_no is not None:
        whose += ((said["inmate_no"], form.inmate_no),)
    blocks: list[Block] = [Fields(whose)]
    if not form.rows:
        blocks.append(Paragraph(said["naloxone_none"]))
    blocks.append(
        Table(
            said["naloxone_title"],
            (
                said["date"],
                said["what"],
                said["quantity"],
                said["lot"],
                said["expires"],
                said["distributor"],
                said["initials"],
            ),
            tuple(
                (
                    dates.date_of(row.happened_at),
                    said[f"kind_{row.kind}"],
                    str(row.quantity),
                    row.lot or "",
                    dates.date_of(row.expires_on) if row.expires_on else "",
                    row.distributor or "",
                    "",
                )
                for row in form.rows
            ),
            (2.3, 2.6, 1.3, 2.2, 2.3, 2.6, 1.4),
            numbers=frozenset({2}),
            empty=SPARE,
        )
    )
    if form.inmate_no is not None:
        blocks.append(Signatures((said["naloxone_receipt"],)))
    return Document(
        title=said["naloxone_title"],
        words=said,
        staff=said,
        made_at=form.printed_at,
        footer=f"{form.case_ref} · " + said.filled("printed", date=dates.date_of(form.printed_at)),
        blocks=tuple(blocks),
    )

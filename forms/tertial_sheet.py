"""The tertial report on paper: figures, charts, definitions, and what proves which report it is.

The figures come as they are to be shown: small numbers are hidden before (`":"`), never here. The
PDF is PDF/A-3 and carries the same figures as a CSV file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from forms.document import (
    Attachment,
    Block,
    Bullets,
    Chart,
    Document,
    Fields,
    Heading,
    Paragraph,
    Table,
)
from forms.texts import words

WIDTHS: Final = (2.2, 5.2, 1.7, 2.0, 2.2, 1.7)
"""Of the columns: wide enough for their heads in every language of staff."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of a table, ready to be shown; `code` is the indicator's."""

    code: str
    label: str
    value: str
    numerator: str = ""
    denominator: str = ""
    pending: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a unit, a region or the nation."""

    scope: str
    rows: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as SVG with the sentence that says the same."""

    title: str
    svg: bytes
    says: str


@dataclass(frozen=True, slots=True)
class TertialSheet:
    """A report as it is printed. `sha256` is of the frozen report, None while it is not frozen.

    `hides` is whether small numbers are hidden in it: only then is the colon explained.
    """

    language: str
    period: str
    scope: str
    state: str
    revision: int | None
    as_of: datetime
    due_on: date
    figures: tuple[Figures, ...]
    charts: tuple[Picture, ...]
    definitions: tuple[tuple[str, str], ...]
    sha256: str | None
    chain_heads: tuple[str, ...]
    csv_name: str
    csv: bytes
    notes: tuple[str, ...] = ()
    hides: bool = True


def document(form: TertialSheet) -> Document:
    """The report. The date of the file is that of the figures, so that it is made again alike."""
    said = words("staff", form.language)
    dates = said.dates
    as_of = f"{dates.date_of(form.as_of)} {dates.time_of(form.as_of)}"
    about = [
        (said["tertial_scope"], form.scope),
        (said["tertial_state"], form.state),
        (said["tertial_due"], dates.date_of(form.due_on)),
        (said["sha256"], form.sha256 or "–"),
    ]
    if form.revision is not None:
        about.insert(2, (said["tertial_revision"], str(form.revision)))
    about += [(said["chain_head"], head) for head in form.chain_heads]
    blocks: list[Block] = [
        Paragraph(said.filled("tertial_as_of", date=as_of)),
        Fields(tuple(about)),
        *((Paragraph(said["suppressed_note"]),) if form.hides else ()),
        *map(Paragraph, form.notes),
    ]
    head = (
        said["indicator"],
        said["what"],
        said["value"],
        said["numerator"],
        said["denominator"],
        said["pending"],
    )
    blocks.append(Heading(said["figures"]))
    for figures in form.figures:
        rows = tuple(
            (row.code, row.label, row.value, row.numerator, row.denominator, row.pending)
            for row in figures.rows
        )
        blocks.append(Heading(figures.scope))
        blocks.append(Table(figures.scope, head, rows, WIDTHS, frozenset({2, 3, 4, 5})))
    if form.charts:
        blocks.append(Heading(said["charts"]))
    for chart in form.charts:
        blocks += [Paragraph(chart.title, strong=True), Chart(chart.svg, chart.says)]
    if form.definitions:
        blocks.append(Heading(said["definitions"]))
        blocks.append(Bullets(tuple(f"{code}: {text}" for code, text in form.definitions)))
    blocks.append(Paragraph(said.filled("csv_note", name=form.csv_name)))
    return Document(
        title=said.filled("tertial_title", period=form.period),
        words=said,
        staff=said,
        made_at=form.as_of,
        archive=True,
        footer=f"{form.period} · {form.scope} · {form.sha256 or as_of}",
        attachments=(Attachment(form.csv_name, form.csv, "text/csv", said["figures"]),),
        blocks=tuple(blocks),
    )

"""What an A4 form says, apart from how: the same blocks become a PDF and an accessible page.

A form is built once as a `Document` (`forms.checklist` and the others) and given out by
`forms.document_pdf` and `forms.document_html`: paper and page cannot differ in content. Texts come
as they are; both ways clean them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from forms.texts import Words


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within the form."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """Sentences with a point before each."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Pairs of a label and a value; an empty value is room to write in."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Choices with a box before each, to be ticked by hand; `label` says of what."""

    label: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; `widths` are relative. `empty` rows more are room to write in.

    Columns named in `numbers` stand at the far side, rows named in `strong` are headings within
    the table; `caption` is what the table is about.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numbers: frozenset[int] = frozenset()
    empty: int = 0
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Signatures:
    """Lines to sign on, each with what stands under it."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture as SVG, and the sentence that says the same."""

    svg: bytes
    says: str


Block = Heading | Paragraph | Bullets | Fields | Ticks | Table | Signatures | Chart


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that the PDF carries."""

    name: str
    body: bytes
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Document:
    """A form. `made_at` is aware and dates the file; `footer` stands on every page.

    `archive` asks for PDF/A-3, which attachments need. `big` sets a certificate's few words large.
    """

    title: str
    words: Words
    made_at: datetime
    blocks: tuple[Block, ...]
    staff: Words
    footer: str = ""
    archive: bool = False
    big: bool = False
    attachments: tuple[Attachment, ...] = field(default=())

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands above the form: that it is in another language than was asked for."""
        asked = self.words.fallback
        return (self.staff.filled("fallback", language=asked),) if asked is not None else ()

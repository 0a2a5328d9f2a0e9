"""The document as fpdf2 writes it, with our own fonts.

Loaded when the first paper is made and not before: with it come 40 MB of libraries, which a web
server without anything to print has no use for.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import PDFResourceType
from fpdf.output import OutputProducer

from forms.embedding import Embedded
from forms.faces import Face

_CREATED: Final = re.compile(r'xmp:CreateDate="([^"]*)"')
_CHANGED: Final = re.compile(r'(xmp:(?:Modify|Metadata)Date=)"[^"]*"')


class _Producer(OutputProducer):
    """Writes our own embedded fonts, and no action when the file is opened."""

    def _add_fonts(self, *_: Any) -> dict[int, Any]:
        paper: Written = self.fpdf  # type: ignore[assignment]
        return {each.number: each.write(self) for each in paper.embedded.values()}

    def _finalize_catalog(self, catalog_obj: Any, *rest: Any, **named: Any) -> None:
        super()._finalize_catalog(catalog_obj, *rest, **named)
        catalog_obj.open_action = None

    def _build_xmp_from_info(self) -> str:
        """The archive's metadata without the moment of writing: printed again, the same bytes."""
        told = super()._build_xmp_from_info()
        made = _CREATED.search(told)
        return told if made is None else _CHANGED.sub(rf'\g<1>"{made[1]}"', told)


class Written(FPDF):
    """One document; `font` is how its pages come to a font."""

    def __init__(self, *, unit: str, enforce_compliance: str | None) -> None:
        super().__init__(unit=unit, enforce_compliance=enforce_compliance)
        self.embedded: dict[Face, Embedded] = {}

    def font(self, face: Face) -> Embedded:
        """A face as this document embeds it, made known to the page that is being set."""
        if face not in self.embedded:
            self.embedded[face] = Embedded(face, len(self.embedded) + 1)
        font = self.embedded[face]
        # fpdf2 has no public door for a font.
        self._resource_catalog.add(PDFResourceType.FONT, font.number, self.page)
        return font

    def written(self) -> bytes:
        """The finished document."""
        return bytes(self.output(output_producer_class=_Producer))

"""Paper: pages of a given size, and what can be put on them, in millimetres and points.

A thin layer over fpdf2 (`forms.written`): it keeps pages, metadata and attachments, this sets the
text (`forms.setting`) with the fonts it embeds (`forms.embedding`). Nothing here asks a clock: the
date of the file comes from the data, so the same input gives the same bytes. No action, no script
and no link is ever written.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

from forms.faces import REGULAR, Face
from forms.setting import Line, line, width

if TYPE_CHECKING:
    from forms.embedding import Embedded

MM: Final = 72 / 25.4
"""Points in a millimetre."""

BLACK: Final = (0, 0, 0)
Colour = tuple[int, int, int]
_DARK_IS_0: Final = bytes.maketrans(b"\x00\x01", b"10")
"""In a stencil a dot of 0 is painted."""

PRODUCER: Final = "Overlev"
DOTS: Final = 3.0
"""Dots of a picture for each unit of its SVG."""


class Paper:
    """One PDF in the making. Positions are millimetres from the upper left corner of the page."""

    def __init__(
        self,
        *,
        title: str,
        language: str,
        made_at: datetime,
        archive: bool = False,
    ) -> None:
        """`archive` makes a PDF/A-3 that may carry attachments; `made_at` is aware."""
        from forms.written import Written  # noqa: PLC0415 - see there

        self._pdf = Written(unit="pt", enforce_compliance="PDF/A-3B" if archive else None)
        self._pdf.set_margin(0)
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_title(title)
        self._pdf.set_lang(language)
        self._pdf.set_creator(PRODUCER)
        self._pdf.set_producer(PRODUCER)
        self._pdf.creation_date = made_at
        self._height = 0.0
        self._out: list[str] = []
        self.pages = 0

    def page(self, wide: float, high: float) -> None:
        """Begin a page of this size."""
        self._flush()
        self._pdf.add_page(format=(wide * MM, high * MM))
        self._height = high
        self.pages += 1

    def put(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        weight: str = REGULAR,
        colour: Colour = BLACK,
        align: str = "left",
        rtl: bool = False,
    ) -> None:
        """Set one line of cleaned text with its base line at `y`.

        `x` is the left end, the right end or the middle of the line, as `align` says.
        """
        if not text:
            return
        ready = line(text, weight, rtl=rtl)
        wide = ready.width * size / 1000
        start = x * MM - {"left": 0.0, "right": wide, "center": wide / 2}[align]
        self._set(ready, start, (self._height - y) * MM, size, colour)

    def _set(self, ready: Line, x: float, y: float, size: float, colour: Colour) -> None:
        out = [f"BT {_rgb(colour)} rg {x:.2f} {y:.2f} Td"]
        for run in ready.runs:
            font = self._font(run.face)
            large = size * run.face.enlarged
            out.append(f"/F{font.number} {large:g} Tf")
            code = font.code
            if run.shaped.plain:
                codes = "".join(f"{code(each.gid, each.text):04X}" for each in run.shaped.glyphs)
                out.append(f"<{codes}> Tj")
                continue
            for each in run.shaped.glyphs:
                natural = run.face.metrics(each.gid)[0] * run.face.scale
                after = each.dx + natural - each.advance
                rise = f"{each.dy * large / 1000:.2f} Ts " if each.dy else ""
                back = " 0 Ts" if each.dy else ""
                out.append(
                    f"{rise}[{-each.dx:.0f} <{code(each.gid, each.text):04X}> {after:.0f}] TJ{back}"
                )
        out.append("ET")
        self._out.append(" ".join(out))

    def _font(self, face: Face) -> Embedded:
        return self._pdf.font(face)

    def rule(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        thick: float = 0.25,
        colour: Colour = BLACK,
        dash: str = "",
    ) -> None:
        """Draw a line; `thick` in millimetres, `dash` as in PDF: "2 2" in points."""
        self._out.append(
            f"{_rgb(colour)} RG {thick * MM:.2f} w [{dash}] 0 d {x1 * MM:.2f}"
            f" {(self._height - y1) * MM:.2f} m {x2 * MM:.2f} {(self._height - y2) * MM:.2f} l S"
        )

    def box(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        fill: Colour | None = None,
        border: Colour | None = None,
        thick: float = 0.25,
    ) -> None:
        """Draw a rectangle whose upper left corner is at `x`, `y`."""
        shape = (
            f"{x * MM:.2f} {(self._height - y - high) * MM:.2f} {wide * MM:.2f} {high * MM:.2f} re"
        )
        if fill is not None:
            self._out.append(f"{_rgb(fill)} rg {shape} f")
        if border is not None:
            self._out.append(f"{_rgb(border)} RG {thick * MM:.2f} w [] 0 d {shape} S")

    def squares(self, rows: Sequence[Sequence[bool]], x: float, y: float, side: float) -> None:
        """Draw a pattern of dark and light squares, `side` millimetres wide in all: a QR code.

        One picture of as many dots as it has squares: drawing each would take most of a card.
        """
        count = len(rows)
        padding = -count % 8
        high = (count + padding) // 4
        dots = "".join(
            f"{int(bytes(row).translate(_DARK_IS_0) + b'1' * padding, 2):0{high}x}" for row in rows
        )
        self._out.append(
            f"q 0 0 0 rg {side * MM:.3f} 0 0 {side * MM:.3f} {x * MM:.3f}"
            f" {(self._height - y - side) * MM:.3f} cm"
            f" BI /W {count} /H {count} /BPC 1 /IM true /F /AHx ID {dots}> EI Q"
        )

    def moved(self, x: float, y: float, *, turned: bool = False) -> None:
        """Draw what follows from another corner, until `back`; `turned` by half a turn about it."""
        self._out.append(
            f"q -1 0 0 -1 {x * MM:.2f} {(2 * self._height - y) * MM:.2f} cm"
            if turned
            else f"q 1 0 0 1 {x * MM:.2f} {-y * MM:.2f} cm"
        )

    def clipped(self, x: float, y: float, wide: float, high: float) -> None:
        """Let nothing that follows, until `back`, be seen outside a rectangle."""
        self._out.append(
            f"q {x * MM:.2f} {(self._height - y - high) * MM:.2f} {wide * MM:.2f} {high * MM:.2f}"
            " re W n"
        )

    def back(self) -> None:
        """End the last `moved` or `clipped`."""
        self._out.append("Q")

    def attach(self, name: str, body: bytes, *, kind: str, what: str, made_at: datetime) -> None:
        """Put a file into the PDF, as the data that it was made from."""
        self._pdf.embed_file(
            bytes=body,
            basename=name,
            mime_type=kind,
            associated_file_relationship="Data",
            desc=what,
            creation_date=made_at,
            modification_date=made_at,
            compress=True,
            checksum=True,
        )

    def picture_height(self, svg: bytes, wide: float) -> float:
        """How high a picture is that is `wide` millimetres wide."""
        _, columns, rows = _drawn(svg)
        return wide * rows / columns

    def picture(self, svg: bytes, x: float, y: float, wide: float, high: float) -> None:
        """Put a picture into a rectangle, as large as it goes; its letters are drawn, not set."""
        png, columns, rows = _drawn(svg)
        self._flush()
        scale = min(wide / columns, high / rows) * MM
        self._pdf.image(BytesIO(png), x * MM, y * MM, columns * scale, rows * scale)

    def done(self) -> bytes:
        """The finished PDF."""
        self._flush()
        return bytes(self._pdf.written())

    def _flush(self) -> None:
        if self._out:
            self._pdf._out("\n".join(self._out))  # noqa: SLF001 - the one way to write operators
            self._out = []


@lru_cache(maxsize=32)
def _drawn(svg: bytes) -> tuple[bytes, int, int]:
    """An SVG as a PNG, with its width and height.

    Charts come with letters and strokes of their own, which a library for charts draws better than
    one for PDFs; at this resolution paper shows no dots.
    """
    import vl_convert  # noqa: PLC0415 - takes long to load, and only reports have charts

    png = bytes(vl_convert.svg_to_png(svg.decode("utf-8"), scale=DOTS))
    wide, high = struct.unpack_from(">2I", png, 16)
    return png, wide, high


def _rgb(colour: Colour) -> str:
    return " ".join(f"{each / 255:.3g}" for each in colour)


__all__ = ["BLACK", "MM", "Colour", "Paper", "width"]

"""A column of text on paper: lines one under another, in the direction of the language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from forms.faces import BOLD, REGULAR
from forms.paper import BLACK, MM, Colour, Paper
from forms.setting import fitted, wrapped

LEADING: Final = 1.25
"""From base line to base line, as a multiple of the type size."""


class Overflow(ValueError):
    """Words of ours do not fit where they must stand: shorten them."""


class Column:
    """Lines from `y` downwards within `x` … `x + wide` (millimetres); `y` is the last base line."""

    def __init__(
        self, paper: Paper, x: float, y: float, wide: float, *, rtl: bool, size: float = 10.0
    ) -> None:
        self.paper = paper
        self.x = x
        self.y = y
        self.wide = wide
        self.rtl = rtl
        self.size = size

    def step(self, size: float | None = None) -> float:
        """The height of a line in millimetres."""
        return (size or self.size) * LEADING / MM

    def narrow(self, millimetres: float) -> None:
        """Leave so much free at the far end, or give it back."""
        self.wide -= millimetres
        if self.rtl:
            self.x += millimetres

    def gap(self, millimetres: float) -> None:
        """Leave room."""
        self.y += millimetres

    def lines(
        self, text: str, *, size: float | None = None, weight: str = REGULAR, indent: float = 0.0
    ) -> list[str]:
        """A text in the lines it takes here."""
        return wrapped(text, size or self.size, (self.wide - indent) * MM, weight)

    def text(
        self,
        text: str,
        *,
        size: float | None = None,
        weight: str = REGULAR,
        indent: float = 0.0,
        most: int | None = None,
        colour: Colour = BLACK,
    ) -> None:
        """Set a text, broken into lines; at most `most` of them, then an ellipsis."""
        if not text:
            return
        room = (self.wide - indent) * MM
        set_in = size or self.size
        lines = (
            wrapped(text, set_in, room, weight)
            if most is None
            else fitted(text, set_in, room, weight, most=most)
        )
        for line in lines:
            self.y += self.step(set_in)
            self._put(line, indent, set_in, weight, colour)

    def items(self, texts: Sequence[str], *, numbered: bool = False) -> None:
        """Set sentences with a number or a point before each."""
        for number, text in enumerate(texts, start=1):
            before = f"{number}." if numbered else "•"
            y = self.y + self.step()
            indent = 5.0 if numbered else 3.5
            self.paper.put(
                before,
                self.x + self.wide if self.rtl else self.x,
                y,
                size=self.size,
                weight=BOLD if numbered else REGULAR,
                align="right" if self.rtl else "left",
                rtl=self.rtl,
            )
            self.text(text, indent=indent)

    def end(self, text: str, y: float, *, size: float | None = None, weight: str = REGULAR) -> None:
        """Set one line at the far end of the column, at the base line `y`."""
        self.paper.put(
            text,
            self.x if self.rtl else self.x + self.wide,
            y,
            size=size or self.size,
            weight=weight,
            align="left" if self.rtl else "right",
            rtl=self.rtl,
        )

    def check(self, bottom: float) -> None:
        """Raise `Overflow` when the last line stands below `bottom`."""
        if self.y > bottom + 0.01:
            raise Overflow(f"the text ends {self.y - bottom:.1f} mm below its box")

    def _put(self, line: str, indent: float, size: float, weight: str, colour: Colour) -> None:
        x = self.x + self.wide - indent if self.rtl else self.x + indent
        self.paper.put(
            line,
            x,
            self.y,
            size=size,
            weight=weight,
            colour=colour,
            align="right" if self.rtl else "left",
            rtl=self.rtl,
        )

"""A form as PDF on A4: blocks one under another, tables that go on over the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatchmethod
from typing import Final

from forms.column import LEADING, Column
from forms.document import (
    Bullets,
    Chart,
    Document,
    Fields,
    Heading,
    Paragraph,
    Signatures,
    Table,
    Ticks,
)
from forms.faces import BOLD, REGULAR
from forms.paper import MM, Colour, Paper
from forms.setting import apart, clean, fitted, width
from forms.texts import DRAFT

PAGE: Final = (210.0, 297.0)
EDGE: Final = 18.0
TOP: Final = 18.0
BOTTOM: Final = 279.0
"""Below it stands only the foot."""

SIZE: Final = 10.5
SMALL: Final = 9.0
TITLE: Final = 18.0
LARGE: Final = 14.0
CELL: Final = 1.2
"""Room within a cell, in millimetres."""

HAIR: Final[Colour] = (120, 120, 120)
SHADE: Final[Colour] = (235, 235, 235)
MOST_LINES: Final = 6
"""Of a cell: more is cut, visibly."""

HEADING: Final = 18.0
FIRST_ROWS: Final = 24.0
"""Room that a heading and the beginning of a table need, in millimetres."""


def document_pdf(form: Document) -> bytes:
    """The form as PDF; the same form is the same bytes."""
    pages = _Page(form, count=0).written().pages
    return _Page(form, count=pages).written().done()


class _Page:
    """A form being written. It is set twice: first to know how many pages there are."""

    def __init__(self, form: Document, *, count: int) -> None:
        self.form = form
        self.count = count
        self.rtl = form.words.rtl
        self.paper = Paper(
            title=clean(form.title),
            language=form.words.language,
            made_at=form.made_at,
            archive=form.archive,
        )
        self.column = self._new_page()

    def written(self) -> Paper:
        """The paper with everything on it."""
        column = self.column
        if self.form.words.draft:
            column.end(DRAFT, TOP + 5, size=12, weight=BOLD)
        column.narrow(40)
        column.text(clean(self.form.title), size=TITLE, weight=BOLD)
        column.narrow(-40)
        for note in self.form.notes:
            column.gap(1)
            column.text(clean(note), weight=BOLD)
        column.gap(3)
        blocks = self.form.blocks
        for at, block in enumerate(blocks):
            if isinstance(block, Heading | Paragraph):
                self._room(self._room_from(blocks[at:]))
            self._put(block)
        for each in self.form.attachments:
            self.paper.attach(
                each.name, each.body, kind=each.kind, what=each.what, made_at=self.form.made_at
            )
        return self.paper

    def _new_page(self) -> Column:
        self.paper.page(*PAGE)
        foot = Column(self.paper, EDGE, PAGE[1] - 15, PAGE[0] - 2 * EDGE, rtl=self.rtl, size=SMALL)
        foot.narrow(30)
        foot.text(clean(self.form.footer), most=2)
        foot.narrow(-30)
        if self.count > 1:
            told = self.form.staff.filled("page", number=self.paper.pages, count=self.count)
            foot.end(told, PAGE[1] - 11.2)
        self.column = Column(
            self.paper,
            EDGE,
            TOP,
            PAGE[0] - 2 * EDGE,
            rtl=self.rtl,
            size=LARGE if self.form.big else SIZE,
        )
        return self.column

    def _room(self, millimetres: float) -> None:
        """Go on to a new page unless so much room is left."""
        if self.column.y + millimetres > BOTTOM:
            self._new_page()

    def _room_from(self, blocks: Sequence[object]) -> float:
        """What a heading or title needs together with the beginning of what it stands above."""
        needed = 0.0
        for block in blocks:
            match block:
                case Heading():
                    needed += HEADING
                    continue
                case Paragraph(strong=True):
                    needed += self.column.step() + 1.5
                    continue
                case Chart(svg):
                    needed += self._picture(svg) + 14
                case Table():
                    needed += FIRST_ROWS
                case _:
                    needed += self.column.step()
            break
        return min(needed, BOTTOM - TOP)

    def _picture(self, svg: bytes) -> float:
        """The height of a picture in millimetres."""
        return min(self.paper.picture_height(svg, self.column.wide), 110.0)

    @singledispatchmethod
    def _put(self, block: object) -> None:
        raise TypeError(f"no such block: {type(block).__name__}")

    @_put.register
    def _(self, block: Heading) -> None:
        self._room(HEADING)
        self.column.gap(3)
        self.column.text(clean(block.text), size=self.column.size + 2, weight=BOLD)
        self.column.gap(1)

    @_put.register
    def _(self, block: Paragraph) -> None:
        text, weight = clean(block.text), BOLD if block.strong else REGULAR
        self._room(len(self.column.lines(text, weight=weight)) * self.column.step())
        self.column.text(text, weight=weight)
        self.column.gap(1.5)

    @_put.register
    def _(self, block: Bullets) -> None:
        for text in map(clean, block.texts):
            self._room(len(self.column.lines(text, indent=3.5)) * self.column.step())
            self.column.items([text])
        self.column.gap(1.5)

    @_put.register
    def _(self, block: Fields) -> None:
        wide = self.column.wide
        label_wide = min(62.0, wide * 0.36)
        for label, value in block.pairs:
            lines = fitted(apart(clean(value)), self.column.size, (wide - label_wide) * MM, most=4)
            self._room((len(lines) + 0.6) * self.column.step())
            column, top = self.column, self.column.y
            column.wide = label_wide - 3
            if self.rtl:
                column.x += wide - column.wide
            column.text(clean(label), weight=BOLD)
            low = column.y
            column.x = EDGE if self.rtl else EDGE + label_wide
            column.wide, column.y = wide - label_wide, top
            if clean(value):
                for line in lines:
                    column.text(line)
            else:
                column.gap(column.step() + 0.8)
                self.paper.rule(column.x, column.y + 0.8, column.x + column.wide, column.y + 0.8,
                                thick=0.2, colour=HAIR)  # fmt: skip
            column.x, column.wide, column.y = EDGE, wide, max(low, column.y)
            column.gap(1.2)
        self.column.gap(1)

    @_put.register
    def _(self, block: Ticks) -> None:
        if block.label:
            self._room(2 * self.column.step() + 4)
            self.column.text(clean(block.label), weight=BOLD)
            self.column.gap(0.6)
        if self._in_a_row(block.choices):
            return
        for choice in map(clean, block.choices):
            self._room(len(self.column.lines(choice, indent=8)) * self.column.step() + 2)
            column = self.column
            side = 4.0
            x = column.x + column.wide - side if self.rtl else column.x
            self.paper.box(x, column.y + 1.2, side, side, border=(0, 0, 0), thick=0.3)
            column.text(choice, indent=8)
            column.gap(1.8)
        self.column.gap(1)

    def _in_a_row(self, choices: tuple[str, ...]) -> bool:
        """Set short choices beside each other; whether they fitted."""
        column, side = self.column, 4.0
        texts = [clean(each) for each in choices]
        wide = [width(each, column.size) / MM + side + 3.5 for each in texts]
        if sum(wide) + 8 * (len(texts) - 1) > column.wide:
            return False
        self._room(column.step() + 4)
        x = column.x + column.wide if self.rtl else column.x
        for text, step in zip(texts, wide, strict=True):
            left = x - side if self.rtl else x
            self.paper.box(left, column.y + 1.2, side, side, border=(0, 0, 0), thick=0.3)
            self.paper.put(text, left - 2.5 if self.rtl else left + side + 2.5,
                           column.y + column.step(), size=column.size,
                           align="right" if self.rtl else "left", rtl=self.rtl)  # fmt: skip
            x += -(step + 8) if self.rtl else step + 8
        column.gap(column.step() + 2.8)
        return True

    @_put.register
    def _(self, block: Signatures) -> None:
        self._room(len(block.labels) * 19.0)
        for label in block.labels:
            column = self.column
            column.gap(13)
            end = column.x + column.wide
            start, stop = (end - 100, end) if self.rtl else (column.x, column.x + 100)
            self.paper.rule(start, column.y, stop, column.y, thick=0.25)
            column.text(clean(label), size=SMALL)
            column.gap(1)

    @_put.register
    def _(self, block: Chart) -> None:
        high = self._picture(block.svg)
        self._room(high + 14)
        self.paper.picture(block.svg, self.column.x, self.column.y + 2, self.column.wide, high)
        self.column.gap(high + 3)
        self.column.text(clean(block.says), size=SMALL)
        self.column.gap(2)

    @_put.register
    def _(self, block: Table) -> None:
        wide = self.column.wide
        whole = sum(block.widths)
        cells = [each * wide / whole for each in block.widths]
        self._room(FIRST_ROWS)
        self._row(block, block.head, cells, weight=BOLD, shade=True)
        for at, row in enumerate((*block.rows, *[("",) * len(block.head)] * block.empty)):
            weight = BOLD if at in block.strong else REGULAR
            lines = self._cells(row, cells, weight)
            if self.column.y + self._high(lines) > BOTTOM:
                self._new_page()
                self._row(block, block.head, cells, weight=BOLD, shade=True)
            self._row(block, row, cells, weight=weight)
        self.column.gap(3)

    def _cells(self, row: tuple[str, ...], cells: list[float], weight: str) -> list[list[str]]:
        return [
            fitted(apart(clean(text)), SMALL, (wide - 2 * CELL) * MM, weight, most=MOST_LINES)
            if clean(text)
            else []
            for text, wide in zip(row, cells, strict=True)
        ]

    def _high(self, lines: list[list[str]]) -> float:
        return max(1, *map(len, lines)) * SMALL * LEADING / MM + 2 * CELL

    def _row(
        self,
        table: Table,
        row: tuple[str, ...],
        cells: list[float],
        *,
        weight: str,
        shade: bool = False,
    ) -> None:
        lines = self._cells(row, cells, weight)
        high = self._high(lines)
        if not any(lines):
            high = max(high, 8.0)
        top, x = self.column.y, self.column.x
        if self.rtl:
            x += self.column.wide
        for number, (said, wide) in enumerate(zip(lines, cells, strict=True)):
            left = x - wide if self.rtl else x
            self.paper.box(
                left, top, wide, high, fill=SHADE if shade else None, border=HAIR, thick=0.2
            )
            far = (number in table.numbers) != self.rtl
            y = top + CELL - 0.7
            for line in said:
                y += SMALL * LEADING / MM
                self.paper.put(line, left + wide - CELL if far else left + CELL, y, size=SMALL,
                               weight=weight, align="right" if far else "left",
                               rtl=self.rtl)  # fmt: skip
            x = left if self.rtl else x + wide
        self.column.y = top + high

"""Cards on paper: alone on a page of their size, or several to an A4 sheet with marks to cut at.

A card has two sides. On a sheet the second page is the back of the first, turned over its long
edge: what stands left in front stands right behind. Marks lie outside the cards.

Whose card is whose stands on a strip along the upper edge of the sheet, which has a line of its
own to cut at and says that it is to be shredded; beside a card stands its place on the sheet, a
digit. So a card that is cut carelessly carries no number of a prison, and one that is not cut
out at all says itself what is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from core.errors import BadInput
from forms.paper import MM, Colour, Paper
from forms.setting import fitted
from forms.texts import FALLBACK, words

A4: Final = (210.0, 297.0)
WALLET: Final = (85.0, 54.0)
A6_PAPER: Final = (105.0, 148.0)
MARK: Final = 5.0
GAP: Final = 2.0
EDGE: Final = 12.0
"""From the sides of a sheet to what stands on its strip."""
STRIP: Final = 20.0
"""Millimetres from the upper edge of a sheet to the line below its strip."""
LEAST_SIZE: Final = 10.0
"""No letter on a card is smaller (points)."""

CUT: Final[Colour] = (0, 0, 0)
FOLD: Final[Colour] = (90, 90, 90)


class Size(StrEnum):
    """What a card measures: 85 × 54 mm when folded, or A6."""

    WALLET = "wallet"
    A6 = "a6"


@dataclass(frozen=True, slots=True)
class Room:
    """Where a side is drawn: a rectangle of the page, in millimetres."""

    x: float
    y: float
    wide: float
    high: float


class Card(Protocol):
    """What is printed: its two sides, drawn into the room they are given."""

    @property
    def label(self) -> str:
        """Printed on the strip of the sheet, which is cut away."""

    def outside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """Draw the side that is seen when the card is closed."""

    def inside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """Draw the side that is seen when the card is open."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A flat card of `wide` × `high` mm, `columns` × `rows` of them to a page; `folded` once."""

    wide: float
    high: float
    columns: int
    rows: int
    folded: bool
    page: tuple[float, float]

    @property
    def to_a_page(self) -> int:
        """How many cards a page holds."""
        return self.columns * self.rows

    def room(self, at: int, *, behind: bool) -> Room:
        """Where the card number `at` lies on its page, in front or behind."""
        row, column = divmod(at, self.columns)
        if behind:
            column = self.columns - 1 - column
        left = (self.page[0] - self.columns * self.wide) / 2
        top = (self.page[1] - self.rows * self.high) / 2
        return Room(left + column * self.wide, top + row * self.high, self.wide, self.high)


LAYOUTS: Final[dict[tuple[Size, int], Layout]] = {
    (Size.WALLET, 0): Layout(85, 108, 1, 1, folded=True, page=(85, 108)),
    (Size.WALLET, 1): Layout(85, 108, 1, 1, folded=True, page=A4),
    (Size.WALLET, 4): Layout(85, 108, 2, 2, folded=True, page=A4),
    (Size.WALLET, 8): Layout(85, 54, 2, 4, folded=False, page=A4),
    (Size.A6, 0): Layout(105, 148, 1, 1, folded=False, page=A6_PAPER),
    (Size.A6, 1): Layout(105, 148, 1, 1, folded=False, page=A4),
    (Size.A6, 4): Layout(105, 148, 2, 2, folded=False, page=A4),
}
"""Size and cards to an A4 sheet (0: a page of the card's own size) → layout."""


def layout(size: str, to_a_sheet: int) -> Layout:
    """The layout for a size (`wallet`, `a6`) and 0, 1, 4 or 8 to a sheet. Raises `BadInput`."""
    try:
        return LAYOUTS[Size(size), to_a_sheet]
    except (ValueError, KeyError):
        raise BadInput(
            "unknown_layout",
            "a card is wallet (0, 1, 4 or 8 to a sheet) or a6 (0, 1 or 4 to a sheet)",
            "size",
        ) from None


def print_cards(
    paper: Paper,
    cards: Sequence[Card],
    on: Layout,
    *,
    printed: Callable[[int], None] | None = None,
) -> None:
    """Put cards on pages, two pages for each sheet. `printed` is told of every card."""
    for start in range(0, len(cards), on.to_a_page):
        sheet = cards[start : start + on.to_a_page]
        for behind in (False, True):
            paper.page(*on.page)
            if on.page == A4:
                _marks(paper, on, len(sheet), behind=behind)
                _strip(paper, on, [card.label for card in sheet])
            for at, card in enumerate(sheet):
                room = on.room(at, behind=behind)
                if card.label and _has_margins(on):
                    _place(paper, on, room, at)
                paper.clipped(room.x, room.y, room.wide, room.high)
                (card.inside if behind else card.outside)(paper, room, on)
                paper.back()
                if behind and printed is not None:
                    printed(1)


def _has_margins(on: Layout) -> bool:
    return on.page == A4 and on.wide * on.columns <= on.page[0] - 2 * MARK


def _strip(paper: Paper, on: Layout, labels: Sequence[str]) -> None:
    """Whose cards these are, far from them, above a line to cut at; in Bokmål, for the staff."""
    if not any(labels) or not _has_margins(on):
        return
    whose = labels if on.to_a_page == 1 else [f"{at}: {of}" for at, of in enumerate(labels, 1)]
    text = words("staff", FALLBACK).filled("cut_away", whose=" · ".join(whose))
    for at, line in enumerate(fitted(text, LEAST_SIZE, (on.page[0] - 2 * EDGE) * MM, most=3)):
        paper.put(line, EDGE, STRIP - 12 + 4.4 * at, size=LEAST_SIZE)
    paper.rule(EDGE, STRIP, on.page[0] - EDGE, STRIP, thick=0.2, colour=CUT, dash="4 2")


def _place(paper: Paper, on: Layout, room: Room, at: int) -> None:
    if on.to_a_page == 1:
        return
    middle = room.y + room.high / 4
    if room.x < on.page[0] / 2:
        paper.put(str(at + 1), room.x - GAP, middle, size=LEAST_SIZE, align="right")
    else:
        paper.put(str(at + 1), room.x + room.wide + GAP, middle, size=LEAST_SIZE)


def _marks(paper: Paper, on: Layout, count: int, *, behind: bool) -> None:
    """Short lines where to cut, dashed ones where to fold: outside the cards that are there."""
    rows = -(-count // on.columns)
    columns = min(count, on.columns)
    rooms = [on.room(at, behind=behind) for at in range(rows * on.columns)]
    shown = [on.room(at, behind=behind) for at in range(count)]
    left, top = min(room.x for room in shown), rooms[0].y
    right, bottom = left + columns * on.wide, top + rows * on.high
    for x in [left + column * on.wide for column in range(columns + 1)]:
        _mark(paper, x, top, upright=True, sign=-1)
        _mark(paper, x, bottom, upright=True, sign=1)
    for y in [top + row * on.high for row in range(rows + 1)]:
        _mark(paper, left, y, upright=False, sign=-1)
        _mark(paper, right, y, upright=False, sign=1)
    if on.folded:
        for row in range(rows):
            y = top + (row + 0.5) * on.high
            for start in (left - GAP - MARK, right + GAP):
                paper.rule(start, y, start + MARK, y, thick=0.2, colour=FOLD, dash="2 1.5")


def _mark(paper: Paper, x: float, y: float, *, upright: bool, sign: int) -> None:
    near, far = sign * GAP, sign * (GAP + MARK)
    if upright:
        paper.rule(x, y + near, x, y + far, thick=0.2, colour=CUT)
    else:
        paper.rule(x + near, y, x + far, y, thick=0.2, colour=CUT)

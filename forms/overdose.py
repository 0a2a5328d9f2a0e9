"""The overdose card: signs, 113, naloxone, breathing, recovery position, and the risk afterwards.

What it says stands in the language files with version, source, date and status, and nowhere else.
Until a clinician has approved the words, the card says so on each of its sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.errors import BadInput
from forms.column import Column
from forms.faces import BOLD
from forms.paper import Paper
from forms.sheets import LEAST_SIZE, Card, Layout, Room, layout, print_cards
from forms.texts import DRAFT, Words, words

EDGE: Final = 4.0
_LEAST_HIGH: Final = 100.0


@dataclass(frozen=True, slots=True)
class Overdose:
    """A card in a language; `copies` of it, to hand out. `printed_at` dates the file."""

    language: str
    printed_at: datetime
    copies: int = 1


def overdose_pdf(card: Overdose, *, size: str = "wallet", to_a_sheet: int = 1) -> bytes:
    """The card as PDF. Raises `BadInput` for a layout that is too small for its words."""
    on = layout(size, to_a_sheet)
    if on.high < _LEAST_HIGH:
        raise BadInput(
            "too_many_for_layout",
            "The overdose card is folded: print four to a sheet.",
            "to_a_sheet",
        )
    said = words("overdose", card.language)
    paper = Paper(title=said["title"], language=said.language, made_at=card.printed_at)
    print_cards(paper, [Drawn(said)] * card.copies, on)
    return paper.done()


@dataclass(frozen=True, slots=True)
class Drawn(Card):
    """The card with its words."""

    words: Words

    @property
    def label(self) -> str:
        """Nothing: every card is the same."""
        return ""

    def outside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """The title in front; the risk after a release behind."""
        if layout.folded:
            half = room.high / 2
            self._front(paper, Room(room.x, room.y + half, room.wide, half))
            paper.moved(room.x + room.wide, room.y + half, turned=True)
            self._back(paper, Room(0, 0, room.wide, half))
            paper.back()
        else:
            self._front(paper, Room(room.x, room.y, room.wide, 50))
            self._back(paper, Room(room.x + 6, room.y + 60, room.wide - 12, 80))

    def _front(self, paper: Paper, room: Room) -> None:
        middle = room.x + room.wide / 2
        paper.put(self.words["front"], middle, room.y + room.high / 2 - 2, size=18, weight=BOLD,
                  align="center", rtl=self.words.rtl)  # fmt: skip
        paper.put("113", middle, room.y + room.high / 2 + 11, size=28, weight=BOLD, align="center")
        if self.words.draft:
            paper.put(DRAFT, middle, room.y + room.high - 5, size=LEAST_SIZE, weight=BOLD,
                      align="center")  # fmt: skip

    def _back(self, paper: Paper, room: Room) -> None:
        said = self.words
        column = self._column(paper, room)
        column.text(said["risk_title"], weight=BOLD, size=11)
        self._draft(column)
        column.items(said.many("risk"))
        column.gap(1)
        column.text(self._about())
        if said.instead is not None:
            column.text(said.instead)
        column.check(room.y + room.high - 1.5)

    def inside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """What to see, and what to do."""
        del layout
        said = self.words
        column = self._column(paper, room)
        column.text(said["title"], weight=BOLD, size=12)
        for title, key, numbered in (
            ("signs_title", "signs", False),
            ("do_title", "do", True),
            ("breathing_title", "breathing", False),
        ):
            column.gap(1.0)
            column.text(said[title], weight=BOLD)
            if title == "signs_title":
                self._draft(column)
            if key == "breathing":
                column.text(said[key])
            else:
                column.items(said.many(key), numbered=numbered)
        column.check(room.y + room.high - 2)

    def _column(self, paper: Paper, room: Room) -> Column:
        edge = EDGE if room.wide < 100 else 7.0
        return Column(
            paper, room.x + edge, room.y + edge - 2, room.wide - 2 * edge, rtl=self.words.rtl
        )

    def _draft(self, column: Column) -> None:
        if self.words.draft:
            column.end(DRAFT, column.y, size=LEAST_SIZE, weight=BOLD)

    def _about(self) -> str:
        said = self.words
        return said.filled("about", version=said.version, date=said.dates.date_of(said.dated_on))

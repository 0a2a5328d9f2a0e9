"""The time in hand card: up to eight appointments, in the hand, at the gate.

The front tells nothing. The back has the emergency number, one neutral number for questions, how
to stop messages, and a QR code with the calendar entries (times only), or a link that dials where
they are too many for it. A reprint shows what is new, what changed and what no longer holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from core.errors import BadInput, Refused
from forms import entries
from forms.column import Column
from forms.entries import Entry
from forms.faces import BOLD
from forms.paper import MM, Paper
from forms.setting import apart, clean, closed, fitted, is_rtl, width
from forms.sheets import LEAST_SIZE, Card, Layout, Room, layout, print_cards
from forms.texts import DRAFT, Words, words

MOST: Final = 8
MOST_FLAT: Final = 4
"""On a card that is not folded."""

LINE: Final = 4.4
"""Millimetres from line to line at 10 pt."""

EDGE: Final = 4.0
EMERGENCY: Final = "113"

_LEAST_ROOM: Final = 40.0
"""Points that a text keeps beside a long number."""


class Mark(StrEnum):
    """How an appointment stands against the card that was printed before."""

    SAME = ""
    NEW = "new"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment as it is printed; without `whom` its details are not for this print-out."""

    entry: Entry
    whom: str | None = None
    place: str | None = None
    phone: str | None = None
    mark: Mark = Mark.SAME


@dataclass(frozen=True, slots=True)
class TimeInHand:
    """A card. `sms` says whether messages are sent, `gone` what the card before still promised.

    `number` counts the prints of this card, `earlier_at` is when the one was printed that it
    replaces; `more` appointments did not find room. `label` stands on the strip of the sheet, to be
    cut away.
    """

    language: str
    appointments: tuple[Appointment, ...]
    contact_phone: str | None
    printed_at: datetime
    sms: bool = False
    gone: tuple[datetime, ...] = ()
    number: int = 1
    earlier_at: datetime | None = None
    more: int = 0
    label: str = ""


def card_pdf(card: TimeInHand, *, size: str = "wallet", to_a_sheet: int = 1) -> bytes:
    """One card as PDF. Raises `Refused` for one that holds nothing, `BadInput` for the layout."""
    return cards_pdf([card], size=size, to_a_sheet=to_a_sheet)


def cards_pdf(
    cards: list[TimeInHand],
    *,
    size: str = "wallet",
    to_a_sheet: int = 4,
    printed: Callable[[int], None] | None = None,
) -> bytes:
    """Many cards as one PDF, in their order. `printed` is called with 1 after each card."""
    on = layout(size, to_a_sheet)
    drawn = [Drawn(card, words("card", card.language)) for card in cards]
    if not drawn:
        raise Refused("There is no card to print.")
    for each in drawn:
        each.check(on)
    first = drawn[0]
    paper = Paper(
        title=first.words["front"],
        language=first.words.language,
        made_at=max(card.printed_at for card in cards),
    )
    print_cards(paper, drawn, on, printed=printed)
    return paper.done()


def check_card(card: TimeInHand, *, size: str, to_a_sheet: int) -> None:
    """Raise what would keep the card from being printed: `Refused`, `BadInput`."""
    Drawn(card, words("card", card.language)).check(layout(size, to_a_sheet))


def qr_content(card: TimeInHand, title: str) -> tuple[str, bool] | None:
    """What the QR code holds, and whether it is a calendar; None where there is nothing."""
    if card.appointments:
        calendar = entries.calendar_text(
            [each.entry for each in card.appointments], title=title, made_at=card.printed_at
        )
        if entries.squares(calendar) is not None:
            return calendar, True
    if card.contact_phone:
        return entries.phone_link(card.contact_phone), False
    return None


@dataclass(frozen=True, slots=True)
class Drawn(Card):
    """A card with its words, ready to be drawn."""

    card: TimeInHand
    words: Words

    @property
    def label(self) -> str:
        """What stands on the strip of the sheet."""
        return clean(self.card.label)

    def check(self, on: Layout) -> None:
        """Raise what keeps this card from being printed in a layout."""
        card = self.card
        if not card.appointments and not card.contact_phone:
            raise Refused(
                "There is no confirmed appointment to print, and no telephone number to name:"
                " confirm an appointment, or have an administrator set the unit's number."
            )
        most = MOST_FLAT if not on.folded and on.high < 100 else MOST
        if len(card.appointments) > most:
            raise BadInput(
                "too_many_for_layout",
                f"A flat card holds {most} appointments: print four to a sheet.",
                "to_a_sheet",
            )

    # --- outside -------------------------------------------------------------------------------

    def outside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """The neutral front, and the back with numbers and code."""
        if layout.folded:
            half = room.high / 2
            self._front(paper, Room(room.x, room.y + half, room.wide, half))
            # Folded backwards over its upper edge, the back is read from the other side.
            paper.moved(room.x + room.wide, room.y + half, turned=True)
            self._back(paper, Room(0, 0, room.wide, half))
            paper.back()
        elif room.high > 100:
            self._front(paper, Room(room.x, room.y, room.wide, 40))
            self._back(paper, Room(room.x + 10, room.y + 60, 85, 54))
        else:
            self._back(paper, room)

    def _front(self, paper: Paper, room: Room) -> None:
        paper.put(
            self.words["front"],
            room.x + room.wide / 2,
            room.y + room.high / 2 + 2.5,
            size=18,
            weight=BOLD,
            align="center",
            rtl=self.words.rtl,
        )

    def _back(self, paper: Paper, room: Room) -> None:
        said, rtl = self.words, self.words.rtl
        content = qr_content(self.card, said["entry"])
        side, bottom = 36.0, room.y + room.high - 2.5
        left = room.x + EDGE
        text_x, text_wide = (left + side + 4, room.wide - 2 * EDGE - side - 4)
        if content is None:
            text_x, text_wide = left, room.wide - 2 * EDGE
        elif rtl:
            text_x, left = room.x + EDGE, room.x + room.wide - EDGE - side
        if content is not None:
            rows = entries.squares(content[0])
            if rows is not None:
                quiet = 4 * side / (len(rows) + 8)
                paper.squares(rows, left + quiet, room.y + 2 + quiet, side - 2 * quiet)
            under = Column(paper, left, room.y + side + 1.2, side + 1, rtl=rtl)
            under.text(said["scan_calendar" if content[1] else "scan_call"])
            under.check(bottom)
        beside = Column(paper, text_x, room.y + 3.6, text_wide, rtl=rtl)
        beside.text(said["emergency"])
        beside.text(EMERGENCY, size=22, weight=BOLD)
        if self.card.contact_phone:
            beside.gap(1.6)
            beside.text(said["questions"])
            beside.text(apart(clean(self.card.contact_phone)), size=11, weight=BOLD, most=1)
        if self.card.sms:
            beside.gap(1.4)
            beside.text(said["stop_sms"])
        beside.check(bottom)

    def _text(
        self,
        paper: Paper,
        text: str,
        x: float,
        wide: float,
        y: float,
        *,
        size: float = LEAST_SIZE,
        weight: str = "regular",
    ) -> None:
        rtl = self.words.rtl
        [shown] = fitted(text, size, wide * MM + 0.5, weight)
        paper.put(
            shown,
            x + wide if rtl else x,
            y,
            size=size,
            weight=weight,
            align="right" if rtl else "left",
            rtl=rtl,
        )

    # --- inside --------------------------------------------------------------------------------

    def inside(self, paper: Paper, room: Room, layout: Layout) -> None:
        """The appointments, what no longer holds, and which card this is."""
        del layout
        edge = EDGE if room.wide < 100 else 7.0
        x, wide = room.x + edge, room.wide - 2 * edge
        y = room.y + edge + 4.5
        self._heading(paper, x, wide, y)
        foot = self._foot(wide)
        bottom = room.y + room.high - edge - 1
        rows = self._rows(bottom - LINE * len(foot) - y - 1.5)
        y += 1.8
        if not self.card.appointments:
            y += LINE
            self._text(paper, self.words["none"], x, wide, y)
        for each in self.card.appointments:
            y = self._appointment(paper, each, x, wide, y, rows=rows)
        y = bottom - LINE * (len(foot) - 1)
        for text in foot:
            self._text(paper, text, x, wide, y)
            y += LINE

    def _heading(self, paper: Paper, x: float, wide: float, y: float) -> None:
        self._text(paper, self.words["heading"], x, wide, y, size=12, weight=BOLD)
        if self.words.draft:
            rtl = self.words.rtl
            paper.put(DRAFT, x if rtl else x + wide, y, size=LEAST_SIZE, weight=BOLD,
                      align="left" if rtl else "right")  # fmt: skip

    def _rows(self, room: float) -> int:
        """Lines for each appointment: three where there is room."""
        count = len(self.card.appointments)
        return 3 if count * (3 * LINE + 1.2) <= room else 2

    def _appointment(
        self, paper: Paper, each: Appointment, x: float, wide: float, y: float, *, rows: int
    ) -> float:
        said, rtl = self.words, self.words.rtl
        y += LINE + (1.2 if rows == 3 else 0.55)
        mark = said[each.mark.value] if each.mark is not Mark.SAME else ""
        when = said.dates.at_of(each.entry.starts_at)
        head = f"{when}  {mark}".strip() if not is_rtl(when) else f"{when} {mark}".strip()
        whom, place, phone = (clean(part or "") for part in (each.whom, each.place, each.phone))
        beside = phone if rows == 2 else ""
        if beside and width(beside, LEAST_SIZE) > (wide - 2) * MM - width(head, LEAST_SIZE, BOLD):
            beside = ""
        if beside:
            end = x if rtl else x + wide
            align = "left" if rtl else "right"
            paper.put(beside, end, y, size=LEAST_SIZE, align=align)
            phone = ""
        self._text(paper, head, x, wide, y, weight=BOLD)
        if each.whom is None:
            self._text(paper, said["some_place"], x, wide, y + LINE)
        elif rows == 2:
            where = ", ".join(apart(part) for part in (whom, place) if part)
            self._text(paper, _with_number(where, phone, wide), x, wide, y + LINE)
        else:
            self._text(paper, apart(whom), x, wide, y + LINE)
            self._text(paper, _with_number(apart(place), phone, wide), x, wide, y + 2 * LINE)
        return y + LINE * (rows - 1)

    def _foot(self, wide: float) -> list[str]:
        """The last lines: which language is missing, what no longer holds, which card this is."""
        card, said = self.card, self.words
        lines = []
        if said.instead is not None:
            lines += fitted(said.instead, LEAST_SIZE, wide * MM)
        if card.more:
            lines.append(said.filled("more", count=card.more))
        if card.gone:
            gone = ", ".join(said.dates.at_of(instant) for instant in card.gone)
            lines += fitted(
                said.filled("gone", days=gone), LEAST_SIZE, wide * MM,
                most=1 if len(card.appointments) > 6 else 2,
            )  # fmt: skip
        on = said.dates.date_of(card.printed_at)
        about = (
            said.filled("first", number=card.number, date=on)
            if card.earlier_at is None
            else said.filled(
                "replaces",
                number=card.number,
                date=on,
                earlier=said.dates.date_of(card.earlier_at),
            )
        )
        return [*lines, *fitted(about, LEAST_SIZE, wide * MM, most=2)]


def _with_number(text: str, phone: str, wide: float) -> str:
    """A text and a number on one line: where both do not fit, the text is cut first.

    A number so long that nothing would be left of the text is cut too: with whom and where an
    appointment is must not disappear without a mark.
    """
    if not (text and phone):
        return text or apart(phone)
    left = min(width(text, LEAST_SIZE), _LEAST_ROOM)
    [number] = fitted(phone, LEAST_SIZE, wide * MM - left - width(" · ", LEAST_SIZE))
    [shown] = fitted(text, LEAST_SIZE, wide * MM - width(f" · {number}", LEAST_SIZE))
    return f"{closed(shown)} · {apart(number)}"


__all__ = ["Appointment", "Mark", "TimeInHand", "card_pdf", "cards_pdf", "check_card", "qr_content"]

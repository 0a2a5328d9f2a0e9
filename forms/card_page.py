"""The two cards as pages: the same words as on paper, for a screen and a screen reader."""

from __future__ import annotations

from typing import Final

from forms import entries
from forms.card import EMERGENCY, Mark, TimeInHand, qr_content
from forms.document import Block, Bullets, Chart, Document, Fields, Heading, Paragraph, Table
from forms.overdose import Overdose
from forms.texts import words

_SIDE: Final = 4


def time_in_hand_page(card: TimeInHand) -> Document:
    """The card of appointments."""
    said, staff = words("card", card.language), words("staff", card.language)
    blocks: list[Block] = []
    if card.appointments:
        rows = tuple(
            (
                f"{said.dates.at_of(each.entry.starts_at)}"
                + (f" {said[each.mark.value]}" if each.mark is not Mark.SAME else ""),
                said["some_place"] if each.whom is None else each.whom,
                each.place or "",
                each.phone or "",
            )
            for each in card.appointments
        )
        head = (said["when"], said["whom"], said["place"], said["phone"])
        blocks.append(Table(said["heading"], head, rows, (3, 3, 3, 2)))
    else:
        blocks.append(Paragraph(said["none"]))
    if card.more:
        blocks.append(Paragraph(said.filled("more", count=card.more)))
    if card.gone:
        days = ", ".join(said.dates.at_of(instant) for instant in card.gone)
        blocks.append(Paragraph(said.filled("gone", days=days)))
    numbers = [(said["emergency"], EMERGENCY)]
    if card.contact_phone:
        numbers.append((said["questions"], card.contact_phone))
    blocks.append(Fields(tuple(numbers)))
    if card.sms:
        blocks.append(Paragraph(said["stop_sms"]))
    content = qr_content(card, said["entry"])
    if content is not None and (code := _code(content[0])) is not None:
        blocks.append(Chart(code, said["scan_calendar" if content[1] else "scan_call"]))
    on = said.dates.date_of(card.printed_at)
    about = (
        said.filled("first", number=card.number, date=on)
        if card.earlier_at is None
        else said.filled(
            "replaces", number=card.number, date=on, earlier=said.dates.date_of(card.earlier_at)
        )
    )
    return Document(
        title=said["front"],
        words=said,
        staff=staff,
        made_at=card.printed_at,
        blocks=tuple(blocks),
        footer=about,
    )


def overdose_page(card: Overdose) -> Document:
    """The overdose card."""
    said = words("overdose", card.language)
    blocks: tuple[Block, ...] = (
        Heading(said["signs_title"]),
        Bullets(said.many("signs")),
        Heading(said["do_title"]),
        Bullets(tuple(f"{at}. {text}" for at, text in enumerate(said.many("do"), start=1))),
        Heading(said["breathing_title"]),
        Paragraph(said["breathing"]),
        Heading(said["risk_title"]),
        Bullets(said.many("risk")),
    )
    return Document(
        title=said["title"],
        words=said,
        staff=words("staff", card.language),
        made_at=card.printed_at,
        blocks=blocks,
        footer=said.filled("about", version=said.version, date=said.dates.date_of(said.dated_on)),
    )


def _code(content: str) -> bytes | None:
    """A QR code as SVG, in black on white with its quiet zone."""
    rows = entries.squares(content)
    if rows is None:
        return None
    side = len(rows) + 2 * _SIDE
    dark = "".join(
        f"M{x + _SIDE} {y + _SIDE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, cell in enumerate(row)
        if cell
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="220" height="220"'
        f' viewBox="0 0 {side} {side}"><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{dark}"/></svg>'
    ).encode("ascii")

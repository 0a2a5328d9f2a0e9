"""Papers: the card in the hand at the gate, the overdose card, and what units fill in by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.commands.opening import RELEASE, CaseCommand, InmateNo, Ref, one_of, opened, ref_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

TIME_IN_HAND: Final = "time-in-hand"
OVERDOSE: Final = "overdose"

Language = Annotated[
    str | None,
    typer.Option("--language", metavar="CODE", help="The person's own, if left out."),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="Where to.", show_default=False)
]
SizeOption = Annotated[
    str, typer.Option("--size", metavar="SIZE", help="wallet (85 × 54 mm, folded) or a6.")
]
Sheet = Annotated[
    int,
    typer.Option(
        "--sheet", metavar="N", help="Cards to an A4 sheet: 1, 4 or 8; 0: no sheet, just the card."
    ),
]


def card(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    which: Annotated[
        str, typer.Argument(metavar="CARD", help="time-in-hand or overdose.", show_default=False)
    ],
    output: Output,
    language: Language = None,
    size: SizeOption = "wallet",
    sheet: Sheet = 1,
    ref: Ref = None,
) -> None:
    """Print a card as PDF: two pages, front and back of one sheet.

    Example: overlev card 101000 time-in-hand --language pl -o card.pdf
    """
    from app.output import note, say
    from cases import print_outs
    from forms import texts
    from forms.card import card_pdf
    from forms.overdose import overdose_pdf
    from forms.sheets import layout

    one_of(which, (TIME_IN_HAND, OVERDOSE), "CARD")
    layout(size, sheet)

    def made(tx: Connection) -> tuple[bytes, str, int]:
        found = ref_of(tx, house, inmate_no, ref)
        if which == OVERDOSE:
            asked = print_outs.overdose(tx, house.viewer, found, now=house.now(), language=language)
            return overdose_pdf(asked, size=size, to_a_sheet=sheet), asked.language, 1
        it = print_outs.time_in_hand(tx, house.viewer, found, now=house.now(), language=language)
        return card_pdf(it, size=size, to_a_sheet=sheet), it.language, len(it.appointments)

    with opened(ctx) as house:
        pdf, spoken, count = house.db.transact(made)
    part = "card" if which == TIME_IN_HAND else "overdose"
    told = texts.words(part, spoken)
    if told.fallback is not None:
        note(f"there are no texts in {told.fallback!r} for this card: it is in Bokmål")
    if told.draft:
        note("nobody has approved the words of this card yet: it says UTKAST / DRAFT")
    if count == 0:
        note("no confirmed appointment lies ahead: the card names the number to call")
    output.write_bytes(pdf)
    say(f"{output}: {len(pdf)} bytes")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("card", rich_help_panel=RELEASE, cls=CaseCommand)(card)

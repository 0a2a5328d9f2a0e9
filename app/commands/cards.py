"""Papers: the card in the hand at the gate, the overdose card, and what units fill in by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.commands.opening import RELEASE, CaseCommand, InmateNo, Ref, one_of, opened, ref_of
from core.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from forms.card import TimeInHand
    from forms.document import Document

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
        it = print_outs.time_in_hand(
            tx,
            house.viewer,
            found,
            now=house.now(),
            language=language,
            national=house.settings.contact_phone,
        )
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


def form(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    which: Annotated[
        str,
        typer.Argument(
            metavar="FORM",
            help="checklist, consent (or consent-sms, -sharing, -research, -participation),"
            " short-form, naloxone, certificate, transfer, time-in-hand or overdose.",
            show_default=False,
        ),
    ],
    output: Output,
    language: Language = None,
    ref: Ref = None,
) -> None:
    """Print a form as PDF, or as a page where FILE ends in .html.

    Example: overlev form 101000 consent --language ru -o consent.pdf
    """
    from cases import paper_forms

    with opened(ctx) as house:
        made = house.db.transact(
            lambda tx: paper_forms.case_form(
                tx,
                house.viewer,
                ref_of(tx, house, inmate_no, ref),
                which,
                now=house.now(),
                national=house.settings.contact_phone,
                language=language,
            )
        )
    _give_out(made, output)


def attendance_list(
    ctx: typer.Context,
    *,
    session: Annotated[
        str,
        typer.Argument(metavar="SESSION", help="As `session plan` prints it.", show_default=False),
    ],
    output: Output,
    language: Language = None,
) -> None:
    """Print the attendance list of a group session as PDF, or as a page (.html).

    Example: overlev attendance-list q7x2mfd3ka -o list.pdf
    """
    from cases import paper_forms

    with opened(ctx) as house:
        made = house.db.transact(
            lambda tx: paper_forms.attendance_list(
                tx, house.viewer, session.strip().lower(), now=house.now(), language=language
            )
        )
    _give_out(made, output)


def calendar(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    output: Output,
    language: Language = None,
    ref: Ref = None,
) -> None:
    """Write the appointments of a case as a calendar file: neutral titles and times only.

    Example: overlev calendar 101000 -o appointments.ics
    """
    from app.output import say
    from cases import print_outs

    with opened(ctx) as house:
        body = house.db.transact(
            lambda tx: print_outs.calendar_file(
                tx,
                house.viewer,
                ref_of(tx, house, inmate_no, ref),
                now=house.now(),
                language=language,
            )
        )
    output.write_bytes(body)
    say(f"{output}: {len(body)} bytes")


def print_run(
    ctx: typer.Context,
    *,
    output: Output,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Code, name or alias.")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day of the releases.")
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="SESSION", help="Who is on its list instead.")
    ] = None,
    sheet: Sheet = 4,
) -> None:
    """Print the cards of a day's releases, or of a group session, as one PDF.

    Example: overlev print-run --unit bergen --on 2026-12-01 -o cards.pdf

    Beside each card stands whose it is; that is cut away.
    """
    from app.output import note, say
    from cases import print_outs
    from core.clock import parse_date
    from forms.card import cards_pdf

    if (session is None) == (unit is None or on is None):
        raise BadInput("which_run", "Name --unit and --on, or --session.", "--unit")

    def made(tx: Connection) -> list[TimeInHand]:
        now, national = house.now(), house.settings.contact_phone
        if session is not None:
            ref = session.strip().lower()
            return print_outs.cards_of_session(tx, house.viewer, ref, now=now, national=national)
        from app.commands.units import unit_named

        code = unit_named(tx, unit or "", now=now)
        day = parse_date(on or "", field="--on")
        return print_outs.cards_of_releases(tx, house.viewer, code, day, now=now, national=national)

    with opened(ctx) as house:
        cards = house.db.transact(made)
    with _printing(len(cards)) as printed:
        pdf = cards_pdf(cards, to_a_sheet=sheet, printed=printed)
    output.write_bytes(pdf)
    empty = sum(not each.appointments for each in cards)
    if empty:
        note(f"{empty} of {len(cards)} have no confirmed appointment ahead")
    say(f"{output}: {len(cards)} cards, {len(pdf)} bytes")


def _give_out(made: Document, output: Path) -> None:
    from app.output import note, say
    from forms.document_html import document_html
    from forms.document_pdf import document_pdf

    if output.suffix.lower() in (".html", ".htm"):
        body = document_html(made).encode()
    else:
        body = document_pdf(made)
    for each in made.notes:
        note(each)
    if made.words.draft:
        note("nobody has approved the words of this form yet: it says UTKAST / DRAFT")
    output.write_bytes(body)
    say(f"{output}: {len(body)} bytes")


@contextmanager
def _printing(cards: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where a person looks on; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cards"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("Printing", total=cards)
        yield lambda count: bar.advance(task, count)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (("card", card), ("form", form), ("calendar", calendar)):
        app.command(name, rich_help_panel=RELEASE, cls=CaseCommand)(command)
    for name, other in (("print-run", print_run), ("attendance-list", attendance_list)):
        app.command(name, rich_help_panel=RELEASE)(other)

"""Cards as PDF: one by one, each a file of its own, and in a print run.

Every card is another: other names, places, numbers and times, so that nothing but the words of the
form comes back. The limit is fpdf2 alone writing as many lines in a font of the reader's, with no
font to embed, no shaping, no code and no marks. Memory is that of a process of its own that
does nothing but print.
"""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Final

from fpdf import FPDF

from bench.measure import Batches, Line, Outcome, profile
from bench.run import Run
from forms.card import Appointment, TimeInHand, card_pdf, cards_pdf
from forms.entries import Entry
from forms.sheets import LAYOUTS, Size

ONE_BY_ONE: Final = 1000 / 40
"""Milliseconds of CPU a card may take: 40 a second."""

IN_A_RUN: Final = 1000 / 200
"""Milliseconds a page of a print run may take: 200 a second."""

LARGEST: Final = 60.0
MEMORY: Final = 150.0
BATCHES: Final = 5
APPOINTMENTS: Final = 5
LINES: Final = 26
"""Lines of text on both sides of such a card."""

NOW: Final = datetime(2026, 11, 25, 9, tzinfo=UTC)
_SYLLABLES: Final = (
    "ber",
    "gen",
    "haug",
    "vik",
    "stad",
    "moen",
    "lund",
    "øy",
    "ås",
    "dal",
    "Łu",
    "č",
)


def forms(run: Run) -> Outcome:
    """CPU of a card and of a page, size and memory."""
    outcome = Outcome()
    size = 12 if run.quick else 100
    ours, bare = Batches(size), Batches(size)
    pages, plain = Batches(size), Batches(size)
    sheets = Batches(2 * size // 4)
    chance = random.Random(1)
    warm = cards(size, chance)
    for each in warm:
        card_pdf(each)
    largest = 0
    for _ in range(BATCHES):
        fresh = cards(size, chance)
        with ours.one():
            made = [card_pdf(each, to_a_sheet=0) for each in fresh]
        largest = max(largest, *map(len, made))
        with bare.one():
            for _ in range(size):
                _bare(1)
        fresh = cards(size // 2, chance)
        with pages.one():
            cards_pdf(fresh, to_a_sheet=0)
        with plain.one():
            _bare(size // 2)
        fresh = cards(size, chance)
        with sheets.one():
            cards_pdf(fresh, to_a_sheet=4)
    outcome.lines += [
        _line("card, one by one", ours, bare, ONE_BY_ONE, "a file of two pages each"),
        _line("page of a print run", pages, plain, IN_A_RUN, "cards on pages of their own size"),
        Line(
            "A4 page with four cards",
            1e3 * sheets.cpu,
            "ms",
            said=f"{1 / sheets.cpu:.0f} pages a second, {2 / sheets.cpu:.0f} cards a second",
        ),
        Line("largest card", largest / 1000, "kB", goal=LARGEST, said="fonts included"),
    ]
    took = _alone()
    outcome.lines += [
        Line("memory after 300 cards", took["peak"] / 1000, "MB", goal=MEMORY),
        Line("first card of a process", took["first"] * 1000, "ms", said="fonts read, words too"),
    ]
    if run.profile or not all(line.reached in (None, True) for line in outcome.lines):
        more = cards(size, chance)
        outcome.profiles["card, one by one"] = profile(
            lambda: [card_pdf(each, to_a_sheet=0) for each in more], actions=size
        )
    return outcome


def _line(what: str, ours: Batches, bare: Batches, goal: float, said: str) -> Line:
    return Line.of(
        what,
        ours,
        "ms",
        limit=bare,
        goal=goal,
        said=f"{1 / ours.undisturbed:.0f} a second undisturbed, {1 / ours.cpu:.0f} as measured;"
        f" quickest batch {1e3 * ours.quickest:.2f} ms; {said}",
    )


def cards(number: int, chance: random.Random) -> list[TimeInHand]:
    """So many different cards in Bokmål, each with five appointments."""

    def word() -> str:
        return "".join(chance.choice(_SYLLABLES) for _ in range(chance.randint(2, 4))).title()

    def appointment(at: int) -> Appointment:
        starts_at = NOW + timedelta(days=at, minutes=15 * chance.randrange(40))
        entry = Entry(f"{chance.getrandbits(50):x}"[:10], 0, starts_at)
        phone = (
            f"{chance.randrange(20, 99)} {chance.randrange(10, 99)} {chance.randrange(10, 99)} 00"
        )
        return Appointment(entry, f"{word()} {word()}", f"{word()} {chance.randrange(99)}", phone)

    return [
        TimeInHand(
            "nb",
            tuple(appointment(at) for at in range(1, APPOINTMENTS + 1)),
            "22 00 00 00",
            NOW,
            sms=True,
            label=f"{chance.randrange(100_000, 999_999)}",
        )
        for _ in range(number)
    ]


def _bare(count: int) -> bytes:
    """fpdf2 alone: as many cards of two pages with as many lines, nothing embedded."""
    layout = LAYOUTS[Size.WALLET, 0]
    pdf = FPDF(unit="mm", format=(layout.wide, layout.high))
    pdf.set_font("helvetica", size=10)
    for _ in range(count):
        for side in range(2):
            pdf.add_page()
            for at in range(LINES // 2):
                pdf.text(4, 8 + 5 * at, f"Linje {at} paa side {side}: Storgata 12, 22 00 00 00")
    return bytes(pdf.output())


def _alone() -> dict[str, float]:
    many = cards(300, random.Random(2))
    done = subprocess.run(
        [sys.executable, "-m", "bench.forms_alone"],
        input=pickle.dumps(many),
        check=True,
        capture_output=True,
    )
    took: dict[str, float] = json.loads(done.stdout)
    return took

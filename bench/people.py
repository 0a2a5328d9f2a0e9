"""Synthetic people for a roster: made-up names, identity numbers that are nobody's (month + 80)."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

FIRST: Final = (
    "Ahmed",
    "Anna",
    "Bjørn",
    "Fatuma",
    "Ingrid",
    "Jonas",
    "Łukasz",
    "Ola",
    "Sergej",
    "Siri",
    "Þór",
)
LAST: Final = (
    "Andersen",
    "Dahl",
    "Gaup",
    "Hansen",
    "Kazlauskas",
    "Ødegård",
    "Nguyen",
    "Warsame",
    "Åsen",
)
KINDS: Final = ("bekreftet", "to tredjedeler", "full tid", "prøveløslatelse")
LANGUAGES: Final = ("nb", "nb", "nb", "nb", "en", "pl", "so", "lt", "")

HEADER: Final = (
    "innsattnr",
    "fornavn",
    "etternavn",
    "fødselsdato",
    "fødselsnummer",
    "enhet",
    "innsatt",
    "kategori",
    "planlagt løslatelse",
    "løslatelsesgrunnlag",
    "språk",
    "mobil",
    "adressesperre",
    "løslatt",
)

_FIRST_WEIGHTS: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def phone_number(number: int) -> str:
    """One of ten thousand mobile numbers that only tests and benchmarks use (E.164)."""
    return f"+474000{number % 10_000:04d}"


def identity_number(born_on: date, individual: int) -> str | None:
    """A synthetic number: month + 80, right check digits; None where these do not exist."""
    digits = f"{born_on.day:02d}{born_on.month + 80:02d}{born_on.year % 100:02d}{individual:03d}"
    for weights in (_FIRST_WEIGHTS, _SECOND_WEIGHTS):
        rest = sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
        if rest == 1:
            return None
        digits += str((11 - rest) % 11)
    return digits


def write_roster(path: Path, rows: int, units: Sequence[str], *, today: date) -> None:
    """A roster of people in prison, as CSV (UTF-8, semicolons), always the same for a size."""
    chance = random.Random(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        writer.writerows(_rows(rows, units, today, chance))


def _rows(
    rows: int, units: Sequence[str], today: date, chance: random.Random
) -> Iterator[list[str]]:
    for number in range(rows):
        born_on = date(1950, 1, 1) + timedelta(days=chance.randint(0, 365 * 49))
        admitted_on = today - timedelta(days=chance.randint(0, 200))
        clock = f"{chance.randint(8, 19):02d}:{chance.randint(0, 3) * 15:02d}"
        if admitted_on == today:
            clock = "06:00"
        planned = today + timedelta(days=chance.randint(1, 400))
        has_date = chance.random() < 0.9
        yield [
            str(200_000 + number),
            chance.choice(FIRST),
            chance.choice(LAST),
            f"{born_on:%d.%m.%Y}",
            (identity_number(born_on, chance.randint(0, 499)) or "")
            if chance.random() < 0.85
            else "",
            chance.choice(units),
            f"{admitted_on:%d.%m.%Y} {clock}",
            chance.choice(("dom", "dom", "varetekt", "bot")),
            f"{planned:%d.%m.%Y}" if has_date else "",
            chance.choice(KINDS) if has_date else "",
            chance.choice(LANGUAGES),
            phone_number(number).removeprefix("+47") if chance.random() < 0.8 else "",
            "FORTROLIG" if chance.random() < 0.01 else "",
            "",
        ]

"""The invented persons of a demo, as a prison's roster would write them.

Nobody can be taken for somebody: last names are birds, plants and weather, identity numbers are
synthetic (month + 80) with valid check digits, and no phone number reaches anybody:

- Norwegian ones begin with 49. That series is open to mobiles in the numbering plan, so that they
  look and behave like any other, but no block of it is handed out (a test asks the public
  numbering data).
- Swedish ones lie in 070-174 06 05 … 99, German ones in 0176-040 690 00 … 99: ranges that the
  regulators keep free for films and books.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from cases.identity_number import classify
from cases.model import Protection
from cases.roster_columns import Column

FIRST_INMATE_NO: Final = 500_000
"""Inmate numbers count up from here, away from those of rosters that are imported beside them."""

_FIRST_NAMES: Final = (
    "Odd", "Bjarte", "Eirik", "Torstein", "Kåre", "Sverre", "Øyvind", "Håkon", "Tore", "Vidar",
    "Geir", "Ørjan", "Stian", "Roger", "Frode", "Rune", "Jøran", "Kjetil", "Magne", "Steinar",
    "Turid", "Bente", "Åshild", "Hilde", "Ragnhild", "Wenche", "Iselin", "Mona",
    "Nilas", "Áilu", "Mihkkal", "Inger-Máret", "Paweł", "Zbigniew", "Grzegorz", "Vytautas",
    "Mantas", "Costel", "Florin", "Besnik", "Goran", "Cabdi", "Liban", "Yonas", "Karim", "Bilal",
    "Dmitrij", "Samuel", "Jean-Luc", "Nour",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Fjellrype", "Storlom", "Kvitveis", "Blåklokke", "Nordavind", "Havørn", "Sivspurv", "Multebær",
    "Regnbyge", "Skjærgård", "Hestehov", "Vinterbris", "Lappugle", "Rogneklase", "Tyttebær",
    "Svarttrost", "Einerbusk", "Snøfonn", "Duggdråpe", "Steinskvett", "Røsslyng", "Heipiplerke",
    "Gråsisik", "Solgangsvind", "Myrull", "Tjeld", "Bekkeblom", "Kvelduggle", "Morgenrøde",
    "Åkerrikse", "Øyenstikker", "Ærfuglunge", "Smørblomst", "Hønsehauk", "Strandsnipe",
    "Fossekall", "Bjørkefink", "Isfront", "Linerle", "Geitrams",
)  # fmt: skip
_LANGUAGES: Final = (
    ("nb",) * 61 + ("nn",) * 6 + ("se",) * 2 + ("en",) * 5 + ("pl",) * 7 + ("lt",) * 4
    + ("ro",) * 4 + ("ar",) * 4 + ("so",) * 3 + ("ru",) * 2 + ("sq", "bs")
)  # fmt: skip

_WEIGHTS: Final = ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is. `phone` is written as in a roster; "" where there is none, as elsewhere."""

    inmate_no: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    born_on: date = field(repr=False)
    national_id: str = field(repr=False)
    language: str
    phone: str = field(repr=False)
    protection: Protection = Protection.UNGRADED

    @property
    def foreign(self) -> bool:
        """Whether the identity number is a D-number: somebody who is not resident."""
        return classify(self.national_id).kind == "dnumber"

    @property
    def hidden(self) -> bool:
        """Kode 6: only named users see the person."""
        return self.protection in (
            Protection.STRICTLY_CONFIDENTIAL,
            Protection.STRICTLY_CONFIDENTIAL_ABROAD,
        )

    def cells(self) -> dict[str, str]:
        """The columns of a roster about the person, empty ones left out."""
        written = {
            Column.inmate_no.value: self.inmate_no,
            Column.first_name.value: self.first_name,
            Column.last_name.value: self.last_name,
            Column.born.value: f"{self.born_on:%d.%m.%Y}",
            Column.national_id.value: self.national_id,
            Column.language.value: self.language,
            Column.mobile.value: self.phone,
            Column.protection.value: ""
            if self.protection is Protection.UNGRADED
            else self.protection.value,
        }
        return {column: text for column, text in written.items() if text}


Draw = Callable[[Random], str]


def somebody(
    number: int,
    chance: Random,
    *,
    admitted_on: date,
    young: bool = False,
    foreign: bool | None = None,
    phone: Draw | None = None,
    protection: Protection | None = None,
) -> Person:
    """The person with a number. What is not asked for is drawn; `young` is under 18 throughout."""
    if young:
        born_on = admitted_on - timedelta(days=chance.randint(16 * 366, 17 * 365))
    else:
        age = min(max(round(chance.gauss(36, 11)), 18), 78)
        born_on = admitted_on - timedelta(days=age * 366 + chance.randint(0, 364))
    is_foreign = chance.random() < 0.08 if foreign is None else foreign
    with_number = is_foreign or chance.random() < 0.9
    return Person(
        inmate_no=str(FIRST_INMATE_NO + number),
        first_name=chance.choice(_FIRST_NAMES),
        last_name=chance.choice(_LAST_NAMES),
        born_on=born_on,
        national_id=identity_number(born_on, chance, foreign=is_foreign) if with_number else "",
        language=chance.choice(_LANGUAGES),
        phone=(phone or some_number)(chance),
        protection=_protection(chance) if protection is None else protection,
    )


def _protection(chance: Random) -> Protection:
    drawn = chance.random()
    if drawn < 0.004:
        return Protection.STRICTLY_CONFIDENTIAL
    return Protection.CONFIDENTIAL if drawn < 0.014 else Protection.UNGRADED


def identity_number(born_on: date, chance: Random, *, foreign: bool = False) -> str:
    """A synthetic number of somebody born on a day: month + 80, for a D-number also day + 40."""
    lowest, highest = (500, 999) if born_on.year >= 2000 else (0, 499)
    day = born_on.day + (40 if foreign else 0)
    while True:
        digits = (
            f"{day:02}{born_on.month + 80:02}{born_on.year % 100:02}"
            f"{chance.randint(lowest, highest):03}"
        )
        for weights in _WEIGHTS:
            # A remainder of 10 has no digit: such numbers are not given out, and classed invalid.
            digits += str(-sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % 11)
        if classify(digits).valid:
            return digits


def some_number(chance: Random) -> str:
    """A phone number as rosters have them: mostly there, sometimes abroad, sometimes unusable."""
    drawn = chance.random()
    if drawn < 0.16:
        return no_number(chance)
    if drawn < 0.21:
        return foreign_number(chance)
    return "0" + str(chance.randint(2000, 9999)) if drawn < 0.22 else norwegian_number(chance)


def no_number(chance: Random) -> str:
    """No phone."""
    del chance
    return ""


def norwegian_number(chance: Random) -> str:
    """A number in the series 49, of which nothing is handed out."""
    return f"49{chance.randint(0, 999_999):06}"


def foreign_number(chance: Random) -> str:
    """A number of a range that is kept free for films: Swedish or German."""
    if chance.random() < 0.6:
        return f"+46 70 174 06 {chance.randint(5, 99):02}"
    return f"+49 176 040690{chance.randint(0, 99):02}"


def under_another_number(person: Person, number: int, chance: Random) -> Person:
    """The same person once more, as when a D-number has become an identity number."""
    return Person(
        inmate_no=str(FIRST_INMATE_NO + number),
        first_name=person.first_name,
        last_name=person.last_name,
        born_on=person.born_on,
        national_id=identity_number(person.born_on, chance),
        language=person.language,
        phone=person.phone,
        protection=person.protection,
    )

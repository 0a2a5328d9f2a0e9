"""Norwegian identity numbers: what a text is, decided from its digits alone.

Eleven digits `DDMMYYIIIKK`: date of birth, individual number (which gives the century), two check
digits (the Norwegian Tax Administration's public definition). A D-number adds 40 to the day.
Synthetic numbers for testing add 80 to the month (the national test population) or 40 (older test
sets); both keep the check digits over the digits as written, and a D-number can be synthetic too.
python-stdnum refuses month + 80, so the check is made here.

Numbers issued from 2032 on are to relax the first check digit; they are not recognised yet.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

LENGTH: Final = 11

# The weights of the public definition, first digit first. The sum over digits and check digit(s),
# these counting once, is a multiple of 11.
_FIRST_WEIGHTS: Final = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)

_SEPARATORS: Final = re.compile(r"[\s.\-‐-―]+")

# Individual number (inclusive) and two-digit year (inclusive) -> century.
_CENTURIES: Final = (
    (0, 499, 0, 99, 1900),
    (500, 749, 54, 99, 1800),
    (500, 999, 0, 39, 2000),
    (900, 999, 40, 99, 1900),
)


class IdentityKind(StrEnum):
    """What an identity number is."""

    NATIONAL = "national"
    D_NUMBER = "dnumber"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """What a text is as an identity number.

    `normalised` is the canonical form for matching: eleven ASCII digits, "" when invalid.
    `born_on` is the date in the number, without the marks of D-numbers and synthetic ones.
    """

    kind: IdentityKind
    synthetic: bool
    born_on: date | None
    normalised: str

    @property
    def valid(self) -> bool:
        return self.kind is not IdentityKind.INVALID


INVALID: Final = IdentityNumber(IdentityKind.INVALID, synthetic=False, born_on=None, normalised="")


def classify(text: str) -> IdentityNumber:
    """Say what `text` is; spaces, dots and dashes between the digits do not matter.

    Full-width and other decimal digits count as digits. Never raises: everything else is invalid.
    """
    digits = ascii_digits(text)
    if len(digits) != LENGTH or not digits.isdigit():
        return INVALID
    numbers = [ord(digit) - 48 for digit in digits]
    if _weighted(numbers, _FIRST_WEIGHTS) % 11 or _weighted(numbers, _SECOND_WEIGHTS) % 11:
        return INVALID

    day, month = int(digits[0:2]), int(digits[2:4])
    kind = IdentityKind.NATIONAL
    if day > 40:
        day, kind = day - 40, IdentityKind.D_NUMBER
    synthetic = month > 40
    if synthetic:
        month -= 80 if month > 80 else 40
    born_on = _born_on(day, month, int(digits[4:6]), int(digits[6:9]))
    if born_on is None:
        return INVALID
    return IdentityNumber(kind, synthetic=synthetic, born_on=born_on, normalised=digits)


def with_leading_zero(text: str) -> IdentityNumber:
    """What ten digits are with the zero that a spreadsheet took; invalid for any other length."""
    digits = ascii_digits(text)
    return classify(f"0{digits}") if len(digits) == LENGTH - 1 else INVALID


def ascii_digits(text: str) -> str:
    """`text` without separators, its decimal digits of any script written 0-9."""
    if text.isascii() and text.isdigit():
        return text
    bare = _SEPARATORS.sub("", text)
    return "".join(
        character if character.isascii() else str(unicodedata.decimal(character, character))
        for character in bare
    )


def _weighted(numbers: list[int], weights: tuple[int, ...]) -> int:
    return sum(number * weight for number, weight in zip(numbers, weights, strict=False))


def _century(individual: int, year: int) -> int | None:
    for lowest, highest, first_year, last_year, century in _CENTURIES:
        if lowest <= individual <= highest and first_year <= year <= last_year:
            return century
    return None


def _born_on(day: int, month: int, year: int, individual: int) -> date | None:
    century = _century(individual, year)
    if century is None:
        return None
    try:
        return date(century + year, month, day)
    except ValueError:
        return None

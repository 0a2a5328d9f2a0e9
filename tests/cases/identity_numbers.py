"""Identity numbers made for tests: synthetic, or of people born before 1900."""

from __future__ import annotations


def number(day: int, month: int, year: int, individual: int) -> str | None:
    """A number with right check digits, or None where the rule gives a check digit of 10.

    Written from the definition in another way than the code under test: K = 11 - (sum mod 11).
    """
    digits = f"{day:02d}{month:02d}{year:02d}{individual:03d}"
    for weights in ([3, 7, 6, 1, 8, 9, 4, 5, 2], [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]):
        rest = sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
        check = 0 if rest == 0 else 11 - rest
        if check == 10:
            return None
        digits += str(check)
    return digits


def first_number(day: int, month: int, year: int, individual: int) -> str:
    for tried in range(individual, individual + 20):
        if (found := number(day, month, year, tried)) is not None:
            return found
    raise AssertionError("no number within twenty")

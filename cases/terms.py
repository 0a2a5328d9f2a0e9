"""The little language of deadlines: "T0 + 7 d", "R - 1 wd", "7 d before due".

T0 is the admission (the opening, where a case was opened late), R the release date in force; h are
elapsed hours, d calendar days, wd working days. Texts become immutable values once, when a package
is loaded; `cases.plan` and `cases.ladder` reckon with the values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cases.calendar import Span


class Anchor(StrEnum):
    """What a term is counted from. `DUE`, the task's own due time, serves reminders only."""

    T0 = "T0"
    R = "R"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Stay:
    """A condition on R − T0 in days of local dates: more than `days`, or at most that many."""

    over: bool
    days: int

    def holds(self, length: int) -> bool:
        """Whether a stay of `length` days fulfils it."""
        return length > self.days if self.over else length <= self.days


@dataclass(frozen=True, slots=True)
class Term:
    """A point in time: `amount` of `span` after (negative: before) its anchor.

    `only_if` limits a term of R to stays of some length; None = always.
    """

    anchor: Anchor
    amount: int
    span: Span
    only_if: Stay | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """So long after the due time; never negative."""

    amount: int
    span: Span


# At most four digits: a slip of the finger must not leave the calendar.
_AMOUNT: Final = r"(?P<amount>[0-9]{1,4}) (?P<span>h|d|wd)"
_TERM: Final = re.compile(
    rf"(?P<anchor>T0|R) (?P<sign>[+-]) {_AMOUNT}"
    r"( if R - T0 (?P<than>>|<=) (?P<days>[0-9]{1,4}) d)?"
)
_BEFORE_DUE: Final = re.compile(rf"{_AMOUNT} before due")
_LATER: Final = re.compile(_AMOUNT)


def read_term(text: str) -> Term:
    """Read a deadline term: `T0 + 7 d`, `R - 56 d if R - T0 > 90 d`. Raises `ValueError`."""
    found = _TERM.fullmatch(" ".join(text.split()))
    if found is None:
        raise ValueError(
            f'cannot read "{text}": write it like "T0 + 7 d", "R - 1 wd" or "T0 + 24 h"'
        )
    anchor = Anchor(found["anchor"])
    only_if = None
    if found["than"] is not None:
        if anchor is not Anchor.R:
            raise ValueError(f'cannot use "{text}": only a term of R takes a condition on R - T0')
        only_if = Stay(over=found["than"] == ">", days=int(found["days"]))
    amount = int(found["amount"])
    if found["sign"] == "-":
        amount = -amount
    return Term(anchor, amount, Span(found["span"]), only_if)


def read_before(text: str) -> Term:
    """Read a reminder: `7 d before due`, `R`, `T0 + 18 h`. Raises `ValueError`."""
    written = " ".join(text.split())
    if written == "R":
        return Term(Anchor.R, 0, Span.DAYS)
    found = _BEFORE_DUE.fullmatch(written)
    if found is not None:
        return Term(Anchor.DUE, -int(found["amount"]), Span(found["span"]))
    if _TERM.fullmatch(written) is not None:
        term = read_term(written)
        if term.only_if is None:
            return term
    raise ValueError(f'cannot read "{text}": write it like "7 d before due", "T0 + 18 h" or "R"')


def read_later(text: str) -> Later:
    """Read how long after the due time: `1 wd`, `24 h`. Raises `ValueError`."""
    found = _LATER.fullmatch(" ".join(text.split()))
    if found is None:
        raise ValueError(f'cannot read "{text}": write it like "1 wd" or "24 h"')
    return Later(int(found["amount"]), Span(found["span"]))

"""PURE: whether a unit's rule is stricter or looser than the one it stands on.

Terms are compared as they are written where that decides it, and by examples where it does not:
which of "R - 5 wd" and "R - 7 d" comes first depends on the calendar. The examples are every day of
two years as T0, with an unknown release date and with stays of many lengths: where a condition on
the stay changes sides, and around each length at which a term of R overtakes one of T0. So Easter,
Christmas and every order of the terms are met. One example in which the new rule falls later makes
it looser: it then needs a reason, whatever the other examples say.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from cases.calendar import Span, roll_back, roll_forward
from cases.checklist import Requirement
from cases.model import TaskClass
from cases.plan import earliest
from cases.terms import Anchor, Term

_FIRST_DAY: Final = date(2026, 1, 1)
_DAYS: Final = 730
_STAYS: Final = (0, 1, 2, 3, 5, 7, 10, 14, 21, 28, 60, 90, 120, 180, 400)
"""Lengths of stay in days that every comparison looks at."""

_AROUND: Final = 12
"""How many days Easter with a weekend on both sides can move a count of working days, and more."""


class Strictness(StrEnum):
    """How a changed rule stands to the one before it."""

    SAME = "same"
    STRICTER = "stricter"
    LOOSER = "looser"


def of_terms(before: tuple[Term, ...], after: tuple[Term, ...], klass: TaskClass) -> Strictness:
    """Whether the deadline that `after` gives is stricter than that of `before`, or looser.

    The same dates in other words are `SAME`. A deadline that exists in fewer cases is looser.
    """
    if frozenset(before) == frozenset(after):
        return Strictness.SAME
    if klass is TaskClass.CLINICAL:
        return _by_amount(min(t.amount for t in before), min(t.amount for t in after))
    found = Strictness.SAME
    certain = all(any(_never_later(new, old) for new in after) for old in before)
    for was, becomes in _examples(before, after, klass):
        if was == becomes:
            continue
        if becomes is None or (was is not None and becomes > was):
            return Strictness.LOOSER
        found = Strictness.STRICTER
        if certain:
            break
    return found


def of_requirement(before: Requirement, after: Requirement) -> Strictness:
    """Whether `after` asks for more appointments than `before`, or lets some of them go."""
    if frozenset(before) == frozenset(after):
        return Strictness.SAME
    if all(any(new <= old for new in after) for old in before):
        return Strictness.STRICTER
    return Strictness.LOOSER


def _by_amount(before: int, after: int) -> Strictness:
    if before == after:
        return Strictness.SAME
    return Strictness.STRICTER if after < before else Strictness.LOOSER


def _never_later(new: Term, old: Term) -> bool:
    """Whether the new term holds whenever the old one does, and never gives a later day."""
    return (
        new.anchor is old.anchor
        and new.span is old.span
        and new.amount <= old.amount
        and new.only_if in (None, old.only_if)
    )


def _examples(
    before: tuple[Term, ...], after: tuple[Term, ...], klass: TaskClass
) -> Iterator[tuple[date | None, date | None]]:
    """The day that each of two rules gives, rolled as their class rolls, example by example."""
    stays = _telling_stays((*before, *after))
    roll = roll_forward if klass is TaskClass.ADMIN else roll_back
    for number in range(_DAYS):
        t0 = _FIRST_DAY + timedelta(days=number)
        for days in (None, *stays):
            release_on = None if days is None else t0 + timedelta(days=days)
            was, _ = earliest(before, t0, release_on, t0)
            becomes, _ = earliest(after, t0, release_on, t0)
            yield (
                None if was is None else roll(was),
                None if becomes is None else roll(becomes),
            )


def _telling_stays(terms: tuple[Term, ...]) -> list[int]:
    stays = set(_STAYS)
    for term in terms:
        if term.only_if is not None:
            stays |= {term.only_if.days, term.only_if.days + 1}
    of_t0 = [_in_days(term) for term in terms if term.anchor is Anchor.T0]
    of_r = [_in_days(term) for term in terms if term.anchor is Anchor.R]
    for from_t0 in of_t0:
        for to_r in of_r:
            meet = from_t0 - to_r
            stays |= set(range(max(0, meet - _AROUND), meet + _AROUND + 1))
    return sorted(stays)


def _in_days(term: Term) -> int:
    return term.amount * 7 // 5 if term.span is Span.WORKING_DAYS else term.amount

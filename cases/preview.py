"""PURE: what a change of package means, shown on three cases that everybody knows.

A short remand that ends with two days' notice, a sentence of four months and one of two years:
each admitted on the same day and accepted, each with the due times that two packages give it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from cases.calendar import at
from cases.checklist import Package
from cases.model import Answer, Case, Participation, ReleaseDate, ReleaseKind, Source
from cases.plan import Plan, plan

_ADMITTED: Final = time(6)
_OPENED: Final = time(8)
_SHORT_REMAND: Final = 8
_FOUR_MONTHS: Final = 118
_TWO_YEARS: Final = 730


class Example(StrEnum):
    """The three standing examples."""

    SHORT_REMAND = "short_remand"
    FOUR_MONTHS = "four_months"
    TWO_YEARS = "two_years"


class Effect(StrEnum):
    """What becomes of a due time."""

    SAME = "same"
    EARLIER = "earlier"
    LATER = "later"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class DueLine:
    """One task of an example under two packages; the due times are None where it is not in one."""

    task: str
    label: str
    before: datetime | None
    after: datetime | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class ExamplePreview:
    """One example: its dates, and every task of both packages in the order of the newer one."""

    example: Example
    admitted_at: datetime
    release_on: date
    lines: tuple[DueLine, ...]

    @property
    def changed(self) -> tuple[DueLine, ...]:
        """The lines that are not the same."""
        return tuple(line for line in self.lines if line.effect is not Effect.SAME)


def preview(
    before: Package, after: Package, *, on: date, language: str = "nb"
) -> tuple[ExamplePreview, ...]:
    """The due times of the three examples, admitted on a day, under `before` and under `after`."""
    return tuple(
        ExamplePreview(
            example,
            case.admitted_at,
            case.release_dates[-1].on or on,
            tuple(
                _lines(
                    (before, plan(case, before, case.opened_at)),
                    (after, plan(case, after, case.opened_at)),
                    language,
                )
            ),
        )
        for example, case in _examples(on)
    )


def _examples(on: date) -> Iterator[tuple[Example, Case]]:
    short = _case(on, _SHORT_REMAND, known_on=on + timedelta(days=_SHORT_REMAND - 2))
    yield Example.SHORT_REMAND, short
    yield Example.FOUR_MONTHS, _case(on, _FOUR_MONTHS, known_on=on)
    yield Example.TWO_YEARS, _case(on, _TWO_YEARS, known_on=on)


def _case(on: date, days: int, *, known_on: date) -> Case:
    opened_at = at(on, _OPENED)
    date_in_force = ReleaseDate(
        1,
        ReleaseKind.CONFIRMED,
        on + timedelta(days=days),
        Source.STAFF,
        at(known_on, _OPENED),
        "example",
    )
    return Case(
        ref="example",
        person="example",
        unit="example",
        package="example",
        admitted_at=at(on, _ADMITTED),
        opened_at=opened_at,
        admitted_unit="example",
        counted_as="example",
        answers=(Answer(1, Participation.ACCEPTED, None, opened_at, opened_at, "example"),),
        release_dates=(date_in_force,),
    )


def _lines(
    was: tuple[Package, Plan], becomes: tuple[Package, Plan], language: str
) -> Iterator[DueLine]:
    (before, plan_before), (after, plan_after) = was, becomes
    for rule in after.tasks:
        new = plan_after.task(rule.code).due_at
        label = rule.labels.in_language(language)
        if not before.has(rule.code):
            yield DueLine(rule.code, label, None, new, Effect.ADDED)
            continue
        old = plan_before.task(rule.code).due_at
        yield DueLine(rule.code, label, old, new, _effect(old, new))
    for rule in before.tasks:
        if not after.has(rule.code):
            old = plan_before.task(rule.code).due_at
            yield DueLine(rule.code, rule.labels.in_language(language), old, None, Effect.REMOVED)


def _effect(before: datetime | None, after: datetime | None) -> Effect:
    if before == after:
        return Effect.SAME
    if after is None or (before is not None and after > before):
        return Effect.LATER
    return Effect.EARLIER

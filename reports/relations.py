"""PURE: which counts the figures of a report show, and how these counts depend on each other.

Whoever reads a published report knows its definitions. What one figure hides, another may give
back: the accepted releases stand under eight indicators, the parts of an indicator add up to it,
units add up to their region. This page writes all of that down as counts, figures that show them,
and relations between them, so that `suppression` can attack a report as its readers could.

A count has one name wherever it is shown. A relation is a sum of counts that is zero, or at least
zero; one that the figures at hand contradict is left out, because nobody could conclude from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cases.model import AnswerReason, Form, Step
from reports.definitions import NOT_STATED, TALK_CLASSES, is_count
from reports.figures import Figure, Report, cells

Place: TypeAlias = tuple[str, str]
"""A level (`nation`, `region`, `unit`) and a name; the nation's is empty."""

Key: TypeAlias = tuple[str, str, str]
"""A figure: level, place and indicator. What waits is a figure of its own: `I12 pending`."""

Count: TypeAlias = tuple[str, str, str]
"""A count: level, place and the one name it has, whatever shows it."""

NATION: Final[Place] = ("nation", "")
PENDING: Final = " pending"
PERSONS: Final = ("I1", "I2")
"""Counts of persons, who may be met in several places: they do not add up."""

_TOOK_PART: Final = ("I6", "I7", "I8", "I10", "I11", "I11b", "I13", *(f"I10.{f}" for f in Form))
_REASONS: Final = (*(f"I20.{reason}" for reason in AnswerReason), f"I20.{NOT_STATED}")
_CLASSES: Final = tuple(f"I5.{part}" for part in TALK_CLASSES)
_STEPS: Final = tuple(f"I19.{step}" for step in Step)

_NUMERATORS: Final[Mapping[str, str]] = {
    "I3": "answered",
    "I4": "accepted",
    "I5": "I5.le_24h",
    "I18": "I18.active",
}
_DENOMINATORS: Final[Mapping[str, str]] = {
    "I3": "admitted",
    "I4": "answered",
    "I5": "stayed",
    "I12": "confirmed",
    "I13.planned": "planned",
    "I14": "told",
    "I14.unknown": "first appointments",
    "I15": "followed",
    "I16": "released",
    "I16.notice_unknown": "released",
    "I17": "released",
    "I19": "waiting",
    "I20": "answered",
    "I20.withdrawn": "ever accepted",
    **dict.fromkeys(_TOOK_PART, "took part"),
    **dict.fromkeys(_CLASSES, "stayed"),
    **dict.fromkeys(_REASONS, "answered"),
    **{step: f"waiting{step[len('I19') :]}" for step in _STEPS},
}
_DIFFERENCES: Final[Mapping[str, str]] = {"I14.unknown": "told"}
_WAITS: Final[Mapping[str, str]] = {"I14.unknown": f"I14{PENDING}"}

_WHOLES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("I20", _REASONS),
    ("I19", _STEPS),
    ("waiting", tuple(f"waiting{step[len('I19') :]}" for step in _STEPS)),
    ("stayed", _CLASSES),
    ("I9", ("I9.first", "I9.refill")),
)
"""Wholes, and the parts that add up to them."""

_AT_LEAST: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("answered",), ("accepted", "I20", "I20.withdrawn")),
    (("ever accepted",), ("accepted",)),
    (("answered",), ("ever accepted",)),
    (("admitted",), ("stayed",)),
    (("I10",), tuple(f"I10.{form}" for form in Form)),
    (("I11",), ("I11b",)),
    (("took part",), ("planned",)),
    (("I13",), ("I13.planned",)),
    *((((whole,), ("I13",))) for whole in ("I6", "I7", "I10")),
    (("took part",), ("confirmed", f"I12{PENDING}")),
    (("confirmed",), ("followed",)),
    (("released",), ("took part",)),
    (("released",), ("I16", "I16.notice_unknown")),
    (("planned", "I16"), ("took part",)),
    (("I2",), ("I1",)),
)
"""Sums that are never less than others, by what the indicators mean."""


@dataclass(frozen=True, slots=True)
class Relation:
    """The sum of the terms (count, factor) is zero, or with `at_least` not below zero."""

    terms: tuple[tuple[Count, int], ...]
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The one fixed set of tables that a tertial publishes, as an attacker reads it."""

    counts: Mapping[Count, int]
    figures: Mapping[Key, tuple[Count, ...]]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """Tables as they were published: which figures were hidden."""

    table: Table
    hidden: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where units lay. In `groups` units together add up to regions together; most are one region.

    `inside` are the regions a unit ever lay in, for persons, who are met whenever.
    """

    groups: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    inside: Mapping[str, frozenset[str]]


def names_of(code: str) -> tuple[str, str, str]:
    """The names of an indicator's numerator, denominator and their difference."""
    numerator = _NUMERATORS.get(code, code)
    denominator = _DENOMINATORS.get(code, "units" if code.startswith("I18") else f"{code} of")
    return numerator, denominator, _DIFFERENCES.get(code, f"{denominator} but {numerator}")


def table_of(report: Report, layout: Layout) -> Table:
    """The counts of a whole report, what shows them, and all that relates them."""
    counts: dict[Count, int] = {}
    figures: dict[Key, tuple[Count, ...]] = {}
    relations: list[Relation] = []
    additive: set[str] = set()
    for level, place, code, figure in cells(report):
        shown = dict(_shown(code, figure))
        if code not in PERSONS:
            additive.update(list(shown)[:2] if not is_count(code) else shown)
        counts.update({(level, place, name): number for name, number in shown.items()})
        where = tuple((level, place, name) for name in shown)
        figures[level, place, code] = where
        if len(where) == 3:
            numerator, denominator, left = where
            relations.append(Relation(((numerator, 1), (left, 1), (denominator, -1))))
        if figure.pending is not None:
            waiting = _WAITS.get(code, f"{code}{PENDING}")
            additive.add(waiting)
            counts[level, place, waiting] = figure.pending
            figures[level, place, f"{code}{PENDING}"] = ((level, place, waiting),)
    places = {(level, place) for level, place, _ in counts}
    relations.extend(_inside_places(places))
    relations.extend(_between_places(sorted(additive), layout, places))
    relations.extend(_between_persons(layout, places))
    return Table(counts, figures, tuple(true_of(counts, relations)))


def true_of(counts: Mapping[Count, int], relations: Iterable[Relation]) -> Iterator[Relation]:
    """The relations between counts that there are, and that hold for them."""
    for relation in relations:
        if all(count in counts for count, _ in relation.terms):
            total = sum(counts[count] * factor for count, factor in relation.terms)
            if total == 0 or (relation.at_least and total > 0):
                yield relation


def _shown(code: str, figure: Figure) -> Iterator[tuple[str, int]]:
    numerator, denominator, left = names_of(code)
    if figure.numerator is None:
        raise ValueError("a report is suppressed once: this one holds hidden figures already")
    if is_count(code) or figure.denominator is None:
        yield code, figure.numerator
        return
    yield numerator, figure.numerator
    yield denominator, figure.denominator
    yield left, figure.denominator - figure.numerator


def _inside_places(places: Iterable[Place]) -> Iterator[Relation]:
    for place in sorted(places):
        for whole, parts in _WHOLES:
            yield _sum(place, (whole,), parts)
        for more, less in _AT_LEAST:
            yield _sum(place, more, less, at_least=True)


def _sum(
    place: Place, whole: Sequence[str], parts: Sequence[str], *, at_least: bool = False
) -> Relation:
    signed = [*((name, 1) for name in whole), *((name, -1) for name in parts)]
    return Relation(tuple(((*place, name), factor) for name, factor in signed), at_least)


def _between_places(
    names: Sequence[str], layout: Layout, places: Iterable[Place]
) -> Iterator[Relation]:
    regions = sorted(place for level, place in places if level == "region")
    for name in names:
        national: list[tuple[Count, int]] = [(("nation", "", name), -1)]
        yield Relation((*national, *((("region", region, name), 1) for region in regions)))
        for wholes, parts in layout.groups:
            yield Relation(
                (
                    *((("region", region, name), -1) for region in wholes),
                    *((("unit", unit, name), 1) for unit in parts),
                )
            )


def _between_persons(layout: Layout, places: Iterable[Place]) -> Iterator[Relation]:
    """A place has no more persons than its parts together, and no fewer than any one of them."""
    regions = sorted(place for level, place in places if level == "region")
    for name in PERSONS:
        nation = ("nation", "", name)
        lie = [("region", region, name) for region in regions]
        yield Relation(((nation, -1), *((region, 1) for region in lie)), at_least=True)
        for region in lie:
            yield Relation(((nation, 1), (region, -1)), at_least=True)
            held = [unit for unit, inside in layout.inside.items() if region[1] in inside]
            parts = tuple((("unit", unit, name), 1) for unit in held)
            yield Relation(((region, -1), *parts), at_least=True)
            for unit in held:
                if layout.inside[unit] == {region[1]}:
                    terms = ((region, 1), (("unit", unit, name), -1))
                    yield Relation(terms, at_least=True)

"""I1 and I2: persons who take part, counted in the database."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    type_coerce,
    union,
    union_all,
)

from cases.tables import answer, case_, stay
from core.clock import local_date
from core.db import UtcDateTime
from core.listed import one_of
from core.statement import Prepared
from reports.counting import FIRST_AT, IN_ERROR, UNTIL, Counting
from reports.sql import earliest
from reports.tertial import MICROSECOND


def _joined() -> ColumnElement[bool]:
    """Whether the person of a case ever took part in it, as its own row says."""
    return and_(
        case_.c.joined_at.is_not(None), case_.c.joined_at < UNTIL, case_.c.id.not_in(IN_ERROR)
    )


def _here() -> ColumnElement[bool]:
    """Whether that lay in the period, by the same row, of one who `_joined`."""
    left_at = case_.c.left_at
    stayed = or_(left_at.is_(None), and_(left_at > case_.c.joined_at, left_at > FIRST_AT))
    return and_(UNTIL > FIRST_AT, stayed)


def _of_several() -> Any:
    """Persons who must be looked at as such; of everybody else the one case says it all.

    Those with several cases, those whose case says too little of itself, and those of units that
    ever changed region. A few too many do no harm, so nothing is asked that the index lacks.
    """
    came_back = select(case_.c.counted_as).group_by(case_.c.counted_as).having(func.count() > 1)
    apart = select(case_.c.counted_as).where(case_.c.counted_apart)
    moved = select(case_.c.counted_as).where(
        case_.c.joined_at.is_not(None), one_of(case_.c.unit, "moved")
    )
    return union(came_back, apart, moved).cte("several").prefix_with("MATERIALIZED")


def _cases(more: ColumnElement[bool], sign: str) -> Any:
    """Cases by unit as if each were of another person, added or taken away."""
    return (
        select(
            case_.c.unit,
            null().label("counted_as"),
            type_coerce(null(), UtcDateTime).label("end_at"),
            (func.count().filter(_here()) * literal_column(sign)).label("here"),
            (func.count() * literal_column(sign)).label("ever"),
        )
        .where(_joined(), not_(case_.c.counted_apart), more)
        .group_by(case_.c.unit)
    )


def _persons(several: Any) -> Any:
    """The persons of several cases, by what stands in the rows of those."""
    return (
        select(
            case_.c.counted_as,
            func.min(case_.c.unit).label("unit"),
            func.max(case_.c.unit).label("other"),
            func.max(case((_here(), 1), else_=0)).label("here"),
            func.max(case((case_.c.counted_apart, 1), else_=0)).label("apart"),
        )
        .where(_joined(), case_.c.counted_as.in_(select(several.c.counted_as)))
        .group_by(case_.c.counted_as)
        .cte("persons")
        .prefix_with("MATERIALIZED")
    )


def _participants_statement() -> Any:
    given_at, until_at = answer.c.happened_at, answer.c.until_at
    # The time in which the answer stood and the unit owned the case, as far as it is looked at.
    end = earliest(
        func.coalesce(until_at, UNTIL, type_=UtcDateTime()),
        func.coalesce(stay.c.to_at, UNTIL, type_=UtcDateTime()),
        UNTIL,
    )
    here = and_(given_at < end, stay.c.from_at < end, end > FIRST_AT)
    was_here = func.max(case((here, 1), else_=0)).label("here")
    took_part = and_(
        answer.c.status == "accepted",
        answer.c.undone_at.is_(None),
        answer.c.case_id.not_in(IN_ERROR),
        given_at < UNTIL,
        stay.c.from_at < UNTIL,
        # An acceptance that ended at the instant it was given was still given, and there.
        or_(until_at.is_(None), stay.c.from_at < until_at, stay.c.from_at <= given_at),
        # Moved on at the instant it came, a case was with a unit for no time at all.
        or_(stay.c.to_at.is_(None), and_(given_at < stay.c.to_at, stay.c.from_at < stay.c.to_at)),
    )
    owned = case_.join(answer, answer.c.case_id == case_.c.id).join(
        stay, stay.c.case_id == case_.c.id
    )
    several = _of_several()
    persons = _persons(several)
    of_one = and_(
        persons.c.unit == persons.c.other,
        persons.c.apart == 0,
        not_(one_of(persons.c.unit, "moved")),
    )
    # Those looked at as persons come first: from them Postgres learns the types of the columns.
    return union_all(
        select(
            stay.c.unit,
            case_.c.counted_as,
            func.max(end, type_=UtcDateTime()),
            was_here,
            literal_column("1"),
        )
        .select_from(owned)
        .where(case_.c.counted_as.in_(select(persons.c.counted_as).where(~of_one)), took_part)
        .group_by(stay.c.unit, case_.c.counted_as),
        select(
            persons.c.unit,
            null().label("counted_as"),
            type_coerce(null(), UtcDateTime).label("end_at"),
            func.sum(persons.c.here),
            func.count(),
        )
        .where(of_one)
        .group_by(persons.c.unit),
        _cases(true(), "1"),
        _cases(case_.c.counted_as.in_(select(several.c.counted_as)), "-1"),
    )


_PARTICIPANTS: Final = Prepared(_participants_statement())


def participants(counting: Counting) -> None:
    """Persons of one unit add up; those of several units, or regions, are counted as sets."""
    binds = {
        "first_at": counting.question.period.first_at,
        "until": counting.question.until,
        "moved": counting.regions.moved(),
    }
    tally = counting.tally
    sets: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for place, person, end_at, here, ever in _PARTICIPANTS.rows(counting.tx, binds):
        last_on = local_date((end_at or counting.question.until) - MICROSECOND)
        region = counting.regions.region_on(place, last_on)
        if person is None:
            tally.add("I1", place, region, here)
            tally.add("I2", place, region, ever)
            continue
        for level, name in (("unit", place), ("region", region), ("nation", "")):
            sets["I2", level, name].add(person)
            if here:
                sets["I1", level, name].add(person)
    for (code, level, name), persons in sets.items():
        tally.add_at(code, level, name, len(persons))

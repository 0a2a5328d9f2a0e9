"""I1 and I2: persons who take part, counted in the database."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import (
    and_,
    case,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    type_coerce,
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


def _persons() -> Any:
    """Every person who ever took part, by what stands in their cases' own rows: one index."""
    end = earliest(func.coalesce(case_.c.left_at, UNTIL, type_=UtcDateTime()), UNTIL)
    here = and_(case_.c.joined_at < end, end > FIRST_AT)
    return (
        select(
            case_.c.counted_as,
            func.min(case_.c.unit).label("unit"),
            func.max(case_.c.unit).label("other"),
            func.max(case((here, 1), else_=0)).label("here"),
            func.max(case((case_.c.counted_apart, 1), else_=0)).label("apart"),
        )
        .where(
            case_.c.joined_at.is_not(None), case_.c.joined_at < UNTIL, case_.c.id.not_in(IN_ERROR)
        )
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
    persons = _persons()
    of_one = and_(
        persons.c.unit == persons.c.other,
        persons.c.apart == 0,
        not_(one_of(persons.c.unit, "moved")),
    )
    return union_all(
        select(
            persons.c.unit,
            null().label("counted_as"),
            type_coerce(null(), UtcDateTime).label("end_at"),
            func.sum(persons.c.here),
            func.count(),
        )
        .where(of_one)
        .group_by(persons.c.unit),
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

"""I11, I12, I14 and I15: appointments that were confirmed at the release, and what came of them.

Days are counted from the local date of the release. A first appointment that is so recent that its
outcome may still be waited for comes by itself, because five working days are not reckoned in SQL.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Date,
    Label,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    type_coerce,
)

from cases.calendar import Span, shift
from cases.model import HEALTH_KINDS, WELFARE_KINDS, HandedOver
from cases.outcomes import UNKNOWN_AFTER
from cases.tables import appointment, case_, task
from core.clock import local_date
from core.db import UtcDateTime
from reports.counting import FROM_ON, IN_ERROR, TO_ON, Counted, Counting, among, how_many
from reports.sql import clock_change, midnight

IN_HAND: Final = 7
SOON: Final = 3
FOLLOWED_UP: Final = 21
"""Days after the release, that day included."""

LONGEST: Final = timedelta(days=21)
"""More calendar days than five working days ever take."""

SOON_OVER: Final = bindparam("soon_over", type_=Date)
FOLLOW_UP_OVER: Final = bindparam("follow_up_over", type_=Date)
RECENT: Final = bindparam("recent", type_=UtcDateTime)
RECENT_ON: Final = bindparam("recent_on", type_=Date)


def _any(condition: ColumnElement[bool], name: str) -> Label[int]:
    return func.max(case((condition, 1), else_=0)).label(name)


def _days() -> Any:
    """The days on which somebody was released, and the midnights at which their windows begin."""
    on = case_.c.released_on
    return (
        select(
            on.label("on"),
            midnight(on, 0).label("begins_at"),
            midnight(on, SOON + 1).label("soon_over_at"),
            midnight(on, IN_HAND + 1).label("in_hand_over_at"),
            midnight(on, FOLLOWED_UP + 1).label("follow_up_over_at"),
        )
        .where(on >= FROM_ON, on < TO_ON)
        .group_by(on)
        .cte("days")
        .prefix_with("MATERIALIZED")
    )


def _confirmed(one: Any, released_at: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether an appointment was confirmed at the release instant."""
    return and_(
        one.confirmed_at <= released_at,
        or_(one.outcome_at.is_(None), one.outcome_at > released_at),
    )


def _booked(days: Any) -> Any:
    """One row for each appointment of an accepted release, and one for a release without any."""
    one = appointment.c
    held = and_(_confirmed(one, case_.c.released_at), one.starts_at >= days.c.begins_at)
    health, welfare = among(one.kind, HEALTH_KINDS), among(one.kind, WELFARE_KINDS)
    attended = and_(
        health,
        one.status == "attended",
        one.starts_at >= days.c.begins_at,
        one.starts_at < days.c.follow_up_over_at,
    )
    return (
        select(
            case_.c.id,
            case_.c.released_unit.label("unit"),
            case_.c.released_at,
            days.c.on,
            days.c.soon_over_at,
            days.c.follow_up_over_at,
            case((held, one.starts_at)).label("held_at"),
            case((and_(held, one.starts_at < days.c.in_hand_over_at), 1), else_=0).label("in_week"),
            case((health, 1), else_=0).label("health"),
            case((welfare, 1), else_=0).label("welfare"),
            case((attended, 1), else_=0).label("followed_up"),
        )
        .select_from(days)
        .join(case_, case_.c.released_on == days.c.on)
        .outerjoin(appointment, one.case_id == case_.c.id)
        .where(
            # Said once more, so that Postgres knows how few of all cases these are.
            case_.c.released_on >= FROM_ON,
            case_.c.released_on < TO_ON,
            case_.c.destination == "liberty",
            case_.c.accepted_at_release,
            case_.c.id.not_in(IN_ERROR),
        )
        .cte("booked")
        .prefix_with("MATERIALIZED")
    )


def _released() -> Any:
    """One row for each accepted release, with what its appointments say."""
    each = _booked(_days()).c
    return (
        # Grouped by the case alone and not by what follows from it: a wide key is slow to sort.
        select(
            each.id,
            func.max(each.unit).label("unit"),
            func.max(each.released_at, type_=UtcDateTime()).label("released_at"),
            func.max(each.on, type_=Date()).label("on"),
            func.max(each.soon_over_at, type_=UtcDateTime()).label("soon_over_at"),
            func.max(each.follow_up_over_at, type_=UtcDateTime()).label("follow_up_over_at"),
            func.min(each.held_at, type_=UtcDateTime()).label("first_at"),
            func.max(each.in_week).label("in_week"),
            func.max(each.in_week * each.health).label("health_in_week"),
            func.max(each.in_week * each.welfare).label("welfare_in_week"),
            _any(and_(each.held_at.is_not(None), each.health == 1), "with_health"),
            func.max(each.followed_up).label("followed_up"),
        )
        .group_by(each.id)
        .cte("released")
        .prefix_with("MATERIALIZED")
    )


def _of_first(released: Any, column: ColumnElement[Any]) -> Any:
    """Something of the first confirmed appointment of a release."""
    one = appointment.c
    return (
        select(column)
        .where(
            one.case_id == released.c.id,
            one.starts_at == released.c.first_at,
            _confirmed(one, released.c.released_at),
        )
        .order_by(one.booked_at, one.id)
        .limit(1)
        .correlate(released)
        .scalar_subquery()
    )


def _gone(released: Any) -> ColumnElement[bool]:
    """Whether the person died or was imprisoned again within the days of following up."""
    own, later = case_.alias("own"), case_.alias("later")
    again = exists().where(
        later.c.counted_as == own.c.counted_as,
        later.c.id != own.c.id,
        later.c.id.not_in(IN_ERROR),
        later.c.admitted_at >= own.c.released_at,
        later.c.admitted_at < released.c.follow_up_over_at,
    )
    ended = and_(
        among(own.c.close_reason, ("reimprisoned", "died")),
        own.c.closed_at < released.c.follow_up_over_at,
    )
    return exists().where(own.c.id == released.c.id, or_(ended, again.correlate(own, released)))


def _statement() -> Any:
    released = _released()
    found = released.c
    cards = (HandedOver.CARD_AND_SPRAY.value, HandedOver.CARD_ONLY.value)
    # A scalar, which is looked up by its key; from an EXISTS Postgres makes a scan of all tasks.
    handed = (
        select(task.c.answer)
        .where(task.c.case_id == found.id, task.c.code == "handed_over", task.c.state == "done")
        .scalar_subquery()
    )
    begun = appointment.c.confirmed_at > appointment.c.starts_at
    # Confirmed only after it had begun: its outcome is waited for from then.
    late = _of_first(released, case((begun, appointment.c.confirmed_at)))
    recent = case(
        (found.first_at > RECENT, func.coalesce(late, found.first_at)),
        (found.on >= RECENT_ON, late),
    )
    each = (
        select(
            *found,
            type_coerce(recent, UtcDateTime).label("recent"),
            case((found.first_at.is_not(None), _of_first(released, appointment.c.status))).label(
                "first_status"
            ),
            case(
                (found.in_week == 1, func.coalesce(among(handed, cards), false())), else_=false()
            ).label("in_hand"),
            case((found.with_health == 1, ~_gone(released)), else_=false()).label("to_follow"),
        )
        .cte("each")
        .prefix_with("MATERIALIZED")
    ).c
    booked = each.first_at.is_not(None)
    soon_over, follow_up_over = each.on < SOON_OVER, each.on < FOLLOW_UP_OVER
    both = and_(each.health_in_week == 1, each.welfare_in_week == 1)
    return select(
        each.unit,
        each.recent,
        func.count().label("accepted"),
        how_many(each.in_hand, "in_hand"),
        how_many(and_(both, each.in_hand), "both_in_hand"),
        how_many(booked, "firsts"),
        how_many(and_(booked, soon_over), "booked"),
        how_many(and_(each.first_at < each.soon_over_at, soon_over), "soon"),
        how_many(and_(booked, ~soon_over), "soon_pending"),
        how_many(each.first_status == "attended", "attended"),
        how_many(each.first_status == "no_show", "no_show"),
        # Where the sweep has not been yet: nobody has answered in time either.
        how_many(among(each.first_status, ("unknown", "confirmed")), "unknown"),
        how_many(and_(each.to_follow, follow_up_over), "to_follow"),
        how_many(and_(each.to_follow, follow_up_over, each.followed_up == 1), "followed_up"),
        how_many(and_(each.to_follow, ~follow_up_over), "follow_pending"),
    ).group_by(each.unit, each.recent)


_TIME_IN_HAND: Final = Counted(_statement())


def time_in_hand(counting: Counting) -> None:
    """Count I11, I11b, I12, I14, I14.unknown and I15."""
    as_of = counting.question.as_of
    today = local_date(as_of)
    binds = {
        "soon_over": today - timedelta(days=SOON),
        "follow_up_over": today - timedelta(days=FOLLOWED_UP),
        "recent": as_of - LONGEST,
        "recent_on": local_date(as_of - LONGEST),
    }
    add = counting.tally.add
    for from_on, to_on in counting.eras():
        change = clock_change(from_on, to_on + timedelta(days=FOLLOWED_UP + 1))
        asked = {"from_on": from_on, "to_on": to_on} | binds | change
        for row in _TIME_IN_HAND.rows(counting.tx, asked):
            where = row["unit"], counting.regions.region_on(row["unit"], from_on)
            add("I11", *where, row["in_hand"], row["accepted"])
            add("I11b", *where, row["both_in_hand"], row["accepted"])
            add("I12", *where, row["soon"], row["booked"], pending=row["soon_pending"])
            add("I15", *where, row["followed_up"], row["to_follow"], pending=row["follow_pending"])
            recent = row["recent"]
            if recent is not None and as_of < shift(recent, UNKNOWN_AFTER, Span.WORKING_DAYS):
                add("I14", *where, 0, pending=row["firsts"])
                add("I14.unknown", *where, 0, pending=row["firsts"])
                continue
            known = row["attended"] + row["no_show"]
            add("I14", *where, row["attended"], known)
            add("I14.unknown", *where, row["unknown"], known + row["unknown"])

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
    func,
    or_,
    select,
)

from cases.calendar import Span, shift
from cases.model import HEALTH_KINDS, WELFARE_KINDS, HandedOver
from cases.outcomes import UNKNOWN_AFTER
from cases.tables import appointment, case_, task
from core.clock import local_date
from core.db import UtcDateTime
from reports.counting import FROM_ON, IN_ERROR, TO_ON, Counting, how_many
from reports.sql import clock_change, days_after

IN_HAND: Final = 7
SOON: Final = 3
FOLLOWED_UP: Final = 21
"""Days after the release, that day included."""

LONGEST: Final = timedelta(days=21)
"""More calendar days than five working days ever take."""

SOON_OVER: Final = bindparam("soon_over", type_=Date)
FOLLOW_UP_OVER: Final = bindparam("follow_up_over", type_=Date)
RECENT: Final = bindparam("recent", type_=UtcDateTime)


def _any(condition: ColumnElement[bool], name: str) -> Label[int]:
    return func.max(case((condition, 1), else_=0)).label(name)


def _per_case() -> Any:
    """One row for each accepted release, with what its appointments say."""
    one = appointment.c
    day = days_after(one.starts_at, case_.c.released_on)
    confirmed = and_(
        one.confirmed_at <= case_.c.released_at,
        or_(one.outcome_at.is_(None), one.outcome_at > case_.c.released_at),
        day >= 0,
    )
    turn = func.row_number().over(
        partition_by=case_.c.id,
        order_by=(
            case((confirmed, 0), else_=1),
            one.starts_at,
            one.booked_at,
            one.id,
        ),
    )
    later = case_.alias("later")
    again = exists().where(
        later.c.counted_as == case_.c.counted_as,
        later.c.id != case_.c.id,
        later.c.id.not_in(IN_ERROR),
        later.c.admitted_at >= case_.c.released_at,
        days_after(later.c.admitted_at, case_.c.released_on) <= FOLLOWED_UP,
    )
    gone = or_(
        and_(
            case_.c.close_reason.in_(("reimprisoned", "died")),
            days_after(case_.c.closed_at, case_.c.released_on) <= FOLLOWED_UP,
        ),
        again.correlate(case_),
    )
    each = (
        select(
            case_.c.id,
            case_.c.released_unit.label("unit"),
            case_.c.released_on,
            case((confirmed, 1), else_=0).label("confirmed"),
            one.kind,
            one.status,
            case((one.confirmed_at > one.starts_at, one.confirmed_at), else_=one.starts_at).label(
                "waited_from"
            ),
            day.label("day"),
            turn.label("turn"),
            and_(one.kind.in_(sorted(HEALTH_KINDS)), confirmed, gone).label("gone"),
        )
        .outerjoin(appointment, one.case_id == case_.c.id)
        .where(
            case_.c.released_on >= FROM_ON,
            case_.c.released_on < TO_ON,
            case_.c.destination == "liberty",
            case_.c.accepted_at_release,
            case_.c.id.not_in(IN_ERROR),
        )
        .cte("each")
        .prefix_with("MATERIALIZED")
    )
    held = each.c.confirmed == 1
    first = and_(held, each.c.turn == 1)
    health = each.c.kind.in_(sorted(HEALTH_KINDS))
    welfare = each.c.kind.in_(sorted(WELFARE_KINDS))
    in_week = and_(held, each.c.day <= IN_HAND)
    return (
        select(
            each.c.id,
            each.c.unit,
            each.c.released_on,
            _any(in_week, "in_week"),
            _any(and_(in_week, health), "health_in_week"),
            _any(and_(in_week, welfare), "welfare_in_week"),
            func.max(case((first, each.c.day))).label("first_day"),
            func.max(case((first, each.c.status))).label("first_status"),
            func.max(case((first, each.c.waited_from)), type_=UtcDateTime()).label("waited_from"),
            _any(and_(held, health), "with_health"),
            _any(each.c.gone, "gone"),
            _any(
                and_(each.c.status == "attended", health, each.c.day.between(0, FOLLOWED_UP)),
                "followed_up",
            ),
        )
        .group_by(each.c.id, each.c.unit, each.c.released_on)
        .cte("released")
        .prefix_with("MATERIALIZED")
    )


def _statement() -> Any:
    each = _per_case().c
    cards = (HandedOver.CARD_AND_SPRAY.value, HandedOver.CARD_ONLY.value)
    card = exists().where(
        task.c.case_id == each.id,
        task.c.code == "handed_over",
        task.c.state == "done",
        task.c.answer.in_(cards),
    )
    booked = each.first_day.is_not(None)
    soon_over = and_(booked, each.released_on < SOON_OVER)
    to_follow = and_(each.with_health == 1, each.gone == 0)
    follow_over = and_(to_follow, each.released_on < FOLLOW_UP_OVER)
    both = and_(each.health_in_week == 1, each.welfare_in_week == 1)
    recent = case((each.waited_from > RECENT, each.waited_from), else_=None).label("recent")
    return select(
        each.unit,
        recent,
        func.count().label("accepted"),
        how_many(and_(each.in_week == 1, card), "in_hand"),
        how_many(and_(both, card), "both_in_hand"),
        how_many(soon_over, "booked"),
        how_many(and_(soon_over, each.first_day <= SOON), "soon"),
        how_many(and_(booked, ~(each.released_on < SOON_OVER)), "soon_pending"),
        how_many(each.first_status == "attended", "attended"),
        how_many(each.first_status == "no_show", "no_show"),
        # Where the sweep has not been yet: nobody has answered in time either.
        how_many(each.first_status.in_(("unknown", "confirmed")), "unknown"),
        how_many(booked, "firsts"),
        how_many(follow_over, "to_follow"),
        how_many(and_(follow_over, each.followed_up == 1), "followed_up"),
        how_many(and_(to_follow, ~(each.released_on < FOLLOW_UP_OVER)), "follow_pending"),
    ).group_by(each.unit, recent)


_TIME_IN_HAND: Final = _statement()


def time_in_hand(counting: Counting) -> None:
    """Count I11, I11b, I12, I14, I14.unknown and I15."""
    as_of = counting.question.as_of
    today = local_date(as_of)
    binds = {
        "soon_over": today - timedelta(days=SOON),
        "follow_up_over": today - timedelta(days=FOLLOWED_UP),
        "recent": as_of - LONGEST,
    }
    add = counting.tally.add
    for from_on, to_on in counting.eras():
        change = clock_change(from_on, to_on + timedelta(days=FOLLOWED_UP + 1))
        rows = counting.tx.execute(
            _TIME_IN_HAND, {"from_on": from_on, "to_on": to_on} | binds | change
        )
        for row in rows.mappings():
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

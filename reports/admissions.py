"""I3, I4, I5 and I20: what admissions led to, counted in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import and_, case, func, or_, select

from cases.model import AnswerReason
from cases.tables import answer, case_, task
from reports.counting import A_DAY_AGO, FROM_ON, IN_ERROR, TO_ON, Counted, Counting, done, how_many
from reports.definitions import NOT_STATED, TALK_CLASSES
from reports.sql import hours_after


def _admissions_statement() -> Any:
    left_at = func.coalesce(case_.c.released_at, case_.c.closed_at)
    # Reckoned once for each admission: SQLite would do so wherever it is named.
    those = (
        select(
            case_.c.id,
            case_.c.admitted_unit,
            case_.c.participation,
            # From when the person took part: None where no acceptance stands.
            case_.c.joined_at,
            case_.c.admitted_at,
            left_at.label("left_at"),
            hours_after(case_.c.admitted_at, 24).label("day_later"),
        )
        .where(
            case_.c.admitted_on >= FROM_ON,
            case_.c.admitted_on < TO_ON,
            case_.c.id.not_in(IN_ERROR),
        )
        .cte("those")
        .prefix_with("MATERIALIZED")
    )
    one, day_later = those.c, those.c.day_later
    standing = and_(answer.c.case_id == one.id, answer.c.undone_at.is_(None))
    reason = (
        select(answer.c.reason)
        .where(standing)
        .order_by(answer.c.happened_at.desc(), answer.c.seq.desc())
        .limit(1)
        .correlate(those)
        .scalar_subquery()
    )
    held_at = task.c.done_at
    admitted = (
        select(
            one.admitted_unit.label("unit"),
            one.participation.label("latest"),
            case((one.participation == "declined", func.coalesce(reason, NOT_STATED))).label(
                "reason"
            ),
            one.joined_at.is_not(None).label("ever"),
            and_(
                one.admitted_at <= A_DAY_AGO,
                or_(one.left_at.is_(None), day_later <= one.left_at),
            ).label("stayed"),
            case(
                (held_at.is_(None), "not_held"),
                (held_at <= day_later, "le_24h"),
                (held_at <= hours_after(one.admitted_at, 72), "d2_3"),
                (held_at <= hours_after(one.admitted_at, 168), "d4_7"),
                else_="gt_7d",
            ).label("held"),
        )
        .select_from(those)
        .outerjoin(task, and_(task.c.case_id == one.id, task.c.code == "intake_talk", done(task)))
        .cte("admitted")
        # Else SQLite asks for the reason once more for each part that is counted.
        .prefix_with("MATERIALIZED")
    )
    each = admitted.c
    return select(
        each.unit,
        func.count().label("admitted"),
        how_many(each.latest != "not_asked", "answered"),
        how_many(each.latest == "accepted", "accepted"),
        how_many(each.latest == "declined", "declined"),
        how_many(each.latest == "withdrawn", "withdrawn"),
        how_many(each.ever, "ever"),
        how_many(each.stayed, "stayed"),
        *(how_many(and_(each.stayed, each.held == part), part) for part in TALK_CLASSES),
        *(how_many(each.reason == why, why) for why in (*AnswerReason, NOT_STATED)),
    ).group_by(each.unit)


_ADMISSIONS: Final = Counted(_admissions_statement())


def admissions(counting: Counting) -> None:
    """Add I3, I4, I5 and I20, for the unit that admitted."""
    add = counting.tally.add
    for from_on, to_on in counting.eras():
        day_ago = counting.question.as_of - timedelta(hours=24)
        binds = {"from_on": from_on, "to_on": to_on, "a_day_ago": day_ago}
        for row in _ADMISSIONS.rows(counting.tx, binds):
            where = row["unit"], counting.regions.region_on(row["unit"], from_on)
            add("I3", *where, row["answered"], row["admitted"])
            add("I4", *where, row["accepted"], row["answered"])
            add("I5", *where, row["le_24h"], row["stayed"])
            for part in TALK_CLASSES:
                add(f"I5.{part}", *where, row[part], row["stayed"])
            add("I20", *where, row["declined"], row["answered"])
            for reason in (*AnswerReason, NOT_STATED):
                add(f"I20.{reason}", *where, row[reason], row["answered"])
            add("I20.withdrawn", *where, row["withdrawn"], row["ever"])

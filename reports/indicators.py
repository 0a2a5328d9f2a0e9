"""The indicators counted in the database, set by set, as the case tables stand now.

`docs/definitions.md` says what each counts; `recount` counts the same from the events in plain
Python, and must agree in every cell. One function here adds one family to the tally, by one
statement. Health answers are never read.

Statements count by unit. Which region a unit lies in is looked up afterwards: a stretch of time is
cut where some unit changes region, and each piece is asked about by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Label,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from cases.calendar import at
from cases.model import AnswerReason, Form, HandedOver
from cases.tables import answer, case_, due_change, stay, task, unit, unit_version
from core.clock import local_date
from core.db import UtcDateTime
from reports.definitions import NOT_STATED, TALK_CLASSES, TASKS_DONE
from reports.regions import Regions, Version
from reports.sql import earliest, hours_after
from reports.tally import Tally
from reports.tertial import MICROSECOND, Question, before_closed_days

FROM_ON: Final = bindparam("from_on", type_=Date)
TO_ON: Final = bindparam("to_on", type_=Date)
FROM_AT: Final = bindparam("from_at", type_=UtcDateTime)
TO_AT: Final = bindparam("to_at", type_=UtcDateTime)
FIRST_AT: Final = bindparam("first_at", type_=UtcDateTime)
AS_OF: Final = bindparam("as_of", type_=UtcDateTime)
UNTIL: Final = bindparam("until", type_=UtcDateTime)
AT_END: Final = bindparam("at_end", type_=UtcDateTime)

IN_ERROR: Final = select(case_.c.id).where(
    case_.c.close_reason == literal_column("'registered_in_error'")
)
"""A case that was registered in error never was: it stands in no count."""

DONE: Final = or_(
    task.c.state == "done", and_(task.c.state == "waived", task.c.reason == "done_elsewhere")
)

_UNITS: Final = select(unit.c.code)
_VERSIONS: Final = select(unit_version.c.unit, unit_version.c.valid_from, unit_version.c.region)
_CHANGED_LAST: Final = select(func.max(case_.c.changed_seq))


@dataclass(frozen=True, slots=True)
class Counting:
    """What is asked, where units lie, and where the numbers go."""

    tx: Connection
    question: Question
    regions: Regions
    tally: Tally

    def eras(self) -> Iterator[tuple[date, date]]:
        """The stretches of the period in which every unit lies in one region."""
        yield from self.regions.eras(self.question.period.first_on, self.question.period.next_on)


def regions_of(tx: Connection) -> Regions:
    """All units and which region each lies in when."""
    return Regions(tx.execute(_UNITS).scalars(), (Version(*row) for row in tx.execute(_VERSIONS)))


def changed_after(tx: Connection, question: Question) -> bool:
    """Whether a case was written after the instant asked for: then the tables say too much."""
    last = tx.execute(_CHANGED_LAST).scalar_one()
    return last is not None and last > int(question.as_of.timestamp() * 1_000_000)


def count_now(tx: Connection, question: Question) -> Tally:
    """Count every indicator from the case tables as they stand."""
    regions = regions_of(tx)
    counting = Counting(tx, question, regions, Tally(regions.units))
    for family in FAMILIES:
        family(counting)
    return counting.tally


def _how_many(condition: ColumnElement[bool], name: str) -> Label[int]:
    return func.count().filter(condition).label(name)


# --- I1, I2: persons -----------------------------------------------------------------------------


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
        or_(stay.c.to_at.is_(None), given_at < stay.c.to_at),
    )
    owned = case_.join(answer, answer.c.case_id == case_.c.id).join(
        stay, stay.c.case_id == case_.c.id
    )
    persons = (
        select(
            case_.c.counted_as,
            func.min(stay.c.unit).label("unit"),
            func.max(stay.c.unit).label("other"),
            was_here,
        )
        .select_from(owned)
        .where(took_part)
        .group_by(case_.c.counted_as)
        .cte("persons")
        .prefix_with("MATERIALIZED")
    )
    of_one = and_(
        persons.c.unit == persons.c.other,
        persons.c.unit.not_in(bindparam("moved", expanding=True, type_=stay.c.unit.type)),
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


_PARTICIPANTS: Final = _participants_statement()


def _participants(counting: Counting) -> None:
    """Persons of one unit add up; those of several units, or regions, are counted as sets."""
    binds = {
        "first_at": counting.question.period.first_at,
        "until": counting.question.until,
        "moved": counting.regions.moved(),
    }
    tally = counting.tally
    sets: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for place, person, end_at, here, ever in counting.tx.execute(_PARTICIPANTS, binds):
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


# --- I3, I4, I5, I20: admissions -----------------------------------------------------------------


def _admissions_statement() -> Any:
    standing = and_(answer.c.case_id == case_.c.id, answer.c.undone_at.is_(None))
    reason = (
        select(answer.c.reason)
        .where(standing)
        .order_by(answer.c.happened_at.desc(), answer.c.seq.desc())
        .limit(1)
        .correlate(case_)
        .scalar_subquery()
    )
    left_at = func.coalesce(case_.c.released_at, case_.c.closed_at)
    day_later = hours_after(case_.c.admitted_at, 24)
    held_at = task.c.done_at
    admitted = (
        select(
            case_.c.admitted_unit.label("unit"),
            case_.c.participation.label("latest"),
            case((case_.c.participation == "declined", func.coalesce(reason, NOT_STATED))).label(
                "reason"
            ),
            exists().where(standing, answer.c.status == "accepted").correlate(case_).label("ever"),
            and_(day_later <= AS_OF, or_(left_at.is_(None), day_later <= left_at)).label("stayed"),
            case(
                (held_at.is_(None), "not_held"),
                (held_at <= day_later, "le_24h"),
                (held_at <= hours_after(case_.c.admitted_at, 72), "d2_3"),
                (held_at <= hours_after(case_.c.admitted_at, 168), "d4_7"),
                else_="gt_7d",
            ).label("held"),
        )
        .outerjoin(task, and_(task.c.case_id == case_.c.id, task.c.code == "intake_talk", DONE))
        .where(
            case_.c.admitted_on >= FROM_ON,
            case_.c.admitted_on < TO_ON,
            case_.c.id.not_in(IN_ERROR),
        )
        .cte("admitted")
        # Else SQLite asks for the reason once more for each part that is counted.
        .prefix_with("MATERIALIZED")
    )
    each = admitted.c
    return select(
        each.unit,
        func.count().label("admitted"),
        _how_many(each.latest != "not_asked", "answered"),
        _how_many(each.latest == "accepted", "accepted"),
        _how_many(each.latest == "declined", "declined"),
        _how_many(each.latest == "withdrawn", "withdrawn"),
        _how_many(each.ever, "ever"),
        _how_many(each.stayed, "stayed"),
        *(_how_many(and_(each.stayed, each.held == part), part) for part in TALK_CLASSES),
        *(_how_many(each.reason == why, why) for why in (*AnswerReason, NOT_STATED)),
    ).group_by(each.unit)


_ADMISSIONS: Final = _admissions_statement()


def _admissions(counting: Counting) -> None:
    add = counting.tally.add
    for from_on, to_on in counting.eras():
        binds = {"from_on": from_on, "to_on": to_on, "as_of": counting.question.as_of}
        for row in counting.tx.execute(_ADMISSIONS, binds).mappings():
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


# --- I6, I7, I8, I10, I13, I16, I17: releases ----------------------------------------------------


def _releases_statement() -> Any:
    before = and_(DONE, task.c.done_at <= case_.c.released_at)

    def any_task(condition: ColumnElement[bool], name: str) -> Label[int]:
        return func.max(case((condition, 1), else_=0)).label(name)

    def held(code: str) -> ColumnElement[bool]:
        return and_(task.c.code == code, before)

    left_out = and_(task.c.required, task.c.klass == "before_release", ~before)
    sprays = (HandedOver.CARD_AND_SPRAY.value, HandedOver.SPRAY_ONLY.value)
    handed = and_(task.c.code == "handed_over", task.c.state == "done", task.c.answer.in_(sprays))
    released = (
        select(
            case_.c.id,
            case_.c.released_unit.label("unit"),
            case_.c.released_on,
            case_.c.release_notice.label("notice"),
            case_.c.accepted_at_release.label("accepted"),
            any_task(held("brief_info"), "informed"),
            any_task(held("naloxone_training"), "trained"),
            any_task(held("talk_held"), "talked"),
            *(any_task(and_(held("talk_held"), task.c.form == f.value), f.value) for f in Form),
            any_task(handed, "spray"),
            any_task(left_out, "left_out"),
        )
        # Tasks are only looked at where the person took part at the release.
        .outerjoin(task, and_(task.c.case_id == case_.c.id, case_.c.accepted_at_release))
        .where(
            case_.c.released_on >= FROM_ON,
            case_.c.released_on < TO_ON,
            case_.c.destination == "liberty",
            case_.c.id.not_in(IN_ERROR),
        )
        .group_by(case_.c.id)
        .cte("released")
        .prefix_with("MATERIALIZED")
    )
    each = released.c
    planned = and_(each.accepted, each.notice != "unplanned")
    before_closed = bindparam("before_closed", type_=Date, expanding=True)
    return select(
        each.unit,
        func.count().label("released"),
        _how_many(each.accepted, "accepted"),
        *(
            _how_many(and_(each.accepted, each[name] == 1), name)
            for name in ("informed", "trained", "talked", *Form, "spray")
        ),
        _how_many(and_(each.accepted, each.left_out == 0), "whole"),
        _how_many(planned, "planned"),
        _how_many(and_(planned, each.left_out == 0), "planned_whole"),
        _how_many(each.notice == "unplanned", "unplanned"),
        _how_many(each.notice == "unknown", "notice_unknown"),
        _how_many(each.released_on.in_(before_closed), "before_closed_day"),
    ).group_by(each.unit)


_RELEASES: Final = _releases_statement()


def _releases(counting: Counting) -> None:
    add = counting.tally.add
    closed_days = before_closed_days(counting.question.period)
    for from_on, to_on in counting.eras():
        binds = {"from_on": from_on, "to_on": to_on, "before_closed": closed_days}
        for row in counting.tx.execute(_RELEASES, binds).mappings():
            where = row["unit"], counting.regions.region_on(row["unit"], from_on)
            add("I6", *where, row["informed"], row["accepted"])
            add("I7", *where, row["trained"], row["accepted"])
            add("I8", *where, row["spray"], row["accepted"])
            add("I10", *where, row["talked"], row["accepted"])
            for form in Form:
                add(f"I10.{form}", *where, row[form], row["accepted"])
            add("I13", *where, row["whole"], row["accepted"])
            add("I13.planned", *where, row["planned_whole"], row["planned"])
            add("I16", *where, row["unplanned"], row["released"])
            add("I16.notice_unknown", *where, row["notice_unknown"], row["released"])
            add("I17", *where, row["before_closed_day"], row["released"])


# --- I19: overdue at the end ---------------------------------------------------------------------


def _overdue_statement() -> Any:
    alive = (
        select(case_.c.id, stay.c.unit)
        .join(stay, stay.c.case_id == case_.c.id)
        .where(
            case_.c.opened_at <= AT_END,
            or_(case_.c.closed_at.is_(None), case_.c.closed_at > AT_END),
            case_.c.id.not_in(IN_ERROR),
            # A case may be opened some hours before the admission it is about.
            or_(stay.c.from_at <= AT_END, stay.c.seq == 1),
            or_(stay.c.to_at.is_(None), stay.c.to_at > AT_END),
        )
        .cte("alive")
        .prefix_with("MATERIALIZED")
    )
    # The due time in force then is what the first change after it replaced, if there was one.
    first = (
        select(due_change.c.case_id, due_change.c.task, func.min(due_change.c.seq).label("seq"))
        .join(alive, alive.c.id == due_change.c.case_id)
        .where(due_change.c.until_at > AT_END)
        .group_by(due_change.c.case_id, due_change.c.task)
        .cte("first")
    )
    replaced = due_change.alias("replaced")
    unsettled = or_(task.c.settled_at.is_(None), task.c.settled_at > AT_END)
    waiting = (
        select(
            alive.c.unit,
            task.c.step,
            case((first.c.seq.is_(None), task.c.due_at), else_=replaced.c.due_at).label("due_at"),
        )
        .select_from(alive)
        # Outer joins keep SQLite from going through the tasks of all closed cases first.
        .outerjoin(task, and_(task.c.case_id == alive.c.id, unsettled))
        .outerjoin(first, and_(first.c.case_id == task.c.case_id, first.c.task == task.c.code))
        .outerjoin(
            replaced, and_(replaced.c.case_id == first.c.case_id, replaced.c.seq == first.c.seq)
        )
        .subquery("waiting")
    )
    return (
        select(
            waiting.c.unit,
            waiting.c.step,
            func.count(),
            _how_many(waiting.c.due_at < AT_END, "overdue"),
        )
        .where(waiting.c.due_at.is_not(None))
        .group_by(waiting.c.unit, waiting.c.step)
    )


_OVERDUE: Final = _overdue_statement()


def _overdue(counting: Counting) -> None:
    at_end = counting.question.at_end
    on = local_date(at_end)
    for place, step, waiting, overdue in counting.tx.execute(_OVERDUE, {"at_end": at_end}):
        region = counting.regions.region_on(place, on)
        counting.tally.add("I19", place, region, overdue, waiting)
        counting.tally.add(f"I19.{step}", place, region, overdue, waiting)


# --- tasks_done ----------------------------------------------------------------------------------

_TASKS_DONE: Final = (
    select(task.c.done_unit, task.c.code, func.count())
    .where(
        task.c.done_at >= FROM_AT,
        task.c.done_at < TO_AT,
        DONE,
        task.c.case_id.not_in(IN_ERROR),
    )
    .group_by(task.c.done_unit, task.c.code)
)


def _tasks_done(counting: Counting) -> None:
    for from_on, to_on in counting.eras():
        binds = {"from_at": at(from_on, time()), "to_at": at(to_on, time())}
        for place, code, done in counting.tx.execute(_TASKS_DONE, binds):
            region = counting.regions.region_on(place, from_on)
            counting.tally.add(f"{TASKS_DONE}{code}", place, region, done)


FAMILIES: Final = (_participants, _admissions, _releases, _overdue, _tasks_done)
"""Each adds its indicators to the tally; the next indicator is one more function here."""

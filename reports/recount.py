"""The slow, obviously right count: every case folded from its events, then counted one by one.

It follows `docs/definitions.md` sentence by sentence and shares nothing with the queries of
`indicators` but the places. It counts what was recorded up to an instant, so it also gives the
report as of a past one. What can be had from the facts (answers, release dates, times) is taken
from them, not from what a verb derived and stored, so that a wrong derivation shows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, case, select

from cases.model import (
    Answer,
    Case,
    CloseReason,
    Destination,
    Participation,
    ReleaseNotice,
    Source,
    Stay,
    Task,
    TaskClass,
    TaskState,
    WaiveReason,
)
from cases.shape import fold
from cases.tables import case_event
from core.clock import local_date
from core.db import UtcDateTime
from core.listed import one_of
from reports.counting import regions_of
from reports.definitions import NOT_STATED, TALK_CLASSES, TASKS_DONE
from reports.figures import Report
from reports.recount_appointments import Outcomes, Released, count_appointments
from reports.recount_ledgers import count_sprays, count_units
from reports.regions import Regions
from reports.tally import Tally
from reports.tertial import MICROSECOND, Period, Question, is_before_closed_day

AT_ONCE: Final = 2_000
"""Events held in memory at a time."""

A_DAY: Final = timedelta(hours=24)
SHORT: Final = timedelta(hours=48)
WITH_SPRAY: Final = ("card_and_spray", "spray_only")

_EVENTS: Final = select(
    case_event.c.case_ref,
    case_event.c.seq,
    case_event.c.recorded_at,
    case(
        (case_event.c.recorded_at <= bindparam("as_of", type_=UtcDateTime), case_event.c.payload)
    ).label("payload"),
).order_by(case_event.c.case_ref, case_event.c.seq)
_EVENTS_OF: Final = _EVENTS.where(one_of(case_event.c.case_ref, "refs"))


@dataclass(slots=True)
class Known:
    """A case as known at the instant asked for, and as known at the end (None: not yet).

    `outcomes` holds for each appointment, by its id, when it is said to have come to each of its
    statuses after the first, in the order of recording: a case by itself knows only the last.
    """

    case: Case | None = None
    at_end: Case | None = None
    complete: bool = False
    outcomes: Outcomes = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Recounting:
    """What is asked, where units lie, and what was counted so far.

    `persons` holds, for I1 and I2 and each unit, on which day it last had each person as a
    participant. What needs every case to be known first waits: `followed` are the releases whose
    appointments are counted, `admissions` the cases of each person with their admissions, and
    `persons_of` the person of each case.
    """

    question: Question
    regions: Regions
    tally: Tally
    persons: dict[tuple[str, str], dict[str, date]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    followed: list[Released] = field(default_factory=list)
    admissions: dict[str, list[tuple[str, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    persons_of: dict[str, str] = field(default_factory=dict)

    def add(self, code: str, unit: str, on: date, counts: bool, among: bool = True) -> None:  # noqa: FBT001, FBT002
        """One more in the denominator if `among`, and in the numerator if it `counts` too."""
        region = self.regions.region_on(unit, on)
        self.tally.add(code, unit, region, int(among and counts), int(among))

    def add_person(self, code: str, unit: str, last_on: date, person: str) -> None:
        """A person took part in a unit until a day."""
        days = self.persons[code, unit]
        days[person] = max(last_on, days.get(person, last_on))


def recount(tx: Connection, period: Period, as_of: datetime) -> Report:
    """The whole report by what was recorded up to and with `as_of`, counted from the events."""
    question = Question(period, as_of)
    regions = regions_of(tx)
    counting = Recounting(question, regions, Tally(regions.units))
    count_cases(counting, folded(tx, question))
    count_sprays(tx, counting.persons_of, question, regions, counting.tally)
    count_units(tx, question, regions, counting.tally)
    return counting.tally.report(question)


def count_cases(counting: Recounting, cases: Iterable[Known]) -> None:
    """Count all that can be told from cases: everything but sprays and units."""
    question, period = counting.question, counting.question.period
    for known in cases:
        if known.case is None or known.case.close_reason is CloseReason.REGISTERED_IN_ERROR:
            continue
        counting.persons_of[known.case.ref] = known.case.counted_as
        counting.admissions[known.case.counted_as].append((known.case.ref, known.case.admitted_at))
        _count_participation(known.case, counting)
        if period.holds(known.case.admitted_at):
            _count_admission(known.case, counting)
        released_at = known.case.released_at
        if (
            released_at is not None
            and period.holds(released_at)
            and known.case.destination is Destination.LIBERTY
        ):
            _count_release(known.case, released_at, counting)
            if _accepted_at(known.case, released_at):
                counting.followed.append(Released(known.case, released_at, known.outcomes))
        if known.at_end is not None:
            _count_waiting(known.at_end, known.case, counting)
        _count_tasks_done(known.case, counting)
    _count_persons(counting)
    count_appointments(
        counting.followed, counting.admissions, question, counting.regions, counting.tally
    )


def folded(
    tx: Connection, question: Question, *, only: Collection[str] | None = None
) -> Iterator[Known]:
    """Every case, one after the other, folded from the events that were recorded by then.

    The first event of a case that was recorded later ends its story: what follows builds on it.
    `only` names the cases asked for; None means all.
    """
    ref = None
    known = Known()
    asked: dict[str, object] = {"as_of": question.as_of}
    if only is not None:
        asked["refs"] = sorted(only)
    rows = tx.execute(
        _EVENTS if only is None else _EVENTS_OF,
        asked,
        execution_options={"yield_per": AT_ONCE},
    )
    for event in rows:
        if event.case_ref != ref:
            yield known
            ref, known = event.case_ref, Known()
        known.complete = known.complete or event.recorded_at > question.as_of
        if known.complete:
            continue
        before_end = event.recorded_at <= question.at_end and known.at_end is known.case
        before = known.case
        known.case = fold(before, json.loads(event.payload), seq=event.seq)
        _follow_outcomes(known, before, known.case)
        if before_end:
            known.at_end = known.case
    yield known


def _follow_outcomes(known: Known, before: Case | None, after: Case) -> None:
    if before is None or before.appointments == after.appointments:
        return
    told = {each.id: (each.status, each.outcome_at) for each in before.appointments}
    for each in after.appointments:
        now = (each.status, each.outcome_at)
        if each.outcome_at is not None and told.get(each.id) != now:
            known.outcomes[each.id].append(each.outcome_at)


# --- the words of the definitions ----------------------------------------------------------------


def _done(task: Task | None) -> bool:
    return task is not None and (
        task.state is TaskState.DONE
        or (task.state is TaskState.WAIVED and task.reason == WaiveReason.DONE_ELSEWHERE)
    )


def _done_by(task: Task | None, instant: datetime) -> bool:
    return task is not None and _done(task) and task.done_at is not None and task.done_at <= instant


def _standing(found: Case) -> list[Answer]:
    """The answers that were not undone, by when they were given."""
    return sorted(
        (answer for answer in found.answers if answer.undone_at is None),
        key=lambda answer: (answer.happened_at, answer.seq),
    )


def _accepted_at(found: Case, instant: datetime) -> bool:
    given = [answer for answer in _standing(found) if answer.happened_at <= instant]
    return bool(given) and given[-1].status is Participation.ACCEPTED


def _notice(found: Case, released_at: datetime) -> ReleaseNotice:
    """How long before the release its actual date was first recorded (I16)."""
    if found.unplanned is not None:
        return ReleaseNotice.UNPLANNED
    dated = [record for record in found.release_dates if record.on == local_date(released_at)]
    told_before = [record.recorded_at for record in dated if record.recorded_at < released_at]
    if told_before:
        early = released_at - min(told_before) >= SHORT
        return ReleaseNotice.PLANNED if early else ReleaseNotice.UNPLANNED
    told_by = {found.release_source, *(record.source for record in dated)}
    return ReleaseNotice.UNKNOWN if told_by == {Source.ROSTER} else ReleaseNotice.UNPLANNED


# --- the families, as in `indicators` ------------------------------------------------------------


def _count_participation(found: Case, counting: Recounting) -> None:
    """I1 and I2: each acceptance, for each unit that owned the case while it stood."""
    standing = _standing(found)
    question = counting.question
    for index, answer in enumerate(standing):
        if answer.status is not Participation.ACCEPTED or answer.happened_at >= question.until:
            continue
        ended_at = standing[index + 1].happened_at if index + 1 < len(standing) else found.closed_at
        if ended_at is not None:
            # A release typed in late may have closed the case before the answer was given.
            ended_at = max(ended_at, answer.happened_at)
        for stay in found.stays:
            began = max(answer.happened_at, stay.from_at)
            ends = [question.until, ended_at or question.until, stay.to_at or question.until]
            end = min(ends)
            no_time = answer.happened_at == ended_at and _owned_at(stay, answer.happened_at)
            if began < end or no_time:
                last_on = local_date(end - MICROSECOND)
                counting.add_person("I2", stay.unit, last_on, found.counted_as)
                if began < end and end > question.period.first_at:
                    counting.add_person("I1", stay.unit, last_on, found.counted_as)


def _owned_at(stay: Stay, instant: datetime) -> bool:
    return stay.from_at <= instant and (stay.to_at is None or instant < stay.to_at)


def _count_persons(counting: Recounting) -> None:
    """A person counts once in each unit, once in each region, and once nationally."""
    places: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for (code, unit), days in counting.persons.items():
        for person, last_on in days.items():
            region = counting.regions.region_on(unit, last_on)
            for level, place in (("unit", unit), ("region", region), ("nation", "")):
                places[code, level, place].add(person)
    for (code, level, place), persons in places.items():
        counting.tally.add_at(code, level, place, len(persons))


def _count_admission(found: Case, counting: Recounting) -> None:
    """I3, I4, I5 and I20, for the unit that admitted."""
    unit, on = found.admitted_unit, local_date(found.admitted_at)
    answers = _standing(found)
    latest = answers[-1] if answers else None
    status = latest.status if latest else None
    accepted = status is Participation.ACCEPTED
    declined = status is Participation.DECLINED
    counting.add("I3", unit, on, bool(answers))
    counting.add("I4", unit, on, accepted, among=bool(answers))
    counting.add("I20", unit, on, declined, among=bool(answers))
    for reason in ("no_need", "no_trust", "no_time", "other", NOT_STATED):
        stated = (latest.reason or NOT_STATED) if latest and declined else None
        counting.add(f"I20.{reason}", unit, on, stated == reason, among=bool(answers))
    ever = any(answer.status is Participation.ACCEPTED for answer in answers)
    counting.add("I20.withdrawn", unit, on, status is Participation.WITHDRAWN, among=ever)

    left_at = found.released_at or found.closed_at or counting.question.as_of
    in_prison = min(left_at, counting.question.as_of) - found.admitted_at
    held = _talk_class(found)
    counting.add("I5", unit, on, held == "le_24h", among=in_prison >= A_DAY)
    for part in TALK_CLASSES:
        counting.add(f"I5.{part}", unit, on, held == part, among=in_prison >= A_DAY)


def _talk_class(found: Case) -> str:
    talk = found.task("intake_talk")
    if talk is None or not _done(talk) or talk.done_at is None:
        return "not_held"
    after = talk.done_at - found.admitted_at
    if after <= A_DAY:
        return "le_24h"
    if after <= 3 * A_DAY:
        return "d2_3"
    return "d4_7" if after <= 7 * A_DAY else "gt_7d"


def _count_release(found: Case, released_at: datetime, counting: Recounting) -> None:
    """I6–I8, I10, I13, I16 and I17, for the unit that released."""
    on = local_date(released_at)
    unit = found.released_unit or found.unit
    notice = _notice(found, released_at)
    counting.add("I16", unit, on, notice is ReleaseNotice.UNPLANNED)
    counting.add("I16.notice_unknown", unit, on, notice is ReleaseNotice.UNKNOWN)
    counting.add("I17", unit, on, is_before_closed_day(on))

    accepted = _accepted_at(found, released_at)

    def share(code: str, counts: bool) -> None:  # noqa: FBT001
        counting.add(code, unit, on, counts, among=accepted)

    share("I6", _done_by(found.task("brief_info"), released_at))
    share("I7", _done_by(found.task("naloxone_training"), released_at))
    handed = found.task("handed_over")
    share(
        "I8",
        handed is not None and handed.state is TaskState.DONE and handed.answer in WITH_SPRAY,
    )
    talk = found.task("talk_held")
    talked = _done_by(talk, released_at)
    share("I10", talked)
    for form in ("group", "individual"):
        share(f"I10.{form}", talked and talk is not None and talk.form == form)
    whole = all(
        _done_by(task, released_at)
        for task in found.tasks
        if task.required and task.klass is TaskClass.BEFORE_RELEASE
    )
    share("I13", whole)
    planned = accepted and notice is not ReleaseNotice.UNPLANNED
    counting.add("I13.planned", unit, on, whole, among=planned)


def _count_waiting(at_end: Case, found: Case, counting: Recounting) -> None:
    """I19: the plan as recorded at the end, without what is known to have been settled by then."""
    end = counting.question.at_end
    if found.closed_at is not None and found.closed_at <= end:
        return
    on = local_date(end)
    # Whose it was then is told by the stays as known now: a merger may be typed in later.
    owner = next(stay.unit for stay in found.stays if stay.to_at is None or end < stay.to_at)
    for task in at_end.tasks:
        now = found.task(task.code)
        settled_at = now.settled_at if now else None
        if task.due_at is None or (settled_at is not None and settled_at <= end):
            continue
        overdue = task.due_at < end
        counting.add("I19", owner, on, overdue)
        counting.add(f"I19.{task.step}", owner, on, overdue)


def _count_tasks_done(found: Case, counting: Recounting) -> None:
    """tasks_done: for the unit where each was done."""
    for task in found.tasks:
        if task.done_at is None or task.done_unit is None or not _done(task):
            continue
        if counting.question.period.holds(task.done_at):
            region = counting.regions.region_on(task.done_unit, local_date(task.done_at))
            counting.tally.add(f"{TASKS_DONE}{task.code}", task.done_unit, region, 1)

"""The plan of a case: which tasks are open and when each is due. All of DOMAIN's deadline rules.

`plan` is a pure answer from the facts of a case: the same case gives the same plan, at any hour.
Instants are aware datetimes in UTC, dates are local. R is the release date in force, T0 the
admission or, where the case was opened late, the opening.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from cases.calendar import (
    DUE_TIME,
    at,
    local_date,
    midpoint,
    next_working_day,
    release_instant,
    roll_back,
    roll_forward,
    shift_date,
)
from cases.model import (
    Answer,
    Case,
    Participation,
    ReleaseDate,
    ReleaseKind,
    Step,
    Task,
    TaskClass,
    TaskState,
    answers_in_order,
)
from cases.package import Package, TaskRule
from cases.terms import Anchor, Term

_LAST_MINUTE: Final = timedelta(hours=1)
"""What is left for a task once R is today and 12:00 has passed (rule 5)."""


class Planned(NamedTuple):
    """Where one task stands. The fields mean what they mean in `cases.model.Task`.

    `due_at` is None for a task that nothing dates (prepared) and for one that the answer to the
    offer cancelled; then `known_at` is None too.
    """

    code: str
    state: TaskState
    due_at: datetime | None
    known_at: datetime | None
    hurried: bool
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class InForce:
    """The release date in force, its kind (None: the actual release) and when it came to be known.

    `known_at` is the later of the opening and the moment this date first came into force.
    """

    on: date
    kind: ReleaseKind | None
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks in the order of the package, and the release date they were reckoned with."""

    tasks: tuple[Planned, ...]
    release: InForce | None

    def task(self, code: str) -> Planned:
        """One planned task. Raises `KeyError` for a task that is not in the package."""
        for planned in self.tasks:
            if planned.code == code:
                return planned
        raise KeyError(code)


def plan(case: Case, package: Package, now: datetime) -> Plan:  # noqa: ARG001
    """The state and due time of every task of `package` for this case.

    Tasks of the case that are not in the package (since a rebase) are not planned: see `left_over`.
    No rule of the domain asks what time it is: a due time follows from when things came to be
    known, and overdue is derived where it is shown. `now` stands in the signature because every
    rule takes it, and a later one may need it.
    """
    answers = answers_in_order(case.answers)
    release = in_force(
        case.release_dates, case.released_at, case.opened_at, case.release_recorded_at
    )
    due_times = _due_times(
        package,
        _Anchors(
            counted_from(case),
            case.opened_at,
            case.admitted_at,
            release.on if release is not None else None,
            release.known_at if release is not None else None,
            *_reopenings(answers),
        ),
    )
    participation = answers[-1].status if answers else Participation.NOT_ASKED
    facts = _Facts(
        _at_release(answers, case.released_at),
        case.released_at,
        case.closed_at,
    )
    stored = {task.code: task for task in case.tasks}
    return Plan(
        tuple(
            _planned(rule, due, offered, stored.get(rule.code), facts)
            for rule, due, offered in zip(
                package.tasks, due_times, _offered(package, participation), strict=True
            )
        ),
        release,
    )


def left_over(task: Task) -> Planned:
    """Where a task stands that is not in the case's package any more, since a rebase.

    What was done, waived or missed stays as it was; everything else no longer applies.
    """
    if task.finished or task.state is TaskState.MISSED:
        return Planned(
            task.code, task.state, task.due_at, task.known_at, task.hurried, task.settled_at
        )
    return Planned(task.code, TaskState.CANCELLED, *_UNDATED, None)


def counted_from(case: Case) -> datetime:
    """T0: what deadlines are counted from. The opening of a case opened late (rule 6)."""
    return case.opened_at if case.late_opened else case.admitted_at


def in_force(
    release_dates: tuple[ReleaseDate, ...],
    released_at: datetime | None,
    opened_at: datetime,
    release_recorded_at: datetime | None,
) -> InForce | None:
    """The release date in force (rule 9), or None while none is known.

    Of the kinds that have a date, by the latest record of each, the strongest counts; after a
    release its actual local date, whatever was planned. A date that comes into force again, in any
    kind, is known since the first time (rule 5). Records of one instant are one change: what stood
    only between two of them was never in force. `release_recorded_at` is needed with
    `released_at` (`ValueError`).
    """
    dates: dict[ReleaseKind, date | None] = {}
    first: dict[date, datetime] = {}
    strongest: ReleaseKind | None = None
    records = sorted(release_dates, key=_by_seq) if len(release_dates) > 1 else release_dates
    last = len(records) - 1
    for index, record in enumerate(records):
        dates[record.kind] = record.on
        if index == last or records[index + 1].recorded_at != record.recorded_at:
            strongest = _strongest(dates)
            if strongest is not None and (on := dates[strongest]) is not None:
                first.setdefault(on, record.recorded_at)
    if released_at is not None:
        if release_recorded_at is None:
            raise ValueError("a release must carry when it was recorded")
        on = local_date(released_at)
        known_at = min(first.get(on, release_recorded_at), release_recorded_at)
        return InForce(on, None, max(opened_at, known_at))
    if strongest is None or (on := dates[strongest]) is None:
        return None
    return InForce(on, strongest, max(opened_at, first[on]))


def _by_seq(record: ReleaseDate) -> int:
    return record.seq


def _strongest(dates: dict[ReleaseKind, date | None]) -> ReleaseKind | None:
    for kind in ReleaseKind:
        if dates.get(kind) is not None:
            return kind
    return None


class _Anchors(NamedTuple):
    """All that due times depend on.

    `reopened_at` is when the answer that last reopened the tasks was recorded (None: they were
    never closed), `kept_reopened_at` the same for tasks that not_now leaves open.
    """

    counted_from: datetime
    opened_at: datetime
    admitted_at: datetime
    release_on: date | None
    release_known_at: datetime | None
    reopened_at: datetime | None
    kept_reopened_at: datetime | None


class _Due(NamedTuple):
    due_at: datetime | None
    known_at: datetime | None
    hurried: bool


_UNDATED: Final = _Due(None, None, False)  # noqa: FBT003


class _Facts(NamedTuple):
    at_release: Participation
    released_at: datetime | None
    closed_at: datetime | None


def _reopenings(answers: list[Answer]) -> tuple[datetime | None, datetime | None]:
    """When the last answer that reopened tasks was recorded: ordinary ones, and kept ones."""
    reopened_at = kept_reopened_at = None
    is_open = kept_open = True
    for answer in answers:
        opens = answer.status is Participation.ACCEPTED
        keeps_open = opens or answer.status is Participation.NOT_NOW
        if opens and not is_open:
            reopened_at = answer.recorded_at
        if keeps_open and not kept_open:
            kept_reopened_at = answer.recorded_at
        is_open, kept_open = opens, keeps_open
    return reopened_at, kept_reopened_at


def _at_release(answers: list[Answer], released_at: datetime | None) -> Participation:
    """The answer in force at the release instant; not asked while there is no release."""
    found = Participation.NOT_ASKED
    if released_at is not None:
        for answer in answers:
            if answer.happened_at <= released_at:
                found = answer.status
    return found


def _planned(
    rule: TaskRule, due: _Due, offered: TaskState, stored: Task | None, facts: _Facts
) -> Planned:
    """One task. `offered` is what the present answer makes of it while it is not finished."""
    if stored is not None and stored.finished:
        return Planned(
            rule.code,
            stored.state,
            stored.due_at,
            stored.known_at,
            stored.hurried,
            stored.done_at,
        )
    # What a task was when it was missed stays, whatever a newer package makes of its class.
    klass = rule.klass if stored is None else stored.klass
    if klass is TaskClass.BEFORE_RELEASE and facts.released_at is not None:
        if _offered_to(rule, facts.at_release) is not TaskState.OPEN:
            return Planned(rule.code, TaskState.CANCELLED, *_UNDATED, None)
        # The planned date stays as history; only what was never dated gets its time from the
        # actual release.
        if stored is not None and stored.due_at is not None:
            due = _Due(stored.due_at, stored.known_at, stored.hurried)
        return Planned(rule.code, TaskState.MISSED, *due, facts.released_at)
    if offered is TaskState.CANCELLED:
        return Planned(rule.code, offered, *_UNDATED, None)
    if offered is TaskState.PREPARED:
        due = _UNDATED
    elif due.due_at is None:
        offered = TaskState.PREPARED
    if facts.closed_at is not None:
        return Planned(rule.code, TaskState.CANCELLED, *due, facts.closed_at)
    return Planned(rule.code, offered, *due, None)


@lru_cache(maxsize=64)
def _offered(package: Package, participation: Participation) -> tuple[TaskState, ...]:
    return tuple(_offered_to(rule, participation) for rule in package.tasks)


def _offered_to(rule: TaskRule, participation: Participation) -> TaskState:
    """Whether the answer leaves an unfinished task open, prepared or cancelled (section 3)."""
    if rule.step is Step.INTAKE_TALK:
        return TaskState.OPEN
    if participation in (Participation.DECLINED, Participation.WITHDRAWN):
        return TaskState.CANCELLED
    if participation is Participation.NOT_NOW and not rule.open_on_not_now:
        return TaskState.PREPARED
    return TaskState.OPEN


@lru_cache(maxsize=4096)
def _due_times(package: Package, anchors: _Anchors) -> tuple[_Due, ...]:
    """The due time of every task of the package, as if all were open."""
    t0_on = local_date(anchors.counted_from)
    admitted_on = (
        t0_on if anchors.counted_from == anchors.admitted_at else local_date(anchors.admitted_at)
    )
    return tuple(_due(rule, anchors, t0_on, admitted_on) for rule in package.tasks)


def _due(rule: TaskRule, anchors: _Anchors, t0_on: date, admitted_on: date) -> _Due:
    reopened_at = None
    if rule.step is not Step.INTAKE_TALK:
        reopened_at = anchors.kept_reopened_at if rule.open_on_not_now else anchors.reopened_at
    if rule.klass is TaskClass.CLINICAL:
        # Clock hours, elapsed, never shifted by calendars (rule 1).
        hours = min(term.amount for term in rule.terms)
        known_at = _known_at(Anchor.T0, anchors, reopened_at)
        return _Due(anchors.counted_from + timedelta(hours=hours), known_at, hurried=False)
    day, anchor = earliest(rule.terms, t0_on, anchors.release_on, admitted_on)
    if day is None:
        return _UNDATED
    known_at = _known_at(anchor, anchors, reopened_at)
    if rule.klass is TaskClass.ADMIN:
        return _Due(_on_or_after(day), known_at, hurried=False)
    due_at = _on_or_before(day)
    if due_at > known_at:
        return _Due(due_at, known_at, hurried=False)
    return _known_too_late(due_at, known_at, anchors.release_on)


def earliest(
    terms: tuple[Term, ...], t0_on: date, release_on: date | None, admitted_on: date
) -> tuple[date | None, Anchor]:
    """The earliest day that terms counted in days give, before rolling, and the anchor it is of.

    `admitted_on` is the true admission's day: lengths of stay are counted from it. None where no
    term gives a day, because none applies or its release date is unknown.
    """
    found: date | None = None
    anchor = Anchor.T0
    for term in terms:
        start = t0_on if term.anchor is Anchor.T0 else release_on
        if start is None or not _applies(term, release_on, admitted_on):
            continue
        day = shift_date(start, term.amount, term.span)
        # Compared as dates before rolling; on a tie the opening is what made it known (rule 5).
        if found is None or day < found or (day == found and term.anchor is Anchor.T0):
            found, anchor = day, term.anchor
    return found, anchor


@lru_cache(maxsize=8192)
def _on_or_before(day: date) -> datetime:
    return at(roll_back(day), DUE_TIME)


@lru_cache(maxsize=8192)
def _on_or_after(day: date) -> datetime:
    return at(roll_forward(day), DUE_TIME)


def _applies(term: Term, release_on: date | None, admitted_on: date) -> bool:
    # R − T0 is the difference of local dates with the true admission, also after a late opening.
    if term.only_if is None:
        return True
    return release_on is not None and term.only_if.holds((release_on - admitted_on).days)


def _known_at(anchor: Anchor, anchors: _Anchors, reopened_at: datetime | None) -> datetime:
    known_at = anchors.opened_at
    if anchor is Anchor.R and anchors.release_known_at is not None:
        known_at = anchors.release_known_at
    return known_at if reopened_at is None else max(known_at, reopened_at)


def _known_too_late(due_at: datetime, known_at: datetime, release_on: date | None) -> _Due:
    """The due time of a before-release task that came to be known at or after it (rule 5)."""
    known_on = local_date(known_at)
    if release_on is not None and release_on < known_on:
        return _Due(due_at, known_at, hurried=False)
    next_day = at(next_working_day(known_on), DUE_TIME)
    if release_on is None:
        return _Due(next_day, known_at, hurried=True)
    release_at = release_instant(release_on)
    if known_at >= release_at:
        return _Due(known_at + _LAST_MINUTE, known_at, hurried=True)
    return _Due(min(next_day, midpoint(known_at, release_at)), known_at, hurried=True)

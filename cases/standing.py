"""How a case stands, read from its present facts: nothing here is stored (DOMAIN section 2).

Pure: `now` is a parameter, instants are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cases.calendar import local_date, midnight_ending, release_instant
from cases.model import (
    FOLLOW_UP_DAYS,
    SHORT_NOTICE_HOURS,
    Answer,
    Case,
    Participation,
    Step,
    StepState,
    Task,
    TaskState,
    answers_in_order,
)

SHORT_NOTICE: Final = timedelta(hours=SHORT_NOTICE_HOURS)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A task missed at the release. `corrected`: it turned out to have been done before it.

    `missed_at` is when the miss was recorded.
    """

    task: str
    step: Step
    missed_at: datetime | None
    corrected: bool


def answer_in_force(answers: Sequence[Answer], at: datetime | None = None) -> Answer | None:
    """The latest standing answer given by `at` (None: of all), or None if nobody answered.

    "Latest" is by when it was given; undone answers do not exist.
    """
    in_order = answers_in_order(tuple(answers))
    if at is not None:
        in_order = [answer for answer in in_order if answer.happened_at <= at]
    return in_order[-1] if in_order else None


def participation_at(answers: Sequence[Answer], at: datetime | None = None) -> Participation:
    """The participation in force at `at` (None: after every answer)."""
    answer = answer_in_force(answers, at)
    return Participation.NOT_ASKED if answer is None else answer.status


@dataclass(frozen=True, slots=True)
class Interval:
    """One answer's time in force: from an instant until, not with, another (None: still)."""

    status: Participation
    from_at: datetime
    until_at: datetime | None

    def holds_at(self, instant: datetime) -> bool:
        """Whether it is in force at an instant."""
        return self.from_at <= instant and (self.until_at is None or instant < self.until_at)


def participation_intervals(case: Case) -> tuple[Interval, ...]:
    """Participation as it was in force, from the admission to the closing, without gaps.

    By when answers were given, not by when they were typed in. An answer that was replaced in its
    own instant was never in force, nor one that was given after the closing.
    """
    given = answers_in_order(case.answers)
    starts = [(Participation.NOT_ASKED, case.admitted_at)]
    starts += [(answer.status, answer.happened_at) for answer in given]
    ends: list[datetime | None] = [instant for _, instant in starts[1:]]
    found: list[Interval] = []
    for (status, from_at), end in zip(starts, [*ends, None], strict=True):
        until_at = end
        if case.closed_at is not None and (end is None or end > case.closed_at):
            until_at = case.closed_at
        if until_at is not None and until_at <= from_at:
            continue
        if found and found[-1].status is status:
            from_at = found.pop().from_at  # noqa: PLW2901 - said again: one interval goes on
        found.append(Interval(status, from_at, until_at))
    return tuple(found)


def is_overdue(task: Task, now: datetime) -> bool:
    """Whether the task is open and past due; the due instant itself is not overdue (rule 11)."""
    return task.state is TaskState.OPEN and task.due_at is not None and task.due_at < now


def step_state(tasks: Iterable[Task], now: datetime) -> StepState:
    """The state of a step with these tasks, by the first that matches (DOMAIN, States)."""
    tasks = tuple(tasks)
    states = {task.state for task in tasks}
    if TaskState.MISSED in states:
        return StepState.MISSED
    if any(is_overdue(task, now) for task in tasks):
        return StepState.OVERDUE
    if TaskState.OPEN in states:
        return StepState.OPEN
    if TaskState.PREPARED in states:
        return StepState.PREPARED
    if states == {TaskState.CANCELLED}:
        return StepState.CANCELLED
    return StepState.DONE


def step_due(tasks: Iterable[Task]) -> datetime | None:
    """The due time of a step: that of its earliest open task, None where there is none."""
    return min(
        (task.due_at for task in tasks if task.state is TaskState.OPEN and task.due_at is not None),
        default=None,
    )


def short_notice(case: Case) -> bool:
    """Whether the date in force came to be known less than 48 h before R at 12:00 (rule 10)."""
    if case.release_on is None or case.release_known_at is None:
        return False
    return release_instant(case.release_on) - case.release_known_at < SHORT_NOTICE


def deviations(case: Case) -> tuple[Deviation, ...]:
    """The tasks missed at the release, in the order of the case, corrected ones included."""
    return tuple(
        Deviation(task.code, task.step, task.missed_at, corrected=task.finished)
        for task in case.tasks
        if task.state is TaskState.MISSED or (task.finished and task.missed_at is not None)
    )


def follow_up_ends_at(released_at: datetime) -> datetime:
    """When the follow-up of a release ends: at the local midnight that ends day R + 42."""
    return midnight_ending(local_date(released_at) + timedelta(days=FOLLOW_UP_DAYS))


def under_18(born_on: date, on: date) -> bool:
    """Whether somebody born on a day is a minor on another; a birthday counts from its start."""
    birthday_has_been = (on.month, on.day) >= (born_on.month, born_on.day)
    return on.year - born_on.year - (0 if birthday_has_been else 1) < 18

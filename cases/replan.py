"""PURE: a case made to follow its facts: plan, participation, stays, wake times.

Every verb changes facts and then calls `replan(before, after, …)`. Nothing here asks the clock or
the database. Completing a task changes no anchor of the plan, so nothing is planned anew for it
but the task itself.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from cases import outcomes
from cases.ladder import Rung, case_notices, task_rungs
from cases.model import (
    Answer,
    Case,
    DueChange,
    Participation,
    Phase,
    ReleaseNotice,
    Source,
    Task,
    TaskState,
    answers_in_order,
)
from cases.package import Package
from cases.plan import Plan, Planned, counted_from, left_over, plan
from cases.standing import follow_up_ends_at, participation_at
from core.clock import local_date
from core.values import replaced

NOTICE_HOURS = timedelta(hours=48)
"""A release whose date was first recorded less than this before it is unplanned (I16)."""


_A_MOMENT: Final = timedelta(microseconds=1)


def replan(before: Case | None, after: Case, package: Package, *, now: datetime) -> Case:
    """`after` with everything derived from its facts brought up to date.

    `before` is the stored value (None for a new case): a due time that another replaces is kept
    as a `DueChange`, and a rung instant that is new is not taken for one already handled.
    """
    case = _with_answers(after)
    planned = plan(case, package, now)
    case = _with_release(case, planned)
    case = _with_tasks(before, case, planned, package, now)
    return _with_wake(before, case, package)


def _with_answers(case: Case) -> Case:
    """Participation, and when each standing answer ended."""
    standing = answers_in_order(case.answers)
    ends: dict[int, datetime | None] = {}
    for this, following in pairwise(standing):
        ends[this.seq] = following.happened_at
    if standing:
        last = standing[-1]
        # A release that is typed in late can lie before an answer that was recorded meanwhile.
        ends[last.seq] = max(case.closed_at, last.happened_at) if case.closed_at else None
    answers = tuple(_ended(answer, ends) for answer in case.answers)
    participation = standing[-1].status if standing else Participation.NOT_ASKED
    if answers == case.answers and participation is case.participation:
        return case
    return replaced(case, answers=answers, participation=participation)


def _ended(answer: Answer, ends: dict[int, datetime | None]) -> Answer:
    end = ends[answer.seq] if answer.undone_at is None else answer.happened_at
    return answer if end == answer.until_at else replaced(answer, until_at=end)


def _with_release(case: Case, planned: Plan) -> Case:
    force = planned.release
    accepted: bool | None = None
    notice: ReleaseNotice | None = None
    if case.released_at is not None:
        accepted = participation_at(case.answers, case.released_at) is Participation.ACCEPTED
        notice = release_notice(case)
    values = (
        force.on if force else None,
        force.kind if force else None,
        force.known_at if force else None,
        accepted,
        notice,
    )
    stored = (
        case.release_on,
        case.release_kind,
        case.release_known_at,
        case.accepted_at_release,
        case.release_notice,
    )
    if values == stored:
        return case
    return replaced(
        case,
        release_on=values[0],
        release_kind=values[1],
        release_known_at=values[2],
        accepted_at_release=values[3],
        release_notice=values[4],
    )


def release_notice(case: Case) -> ReleaseNotice:
    """Whether the recorded release was planned (I16), by the first recording of its date.

    Flagged unplanned, or known less than 48 h before: unplanned. Learned only from a later roster
    and not flagged: unknown. Raises `ValueError` for a case without a release.
    """
    if case.released_at is None or case.release_recorded_at is None:
        msg = "a case that was not released has no release notice"
        raise ValueError(msg)
    if case.unplanned is not None:
        return ReleaseNotice.UNPLANNED
    on = local_date(case.released_at)
    dated = [record for record in case.release_dates if record.on == on]
    recorded = min([case.release_recorded_at, *(record.recorded_at for record in dated)])
    only_rosters = case.release_source is Source.ROSTER and all(
        record.source is Source.ROSTER for record in dated
    )
    if only_rosters and recorded >= case.released_at:
        return ReleaseNotice.UNKNOWN
    if case.released_at - recorded < NOTICE_HOURS:
        return ReleaseNotice.UNPLANNED
    return ReleaseNotice.PLANNED


def _with_tasks(
    before: Case | None, case: Case, planned: Plan, package: Package, now: datetime
) -> Case:
    goals = {goal.code: goal for goal in planned.tasks}
    changes = list(case.due_changes)
    tasks: list[Task] = []
    t0 = counted_from(case)
    for task in case.tasks:
        goal = goals.get(task.code) or left_over(task)
        if before is not None and goal.due_at != task.due_at:
            until_at = _not_before_what_is_known(case, now)
            changes.append(DueChange(len(changes) + 1, task.code, task.due_at, until_at))
        was = before is not None and before.release_on != case.release_on
        tasks.append(
            _moved(
                _with_passed_rungs(task, goal, before, case, package) if was else task,
                goal,
                release_on=case.release_on,
                t0=t0,
                package=package,
                now=now,
            )
        )
    moved = tuple(tasks)
    if moved == case.tasks and len(changes) == len(case.due_changes):
        return case
    return replaced(case, tasks=moved, due_changes=tuple(changes))


def _not_before_what_is_known(case: Case, now: datetime) -> datetime:
    """Now, or when the last fact of the case was recorded, if a clock was set back since (demo).

    What follows upon a fact is not in force before it: a count of what was due on a day in between
    would take the one without the other.
    """
    recorded = [case.opened_at, case.release_recorded_at]
    recorded += [change.until_at for change in case.due_changes]
    recorded += [task.recorded_at for task in case.tasks]
    for part in (case.answers, case.release_dates, case.consents, case.absences):
        recorded += [fact.recorded_at for fact in part]
    recorded += [each.booked_at for each in case.appointments]
    for transfer in case.transfers:
        recorded += [transfer.proposed_at, transfer.answered_at]
    return max([now, *(at for at in recorded if at is not None)])


def _with_passed_rungs(
    task: Task, goal: Planned, before: Case | None, case: Case, package: Package
) -> Task:
    """The task as not yet told of what a moved R has brought forward to before its last telling.

    `lead` has a bound of its own in R: without a new due time it can come to lie in the past, and
    what lies before `told_at` would never be told. What was told stands in its notices.
    """
    if (
        before is None
        or task.told_at is None
        or task.state is not TaskState.OPEN
        or goal.state is not TaskState.OPEN
        or goal.due_at is None
        or goal.due_at != task.due_at
        or goal.known_at is None
        or task.known_at is None
    ):
        return task
    was, now_at = (
        {
            rung.rung: rung.at
            for rung in task_rungs(
                package.rule(task.code),
                due_at=goal.due_at,
                known_at=known_at,
                hurried=hurried,
                release_on=each.release_on,
                t0=counted_from(each),
            )
        }
        for each, known_at, hurried in (
            (before, task.known_at, task.hurried),
            (case, goal.known_at, goal.hurried),
        )
    )
    passed = [
        at
        for rung, at in now_at.items()
        if at <= task.told_at and (rung not in was or was[rung] > task.told_at)
    ]
    return replaced(task, told_at=min(passed) - _A_MOMENT) if passed else task


def _moved(
    task: Task,
    goal: Planned,
    *,
    release_on: date | None,
    t0: datetime,
    package: Package,
    now: datetime,
) -> Task:
    missed_at = task.missed_at
    if goal.state is TaskState.MISSED and missed_at is None:
        missed_at = now
    told_at = task.told_at if goal.due_at == task.due_at else None
    wake_at = None
    if goal.state is TaskState.OPEN and goal.due_at is not None and goal.known_at is not None:
        rungs = task_rungs(
            package.rule(task.code),
            due_at=goal.due_at,
            known_at=goal.known_at,
            hurried=goal.hurried,
            release_on=release_on,
            t0=t0,
        )
        later = [rung.at for rung in rungs if told_at is None or rung.at > told_at]
        wake_at = min(later) if later else None
    if (
        goal.state is task.state
        and goal.due_at == task.due_at
        and goal.known_at == task.known_at
        and goal.hurried == task.hurried
        and goal.settled_at == task.settled_at
        and missed_at == task.missed_at
        and wake_at == task.wake_at
    ):
        return task
    return replaced(
        task,
        state=goal.state,
        due_at=goal.due_at,
        known_at=goal.known_at,
        hurried=goal.hurried,
        settled_at=goal.settled_at,
        missed_at=missed_at,
        told_at=told_at,
        wake_at=wake_at,
    )


def case_instants(case: Case, package: Package) -> frozenset[datetime]:
    """When the case itself needs the sweep: notices, outcomes given up, the end of follow-up."""
    return frozenset(at for at, _ in _occasions(case, package))


def _occasions(case: Case, package: Package) -> frozenset[tuple[datetime, Rung | str]]:
    """Every instant at which the case needs the sweep, with what it is for.

    That is a notice, the appointment whose outcome is then given up, or the end of follow-up.
    """
    occasions: set[tuple[datetime, Rung | str]] = {
        (rung.at, rung) for rung in case_notices(case, package)
    }
    occasions |= {(outcomes.unknown_at(each), each.id) for each in outcomes.awaited(case)}
    if case.phase is Phase.FOLLOW_UP and case.released_at is not None:
        occasions.add((follow_up_ends_at(case.released_at), "end"))
    return frozenset(occasions)


def _with_wake(before: Case | None, case: Case, package: Package) -> Case:
    told_at = case.told_at
    known = _occasions(before, package) if before is not None else frozenset()
    # What came to be known late may lie before what was told; it waits until the sweep has seen it.
    waiting = before.wake_at if before is not None else None
    wake_at = min(
        (
            at
            for at, what in _occasions(case, package)
            if told_at is None
            or at > told_at
            or (at, what) not in known
            or (waiting is not None and at >= waiting)
        ),
        default=None,
    )
    return case if wake_at == case.wake_at else replaced(case, wake_at=wake_at)

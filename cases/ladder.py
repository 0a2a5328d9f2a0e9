"""Who is told what, when: the ladder of every open task, and the notices outside it.

Pure answers from a case as planned (DOMAIN section 6). A `Rung` is an instant, a role and what it
is about; whether it was already told is the caller's memory (`told_at`), and `due_now` compares
the two. Instants are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from cases import consents, outcomes
from cases.calendar import DUE_TIME, Span, at, local_date, release_instant, shift, shift_date
from cases.model import Case, Participation, Phase, Role, Step, TaskState
from cases.package import Package, TaskRule, lead_of
from cases.plan import counted_from
from cases.standing import answer_in_force, participation_at
from cases.terms import Anchor, Later, Term

BEFORE: Final = "before"
DUE: Final = "due"
LATE: Final = "late"
LEAD: Final = "lead"
LADDER: Final = (BEFORE, DUE, LATE, LEAD)
"""The rungs of a task, in the order in which those of one instant stand."""

OFFER_AGAIN: Final = "offer_again"
MISSED: Final = "missed"
RELEASE_NOT_RECORDED: Final = "release_not_recorded"
TRANSFER_WAITING: Final = "transfer_waiting"

OFFER_INFO_AGAIN: Final = "offer_info_again"
OUTCOME_ASKED: Final = "outcome_asked"

OFFER_AGAIN_AFTER: Final = timedelta(days=14)
OFFER_AGAIN_BEFORE_RELEASE: Final = timedelta(days=28)

_INSTANT: Final = attrgetter("at")


class Rung(NamedTuple):
    """One thing to tell: at `at`, to the people of `to_role` in the case's unit.

    `rung` is one of `LADDER`, or the code of a notice outside the ladder; `task` is "" where no
    task is meant. (task, rung, due_at, unit) makes it unique within a case: a notice without a due
    time carries its own instant there. `unit` is a unit other than the owning one, or None.
    """

    task: str
    rung: str
    at: datetime
    due_at: datetime | None
    to_role: Role
    unit: str | None = None


@lru_cache(maxsize=4096)
def task_rungs(
    rule: TaskRule,
    *,
    due_at: datetime,
    known_at: datetime,
    hurried: bool,
    release_on: date | None,
    t0: datetime,
) -> tuple[Rung, ...]:
    """The ladder of one open task, by time.

    `t0` is what its deadlines are counted from (`plan.counted_from`). A `before` at or before
    `known_at` is left out, except that a hurried due time has it at `known_at`: at once (rule 12).
    """
    ladder, owner = rule.ladder, rule.owner_role
    lead_at = _later(due_at, ladder.lead)
    if ladder.lead_not_after is not None and release_on is not None:
        bound = ladder.lead_not_after
        latest = at(shift_date(release_on, bound.amount, bound.span), DUE_TIME)
        lead_at = max(due_at, min(lead_at, latest))
    found = [
        Rung(rule.code, DUE, due_at, due_at, owner),
        Rung(rule.code, LATE, _later(due_at, ladder.late), due_at, ladder.late_to),
        Rung(rule.code, LEAD, lead_at, due_at, ladder.lead_to),
    ]
    before_at = known_at if hurried else _before(rule.before, due_at, release_on, t0)
    if before_at is not None and (hurried or before_at > known_at):
        found.insert(0, Rung(rule.code, BEFORE, before_at, due_at, owner))
    return tuple(sorted(found, key=_INSTANT))


def rungs(case: Case, package: Package, now: datetime) -> tuple[Rung, ...]:  # noqa: ARG001
    """The ladders of all open tasks of a case, by time, as its tasks were planned.

    Nothing about a closed case; about a declined or withdrawn one only INTAKE_TALK. What has
    passed and what is to come stand side by side; `due_now` tells them apart, so `now` is not asked
    for here and stands in the signature because every rule takes it.
    """
    if case.phase is Phase.CLOSED:
        return ()
    only_intake = _declined(case)
    t0 = counted_from(case)
    found: list[Rung] = []
    for task in case.tasks:
        if task.state is not TaskState.OPEN or task.due_at is None:
            continue
        if only_intake and task.step is not Step.INTAKE_TALK:
            continue
        found += task_rungs(
            package.rule(task.code),
            due_at=task.due_at,
            known_at=task.known_at or case.opened_at,
            hurried=task.hurried,
            release_on=case.release_on,
            t0=t0,
        )
    return tuple(sorted(found, key=_INSTANT))


def due_now(
    rungs: Iterable[Rung], told_at: datetime | None, now: datetime
) -> tuple[tuple[Rung, ...], datetime | None, datetime | None]:
    """What to tell at `now`, the instant up to which all is then told, and when to look again.

    Of the rungs after `told_at` (None: nothing told yet) and not after `now`, only those of the
    latest instant of each ladder are told, and of each notice outside the ladder likewise: no
    burst after a pause. The third value is the first instant after `now`, None where there is none.
    """
    passed: list[Rung] = []
    wake_at: datetime | None = None
    for rung in rungs:
        if rung.at > now:
            if wake_at is None or rung.at < wake_at:
                wake_at = rung.at
        elif told_at is None or rung.at > told_at:
            passed.append(rung)
    if not passed:
        return (), told_at, wake_at
    latest: dict[tuple[str, str, datetime | None], datetime] = {}
    for rung in passed:
        about = _about(rung)
        latest[about] = max(rung.at, latest.get(about, rung.at))
    to_tell = tuple(rung for rung in passed if rung.at == latest[_about(rung)])
    return to_tell, max(latest.values()), wake_at


def case_notices(case: Case, package: Package) -> tuple[Rung, ...]:  # noqa: ARG001
    """The notices outside the ladder, by time: a code stands in place of the rung.

    None of today's notices depends on the package; it stands in the signature beside `rungs`.
    Nothing about a closed case; about a declined or withdrawn one only `release_not_recorded`.
    """
    if case.phase is Phase.CLOSED:
        return ()
    found = _release_not_recorded(case)
    if not _declined(case):
        found += _offer_again(case) + _transfer_waiting(case) + _missed(case)
        found += _offer_info_again(case) + _outcome_asked(case)
    return tuple(sorted(found, key=_INSTANT))


def _about(rung: Rung) -> tuple[str, str, datetime | None]:
    # How each appointment went is a question of its own: a later one does not answer it.
    apart = rung.at if rung.rung == OUTCOME_ASKED else None
    return (rung.task, "" if rung.rung in LADDER else rung.rung, apart)


def _declined(case: Case) -> bool:
    return participation_at(case.answers) in (Participation.DECLINED, Participation.WITHDRAWN)


def _later(due_at: datetime, later: Later) -> datetime:
    return shift(due_at, later.amount, later.span)


def _before(
    before: Term | None, due_at: datetime, release_on: date | None, t0: datetime
) -> datetime | None:
    if before is None:
        return None
    if before.anchor is Anchor.DUE:
        return shift(due_at, before.amount, before.span)
    if before.anchor is Anchor.T0:
        return shift(t0, before.amount, before.span)
    if release_on is None:
        return None
    return shift(release_instant(release_on), before.amount, before.span)


def asked_again(case: Case) -> list[datetime]:
    """When the offer is asked again, the earliest first; empty where it is not.

    14 days after a not_now and 28 days before R, while not_now is in force.
    """
    answer = answer_in_force(case.answers)
    if (
        answer is None
        or answer.status is not Participation.NOT_NOW
        or case.phase is not Phase.IN_PRISON
    ):
        return []
    asked = [at(local_date(answer.happened_at) + OFFER_AGAIN_AFTER, DUE_TIME)]
    known = [answer.recorded_at]
    if case.release_on is not None:
        asked.append(at(case.release_on - OFFER_AGAIN_BEFORE_RELEASE, DUE_TIME))
        known.append(max(answer.recorded_at, case.release_known_at or case.opened_at))
    # A set, because the two can fall on one day.
    return sorted({instant for instant, since in zip(asked, known, strict=True) if instant > since})


def _offer_again(case: Case) -> list[Rung]:
    return [Rung("", OFFER_AGAIN, instant, instant, Role.HEALTH) for instant in asked_again(case)]


def _release_not_recorded(case: Case) -> list[Rung]:
    """A release date has passed and nothing was recorded (rule 13)."""
    if case.phase is not Phase.IN_PRISON or case.released_at is not None or case.release_on is None:
        return []
    due_at = at(shift_date(case.release_on, 1, Span.WORKING_DAYS), DUE_TIME)
    # A date that comes to be known when it has long passed is told then: an instant before what
    # was already told would be lost.
    tell_at = max(due_at, case.release_known_at or case.opened_at)
    return [Rung("", RELEASE_NOT_RECORDED, tell_at, due_at, Role.COORDINATOR)]


def _transfer_waiting(case: Case) -> list[Rung]:
    """A proposal open for 1 wd: the receiving coordinator; for 3 wd: both unit leads."""
    transfer = case.open_transfer
    if transfer is None:
        return []
    first = shift(transfer.proposed_at, 1, Span.WORKING_DAYS)
    second = shift(transfer.proposed_at, 3, Span.WORKING_DAYS)
    return [
        Rung("", TRANSFER_WAITING, first, first, Role.COORDINATOR, transfer.to_unit),
        Rung("", TRANSFER_WAITING, second, second, Role.UNIT_LEAD),
        Rung("", TRANSFER_WAITING, second, second, Role.UNIT_LEAD, transfer.to_unit),
    ]


def _offer_info_again(case: Case) -> list[Rung]:
    """Before a leave, treatment or halfway house the brief information is offered again.

    Like `brief_info` before a release: due on the working day before, told 2 d earlier, or at once
    when the absence comes to be known later than that. Nothing once it is over.
    """
    if case.phase is not Phase.IN_PRISON:
        return []
    found = []
    for absence in case.absences:
        if absence.cancelled_at is not None or absence.informed_at is not None:
            continue
        if absence.to_on is not None and absence.to_on < local_date(absence.recorded_at):
            continue
        due_at = at(shift_date(absence.from_on, -1, Span.WORKING_DAYS), DUE_TIME)
        tell_at = max(shift(due_at, -2, Span.DAYS), absence.recorded_at)
        found.append(Rung("brief_info", OFFER_INFO_AGAIN, tell_at, due_at, Role.COORDINATOR))
    return found


def _outcome_asked(case: Case) -> list[Rung]:
    """How an appointment went is asked 2 wd after it, of whoever may know about it.

    Of the coordinator; of the health service where the person did not agree that coordinators
    know. Two appointments of one instant are asked about together.
    """
    return [
        Rung("", OUTCOME_ASKED, instant, instant, consents.keeper_of(case, each.kind))
        for each in outcomes.awaited(case)
        for instant in (outcomes.asked_at(each),)
    ]


def _missed(case: Case) -> list[Rung]:
    """Every missed task is announced to its owner's lead, from when the miss was recorded.

    Whose it was stands in the task itself: its package may have moved on since (rebase). The
    moment of the miss makes the notice what it is: if the release is taken back and the task is
    missed at another one, that is another miss, whatever its due time.
    """
    return [
        Rung(task.code, MISSED, task.missed_at, task.missed_at, lead_of(task.owner))
        for task in case.tasks
        if task.state is TaskState.MISSED and task.missed_at is not None
    ]

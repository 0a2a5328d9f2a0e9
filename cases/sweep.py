"""What is due now: rungs of tasks, notices and closings of cases. Twice does nothing more.

Two indexed questions: which open tasks, and which cases, have a wake time that has come. Tasks are
told about set-wise in chunks, without loading cases; what concerns a case itself goes through
`advance`, case by case, with events. The write lock is given back after every chunk. A case that
raises is put off by itself (`cases.backoff`) and the others are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cases import accounts, backoff, outcomes, queries, store
from cases.access import SYSTEM
from cases.appointments import controller_of
from cases.ladder import LADDER, MISSED, TRANSFER_WAITING, Rung, case_notices, due_now, task_rungs
from cases.model import LATE_OPENING, Case, CloseReason, Participation, Phase, Role, Step
from cases.package import Package
from cases.registry import package_named
from cases.release import closed
from cases.replan import case_instants, replan
from cases.standing import follow_up_ends_at
from cases.store import Verb
from cases.tables import case_, notice, task
from cases.unit_moves import follow_mergers, waits_for_merger
from core.clock import local_date
from core.db import Transactions
from core.listed import one_of
from core.statement import Prepared

CHUNK: Final = 100
"""Tasks or cases to a transaction: the write lock is held for 50 ms at most."""

CASES: Final = 20
"""Cases to a transaction: each is loaded, planned and written, which takes ten times a task."""


@dataclass(slots=True)
class SweepResult:
    """What a sweep did. `missed` are missed-task deviations announced, apart from `notices`.

    `backed_off` are cases that raised and were put off.
    """

    notices: int = 0
    missed: int = 0
    phase_changes: int = 0
    closed: int = 0
    backed_off: int = 0

    def add(self, other: SweepResult) -> None:
        """Count what a part of the sweep did."""
        self.notices += other.notices
        self.missed += other.missed
        self.phase_changes += other.phase_changes
        self.closed += other.closed
        self.backed_off += other.backed_off


class _Due(NamedTuple):
    case_id: int
    code: str
    due_at: datetime
    known_at: datetime
    hurried: bool
    told_at: datetime | None
    unit: str
    package: str
    participation: str
    step: str
    release_on: Any
    admitted_at: datetime
    opened_at: datetime


_DUE: Final = (
    select(
        task.c.case_id,
        task.c.code,
        task.c.due_at,
        task.c.known_at,
        task.c.hurried,
        task.c.told_at,
        case_.c.unit,
        case_.c.package,
        case_.c.participation,
        task.c.step,
        case_.c.release_on,
        case_.c.admitted_at,
        case_.c.opened_at,
    )
    .join(case_, case_.c.id == task.c.case_id)
    .where(
        task.c.wake_at.is_not(None),
        task.c.wake_at <= bindparam("now", type_=task.c.wake_at.type),
        backoff.is_not_put_off(task.c.case_id),
    )
    .order_by(task.c.wake_at)
    .limit(CHUNK)
)
_DUE_TASKS: Final = {
    "sqlite": Prepared(_DUE),
    # The case too: a verb that is changing it would wait for the task, and the notice for the case.
    "postgresql": Prepared(_DUE.with_for_update(skip_locked=True, of=(task, case_))),
}
_TOLD: Final = Prepared(
    update(task)
    .where(
        task.c.case_id == bindparam("b_case_id"),
        task.c.code == bindparam("b_code"),
        task.c.due_at == bindparam("b_due_at"),
    )
    .values(told_at=bindparam("b_told_at"), wake_at=bindparam("b_wake_at"))
)
_NOTICE_VALUES: Final[dict[str, Any]] = {
    name: bindparam(name)
    for name in (
        "case_id",
        "task",
        "rung",
        "due_at",
        "at",
        "unit",
        "to_role",
        "unstaffed",
        "told_at",
    )
}
_TELL: Final = {
    "sqlite": Prepared(sqlite.insert(notice).values(_NOTICE_VALUES).on_conflict_do_nothing()),
    "postgresql": Prepared(
        postgresql.insert(notice).values(_NOTICE_VALUES).on_conflict_do_nothing()
    ),
}
_DUE_CASES: Final = (
    select(case_.c.id, case_.c.ref)
    .where(
        case_.c.wake_at.is_not(None),
        case_.c.wake_at <= bindparam("now", type_=case_.c.wake_at.type),
        backoff.is_not_put_off(case_.c.id),
    )
    .order_by(case_.c.wake_at)
    .limit(CASES)
)
_DUE_CASES_TO_DO: Final = {
    "sqlite": Prepared(_DUE_CASES),
    # One that somebody holds is passed over, or the whole sweep would wait for them, and give up.
    "postgresql": Prepared(_DUE_CASES.with_for_update(skip_locked=True, of=case_)),
}
# The same questions, for whether there is anything at all, and for one case.
_ANY_TASK: Final = Prepared(_DUE.with_only_columns(task.c.case_id).limit(1))
_ANY_CASE: Final = Prepared(_DUE_CASES.with_only_columns(case_.c.id).limit(1))
_OF_STEP: Final = _DUE.where(case_.c.ref == bindparam("ref"), task.c.step == bindparam("step"))
_DUE_OF_STEP: Final = {
    "sqlite": Prepared(_OF_STEP),
    "postgresql": Prepared(_OF_STEP.with_for_update(of=(task, case_))),
}
_STEP_IS_DUE: Final = Prepared(_OF_STEP.with_only_columns(task.c.case_id).limit(1))
_CASE_IS_DUE: Final = Prepared(_DUE_CASES.where(case_.c.ref == bindparam("ref")))
_TOLD_BEFORE: Final = Prepared(
    select(notice.c.task, notice.c.rung, notice.c.due_at, notice.c.unit).where(
        notice.c.case_id == bindparam("case_id")
    )
)

_TOLD_OF_MANY: Final = Prepared(
    select(notice.c.case_id, notice.c.task, notice.c.rung, notice.c.due_at, notice.c.at).where(
        one_of(notice.c.case_id, "ids"), or_(*(notice.c.rung == rung for rung in LADDER))
    )
)


def sweep(db: Transactions, *, now: datetime) -> SweepResult:
    """Do everything that is due at `now`, chunk by chunk."""
    result = SweepResult()
    more = True
    while more:  # cases of units that are merged
        moved = db.transact(lambda tx: follow_mergers(tx, now=now, most=CHUNK))
        result.backed_off += moved.put_off
        more = moved.looked_at == CHUNK
    for part in (_tell_tasks, _advance_cases):
        more = True
        while more:
            # Counted after the commit: a chunk that is run again must not count twice.
            done, more = db.transact(lambda tx, part=part: part(tx, now))  # type: ignore[misc]
            result.add(done)
    return result


def is_due(tx: Connection, *, now: datetime) -> bool:
    """Whether a sweep would find something to do: three questions, each by an index."""
    binds = {"now": now} | backoff.binds(now)
    return (
        _ANY_TASK.row(tx, binds) is not None
        or _ANY_CASE.row(tx, binds) is not None
        or waits_for_merger(tx, now=now)
    )


def is_late(tx: Connection, *, before: datetime) -> bool:
    """Whether something that was due before that instant still waits, and is not put off."""
    binds = {"now": before} | backoff.binds(before)
    return _ANY_TASK.row(tx, binds) is not None or _ANY_CASE.row(tx, binds) is not None


def _tell_tasks(tx: Connection, now: datetime) -> tuple[SweepResult, bool]:
    """One chunk of tasks, and whether more may be due."""
    rows = _DUE_TASKS[tx.dialect.name].rows(tx, {"now": now} | backoff.binds(now))
    return _tell_rows(tx, rows, now), len(rows) == CHUNK


def _tell_rows(tx: Connection, rows: list[tuple[Any, ...]], now: datetime) -> SweepResult:
    result = SweepResult()
    if not rows:
        return result
    staffed = accounts.staffed_roles(tx, on=local_date(now))
    already = _told_already(tx, rows)
    told: list[dict[str, Any]] = []
    tell: list[dict[str, Any]] = []
    failed: set[int] = set()
    for row in rows:
        due = _Due._make(row)
        if due.case_id in failed:
            continue
        try:
            rungs = _rungs(tx, due)
            said = already.get((due.case_id, due.code, due.due_at), {})
            to_tell, _, _ = due_now(_fresh(rungs, said, due.told_at), due.told_at, now)
            passed = [rung.at for rung in rungs if rung.at <= now]
            told_at = max([*passed, *([due.told_at] if due.told_at else [])], default=None)
            wake_at = min((rung.at for rung in rungs if rung.at > now), default=None)
        except Exception as error:  # noqa: BLE001 - the others must not wait for this one
            backoff.put_off(tx, due.case_id, error, now=now)
            failed.add(due.case_id)
            continue
        told.append(
            {
                "b_case_id": due.case_id,
                "b_code": due.code,
                "b_due_at": due.due_at,
                "b_told_at": told_at,
                "b_wake_at": wake_at,
            }
        )
        tell += [_notice(due.case_id, due.unit, rung, staffed, now) for rung in to_tell]
    if told:
        _TOLD.run_each(tx, told)
    result.notices += _tell(tx, tell)
    result.backed_off = len(failed)
    backoff.succeeded(tx, {each["b_case_id"] for each in told} - failed)
    return result


def _told_already(
    tx: Connection, rows: list[tuple[Any, ...]]
) -> dict[tuple[int, str, datetime], dict[str, datetime]]:
    """What was told of these cases' tasks and due times, to whomever: rung → its instant."""
    told: dict[tuple[int, str, datetime], dict[str, datetime]] = {}
    ids = sorted({row[0] for row in rows})
    for case_id, code, rung, due_at, told_at in _TOLD_OF_MANY.rows(tx, {"ids": ids}):
        told.setdefault((case_id, code, due_at), {})[rung] = told_at
    return told


def _fresh(
    rungs: tuple[Rung, ...], said: Mapping[str, datetime], told_at: datetime | None
) -> list[Rung]:
    """The rungs without those that were told, whoever was told then.

    A due time that went and came back is told of from the start (`told_at` None): what a later
    rung had overtaken stays overtaken.
    """
    fresh = [rung for rung in rungs if rung.rung not in said]
    if told_at is not None or not said:
        return fresh
    last = max(said.values())
    highest = max(LADDER.index(rung) for rung in said)
    return [rung for rung in fresh if rung.at > last or LADDER.index(rung.rung) > highest]


def _rungs(tx: Connection, due: _Due) -> tuple[Rung, ...]:
    if due.participation in _DECLINED and due.step != Step.INTAKE_TALK.value:
        return ()
    late = due.opened_at - due.admitted_at > LATE_OPENING
    return task_rungs(
        package_named(tx, due.package).rule(due.code),
        due_at=due.due_at,
        known_at=due.known_at,
        hurried=due.hurried,
        release_on=due.release_on,
        t0=due.opened_at if late else due.admitted_at,
    )


def _notice(
    case_id: int, unit: str, rung: Rung, staffed: frozenset[tuple[str, str]], now: datetime
) -> dict[str, Any]:
    """The row of a notice; a role without anybody passes it to the unit lead, else to admins."""
    at_unit = rung.unit or unit
    role, unstaffed = rung.to_role, False
    if (at_unit, role.value) not in staffed:
        lead = (at_unit, Role.UNIT_LEAD.value) in staffed
        role, unstaffed = (Role.UNIT_LEAD if lead else Role.ADMIN), not lead
    return {
        "case_id": case_id,
        "task": rung.task,
        "rung": rung.rung,
        "due_at": rung.due_at or rung.at,
        "at": rung.at,
        "unit": at_unit,
        "to_role": role.value,
        "unstaffed": unstaffed,
        "told_at": now,
    }


def tell(
    tx: Connection,
    case: Case,
    rung: Rung,
    staffed: frozenset[tuple[str, str]],
    *,
    now: datetime,
) -> int:
    """Tell one notice about a stored case from outside the sweep; 0 if it was told before."""
    if case.id is None:
        raise ValueError("a case that is not stored cannot be told about")
    return _tell(tx, [_notice(case.id, case.unit, rung, staffed, now)])


def _tell(tx: Connection, rows: list[dict[str, Any]]) -> int:
    """Write notices that were not told before; returns how many those were."""
    if not rows:
        return 0
    return _TELL[tx.dialect.name].run_each(tx, rows)


def _advance_cases(tx: Connection, now: datetime) -> tuple[SweepResult, bool]:
    """One chunk of cases, and whether more may be due."""
    result = SweepResult()
    rows = _DUE_CASES_TO_DO[tx.dialect.name].rows(tx, {"now": now} | backoff.binds(now))
    if not rows:
        return result, False
    staffed = accounts.staffed_roles(tx, on=local_date(now))
    succeeded: list[int] = []
    for case_id, ref in rows:
        done = SweepResult()
        if backoff.apart(tx, case_id, partial(_due, tx, ref, staffed, done, now), now=now):
            result.add(done)
            succeeded.append(case_id)
        else:
            result.backed_off += 1
    backoff.succeeded(tx, succeeded)
    return result, len(rows) == CASES


def _due(
    tx: Connection,
    ref: str,
    staffed: frozenset[tuple[str, str]],
    result: SweepResult,
    now: datetime,
) -> None:
    before = queries.case_for_update(tx, SYSTEM, ref)
    if before.wake_at is not None and before.wake_at <= now:
        _advance(tx, before, staffed, result, now)


def advance(tx: Connection, ref: str, *, now: datetime) -> SweepResult:
    """Do what is due for one case: tell its notices, close it when its follow-up is over."""
    result = SweepResult()
    staffed = accounts.staffed_roles(tx, on=local_date(now))
    _advance(tx, queries.case_for_update(tx, SYSTEM, ref), staffed, result, now)
    return result


def advance_step(db: Transactions, ref: str, step: Step, *, now: datetime) -> SweepResult:
    """Do what is due for one step of a case, and then for the case itself. Twice does nothing more.

    What the sweep would do at its next look, for this case alone: a run in Prefect calls it, and
    whoever presses Run there. Where nothing is due, nothing is written. Raises `CaseNotFound`.
    """
    return db.transact(lambda tx: _advance_step(tx, ref, step, now))


def step_is_due(tx: Connection, ref: str, step: Step, *, now: datetime) -> bool:
    """Whether `advance_step` would find something to do."""
    binds = {"now": now, "ref": ref, "step": step.value} | backoff.binds(now)
    return _STEP_IS_DUE.row(tx, binds) is not None or _CASE_IS_DUE.row(tx, binds) is not None


def _advance_step(tx: Connection, ref: str, step: Step, now: datetime) -> SweepResult:
    binds = {"now": now, "ref": ref, "step": step.value} | backoff.binds(now)
    result = _tell_rows(tx, _DUE_OF_STEP[tx.dialect.name].rows(tx, binds), now)
    if _CASE_IS_DUE.row(tx, binds) is not None:
        staffed = accounts.staffed_roles(tx, on=local_date(now))
        _due(tx, ref, staffed, result, now)
    return result


def _advance(
    tx: Connection,
    before: Case,
    staffed: frozenset[tuple[str, str]],
    result: SweepResult,
    now: datetime,
) -> None:
    package = package_named(tx, before.package)
    before = _given_up(tx, before, package, now)
    after = _followed_up(before, now)
    if after is not before:
        result.phase_changes += 1
        result.closed += 1
    else:
        _announce(tx, before, staffed, result, now)
    after = replan(before, replace(after, told_at=now), package, now=now)
    # What has passed is handled now; only what lies ahead may wake the case again.
    ahead = [at for at in case_instants(after, package) if at > now]
    after = replace(after, wake_at=min(ahead, default=None))
    store.write_changes(
        tx,
        before,
        after,
        Verb.ADVANCED if after.phase is before.phase else Verb.CLOSED,
        SYSTEM,
        now=now,
        happened_at=after.closed_at if after.phase is not before.phase else None,
    )


def _given_up(tx: Connection, case: Case, package: Package, now: datetime) -> Case:
    """Outcomes that nobody gave for 5 wd: `unknown`, each as a fact of its own instant."""
    for late in outcomes.timed_out(case, now):
        after = replan(case, outcomes.with_unknown(case, late), package, now=now)
        case = store.write_changes(
            tx,
            case,
            after,
            Verb.APPOINTMENT_OUTCOME,
            SYSTEM,
            now=now,
            happened_at=outcomes.unknown_at(late),
            controller=controller_of(late.kind),
        )
    return case


def _followed_up(case: Case, now: datetime) -> Case:
    if case.phase is not Phase.FOLLOW_UP or case.released_at is None:
        return case
    ends_at = follow_up_ends_at(case.released_at)
    if now < ends_at:
        return case
    return closed(case, CloseReason.COMPLETED, closed_at=ends_at, now=now, by=SYSTEM.account)


def _announce(
    tx: Connection,
    case: Case,
    staffed: frozenset[tuple[str, str]],
    result: SweepResult,
    now: datetime,
) -> None:
    rungs = case_notices(case, package_named(tx, case.package))
    to_tell, _, _ = due_now(rungs, None, now)
    if not to_tell or case.id is None:
        return
    before = {_said(*row) for row in _TOLD_BEFORE.rows(tx, {"case_id": case.id})}
    for rung in to_tell:
        row = _notice(case.id, case.unit, rung, staffed, now)
        if _said(row["task"], row["rung"], row["due_at"], row["unit"]) in before:
            continue
        told = _tell(tx, [row])
        if rung.rung == MISSED:
            result.missed += told
        else:
            result.notices += told


def _said(task: str, rung: str, due_at: datetime, unit: str) -> tuple[str, str, datetime, str]:
    """What makes a notice told once: not the role or unit it went to, which change meanwhile.

    A waiting transfer alone speaks to two units at once.
    """
    return task, rung, due_at, unit if rung == TRANSFER_WAITING else ""


_DECLINED: Final = frozenset({Participation.DECLINED.value, Participation.WITHDRAWN.value})

"""Which cases are to be shown as a run, and how a case is shown: codes, states and due times.

A case is shown once per change (`changed_seq`). The row in `shown` is claimed before the run
begins, so that two workers never show the same change; a claim whose worker died is free again
after `CLAIM`. Nothing here tells who a person is, took part, or what anybody answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cases import queries, standing
from cases.access import SYSTEM
from cases.model import Case, Step, StepState
from cases.queries import visible_binds, visible_cases
from cases.tables import case_, shown, task
from core.clock import iso_local
from core.statement import Prepared

CLAIM: Final = timedelta(minutes=5)
"""After that long without an end a showing is taken for lost."""

OVERDUE_SINCE: Final = timedelta(days=2)
"""How far back it is looked for tasks that became overdue after their case was shown."""


@dataclass(frozen=True, slots=True)
class ToShow:
    """A case that has changed since it was shown, or never was (`shown_seq` None)."""

    case_id: int
    ref: str
    unit: str
    phase: str
    version: int
    seq: int
    shown_seq: int | None

    @property
    def run_name(self) -> str:
        """The name of its run: opaque, and another for each version."""
        return run_name(self.ref, self.version)


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step as a run shows it: its state, its due time, and those of its tasks."""

    step: Step
    state: StepState
    due_at: datetime | None
    tasks: tuple[tuple[str, str, datetime | None], ...]


def run_name(ref: str, version: int) -> str:
    """`case-<ref>-v<n>`."""
    return f"case-{ref}-v{version}"


_SHOWN: Final = (
    select(
        case_.c.id,
        case_.c.ref,
        case_.c.unit,
        case_.c.phase,
        case_.c.version,
        case_.c.changed_seq,
        shown.c.seq,
    )
    .join(shown, shown.c.case_id == case_.c.id, isouter=True)
    .where(visible_cases(SYSTEM))
)
_BEHIND: Final = or_(
    shown.c.case_id.is_(None),
    shown.c.seq < case_.c.changed_seq,
    and_(
        shown.c.done_at.is_(None),
        shown.c.begun_at < bindparam("lost_before", type_=shown.c.begun_at.type),
    ),
)
_CHANGED: Final = Prepared(
    _SHOWN.where(
        case_.c.changed_seq > bindparam("floor", type_=case_.c.changed_seq.type),
        # One just opened is left to the trickle: an import opens thousands.
        or_(case_.c.version > 1, shown.c.case_id.is_not(None)),
        _BEHIND,
    )
    .order_by(case_.c.changed_seq.desc())
    .limit(bindparam("most"))
)
_BEHIND_AT_ALL: Final = Prepared(
    _SHOWN.where(case_.c.phase != "closed", _BEHIND)
    .order_by(case_.c.changed_seq.desc())
    .limit(bindparam("most"))
)
_SINCE_OPENED: Final = Prepared(
    _SHOWN.where(case_.c.changed_seq > bindparam("floor", type_=case_.c.changed_seq.type), _BEHIND)
    .order_by(case_.c.changed_seq.desc())
    .limit(bindparam("most"))
)
_FADING: Final = Prepared(
    _SHOWN.where(
        # As `phase` says too; this an index tells, however many were closed.
        case_.c.closed_at.is_(None),
        or_(
            shown.c.begun_at < bindparam("fades_before", type_=shown.c.begun_at.type),
            exists().where(
                task.c.case_id == case_.c.id,
                task.c.state == "open",
                task.c.due_at < bindparam("now", type_=task.c.due_at.type),
                task.c.due_at > bindparam("overdue_since", type_=task.c.due_at.type),
                task.c.due_at >= shown.c.begun_at,
            ),
        ),
    )
    .order_by(shown.c.begun_at)
    .limit(bindparam("most"))
)
_CLAIM_VALUES: Final[dict[str, Any]] = {
    name: bindparam(f"b_{name}") for name in ("seq", "version", "worker", "begun_at", "done_at")
}


def _claiming(insert: Any) -> Prepared:
    statement = insert(shown).values(case_id=bindparam("b_case_id"), **_CLAIM_VALUES)
    new = statement.excluded
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[shown.c.case_id],
            set_={name: new[name] for name in _CLAIM_VALUES},
            # The row is the lock: shown further, or being shown just now, is not ours.
            where=or_(
                shown.c.seq < new.seq,
                and_(
                    shown.c.seq == new.seq,
                    or_(
                        and_(
                            shown.c.done_at.is_(None),
                            shown.c.begun_at
                            < bindparam("lost_before", type_=shown.c.begun_at.type),
                        ),
                        and_(
                            shown.c.done_at.is_not(None),
                            shown.c.begun_at
                            < bindparam("again_before", type_=shown.c.begun_at.type),
                        ),
                    ),
                ),
            ),
        )
    )


_CLAIM: Final = {
    "sqlite": _claiming(sqlite.insert),
    "postgresql": _claiming(postgresql.insert),
}
_OURS: Final = and_(
    shown.c.case_id == bindparam("b_case_id"),
    shown.c.worker == bindparam("b_worker"),
    shown.c.seq == bindparam("b_seq"),
)
_DONE: Final = Prepared(update(shown).where(_OURS).values(done_at=bindparam("b_done_at")))
_GIVE_BACK: Final = Prepared(update(shown).where(_OURS).values(seq=bindparam("b_before")))
_FORGET: Final = Prepared(
    update(shown).where(shown.c.worker == bindparam("b_worker"), shown.c.done_at.is_(None))
    .values(seq=-1)
)  # fmt: skip


def changed(tx: Connection, *, floor: int, now: datetime, most: int) -> list[ToShow]:
    """Cases changed after `floor` (a `changed_seq`) and not shown since, the newest first.

    Those that were only opened yet are left out; see `behind`.
    """
    binds = {"floor": floor, "most": most, "lost_before": now - CLAIM}
    return [ToShow(*row) for row in _CHANGED.rows(tx, binds)]


def behind(tx: Connection, *, now: datetime, most: int, floor: int | None = None) -> list[ToShow]:
    """Cases that are behind, the newest change first: open ones of any age.

    With `floor` only those changed after it, closed ones too, which an index answers.
    """
    binds: dict[str, Any] = {"most": most, "lost_before": now - CLAIM}
    if floor is None:
        return [ToShow(*row) for row in _BEHIND_AT_ALL.rows(tx, binds)]
    return [ToShow(*row) for row in _SINCE_OPENED.rows(tx, binds | {"floor": floor})]


def fading(tx: Connection, *, now: datetime, kept: timedelta, most: int) -> list[ToShow]:
    """Open cases to be shown again although nothing changed.

    Their newest run is older than `kept`, or a task became overdue after it.
    """
    binds = {
        "fades_before": now - kept,
        "now": now,
        "overdue_since": now - OVERDUE_SINCE,
        "most": most,
    }
    return [ToShow(*row) for row in _FADING.rows(tx, binds)]


def claim(tx: Connection, case: ToShow, worker: str, *, now: datetime) -> bool:
    """Take a case to show it; False if another worker has."""
    values = {
        "b_case_id": case.case_id,
        "b_seq": case.seq,
        "b_version": case.version,
        "b_worker": worker,
        "b_begun_at": now,
        "b_done_at": None,
        "lost_before": now - CLAIM,
        # A change that was shown meanwhile is not shown twice, by whoever; one that fades is, and
        # the second of two workers that found it fading finds it freshly shown.
        "again_before": now - timedelta(seconds=1) if case.shown_seq == case.seq else _NEVER,
    }
    return _CLAIM[tx.dialect.name].run(tx, values) == 1


def done(tx: Connection, case: ToShow, worker: str, *, now: datetime) -> None:
    """The run is complete."""
    _DONE.run(tx, _ours(case, worker) | {"b_done_at": now})


def give_back(tx: Connection, case: ToShow, worker: str) -> None:
    """The run could not be made: the case is as it was before the claim."""
    before = -1 if case.shown_seq is None or case.shown_seq == case.seq else case.shown_seq
    _GIVE_BACK.run(tx, _ours(case, worker) | {"b_before": before})


def forget_worker(tx: Connection, worker: str) -> int:
    """A worker died: what it was showing is to be shown by others; how many cases."""
    return _FORGET.run(tx, {"b_worker": worker})


_NEVER: Final = datetime(1900, 1, 1, tzinfo=UTC)


def _ours(case: ToShow, worker: str) -> dict[str, Any]:
    return {"b_case_id": case.case_id, "b_worker": worker, "b_seq": case.seq}


def to_show(tx: Connection, ref: str) -> ToShow | None:
    """How a case is named and tagged now, None where there is none."""
    row = _BY_REF.row(tx, {"ref": ref} | visible_binds(SYSTEM))
    return None if row is None else ToShow(*row)


_BY_REF: Final = Prepared(_SHOWN.where(case_.c.ref == bindparam("ref")))


def step_of(case: Case, step: Step, *, now: datetime) -> StepShown:
    """How a step stands. Pure."""
    tasks = [each for each in case.tasks if each.step is step]
    told = tuple(
        (
            each.code,
            "overdue" if standing.is_overdue(each, now) else each.state.value,
            each.due_at,
        )
        for each in tasks
    )
    return StepShown(step, standing.step_state(tasks, now), standing.step_due(tasks), told)


def case_of(tx: Connection, ref: str) -> Case:
    """The case, to be shown. Raises `CaseNotFound`."""
    return queries.case_by_ref(tx, SYSTEM, ref)


def table_of(ref: str, steps: list[StepShown], *, page: str | None) -> str:
    """The Markdown of a case: tasks, states and due times under its reference, nothing else."""
    lines = [f"# {ref}", ""]
    if page is not None:
        lines += [f"[{page}]({page})", ""]
    lines += ["| step | task | state | due |", "|---|---|---|---|"]
    for number, step in enumerate(steps, start=1):
        lines.append(f"| **{number} {step.step.value}** | | **{step.state.value}** | |")
        for code, state, due_at in step.tasks:
            due = iso_local(due_at)[:16].replace("T", " ") if due_at is not None else ""
            lines.append(f"| | `{code}` | {state} | {due} |")
    return "\n".join(lines)

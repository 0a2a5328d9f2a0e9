"""What the leads of a unit look at: deviations, what was brought to them, what was recorded late.

Every question starts in `visible_cases(viewer)`. Lines hold states only; what belongs to the
history of participation is left out for those who may not read it. Instants are aware, UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Float, and_, case, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from cases import rules
from cases.access import Viewer
from cases.ladder import OFFER_AGAIN
from cases.model import LATE_ENTRY, Role
from cases.queries import visible_binds, visible_cases
from cases.store import Verb
from cases.tables import case_, case_event, notice, person, task
from cases.views import SEES_CONSENTS
from core.listed import tested

LEADING: Final = frozenset({Role.UNIT_LEAD, Role.HEALTH_LEAD})
LISTED: Final = "lead_lists_read"
MOST: Final = 100
"""Lines of one list; the newest come first."""

_SILENT: Final = frozenset({Verb.ADVANCED.value, Verb.REBASED.value, Verb.UNIT_MERGED.value})

_OF_TASKS: Final = frozenset({Verb.TASK_COMPLETED.value, Verb.TASK_WAIVED.value})
_SETTLED: Final = ("done", "waived")


@dataclass(frozen=True, slots=True)
class CaseOfLine:
    """Whose line it is."""

    ref: str
    person: str
    identity_enc: str | None
    unit: str
    package: str


@dataclass(frozen=True, slots=True)
class DeviationLine:
    """A task that was not done before the release; `corrected` once somebody typed it in after."""

    case: CaseOfLine
    code: str
    owner: str
    missed_at: datetime
    corrected: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class EscalationLine:
    """What the ladder told the viewer's role. `state` and `due_at` are the task's as it is now.

    `told_at` is when it was told, not when it was to be: a case may be known long after it began.
    `released` says whether the person is out, `release_on` when that was or is to be.
    """

    case: CaseOfLine
    code: str
    rung: str
    told_at: datetime
    state: str | None
    owner: str | None
    due_at: datetime | None
    release_on: date | None
    released: bool

    @property
    def is_open(self) -> bool:
        """Whether the task it was about still waits."""
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class LateLine:
    """A fact that was recorded more than 72 hours after it happened.

    `code` is the task that was done or set aside, None where it was something else.
    """

    case: CaseOfLine
    verb: str
    code: str | None
    happened_at: datetime
    recorded_at: datetime


_OF_CASE: Final = (
    case_.c.ref,
    person.c.ref.label("person"),
    person.c.identity_enc,
    case_.c.unit,
    case_.c.package,
)


def deviations(
    tx: Connection, viewer: Viewer, *, since: datetime, unit: str | None = None
) -> list[DeviationLine]:
    """The tasks missed at releases since then, the latest first; those not corrected before all."""
    _check(viewer)
    found = (
        select(*_OF_CASE, task.c.code, task.c.owner, task.c.missed_at, task.c.state, task.c.reason)
        .select_from(_joined().join(task, task.c.case_id == case_.c.id))
        .where(
            # What was missed since then says which cases are looked at, not what a unit ever had.
            visible_cases(viewer, found=True),
            task.c.missed_at >= since,
            task.c.state.in_(("missed", "done", "waived")),
            *_in(unit),
        )
        .order_by(
            case((task.c.state == "missed", 0), else_=1),
            task.c.missed_at.desc(),
            task.c.case_id,
            task.c.code,
        )
        .limit(MOST)
    )
    return [
        DeviationLine(
            CaseOfLine(*row[:5]),
            row.code,
            row.owner,
            row.missed_at,
            row.state != "missed",
            row.reason,
        )
        for row in tx.execute(found, visible_binds(viewer))
    ]


def escalations(
    tx: Connection, viewer: Viewer, *, since: datetime, unit: str | None = None
) -> list[EscalationLine]:
    """What was told to the viewer's role, each task once; what still waits first.

    What waits is here however long ago it was told, and also if it was told in a unit that the
    case has left since, as nobody is told anew: who leaves first stands first, and who is out after
    them, the last first. What was settled is here if it was told since then, the latest first; what
    was missed stands among the deviations.
    """
    _check(viewer)
    # What is open says which cases are looked at, and when it was told which notices: not all that
    # a unit ever had. Nothing is told before its time.
    waits = and_(task.c.state == "open", case_.c.next_due_at.is_not(None))
    told_since = and_(
        task.c.state.is_distinct_from("open"),
        task.c.state.is_distinct_from("missed"),
        notice.c.unit == case_.c.unit,
        notice.c.at >= since,
        notice.c.told_at >= since,
    )
    inside = case_.c.released_at.is_(None)
    leaves = (
        inside.desc(),
        case_.c.release_on.is_(None),
        case((inside, case_.c.release_on)),
        case_.c.release_on.desc(),
        task.c.due_at,
        case_.c.id,
    )
    latest = (notice.c.at.desc(), notice.c.id.desc())
    return [
        *_told(tx, viewer, waits, (*leaves, task.c.code, *latest), unit),
        *_told(tx, viewer, told_since, latest, unit),
    ]


def _told(
    tx: Connection, viewer: Viewer, which: Any, order: tuple[Any, ...], unit: str | None
) -> list[EscalationLine]:
    hidden = () if viewer.reads_health else (notice.c.rung != OFFER_AGAIN,)
    found = (
        select(
            *_OF_CASE,
            notice.c.task,
            notice.c.rung,
            notice.c.told_at,
            task.c.state,
            task.c.owner,
            task.c.due_at,
            case_.c.release_on,
            case_.c.released_at.is_not(None).label("released"),
        )
        .select_from(
            _joined()
            .join(notice, notice.c.case_id == case_.c.id)
            .outerjoin(task, and_(task.c.case_id == case_.c.id, task.c.code == notice.c.task))
        )
        .where(
            visible_cases(viewer),
            notice.c.to_role == viewer.role.value,
            which,
            *hidden,
            *_in(unit),
        )
        .order_by(*order)
        .limit(4 * MOST)
    )
    met: dict[tuple[str, str], EscalationLine] = {}
    for row in tx.execute(found, visible_binds(viewer)):
        about, told = (row.ref, row.task or row.rung), tuple(row)
        # A task is told of more than once: the latest rung stands for it.
        met.setdefault(about, EscalationLine(CaseOfLine(*told[:5]), *told[5:]))
    return list(met.values())[:MOST]


def late_entries(
    tx: Connection, viewer: Viewer, *, since: datetime, unit: str | None = None
) -> list[LateLine]:
    """What was recorded since then and had happened more than 72 hours before, the latest first."""
    _check(viewer)
    hidden = set(_SILENT)
    if not viewer.reads_health:
        hidden.add(Verb.ANSWERED.value)
    if viewer.role not in SEES_CONSENTS:
        hidden.add(Verb.CONSENT_RECORDED.value)
    found = (
        select(
            *_OF_CASE,
            case_event.c.verb,
            case_event.c.payload,
            case_event.c.happened_at,
            case_event.c.recorded_at,
        )
        .select_from(_joined().join(case_event, case_event.c.case_ref == case_.c.ref))
        .where(
            visible_cases(viewer),
            case_event.c.unit == case_.c.unit,
            case_event.c.chain_month >= f"{since:%Y-%m}",
            case_event.c.recorded_at >= since,
            case_event.c.verb.not_in(sorted(hidden)),
            _Hours(case_event.c.happened_at, case_event.c.recorded_at)
            > LATE_ENTRY.total_seconds() / 3600,
            *_in(unit),
        )
        .order_by(case_event.c.recorded_at.desc(), case_event.c.id.desc())
        .limit(MOST)
    )
    lines = [
        LateLine(
            CaseOfLine(*row[:5]),
            row.verb,
            _settled(row.payload) if row.verb in _OF_TASKS else None,
            row.happened_at,
            row.recorded_at,
        )
        for row in tx.execute(found, visible_binds(viewer))
    ]
    # SQLite reckons in fractions of a day: the limit itself is decided here.
    return [each for each in lines if each.recorded_at - each.happened_at > LATE_ENTRY]


def _settled(payload: str) -> str | None:
    """The task that an event says was done or set aside; others may have opened with it."""
    tasks: dict[str, dict[str, Any]] = json.loads(payload).get("tasks", {})
    return next((code for code, told in tasks.items() if told.get("state") in _SETTLED), None)


def _check(viewer: Viewer) -> None:
    rules.check_role(viewer, LEADING, "see the lists of the unit's leads")


def _joined() -> Any:
    return case_.join(person, person.c.id == case_.c.person_id)


def _in(unit: str | None) -> tuple[Any, ...]:
    return () if unit is None else (tested(case_.c.unit) == unit,)


class _Hours(FunctionElement[float]):
    """Elapsed hours from one instant to another."""

    type = Float()
    inherit_cache = True


@compiles(_Hours, "sqlite")
def _hours_sqlite(element: _Hours, compiler: Any, **more: Any) -> str:
    begin, end = (compiler.process(clause, **more) for clause in element.clauses)
    return f"((julianday({end}) - julianday({begin})) * 24.0 + 0.001)"


@compiles(_Hours, "postgresql")
def _hours_postgres(element: _Hours, compiler: Any, **more: Any) -> str:
    begin, end = (compiler.process(clause, **more) for clause in element.clauses)
    return f"(extract(epoch from ({end} - {begin})) / 3600.0)"

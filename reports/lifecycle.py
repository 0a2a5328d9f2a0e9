"""The life of a report: a unit submits its part, the national owner accepts, freezes, revises.

Each unit checks its figures after the period has ended and submits them with its experience
report: a row of `report` with the unit as scope, its figures as of that instant in the body. The
national owner accepts each part, and freezes the nation's report, also with units missing: they
are named in it. A frozen revision never changes; what arrives later makes a new one, which hides
at least what the earlier ones hid. Every step stands in the access log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from cases.access import Viewer
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Role
from cases.project import project_state
from core.chain import canonical, read_heads
from core.clock import iso_local, local_date
from core.db import Database, instant_text
from core.errors import BadInput, Busy, Conflict, NotAllowed, Refused
from reports.body import Kept, body_hash, text_of
from reports.definitions import VERSION
from reports.experience import Experience
from reports.figures import Report, cells, compare
from reports.left_out import without_protected
from reports.publish import (
    ASKED,
    LIVE,
    NATION,
    cut_of,
    earlier_publications,
    frozen_kept,
    frozen_revisions,
    shown,
    software,
    store_cells,
)
from reports.report import snapshot, unit_report, whole_report
from reports.tables import experience_report, report
from reports.tertial import Period
from reports.views import check_own_unit

if TYPE_CHECKING:
    from reports.suppression import Progress

SUBMITTING: Final = frozenset({Role.UNIT_LEAD, Role.HEALTH_LEAD, Role.COORDINATOR, Role.OPERATOR})
OWNING: Final = frozenset({Role.DIRECTORATE, Role.OPERATOR})
"""The national owner of the report: the directorates."""

_TRIES: Final = 3
_PARTS: Final = (
    select(report)
    .where(
        report.c.period == bindparam("period"),
        report.c.scope == bindparam("scope"),
    )
    .order_by(report.c.revision.desc())
)
_ACCEPT: Final = (
    update(report)
    .where(report.c.id == bindparam("part"), report.c.state == "submitted")
    .values(state="accepted", changed_at=bindparam("at"), changed_by=bindparam("by"))
)
_EXPERIENCES: Final = (
    select(experience_report)
    .where(experience_report.c.period == bindparam("period"))
    .order_by(experience_report.c.unit, experience_report.c.revision)
)


@dataclass(frozen=True, slots=True)
class Part:
    """A unit's part of a period. `as_of` is when it was submitted; `sha256` is over its figures."""

    unit: str
    state: str
    revision: int
    as_of: datetime | None = None
    in_time: bool = False
    experience: bool = False
    sha256: str | None = None


def submit(
    tx: Connection,
    viewer: Viewer,
    period: Period,
    unit: str,
    experience: Experience | None = None,
    *,
    now: datetime,
) -> Part:
    """Submit a unit's figures as they are now, with what the unit has experienced.

    For its leads and coordinators, once the period has ended. Submitting again before it is
    accepted replaces the part by a new revision; the first one's time stays for I18. Raises
    `Refused` before the end of the period, after acceptance and where no report is expected,
    `NotFound` for another's unit.
    """
    before = check_submit(tx, viewer, period, unit, now=now)
    figures = unit_report(tx, period, unit, now=now)
    revision = 1 if before is None else before.revision + 1
    body = canonical(
        {
            "period": str(period),
            "unit": unit,
            "as_of": instant_text(now),
            "figures": [
                [level, place, code, figure.numerator, figure.denominator, figure.pending]
                for level, place, code, figure in cells(figures)
            ],
        }
    )
    tx.execute(
        insert(report),
        _row(period, unit, revision, "submitted", now, viewer, body, as_of=now),
    )
    if experience is not None and experience.told:
        tx.execute(
            insert(experience_report),
            {
                "period": str(period),
                "unit": unit,
                "revision": revision,
                "body": canonical(experience.plain()),
                "recorded_at": now,
                "by": viewer.account,
            },
        )
    _log(tx, viewer, unit, "report_submitted", now)
    return part_of(tx, period, unit)


def check_submit(
    tx: Connection, viewer: Viewer, period: Period, unit: str, *, now: datetime
) -> Any:
    """Everything that can stand against submitting, as `submit` says; the newest part, or None."""
    check_own_unit(viewer, unit)
    if viewer.role not in SUBMITTING:
        raise NotAllowed("Reports are submitted by the unit's leads and its coordinator.")
    _check_ended(period, now)
    if not expected(tx, period, unit, now=now):
        raise Refused(
            f"No report of {unit} is expected for {period}: the unit was not in the project on "
            f"{period.last_on}."
        )
    before = _newest(tx, period, unit)
    if before is not None and before.state == "accepted":
        raise Refused(
            f"The report of {unit} for {period} is accepted: a correction comes with the next "
            "revision of the national report by itself."
        )
    return before


def accept(tx: Connection, viewer: Viewer, period: Period, unit: str, *, now: datetime) -> Part:
    """Accept a unit's part. For the national owner; raises `Refused` where nothing is submitted."""
    _check_owner(viewer)
    before = _newest(tx, period, unit)
    if before is None:
        raise Refused(f"{unit} has not submitted {period}.")
    if tx.execute(_ACCEPT, {"part": before.id, "at": now, "by": viewer.account}).rowcount != 1:
        raise Conflict(f"The report of {unit} for {period} is {before.state} already.")
    _log(tx, viewer, unit, "report_accepted", now)
    return part_of(tx, period, unit)


def freeze(
    db: Database,
    viewer: Viewer,
    period: Period,
    *,
    now: datetime,
    threshold: int,
    progress: Progress | None = None,
) -> Report:
    """Freeze the nation's report as of now, as revision 1; units that are missing are named in it.

    Gives what is published. Raises `Refused` before the period has ended, `Conflict` where it is
    frozen already.
    """
    return _freeze(db, viewer, period, 1, now=now, threshold=threshold, progress=progress)


def revise(
    db: Database,
    viewer: Viewer,
    period: Period,
    *,
    now: datetime,
    threshold: int,
    progress: Progress | None = None,
) -> Report:
    """Freeze a new revision with what has arrived since; the earlier ones stay as they are.

    Raises `Refused` where nothing is frozen yet, or no figure has changed.
    """
    with snapshot(db) as tx:
        revisions = frozen_revisions(tx, period)
    if not revisions:
        raise Refused(f"{period} is not frozen yet: freeze it first.")
    return _freeze(
        db, viewer, period, revisions[-1] + 1, now=now, threshold=threshold, progress=progress
    )


def parts(tx: Connection, period: Period, *, now: datetime) -> list[Part]:
    """Every unit in the project on the period's last day (or today), with how far its part is."""
    return [part_of(tx, period, unit) for unit in expected_units(tx, period, now=now)]


def expected(tx: Connection, period: Period, unit: str, *, now: datetime) -> bool:
    """Whether a report is expected of a unit, by the rule of `parts`; an unknown unit's is not."""
    return unit in expected_units(tx, period, now=now)


def reported(tx: Connection, period: Period, units: Iterable[str]) -> frozenset[str]:
    """Those of some units that have submitted their part, accepted or not."""
    sent = select(report.c.scope).where(
        report.c.period == str(period), report.c.scope.in_(sorted(units))
    )
    return frozenset(tx.execute(sent).scalars())


def part_of(tx: Connection, period: Period, unit: str) -> Part:
    """How far the part of a unit is."""
    rows = tx.execute(_PARTS, {"period": str(period), "scope": unit}).all()
    told = any(row.unit == unit for row in tx.execute(_EXPERIENCES, {"period": str(period)}))
    if not rows:
        return Part(unit, "open", 0, experience=told)
    in_time = any(local_date(row.as_of) <= period.due_on for row in rows)
    newest = rows[0]
    return Part(unit, newest.state, newest.revision, newest.as_of, in_time, told, newest.sha256)


def experiences(tx: Connection, viewer: Viewer, period: Period) -> dict[str, Mapping[str, Any]]:
    """What each unit told last: all for the national owner, their own for others, by unit."""
    return {
        row.unit: json.loads(row.body)
        for row in tx.execute(_EXPERIENCES, {"period": str(period)})
        if viewer.role in OWNING or row.unit in viewer.units
    }


def expected_units(tx: Connection, period: Period, *, now: datetime) -> list[str]:
    """The units of which a report is expected: in the project on the period's last day (or today).

    By what was recorded up to `now`.
    """
    on = min(period.last_on, local_date(now))
    return [unit for unit, state in project_state(tx, on, as_of=now).items() if state.in_project]


def _freeze(
    db: Database,
    viewer: Viewer,
    period: Period,
    revision: int,
    *,
    now: datetime,
    threshold: int,
    progress: Progress | None,
) -> Report:
    _check_owner(viewer)
    _check_ended(period, now)
    for _ in range(_TRIES):
        with snapshot(db) as tx:
            revisions = frozen_revisions(tx, period)
            if revision in revisions:
                raise Conflict(f"{period} is frozen already: what arrived later is a revision.")
            kept, known = _to_freeze(tx, period, now=now, threshold=threshold, progress=progress)
        with db.write() as tx:
            if frozen_revisions(tx, period) == revisions and known == _publications(tx, period):
                return _store(tx, viewer, period, revision, kept, now=now)
    raise Busy


def _to_freeze(
    tx: Connection, period: Period, *, now: datetime, threshold: int, progress: Progress | None
) -> tuple[Kept, int]:
    whole = without_protected(tx, whole_report(tx, period, now=now))
    frozen = frozen_kept(tx, period)
    if frozen and not compare(frozen[-1].report, whole):
        raise Refused(
            f"No published figure of {period} has changed since revision {len(frozen)} was frozen."
        )
    standing = parts(tx, period, now=now)
    more = {
        "missing": [part.unit for part in standing if part.state == "open"],
        "not_accepted": [part.unit for part in standing if part.state == "submitted"],
        "experience": [part.unit for part in standing if part.experience],
        "heads": [
            [head.log, head.scope, head.month, head.seq, head.mac]
            for head in read_heads(tx)
            if head.open
        ],
    }
    kept = cut_of(
        tx,
        period,
        whole,
        threshold=threshold,
        before=earlier_publications(tx, period),
        keep=frozenset().union(*(each.hidden for each in frozen)),
        progress=progress,
        more=more,
    )
    return kept, _publications(tx, period)


def _store(
    tx: Connection, viewer: Viewer, period: Period, revision: int, kept: Kept, *, now: datetime
) -> Report:
    body = text_of(kept)
    tx.execute(
        insert(report),
        _row(period, NATION, revision, "frozen", now, viewer, body, as_of=kept.report.as_of),
    )
    row = tx.execute(_PARTS.limit(1), {"period": str(period), "scope": NATION}).one()
    store_cells(tx, row.id, kept)
    _log(tx, viewer, SYSTEM_SCOPE, "report_frozen" if revision == 1 else "report_revised", now)
    return shown(tx, period, row)


def _publications(tx: Connection, period: Period) -> int:
    """How many publications of a period there are: a new one must be attacked too."""
    stored = select(report.c.id).where(
        report.c.period == str(period), report.c.scope.in_((NATION, LIVE, ASKED))
    )
    return len(tx.execute(stored).all())


def _row(  # noqa: PLR0917 - the columns of the row, in their order
    period: Period,
    scope: str,
    revision: int,
    state: str,
    now: datetime,
    viewer: Viewer,
    body: str,
    *,
    as_of: datetime,
) -> dict[str, object]:
    return {
        "period": str(period),
        "scope": scope,
        "revision": revision,
        "state": state,
        "as_of": as_of,
        "definitions": VERSION,
        "software": software(),
        "body": body,
        "sha256": body_hash(body),
        "changed_at": now,
        "changed_by": viewer.account,
    }


def _newest(tx: Connection, period: Period, unit: str) -> Any:
    if unit in (NATION, "live"):
        raise BadInput("unknown_unit", f"There is no unit {unit!r}.", "unit")
    return tx.execute(_PARTS.limit(1), {"period": str(period), "scope": unit}).first()


def _check_ended(period: Period, now: datetime) -> None:
    if now < period.next_at:
        raise Refused(
            f"{period} lasts until {period.last_on}: at {iso_local(now)} its figures still grow."
        )


def _check_owner(viewer: Viewer) -> None:
    if viewer.role not in OWNING:
        raise NotAllowed("The national owner (the directorates) accepts and freezes reports.")


def _log(tx: Connection, viewer: Viewer, scope: str, verb: str, now: datetime) -> None:
    row = AccessRow(scope, now, viewer.account, viewer.role.value, verb)
    append(tx, [row], now=now)

"""The life of a unit in the project, and what I18 asks of it on a day.

`interested` → `contract_signed` → `active` → `paused` | `withdrawn`; a paused unit may become
active again, a withdrawn one may come back. The record is append-only: for a day the latest entry
about it counts, by the day it is about (no day: always) and then by when it was recorded.

*In the project* are the units that have signed and not withdrawn: contract signed, active, paused.
`units.csv` says only a cohort year (then the unit is active) or none (then it is interested).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, insert, select

from cases import distributors, organisation, rules
from cases.access import Viewer
from cases.journal import AccessRow, append
from cases.model import Role
from cases.tables import unit_project
from core.clock import local_date
from core.errors import BadInput, Refused

RECORDING: Final = frozenset({Role.ADMIN})
EARLIEST_COHORT: Final = 2000
LATEST_COHORT: Final = 2100
YES: Final = "yes"


class Stage(StrEnum):
    """Where a unit stands in the project."""

    INTERESTED = "interested"
    CONTRACT_SIGNED = "contract_signed"
    ACTIVE = "active"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"


NALOXONE: Final = "naloxone_introduced"
LEARNING_NETWORK: Final = "learning_network"
VISIT: Final = "visit"

IN_PROJECT: Final = frozenset({Stage.CONTRACT_SIGNED, Stage.ACTIVE, Stage.PAUSED})
FOLLOWS: Final[dict[Stage | None, frozenset[Stage]]] = {
    None: frozenset({Stage.INTERESTED, Stage.CONTRACT_SIGNED, Stage.ACTIVE}),
    Stage.INTERESTED: frozenset({Stage.CONTRACT_SIGNED, Stage.WITHDRAWN}),
    Stage.CONTRACT_SIGNED: frozenset({Stage.ACTIVE, Stage.WITHDRAWN}),
    Stage.ACTIVE: frozenset({Stage.PAUSED, Stage.WITHDRAWN}),
    Stage.PAUSED: frozenset({Stage.ACTIVE, Stage.WITHDRAWN}),
    Stage.WITHDRAWN: frozenset({Stage.INTERESTED, Stage.CONTRACT_SIGNED}),
}


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A unit in the project on a day. `naloxone`: introduced by that day, known date or not.

    `since` is when the stage began, None where nobody said; `distributors` are certified on the
    day; `networks` and `visits` are counted up to and with it.
    """

    unit: str
    stage: Stage | None = None
    since: date | None = None
    cohort_year: int | None = None
    naloxone: bool = False
    naloxone_on: date | None = None
    distributors: int = 0
    networks: int = 0
    visits: int = 0

    @property
    def in_project(self) -> bool:
        """Whether the unit counts among the units in the project (the denominator of I18)."""
        return self.stage in IN_PROJECT


def record_stage(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    stage: str,
    *,
    on: date,
    now: datetime,
    cohort_year: int | None = None,
) -> ProjectState:
    """Record that a unit came to a stage on a day; becoming active names the cohort.

    Without `cohort_year` it is the one it had before, else the year of the day.
    """
    code = _unit(tx, viewer, unit, on)
    to = rules.one_of(Stage, stage, "stage")
    before = state_of(tx, code, on)
    if to not in FOLLOWS[before.stage]:
        after = ", ".join(sorted(FOLLOWS[before.stage]))
        raise Refused(f"{code} is {before.stage or 'not in the project'}: what follows is {after}.")
    if cohort_year is not None and to is not Stage.ACTIVE:
        raise BadInput("cohort_not_asked", "A cohort year belongs to active.", "cohort_year")
    year = cohort_year or before.cohort_year or on.year
    if not EARLIEST_COHORT <= year <= LATEST_COHORT:
        raise BadInput("out_of_range", f"{year} is no cohort year: check it.", "cohort_year")
    value = str(year) if to is Stage.ACTIVE else None
    _write(tx, viewer, code, to.value, on=on, value=value, now=now)
    return state_of(tx, code, on)


def introduce_naloxone(
    tx: Connection, viewer: Viewer, unit: str, *, on: date | None, now: datetime
) -> ProjectState:
    """Record that naloxone was introduced in a unit: on a day, or (None) on an unknown one."""
    today = on or local_date(now)
    code = _unit(tx, viewer, unit, today)
    value = on.isoformat() if on else YES
    _write(tx, viewer, code, NALOXONE, on=on, value=value, now=now)
    return state_of(tx, code, today)


def attend_network(tx: Connection, viewer: Viewer, unit: str, *, on: date, now: datetime) -> None:
    """Record that a unit took part in a learning network on a day."""
    _once(tx, viewer, unit, LEARNING_NETWORK, on=on, now=now)


def record_visit(tx: Connection, viewer: Viewer, unit: str, *, on: date, now: datetime) -> None:
    """Record a visit of the national project to a unit on a day."""
    _once(tx, viewer, unit, VISIT, on=on, now=now)


def state_of(tx: Connection, unit: str, on: date) -> ProjectState:
    """One unit in the project on a day."""
    return project_state(tx, on).get(unit, ProjectState(unit))


def project_state(
    tx: Connection, on: date, *, as_of: datetime | None = None
) -> dict[str, ProjectState]:
    """Every unit that stands on a day, by code, with its place in the project on that day.

    With `as_of`, what was recorded later is left out.
    """
    states = {each.code: ProjectState(each.code) for each in organisation.units(tx, on)}
    query = select(
        unit_project.c.unit, unit_project.c.event, unit_project.c.on, unit_project.c.value
    ).order_by(unit_project.c.on.is_not(None), unit_project.c.on, unit_project.c.id)
    if as_of is not None:
        query = query.where(unit_project.c.recorded_at <= as_of)
    for row in tx.execute(query):
        if row.unit in states and (row.on is None or row.on <= on):
            states[row.unit] = _after(states[row.unit], row.event, row.on, row.value, on)
    for code, count in distributors.how_many(tx, on, as_of=as_of).items():
        if code in states:
            states[code] = replace(states[code], distributors=count)
    return states


def follow_merger(
    tx: Connection,
    viewer: Viewer,
    merging: Iterable[str],
    into: str,
    *,
    on: date,
    now: datetime,
) -> None:
    """A unit outside the project takes up the project life of those that become part of it."""
    # Those that end on the day no longer stand on it: they are asked as they were the day before.
    eve = project_state(tx, date.fromordinal(on.toordinal() - 1))
    theirs = [eve[code] for code in merging if code in eve and eve[code].in_project]
    ours = state_of(tx, into, on)
    if not theirs:
        return
    if not ours.in_project:
        years = [each.cohort_year for each in theirs if each.cohort_year is not None]
        active = any(each.stage is Stage.ACTIVE for each in theirs)
        stage = Stage.ACTIVE if active else min(theirs, key=_rank).stage or Stage.ACTIVE
        year = str(min(years, default=on.year)) if stage is Stage.ACTIVE else None
        _write(tx, viewer, into, stage.value, on=on, value=year, now=now)
    if not ours.naloxone and any(each.naloxone for each in theirs):
        days = [each.naloxone_on for each in theirs if each.naloxone and each.naloxone_on]
        known = min(days, default=None)
        value = known.isoformat() if known else YES
        _write(tx, viewer, into, NALOXONE, on=on, value=value, now=now)


# --- inside --------------------------------------------------------------------------------------


def _after(
    state: ProjectState, event: str, day: date | None, value: str | None, on: date
) -> ProjectState:
    if event == NALOXONE:
        return replace(state, naloxone=_introduced_by(on, value), naloxone_on=_as_date(value))
    if event == LEARNING_NETWORK:
        return replace(state, networks=state.networks + 1)
    if event == VISIT:
        return replace(state, visits=state.visits + 1)
    cohort = int(value) if event == Stage.ACTIVE and value else state.cohort_year
    return replace(state, stage=Stage(event), since=day, cohort_year=cohort)


def _introduced_by(on: date, value: str | None) -> bool:
    """Whether "2018-05-01", "2018" or "yes" says that it was introduced by a day."""
    known = _as_date(value)
    if known is not None:
        return known <= on
    return not (value and value.isascii() and value.isdigit()) or int(value) <= on.year


def _as_date(value: str | None) -> date | None:
    """The day that was said; a year or a bare yes leaves the day unknown."""
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None


def _rank(state: ProjectState) -> int:
    return (Stage.PAUSED, Stage.CONTRACT_SIGNED).index(state.stage or Stage.CONTRACT_SIGNED)


def _unit(tx: Connection, viewer: Viewer, unit: str, on: date) -> str:
    rules.check_role(viewer, RECORDING, "record the life of a unit in the project")
    rules.check_reachable(on, "on")
    return organisation.standing_code(tx, unit, on)


def _once(
    tx: Connection, viewer: Viewer, unit: str, event: str, *, on: date, now: datetime
) -> None:
    code = _unit(tx, viewer, unit, on)
    same = select(unit_project.c.id).where(
        unit_project.c.unit == code, unit_project.c.event == event, unit_project.c.on == on
    )
    if tx.execute(same).first() is not None:
        raise Refused(f"{event} of {code} on {on} is recorded already.")
    _write(tx, viewer, code, event, on=on, now=now)


def _write(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    event: str,
    *,
    on: date | None,
    value: str | None = None,
    now: datetime,
) -> None:
    tx.execute(
        insert(unit_project),
        {
            "unit": unit,
            "event": event,
            "on": on,
            "value": value,
            "recorded_at": now,
            "by": viewer.account,
        },
    )
    row = AccessRow(unit, now, viewer.account, viewer.role.value, f"project_{event}")
    append(tx, [row], now=now)

"""PURE: what the merger of a unit does to a case that it owns.

The case goes to the new unit at the local midnight that begins the day of the merger: no proposal,
no acceptance, never a moment without an owner. What happened before that midnight stays credited
to the old unit, also when the merger is typed in weeks later; what was recorded for the old unit
after it happened in the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cases.model import Case, Stay, Transfer, TransferState


@dataclass(frozen=True, slots=True)
class Merger:
    """What a unit became part of, and the midnight at which it did."""

    into: str
    at: datetime


def moved(case: Case, mergers: Mapping[str, Merger], *, now: datetime) -> Case:
    """The case in the unit that its own has become, its transfers put right.

    A proposal to a merged unit is one to its successor; where that is the owner itself, the merger
    has done it and the proposal is taken back.
    """
    met: set[str] = set()
    while case.unit in mergers and case.unit not in met:
        met.add(case.unit)
        case = _into(case, mergers[case.unit])
    if case.open_transfer is None:
        return case
    transfers = tuple(
        _readdressed(each, case.unit, mergers, now) if each is case.open_transfer else each
        for each in case.transfers
    )
    return case if transfers == case.transfers else replace(case, transfers=transfers)


def owner_at(case: Case, instant: datetime) -> str:
    """The unit that owned the case at an instant; before the admission, the admitting one."""
    for stay in case.stays:
        if stay.to_at is None or instant < stay.to_at:
            return stay.unit
    return case.unit


def _into(case: Case, merger: Merger) -> Case:
    old, new = case.unit, merger.into
    last = case.stays[-1]
    if last.from_at >= merger.at:
        # It came to the old unit when that had ceased to be: it came to the new one.
        stays = (*case.stays[:-1], replace(last, unit=new))
    else:
        arrival = Stay(last.seq + 1, new, merger.at)
        stays = (*case.stays[:-1], replace(last, to_at=merger.at), arrival)
    admitted_unit, released_unit = case.admitted_unit, case.released_unit
    if case.admitted_at >= merger.at and admitted_unit == old:
        admitted_unit = new
    if case.released_at is not None and case.released_at >= merger.at and released_unit == old:
        released_unit = new
    tasks = tuple(
        replace(task, done_unit=new)
        if task.done_unit == old and task.done_at is not None and task.done_at >= merger.at
        else task
        for task in case.tasks
    )
    return replace(
        case,
        unit=new,
        stays=stays,
        admitted_unit=admitted_unit,
        released_unit=released_unit,
        tasks=tasks,
    )


def _readdressed(
    waiting: Transfer, owner: str, mergers: Mapping[str, Merger], now: datetime
) -> Transfer:
    to_unit = waiting.to_unit
    met: set[str] = set()
    while to_unit in mergers and to_unit not in met:
        met.add(to_unit)
        to_unit = mergers[to_unit].into
    if to_unit == owner:
        return replace(waiting, state=TransferState.REVOKED, answered_at=now, answered_by="system")
    return replace(waiting, from_unit=owner, to_unit=to_unit)

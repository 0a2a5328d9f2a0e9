"""One open task of a list, and which tasks a list asks for. PURE.

The database is asked the same (`worklist`) where a list looks at more cases than it has rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from cases.model import Owner, Step
from cases.put_off import leaves_soon

NOBODY: Final = ""
"""In place of an account: tasks that are given to nobody."""

BOOKED: Final = "talk_booked"
HELD: Final = "talk_held"
"""The booking of the release talk, and the talk."""


class TaskLine(NamedTuple):
    """One open task of a list, with what its row needs of the case."""

    ref: str
    person: str
    identity_enc: str | None
    unit: str
    package: str
    participation: str
    phase: str
    release_on: date | None
    version: int
    code: str
    step: str
    owner: str
    due_at: datetime
    assigned_to: str | None
    snoozed_until: datetime | None
    """For how long it was wanted off the board; when it is back says `put_off.off_until`."""

    assigned_by: str | None
    snoozed_by: str | None
    held: bool
    """Whether it is the booking of a talk that was held: a tick is left of it, nothing to do."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tasks are asked for, in which order. `until`: due before this instant.

    `assigned_to` is an account's reference, or `NOBODY`. Snoozed tasks are left out until their
    time (`put_off.off_until`), unless `with_snoozed`; with `only_snoozed` all others are. `sort` is
    `due`, `release` or `unit`.
    """

    until: datetime
    unit: str | None = None
    step: Step | None = None
    owners: tuple[Owner, ...] = ()
    assigned_to: str | None = None
    with_snoozed: bool = False
    only_snoozed: bool = False
    sort: str = "due"


def asked_for(
    lines: Iterable[TaskLine], wanted: Filter, *, now: datetime, places: Mapping[str, int]
) -> list[TaskLine]:
    """Those of the lines that the filter meets, in the order of their due times.

    Of `wanted` all holds but `sort`; whose cases they are was asked when they were read. `places`
    says which case comes first of those in which something is due at the same time.
    """
    found = [line for line in lines if line.due_at < wanted.until]
    if wanted.unit is not None:
        found = [line for line in found if line.unit == wanted.unit]
    if wanted.step is not None:
        found = [line for line in found if line.step == wanted.step]
    if wanted.owners:
        found = [line for line in found if line.owner in wanted.owners]
    if wanted.assigned_to is not None:
        whose = wanted.assigned_to or None
        found = [line for line in found if line.assigned_to == whose]
    if wanted.only_snoozed or not wanted.with_snoozed:
        found = [line for line in found if is_awake(line, now) is not wanted.only_snoozed]
    return sorted(found, key=lambda line: (line.due_at, places[line.ref], line.code))


def is_awake(line: TaskLine, now: datetime) -> bool:
    """Whether a task stands on the board, as far as it was put off."""
    return (
        line.snoozed_until is None
        or line.snoozed_until <= now
        or leaves_soon(line.release_on, line.phase, now)
    )

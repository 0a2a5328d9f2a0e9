"""Leave, treatment under § 12 and halfway house: no release, but the same risk outside.

The brief information is offered again before each of them. That it was given again is a fact of
the absence; the task `brief_info` keeps its one completion and its place in the counts (see
docs/adr/0020). The notice `offer_info_again` goes to the coordinator.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from cases import queries, rules, store
from cases.access import COMPLETERS, Viewer
from cases.model import Absence, AbsenceKind, Case, Owner, Phase, Role
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from core.clock import local_date
from core.errors import BadInput, Conflict, NotFound, Refused

RECORDING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.OFFICER})


class AbsenceNotFound(NotFound):
    """The case has no absence of that number."""

    message_key = "error.absence_not_found"


def record_leave(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    kind: str,
    *,
    from_on: date,
    to_on: date | None,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Record an absence from `from_on` to `to_on`, both included; None: its end is not known.

    It may lie ahead or be entered late. Raises `Conflict` where it overlaps another of its kind.
    """
    before = _to_change(tx, viewer, ref, version)
    of_kind = rules.one_of(AbsenceKind, kind, "kind")
    rules.check_reachable(from_on, "from_on")
    if to_on is not None:
        rules.check_reachable(to_on, "to_on")
        if to_on < from_on:
            raise BadInput("ends_before_it_begins", f"It ends {to_on}, before {from_on}.", "to_on")
    if from_on < local_date(before.admitted_at):
        raise BadInput(
            "before_admission",
            f"{from_on} is before the admission {local_date(before.admitted_at)}: check both.",
            "from_on",
        )
    absence = Absence(
        seq=len(before.absences) + 1,
        kind=of_kind,
        from_on=from_on,
        to_on=to_on,
        recorded_at=now,
        by=viewer.account,
    )
    for other in before.absences:
        if other.cancelled_at is None and other.kind is of_kind and _overlap(other, absence):
            raise Conflict(
                f"A {of_kind} from {other.from_on} is recorded already (number {other.seq}): "
                "cancel that one if it changed.",
                {"absence": other.seq, "version": before.version},
            )
    return _written(tx, viewer, before, absence, Verb.ABSENCE_RECORDED, now=now)


def cancel_leave(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    seq: int,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Say that an absence does not, or did not, take place. Nothing is offered for it any more."""
    before = _to_change(tx, viewer, ref, version)
    absence = replace(_standing(before, seq), cancelled_at=now)
    return _written(tx, viewer, before, absence, Verb.ABSENCE_RECORDED, now=now)


def inform_again(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    seq: int,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    version: int | None = None,
) -> Case:
    """Record that the brief information was given again for an absence; no task changes."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, COMPLETERS[Owner.ANY], "give the brief information")
    absence = _standing(before, seq)
    if absence.informed_at is not None:
        raise Conflict(
            f"That was recorded already, by {absence.informed_by}.", {"version": before.version}
        )
    at = happened_at or now
    rules.check_happened(before, at, now=now, field="happened_at")
    absence = replace(absence, informed_at=at, informed_recorded_at=now, informed_by=viewer.account)
    return _written(tx, viewer, before, absence, Verb.INFORMED_AGAIN, now=now, happened_at=at)


def _to_change(tx: Connection, viewer: Viewer, ref: str, version: int | None) -> Case:
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, RECORDING, "record a leave")
    rules.check_open(before)
    if before.phase is not Phase.IN_PRISON:
        raise Refused("The person is released: there is no leave from prison any more.")
    return before


def _standing(case: Case, seq: int) -> Absence:
    for absence in case.absences:
        if absence.seq == seq:
            if absence.cancelled_at is not None:
                raise Conflict("That absence was cancelled.", {"version": case.version})
            return absence
    raise AbsenceNotFound(f"The case has no absence number {seq}.")


def _overlap(one: Absence, other: Absence) -> bool:
    return (other.to_on is None or one.from_on <= other.to_on) and (
        one.to_on is None or other.from_on <= one.to_on
    )


def _written(
    tx: Connection,
    viewer: Viewer,
    before: Case,
    absence: Absence,
    verb: Verb,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> Case:
    kept = tuple(each for each in before.absences if each.seq != absence.seq)
    changed = replace(before, absences=(*kept, absence))
    after = replan(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, verb, viewer, now=now, happened_at=happened_at)

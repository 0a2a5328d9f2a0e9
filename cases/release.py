"""Release dates, the release itself, and closing a case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from cases import queries, rules, store
from cases.access import Viewer
from cases.merging import owner_at
from cases.model import (
    Case,
    CloseReason,
    Destination,
    Phase,
    ReleaseDate,
    ReleaseKind,
    Role,
    Source,
    UnplannedReason,
)
from cases.phase import RECORDED, with_phase, without_open_transfer
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from core.clock import iso_local, local_date
from core.errors import BadInput, Conflict, Refused

DATING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD})
RELEASING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.OFFICER})
CLOSING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD})
BY_HAND: Final = RECORDED - {CloseReason.COMPLETED}


def with_release_date(
    case: Case,
    on: date | None,
    kind: ReleaseKind,
    source: Source,
    by: str,
    *,
    now: datetime,
) -> Case:
    """The case with one more record about the date of a kind; the same again changes nothing."""
    latest = None
    for record in case.release_dates:
        if record.kind is kind:
            latest = record
    if (latest.on if latest is not None else None) == on:
        return case
    record = ReleaseDate(len(case.release_dates) + 1, kind, on, source, now, by)
    return replace(case, release_dates=(*case.release_dates, record))


def set_release_date(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    on: date | None,
    *,
    kind: str,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Record the release date of a kind, or with `None` withdraw that kind's date."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, DATING, "set release dates")
    of_kind = rules.one_of(ReleaseKind, kind, "kind")
    rules.check_open(before)
    if before.phase is not Phase.IN_PRISON:
        raise Refused("The person is released already: the release date is the actual one.")
    if on is not None:
        rules.check_reachable(on, "release date")
        if on < local_date(before.admitted_at):
            raise BadInput(
                "before_admission",
                f"The release date {on} is before the admission "
                f"{local_date(before.admitted_at)}: check both.",
                "on",
            )
    dated = with_release_date(before, on, of_kind, Source.STAFF, viewer.account, now=now)
    if on is None and dated is before:
        raise Refused(f"No {of_kind} date is known: there is nothing to withdraw.")
    after = replan(before, dated, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, Verb.RELEASE_DATE_SET, viewer, now=now)


def released(
    case: Case,
    *,
    released_at: datetime,
    destination: Destination,
    unplanned: UnplannedReason | None,
    source: Source,
    now: datetime,
) -> Case:
    """The case with its release recorded, before it is replanned. Revokes an open transfer."""
    return without_open_transfer(
        replace(
            case,
            released_at=released_at,
            release_recorded_at=now,
            release_source=source,
            released_unit=owner_at(case, released_at),
            destination=destination,
            unplanned=unplanned,
        ),
        now=now,
    )


def release(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    *,
    now: datetime,
    released_at: datetime | None = None,
    to: str = "liberty",
    unplanned: str | None = None,
    version: int | None = None,
) -> Case:
    """Record the actual release. What was to be done before it and was not becomes `missed`."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, RELEASING, "record a release")
    at = released_at or now
    destination = rules.one_of(Destination, to, "to")
    reason = rules.one_of(UnplannedReason, unplanned, "unplanned") if unplanned else None
    if before.released_at is not None:
        raise Conflict(
            f"The release is recorded already, at {iso_local(before.released_at)}.",
            {"released_at": iso_local(before.released_at), "version": before.version},
        )
    rules.check_open(before)
    rules.check_happened(before, at, now=now, field="released_at")
    changed = released(
        before,
        released_at=at,
        destination=destination,
        unplanned=reason,
        source=Source.STAFF,
        now=now,
    )
    after = replan(
        before, with_phase(changed, now=now), package_named(tx, before.package), now=now
    )  # fmt: skip
    return store.write_changes(tx, before, after, Verb.RELEASED, viewer, now=now, happened_at=at)


def closed(case: Case, reason: CloseReason, *, closed_at: datetime, now: datetime, by: str) -> Case:
    """The case closed for a recorded reason, before it is replanned. Revokes an open transfer."""
    return without_open_transfer(
        replace(case, phase=Phase.CLOSED, close_reason=reason, closed_at=closed_at),
        now=now,
        by=by,
    )


def close(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    reason: str,
    *,
    now: datetime,
    closed_at: datetime | None = None,
    version: int | None = None,
) -> Case:
    """Close a case for a reason that a person records; it ends what still waited.

    `completed` comes by itself after day 42; `declined`, `withdrawn` and `not_participating`
    follow from the answer and the release.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, CLOSING, "close a case")
    rules.check_version(before, version)
    why = rules.one_of(CloseReason, reason, "reason")
    if why not in BY_HAND:
        raise Refused(
            f"{why} is not recorded by hand: it follows from the answer, the release or the end of "
            f"follow-up. By hand: {', '.join(sorted(BY_HAND))}."
        )
    if before.phase is Phase.CLOSED:
        raise Conflict(
            f"The case is closed already ({before.close_reason}).",
            {"close_reason": before.close_reason, "version": before.version},
        )
    at = closed_at or now
    rules.check_happened(before, at, now=now, field="closed_at")
    if before.released_at is not None and at < before.released_at:
        raise BadInput(
            "before_release",
            f"{iso_local(at)} is before the release {iso_local(before.released_at)}: give when the "
            "case ended",
            "closed_at",
        )
    changed = closed(before, why, closed_at=at, now=now, by=viewer.account)
    after = replan(before, changed, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, Verb.CLOSED, viewer, now=now, happened_at=at)

"""A release that was recorded wrongly is taken back: the case is what it was without it.

What followed from the release goes with it: the person is in prison again, the date in force is
the strongest planned one, what was missed waits again and is no deviation, messages are cancelled,
a closing that the release had brought is gone, and a transfer that it had revoked waits for its
answer again. What people recorded beside the release stays and is undone by itself: completions,
answers, outcomes, kits. Of a short form only what it waived as `too_short_notice` goes with it.

Events keep the release and its undoing, each with its time, so that a report as of the days
between still shows what was believed then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import queries, rules, store
from cases.access import Viewer
from cases.model import (
    Case,
    CloseReason,
    Destination,
    Task,
    TaskState,
    Transfer,
    TransferState,
    WaiveReason,
)
from cases.phase import RECORDED
from cases.registry import package_named
from cases.release import RELEASING
from cases.settling import as_open, finish
from cases.store import Verb
from cases.tables import case_, person
from core.errors import Refused

RELEASE: Final = "release"
"""What stands beside the reason in the event, where an undone task has its code."""


class ReleaseUndoReason(StrEnum):
    """Why a recorded release is taken back."""

    WRONG_PERSON = "wrong_person"
    NOT_RELEASED = "not_released"
    WRONG_DETAILS = "wrong_details"


_LATER: Final = (
    select(case_.c.ref)
    .join(person, person.c.id == case_.c.person_id)
    .where(
        person.c.ref == bindparam("person"),
        case_.c.ref != bindparam("ref"),
        case_.c.admitted_at > bindparam("admitted_at", type_=case_.c.admitted_at.type),
        case_.c.close_reason.is_distinct_from(CloseReason.REGISTERED_IN_ERROR.value),
    )
    .limit(1)
)


def undo_release(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    reason: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Take back a recorded release, with the reason. The same roles as may record one.

    With other details (`wrong_details`) the release is recorded anew afterwards. Raises `Refused`
    where there is none, where the person has been imprisoned again since, and for a case that was
    registered in error; `CaseNotFound`, `NotAllowed`, `Conflict`, `BadInput`.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    rules.check_role(viewer, RELEASING, "take back a release")
    why = rules.one_of(ReleaseUndoReason, reason, "reason")
    _check(tx, before)
    after = finish(before, without_release(before), package_named(tx, before.package), now=now)
    return store.write_changes(
        tx, before, after, Verb.RELEASE_UNDONE, viewer, now=now, undone={RELEASE: why.value}
    )


def _check(tx: Connection, case: Case) -> None:
    if case.released_at is None:
        raise Refused("No release is recorded: there is nothing to take back.")
    if case.close_reason is CloseReason.REGISTERED_IN_ERROR:
        raise Refused("The case was registered in error: its release counts nowhere.")
    asked = {"person": case.person, "ref": case.ref, "admitted_at": case.admitted_at}
    later = tx.execute(_LATER, asked).scalar_one_or_none()
    if later is not None:
        raise Refused(
            f"The person was imprisoned again since (case {later}): close that case as "
            f"{CloseReason.REGISTERED_IN_ERROR} first, if it is wrong too."
        )
    if case.close_reason is CloseReason.REIMPRISONED:
        raise Refused(
            "The case was closed because the person was imprisoned again, which nobody is who was "
            "not released."
        )


def without_release(case: Case) -> Case:
    """PURE: the case without its release, before what follows from that is derived."""
    recorded_at = case.release_recorded_at
    # Who died, or left for a unit outside the system, did so whether released or not.
    follows = case.close_reason is CloseReason.COMPLETED or (
        case.close_reason is CloseReason.DEPORTED and case.destination is Destination.DEPORTED
    )
    reopens = follows or case.close_reason not in RECORDED
    return replace(
        case,
        released_at=None,
        release_recorded_at=None,
        release_source=None,
        released_unit=None,
        destination=None,
        unplanned=None,
        close_reason=None if follows else case.close_reason,
        tasks=tuple(_unmissed(task, recorded_at) for task in case.tasks),
        transfers=tuple(
            _waiting_again(each, recorded_at) if reopens else each for each in case.transfers
        ),
    )


def _unmissed(task: Task, recorded_at: datetime | None) -> Task:
    by_the_form = (
        task.state is TaskState.WAIVED
        and task.reason == WaiveReason.TOO_SHORT_NOTICE
        and task.recorded_at == recorded_at
    )
    if by_the_form:
        task = as_open(task)
    elif task.state is TaskState.MISSED:
        task = replace(task, state=TaskState.OPEN if task.due_at else TaskState.PREPARED)
    return task if task.missed_at is None else replace(task, missed_at=None)


def _waiting_again(transfer: Transfer, recorded_at: datetime | None) -> Transfer:
    # A release revokes by itself, in the name of the system; a person revokes in a verb of its own.
    if (
        transfer.state is TransferState.REVOKED
        and transfer.answered_by == "system"
        and transfer.answered_at == recorded_at
    ):
        return replace(transfer, state=TransferState.PROPOSED, answered_at=None, answered_by=None)
    return transfer

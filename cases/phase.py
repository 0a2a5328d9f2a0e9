"""PURE: the phase of a case, derived from its facts.

A case closes by a closing that somebody recorded (death, transfer out, …), or because of its
release: deported, or not accepted at the release instant, or withdrawn later, or followed up to
the end. Deriving it anew after every fact is what lets a late entry ("she said yes on Friday,
typed in on Monday after the release") put things right.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from cases.model import (
    Case,
    CloseReason,
    Destination,
    Participation,
    Phase,
    TransferState,
    answers_in_order,
)
from cases.standing import participation_at

RECORDED: Final = frozenset(
    {
        CloseReason.TRANSFERRED_OUT,
        CloseReason.DIED,
        CloseReason.REIMPRISONED,
        CloseReason.REGISTERED_IN_ERROR,
        CloseReason.DEPORTED,
        CloseReason.COMPLETED,
    }
)
"""Closings that stand by themselves once recorded; the others follow from answers and release."""

AT_RELEASE: Final = {
    Participation.DECLINED: CloseReason.DECLINED,
    Participation.WITHDRAWN: CloseReason.WITHDRAWN,
    Participation.NOT_ASKED: CloseReason.NOT_PARTICIPATING,
    Participation.NOT_NOW: CloseReason.NOT_PARTICIPATING,
}


def with_phase(case: Case, *, now: datetime) -> Case:
    """The case in the phase its facts give. Closing takes back an open transfer at `now`."""
    phase, reason, closed_at = _phase(case)
    if (phase, reason, closed_at) == (case.phase, case.close_reason, case.closed_at):
        return case
    moved = replace(case, phase=phase, close_reason=reason, closed_at=closed_at)
    return without_open_transfer(moved, now=now) if phase is Phase.CLOSED else moved


def _phase(case: Case) -> tuple[Phase, CloseReason | None, datetime | None]:
    if case.close_reason in RECORDED:
        return Phase.CLOSED, case.close_reason, case.closed_at
    if case.released_at is None:
        return Phase.IN_PRISON, None, None
    if case.destination is Destination.DEPORTED:
        return Phase.CLOSED, CloseReason.DEPORTED, case.released_at
    at_release = participation_at(case.answers, case.released_at)
    if at_release is not Participation.ACCEPTED:
        return Phase.CLOSED, AT_RELEASE[at_release], case.released_at
    for answer in answers_in_order(case.answers):
        if answer.happened_at > case.released_at and answer.status is not Participation.ACCEPTED:
            return Phase.CLOSED, CloseReason.WITHDRAWN, answer.happened_at
    return Phase.FOLLOW_UP, None, None


def without_open_transfer(case: Case, *, now: datetime, by: str = "system") -> Case:
    """The case with a transfer that waits for an answer taken back."""
    return replace(
        case,
        transfers=tuple(
            replace(t, state=TransferState.REVOKED, answered_at=now, answered_by=by)
            if t.state is TransferState.PROPOSED
            else t
            for t in case.transfers
        ),
    )

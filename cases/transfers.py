"""Transfers between units, in two steps: proposed by the owner, answered by the receiver.

Until acceptance everything stays with the sending unit. A case is never without an owner.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import queries, rules, store
from cases.access import SYSTEM, Viewer, acts_in, check_may_open_cases
from cases.model import Case, Phase, Role, Source, Stay, Transfer, TransferState
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from cases.tables import case_, transfer, unit
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotFound, Refused

TRANSFERRING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD})
_WHERE_IS: Final = (
    select(case_.c.ref, transfer.c.from_unit, transfer.c.to_unit)
    .join(transfer, transfer.c.case_id == case_.c.id)
    .where(transfer.c.id == bindparam("id"))
)
_UNIT: Final = select(unit.c.code).where(unit.c.code == bindparam("code"))


class TransferNotFound(NotFound):
    """No such transfer, or one between units that are not the viewer's."""

    message_key = "error.transfer_not_found"


def with_proposal(case: Case, to_unit: str, source: Source, by: str, *, now: datetime) -> Case:
    """The case proposed to a unit: the same again changes nothing, a third one replaces."""
    waiting = case.open_transfer
    if waiting is not None and waiting.to_unit == to_unit:
        return case
    kept = without_proposal(case, by=by, now=now)
    proposal = Transfer(
        id=new_ref(),
        from_unit=case.unit,
        to_unit=to_unit,
        state=TransferState.PROPOSED,
        source=source,
        proposed_at=now,
        proposed_by=by,
    )
    return replace(kept, transfers=(*kept.transfers, proposal))


def without_proposal(case: Case, *, by: str, now: datetime) -> Case:
    """The case with its waiting proposal revoked, if it has one."""
    return _answered(case, TransferState.REVOKED, by=by, now=now)


def _answered(case: Case, state: TransferState, *, by: str, now: datetime) -> Case:
    if case.open_transfer is None:
        return case
    return replace(
        case,
        transfers=tuple(
            replace(t, state=state, answered_at=now, answered_by=by)
            if t.state is TransferState.PROPOSED
            else t
            for t in case.transfers
        ),
    )


def propose_transfer(
    tx: Connection, viewer: Viewer, ref: str, to_unit: str, *, now: datetime
) -> Case:
    """Propose to move a case; replaces a proposal that waits. Nothing moves until accepted."""
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, TRANSFERRING, "propose a transfer")
    if tx.execute(_UNIT, {"code": to_unit}).scalar_one_or_none() is None:
        raise BadInput("unknown_unit", f"There is no unit {to_unit!r}.", "unit")
    if to_unit == before.unit:
        raise Refused(f"The case is in {to_unit} already.")
    if before.phase is not Phase.IN_PRISON:
        raise Refused("Only somebody in prison can be transferred; this person is released.")
    after = with_proposal(before, to_unit, Source.STAFF, viewer.account, now=now)
    if after is before:
        raise Conflict(f"The transfer to {to_unit} is proposed already and waits for an answer.")
    after = replan(before, after, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, Verb.TRANSFER_PROPOSED, viewer, now=now)


def answer_transfer(
    tx: Connection, viewer: Viewer, transfer_id: str, answer: str, *, now: datetime
) -> Case:
    """Accept or reject (the receiving unit) or revoke (the sending unit) a proposal.

    On acceptance the receiving unit owns the case; done tasks stay done and the package version
    stays.
    """
    check_may_open_cases(viewer)
    rules.check_role(viewer, TRANSFERRING, "answer a transfer")
    if answer not in ("accept", "reject", "revoke"):
        raise BadInput(
            "unknown_code", f"The answer is accept, reject or revoke, not {answer!r}.", "answer"
        )
    found = tx.execute(_WHERE_IS, {"id": transfer_id}).one_or_none()
    side = None
    if found is not None:
        side = found.from_unit if answer == "revoke" else found.to_unit
    if found is None or side is None:
        raise _no_transfer()
    if not acts_in(viewer, side):
        if acts_in(viewer, found.from_unit) or acts_in(viewer, found.to_unit):
            raise Refused(
                "The receiving unit accepts or rejects, the sending unit revokes: this answer "
                "belongs to the other unit."
            )
        raise _no_transfer()
    # The receiver does not own the case yet, so the engine loads it; the answer is the viewer's.
    before = queries.case_for_update(tx, SYSTEM, found.ref)
    this = next(t for t in before.transfers if t.id == transfer_id)
    if this.state is not TransferState.PROPOSED:
        raise Conflict(
            f"This transfer is {this.state} already, by {this.answered_by}.",
            {"state": this.state.value, "version": before.version},
        )
    state = {
        "accept": TransferState.ACCEPTED,
        "reject": TransferState.REJECTED,
        "revoke": TransferState.REVOKED,
    }[answer]
    after = _answered(before, state, by=viewer.account, now=now)
    if state is TransferState.ACCEPTED:
        after = _moved(after, this.to_unit, now=now)
    after = replan(before, after, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, Verb.TRANSFER_ANSWERED, viewer, now=now)


def _moved(case: Case, to_unit: str, *, now: datetime) -> Case:
    stays = tuple(replace(s, to_at=now) if s.to_at is None else s for s in case.stays)
    arrival = Stay(len(stays) + 1, to_unit, now)
    return replace(case, unit=to_unit, stays=(*stays, arrival))


def _no_transfer() -> TransferNotFound:
    return TransferNotFound("There is no such transfer here. Check its number with `overlev case`.")

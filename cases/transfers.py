"""Transfers between units, in two steps: proposed by the owner, answered by the receiver.

Until acceptance everything stays with the sending unit. A case is never without an owner.

Of a case that is proposed to it the receiving unit sees what `Proposal` holds and no more. After
the acceptance the sending unit reads its own past for 14 days (`cases.views`), and its health
service may hand its answers on, if the person agreed (`share_health_answers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import health, history, organisation, people, queries, rules, store
from cases.access import PAST_ACCESS, SYSTEM, Viewer, acts_in, check_may_open_cases
from cases.consents import consent_in_force
from cases.journal import AccessRow, append
from cases.model import (
    Case,
    ConsentPurpose,
    Phase,
    Receiver,
    Role,
    Source,
    Stay,
    Transfer,
    TransferState,
)
from cases.registry import package_named
from cases.replan import replan
from cases.store import Verb
from cases.tables import case_, transfer
from core.clock import local_date
from core.crypto import new_ref
from core.errors import BadInput, Conflict, NotFound, Refused

TRANSFERRING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD})
HANDING_OVER: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD})

TRANSFERS_LISTED: Final = "transfers_listed"
HEALTH_ANSWERS_SHARED: Final = "health_answers_shared"
"""What the access log calls it."""

_WHERE_IS: Final = (
    select(case_.c.ref, transfer.c.from_unit, transfer.c.to_unit, transfer.c.answered_by)
    .join(transfer, transfer.c.case_id == case_.c.id)
    .where(transfer.c.id == bindparam("id"))
)


class TransferNotFound(NotFound):
    """No such transfer, or one between units that are not the viewer's."""

    message_key = "error.transfer_not_found"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal that waits, as both units see it: no name, no number, no task."""

    id: str
    ref: str
    from_unit: str
    to_unit: str
    proposed_at: datetime
    phase: str
    release_on: date | None


def list_proposals(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Proposal]:
    """The proposals that the viewer's units may answer or take back, the oldest first; logged.

    Raises `NotAllowed` for roles that do neither.
    """
    check_may_open_cases(viewer)
    rules.check_role(viewer, TRANSFERRING, "see which transfers wait for an answer")
    found = [Proposal(*row) for row in queries.transfers_to_answer(tx, viewer)]
    _log_list(tx, viewer, found, now=now)
    return found


@dataclass(frozen=True, slots=True)
class Answered:
    """A proposal that the other unit has accepted or declined, as the unit that made it sees it."""

    id: str
    ref: str
    from_unit: str
    to_unit: str
    state: str
    answered_at: datetime
    answered_by: str | None


def how_many_wait(tx: Connection, viewer: Viewer) -> int:
    """How many proposals of others wait for an answer of the viewer's units; 0 for who gives none.

    It names nobody, so that nothing is logged.
    """
    if viewer.role not in TRANSFERRING or not viewer.units:
        return 0
    waiting = [Proposal(*row) for row in queries.transfers_to_answer(tx, viewer)]
    return sum(each.to_unit in viewer.units for each in waiting)


def list_answered(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Answered]:
    """What other units answered to the proposals of the viewer's, the newest first; logged.

    For 14 days: so long the giving unit reads its own past of what was accepted. Raises
    `NotAllowed` as `list_proposals` does.
    """
    check_may_open_cases(viewer)
    rules.check_role(viewer, TRANSFERRING, "see how transfers were answered")
    since = now - PAST_ACCESS
    found = [Answered(*row) for row in queries.transfers_answered(tx, viewer, since)]
    _log_list(tx, viewer, found, now=now)
    return found


def _log_list(
    tx: Connection, viewer: Viewer, listed: Sequence[Proposal | Answered], *, now: datetime
) -> None:
    by_owner = sorted(listed, key=lambda each: each.from_unit)
    looks = [
        AccessRow(
            scope=unit,
            at=now,
            actor=viewer.account,
            role=viewer.role.value,
            verb=TRANSFERS_LISTED,
            subjects=tuple(dict.fromkeys(each.ref for each in those)),
        )
        for unit, those in groupby(by_owner, key=lambda each: each.from_unit)
    ]
    append(tx, looks, now=now)


@dataclass(frozen=True, slots=True)
class About:
    """Whom a proposal is about: to the owner the name, to the receiver the number alone."""

    inmate_no: str
    name: str | None


def who_they_are_about(
    tx: Connection, viewer: Viewer, proposals: Sequence[Proposal]
) -> dict[str, About]:
    """Whom these proposals are about, by case reference; for whoever was shown them already.

    The receiving unit does not own the case yet. It gets the inmate number, by which a prison
    knows whom it is asked to take, and no more; the list of them is logged by `list_proposals`.
    """
    return _about(
        tx, proposals, {each.ref for each in proposals if acts_in(viewer, each.from_unit)}
    )


def who_they_were_about(
    tx: Connection, viewer: Viewer, answered: Sequence[Answered]
) -> dict[str, About]:
    """Whom these answers are about, by case reference; for whoever was shown them already.

    The name where the case is the viewer's still, of a case that has moved the number alone.
    """
    mine = queries.cases_by_refs(tx, viewer, (each.ref for each in answered))
    return _about(tx, answered, set(mine))


def _about(
    tx: Connection, listed: Sequence[Proposal | Answered], named: set[str]
) -> dict[str, About]:
    if not listed:
        return {}
    cases = queries.cases_by_refs(tx, SYSTEM, (each.ref for each in listed))
    known = people.identities_of(tx, [case.person for case in cases.values()])
    return {
        ref: About(identity.inmate_no, identity.name if ref in named else None)
        for ref, case in cases.items()
        if (identity := known.get(case.person)) is not None
    }


def whom_i_answered_about(
    tx: Connection, viewer: Viewer, transfer_id: str, *, now: datetime
) -> About | None:
    """Whom a transfer was about that the viewer has answered, None for any other; logged.

    As before the answer: the name to who owns the case, to the other unit the number alone.
    """
    check_may_open_cases(viewer)
    found = tx.execute(_WHERE_IS, {"id": transfer_id}).one_or_none()
    if found is None or found.answered_by != viewer.account:
        return None
    sides = [unit for unit in (found.from_unit, found.to_unit) if acts_in(viewer, unit)]
    hidden = queries.is_hidden_from(tx, viewer, found.ref)
    if not sides or (hidden and viewer.role is not Role.UNIT_LEAD):
        return None
    case = queries.cases_by_refs(tx, SYSTEM, [found.ref])[found.ref]
    identity = people.identity_of(tx, case.person)
    if identity is None:
        return None
    look = AccessRow(
        scope=sides[0],
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=TRANSFERS_LISTED,
        subjects=(found.ref,),
    )
    append(tx, [look], now=now)
    owns = acts_in(viewer, case.unit) and not hidden
    return About(identity.inmate_no, identity.name if owns else None)


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
    tx: Connection,
    viewer: Viewer,
    ref: str,
    to_unit: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Propose to move a case; replaces a proposal that waits. Nothing moves until accepted.

    A merged unit means the one it became part of. Raises `UnitClosed` for a closed one.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_role(viewer, TRANSFERRING, "propose a transfer")
    rules.check_version(before, version)
    to_unit = organisation.standing_code(tx, to_unit, local_date(now))
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
    if not (acts_in(viewer, found.from_unit) or acts_in(viewer, found.to_unit)):
        raise _no_transfer()
    if viewer.role is not Role.UNIT_LEAD and queries.is_hidden_from(tx, viewer, found.ref):
        raise _no_transfer()
    # Of a transfer that is not theirs, nobody hears more than that there is none.
    rules.check_role(viewer, TRANSFERRING, "answer a transfer")
    if not acts_in(viewer, side):
        raise Refused(
            "The receiving unit accepts or rejects, the sending unit revokes: this answer "
            "belongs to the other unit."
        )
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
        organisation.standing_code(tx, this.to_unit, local_date(now))
        after = _moved(after, this.to_unit, now=now)
    after = replan(before, after, package_named(tx, before.package), now=now)
    return store.write_changes(tx, before, after, Verb.TRANSFER_ANSWERED, viewer, now=now)


def _moved(case: Case, to_unit: str, *, now: datetime) -> Case:
    # Somebody whose admission lies ahead has not been there a moment.
    moved_at = max([now, *(s.from_at for s in case.stays)])
    stays = tuple(replace(s, to_at=moved_at) if s.to_at is None else s for s in case.stays)
    arrival = Stay(len(stays) + 1, to_unit, moved_at)
    return replace(case, unit=to_unit, stays=(*stays, arrival))


def share_health_answers(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> list[str]:
    """Hand the health answers that the viewer's service holds to that of the owning unit.

    They do not follow a transfer by themselves. The service that holds them gives a copy, within
    the 14 days in which the sending unit still reads its past, with the person's consent to sharing
    with `health`; the copy is the receiving service's from then on. Returns the tasks whose answers
    were copied. Raises `Refused` without that consent, and where there is nothing to hand over;
    `Conflict` where the other service has it all.
    """
    case = queries.case_by_ref(tx, viewer, ref, past=True, now=now)
    rules.check_role(viewer, HANDING_OVER, "hand over health answers")
    # Nobody may take the answers back, nor the case away, while they are copied.
    case = queries.case_for_update(tx, SYSTEM, case.ref)
    if not health.holds_answers(tx, viewer, case):
        raise Refused("Your health service holds no answer of this person in this case.")
    receiving = organisation.health_controllers(tx, [case.unit], local_date(now))
    to_controller = min(receiving, default=None)
    if to_controller is None:
        raise Refused(f"No health service is known for {case.unit}: tell an administrator.")
    if consent_in_force(case, ConsentPurpose.SHARING, Receiver.HEALTH) is None:
        raise Refused(
            "Without the person's consent to sharing with health, health answers stay with the "
            "service that wrote them. Ask the person, and let the consent be recorded first."
        )
    copied = health.copy_answers(tx, viewer, case, to_controller=to_controller, now=now)
    if not copied:
        raise Conflict(f"The health service of {case.unit} has these answers already.")
    stay = history.stay_given_up(viewer, case)
    look = AccessRow(
        scope=case.unit if stay is None else stay.unit,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=HEALTH_ANSWERS_SHARED,
        case_ref=case.ref,
    )
    append(tx, [look], now=now)
    return copied


def may_share_answers(tx: Connection, viewer: Viewer, case: Case, *, now: datetime) -> bool:
    """Whether the viewer's service holds an answer that the service of the owning unit lacks."""
    if viewer.role not in HANDING_OVER or case.unit in viewer.units:
        return False
    receiving = organisation.health_controllers(tx, [case.unit], local_date(now))
    to_controller = min(receiving, default=None)
    if to_controller is None:
        return False
    return health.holds_more_than(tx, viewer, case, to_controller)


def _no_transfer() -> TransferNotFound:
    return TransferNotFound("There is no such transfer here. Check its number with `overlev case`.")

"""The same person under two inmate numbers: found, proposed, decided by a person, undone.

Found are pairs that share a keyed hash (nothing is decrypted for that), and only of these pairs
the identities are opened to say why:
- `same_identity_number`: one identity number under both;
- `d_number_became_identity_number`: same name and date of birth, a D-number here, an identity
  number there;
- `same_name_and_birth`: same name and date of birth, and no two identity numbers against it;
- `changed_name`: same date of birth and phone number under different names;
- `by_hand`: somebody who knows them said so.

A merger changes how the persons are *counted* (`counted_as`), by an event on every case it
touches, and nothing else: both persons keep their rows, numbers and cases, and nobody may see more
or less than before. So undoing it gives back exactly what was. A pair that was rejected or undone
is not proposed again, but by hand it can be.

Who is registered between a merger and its undoing under the same identity number is counted by the
merged person and stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cases import people, queries, rules
from cases.access import Viewer, check_may_open_cases
from cases.counting_as import merge_counting, undo_counting
from cases.identity_number import IdentityKind, classify
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.likeness import NAME_BORN, PHONE_BORN
from cases.model import Role
from cases.tables import case_, person, person_identifier, person_merge
from cases.vault import Identity
from core.errors import BadInput, Conflict, NotFound, Refused

DECIDING: Final = frozenset({Role.COORDINATOR})
MOST_ALIKE: Final = 20
"""A hash that more persons share than this says nothing about any two of them."""

AT_ONCE: Final = 500


class Why(StrEnum):
    """Why two persons may be one."""

    SAME_IDENTITY_NUMBER = "same_identity_number"
    D_NUMBER = "d_number_became_identity_number"
    SAME_NAME_AND_BIRTH = "same_name_and_birth"
    CHANGED_NAME = "changed_name"
    BY_HAND = "by_hand"


class DuplicateNotFound(NotFound):
    """No such proposal, or one about persons of other units."""

    message_key = "error.duplicate_not_found"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two persons: who it is, and the newest case; None once erased or without one."""

    person: str
    identity: Identity | None
    case_ref: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two persons who may be one. The one met first is kept; `state` as stored."""

    id: int
    why: str
    state: str
    kept: Side
    other: Side
    proposed_at: datetime
    decided_at: datetime | None
    by: str | None


_Pair = tuple[int, int]

_ALIKE: Final = (people.NATIONAL_ID, NAME_BORN, PHONE_BORN)
_SHARED: Final = (
    select(person_identifier.c.kind, person_identifier.c.digest)
    .where(person_identifier.c.kind.in_(_ALIKE))
    .group_by(person_identifier.c.kind, person_identifier.c.digest)
    .having(func.count().between(2, MOST_ALIKE))
    .subquery()
)
_SHARING: Final = (
    select(person_identifier.c.kind, person_identifier.c.digest, person_identifier.c.person_id)
    .join(
        _SHARED,
        (_SHARED.c.kind == person_identifier.c.kind)
        & (_SHARED.c.digest == person_identifier.c.digest),
    )
    .join(person, person.c.id == person_identifier.c.person_id)
    .where(person.c.erased_at.is_(None))
    .order_by(person_identifier.c.person_id)
)
_PAIRS: Final = select(person_merge.c.kept_id, person_merge.c.other_id, person_merge.c.state)
# Two who look at once find the same pairs.
_PROPOSE: Final = {
    "sqlite": sqlite.insert(person_merge).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(person_merge).on_conflict_do_nothing(),
}
_OPEN: Final = (
    select(person_merge).where(person_merge.c.state == "proposed").order_by(person_merge.c.id)
)
_ONE: Final = select(person_merge).where(person_merge.c.id == bindparam("id"))
_IDS: Final[BindParameter[int]] = bindparam("ids", expanding=True)
_PERSONS: Final = select(person.c.id, person.c.ref, person.c.identity_enc).where(
    person.c.id.in_(_IDS)
)
_CASES: Final = (
    select(case_.c.person_id, case_.c.ref, case_.c.unit)
    .where(case_.c.person_id.in_(_IDS))
    .order_by(case_.c.admitted_at, case_.c.id)
)


# --- finding -------------------------------------------------------------------------------------


def find(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Proposal]:
    """Propose every new pair, and give all that wait for this viewer; the look is logged.

    A coordinator finds and sees pairs whose newest cases are both in own units.
    Raises `NotAllowed`.
    """
    check_may_open_cases(viewer)
    rules.check_role(viewer, DECIDING, "find persons who are registered twice")
    decided = {(row.kept_id, row.other_id): row.state for row in tx.execute(_PAIRS)}
    together = _groups(pair for pair, state in decided.items() if state == "merged")
    pairs = {
        pair: kinds
        for pair, kinds in _sharing(tx).items()
        if pair not in decided and together.get(pair[0], -1) != together.get(pair[1], -2)
    }
    sides = _sides(tx, viewer, {each for pair in pairs for each in pair})
    new = []
    for (kept, other), kinds in sorted(pairs.items()):
        if kept in sides and other in sides:
            why = _why(kinds, sides[kept].identity, sides[other].identity)
            if why is not None:
                new.append(_proposed(kept, other, why, now))
    if new:
        tx.execute(_PROPOSE[tx.dialect.name], new)
    waiting = tx.execute(_OPEN).all()
    ids = {each for row in waiting for each in (row.kept_id, row.other_id)}
    sides |= _sides(tx, viewer, ids - sides.keys())
    found = [
        _proposal(row, sides) for row in waiting if row.kept_id in sides and row.other_id in sides
    ]
    looked_at = (side for each in found for side in (each.kept, each.other))
    _log(tx, viewer, "duplicates_found", looked_at, now)
    return found


def propose(
    tx: Connection, viewer: Viewer, one_ref: str, other_ref: str, *, now: datetime
) -> Proposal:
    """Say by hand that the persons of two cases are one; it still has to be decided.

    Raises `CaseNotFound`, `Refused` where they are one person or merged already.
    """
    check_may_open_cases(viewer)
    for ref in (one_ref, other_ref):
        queries.case_by_ref(tx, viewer, ref)
    rules.check_role(viewer, DECIDING, "propose that two persons are one")
    of_case = select(case_.c.person_id).where(case_.c.ref.in_([one_ref, other_ref])).distinct()
    ids = sorted(tx.execute(of_case).scalars())
    if len(ids) == 1:
        raise Refused("Both cases are the same person's already.")
    pair = person_merge.c.kept_id == ids[0], person_merge.c.other_id == ids[1]
    known = tx.execute(select(person_merge.c.id, person_merge.c.state).where(*pair)).one_or_none()
    if known is not None and known.state == "merged":
        raise Refused("The two are merged already.")
    if known is None:
        tx.execute(insert(person_merge), [_proposed(ids[0], ids[1], Why.BY_HAND, now)])
    elif known.state != "proposed":
        values = _proposed(ids[0], ids[1], Why.BY_HAND, now)
        tx.execute(update(person_merge).where(*pair).values(**values))
    row = tx.execute(select(person_merge).where(*pair)).one()
    sides = _sides(tx, viewer, set(ids))
    if len(sides) != len(ids):
        raise _no_proposal()
    proposal = _proposal(row, sides)
    _log(tx, viewer, "duplicate_proposed", [proposal.kept, proposal.other], now)
    return proposal


# --- deciding ------------------------------------------------------------------------------------


def decide(
    tx: Connection, viewer: Viewer, proposal_id: int, decision: str, *, now: datetime
) -> Proposal:
    """Merge the two (`merge`) or say that they are two (`reject`).

    Raises `DuplicateNotFound`, `Conflict` where somebody was first, `BadInput`, `NotAllowed`.
    """
    if decision not in ("merge", "reject"):
        raise BadInput("unknown_code", f"decide merge or reject, not {decision!r}", "decision")
    row, sides = _loaded(tx, viewer, proposal_id)
    if row.state != "proposed":
        raise Conflict(f"This is decided already: {row.state}, by {row.by}.", {"state": row.state})
    state, counted = "rejected", None
    if decision == "merge":
        state, counted = "merged", merge_counting(tx, viewer, row, now=now)
    _decided(tx, viewer, row, state, counted=counted, now=now)
    _log(tx, viewer, f"duplicate_{state}", sides.values(), now)
    return _proposal(tx.execute(_ONE, {"id": proposal_id}).one(), sides)


def undo(tx: Connection, viewer: Viewer, proposal_id: int, *, now: datetime) -> Proposal:
    """Take a merger back: everybody is counted as before it, cases opened since too.

    Where a later merger builds on it, that one is undone first (`Refused` names it).
    """
    row, sides = _loaded(tx, viewer, proposal_id)
    if row.state != "merged":
        raise Refused(f"Only a merger can be undone; this is {row.state}.")
    undo_counting(tx, viewer, row, now=now)
    _decided(tx, viewer, row, "undone", counted=row.counted, now=now)
    _log(tx, viewer, "duplicate_undone", sides.values(), now)
    return _proposal(tx.execute(_ONE, {"id": proposal_id}).one(), sides)


def _decided(
    tx: Connection, viewer: Viewer, row: Any, state: str, *, counted: str | None, now: datetime
) -> None:
    # The WHERE clause is the lock: of two who decide at once, one finds no row.
    nth = select(func.coalesce(func.max(person_merge.c.decision), 0) + 1).scalar_subquery()
    changed = tx.execute(
        update(person_merge)
        .where(person_merge.c.id == row.id, person_merge.c.state == row.state)
        .values(
            state=state,
            counted=counted,
            decided_at=now,
            by=viewer.account,
            decision=nth if state == "merged" else row.decision,
        )
    )
    if changed.rowcount != 1:
        raise Conflict("Somebody else decided this just now. Look again.")


# --- inside --------------------------------------------------------------------------------------


def _sharing(tx: Connection) -> dict[_Pair, set[str]]:
    """Every pair of persons that share a hash, the one met first before, and what they share."""
    alike: dict[tuple[str, str], list[int]] = {}
    for kind, digest, person_id in tx.execute(_SHARING):
        alike.setdefault((kind, digest), []).append(person_id)
    pairs: dict[_Pair, set[str]] = {}
    for (kind, _), ids in alike.items():
        for pair in combinations(ids, 2):
            pairs.setdefault(pair, set()).add(kind)
    return pairs


def _groups(merged: Iterable[_Pair]) -> dict[int, int]:
    """A number for each person in a merger, the same for all that mergers bring together."""
    group: dict[int, int] = {}
    for one, other in merged:
        to, gone = group.setdefault(one, one), group.setdefault(other, other)
        for each, number in group.items():
            if number == gone:
                group[each] = to
    return group


def _why(kinds: set[str], one: Identity | None, other: Identity | None) -> Why | None:
    """Why these two may be one; None where two identity numbers say that they are not."""
    if people.NATIONAL_ID in kinds:
        return Why.SAME_IDENTITY_NUMBER
    numbers = [classify(each.national_id or "") for each in (one, other) if each is not None]
    known = {number.kind for number in numbers if number.valid}
    differ = len({number.normalised for number in numbers if number.valid}) > 1
    if differ and len(known) == 1:
        return None
    if differ and known == {IdentityKind.D_NUMBER, IdentityKind.NATIONAL}:
        return Why.D_NUMBER
    return Why.SAME_NAME_AND_BIRTH if NAME_BORN in kinds else Why.CHANGED_NAME


def _proposed(kept: int, other: int, why: Why, now: datetime) -> dict[str, Any]:
    return {
        "kept_id": kept,
        "other_id": other,
        "state": "proposed",
        "why": why.value,
        "proposed_at": now,
        "decided_at": None,
        "by": None,
        "counted": None,
        "decision": None,
    }


def _loaded(tx: Connection, viewer: Viewer, proposal_id: int) -> tuple[Any, dict[int, Side]]:
    check_may_open_cases(viewer)
    row = tx.execute(_ONE, {"id": proposal_id}).one_or_none()
    if row is None:
        raise _no_proposal()
    sides = _sides(tx, viewer, {row.kept_id, row.other_id})
    if len(sides) != len((row.kept_id, row.other_id)):
        raise _no_proposal()
    rules.check_role(viewer, DECIDING, "decide whether two persons are one")
    return row, sides


def _no_proposal() -> DuplicateNotFound:
    return DuplicateNotFound("There is no such proposal here. `find` lists those that wait.")


def _sides(tx: Connection, viewer: Viewer, ids: Iterable[int]) -> dict[int, Side]:
    """Those of these persons whose newest case the viewer may see; the operator sees all."""
    found: dict[int, Side] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_ONCE):
        part = {"ids": wanted[start : start + AT_ONCE]}
        newest = {row.person_id: row for row in tx.execute(_CASES, part)}
        seen = _seen(tx, viewer, [row.ref for row in newest.values()])
        rows = [
            row
            for row in tx.execute(_PERSONS, part)
            if viewer.sees_all_units or (row.id in newest and newest[row.id].ref in seen)
        ]
        identities = people.opened(tx, {row.ref: row.identity_enc for row in rows})
        for row in rows:
            case = newest.get(row.id)
            found[row.id] = Side(
                row.ref,
                identities.get(row.ref),
                case.ref if case is not None else None,
                case.unit if case is not None else None,
            )
    return found


def _seen(tx: Connection, viewer: Viewer, refs: list[str]) -> frozenset[str]:
    query = select(case_.c.ref).where(queries.visible_cases(viewer), case_.c.ref.in_(refs))
    return frozenset(tx.execute(query, queries.visible_binds(viewer)).scalars())


def _proposal(row: Any, sides: Mapping[int, Side]) -> Proposal:
    return Proposal(
        row.id,
        row.why,
        row.state,
        sides[row.kept_id],
        sides[row.other_id],
        row.proposed_at,
        row.decided_at,
        row.by,
    )


def _log(tx: Connection, viewer: Viewer, verb: str, sides: Iterable[Side], now: datetime) -> None:
    shown = list(sides)
    units = {each.unit for each in shown if each.unit is not None}
    scope = next(iter(units)) if len(units) == 1 else SYSTEM_SCOPE
    subjects = tuple(sorted({each.case_ref for each in shown if each.case_ref is not None}))
    row = AccessRow(scope, now, viewer.account, viewer.role.value, verb, None, subjects)
    append(tx, [row], now=now)

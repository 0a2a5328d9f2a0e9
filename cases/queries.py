"""Reads. Every query for cases starts in `visible_cases(viewer)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
)

from cases import vault
from cases.access import PAST_ACCESS, Viewer, check_may_open_cases
from cases.inmate_no import normal_inmate_no
from cases.model import Case, Role, TransferState
from cases.rules import case_not_found
from cases.store import LOAD, read_case
from cases.tables import (
    case_,
    named_access,
    person,
    person_identifier,
    stay,
    task,
    transfer,
)
from cases.tables.people import HIDDEN
from core.listed import one_of, tested
from core.statement import Prepared

_MANY: Final = 8
"""Viewers with up to this many units get a written-out condition, which is quicker to run."""


def visible_cases(
    viewer: Viewer, *, past: bool = False, found: bool = False
) -> ColumnElement[bool]:
    """The condition every case query starts with; bind `visible_binds(viewer, …)` beside it.

    With `past`, cases that left one of the viewer's units after the bound `past_since` count too.
    Of a person with address protection kode 6 only users who are named for the person see a case.
    With `found`, another condition says which cases are looked up; the units are only tested.
    Raises `NotAllowed` for roles without cases, before anything is looked up.
    """
    check_may_open_cases(viewer)
    return _visible(_places(viewer), past=past, found=found)


def visible_binds(
    viewer: Viewer, *, past: bool = False, now: datetime | None = None
) -> dict[str, Any]:
    """The values that `visible_cases` leaves to be bound; `now` is needed with `past`.

    A dictionary of one's own, whose lists belong to nobody.
    """
    binds: dict[str, Any] = dict(_binds_of(viewer))
    if binds and past and now is not None:
        binds["past_since"] = now - PAST_ACCESS
    return binds


@dataclass(frozen=True, slots=True)
class Viewed:
    """A viewer, for what is prepared once for all whose `visible_cases` is written alike."""

    viewer: Viewer = field(compare=False)
    places: tuple[str, ...]

    @classmethod
    def by(cls, viewer: Viewer) -> Viewed:
        """The names of the bound values tell apart those whose condition is written otherwise."""
        return cls(viewer, tuple(visible_binds(viewer)))


@lru_cache(maxsize=1024)
def _binds_of(viewer: Viewer) -> tuple[tuple[str, Any], ...]:
    places = _places(viewer)
    if places is None:
        return ()
    units = sorted(viewer.units)
    binds: dict[str, Any] = (
        {"viewer_units": units}
        if places == 0
        else {f"viewer_unit_{at}": units[min(at, len(units) - 1)] for at in range(places)}
        if units
        else {f"viewer_unit_{at}": "" for at in range(places)}
    )
    binds["viewer_account"] = viewer.account
    return tuple(binds.items())


def _places(viewer: Viewer) -> int | None:
    """None: no limit by unit. 0: bound as one list. Else so many places, the last repeated."""
    if viewer.sees_all_units:
        return None
    count = len(viewer.units)
    return next((places for places in (1, 2, 4, _MANY) if count <= places), 0)


def _among(column: Any, places: int) -> ColumnElement[bool]:
    if places == 0:
        return one_of(column, "viewer_units")
    return or_(*(column == bindparam(f"viewer_unit_{at}") for at in range(places)))


def _visible(places: int | None, *, past: bool, found: bool = False) -> ColumnElement[bool]:
    if places is None:
        return true()
    owned = _among(tested(case_.c.unit) if found else case_.c.unit, places)
    if not past:
        return and_(owned, _NOT_HIDDEN)
    was_here = exists().where(
        and_(
            stay.c.case_id == case_.c.id,
            _among(stay.c.unit, places),
            stay.c.to_at > bindparam("past_since", type_=stay.c.to_at.type),
        )
    )
    return and_(or_(owned, was_here), _NOT_HIDDEN)


def _not_hidden() -> ColumnElement[bool]:
    # Asked of the person itself and not of a copy in the case, so that a changed protection holds
    # at once everywhere. The inner question names nothing outside: it is answered once for a
    # query, through an index that holds only these few persons.
    of_person = person.alias("hidden")
    named = exists().where(
        named_access.c.person_id == of_person.c.id,
        named_access.c.account == bindparam("viewer_account"),
        named_access.c.revoked_at.is_(None),
    )
    hidden = select(of_person.c.id).where(text(HIDDEN), ~named).correlate(None)
    return case_.c.person_id.not_in(hidden)


_NOT_HIDDEN: Final = _not_hidden()
"""Address protection kode 6: such a person's cases exist for named users only."""

_UNHIDDEN: Final = select(case_.c.id).where(case_.c.ref == bindparam("ref"), _NOT_HIDDEN)


@lru_cache(maxsize=64)
def _by_ref(dialect: str, places: int | None, *, past: bool) -> Prepared:
    return Prepared(
        LOAD[dialect].where(_visible(places, past=past), case_.c.ref == bindparam("ref"))
    )


@lru_cache(maxsize=64)
def _by_ids(dialect: str, places: int | None) -> Prepared:
    visible = _visible(places, past=False, found=True)
    return Prepared(LOAD[dialect].where(visible, one_of(case_.c.id, "ids")))


@lru_cache(maxsize=64)
def _locked_by_ref(places: int | None) -> Prepared:
    """The case with its row locked, and last the version that the lock found."""
    newest = case_.alias("newest")
    locked = (
        select(newest.c.id, newest.c.version)
        .where(newest.c.ref == bindparam("ref"))
        .with_for_update()
        .cte("locked")
        .prefix_with("MATERIALIZED")
    )
    return Prepared(
        LOAD["postgresql"]
        .add_columns(locked.c.version)
        .where(_visible(places, past=False), case_.c.id == locked.c.id)
    )


_BY_REFS: Final = select(case_.c.id).where(one_of(case_.c.ref, "refs")).order_by(case_.c.id)
_IDS: Final = Prepared(_BY_REFS)
_LOCK_MANY: Final = Prepared(_BY_REFS.with_for_update())


def case_for_update(tx: Connection, viewer: Viewer, ref: str) -> Case:
    """The case, to be changed in this transaction. Raises `CaseNotFound`, `NotAllowed`.

    On Postgres its row is locked in the same statement. Where that had to wait, the lock is on a
    newer row than the one that the statement sees: then it is read again, and nobody can change it
    meanwhile. SQLite has one writer anyway.
    """
    check_may_open_cases(viewer)
    if tx.dialect.name != "postgresql":
        return case_by_ref(tx, viewer, ref)
    row = _locked_by_ref(_places(viewer)).row(tx, {"ref": ref} | visible_binds(viewer))
    if row is None:
        # Perhaps it came to be this viewer's while the statement waited.
        return case_by_ref(tx, viewer, ref)
    case = read_case(row[:-1])
    return case if case.version == row[-1] else case_by_ref(tx, viewer, ref)


def cases_for_update(tx: Connection, viewer: Viewer, refs: Iterable[str]) -> dict[str, Case]:
    """Many cases by reference, to be changed in this transaction; those the viewer may see.

    On Postgres the rows are locked in one order, whoever asks for them in which: two lists with
    the same persons wait for each other and do not block each other.
    """
    check_may_open_cases(viewer)
    asked = sorted(set(refs))
    if not asked:
        return {}
    lock = _LOCK_MANY if tx.dialect.name == "postgresql" else _IDS
    ids = [row[0] for row in lock.rows(tx, {"refs": asked})]
    return {case.ref: case for case in cases_by_ids(tx, viewer, ids).values()}


def cases_by_refs(tx: Connection, viewer: Viewer, refs: Iterable[str]) -> dict[str, Case]:
    """Many cases by reference, only to be read; those the viewer may see."""
    asked = sorted(set(refs))
    ids = [row[0] for row in _IDS.rows(tx, {"refs": asked})] if asked else []
    return {case.ref: case for case in cases_by_ids(tx, viewer, ids).values()}


def case_by_ref(
    tx: Connection, viewer: Viewer, ref: str, *, past: bool = False, now: datetime | None = None
) -> Case:
    """The case with this reference. Raises `CaseNotFound`, `NotAllowed`."""
    check_may_open_cases(viewer)
    row = _by_ref(tx.dialect.name, _places(viewer), past=past).row(
        tx, {"ref": ref} | visible_binds(viewer, past=past, now=now)
    )
    if row is None:
        raise case_not_found()
    return read_case(row)


def cases_by_ids(tx: Connection, viewer: Viewer, ids: Sequence[int]) -> dict[int, Case]:
    """Whole cases by internal id, those of them that the viewer may see."""
    if not ids:
        return {}
    check_may_open_cases(viewer)
    rows = _by_ids(tx.dialect.name, _places(viewer)).rows(
        tx, {"ids": list(ids)} | visible_binds(viewer)
    )
    cases = [read_case(row) for row in rows]
    return {case.id: case for case in cases if case.id is not None}


@lru_cache(maxsize=64)
def _newest(places: int | None) -> Select[Any]:
    return (
        select(case_.c.ref)
        .join(person, person.c.id == case_.c.person_id)
        .join(person_identifier, person_identifier.c.person_id == person.c.id)
        .where(
            _visible(places, past=True) if places is not None else true(),
            person_identifier.c.kind == "inmate_no",
            person_identifier.c.digest == bindparam("digest"),
        )
        .order_by(case_.c.admitted_at.desc(), case_.c.id.desc())
        .limit(1)
    )


def newest_ref(tx: Connection, viewer: Viewer, inmate_no: str, *, now: datetime) -> str:
    """The reference of that person's newest case. Raises `CaseNotFound`, `NotAllowed`."""
    check_may_open_cases(viewer)
    digest = vault.digest(tx, "inmate_no", normal_inmate_no(inmate_no))
    ref = tx.execute(
        _newest(_places(viewer)),
        {"digest": digest} | visible_binds(viewer, past=True, now=now),
    ).scalar_one_or_none()
    if ref is None:
        raise case_not_found()
    return str(ref)


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of a list of cases: states only. `person` is for unsealing names and numbers."""

    ref: str
    person: str
    identity_enc: str | None
    unit: str
    phase: str
    participation: str
    next_task: str | None
    next_due_at: datetime | None
    overdue: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of a list of cases: after the case with this due time and reference."""

    due_at: datetime | None
    ref: str


def case_lines(
    tx: Connection,
    viewer: Viewer,
    *,
    now: datetime,
    unit: str | None = None,
    phase: str | None = None,
    overdue: bool = False,
    due_before: datetime | None = None,
    refs: Sequence[str] | None = None,
    after: Place | None = None,
    limit: int | None = None,
) -> Iterator[CaseLine]:
    """The viewer's cases, the earliest due first; those with nothing due come last.

    With `due_before` only those whose next task is due before it, with `refs` only those of them,
    with `after` what follows that place in the list.
    """
    check_may_open_cases(viewer)
    # Only what is due has a place with a due time; what has none follows it all.
    due = overdue or due_before is not None
    undated_next = after is not None and after.due_at is None
    until = due_before if not overdue else now if due_before is None else min(now, due_before)
    binds = {
        "now": now,
        "unit": unit,
        "phase": phase,
        "due_before": until,
        "refs": None if refs is None else list(refs),
        "after_due": after.due_at if after is not None else None,
        "after_ref": after.ref if after is not None else None,
    } | visible_binds(viewer)
    left = limit
    for dated in (True, False):
        if undated_next if dated else due:
            continue
        question = _lines(
            _places(viewer),
            _Cut(
                of_unit=unit is not None,
                of_phase=phase is not None,
                dated=dated,
                due=due,
                listed=refs is not None,
                after=after is not None and (after.due_at is not None) == dated,
                limited=limit is not None,
            ),
        )
        lines = question.rows(tx, binds | {"limit": left})
        yield from (CaseLine(*line) for line in lines)
        if left is not None:
            left -= len(lines)
            if left <= 0:
                return


@dataclass(frozen=True, slots=True)
class _Cut:
    """What a list is cut to. `dated`: the cases with something due, else those with nothing due."""

    of_unit: bool
    of_phase: bool
    dated: bool
    due: bool
    listed: bool
    after: bool
    limited: bool


@lru_cache(maxsize=256)
def _lines(places: int | None, cut: _Cut) -> Prepared:
    # The cases of the page are found first, along an index in the order of the list; then what is
    # shown of each. Cases with nothing due are a question of their own: no index holds both.
    order = (_DUE_AT, case_.c.ref) if cut.dated else (case_.c.ref,)
    page = select(case_.c.id).where(*_conditions(places, cut)).order_by(*order)
    if cut.limited:
        page = page.limit(bindparam("limit", type_=Integer))
    found = page.subquery("page")
    return Prepared(
        select(
            case_.c.ref,
            person.c.ref.label("person"),
            person.c.identity_enc,
            case_.c.unit,
            case_.c.phase,
            case_.c.participation,
            _next_task() if cut.dated else null().label("next_task"),
            _DUE_AT,
            _overdue_tasks() if cut.dated else literal_column("0").label("overdue"),
        )
        .select_from(found)
        .join(case_, case_.c.id == found.c.id)
        .join(person, person.c.id == case_.c.person_id)
        .order_by(*order)
    )


def _conditions(places: int | None, cut: _Cut) -> Iterator[ColumnElement[bool]]:
    yield _visible(places, past=False)
    yield _DUE_AT.is_not(None) if cut.dated else _DUE_AT.is_(None)
    if cut.due:
        yield bindparam("due_before", type_=_DUE_AT.type) > _DUE_AT
    if cut.of_unit:
        yield case_.c.unit == bindparam("unit")
    if cut.of_phase:
        yield case_.c.phase == bindparam("phase")
    if cut.listed:
        yield one_of(case_.c.ref, "refs")
    if cut.after:
        further = case_.c.ref > bindparam("after_ref")
        if cut.dated:
            place = bindparam("after_due", type_=_DUE_AT.type)
            # Said as a bound first, so that the index on due times is entered there.
            yield place <= _DUE_AT
            further = or_(place < _DUE_AT, further)
        yield further


_DUE_AT: Final = case_.c.next_due_at
_NOW: Final = bindparam("now", type_=task.c.due_at.type)


def _next_task() -> ColumnElement[str]:
    """The open task that is due first; of those due at the same time the first by its code."""
    first = task.alias("first")
    return (
        select(first.c.code)
        .where(
            first.c.case_id == case_.c.id,
            first.c.state == "open",
            first.c.due_at == case_.c.next_due_at,
        )
        .order_by(first.c.code)
        .limit(1)
        .correlate(case_)
        .scalar_subquery()
    )


def _overdue_tasks() -> ColumnElement[int]:
    # Overdue is derived, never stored: open, and due before now.
    late = task.alias("late")
    return (
        select(func.count())
        .where(late.c.case_id == case_.c.id, late.c.state == "open", late.c.due_at < _NOW)
        .correlate(case_)
        .scalar_subquery()
    )


def is_hidden_from(tx: Connection, viewer: Viewer, ref: str) -> bool:
    """Whether the person of a case is under kode 6 and the viewer not named for the person."""
    if viewer.sees_all_units:
        return False
    found = tx.execute(_UNHIDDEN, {"ref": ref, "viewer_account": viewer.account})
    return found.first() is None


def transfers_to_answer(tx: Connection, viewer: Viewer) -> list[Any]:
    """Open proposals that this viewer's units may answer or take back, the oldest first.

    Of the case they hold no more than what the receiving unit needs for its answer before it owns
    it: `ref`, the two units, `proposed_at`, `phase` and `release_on`. `transfers.list_proposals`
    is the door. Of a person under kode 6 those who are named see it, and the unit leads: somebody
    of the receiving unit must be able to answer.
    """
    check_may_open_cases(viewer)
    query = (
        select(
            transfer.c.id,
            case_.c.ref,
            transfer.c.from_unit,
            transfer.c.to_unit,
            transfer.c.proposed_at,
            case_.c.phase,
            case_.c.release_on,
        )
        .join(case_, case_.c.id == transfer.c.case_id)
        .where(transfer.c.state == "proposed")
        .order_by(transfer.c.proposed_at, transfer.c.id)
    )
    places = _places(viewer)
    if places is not None:
        query = query.where(
            or_(_among(transfer.c.to_unit, places), _among(transfer.c.from_unit, places))
        )
        if viewer.role is not Role.UNIT_LEAD:
            query = query.where(_NOT_HIDDEN)
    return list(tx.execute(query, visible_binds(viewer)))


def transfers_answered(tx: Connection, viewer: Viewer, since: datetime) -> list[Any]:
    """What was accepted or declined after `since` of all that the viewer's units proposed.

    The newest first, with the case's reference, the units, the answer, when and by whom: what
    `transfers.Answered` holds. Of a person under kode 6 only those who are named see it, leads
    too: here is nothing to answer.
    """
    check_may_open_cases(viewer)
    query = (
        select(
            transfer.c.id,
            case_.c.ref,
            transfer.c.from_unit,
            transfer.c.to_unit,
            transfer.c.state,
            transfer.c.answered_at,
            transfer.c.answered_by,
        )
        .join(case_, case_.c.id == transfer.c.case_id)
        .where(
            transfer.c.state.in_([TransferState.ACCEPTED.value, TransferState.REJECTED.value]),
            transfer.c.answered_at > since,
        )
        .order_by(transfer.c.answered_at.desc(), transfer.c.id)
    )
    places = _places(viewer)
    if places is not None:
        query = query.where(_among(transfer.c.from_unit, places), _NOT_HIDDEN)
    return list(tx.execute(query, visible_binds(viewer)))

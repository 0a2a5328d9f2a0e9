"""The custody ledger of naloxone: recorded, taken back, read.

Append-only. What the rows mean for stock and property stands in `cases.custody`; what does not add
up is shown there and never refused here. Completing `handed_over` with a spray writes its row, and
undoing that completion a second row that takes it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, select

from cases import distributors, naloxone_kept, naloxone_rows, organisation, queries, rules
from cases.access import Viewer, acts_in, check_may_open_cases
from cases.custody import (
    TO_A_PERSON,
    Discrepancy,
    Flaw,
    Kind,
    RefillReason,
    Row,
    about,
    custody,
    discrepancies,
    flaws,
    kept,
    standing,
)
from cases.journal import AccessRow, append
from cases.model import Case, HandedOver, Role, Task
from cases.tables import case_
from core.clock import local_date
from core.errors import BadInput, Conflict, NotFound, Refused

KEEPING: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD})
HANDED_OVER: Final = "handed_over"
WITH_SPRAY: Final = frozenset({HandedOver.CARD_AND_SPRAY.value, HandedOver.SPRAY_ONLY.value})
MOST_AT_ONCE: Final = 10_000
LONGEST_LOT: Final = 40
READ: Final = "naloxone_read"
UNDONE: Final = "naloxone_undone"

_UNNUMBERED: Final = 0


class NaloxoneNotFound(NotFound):
    """No such unit or ledger row, or another unit's."""

    message_key = "error.naloxone_not_found"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row just written, the unit's stock with it, and what about it does not add up."""

    row: Row
    stock: int
    warnings: tuple[Discrepancy, ...]


@dataclass(frozen=True, slots=True)
class Stock:
    """A unit's kits: on the shelf, and in the property of persons whose case it owns."""

    unit: str
    stock: int
    in_property: int


# --- verbs ---------------------------------------------------------------------------------------


def record(
    tx: Connection,
    viewer: Viewer,
    kind: str,
    *,
    now: datetime,
    unit: str | None = None,
    ref: str | None = None,
    quantity: int = 1,
    lot: str | None = None,
    expires_on: date | None = None,
    reason: str | None = None,
    distributor: str | None = None,
    happened_at: datetime | None = None,
) -> Recorded:
    """Write one row, of a case (`ref`; its owning unit's) or of a unit's shelf (`unit`).

    `distributor` is a user name; an unknown one leaves the row without, which is a warning. What a
    row of a person leaves out (lot, expiry, distributor) is taken from the kit in the person's
    property, the expiry of a lot from any row that knows it. A person may be refilled long after
    the case has closed. Raises `CaseNotFound`, `NaloxoneNotFound`, `BadInput`, `NotAllowed`.
    """
    case = _case_of(tx, viewer, unit, ref, queries.case_for_update)
    place = case.unit if case is not None else _place(tx, viewer, unit or "", local_date(now))
    rules.check_role(viewer, KEEPING, "keep the naloxone ledger")
    what = rules.one_of(Kind, kind, "kind")
    why = rules.one_of(RefillReason, reason, "reason") if reason is not None else None
    _check(what, quantity, why, case)
    at = happened_at or now
    if case is not None:
        rules.check_happened(case, at, now=now, field="happened_at")
    elif at > now:
        raise BadInput("in_future", "It has not been yet: give when it happened.", "happened_at")
    if expires_on is not None:
        rules.check_reachable(expires_on, "expires")
    said = Row(
        id=_UNNUMBERED,
        unit=place,
        case_ref=case.ref if case is not None else None,
        kind=what,
        quantity=quantity,
        lot=_lot(lot),
        expires_on=expires_on,
        reason=why.value if why is not None else None,
        distributor=distributors.ref_of_user(tx, distributor) if distributor else None,
        task=None,
        undoes=None,
        happened_at=at,
        recorded_at=now,
        by=viewer.account,
    )
    known = naloxone_rows.of_case(tx, case.id) if case is not None else []
    filled = _filled_in(tx, said, known, viewer, named=distributor is not None)
    row = naloxone_rows.write(tx, filled, case.id if case is not None else None, known)
    left = _shelf(tx, place, local_date(now))
    warnings = _warnings(tx, row)
    if left < 0:
        warnings.append(Discrepancy(Flaw.STOCK_NEGATIVE, place, left))
    _log(tx, viewer, place, f"naloxone_{what.value}", now, case_ref=row.case_ref)
    return Recorded(row, left, tuple(warnings))


def undo(tx: Connection, viewer: Viewer, row_id: int, *, now: datetime) -> Row:
    """Take a row back by a second one: what was recorded stays to be seen, and counts no more.

    Raises as `to_take_back` does.
    """
    row = to_take_back(tx, viewer, row_id)
    taken_back = naloxone_rows.take_back(tx, row, by=viewer.account, now=now)
    _log(tx, viewer, row.unit, UNDONE, now, case_ref=row.case_ref)
    return taken_back


def to_take_back(tx: Connection, viewer: Viewer, row_id: int) -> Row:
    """A row that the viewer may take back.

    Raises `NaloxoneNotFound`, `Conflict` for one that is taken back already, `Refused` for one that
    belongs to a completed task.
    """
    check_may_open_cases(viewer)
    row = naloxone_rows.row_with(tx, row_id)
    if row is None or not acts_in(viewer, row.unit):
        raise NaloxoneNotFound("There is no such row here. Check its number in the ledger.")
    rules.check_role(viewer, KEEPING, "keep the naloxone ledger")
    if row.undoes is not None:
        raise Refused(f"Row {row_id} takes another one back: record anew what happened instead.")
    if row.task is not None:
        raise Refused(f"Row {row_id} came with the task {row.task}: undo the task instead.")
    if naloxone_rows.is_taken_back(tx, row):
        raise Conflict(f"Row {row_id} is taken back already.")
    return row


def lot_read(lot: str | None, task: Task) -> str | None:
    """The lot that somebody read off the spray they handed over, as it is kept.

    `task` is the task as completed. Raises `BadInput`, also where no spray was handed over.
    """
    written = _lot(lot)
    given = task.code == HANDED_OVER and task.answer in WITH_SPRAY
    if written is not None and not given:
        raise BadInput("lot_without_spray", "A lot was given, but no spray.", "lot")
    return written


def after_completion(
    tx: Connection,
    case: Case,
    task: Task,
    viewer: Viewer,
    *,
    now: datetime,
    lot: str | None = None,
) -> None:
    """The row of a completed `handed_over` with a spray; nothing for any other completion.

    `task` is the task as completed; `case` as it was before. The lot and the distributor are those
    of the kit in the person's property; without one the distributor is who completed the task, if
    certified that day. What stays unknown is a discrepancy. `lot`: somebody read it off the kit.
    """
    if task.code != HANDED_OVER or task.answer not in WITH_SPRAY:
        return
    said = Row(
        id=_UNNUMBERED,
        unit=case.unit,
        case_ref=case.ref,
        kind=Kind.HANDED_OVER,
        quantity=1,
        lot=lot,
        expires_on=None,
        reason=None,
        distributor=None,
        task=task.code,
        undoes=None,
        happened_at=task.done_at or now,
        recorded_at=now,
        by=viewer.account,
    )
    known = naloxone_rows.of_case(tx, case.id)
    filled = _filled_in(tx, said, known, viewer, named=False)
    naloxone_rows.write(tx, filled, case.id, known)


def after_undo(tx: Connection, case: Case, task: Task, viewer: Viewer, *, now: datetime) -> None:
    """Take back the row that the completion of this task (as it was completed) had written."""
    if task.code != HANDED_OVER or task.answer not in WITH_SPRAY:
        return
    for row in standing(naloxone_rows.of_case(tx, case.id)):
        if row.task == task.code:
            naloxone_rows.take_back(tx, row, by=viewer.account, now=now)


# --- queries -------------------------------------------------------------------------------------


def stock(
    tx: Connection, viewer: Viewer, unit: str, *, now: datetime, without: int | None = None
) -> Stock:
    """How many kits a unit has; what was merged into it counts along.

    `without`: as it would be were the row of that number taken back.
    """
    code, parts = _looked_at(tx, viewer, unit, local_date(now))
    shelf = naloxone_kept.stock_of(tx, parts)
    in_property = sum(each.in_property for each in naloxone_kept.in_property(tx, parts))
    row = naloxone_rows.row_with(tx, without) if without is not None else None
    if row is not None:
        owner, together = naloxone_rows.together_with(tx, row)
        was, would = kept(together), kept(each for each in together if each.id != row.id)
        shelf += sum(would.stock.get(part, 0) - was.stock.get(part, 0) for part in parts)
        if owner in parts:
            in_property += would.in_property - was.in_property
    return Stock(unit=code, stock=shelf, in_property=in_property)


def is_out_of_property(tx: Connection, case: Case) -> bool:
    """Whether a kit was put into the person's property and every such row was taken back."""
    known = naloxone_rows.of_case(tx, case.id)
    put = [row for row in known if row.kind is Kind.TO_PROPERTY and row.undoes is None]
    return bool(put) and not any(row in put for row in standing(known))


def ledger(
    tx: Connection,
    viewer: Viewer,
    *,
    now: datetime,
    unit: str | None = None,
    ref: str | None = None,
    most: int | None = None,
    also: int | None = None,
) -> list[Row]:
    """The rows of a unit or of a case, as recorded, those taken back too; the look is logged.

    Of a unit the newest `most`, with the row numbered `also`: a page names those it shows, and not
    everybody who ever had a kit. A row about somebody who is not the viewer's (any more) shows no
    case.
    """
    case = _case_of(tx, viewer, unit, ref)
    if case is not None:
        rules.check_role(viewer, KEEPING, "see the naloxone ledger")
        scope, rows = case.unit, naloxone_rows.of_case(tx, case.id)
    else:
        scope, parts = _looked_at(tx, viewer, unit or "", local_date(now))
        if most is None:
            rows = naloxone_rows.of_units(tx, parts)
        else:
            rows = naloxone_rows.latest(tx, parts, most, also)
        seen = _seen(tx, viewer, (row.case_ref for row in rows))
        rows = [row if row.case_ref in seen else replace(row, case_ref=None) for row in rows]
    _log(tx, viewer, scope, READ, now, subjects=(row.case_ref for row in rows))
    return rows


def discrepancies_of(
    tx: Connection, viewer: Viewer, unit: str, *, now: datetime
) -> list[Discrepancy]:
    """What does not add up in a unit; the look is logged. No case as in `ledger`."""
    code, parts = _looked_at(tx, viewer, unit, local_date(now))
    rows = naloxone_rows.doubtful(tx, parts)
    named = {row.distributor for row in rows if row.distributor is not None}
    held = naloxone_kept.in_property(tx, parts)
    found = discrepancies(
        unit=code,
        stock=naloxone_kept.stock_of(tx, parts),
        left={each.case_ref: each.in_property for each in held if each.left},
        rows=rows,
        twice=naloxone_rows.given_twice(tx, parts),
        certificates=distributors.certificates(tx, named),
    )
    seen = _seen(tx, viewer, (each.case_ref for each in found))
    found = [each if each.case_ref in seen else replace(each, case_ref=None) for each in found]
    _log(tx, viewer, code, READ, now, subjects=(each.case_ref for each in found))
    return found


# --- inside --------------------------------------------------------------------------------------


def _check(kind: Kind, quantity: int, reason: RefillReason | None, case: Case | None) -> None:
    if not 1 <= quantity <= MOST_AT_ONCE:
        raise BadInput(
            "bad_quantity", f"The number of kits is from 1 to {MOST_AT_ONCE}.", "quantity"
        )
    if reason is not None and kind is not Kind.REFILL:
        raise BadInput(
            "reason_not_asked", f"A reason belongs to a refill, not to {kind}.", "reason"
        )
    if kind is Kind.TO_PROPERTY and case is None:
        raise BadInput("person_missing", "Property is somebody's: name the person.", "ref")
    if kind is Kind.RECEIVED and case is not None:
        raise BadInput(
            "unit_missing", "Kits are received by a unit: name it in place of the person.", "unit"
        )


def _lot(lot: str | None) -> str | None:
    written = " ".join((lot or "").split())
    if len(written) > LONGEST_LOT or not written.isprintable():
        raise BadInput("bad_lot", f"A lot has at most {LONGEST_LOT} characters.", "lot")
    return written or None


def _case_of(
    tx: Connection,
    viewer: Viewer,
    unit: str | None,
    ref: str | None,
    load: Callable[[Connection, Viewer, str], Case] = queries.case_by_ref,
) -> Case | None:
    check_may_open_cases(viewer)
    if (unit is None) == (ref is None):
        raise BadInput("unit_or_case", "Name a person or a unit, one of them.", "unit")
    return load(tx, viewer, ref) if ref is not None else None


def _place(tx: Connection, viewer: Viewer, unit: str, on: date) -> str:
    """The unit that keeps the ledger meant by a code; a closed one still keeps its own."""
    code = organisation.successor(tx, unit, on) or unit
    if not organisation.versions(tx, code) or not acts_in(viewer, code):
        raise NaloxoneNotFound(f"There is no unit {unit!r} here.")
    return code


def _looked_at(tx: Connection, viewer: Viewer, unit: str, on: date) -> tuple[str, frozenset[str]]:
    """The unit somebody looks at, and its parts: itself and what was merged into it."""
    check_may_open_cases(viewer)
    code = _place(tx, viewer, unit, on)
    rules.check_role(viewer, KEEPING, "see the naloxone ledger")
    return code, organisation.merged_into(tx, code, on)


def _shelf(tx: Connection, code: str, on: date) -> int:
    return naloxone_kept.stock_of(tx, organisation.merged_into(tx, code, on))


def _filled_in(tx: Connection, row: Row, known: list[Row], viewer: Viewer, *, named: bool) -> Row:
    """The row with lot, expiry and distributor that were left out, as far as they are known.

    `known` are the rows of the case; `named`: somebody said who the distributor is.
    """
    if row.kind not in TO_A_PERSON:
        return row
    lot, expires_on, by = row.lot, row.expires_on, row.distributor
    kit = _kit_in_property(known) if row.kind is not Kind.TO_PROPERTY else None
    if kit is not None and lot in (None, kit.lot):
        lot, expires_on = kit.lot, expires_on or kit.expires_on
    if lot is not None and expires_on is None:
        expires_on = naloxone_rows.expiry_of_lot(tx, lot)
    if by is None and not named:
        if kit is not None and kit.distributor is not None:
            by = kit.distributor
        elif distributors.is_certified(tx, viewer.account, local_date(row.happened_at)):
            by = viewer.account
    return replace(row, lot=lot, expires_on=expires_on, distributor=by)


def _kit_in_property(known: list[Row]) -> Row | None:
    """The newest row that put a kit where one still is."""
    if not sum(custody(known).in_property.values()):
        return None
    put = [row for row in standing(known) if row.kind is Kind.TO_PROPERTY]
    return put[-1] if put else None


def _warnings(tx: Connection, row: Row) -> list[Discrepancy]:
    named = [row.distributor] if row.distributor is not None else []
    found = distributors.certificates(tx, named)
    return [about(row, flaw) for flaw in flaws(row, dict.fromkeys(named, found))]


def _seen(tx: Connection, viewer: Viewer, refs: Iterable[str | None]) -> frozenset[str | None]:
    """Which of these cases the viewer may see now; "no case" is among them."""
    wanted = sorted({ref for ref in refs if ref is not None})
    found: set[str | None] = {None}
    for start in range(0, len(wanted), 500):
        query = select(case_.c.ref).where(
            queries.visible_cases(viewer), case_.c.ref.in_(wanted[start : start + 500])
        )
        found |= set(tx.execute(query, queries.visible_binds(viewer)).scalars())
    return frozenset(found)


def _log(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    verb: str,
    now: datetime,
    *,
    case_ref: str | None = None,
    subjects: Iterable[str | None] = (),
) -> None:
    named = tuple(sorted({each for each in subjects if each is not None}))
    row = AccessRow(unit, now, viewer.account, viewer.role.value, verb, case_ref, named)
    append(tx, [row], now=now)

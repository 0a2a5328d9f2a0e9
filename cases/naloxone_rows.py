"""Rows of the naloxone ledger in the database: read whole, written, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, insert, or_, select, union

from cases.custody import Holder, Kind, Row
from cases.model import Phase
from cases.tables import case_, naloxone_event

_EVENT: Final = naloxone_event.c
_COLUMNS: Final = tuple(
    case_.c.ref.label(name) if name == "case_ref" else _EVENT[name]
    for name in Row.__dataclass_fields__
)
_PARTS: Final[BindParameter[str]] = bindparam("parts", expanding=True)
_ROWS: Final = select(*_COLUMNS).outerjoin_from(naloxone_event, case_, case_.c.id == _EVENT.case_id)
# All rows of every case that has to do with the units, because a kit travels with its person.
_OF_UNITS: Final = _ROWS.where(
    or_(
        _EVENT.unit.in_(_PARTS),
        _EVENT.case_id.in_(
            union(
                select(_EVENT.case_id).where(_EVENT.unit.in_(_PARTS), _EVENT.case_id.is_not(None)),
                select(_EVENT.case_id)
                .join(case_, case_.c.id == _EVENT.case_id)
                .where(case_.c.unit.in_(_PARTS)),
            )
        ),
    )
).order_by(_EVENT.id)
_LATEST: Final = (
    _ROWS.where(_EVENT.unit.in_(_PARTS)).order_by(_EVENT.id.desc()).limit(bindparam("most"))
)
_ROW_AND_ITS_END: Final = _ROWS.where(
    _EVENT.unit.in_(_PARTS), or_(_EVENT.id == bindparam("id"), _EVENT.undoes == bindparam("id"))
).order_by(_EVENT.id)
_OF_CASE: Final = _ROWS.where(_EVENT.case_id == bindparam("case_id")).order_by(_EVENT.id)
_BY_ID: Final = _ROWS.where(_EVENT.id == bindparam("id"))
_RECORDED_BY: Final = _ROWS.where(
    _EVENT.recorded_at <= bindparam("as_of", type_=_EVENT.recorded_at.type)
).order_by(_EVENT.id)
_TAKEN_BACK: Final = select(_EVENT.id).where(_EVENT.undoes == bindparam("id"))
_HOLDERS: Final = select(case_.c.ref, case_.c.unit, case_.c.released_at, case_.c.phase).where(
    case_.c.ref.in_(bindparam("refs", expanding=True))
)
_EXPIRY_OF_LOT: Final = (
    select(_EVENT.expires_on)
    .where(_EVENT.lot == bindparam("lot"), _EVENT.expires_on.is_not(None))
    .order_by(_EVENT.id.desc())
    .limit(1)
)
_INSERT: Final = (
    insert(naloxone_event)
    .values(
        {name: bindparam(name) for name in naloxone_event.columns.keys() if name != "id"}  # noqa: SIM118
    )
    .returning(_EVENT.id)
)
_CASE_ID: Final = select(case_.c.id).where(case_.c.ref == bindparam("ref"))


def row_with(tx: Connection, row_id: int) -> Row | None:
    """The row with this number."""
    found = tx.execute(_BY_ID, {"id": row_id}).one_or_none()
    return _row(found) if found is not None else None


def is_taken_back(tx: Connection, row: Row) -> bool:
    """Whether a later row takes this one back."""
    return tx.execute(_TAKEN_BACK, {"id": row.id}).first() is not None


def of_units(tx: Connection, parts: frozenset[str]) -> list[Row]:
    """The rows of these units, and all rows of every case they have to do with."""
    return [_row(found) for found in tx.execute(_OF_UNITS, {"parts": sorted(parts)})]


def latest(tx: Connection, parts: frozenset[str], most: int, also: int | None) -> list[Row]:
    """The newest rows of these units, the oldest of them first.

    Among them or before them is the row numbered `also`, with the one that took it back.
    """
    binds: dict[str, Any] = {"parts": sorted(parts), "most": most}
    rows = [_row(found) for found in tx.execute(_LATEST, binds)][::-1]
    if also is None or any(row.id == also for row in rows):
        return rows
    binds = {"parts": sorted(parts), "id": also}
    before = [_row(found) for found in tx.execute(_ROW_AND_ITS_END, binds)]
    known = {row.id for row in rows}
    return [row for row in before if row.id not in known] + rows


def of_case(tx: Connection, case_id: int | None) -> list[Row]:
    """The rows of a case, whichever unit's."""
    return [_row(found) for found in tx.execute(_OF_CASE, {"case_id": case_id})]


def recorded_by(tx: Connection, as_of: datetime) -> list[Row]:
    """Every row of all units that was recorded by an instant, in the order of recording."""
    return [_row(found) for found in tx.execute(_RECORDED_BY, {"as_of": as_of})]


def holders(tx: Connection, rows: Iterable[Row]) -> dict[str, Holder]:
    """The cases of these rows as far as custody asks, by reference."""
    refs = sorted({row.case_ref for row in rows if row.case_ref is not None})
    found: dict[str, Holder] = {}
    for start in range(0, len(refs), 500):
        for row in tx.execute(_HOLDERS, {"refs": refs[start : start + 500]}):
            left = row.released_at is not None or row.phase == Phase.CLOSED.value
            found[row.ref] = Holder(row.unit, left)
    return found


def expiry_of_lot(tx: Connection, lot: str) -> date | None:
    """The expiry that any row gives for a lot, the newest first."""
    found: date | None = tx.execute(_EXPIRY_OF_LOT, {"lot": lot}).scalar_one_or_none()
    return found


def write(tx: Connection, row: Row, case_id: int | None) -> Row:
    """Write a row; its number is given by the database, whatever `row.id` says."""
    values: dict[str, Any] = {
        name: getattr(row, name)
        for name in Row.__dataclass_fields__
        if name not in ("id", "case_ref")
    }
    row_id: int = tx.execute(
        _INSERT, values | {"kind": row.kind.value, "case_id": case_id}
    ).scalar_one()
    return replace(row, id=row_id)


def take_back(tx: Connection, row: Row, *, by: str, now: datetime) -> Row:
    """Write the row that takes another back: the same in all, recorded now."""
    case_id = None
    if row.case_ref is not None:
        case_id = tx.execute(_CASE_ID, {"ref": row.case_ref}).scalar_one()
    return write(tx, replace(row, undoes=row.id, recorded_at=now, by=by), case_id)


def _row(found: Any) -> Row:
    values: Mapping[str, Any] = found._mapping  # noqa: SLF001 - the public name of a row's mapping
    return Row(**{**values, "kind": Kind(values["kind"])})

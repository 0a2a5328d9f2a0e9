"""Rows of the naloxone ledger in the database: read whole, written, taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Date,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from cases import naloxone_kept
from cases.custody import TO_A_PERSON, Kind, Row
from cases.tables import account, case_, distributor, naloxone_event, naloxone_held
from core.listed import tested


class _DayBefore(FunctionElement[date]):
    type = Date()
    inherit_cache = True


@compiles(_DayBefore, "sqlite")
def _before_on_sqlite(element: _DayBefore, compiler: Any, **more: Any) -> str:
    return f"date({compiler.process(element.clauses, **more)}, '-1 day')"


@compiles(_DayBefore, "postgresql")
def _before_on_postgres(element: _DayBefore, compiler: Any, **more: Any) -> str:
    return f"({compiler.process(element.clauses, **more)} - 1)"


_EVENT: Final = naloxone_event.c
_COLUMNS: Final = tuple(
    case_.c.ref.label(name) if name == "case_ref" else _EVENT[name]
    for name in Row.__dataclass_fields__
)
_PARTS: Final[BindParameter[str]] = bindparam("parts", expanding=True)
_ROWS: Final = select(*_COLUMNS).outerjoin_from(naloxone_event, case_, case_.c.id == _EVENT.case_id)
_OF_UNITS: Final = _ROWS.where(_EVENT.unit.in_(_PARTS)).order_by(_EVENT.id)
_GIVEN_TWICE: Final = _ROWS.join(naloxone_held, naloxone_held.c.given_twice == _EVENT.id).where(
    tested(_EVENT.unit).in_(_PARTS)
)
_LATEST: Final = (
    _ROWS.where(_EVENT.unit.in_(_PARTS)).order_by(_EVENT.id.desc()).limit(bindparam("most"))
)
_ROW_AND_ITS_END: Final = _ROWS.where(
    _EVENT.unit.in_(_PARTS), or_(_EVENT.id == bindparam("id"), _EVENT.undoes == bindparam("id"))
).order_by(_EVENT.id)
_OF_CASE: Final = _ROWS.where(_EVENT.case_id == bindparam("case_id")).order_by(_EVENT.id)
_BY_CASE: Final = _ROWS.order_by(_EVENT.case_id, _EVENT.id)
_BY_ID: Final = _ROWS.where(_EVENT.id == bindparam("id"))
_RECORDED_BY: Final = _ROWS.where(
    _EVENT.recorded_at <= bindparam("as_of", type_=_EVENT.recorded_at.type)
).order_by(_EVENT.id)
_TAKEN_BACK: Final = select(_EVENT.id).where(_EVENT.undoes == bindparam("id"))


def _doubtful() -> Any:
    """Every row that has a flaw, and few others: whether it has one is for `custody.flaws` to say.

    A day is compared with an instant as the midnight in UTC that begins it, so that near midnight a
    row is rather asked about than not.
    """
    taken_back = naloxone_event.alias("taken_back")
    surely_certified = exists().where(
        account.c.ref == _EVENT.distributor,
        distributor.c.account_id == account.c.id,
        distributor.c.certified_from <= _EVENT.happened_at,
        or_(
            distributor.c.certified_to.is_(None),
            _EVENT.happened_at < _DayBefore(distributor.c.certified_to),
        ),
    )
    return _ROWS.where(
        _EVENT.unit.in_(_PARTS),
        _EVENT.kind.in_(sorted(kind.value for kind in TO_A_PERSON)),
        func.coalesce(_EVENT.undoes, 0) == 0,
        or_(
            _EVENT.lot.is_(None),
            _EVENT.distributor.is_(None),
            _EVENT.expires_on < _EVENT.happened_at,
            and_(_EVENT.kind == Kind.REFILL.value, _EVENT.reason.is_(None)),
            ~surely_certified,
        ),
        ~exists().where(taken_back.c.undoes == _EVENT.id),
    ).order_by(_EVENT.id)


_DOUBTFUL: Final = _doubtful()
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
_OWNED: Final = select(case_.c.id, case_.c.unit).where(case_.c.ref == bindparam("ref"))
_CASE_LOCKED: Final = select(case_.c.id).where(case_.c.ref == bindparam("ref")).with_for_update()


def row_with(tx: Connection, row_id: int) -> Row | None:
    """The row with this number."""
    found = tx.execute(_BY_ID, {"id": row_id}).one_or_none()
    return _row(found) if found is not None else None


def is_taken_back(tx: Connection, row: Row) -> bool:
    """Whether a later row takes this one back."""
    return tx.execute(_TAKEN_BACK, {"id": row.id}).first() is not None


def of_units(tx: Connection, parts: frozenset[str]) -> list[Row]:
    """The rows of these units, as recorded."""
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


def together_with(tx: Connection, row: Row) -> tuple[str | None, list[Row]]:
    """The rows that decide with a row what it comes to, and the unit that owns their case if any.

    Of a row about the shelf it is that one alone.
    """
    if row.case_ref is None:
        return None, [row]
    owned = tx.execute(_OWNED, {"ref": row.case_ref}).one()
    return owned.unit, of_case(tx, owned.id)


def doubtful(tx: Connection, parts: frozenset[str]) -> list[Row]:
    """The rows of these units that count and may have a flaw by themselves (`custody.flaws`)."""
    return [_row(found) for found in tx.execute(_DOUBTFUL, {"parts": sorted(parts)})]


def given_twice(tx: Connection, parts: frozenset[str]) -> list[Row]:
    """The rows of tasks in these units beside which a handing over was typed in by hand."""
    return [_row(found) for found in tx.execute(_GIVEN_TWICE, {"parts": sorted(parts)})]


def by_case(tx: Connection) -> Iterator[tuple[str | None, list[Row]]]:
    """Every row of all units, case by case (None: those of no case), streamed."""
    found = tx.execute(_BY_CASE, execution_options={"yield_per": 1000})
    return (
        (ref, list(rows)) for ref, rows in groupby(map(_row, found), key=lambda row: row.case_ref)
    )


def recorded_by(tx: Connection, as_of: datetime) -> list[Row]:
    """Every row of all units that was recorded by an instant, in the order of recording."""
    return [_row(found) for found in tx.execute(_RECORDED_BY, {"as_of": as_of})]


def expiry_of_lot(tx: Connection, lot: str) -> date | None:
    """The expiry that any row gives for a lot, the newest first."""
    found: date | None = tx.execute(_EXPIRY_OF_LOT, {"lot": lot}).scalar_one_or_none()
    return found


def write(tx: Connection, row: Row, case_id: int | None, before: Iterable[Row] = ()) -> Row:
    """Write a row; its number is given by the database, whatever `row.id` says.

    `before` as `naloxone_kept.follow` wants it: what is kept of the ledger follows at once.
    """
    values: dict[str, Any] = {
        name: getattr(row, name)
        for name in Row.__dataclass_fields__
        if name not in ("id", "case_ref")
    }
    row_id: int = tx.execute(
        _INSERT, values | {"kind": row.kind.value, "case_id": case_id}
    ).scalar_one()
    written = replace(row, id=row_id)
    naloxone_kept.follow(tx, written, case_id, before)
    return written


def take_back(tx: Connection, row: Row, *, by: str, now: datetime) -> Row:
    """Write the row that takes another back: the same in all, recorded now."""
    case_id, before = None, [row]
    if row.case_ref is not None:
        case_id = tx.execute(_CASE_LOCKED, {"ref": row.case_ref}).scalar_one()
        before = of_case(tx, case_id)
    return write(tx, replace(row, undoes=row.id, recorded_at=now, by=by), case_id, before)


def _row(found: Any) -> Row:
    values: Mapping[str, Any] = found._mapping  # noqa: SLF001 - the public name of a row's mapping
    return Row(**{**values, "kind": Kind(values["kind"])})

"""What the ledger of naloxone comes to, kept beside it: stock by unit, property by case.

Changed in the transaction of the ledger's row, from the rows of its case alone
(`cases.custody.kept`), so that nobody reads a ledger from its beginning (docs/adr/0106).
`doctor --rebuild` compares. On Postgres whoever writes about a case has its row locked before
reading what there is of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from cases.custody import Row, kept
from cases.model import Phase
from cases.tables import case_, naloxone_held, naloxone_stock
from core.listed import one_of, tested
from core.statement import Prepared


class Held(NamedTuple):
    """Kits in somebody's property; `left`: the person is gone."""

    case_ref: str
    in_property: int
    left: bool


def _moved(dialect: Any) -> Prepared:
    made = dialect.insert(naloxone_stock)
    return Prepared(
        made.on_conflict_do_update(
            index_elements=[naloxone_stock.c.unit],
            set_={"quantity": naloxone_stock.c.quantity + made.excluded.quantity},
        ),
        columns=naloxone_stock.columns.keys(),
    )


def _held(dialect: Any) -> Prepared:
    made = dialect.insert(naloxone_held)
    return Prepared(
        made.on_conflict_do_update(
            index_elements=[naloxone_held.c.case_id],
            set_={name: made.excluded[name] for name in ("in_property", "given_twice")},
        ),
        columns=naloxone_held.columns.keys(),
    )


_DIALECTS: Final = {"sqlite": sqlite, "postgresql": postgresql}
_MOVE: Final = {name: _moved(dialect) for name, dialect in _DIALECTS.items()}
_HOLD: Final = {name: _held(dialect) for name, dialect in _DIALECTS.items()}
_NOTHING_HELD: Final = Prepared(
    delete(naloxone_held).where(naloxone_held.c.case_id == bindparam("of_case"))
)
_STOCK: Final = Prepared(
    select(func.coalesce(func.sum(naloxone_stock.c.quantity), 0)).where(
        one_of(naloxone_stock.c.unit, "parts")
    )
)
# Asked from those who have kits, who are few, and not from all cases a unit ever had.
_IN_PROPERTY: Final = Prepared(
    select(
        case_.c.ref,
        naloxone_held.c.in_property,
        or_(case_.c.released_at.is_not(None), case_.c.phase == Phase.CLOSED.value),
    )
    .join(case_, case_.c.id == naloxone_held.c.case_id)
    .where(naloxone_held.c.in_property > 0, one_of(tested(case_.c.unit), "parts"))
)


def follow(tx: Connection, row: Row, case_id: int | None, before: Iterable[Row]) -> None:
    """Keep what comes of one more row.

    `before`: the other rows of its case; of a row about the shelf the one that it takes back.
    """
    others = list(before)
    was, now = kept(others), kept([*others, row])
    dialect = tx.dialect.name
    for unit in sorted(was.stock.keys() | now.stock.keys()):
        change = now.stock.get(unit, 0) - was.stock.get(unit, 0)
        if change:
            _MOVE[dialect].run(tx, {"unit": unit, "quantity": change})
    held = (now.in_property, now.given_twice)
    if case_id is None or held == (was.in_property, was.given_twice):
        return
    if held == (0, None):
        _NOTHING_HELD.run(tx, {"of_case": case_id})
    else:
        values = {"case_id": case_id, "in_property": held[0], "given_twice": held[1]}
        _HOLD[dialect].run(tx, values)


def stock_of(tx: Connection, parts: Iterable[str]) -> int:
    """The kits on the shelves of these units."""
    found = _STOCK.row(tx, {"parts": sorted(parts)})
    return int(found[0]) if found is not None else 0


def in_property(tx: Connection, parts: Iterable[str]) -> list[Held]:
    """The kits in the property of persons whose cases these units own."""
    rows = _IN_PROPERTY.rows(tx, {"parts": sorted(parts)})
    return [Held(ref, quantity, bool(left)) for ref, quantity, left in rows]

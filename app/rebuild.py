"""`doctor --rebuild`: every case folded from its events, compared with the case tables.

The case tables are a projection of the events, and what is kept of the ledger of naloxone follows
from its rows. A difference means that somebody wrote past the
verbs, or that a verb has a fault; it is told by reference and field, never by value. Cases are
taken in chunks, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, select

from cases import naloxone_rows, queries
from cases.access import OPERATOR
from cases.custody import kept
from cases.derived import COLUMNS, derived
from cases.history import Event, events_of_many
from cases.model import Case
from cases.shape import PARTS, fold, in_order, without_machinery
from cases.tables import case_, case_event, naloxone_held, naloxone_stock
from core.clock import local_date
from core.db import Database
from reports.report import snapshot

CHUNK: Final = 200
"""Cases at a time."""

UNFOLDABLE: Final = "events"
"""Named where the events of a case are missing, not in one row, or cannot be folded."""

_PARTS: Final = {part.attribute: part for part in PARTS}
_NEXT: Final = (
    select(
        case_.c.id,
        case_.c.ref,
        case_.c.admitted_on,
        case_.c.released_on,
        *(case_.c[name] for name in COLUMNS),
    )
    .where(case_.c.id > bindparam("after"))
    .order_by(case_.c.id)
    .limit(CHUNK)
)
_ORPHANS: Final = (
    select(case_event.c.case_ref)
    .where(~exists().where(case_.c.ref == case_event.c.case_ref))
    .distinct()
    .order_by(case_event.c.case_ref)
)

_STOCKS: Final = select(naloxone_stock.c.unit, naloxone_stock.c.quantity)
_HELD: Final = select(case_.c.ref, naloxone_held.c.in_property, naloxone_held.c.given_twice).join(
    case_, case_.c.id == naloxone_held.c.case_id
)


@dataclass(slots=True)
class Rebuilt:
    """How many cases equal their events, and which do not, with the fields that differ.

    `shelves` are the units whose stock of naloxone is not what the ledger comes to.
    """

    equal: int = 0
    different: dict[str, list[str]] = field(default_factory=dict)
    shelves: list[str] = field(default_factory=list)


def rebuild(db: Database) -> Rebuilt:
    """Fold and compare every case, in one snapshot. Changes nothing."""
    result = Rebuilt()
    with snapshot(db) as tx:
        held, result.shelves = _kits(tx)
        for ref, differing in _compared(tx):
            if differing or ref in held:
                result.different[ref] = [*differing, *(["naloxone"] if ref in held else [])]
            else:
                result.equal += 1
        for ref in tx.execute(_ORPHANS).scalars():
            result.different[ref] = ["case"]
    return result


def _compared(tx: Connection) -> Iterator[tuple[str, list[str]]]:
    after = 0
    while rows := tx.execute(_NEXT, {"after": after}).all():
        after = rows[-1].id
        cases = queries.cases_by_ids(tx, OPERATOR, [row.id for row in rows])
        events = events_of_many(tx, [row.ref for row in rows])
        for row in rows:
            stored = cases[row.id]
            differing = differences(stored, events.get(row.ref, []))
            differing += _derived(stored, row)
            yield row.ref, differing


def differences(stored: Case, events: list[Event]) -> list[str]:
    """The fields in which a stored case differs from what its events give, in order."""
    if [event.seq for event in events] != sorted({event.seq for event in events}):
        return [UNFOLDABLE]
    folded: Case | None = None
    try:
        for event in events:
            folded = fold(folded, event.payload, seq=event.seq)
    except (TypeError, ValueError, KeyError):
        return [UNFOLDABLE]
    if folded is None:
        return [UNFOLDABLE]
    # What only drives the sweep raises the version and writes no event.
    version = ["version"] if stored.version < folded.version else []
    one = without_machinery(in_order(replace(stored, version=0)))
    other = without_machinery(in_order(replace(folded, version=0)))
    return version if one == other else version + _differing(one, other)


def _differing(one: Case, other: Case) -> list[str]:
    found: list[str] = []
    for each in fields(Case):
        if getattr(one, each.name) == getattr(other, each.name):
            continue
        part = _PARTS.get(each.name)
        if part is None:
            found.append(each.name)
        else:
            found += _differing_rows(
                each.name, part.key, getattr(one, each.name), getattr(other, each.name)
            )
    return found


def _differing_rows(name: str, key: str, one: tuple[Any, ...], other: tuple[Any, ...]) -> list[str]:
    ours = {getattr(row, key): row for row in one}
    theirs = {getattr(row, key): row for row in other}
    found: list[str] = []
    for at in sorted(ours.keys() | theirs.keys(), key=str):
        here, there = ours.get(at), theirs.get(at)
        if here is None or there is None:
            found.append(f"{name}.{at}")
        elif here != there:
            found += [
                f"{name}.{at}.{each.name}"
                for each in fields(here)
                if getattr(here, each.name) != getattr(there, each.name)
            ]
    return found


def _derived(case: Case, row: Any) -> list[str]:
    """The columns that follow from the rest of a case, for lists and counts."""
    released_at = case.released_at
    given = {
        "admitted_on": local_date(case.admitted_at),
        "released_on": local_date(released_at) if released_at is not None else None,
        **derived(case)._asdict(),
    }
    return [name for name, value in given.items() if getattr(row, name) != value]


def _kits(tx: Connection) -> tuple[set[str], list[str]]:
    """The cases (references) and units of which something else is kept than their rows come to."""
    stock: Counter[str] = Counter()
    held: dict[str, tuple[int, int | None]] = {}
    for case_ref, rows in naloxone_rows.by_case(tx):
        found = kept(rows)
        stock.update(found.stock)
        if case_ref is not None and (found.in_property or found.given_twice is not None):
            held[case_ref] = found.in_property, found.given_twice
    told = {ref: (quantity, twice) for ref, quantity, twice in tx.execute(_HELD)}
    stocks: dict[str, int] = {row.unit: row.quantity for row in tx.execute(_STOCKS)}
    return (
        {ref for ref in held.keys() | told.keys() if held.get(ref) != told.get(ref)},
        [unit for unit in sorted(stock.keys() | stocks) if stock[unit] != stocks.get(unit, 0)],
    )

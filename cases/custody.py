"""PURE: where naloxone kits are, from the rows of the custody ledger.

A kit is on a unit's shelf (its *stock*), in the property of somebody in prison, or out of the
house. What each kind of row does:

| kind          | stock of the row's unit                       | the person's property |
|---------------|-----------------------------------------------|-----------------------|
| `received`    | + quantity                                    |                       |
| `to_property` | − quantity                                    | + quantity            |
| `handed_over` | − what the property does not give             | gives first           |
| `refill`      | − what the property does not give             | gives first           |
| `returned`    | + quantity                                    | gives first           |
| `lost`        | − quantity without a person, else untouched   | gives first           |
| `expired`     | − quantity without a person, else untouched   | gives first           |

So a kit in somebody's property is out of stock but still in custody, and it travels with the
person: handed over by another unit it does not touch that unit's shelf. A row without a case is
about the shelf alone; a kit that a person lost was not on it. Rows are taken in the order of when
things happened, so that a row entered late falls into its place. A row is never changed: one that
was wrong is taken back by a second row that names it (`undoes`), and then neither counts.

The ledger refuses nothing for being wrong; what does not add up is a `Discrepancy`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from core.clock import local_date


class Kind(StrEnum):
    """What happened to kits."""

    RECEIVED = "received"
    TO_PROPERTY = "to_property"
    HANDED_OVER = "handed_over"
    REFILL = "refill"
    RETURNED = "returned"
    LOST = "lost"
    EXPIRED = "expired"


class RefillReason(StrEnum):
    """Why somebody needed another kit."""

    USED = "used"
    LOST = "lost"
    EXPIRED = "expired"
    CONFISCATED = "confiscated"
    OTHER = "other"


GIVEN: Final = frozenset({Kind.HANDED_OVER, Kind.REFILL})
"""Kinds by which a person gets a kit: what I9 counts."""

TO_A_PERSON: Final = GIVEN | {Kind.TO_PROPERTY}
"""Kinds whose lot and distributor ought to be known."""


class Flaw(StrEnum):
    """What does not add up."""

    STOCK_NEGATIVE = "stock_negative"
    UNACCOUNTED = "unaccounted"
    LOT_UNKNOWN = "lot_unknown"
    LOT_EXPIRED = "lot_expired"
    DISTRIBUTOR_UNKNOWN = "distributor_unknown"
    DISTRIBUTOR_UNCERTIFIED = "distributor_uncertified"
    REASON_MISSING = "reason_missing"
    GIVEN_TWICE = "given_twice"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger. `task` names the task whose completion wrote it, if one did.

    `expires_on` is the last day on which the lot may be used.
    """

    id: int
    unit: str
    case_ref: str | None
    kind: Kind
    quantity: int
    lot: str | None
    expires_on: date | None
    reason: str | None
    distributor: str | None
    task: str | None
    undoes: int | None
    happened_at: datetime
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """When a distributor (an account's reference) is certified; `until` is the first day after."""

    account: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something to look into. `row` is the ledger row at fault, where one row is."""

    flaw: Flaw
    unit: str
    quantity: int
    case_ref: str | None = None
    row: int | None = None
    lot: str | None = None
    on: date | None = None


@dataclass(slots=True)
class Custody:
    """How many kits are where: stock by unit, property by case reference."""

    stock: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    in_property: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Kept:
    """What rows come to, kept beside the ledger so that nobody reads it from its beginning.

    `stock` by unit, without zeros; kits in the property of their person; the row of a task beside
    which a handing over was typed in by hand.
    """

    stock: dict[str, int]
    in_property: int
    given_twice: int | None


def standing(rows: Iterable[Row]) -> list[Row]:
    """The rows that count, in the order in which things happened."""
    every = list(rows)
    undone = {row.undoes for row in every if row.undoes is not None}
    return sorted(
        (row for row in every if row.undoes is None and row.id not in undone),
        key=lambda row: (row.happened_at, row.id),
    )


def custody(rows: Iterable[Row]) -> Custody:
    """Where all kits of these rows are. Rows of a case must be there from every unit."""
    held = Custody()
    for row in standing(rows):
        _take(held, row)
    return held


def _take(held: Custody, row: Row) -> None:
    who = row.case_ref
    if row.kind is Kind.RECEIVED:
        held.stock[row.unit] += row.quantity
        return
    if row.kind is Kind.TO_PROPERTY:
        held.stock[row.unit] -= row.quantity
        if who is not None:
            held.in_property[who] += row.quantity
        return
    from_property = 0
    if who is not None and who in held.in_property:
        from_property = min(held.in_property[who], row.quantity)
        held.in_property[who] -= from_property
    if row.kind is Kind.RETURNED:
        held.stock[row.unit] += row.quantity
    elif row.kind in GIVEN or who is None:
        held.stock[row.unit] -= row.quantity - from_property


def kept(rows: Iterable[Row]) -> Kept:
    """What the ledger keeps of rows that belong together: all of one case, or of no case."""
    counted = standing(rows)
    held = custody(counted)
    return Kept(
        {unit: quantity for unit, quantity in held.stock.items() if quantity},
        sum(held.in_property.values()),
        _given_twice(counted),
    )


def discrepancies(
    *,
    unit: str,
    stock: int,
    left: Mapping[str, int],
    rows: Iterable[Row],
    twice: Iterable[Row],
    certificates: Iterable[Certificate],
) -> list[Discrepancy]:
    """Everything in the ledger of one unit, and of those merged into it, that does not add up.

    `left`: kits in the property of persons who are gone, by case; they belong to the unit that owns
    the case. `rows` are those that count and may have a flaw by themselves, `twice` those of tasks
    beside which a handing over was typed in by hand (`Kept.given_twice`).
    """
    certified: dict[str, list[Certificate]] = defaultdict(list)
    for certificate in certificates:
        certified[certificate.account].append(certificate)
    found = [Discrepancy(Flaw.STOCK_NEGATIVE, unit, stock)] if stock < 0 else []
    found += [Discrepancy(Flaw.UNACCOUNTED, unit, left[who], who) for who in sorted(left)]
    for row in standing(rows):
        found += [about(row, flaw) for flaw in flaws(row, certified)]
    found += [
        about(row, Flaw.GIVEN_TWICE) for row in sorted(twice, key=lambda row: row.case_ref or "")
    ]
    return found


def flaws(row: Row, certified: Mapping[str, Iterable[Certificate]]) -> Iterator[Flaw]:
    """What is wrong with one row by itself."""
    if row.kind is Kind.REFILL and row.reason is None:
        yield Flaw.REASON_MISSING
    if row.kind not in TO_A_PERSON:
        return
    on = local_date(row.happened_at)
    if row.lot is None:
        yield Flaw.LOT_UNKNOWN
    if row.expires_on is not None and row.expires_on < on:
        yield Flaw.LOT_EXPIRED
    if row.distributor is None:
        yield Flaw.DISTRIBUTOR_UNKNOWN
    elif not any(
        each.since <= on and (each.until is None or on < each.until)
        for each in certified.get(row.distributor, ())
    ):
        yield Flaw.DISTRIBUTOR_UNCERTIFIED


def about(row: Row, flaw: Flaw) -> Discrepancy:
    """A flaw of one row."""
    return Discrepancy(
        flaw,
        row.unit,
        row.quantity,
        row.case_ref,
        row.id,
        row.lot,
        local_date(row.happened_at),
    )


def _given_twice(rows: Iterable[Row]) -> int | None:
    """The row of the task, where a handing over to the same person was typed in by hand too."""
    by_task: int | None = None
    by_hand = False
    for row in rows:
        if row.kind is Kind.HANDED_OVER and row.case_ref is not None:
            if row.task is None:
                by_hand = True
            else:
                by_task = row.id
    return by_task if by_hand else None

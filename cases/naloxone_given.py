"""Sprays given, for the counts (I9): which row gave how many, where, and whether as the first.

A giving is a `handed_over` or a `refill` that was not taken back, and belongs to the unit of its
row. It is *first* when it is a `handed_over` and no earlier giving went to the same person (as
persons are counted, `counted_as`); else it is a refill. All sprays of one row are the same. A
`handed_over` without a person cannot be known to follow another: it is a first. Cases that were
registered in error stand in no count.

`GIVEN` counts in the database, with what is known of the cases now; `givings` gives the same facts
for a count as of an instant, from the ledger alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, or_, select

from cases.custody import GIVEN as GIVING_KINDS
from cases.custody import Kind, Row, standing
from cases.tables import case_, naloxone_event
from core.db import UtcDateTime

AS_OF: Final = bindparam("as_of", type_=UtcDateTime)

_GIVING: Final = sorted(kind.value for kind in GIVING_KINDS)


def _stands(row: Any, of_case: Any) -> ColumnElement[bool]:
    """Whether a row is a giving that nobody took back.

    `undoes` is asked so that no index of it fits: nearly every row takes nothing back, and SQLite,
    which believes that few do, read all of them for each row that was counted.
    """
    taken_back = naloxone_event.alias()
    return and_(
        row.c.kind.in_(_GIVING),
        func.coalesce(row.c.undoes, 0) == 0,
        row.c.recorded_at <= AS_OF,
        ~exists().where(taken_back.c.undoes == row.c.id, taken_back.c.recorded_at <= AS_OF),
        of_case.c.close_reason.is_distinct_from("registered_in_error"),
    )


def _given() -> Any:
    row, of_case = naloxone_event.alias("given"), case_.alias("given_case")
    earlier, earlier_case = naloxone_event.alias("earlier"), case_.alias("earlier_case")
    had_one = exists().where(
        earlier_case.c.counted_as == of_case.c.counted_as,
        earlier.c.case_id == earlier_case.c.id,
        _stands(earlier, earlier_case),
        or_(
            earlier.c.happened_at < row.c.happened_at,
            and_(earlier.c.happened_at == row.c.happened_at, earlier.c.id < row.c.id),
        ),
    )
    first = and_(row.c.kind == Kind.HANDED_OVER.value, ~had_one)
    return (
        select(
            row.c.unit,
            row.c.happened_at,
            row.c.quantity,
            case((first, 1), else_=0).label("first"),
        )
        .outerjoin_from(row, of_case, of_case.c.id == row.c.case_id)
        .where(
            _stands(row, of_case),
            row.c.happened_at >= bindparam("first_at", type_=UtcDateTime),
            row.c.happened_at < bindparam("next_at", type_=UtcDateTime),
        )
    )


GIVEN: Final = _given()
"""Rows (unit, happened_at, quantity, first 0 or 1) of the givings from `first_at` to before
`next_at` that were recorded by `as_of`: bind these three."""


@dataclass(frozen=True, slots=True)
class Giving:
    """Sprays that one row gave at one moment."""

    unit: str
    happened_at: datetime
    quantity: int
    first: bool


def givings(rows: Iterable[Row], person_of: Callable[[str], str | None]) -> Iterator[Giving]:
    """The givings among ledger rows (`naloxone_rows.recorded_by`), in the order they happened.

    `person_of` says how the person of a case is counted, and None where the case stands in no
    count (registered in error, or not opened yet as of then).
    """
    had_one: set[str] = set()
    for row in standing(rows):
        if row.kind not in GIVING_KINDS:
            continue
        first = row.kind is Kind.HANDED_OVER
        if row.case_ref is not None:
            person = person_of(row.case_ref)
            if person is None:
                continue
            first = first and person not in had_one
            had_one.add(person)
        yield Giving(row.unit, row.happened_at, row.quantity, first)

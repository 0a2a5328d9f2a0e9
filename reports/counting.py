"""What every count in the database is made of: the question, the places, and the common words.

Statements count by unit. Which region a unit lies in is looked up afterwards: a stretch of time is
cut where some unit changes region, and each piece is asked about by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Label,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from cases.tables import case_, unit, unit_version
from core.db import UtcDateTime
from core.statement import Prepared, Values
from reports.regions import Regions, Version
from reports.tally import Tally
from reports.tertial import Question

FROM_ON: Final = bindparam("from_on", type_=Date)
TO_ON: Final = bindparam("to_on", type_=Date)
FROM_AT: Final = bindparam("from_at", type_=UtcDateTime)
TO_AT: Final = bindparam("to_at", type_=UtcDateTime)
FIRST_AT: Final = bindparam("first_at", type_=UtcDateTime)
A_DAY_AGO: Final = bindparam("a_day_ago", type_=UtcDateTime)
UNTIL: Final = bindparam("until", type_=UtcDateTime)
AT_END: Final = bindparam("at_end", type_=UtcDateTime)

IN_ERROR: Final = select(case_.c.id).where(
    case_.c.close_reason == literal_column("'registered_in_error'")
)
"""A case that was registered in error never was: it stands in no count."""


def done(one: FromClause) -> ColumnElement[bool]:
    """Whether a task counts as done."""
    return or_(
        one.c.state == "done", and_(one.c.state == "waived", one.c.reason == "done_elsewhere")
    )


_UNITS: Final = select(unit.c.code)
_VERSIONS: Final = select(unit_version.c.unit, unit_version.c.valid_from, unit_version.c.region)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is asked, where units lie, and where the numbers go."""

    tx: Connection
    question: Question
    regions: Regions
    tally: Tally

    def eras(self) -> Iterator[tuple[date, date]]:
        """The stretches of the period in which every unit lies in one region."""
        yield from self.regions.eras(self.question.period.first_on, self.question.period.next_on)


def regions_of(tx: Connection) -> Regions:
    """All units and which region each lies in when."""
    return Regions(tx.execute(_UNITS).scalars(), (Version(*row) for row in tx.execute(_VERSIONS)))


def among(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """That a column has one of a few fixed values: written out, so that it can be prepared."""
    return or_(*(column == value for value in sorted(values)))


class Counted:
    """A statement of a count, prepared once; its rows come by the names of their columns.

    `execute` would reckon the cache key of such a statement anew at every call: a millisecond.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._prepared = Prepared(statement)
        self._names = tuple(column.name for column in statement.selected_columns)

    def rows(self, tx: Connection, values: Values) -> Iterator[dict[str, Any]]:
        """Every row as a dictionary."""
        for row in self._prepared.rows(tx, values):
            yield dict(zip(self._names, row, strict=True))


def how_many(condition: ColumnElement[bool], name: str) -> Label[int]:
    """The number of rows of a group for which a condition holds."""
    return func.count().filter(condition).label(name)

"""Which tertials a look back holds: those up to one, from the first in which there was anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from cases.tables import case_
from reports.tertial import Period

_FIRST: Final = select(func.min(case_.c.admitted_on))


def periods_until(period: Period, back: int) -> list[Period]:
    """So many tertials up to and with one, the oldest first."""
    found = [period]
    while len(found) < back:
        found.append(Period.of(found[-1].first_on - timedelta(days=1)))
    return found[::-1]


def periods_with_cases(tx: Connection, until: Period, *, back: int) -> list[Period]:
    """The tertials up to one, the oldest first, from the one in which somebody was admitted."""
    first_on = tx.execute(_FIRST).scalar_one()
    first = Period.of(first_on) if first_on is not None else until
    return [each for each in periods_until(until, back) if each >= first or each == until]

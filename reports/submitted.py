"""What a unit has sent in of a period, kept as it was, beside its figures as they are now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from reports.figures import Cells, Figure, Report, count, share
from reports.tables import report
from reports.tertial import Period

_NEWEST: Final = (
    select(report.c.state, report.c.as_of, report.c.body)
    .where(report.c.period == bindparam("period"), report.c.scope == bindparam("unit"))
    .order_by(report.c.revision.desc())
    .limit(1)
)
_OF_UNITS: Final = "I18"
"""Whether the report is in is told by the sending itself: no figure of the work differs by it."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A unit's newest part: its state, the instant its figures are as of, and those figures."""

    state: str
    as_of: datetime
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Changed:
    """An indicator whose numbers are others now; None on a side that lacks it."""

    code: str
    sent: Figure | None
    now: Figure | None


def submitted(tx: Connection, period: Period, unit: str) -> Submitted | None:
    """What a unit has sent in last, None where it has not."""
    row = tx.execute(_NEWEST, {"period": str(period), "unit": unit}).first()
    if row is None:
        return None
    told = {
        code: count(numerator) if denominator is None else share(numerator, denominator)
        for level, place, code, numerator, denominator, _ in json.loads(row.body)["figures"]
        if (level, place) == ("unit", unit)
    }
    return Submitted(row.state, row.as_of, told)


def changed_since(sent: Submitted, now: Cells) -> list[Changed]:
    """The indicators whose numerator or denominator is another one than was sent in."""
    return [
        Changed(code, sent.figures.get(code), now.get(code))
        for code in {**now, **sent.figures}
        if code.partition(".")[0] != _OF_UNITS
        and _numbers(sent.figures.get(code)) != _numbers(now.get(code))
    ]


def as_sent(tx: Connection, period: Period, unit: str, found: Report) -> Report:
    """A unit's figures with the state of what it has sent in, while they still are those figures.

    Others than were sent in are nobody's report yet: they stay `open`.
    """
    sent = submitted(tx, period, unit)
    if sent is None or changed_since(sent, found.units[unit]):
        return found
    return replace(found, state=sent.state)


def _numbers(figure: Figure | None) -> tuple[int | None, int | None] | None:
    return None if figure is None else (figure.numerator, figure.denominator)

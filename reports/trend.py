"""What was published of several tertials, for a look back: figures hidden there stay hidden here.

A tertial is looked up as it was published last: its newest frozen revision, else its newest live
cut of whatever day. One that was never published is cut now, a few at a time, so that a page never
waits for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select

from core.db import Database
from reports.figures import Figure, count, share
from reports.publish import LIVE, NATION, directorate_report
from reports.report import snapshot
from reports.tables import published_cell, report
from reports.tertial import Period

BACK: Final = 6
"""How many tertials a page looks back over, the asked one among them: two years."""

CUT_AT_ONCE: Final = 2
"""How many of them may be cut for one page."""

Series = Mapping[tuple[str, str, str], Mapping[str, Figure]]
"""Level, place and indicator → the figure of each tertial that was published."""

_NEWEST: Final = (
    select(report.c.id, report.c.period, report.c.scope, report.c.revision)
    .where(
        report.c.period.in_(bindparam("periods", expanding=True)),
        or_(
            (report.c.scope == NATION) & (report.c.state == "frozen"),
            report.c.scope == LIVE,
        ),
    )
    .order_by(report.c.scope == LIVE, report.c.revision.desc())
)
_CELLS: Final = select(
    published_cell.c.report_id,
    published_cell.c.level,
    published_cell.c.place,
    published_cell.c.indicator,
    published_cell.c.numerator,
    published_cell.c.denominator,
    published_cell.c.pending,
    published_cell.c.hidden,
).where(
    published_cell.c.report_id.in_(bindparam("ids", expanding=True)),
    or_(published_cell.c.level == "nation", published_cell.c.indicator == bindparam("indicator")),
)


def published_series(
    db: Database, periods: Sequence[Period], indicator: str, *, now: datetime, threshold: int
) -> Series:
    """Every indicator of the nation and one of every place, over these tertials."""
    with snapshot(db) as tx:
        found = _newest(tx, periods)
    missing = [each for each in periods if str(each) not in found and each.first_at <= now]
    for period in missing[::-1][:CUT_AT_ONCE]:
        directorate_report(db, period, now=now, threshold=threshold, reuse=True)
    with snapshot(db) as tx:
        return _read(tx, _newest(tx, periods), indicator)


def _newest(tx: Connection, periods: Iterable[Period]) -> dict[str, int]:
    """The row of each tertial's newest publication."""
    found: dict[str, int] = {}
    for row in tx.execute(_NEWEST, {"periods": [str(each) for each in periods]}):
        found.setdefault(row.period, row.id)
    return found


def _read(tx: Connection, rows: Mapping[str, int], indicator: str) -> Series:
    named = {row: period for period, row in rows.items()}
    series: dict[tuple[str, str, str], dict[str, Figure]] = {}
    asked = {"ids": list(named), "indicator": indicator}
    for row in tx.execute(_CELLS, asked):
        where = (row.level, row.place, row.indicator)
        series.setdefault(where, {})[named[row.report_id]] = _figure(row)
    return series


def _figure(row: Any) -> Figure:
    if row.hidden:
        return Figure(None, None, None, row.pending, suppressed=True)
    if row.denominator is None:
        return count(row.numerator)
    return share(row.numerator, row.denominator, pending=row.pending)

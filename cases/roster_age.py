"""How old a roster is beside those taken in before it.

A roster has no date of its own: what it has is the day in its name (`roster-2026-09-01.csv`), the
day its file was made, and its very bytes. Each is compared with its like only, by the day: two
lists of one day are not told apart. Units count each by itself, as one file may hold several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from cases.tables import import_run

LOOKED_BACK: Final = timedelta(days=400)
"""How far back lists taken in are compared with."""

# 2026-09-01, 20260901, 2026_09_01; 01.09.2026, 1.9.2026.
_WRITTEN: Final = re.compile(
    r"(?<!\d)(?:(?P<y>20\d\d)([-_.]?)(?P<m>\d\d)\2(?P<d>\d\d)"
    r"|(?P<d2>\d{1,2})[-_.](?P<m2>\d{1,2})[-_.](?P<y2>20\d\d))(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Dated:
    """What is known of the day of a list: the day in its name, and that on which it was made."""

    named_on: date | None = None
    made_on: date | None = None


UNDATED: Final = Dated()


@dataclass(frozen=True, slots=True)
class Older:
    """The list that went before: when it was taken in, and why this one is the older of the two.

    `own_on` and `newer_on` are their days; both None where these very bytes were taken in at
    `same_at`, before that list.
    """

    newer_at: datetime
    own_on: date | None = None
    newer_on: date | None = None
    same_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A list that was taken in. `units`: None where they were not kept then: it may be any."""

    sha256: str
    at: datetime
    dated: Dated
    units: frozenset[str] | None


def dated(name: str, made_on: date | None = None, *, today: date) -> Dated:
    """The days of a file; one after `today` is none, and of several in a name the last counts."""
    named = [on for found in _WRITTEN.finditer(name) if (on := _day(found)) and on <= today]
    return Dated(
        named[-1] if named else None, made_on if made_on is not None and made_on <= today else None
    )


def may_be_older(tx: Connection, sha256: str, of: Dated, *, now: datetime) -> bool:
    """Whether a look at the rows is worth it: some list taken in before is perhaps newer."""
    runs = _runs(tx, now)
    return any(
        run.sha256 == sha256
        or _before(of.named_on, run.dated.named_on)
        or _before(of.made_on, run.dated.made_on)
        for run in runs
    )


def older_than_taken(
    tx: Connection, units: Iterable[str], sha256: str, of: Dated, *, now: datetime
) -> Older | None:
    """The newer list of one of `units` that was taken in before this one, if there is any."""
    runs = _runs(tx, now)
    for unit in sorted(units):
        held = [run for run in runs if run.units is None or unit in run.units]
        if (older := _compare(held, sha256, of)) is not None:
            return older
    return None


def _compare(runs: list[Run], sha256: str, of: Dated) -> Older | None:
    """`runs` in the order in which they were taken in."""
    if not runs or runs[-1].sha256 == sha256:
        return None
    same = [run for run in runs if run.sha256 == sha256]
    if same:
        return Older(runs[-1].at, same_at=same[-1].at)
    named = [(run.dated.named_on, run.at) for run in runs if run.dated.named_on is not None]
    made = [(run.dated.made_on, run.at) for run in runs if run.dated.made_on is not None]
    # What people wrote goes before what a copy may have changed.
    for own, theirs in ((of.named_on, named), (of.made_on, made)):
        if own is not None and theirs:
            newest, at = max(theirs)
            return Older(at, own_on=own, newer_on=newest) if own < newest else None
    return None


def _before(on: date | None, other: date | None) -> bool:
    return on is not None and other is not None and on < other


def _runs(tx: Connection, now: datetime) -> list[Run]:
    query = (
        select(
            import_run.c.file_sha256,
            import_run.c.started_at,
            import_run.c.named_on,
            import_run.c.made_on,
            import_run.c.units,
        )
        .where(import_run.c.started_at > now - LOOKED_BACK)
        .order_by(import_run.c.id)
    )
    return [
        Run(
            row.file_sha256,
            row.started_at,
            Dated(row.named_on, row.made_on),
            None if row.units is None else frozenset(json.loads(row.units)),
        )
        for row in tx.execute(query)
    ]


def _day(found: re.Match[str]) -> date | None:
    year, month, day = (found[name] or found[f"{name}2"] for name in "ymd")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None

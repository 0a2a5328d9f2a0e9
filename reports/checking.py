"""Shown figures against the events: the recount of what a viewer was shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from core.db import Database
from reports.figures import Cells, Difference, Figure, Report, compare
from reports.left_out import without_protected
from reports.publish import frozen_whole
from reports.recount import recount
from reports.report import snapshot, whole_report
from reports.tertial import Period

_HIDDEN = Figure(None, None, None, suppressed=True)


def recounted(
    db: Database, period: Period, shown: Report, *, now: datetime
) -> tuple[Report, list[Difference]]:
    """What was shown, counted from the events, and every difference at all levels.

    The differences compare whole figures, before anything is hidden: of a frozen report those that
    are kept, else today's count. The recount hides what was hidden in what was shown.
    """
    with snapshot(db) as tx:
        folded = recount(tx, period, shown.as_of)
        counted = whole_report(tx, period, now=now, as_of=shown.as_of)
        if shown.view == "directorate":
            folded = without_protected(tx, folded)
            counted = without_protected(tx, counted)
        if shown.state == "frozen":
            counted = frozen_whole(tx, period, shown.revision)
        differences = compare(counted, folded)
    alike = replace(
        shown,
        nation=_like(shown.nation, folded.nation),
        regions=_each_like(shown.regions, folded.regions),
        units=_each_like(shown.units, folded.units),
    )
    return alike, differences


def _each_like(shown: Mapping[str, Cells], folded: Mapping[str, Cells]) -> dict[str, Cells]:
    return {place: _like(figures, folded[place]) for place, figures in shown.items()}


def _like(shown: Cells, folded: Cells) -> Cells:
    return {
        code: replace(_HIDDEN, pending=figure.pending) if figure.suppressed else folded[code]
        for code, figure in shown.items()
    }

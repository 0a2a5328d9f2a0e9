"""Nobody under kode 6 stands in a published table: their part, taken off the whole count.

A person is left out with everything that is counted as that person, also what another row of the
same person holds. Who is protected is asked as of now, whatever the instant counted: a protection
recorded today holds for what is published from today on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

from cases.naloxone_given import givings
from cases.naloxone_rows import recorded_by
from cases.protection import published_cases
from cases.tables import case_
from core.clock import local_date
from reports.counting import regions_of
from reports.figures import Cells, Figure, Report, count, share
from reports.recount import Recounting, count_cases, folded
from reports.tally import Tally
from reports.tertial import Period, Question

_PROTECTED: Final = select(case_.c.counted_as).where(~published_cases())
_CASES: Final = select(case_.c.ref).where(case_.c.counted_as.in_(_PROTECTED))


def without_protected(tx: Connection, whole: Report) -> Report:
    """The whole report of this instant without the persons under kode 6."""
    refs = frozenset(tx.execute(_CASES).scalars())
    if not refs:
        return whole
    question = Question(Period.parse(whole.period), whole.as_of)
    theirs = _counted(tx, question, refs).report(question)
    return replace(
        whole,
        nation=_less(whole.nation, theirs.nation),
        regions=_each_less(whole.regions, theirs.regions),
        units=_each_less(whole.units, theirs.units),
    )


def _counted(tx: Connection, question: Question, refs: frozenset[str]) -> Tally:
    """What these cases add to each figure: from their events, for they are few."""
    regions = regions_of(tx)
    counting = Recounting(question, regions, Tally(regions.units))
    count_cases(counting, folded(tx, question, only=refs))
    rows = [row for row in recorded_by(tx, question.as_of) if row.case_ref in refs]
    for giving in givings(rows, counting.persons_of.get):
        if question.period.holds(giving.happened_at):
            where = giving.unit, regions.region_on(giving.unit, local_date(giving.happened_at))
            counting.tally.add("I9", *where, giving.quantity)
            part = "I9.first" if giving.first else "I9.refill"
            counting.tally.add(part, *where, giving.quantity)
    return counting.tally


def _each_less(whole: Mapping[str, Cells], part: Mapping[str, Cells]) -> dict[str, Cells]:
    return {place: _less(figures, part[place]) for place, figures in whole.items()}


def _less(whole: Cells, part: Cells) -> Cells:
    return {code: _minus(figure, part.get(code)) for code, figure in whole.items()}


def _minus(whole: Figure, part: Figure | None) -> Figure:
    if part is None or whole.numerator is None:
        return whole
    numerator = whole.numerator - (part.numerator or 0)
    if whole.denominator is None:
        return count(numerator)
    pending = None if whole.pending is None else whole.pending - (part.pending or 0)
    return share(numerator, whole.denominator - (part.denominator or 0), pending=pending)

"""Short ways to ask for figures. Every question is answered twice, and both answers must agree."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from reports.figures import Report, compare
from reports.indicators import changed_after, count_now
from reports.recount import recount
from reports.tertial import Period, Question
from tests.people import at


def counted(tx: Connection, period: str, now: str | datetime) -> Report:
    """The report of a period as of now, by queries; the recount from the events agrees."""
    question = Question(Period.parse(period), at(now) if isinstance(now, str) else now)
    assert not changed_after(tx, question), "the question must not lie before what was recorded"
    report = count_now(tx, question).report(question)
    same(report, recount(tx, question.period, question.as_of))
    return report


def same(report: Report, recounted: Report) -> None:
    """Fail, naming the cells in which the queries and the recount differ."""
    differences = [str(difference) for difference in compare(report, recounted)]
    assert not differences, differences


def share(report: Report, code: str, unit: str | None = None) -> tuple[int | None, int | None]:
    """Numerator and denominator, of the nation or of a unit."""
    figure = (report.units[unit] if unit else report.nation)[code]
    return figure.numerator, figure.denominator


def number(report: Report, code: str, unit: str | None = None) -> int | None:
    """A plain count, of the nation or of a unit."""
    figure = (report.units[unit] if unit else report.nation)[code]
    assert figure.denominator is None
    return figure.numerator


def where(report: Report, code: str) -> dict[str, int]:
    """The regions and units in which an indicator counts anything, with its numerator."""
    places = {**report.regions, **report.units}
    return {
        place: figures[code].numerator or 0
        for place, figures in places.items()
        if figures[code].numerator
    }

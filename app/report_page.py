"""A tertial report on a terminal: a table for each place it holds."""

from __future__ import annotations

from app.output import say, show_table
from reports.figures import Cells, Figure, Report, percent


def show_report(report: Report) -> None:
    """Print the report for a person; programs take JSON or CSV."""
    say(f"Tertial {report.period}, {report.state}, due {report.due_on}, view {report.view}")
    if report.nation:
        _show("Nation", report.nation)
    for places in (report.regions, report.units):
        for place, figures in places.items():
            _show(place, figures)


def _show(place: str, figures: Cells) -> None:
    show_table(
        ("indicator", "value", "of", "pending"),
        [(code, _value(figure), _of(figure), _pending(figure)) for code, figure in figures.items()],
        title=place,
        numbers=("value", "of", "pending"),
    )


def _value(figure: Figure) -> str:
    if figure.suppressed:
        return ":"
    if figure.denominator is None:
        return str(figure.numerator)
    return percent(figure, point=".")


def _of(figure: Figure) -> str:
    if figure.suppressed or figure.denominator is None:
        return ""
    return f"{figure.numerator} / {figure.denominator}"


def _pending(figure: Figure) -> str:
    return str(figure.pending) if figure.pending else ""

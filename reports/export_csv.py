"""A report as CSV in the long, tidy form: one line per cell.

For Norwegian spreadsheets: `;` between columns, decimal comma, UTF-8 with a byte order mark, CRLF.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from core.clock import iso_local
from reports.figures import Figure, Report, cells

COLUMNS: Final = (
    "period",
    "as_of",
    "state",
    "revision",
    "view",
    "level",
    "place",
    "indicator",
    "value",
    "numerator",
    "denominator",
    "pending",
)
HIDDEN: Final = ":"
"""What stands where a small number is hidden; never 0 and never blank."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(report: Report) -> bytes:
    """The report as a file. A cell without a value (of nothing) is empty."""
    written = io.StringIO(newline="")
    lines = csv.writer(written, delimiter=";", lineterminator="\r\n")
    lines.writerow(COLUMNS)
    head = (
        report.period,
        iso_local(report.as_of),
        report.state,
        report.revision,
        report.view,
    )
    for level, place, code, figure in cells(report):
        lines.writerow((*head, level, _text(place), code, *_numbers(figure)))
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def _numbers(figure: Figure) -> tuple[str, str, str, str]:
    if figure.suppressed:
        return HIDDEN, HIDDEN, HIDDEN, _number(figure.pending)
    value = _number(figure.numerator)
    if figure.denominator is not None:
        value = "" if figure.value is None else f"{figure.value:.4f}".replace(".", ",")
    return value, _number(figure.numerator), _number(figure.denominator), _number(figure.pending)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _text(place: str) -> str:
    # A spreadsheet would take such a name for a formula.
    return f"'{place}" if place.startswith(_FORMULA) else place

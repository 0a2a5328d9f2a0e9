"""A report as CSV in the long, tidy form: one line per cell.

For Norwegian spreadsheets: `;` between columns, decimal comma, UTF-8 with a byte order mark, CRLF.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from core.clock import iso_local
from reports.definitions import WAITING
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
SEALED: Final = ("definitions", "software", "sha256")
"""Columns after the others in a published report."""

HIDDEN: Final = ":"
"""What stands where a small number is hidden; never 0 and never blank."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(report: Report) -> bytes:
    """The report as a file. A cell without a value (of nothing) is empty."""
    written = io.StringIO(newline="")
    lines = csv.writer(written, delimiter=";", lineterminator="\r\n")
    sealed: tuple[str, ...] = ()
    if report.seal is not None:
        sealed = (report.seal.definitions, report.seal.software, report.seal.sha256)
    lines.writerow((*COLUMNS, *(SEALED if sealed else ())))
    head = (
        report.period,
        iso_local(report.as_of),
        report.state,
        report.revision,
        report.view,
    )
    for level, place, code, figure in cells(report):
        numbers = as_text(code, figure)
        lines.writerow((*head, level, plain(place), plain(code), *numbers, *sealed))
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def as_text(code: str, figure: Figure) -> tuple[str, str, str, str]:
    """Value, numerator, denominator and pending as they are written; `:` for what is hidden."""
    waits = _number(figure.pending)
    if code in WAITING and figure.pending is None:
        waits = HIDDEN
    if figure.suppressed:
        return HIDDEN, HIDDEN, HIDDEN, waits
    value = _number(figure.numerator)
    if figure.denominator is not None:
        value = "" if figure.value is None else f"{figure.value:.4f}".replace(".", ",")
    return value, _number(figure.numerator), _number(figure.denominator), waits


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text

"""A report as XLSX: typed cells in tables, a native chart to a sheet, what it means and its seal.

Sheet `Tall` holds the long, tidy form that CSV has, cell for cell, shares with the same four
decimals. Then a sheet for each level with a chart; there the shares are the fractions themselves,
which a spreadsheet rounds once, to the tenths of a per cent that paper and pages tell. Charts leave
hidden figures out, because a spreadsheet would draw `:` as nothing. No cell is a formula, and the
same report gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

import xlsxwriter

from core.clock import iso_local, local
from reports.definitions import WAITING, codes_with
from reports.export_csv import COLUMNS, HIDDEN, SEALED, plain
from reports.figures import Figure, Report, cells
from reports.labels import name_of, over_and_under, place_name

TIDY: Final = "Tall"
_LEVELS: Final = (("nation", "Nasjon"), ("region", "Regioner"), ("unit", "Enheter"))
_OF_NATION: Final = ("I6", "I7", "I8", "I10", "I11", "I11b", "I12", "I13", "I14", "I15")
"""What the nation's chart shows; regions and units are compared in `I11`."""

_COMPARED: Final = "I11"
_HEADINGS: Final = ("Sted", "Kode", "Indikator", "Verdi", "Teller", "Nevner", "Venter")
_STYLE: Final = "Table Style Light 9"


@dataclass(frozen=True, slots=True)
class _Formats:
    share: Any
    percent: Any
    count: Any
    right: Any
    wrapped: Any


def as_xlsx(report: Report) -> bytes:
    """The report as a workbook."""
    written = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(written, options) as book:
        # The file's own times are those of the figures, so that it can be made again.
        made_at = report.as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": f"Tertial {report.period}", "created": made_at})
        formats = _Formats(
            book.add_format({"num_format": "0.00%"}),
            book.add_format({"num_format": "0.0%"}),
            book.add_format({"num_format": "0"}),
            book.add_format({"align": "right"}),
            book.add_format({"text_wrap": True, "valign": "top"}),
        )
        _tidy(book, report, formats)
        for level, title in _LEVELS:
            rows = [cell for cell in cells(report) if cell[0] == level]
            if rows:
                _level(book, title, level, rows, formats)
        _definitions(book, report, formats)
        _about(book, report, formats)
    return written.getvalue()


def _tidy(book: Any, report: Report, formats: _Formats) -> None:
    sheet = book.add_worksheet(TIDY)
    sealed: tuple[str, ...] = ()
    if report.seal is not None:
        sealed = (report.seal.definitions, report.seal.software, report.seal.sha256)
    columns = (*COLUMNS, *(SEALED if sealed else ()))
    rows = list(cells(report))
    _table(sheet, columns, len(rows))
    head: tuple[str | int, ...] = (
        report.period,
        iso_local(report.as_of),
        report.state,
        report.revision,
        report.view,
    )
    for line, (level, place, code, figure) in enumerate(rows, start=1):
        for column, value in enumerate((*head, level, plain(place), plain(code))):
            _write(sheet, line, column, value)
        _figure(sheet, line, len(head) + 3, code, figure, formats)
        for column, value in enumerate(sealed, start=len(COLUMNS)):
            sheet.write_string(line, column, value)
    sheet.set_column(0, len(columns) - 1, 14)


def _level(
    book: Any,
    title: str,
    level: str,
    rows: Sequence[tuple[str, str, str, Figure]],
    formats: _Formats,
) -> None:
    """Rows by indicator, within it what is shown before what is hidden: the chart takes those."""
    sheet = book.add_worksheet(title)
    order = {code: at for at, code in enumerate(codes_with(code for _, _, code, _ in rows))}
    national = level == "nation"
    wanted = set(_OF_NATION if national else (_COMPARED,))
    rows = sorted(
        rows,
        key=lambda row: (
            (row[2] not in wanted, row[3].value is None, order[row[2]], row[1])
            if national
            else (order[row[2]], row[3].value is None, row[1])
        ),
    )
    _table(sheet, _HEADINGS, len(rows))
    for line, (_, place, code, figure) in enumerate(rows, start=1):
        sheet.write_string(line, 0, plain(place_name(level, place)))
        sheet.write_string(line, 1, plain(code))
        sheet.write_string(line, 2, plain(name_of(code)))
        _figure(sheet, line, 3, code, figure, formats, exact=True)
    sheet.set_column(0, 1, 14)
    sheet.set_column(2, 2, 40)
    drawn = [
        line
        for line, row in enumerate(rows, start=1)
        if row[2] in wanted and row[3].value is not None
    ]
    if drawn:
        called = "Andel av løslatte deltakere" if national else name_of(_COMPARED)
        sheet.insert_chart("I2", _chart(book, title, drawn, 2 if national else 0, called))


def _chart(book: Any, sheet: str, drawn: Sequence[int], names: int, title: str) -> Any:
    chart = book.add_chart({"type": "bar"})
    first, last = drawn[0], drawn[-1]
    chart.add_series(
        {
            "categories": [sheet, first, names, last, names],
            "values": [sheet, first, 3, last, 3],
            "data_labels": {"value": True, "num_format": "0.0%"},
            "fill": {"color": "#0B5C8A"},
        }
    )
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"min": 0, "max": 1, "num_format": "0%", "name": "Skjulte tall er ikke med"})
    chart.set_size({"width": 640, "height": 120 + 24 * len(drawn)})
    return chart


def _definitions(book: Any, report: Report, formats: _Formats) -> None:
    sheet = book.add_worksheet("Definisjoner")
    codes = list(dict.fromkeys(code for _, _, code, _ in cells(report)))
    _table(sheet, ("Kode", "Indikator", "Teller", "Nevner"), len(codes))
    for line, code in enumerate(codes, start=1):
        for column, text in enumerate((code, name_of(code), *over_and_under(code))):
            sheet.write_string(line, column, plain(text), formats.wrapped)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 3, 46)


def _about(book: Any, report: Report, formats: _Formats) -> None:
    sheet = book.add_worksheet("Om")
    seal = report.seal
    lines: list[tuple[str, str]] = [
        ("period", report.period),
        ("as_of", iso_local(report.as_of)),
        ("due_on", report.due_on.isoformat()),
        ("state", report.state),
        ("revision", str(report.revision)),
        ("view", report.view),
        ("counted_at", f"{local(report.as_of):%d.%m.%Y %H:%M}"),
    ]
    if seal is not None:
        lines += [
            ("definitions", seal.definitions),
            ("software", seal.software),
            ("threshold", str(seal.threshold)),
            ("sha256", seal.sha256),
            ("chain_heads", seal.chain_heads),
            *(("note", note) for note in seal.notes),
        ]
    _table(sheet, ("Hva", "Verdi"), len(lines))
    for line, (what, value) in enumerate(lines, start=1):
        sheet.write_string(line, 0, what)
        sheet.write_string(line, 1, plain(value), formats.wrapped)
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, 90)


def _table(sheet: Any, columns: Sequence[str], rows: int) -> None:
    sheet.freeze_panes(1, 0)
    sheet.add_table(
        0,
        0,
        max(rows, 1),
        len(columns) - 1,
        {"columns": [{"header": column} for column in columns], "style": _STYLE},
    )


def _figure(  # noqa: PLR0917 - a place on a sheet, and what stands there
    sheet: Any,
    line: int,
    at: int,
    code: str,
    figure: Figure,
    formats: _Formats,
    *,
    exact: bool = False,
) -> None:
    if figure.suppressed:
        for column in (at, at + 1, at + 2):
            sheet.write_string(line, column, HIDDEN, formats.right)
    else:
        value, kind = figure.value, formats.share
        if figure.denominator is None:
            kind = formats.count
        elif exact and figure.numerator is not None and figure.denominator:
            value, kind = figure.numerator / figure.denominator, formats.percent
        if value is not None:
            sheet.write_number(line, at, value, kind)
        for column, number in ((at + 1, figure.numerator), (at + 2, figure.denominator)):
            if number is not None:
                sheet.write_number(line, column, number, formats.count)
    if figure.pending is not None:
        sheet.write_number(line, at + 3, figure.pending, formats.count)
    elif code in WAITING:
        sheet.write_string(line, at + 3, HIDDEN, formats.right)


def _write(sheet: Any, line: int, column: int, value: str | int) -> None:
    if isinstance(value, int):
        sheet.write_number(line, column, value)
    else:
        sheet.write_string(line, column, value)

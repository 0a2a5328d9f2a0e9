"""A report as XLSX: typed cells in tables, a native chart to a sheet, what it means and its seal.

Sheet `Tall` holds the long, tidy form that CSV has, cell for cell, shares with the same four
decimals. Then a sheet for each level with a chart; there the shares are the fractions themselves,
which a spreadsheet rounds once, to the tenths of a per cent that paper and pages tell. Charts leave
hidden figures out, because a spreadsheet would draw `:` as nothing. No cell is a formula, and the
same report gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

import xlsxwriter

from core.clock import iso_local, local
from reports.definitions import WAITING, as_defined
from reports.export_csv import COLUMNS, HIDDEN, SEALED, plain
from reports.figures import Figure, Report, cells
from reports.labels import name_of, over_and_under, place_name, state_of
from reports.publish import named_missing

TIDY: Final = "Tall"
_LEVELS: Final = (("nation", "Nasjon"), ("region", "Regioner"), ("unit", "Enheter"))
_OF_NATION: Final = ("I6", "I7", "I8", "I10", "I11", "I11b", "I12", "I13", "I14", "I15")
"""What the nation's chart shows; regions and units are compared in `I11`."""

_COMPARED: Final = "I11"
_HEADINGS: Final = ("Sted", "Kode", "Indikator", "Verdi", "Teller", "Nevner", "Venter")
_BESIDE: Final = 8
"""The column, from 0, of what the nation's chart shows."""

_VIEWS: Final = {
    "directorate": "Publiserte tall, små tall er skjult",
    "unit": "Enhetens egne tall, ingenting er skjult",
}
_NOTES: Final = (
    "Personer med strengt fortrolig adresse (kode 6) er ikke med i noe tall.",
    "En person som er møtt i flere enheter, telles én gang i regionen og i landet.",
    "Et kolon (:) skjuler et lite tall, eller et som ville røpet et lite tall. 0 vises.",
)
_STYLE: Final = "Table Style Light 9"


@dataclass(frozen=True, slots=True)
class _Formats:
    share: Any
    percent: Any
    count: Any
    right: Any
    wrapped: Any


def as_xlsx(report: Report, names: Mapping[str, str] | None = None) -> bytes:
    """The report as a workbook; `names` are those of units, by code."""
    names = names or {}
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
        # What is read by people is shown first; what programs read stays the first sheet.
        shown = False
        for level, title in _LEVELS:
            rows = [cell for cell in cells(report) if cell[0] == level]
            if rows:
                sheet = _level(book, title, level, rows, formats, names)
                if not shown:
                    sheet.activate()
                shown = True
        _definitions(book, report, formats)
        _about(book, report, formats, names)
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


def _level(  # noqa: PLR0917 - a sheet, and what stands in it
    book: Any,
    title: str,
    level: str,
    rows: Sequence[tuple[str, str, str, Figure]],
    formats: _Formats,
    names: Mapping[str, str],
) -> Any:
    """The sheet of a level.

    Its rows stand by indicator, within it what is shown before what is hidden: the chart takes
    those.

    A chart takes rows that stand together: the nation's, one of each indicator, stand once more
    beside the table.
    """
    sheet = book.add_worksheet(title)
    order = {code: at for at, code in enumerate(as_defined(code for _, _, code, _ in rows))}

    def name(place: str) -> str:
        return names.get(place, place) if level == "unit" else place_name(level, place)

    national = level == "nation"
    wanted = set(_OF_NATION if national else (_COMPARED,))
    rows = sorted(
        rows,
        key=lambda row: (order[row[2]], row[3].value is None, name(row[1]), row[1]),
    )
    _table(sheet, _HEADINGS, len(rows))
    for line, (_, place, code, figure) in enumerate(rows, start=1):
        sheet.write_string(line, 0, plain(name(place)))
        sheet.write_string(line, 1, plain(code))
        sheet.write_string(line, 2, plain(name_of(code)))
        _figure(sheet, line, 3, code, figure, formats, exact=True)
    sheet.set_column(0, 0, 40 if level == "unit" else 14)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 40)
    drawn = [
        line
        for line, row in enumerate(rows, start=1)
        if row[2] in wanted and row[3].value is not None
    ]
    if drawn and national:
        sheet.write_string(0, _BESIDE, "I diagrammet")
        sheet.write_string(0, _BESIDE + 1, "Verdi", formats.right)
        for at, line in enumerate(drawn, start=1):
            _, place, code, figure = rows[line - 1]
            sheet.write_string(at, _BESIDE, name_of(code))
            _value(sheet, at, _BESIDE + 1, figure, formats, exact=True)
        sheet.set_column(_BESIDE, _BESIDE, 40)
        beside = range(1, len(drawn) + 1)
        called = "Andel av løslatte deltakere"
        sheet.insert_chart("L2", _chart(book, title, beside, _BESIDE, _BESIDE + 1, called))
    elif drawn:
        sheet.insert_chart("I2", _chart(book, title, drawn, 0, 3, name_of(_COMPARED)))
    return sheet


def _chart(  # noqa: PLR0917 - the rows of a sheet, and the columns of names and values
    book: Any, sheet: str, drawn: Sequence[int], names: int, values: int, title: str
) -> Any:
    chart = book.add_chart({"type": "bar"})
    first, last = drawn[0], drawn[-1]
    chart.add_series(
        {
            "categories": [sheet, first, names, last, names],
            "values": [sheet, first, values, last, values],
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
    codes = as_defined(code for _, _, code, _ in cells(report))
    _table(sheet, ("Kode", "Indikator", "Teller", "Nevner"), len(codes))
    for line, code in enumerate(codes, start=1):
        for column, text in enumerate((code, name_of(code), *over_and_under(code))):
            sheet.write_string(line, column, plain(text), formats.wrapped)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 3, 46)


def _about(book: Any, report: Report, formats: _Formats, names: Mapping[str, str]) -> None:
    sheet = book.add_worksheet("Om")
    seal = report.seal
    lines: list[tuple[str, str]] = [
        ("Tertial", report.period),
        ("Tall per", f"{local(report.as_of):%d.%m.%Y %H:%M}"),
        ("Tall per (ISO 8601)", iso_local(report.as_of)),
        ("Skal være levert", f"{report.due_on:%d.%m.%Y}"),
        ("Tilstand", state_of(report)),
        ("Revisjon", str(report.revision) if report.revision else "–"),
        ("Visning", _VIEWS.get(report.view, report.view)),
    ]
    if seal is not None:
        lines += [
            ("Definisjoner", f"versjon {seal.definitions}"),
            ("Programvare", seal.software),
            ("Terskel", f"tall fra 1 til {seal.threshold - 1} skjules"),
            ("SHA-256", seal.sha256),
            *((("Loggenes hoder", seal.chain_heads),) if seal.chain_heads else ()),
            *(("Merk", note) for note in _NOTES if seal.notes),
        ]
        if missing := named_missing(seal):
            told = ", ".join(sorted(names.get(code, code) for code in missing))
            lines.append(("Uten rapport", told))
    _table(sheet, ("Hva", "Verdi"), len(lines))
    for line, (what, value) in enumerate(lines, start=1):
        sheet.write_string(line, 0, what)
        sheet.write_string(line, 1, plain(value), formats.wrapped)
    sheet.set_column(0, 0, 22)
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
        _value(sheet, line, at, figure, formats, exact=exact)
        for column, number in ((at + 1, figure.numerator), (at + 2, figure.denominator)):
            if number is not None:
                sheet.write_number(line, column, number, formats.count)
    if figure.pending is not None:
        sheet.write_number(line, at + 3, figure.pending, formats.count)
    elif code in WAITING:
        sheet.write_string(line, at + 3, HIDDEN, formats.right)


def _value(
    sheet: Any, line: int, at: int, figure: Figure, formats: _Formats, *, exact: bool
) -> None:
    value, kind = figure.value, formats.share
    if figure.denominator is None:
        kind = formats.count
    elif exact and figure.numerator is not None and figure.denominator:
        value, kind = figure.numerator / figure.denominator, formats.percent
    if value is not None:
        sheet.write_number(line, at, value, kind)


def _write(sheet: Any, line: int, column: int, value: str | int) -> None:
    if isinstance(value, int):
        sheet.write_number(line, column, value)
    else:
        sheet.write_string(line, column, value)

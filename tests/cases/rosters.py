"""Rosters for tests: synthetic people, as a prison's system or a spreadsheet would write them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import xlsxwriter

from cases.roster_rows import unit_index

SAMPLES = Path(__file__).parents[1] / "data"
FIRST = SAMPLES / "roster-2026-09-01.csv"
SECOND = SAMPLES / "roster-2026-09-08.csv"
DIRTY = SAMPLES / "roster-dirty.csv"

IMPORTED_AT = datetime.fromisoformat("2026-09-01T08:00+02:00")
HEADER = "innsattnr;fornavn;etternavn;enhet;innsatt"
PLAIN = f"{HEADER}\n1;Kari;Berg;oslo;01.09.2026 08:00\n2;Ola;Dahl;bergen;02.09.2026\n"


def sample_units() -> dict[str, str]:
    """Every unit of the sample data under its code, its name and its aliases."""
    names: list[tuple[str, str]] = []
    with (SAMPLES / "units.csv").open(encoding="utf-8") as units:
        for unit in csv.DictReader(units, delimiter=";"):
            names += [
                (name, unit["code"])
                for name in (unit["code"], unit["name"], *unit["aliases"].split("|"))
                if name
            ]
    return unit_index(names)


def workbook(rows: list[list[object]], *, sheets_before: int = 0) -> bytes:
    """An XLSX with dates and numbers as typed cells; a format in place of a value: (value, format).

    `sheets_before`: so many other sheets come first.
    """
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        for number in range(sheets_before):
            book.add_worksheet(f"Annet {number}").write_row(0, 0, ["Dette", "er ingen liste"])
        sheet = book.add_worksheet("Roster")
        for line, row in enumerate(rows):
            for place, cell in enumerate(row):
                value, shown = cell if isinstance(cell, tuple) else (cell, None)
                if value is not None:
                    look = book.add_format({"num_format": shown}) if shown else None
                    sheet.write(line, place, value, look)
    return written.getvalue()


def repacked(book: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A workbook whose parts went through `change(name, content)`."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    return written.getvalue()


def large_workbook(path: Path, rows: int) -> None:
    """`rows` full rows as a spreadsheet would save them: shared strings, typed dates, numbers."""
    with FIRST.open(encoding="utf-8-sig", newline="") as sample:
        header, *people = csv.reader(sample, delimiter=";")
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        minute = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        for number in range(rows):
            row = people[number % len(people)]
            line = number + 1
            sheet.write_number(line, 0, 500_000 + number)
            sheet.write_string(line, 1, f"{row[1]}{number}")
            sheet.write_string(line, 2, f"{row[2]}{number}")
            sheet.write_datetime(line, 3, datetime.strptime(row[3], "%d.%m.%Y"), day)  # noqa: DTZ007
            sheet.write_string(line, 5, row[5])
            sheet.write_datetime(line, 6, datetime.strptime(row[6], "%d.%m.%Y %H:%M"), minute)  # noqa: DTZ007
            for place in (4, 7, 8, 9, 10, 11):
                sheet.write_string(line, place, row[place])

"""Reading a workbook (XLSX) to raw cells, through openpyxl's streaming reader.

Formulas are never evaluated: a cell gives the value that the spreadsheet program last saved with
it, nothing if it saved none. Typed cells are turned back into what a person saw: 102041.0 is
"102041", a date is "2026-09-01", with a clock time only if the cell's format shows one or there is
one. The first sheet with a roster's header counts.

The zip directory is checked before anything is unpacked (zipfile never unpacks more than the
directory says), then every part is read once for XML that no spreadsheet program writes (document
types, and so entities).
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from xml.parsers import expat

import openpyxl
from openpyxl.utils.escape import unescape

from cases.roster_columns import REQUIRED, RawRow, RosterHeader, known_columns, read_header
from cases.roster_file import HEADER_WITHIN, MIB, Limits, OpenRoster, raw_row
from core.errors import BadInput

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_CHUNK: Final = MIB
# The last row a worksheet can have; openpyxl fills gaps, so a forged row number would run on.
_LAST_ROW: Final = 1_048_576
# Small parts compress well without meaning any harm.
_RATIO_COUNTS_FROM: Final = MIB
_ENCRYPTED_FLAG: Final = 0x1
_PARTS_OF_A_WORKBOOK: Final = ("[Content_Types].xml", "xl/workbook.xml")


def open_workbook(stream: BinaryIO, limits: Limits) -> OpenRoster:
    """Check a workbook and read its header. Raises `BadInput` as `roster_file.open_roster`."""
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_directory(archive, limits)
            rows = _check_parts(archive)
        with warnings.catch_warnings():
            # openpyxl warns of what it leaves aside: styles, validations, dates out of reach.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            header, sheet = _find_header(book, max(rows - 1, 0))
    except (BadInput, MemoryError):
        raise
    except Exception as broken:
        # zipfile, zlib, expat and openpyxl raise some twenty kinds on a damaged workbook.
        _look_for_want_of_memory(broken)
        raise _unreadable() from broken
    return OpenRoster(header, _rows(sheet, header, limits))


def _check_directory(archive: zipfile.ZipFile, limits: Limits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.max_entries:
        raise BadInput("zip_bomb", "the workbook has too many parts: save the roster as CSV")
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise BadInput("encrypted", "the workbook is protected by a password: save it without one")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.max_unpacked or any(
        entry.file_size > _RATIO_COUNTS_FROM
        and entry.file_size > limits.max_ratio * max(entry.compress_size, 1)
        for entry in entries
    ):
        raise BadInput(
            "zip_bomb",
            "the workbook unpacks to far more than a roster holds: save the roster alone as CSV",
        )
    names = {entry.filename for entry in entries}
    if not names.issuperset(_PARTS_OF_A_WORKBOOK):
        raise BadInput(
            "not_csv_or_xlsx", "this is neither CSV nor an Excel workbook: save it as .xlsx or CSV"
        )


def _check_parts(archive: zipfile.ZipFile) -> int:
    """Read every XML part once; returns the rows of the longest sheet, as far as they show."""
    longest = 0
    for entry in archive.infolist():
        if not entry.filename.lower().endswith((".xml", ".rels")):
            continue
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = _refuse_doctype
        rows = 0
        with archive.open(entry) as part:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk, False)  # noqa: FBT003
                rows += chunk.count(b"<row ") + chunk.count(b"<row>")
            parser.Parse(b"", True)  # noqa: FBT003
        if entry.filename.startswith("xl/worksheets/"):
            longest = max(longest, rows)
    return longest


def _refuse_doctype(*_declaration: object) -> None:
    raise BadInput(
        "unreadable", "the workbook holds XML that no spreadsheet program writes: save it as CSV"
    )


def _find_header(book: Workbook, rows: int) -> tuple[RosterHeader, Any]:
    """The first sheet that has the needed columns; else the most header-like row says why not."""
    best: tuple[int, int, list[str], Any] | None = None
    for sheet in book.worksheets:
        # The dimensions a file claims are not to be believed: they can pad every row.
        sheet.reset_dimensions()
        for line, row in enumerate(islice(sheet.iter_rows(), HEADER_WITHIN), start=1):
            names = _texts(row)
            found = known_columns(names)
            if best is None or found > best[0]:
                best = (found, line, names, sheet)
        if best is not None and best[0] >= len(REQUIRED):
            try:
                return read_header(best[2], best[1], rows), best[3]
            except BadInput:
                continue  # perhaps a later sheet; this one is named if there is none
    if best is None or not any(best[2]):
        raise BadInput("empty_file", "the workbook holds no rows: export the roster again")
    return read_header(best[2], best[1], rows), best[3]


def _rows(sheet: Any, header: RosterHeader, limits: Limits) -> Iterator[RawRow]:
    taken = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for line, cells in enumerate(sheet.iter_rows(), start=1):
                if line > _LAST_ROW or taken > limits.max_rows:
                    raise BadInput(
                        "too_large",
                        f"the workbook has more than {limits.max_rows} rows:"
                        " split it, one prison per file",
                    )
                if line > header.line and cells:
                    row = raw_row(header, line, _texts(cells))
                    if row is not None:
                        taken += 1
                        yield row
    except (BadInput, MemoryError):
        raise
    except Exception as broken:
        _look_for_want_of_memory(broken)
        raise _unreadable() from broken


def _look_for_want_of_memory(broken: BaseException) -> None:
    """Raise `MemoryError` where a library says so in words of its own (expat, zlib)."""
    error: BaseException | None = broken
    while error is not None:
        said = str(error).lower()
        if isinstance(error, (MemoryError, SystemError)) or "memory" in said or "error -4" in said:
            raise MemoryError from broken
        error = error.__cause__ or error.__context__


def _unreadable() -> BadInput:
    return BadInput(
        "unreadable", "the workbook is damaged: open it, save it again as .xlsx, or as CSV"
    )


# --- cells -------------------------------------------------------------------------------------


def _texts(row: Iterable[Any]) -> list[str]:
    """The text that a person means by each typed cell."""
    return [_text(cell.value, cell) for cell in row]


def _text(value: object, cell: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return unescape(value) if "_x" in value else value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, cell)
    if isinstance(value, datetime):
        return _moment(value, cell)
    return str(value)


def _number(value: float, cell: object) -> str:
    if isinstance(value, float):
        if not value.is_integer() or abs(value) >= 1e15:
            return repr(value)
        value = int(value)
    shown = _format(cell)
    # A format of nothing but zeros ("00000000000") is how people keep leading zeros.
    if value >= 0 and shown and not shown.strip("0"):
        return str(value).zfill(min(len(shown), 32))
    return str(value)


def _moment(value: datetime, cell: object) -> str:
    # A serial number is a fraction of a day: the nearest second is what was meant.
    value = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if value.time() == time() and "h" not in _format(cell).lower():
        return value.date().isoformat()
    return value.isoformat(sep=" ")


def _format(cell: object) -> str:
    # Empty cells have none; it is looked up only where it matters, for it is slow.
    return str(getattr(cell, "number_format", ""))

"""Reading a prison's roster to raw cells: CSV here, workbooks in `roster_xlsx`.

What the file is is decided by its content; a name that says something else is refused. Everything
that can make a file unreadable (size, encoding, quoting, columns) is looked at before the first
row is given, so that an import does not stop half-way. Rows are streamed: memory does not grow
with the file.

A file from outside is never read in our own process: `roster_child` does that in a limited one.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cases.roster_columns import RawRow, RosterHeader, known_columns, read_header
from core.errors import BadInput

__all__ = [
    "DEFAULT_LIMITS",
    "Limits",
    "OpenRoster",
    "RawRow",
    "RosterHeader",
    "count_rows",
    "open_file",
    "open_roster",
    "raw_row",
    "read_roster",
]

MIB: Final = 1024 * 1024
# Longer than anything that can be meant; what is cut is still too long to be taken for a value.
LONGEST_CELL: Final = 4_000
# Titles may stand above the header.
HEADER_WITHIN: Final = 20
DELIMITERS: Final = (";", ",", "\t")

_CHUNK: Final = MIB
_UTF8_BOM: Final = codecs.BOM_UTF8
_UNDEFINED_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"
# æ ø å Æ Ø Å in UTF-8. In cp1252 these pairs would be "Ã¦" and the like, which nobody writes.
_NORDIC_UTF8: Final = tuple(letter.encode() for letter in "æøåÆØÅ")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_CSV_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})
_WORKBOOK_SUFFIXES: Final = frozenset({".xlsx", ".xlsm"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold before it is refused as `too_large` or `zip_bomb`.

    A workbook of 100,000 full rows has 7 MB and unpacks to 52 MB (9 : 1); sizes in bytes.
    """

    max_bytes: int = 64 * MIB
    max_rows: int = 250_000
    max_unpacked: int = 100 * MIB
    max_ratio: int = 150
    max_entries: int = 1_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class OpenRoster:
    """A roster whose header is read; `rows` streams the rest, once."""

    header: RosterHeader
    rows: Iterator[RawRow]


def read_roster(
    path: Path, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[RawRow]:
    """Stream the non-empty rows of a roster. Raises `BadInput` as `open_roster` does."""
    with open_file(path) as stream:
        yield from open_roster(stream, name=path.name if name is None else name, limits=limits).rows


def count_rows(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> int:
    """About how many data rows a roster has, for a progress bar. Raises `BadInput`."""
    with open_file(path) as stream:
        return open_roster(stream, name=path.name, limits=limits).header.rows


def open_roster(stream: BinaryIO, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> OpenRoster:
    """Look a roster over and read its header. `stream` is seekable; it is used up.

    `name` is what the sender called the file, for its ending only. Raises `BadInput` with one line
    that says the way out; reasons: `empty_file`, `too_large`, `zip_bomb`, `encrypted`,
    `not_csv_or_xlsx`, `name_and_content_differ`, `not_text`, `mixed_encoding`, `bad_quoting`,
    `unreadable`, `not_a_roster`, `missing_column`, `column_twice`.
    """
    try:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if size > limits.max_bytes:
            raise BadInput(
                "too_large",
                f"the file is larger than {limits.max_bytes // MIB} MB:"
                " split it, one prison per file",
            )
        start = stream.read(1024)
        stream.seek(0)
        _check_kind(stream, start, Path(name).suffix.lower())
        if start.startswith(_ZIP):
            # openpyxl takes a quarter of a second to import: only for workbooks.
            from cases import roster_xlsx  # noqa: PLC0415

            return roster_xlsx.open_workbook(stream, limits)
        return _open_csv(stream, limits)
    except OSError as broken:
        raise BadInput("unreadable", "the file cannot be read: try to save it again") from broken


def raw_row(header: RosterHeader, line: int, cells: Sequence[str]) -> RawRow | None:
    """Put the cells of one row under their names; `None` for a row without a filled cell."""
    filled: dict[str, str] = {}
    for column, cell in zip(header.columns, cells, strict=False):
        if column and cell and (text := cell.strip()):
            filled[column] = text[:LONGEST_CELL]
    width = len(header.columns)
    spilled = len(cells) > width and any(cell.strip() for cell in cells[width:])
    return RawRow(line, filled, spilled) if filled else None


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises `BadInput`: `no_such_file`, `unreadable`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput("unreadable", "this is not a file: give the roster's own path")
        return path.open("rb")
    except FileNotFoundError as missing:
        raise BadInput("no_such_file", "there is no such file: check the path") from missing
    except OSError as broken:
        raise BadInput("unreadable", "the file cannot be opened: check its rights") from broken


# --- what kind of file -------------------------------------------------------------------------


def _check_kind(stream: BinaryIO, start: bytes, suffix: str) -> None:
    if not start.removeprefix(_UTF8_BOM).strip() and not _rest_has_text(stream):
        raise BadInput("empty_file", "the file is empty: export the roster again")
    if start.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in stream.read():
            raise BadInput(
                "encrypted", "the workbook is protected by a password: save it without one"
            )
        raise BadInput(
            "not_csv_or_xlsx", "this is an old Excel file (.xls): save it as .xlsx or CSV"
        )
    is_zip = start.startswith(_ZIP)
    if is_zip and suffix in _CSV_SUFFIXES:
        raise BadInput(
            "name_and_content_differ",
            f"the file is named {suffix} but holds a workbook: name it .xlsx or save it as CSV",
        )
    if not is_zip and suffix in _WORKBOOK_SUFFIXES:
        raise BadInput(
            "name_and_content_differ",
            f"the file is named {suffix} but is no workbook: save it again as .xlsx, or as CSV",
        )
    if start.startswith(b"%PDF-"):
        raise BadInput("not_csv_or_xlsx", "this is a PDF: export the roster as CSV or XLSX")


def _rest_has_text(stream: BinaryIO) -> bool:
    found = any(chunk.removeprefix(_UTF8_BOM).strip() for chunk in _chunks(stream))
    stream.seek(0)
    return found


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


# --- CSV ---------------------------------------------------------------------------------------


def _open_csv(stream: BinaryIO, limits: Limits) -> OpenRoster:
    encoding = _encoding(stream)
    text = _Borrowing(stream, encoding=encoding, newline="")

    def from_start() -> io.TextIOWrapper:
        text.seek(0)
        return text

    delimiter, line, names = _find_header(from_start)
    read_header(names, line)  # refuse wrong columns before the whole file is looked through
    header = read_header(names, line, _count_records(from_start(), delimiter, line, limits))
    return OpenRoster(header, _csv_rows(from_start(), delimiter, header))


class _Borrowing(io.TextIOWrapper):
    """Text over a stream that is the caller's: it is not closed when the text is forgotten."""

    def __del__(self) -> None:
        with contextlib.suppress(ValueError):  # the caller has closed it already
            self.detach()


def _encoding(stream: BinaryIO) -> str:
    """UTF-8 if every byte agrees, else cp1252; looks at the whole file."""
    utf8 = codecs.getincrementaldecoder("utf-8")()
    with_bom = stream.read(len(_UTF8_BOM)) == _UTF8_BOM
    stream.seek(0)
    is_utf8, nordic_utf8, impossible_cp1252 = True, False, False
    for chunk in _chunks(stream):
        if b"\0" in chunk:
            raise BadInput(
                "not_text", "this is not a text file: save the roster as CSV (UTF-8) or XLSX"
            )
        if is_utf8:
            try:
                utf8.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        nordic_utf8 = nordic_utf8 or any(letter in chunk for letter in _NORDIC_UTF8)
        if not impossible_cp1252:
            impossible_cp1252 = len(chunk.translate(None, _UNDEFINED_IN_CP1252)) != len(chunk)
    stream.seek(0)
    if is_utf8:
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if is_utf8:
        return "utf-8-sig" if with_bom else "utf-8"
    if with_bom or nordic_utf8:
        raise BadInput(
            "mixed_encoding",
            "parts of the file are UTF-8 and parts are not: export it again as CSV (UTF-8)",
        )
    if impossible_cp1252:
        raise BadInput(
            "not_text", "the file is neither UTF-8 nor cp1252 text: save it as CSV (UTF-8) or XLSX"
        )
    return "cp1252"


def _find_header(from_start: Callable[[], io.TextIOWrapper]) -> tuple[str, int, list[str]]:
    """The delimiter, the header's physical line and its names.

    The best of the first rows under each delimiter; where none is like a header, the first row.
    """
    best: tuple[int, str, int, list[str]] | None = None
    for delimiter in DELIMITERS:
        try:
            for met, (line, cells) in enumerate(_records(from_start(), delimiter)):
                found = known_columns(cells)
                if best is None or found > best[0]:
                    best = (found, delimiter, line, cells)
                if met + 1 >= HEADER_WITHIN:
                    break
        except BadInput:
            continue  # quoting that only makes sense under another delimiter
    if best is None:
        # Nothing can be read under any delimiter: let the likeliest one say why.
        for _record in _records(from_start(), DELIMITERS[0]):
            break
        raise BadInput("not_a_roster", "no row with column names was found: export it again")
    return best[1], best[2], best[3]


def _records(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not an empty line, with the physical line it begins on."""
    # strict: an unclosed quotation mark would otherwise swallow the rest of the file in silence.
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as broken:
        raise BadInput(
            "bad_quoting",
            f"the row that begins on line {line} has a quotation mark that is not closed or stands"
            " in the wrong place, or an endless cell: mend that row",
        ) from broken


def _count_records(text: io.TextIOWrapper, delimiter: str, header: int, limits: Limits) -> int:
    count = 0
    for line, _cells in _records(text, delimiter):
        count += line > header
        if count > limits.max_rows:
            raise BadInput(
                "too_large",
                f"the file has more than {limits.max_rows} rows: split it, one prison per file",
            )
    return count


def _csv_rows(text: io.TextIOWrapper, delimiter: str, header: RosterHeader) -> Iterator[RawRow]:
    for line, cells in _records(text, delimiter):
        if line > header.line and (row := raw_row(header, line, cells)) is not None:
            yield row

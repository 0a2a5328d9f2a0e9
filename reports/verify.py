"""An exported report against what was published: whether it is genuine, whole, unchanged.

The file names the hash of its publication. The publication is looked up by it, and every figure in
the file is compared with the stored one, so that a change is not only noticed but named. A part
(one unit, one region) can be genuine too. Paper is taken by the figures it carries within; what
stands on its pages is as published where the whole file is, byte for byte, what is printed here.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from core.errors import BadInput, Refused
from reports.definitions import is_count
from reports.export import exported
from reports.export_csv import COLUMNS, SEALED, as_text
from reports.export_xlsx import TIDY
from reports.figures import Figure, Report, cells, of_places
from reports.publish import publications, shown
from reports.tertial import Period

LARGEST: Final = 50_000_000
"""Bytes that a workbook may unpack to."""

_PAPER: Final = b"%PDF-"
_STREAM: Final = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_HEAD: Final = ";".join(COLUMNS[:3]).encode()

Line = tuple[str, str, str, tuple[str, str, str, str]]
"""Level, place, indicator; value, numerator, denominator and pending as CSV writes them."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file says: of which publication it is, and its figures."""

    period: str
    as_of: str
    sha256: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`changed` names each figure that is not as published; `whole` says that none is missing."""

    published: Report
    changed: tuple[str, ...]
    whole: bool

    @property
    def genuine(self) -> bool:
        """Whether everything in the file is as it was published."""
        return not self.changed


def verify(tx: Connection, content: bytes) -> Verdict:
    """Check an exported file (JSON, CSV, XLSX or PDF) against the publications stored here.

    Raises `BadInput` for a file that is no published report, `Refused` where nothing was published
    under its hash.
    """
    claim = claim_of(content)
    period = Period.parse(claim.period)
    for row in publications(tx, period):
        found = shown(tx, period, row)
        if found.seal is not None and found.seal.sha256 == claim.sha256:
            verdict = _compared(claim, found)
            return _on_paper(claim, verdict, content) if content.startswith(_PAPER) else verdict
    raise Refused(
        f"Nothing was published here for {claim.period} under the hash {claim.sha256[:12]}…: the "
        "file comes from elsewhere, or its hash was changed."
    )


def claim_of(content: bytes) -> Claim:
    """Read what an exported file says. Raises `BadInput` for anything else."""
    try:
        if content.startswith(_PAPER):
            return claim_of(_carried(content))
        if content[:2] == b"PK":
            return _from_rows(_xlsx_rows(content))
        if content.lstrip()[:1] == b"{":
            return _from_json(json.loads(content))
        text = content.decode("utf-8-sig")
        return _from_rows(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as unreadable:
        raise BadInput(
            "no_report",
            "this is no published report: take a JSON, CSV, XLSX or PDF file that `overlev tertial`"
            " or `overlev report show` has written",
            "FILE",
        ) from unreadable


def _compared(claim: Claim, published: Report) -> Verdict:
    stored = {
        (level, place, code): as_text(code, figure)
        for level, place, code, figure in cells(published)
    }
    changed = []
    met = set()
    for level, place, code, numbers in claim.lines:
        key = (level, place, code)
        met.add(key)
        where = " ".join(part for part in key if part)
        if key not in stored:
            changed.append(f"{where}: was not published")
        elif numbers != stored[key]:
            changed.append(f"{where}: {_said(numbers)}, published {_said(stored[key])}")
    return Verdict(published, tuple(changed), met == stored.keys())


def _carried(paper: bytes) -> bytes:
    """The figures that a PDF of ours carries within. Raises `ValueError` where there are none."""
    for found in _STREAM.finditer(paper):
        reader = zlib.decompressobj()
        try:
            inside = reader.decompress(found[1], LARGEST)
        except zlib.error:
            continue
        if inside.removeprefix(b"\xef\xbb\xbf").startswith(_HEAD):
            return inside
    raise ValueError("no figures within")


def _on_paper(claim: Claim, verdict: Verdict, paper: bytes) -> Verdict:
    """The verdict on a PDF: its pages too must be those that are printed of the publication."""
    units = {place for level, place, *_ in claim.lines if level == "unit"}
    regions = {place for level, place, *_ in claim.lines if level == "region"}
    part = of_places(
        verdict.published,
        unit=min(units) if len(units) == 1 and not regions else None,
        region=min(regions) if len(regions) == 1 and not units else None,
    )
    if verdict.changed or exported(part, "pdf") == paper:
        return verdict
    from reports.export_pdf import as_pdf  # noqa: PLC0415 - loads fonts and charts

    if as_pdf(part, first=True) == paper:  # printed before shares were rounded once
        return verdict
    told = "the pages: not as this version prints them (changed, or printed by another version)"
    return replace(verdict, changed=(told,))


def _said(numbers: Sequence[str]) -> str:
    value, numerator, denominator, pending = numbers
    share = f"{value} ({numerator} of {denominator})" if denominator else value or "–"
    return f"{share}, {pending} pending" if pending else share


def _from_rows(rows: Iterable[Sequence[Any]]) -> Claim:
    lines = iter(rows)
    columns = [str(name) for name in next(lines, ())]
    if columns != [*COLUMNS, *SEALED]:
        raise ValueError(columns)
    read = [dict(zip(columns, row, strict=True)) for row in lines if row]
    first = read[0] if read else {}
    hashes = {str(row["sha256"]) for row in read}
    if len(hashes) != 1:
        raise ValueError("a report has one hash")
    return Claim(
        str(first["period"]),
        str(first["as_of"]),
        hashes.pop(),
        tuple(
            (
                str(row["level"]),
                _unquoted(row["place"]),
                _unquoted(row["indicator"]),
                (
                    _value(row["value"]),
                    _value(row["numerator"]),
                    _value(row["denominator"]),
                    _value(row["pending"]),
                ),
            )
            for row in read
        ),
    )


def _unquoted(text: Any) -> str:
    return "" if text is None else str(text).removeprefix("'")


def _value(cell: Any) -> str:
    """A cell as CSV writes it: a share with four decimals and a comma, a count as it is."""
    if cell is None:
        return ""
    if isinstance(cell, float) and not cell.is_integer():
        return f"{cell:.4f}".replace(".", ",")
    return str(int(cell)) if isinstance(cell, int | float) else str(cell)


def _xlsx_rows(content: bytes) -> list[list[Any]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - loads the reader

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(entry.file_size for entry in packed.infolist()) > LARGEST:
            raise ValueError("too large")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    rows = [list(row) for row in book[TIDY].iter_rows(values_only=True)]
    book.close()
    at = rows[0].index("value")
    shares = rows[0].index("denominator")
    for row in rows[1:]:
        # A share of 0 or 1 is a whole number to a spreadsheet.
        if isinstance(row[at], int | float) and row[shares] is not None:
            row[at] = f"{row[at]:.4f}".replace(".", ",")
    return rows


def _from_json(read: dict[str, Any]) -> Claim:
    places = [
        *((("nation", "", read["nation"]),) if read["nation"] else ()),
        *(("region", name, figures) for name, figures in read["regions"].items()),
        *(("unit", code, figures) for code, figures in read["units"].items()),
    ]
    return Claim(
        read["period"],
        read["as_of"],
        read["seal"]["sha256"],
        tuple(
            (level, place, code, as_text(code, _figure(code, told)))
            for level, place, figures in places
            for code, told in figures.items()
        ),
    )


def _figure(code: str, told: dict[str, Any]) -> Figure:
    hidden = told["numerator"] is None and told["value"] is None
    if hidden != told["suppressed"] or (is_count(code) and told["denominator"] is not None):
        raise ValueError(code)
    return Figure(told["value"], told["numerator"], told["denominator"], told["pending"], hidden)

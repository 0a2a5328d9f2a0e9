"""The file of rejected rows: to be mended in a spreadsheet and imported again."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cases.roster_columns import RawRow, RosterHeader
from cases.roster_rows import Remark

WHY: Final = "avvist"
"""An extra last column with the column and reason; an import reads past it with a warning."""

# What a spreadsheet would evaluate; a telephone number's + is none of it.
_FORMULA: Final = re.compile(r"[=@]|[+\-](?![0-9 ])")


class RejectsFile:
    """Appends rows to a CSV (`;`, UTF-8 with BOM, the canonical column names)."""

    def __init__(self, path: Path, header: RosterHeader) -> None:
        self._path = path
        self._columns = tuple(dict.fromkeys(column for column in header.columns if column))

    def add(self, rows: Iterable[tuple[RawRow, Remark]]) -> None:
        """Add rows as they stood in the file, each with its reason.

        The file holds names, so it is made readable for its owner only.
        """
        new = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        encoding = "utf-8-sig" if new else "utf-8"
        with os.fdopen(descriptor, "a", encoding=encoding, newline="") as out:
            writer = csv.writer(out, delimiter=";")
            if new:
                writer.writerow((*self._columns, WHY))
            for raw, remark in rows:
                cells = [_harmless(raw.cells.get(column, "")) for column in self._columns]
                writer.writerow((*cells, f"{remark.column}: {remark.reason}"))


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell

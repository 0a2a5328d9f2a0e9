"""The file of rejected rows: to be mended in a spreadsheet and imported again."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from cases.roster_columns import RawRow, RosterHeader
from cases.roster_rows import Remark

WHY: Final = "avvist"
"""An extra last column with line, column and reason; an import reads past it, and knows by it that
the file is one of mended rows."""

# What a spreadsheet would evaluate; a telephone number's + is none of it.
_FORMULA: Final = re.compile(r"[=@]|[+\-](?![0-9 ])")


class RejectsFile:
    """Appends rows to a CSV (`;`, UTF-8 with BOM, the canonical column names).

    `worded` says a reason's code in the reader's words.
    """

    def __init__(
        self, path: Path, header: RosterHeader, worded: Callable[[str], str] = str
    ) -> None:
        self._path = path
        self._worded = worded
        self._columns = tuple(dict.fromkeys(column for column in header.columns if column))

    def add(self, rows: Iterable[tuple[RawRow, Remark]], *, foreign: AbstractSet[int]) -> None:
        """Add rows as they stood in the file, each with its line and reason.

        Of the lines in `foreign`, whose person is another unit's, nothing: there is nothing in
        them to mend. The file holds names, so it is made readable for its owner only.
        """
        rows = [(raw, remark) for raw, remark in rows if raw.line not in foreign]
        if not rows:
            return
        new = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        encoding = "utf-8-sig" if new else "utf-8"
        with os.fdopen(descriptor, "a", encoding=encoding, newline="") as out:
            writer = csv.writer(out, delimiter=";")
            if new:
                writer.writerow((*self._columns, WHY))
            for raw, remark in rows:
                cells = [_harmless(raw.cells.get(column, "")) for column in self._columns]
                writer.writerow((*cells, self._why(remark)))

    def _why(self, remark: Remark) -> str:
        return f"{remark.line} {remark.column}: {self._worded(remark.reason)}"


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell

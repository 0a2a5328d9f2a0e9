"""Roster files of invented people, and reading them without a child process."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from cases.roster_columns import RawRow
from cases.roster_file import open_file, open_roster

COLUMNS = (
    "innsattnr",
    "fornavn",
    "etternavn",
    "fødselsdato",
    "fødselsnummer",
    "enhet",
    "innsatt",
    "kategori",
    "planlagt løslatelse",
    "løslatelsesgrunnlag",
    "språk",
    "mobil",
    "adressesperre",
    "løslatt",
)


class ReadHere:
    """A roster read in this process: the child has tests of its own, and costs a Python start."""

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        self._stream = open_file(path)
        opened = open_roster(self._stream, name=path.name if name is None else name)
        self.header = opened.header
        self._rows = opened.rows

    def __iter__(self) -> Iterator[RawRow]:
        return self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()


_numbers = iter(range(800_000, 900_000))


def somebody() -> str:
    """An inmate number that nobody has yet."""
    return str(next(_numbers))


def row(number: str, **cells: str) -> dict[str, str]:
    """A row of unit A, admitted 30 August 2026 08:30, planned for 30 November, confirmed."""
    return {
        "innsattnr": number,
        "fornavn": "Kari",
        "etternavn": "Berg",
        "enhet": "a",
        "innsatt": "30.08.2026 08:30",
        "planlagt løslatelse": "30.11.2026",
        "løslatelsesgrunnlag": "bekreftet",
        "språk": "nb",
    } | {name.replace("_", " "): value for name, value in cells.items()}


def file_of(tmp_path: Path, *rows: dict[str, str]) -> Path:
    path = tmp_path / f"roster-{next(_numbers)}.csv"
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, delimiter=";", restval="")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(written.getvalue(), encoding="utf-8")
    return path

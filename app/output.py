"""What a command prints: JSON for programs, plain aligned text for people.

Results go to stdout, everything else to stderr. Rich is loaded only when a person reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

WIDTH: Final = 200
"""Columns a table may have. On a narrower terminal lines run over, but no cell is ever broken, so
that a reference can be copied."""


def say(line: str = "") -> None:
    """One line of a result."""
    print(line)


def note(line: str) -> None:
    """One line beside the result, on stderr."""
    print(line, file=sys.stderr)


def show_json(value: object) -> None:
    """A result for programs: one JSON value, letters as themselves."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def console() -> Console:
    """Rich on stdout: colours only on a terminal, and nothing is read as markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=WIDTH)


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    numbers: Sequence[str] = (),
) -> None:
    """A table with a heading; the columns named in `numbers` stand to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in columns:
        table.add_column(
            Text(column), justify="right" if column in numbers else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console().print(table)


_STYLES: Final = {
    "overdue": "bold red",
    "missed": "red",
    "done": "green",
    "open": "",
    "prepared": "dim",
    "cancelled": "dim",
    "waived": "dim",
    "wrong": "bold red",
    "ok": "green",
}
"""Colour helps, but every state is a word as well."""


def spoken(instant: Any) -> str:
    """An instant as people read it, `2026-12-21 15:00` in Norway; "" for None.

    An ISO text is one of ours, which is Norwegian already (`core.clock.iso_local`).
    """
    if isinstance(instant, datetime):
        from core.clock import iso_local

        instant = iso_local(instant)
    return str(instant)[:16].replace("T", " ") if instant else ""

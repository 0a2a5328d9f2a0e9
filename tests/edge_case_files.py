"""The edge cases of DOMAIN section 9 as they stand in `tests/data/edge_cases`: Markdown tables.

One file is one story. How a table is read is told to its readers in `README.md` there; here it
becomes plain values. Everything that can be misspelt is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.clock import parse_instant

FOLDER = Path(__file__).parent / "data" / "edge_cases"

Row = tuple[str, ...]

_HEADING = re.compile(r"^## (?P<name>[^,]+?)(, case (?P<case>\d))?$")
_RULE = re.compile(r"^[|\s:-]+$")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: when, by whom, what, and the details as `name: value` pairs."""

    file: str
    line: int
    at: datetime
    who: str
    what: str
    details: dict[str, str]

    @property
    def case(self) -> str:
        """The case of the file that it is about."""
        return self.details.get("case", "1")


@dataclass(frozen=True, slots=True)
class Table:
    """An expected table: its heading, the case it is about, and its rows (header left out)."""

    name: str
    case: str
    rows: list[Row]


@dataclass(slots=True)
class Story:
    """One file."""

    name: str
    title: str
    quotes: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Iterator[Table]:
        """The expected tables whose heading begins with these words."""
        return (table for table in self.tables if table.name.startswith(name))


def stories() -> list[Story]:
    """Every story, by number."""
    return [read(path) for path in sorted(FOLDER.glob("[0-9][0-9]-*.md"))]


def read(path: Path) -> Story:
    """One story from its file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    story = Story(path.stem, lines[0].removeprefix("# "))
    heading: re.Match[str] | None = None
    block: str | None = None
    rows: list[tuple[int, Row]] = []
    for number, line in enumerate([*lines, "## end"], start=1):
        if block is not None:
            if line == "```":
                block = None
            else:
                story.blocks[block] += f"{line}\n"
        elif line.startswith("```"):
            block = line.removeprefix("```csv").strip()
            story.blocks[block] = ""
        elif line.startswith("> "):
            story.quotes.append(line.removeprefix("> "))
        elif line.startswith("|"):
            if not _RULE.match(line):
                rows.append((number, cells_of(line)))
        elif line.startswith("## "):
            _close(story, heading, rows)
            heading, rows = _HEADING.match(line), []
            assert heading is not None, f"{path.name}:{number}: unreadable heading"
    return story


def table_under(path: Path, name: str) -> list[Row]:
    """The rows, header first, of the table under one heading of a file."""
    found: list[Row] = []
    under = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            under = line == f"## {name}"
        elif under and line.startswith("|") and not _RULE.match(line):
            found.append(cells_of(line))
    assert found, f"{path.name} has no table under {name!r}"
    return found


def cells_of(line: str) -> Row:
    """The cells of one line of a table."""
    return tuple(cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|"))


def several(cell: str) -> list[str]:
    """The entries of a cell that names several things, with commas between."""
    return [each.strip() for each in cell.split(",") if each.strip() and each.strip() != "–"]


def _close(story: Story, heading: re.Match[str] | None, rows: list[tuple[int, Row]]) -> None:
    if heading is None or not rows:
        return
    body = rows[1:]
    if heading["name"] != "What happened":
        story.tables.append(
            Table(heading["name"], heading["case"] or "1", [row for _, row in body])
        )
        return
    for line, (at, who, what, details) in body:
        # An empty first cell is the moment of the line above.
        moment = parse_instant(at) if at else story.steps[-1].at
        story.steps.append(Step(story.name, line, moment, who, what, _pairs(details)))


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, value = part.partition(":")
        assert name not in pairs, f"{name!r} stands twice in {text!r}"
        pairs[name.strip()] = value.strip()
    return pairs

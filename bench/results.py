"""What was measured, as a table for the terminal and as the page `bench/RESULTS.md`."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version

from bench.measure import Line, Outcome, strain_of_run
from bench.places import postgres_version

HEAD = ("figure", "ours", "limit", "ratio", "undisturbed", "goal", "")


ABOUT = """\
*Limit* is the driver alone doing the same rows as durably, in the same run, between the same
batches. Read the ratio: times swing with whatever else the machine does, and a neighbour on the
other core makes ours and the limit slower alike. Times are CPU of this process, user and system,
unless a line says wall; where a line says so, the CPU of the database server is in it.

*Undisturbed* is ours divided by the strain: how much slower a fixed piece of plain Python ran
before and after each batch than at its quickest in this run, because of what else the machine did.
Goals are compared with that column; where it is empty, with ours."""


def printed(name: str, outcome: Outcome, *, seconds: float) -> str:
    """One benchmark as aligned lines."""
    rows = [HEAD, *(_cells(line) for line in outcome.lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [f"\n{name} ({seconds:.0f} s)"]
    for row, line in zip(rows, [None, *outcome.lines], strict=True):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        said = f"  {line.said}" if line is not None and line.said else ""
        lines.append("  ".join(cells).rstrip() + said)
    return "\n".join(lines)


def written(
    outcomes: Mapping[str, Outcome], *, how: str, at: datetime, before: str, order: Iterable[str]
) -> str:
    """The page: how to read it, and a section a benchmark, with profiles of what missed its goal.

    Sections of `before`, the page as it stands, that were not measured now stay as they are.
    """
    sections = dict(_sections_of(before))
    measured = _measured(how, at)
    for name, outcome in outcomes.items():
        sections[name] = "\n".join(_section(name, outcome, measured))
    kept = [sections[name] for name in order if name in sections]
    return "\n\n".join([f"# Results of the newest runs\n\n{ABOUT}", *kept]) + "\n"


def _sections_of(page: str) -> Iterator[tuple[str, str]]:
    for text in page.split("\n## ")[1:]:
        yield text.partition("\n")[0].strip(), f"## {text.strip()}"


def _measured(how: str, at: datetime) -> str:
    databases = f"SQLite {sqlite3.sqlite_version}"
    databases += f", Postgres {postgres_version()} (psycopg {version('psycopg')})"
    return (
        f"{at:%Y-%m-%d %H:%M} UTC, a {how} run of `python -m bench --write`; {_machine()}; "
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, {databases}; "
        f"{os.getloadavg()[0]:.1f} runnable at its end, strain {strain_of_run():.2f} in its middle."
    )


def _section(name: str, outcome: Outcome, measured: str) -> Iterator[str]:
    yield from (f"## {name}", "", measured, "", f"| {' | '.join(HEAD)} | |")
    yield "|---|--:|--:|--:|--:|--:|---|---|"
    for line in outcome.lines:
        yield f"| {' | '.join(_cells(line))} | {line.said} |"
    if outcome.why and any(line.reached is False for line in outcome.lines):
        yield from ("", outcome.why)
    for what, text in outcome.profiles.items():
        yield from ("", f"Where the time goes: {what}", "", "```", text, "```")


def _cells(line: Line) -> tuple[str, ...]:
    unit = f" {line.unit}" if line.unit else ""
    held = {None: "", True: "held", False: "**missed**"}[line.reached]
    return (
        line.what,
        f"{_number(line.ours)}{unit}",
        "" if line.limit is None else f"{_number(line.limit)}{unit}",
        "" if line.ratio is None else f"{line.ratio:.2f}",
        "" if line.undisturbed is None else f"{_number(line.undisturbed)}{unit}",
        "" if line.goal is None else f"{_number(line.goal)}{unit}",
        held,
    )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _machine() -> str:
    """Cores, memory and kind of processor; no name of a machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB, {platform.system()}"

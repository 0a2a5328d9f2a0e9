"""How far the year has come, on stderr: a bar where a person looks on, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_TENTHS: Final = 10


@contextmanager
def year_passing(cases: int) -> Iterator[Callable[[int, int], None]]:
    """Something to be told (days passed, days in all)."""
    about = f"The last twelve months of {cases} cases"
    if not sys.stderr.isatty():
        yield _lines(about)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        days = bar.add_task(about, total=None)

        def told(passed: int, of: int) -> None:
            bar.update(days, completed=passed, total=of)

        yield told


def _lines(about: str) -> Callable[[int, int], None]:
    """A line at every tenth: a log is read afterwards."""
    last = 0

    def told(passed: int, of: int) -> None:
        nonlocal last
        tenth = passed * _TENTHS // of
        if tenth > last:
            last = tenth
            print(f"{about}: {passed} of {of} days", file=sys.stderr, flush=True)

    return told

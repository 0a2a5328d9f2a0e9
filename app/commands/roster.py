"""`import`: a prison's roster taken in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.commands.opening import EVERY_DAY, Json, opened
from app.commands.roster_reasons import SAID
from core.clock import iso_local, local_date
from core.errors import EXIT_PARTLY_DONE, BadInput

if TYPE_CHECKING:
    from app.installation import Installation
    from cases.roster import ImportResult
    from cases.roster_age import Dated, Older

_REJECTS: Final = ".rejects"
_MOST_SHOWN: Final = 20
_MOST_NAMED: Final = 12


def import_roster(
    ctx: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX.", show_default=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what it would do and write nothing.")
    ] = False,
    part: Annotated[
        bool,
        typer.Option("--part", help="A part of a roster, as mended rows are: nobody is missing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take in a prison's roster.

    Example: overlev import roster-2026-09-01.csv

    Opens a case for each new imprisonment and updates the known ones; the same file again changes
    nothing. Rejected rows go to a file beside it, to be mended and imported again with --part. Of a
    list that is older than one taken in for its unit, by the day in its name or of its file, or
    that was taken in before that one, it is said: look with --dry-run first. Exit code 0: all rows
    taken, 3: some rejected, 2: the file cannot be read.
    """
    from cases import roster
    from cases.roster_named import Named

    if not file.is_file():
        raise BadInput("no_file", f"There is no file {file}: check the path.", "FILE")
    rejects = None if dry_run else rejects_beside(file)
    with opened(ctx) as house, _progress(file.name) as told:
        dated = _dated(file, house.now())
        named = Named() if dry_run or _may_be_older(house, file, dated) else None
        result = roster.import_roster(
            house.db,
            file,
            house.viewer,
            now=house.now(),
            demo=house.folder.demo,
            dry_run=dry_run,
            progress=told,
            rejects=rejects,
            worded=SAID.__getitem__,
            part=part,
            named=named,
            dated=dated,
        )
    if named is not None and named.older is not None:
        from app.output import note

        note(_said(named.older))
    if as_json:
        from app.output import show_json

        show_json(result.told())
    else:
        _show(result, dry_run=dry_run)
    if result.rejected:
        if rejects is not None and rejects.exists():
            from app.output import note

            note(f"Rejected rows, to be mended and imported again with --part: {rejects}")
        raise typer.Exit(EXIT_PARTLY_DONE)


def _dated(file: Path, now: datetime) -> Dated:
    from cases.roster_age import dated

    made = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return dated(file.name, local_date(made), today=local_date(now))


def _may_be_older(house: Installation, file: Path, dated: Dated) -> bool:
    from cases import roster
    from cases.roster_age import may_be_older

    with house.db.read() as tx:
        return may_be_older(tx, roster.digest_of(file), dated, now=house.now())


def _said(older: Older) -> str:
    from app.output import spoken

    newer = spoken(iso_local(older.newer_at))
    if older.same_at is not None:
        same = spoken(iso_local(older.same_at))
        return f"This very file was taken in {same}, and another list after it, {newer}."
    return f"This list is of {older.own_on}; a newer one, of {older.newer_on}, came {newer}."


def rejects_beside(file: Path) -> Path:
    """Where the rejected rows of `file` go: `NAME.rejects.csv`, or the next number that is free.

    An earlier file of rejects is never written over: somebody may be mending it.
    """
    stem = file.stem
    cut = stem.rfind(_REJECTS)
    if cut > 0:
        stem = stem[:cut]  # the file is one of rejects itself
    path = file.with_name(f"{stem}{_REJECTS}.csv")
    number = 1
    while path.exists():
        number += 1
        path = file.with_name(f"{stem}{_REJECTS}-{number}.csv")
    return path


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar on stderr while a person looks on; nothing in a script."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        rows = bar.add_task(escape(name), total=None)

        def told(read: int, of: int | None) -> None:
            # How many there are is an estimate until the file is read to its end.
            bar.update(rows, completed=read, total=max(of, read) if of else None)

        yield told


def _show(result: ImportResult, *, dry_run: bool) -> None:
    from app.output import say, show_table

    if dry_run:
        say("Dry run: nothing is written. An import would give:")
    parts = [
        f"{result.rows} rows",
        f"{result.created} new cases",
        f"{result.updated} updated",
        f"{result.unchanged} unchanged",
        f"{len(result.rejected)} rejected",
    ]
    say(", ".join(parts))
    say(f"of the updated: {result.transfers_proposed} in another unit, {result.released} released")
    if result.missing_from_roster:
        more = len(result.missing_from_roster) > _MOST_NAMED
        say(
            f"{len(result.missing_from_roster)} in prison here but not in this file: "
            + ", ".join(result.missing_from_roster[:_MOST_NAMED])
            + (", … (--json lists them all)" if more else "")
        )
        if result.mended:
            say("These are mended rows of another file: with --part nobody is missing from it.")
    for title, remarks in (("Rejected", result.rejected), ("Warnings", result.warnings)):
        if remarks:
            shown: list[Any] = list(remarks[:_MOST_SHOWN])
            show_table(
                ("line", "column", "reason", "what it means"),
                [(str(each.line), each.column, each.reason, SAID[each.reason]) for each in shown],
                title=title,
                numbers=("line",),
            )
            if len(remarks) > len(shown):
                say(f"… and {len(remarks) - len(shown)} more (--json lists them all)")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import", rich_help_panel=EVERY_DAY)(import_roster)

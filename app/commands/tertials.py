"""`overlev tertial`: the counts of a period, for the directorates or a unit, in every format."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.commands.opening import ENGINE, opened
from core.errors import EXIT_REFUSED, BadInput

if TYPE_CHECKING:
    from datetime import datetime

    from cases.installation import Installation
    from reports.figures import Difference, Report
    from reports.suppression import Progress
    from reports.tertial import Period

TABLE: Final = "table"
FORMATS: Final = ("json", "csv", "xlsx", "pdf")
_MOST_SHOWN: Final = 50


def tertial(
    ctx: typer.Context,
    *,
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="Like 2026-T3.", show_default=False)
    ],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="ISO", help="By what was recorded by then; now, if left out."
        ),
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option("--revision", metavar="N", help="A frozen revision; the newest, if left out."),
    ] = None,
    view: Annotated[
        str, typer.Option("--view", metavar="VIEW", help="directorate or unit.")
    ] = "directorate",
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="That unit; view unit needs it.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="NAME", help="Of view directorate: which.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="F",
            help="json, csv, xlsx or pdf; on a terminal a table, else json, if left out.",
        ),
    ] = None,
    recount: Annotated[
        bool,
        typer.Option("--recount", help="Count all levels again from the events, and compare."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
) -> None:
    """Count a tertial's indicators: for the directorates, small numbers hidden, or for a unit.

    Example: overlev tertial 2026-T3 --view unit --unit bergen
    """
    from core.clock import parse_instant
    from reports.tertial import Period
    from reports.views import names_in, tertial_report

    asked = Period.parse(period)
    until = parse_instant(as_of, field="--as-of") if as_of is not None else None
    chosen = chosen_format(form, out)
    with opened(ctx) as house:
        now = house.now()
        code = unit
        if unit is not None:
            from app.commands.units import unit_named

            with house.db.read() as tx:
                code = unit_named(tx, unit, now=now)
        with deciding() as progress:
            report = tertial_report(
                house.db,
                house.viewer,
                asked,
                now=now,
                threshold=house.settings.small_number_threshold,
                view=view,
                unit=code,
                region=region,
                as_of=until,
                revision=revision,
                progress=progress,
            )
        again = _recounted(house, asked, report, now) if recount else None
        names = names_in(house.db, report)
    write(_shown(report, again, chosen, names), out)
    if again is not None:
        _tell_recount(again[1])


@contextmanager
def deciding() -> Iterator[Progress | None]:
    """A bar on a terminal's stderr while it is decided what is hidden: that takes seconds."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Hiding small numbers", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def chosen_format(form: str | None, out: Path | None) -> str:
    """The format asked for, by name or by the ending of the file."""
    if form is None and out is not None and out.suffix[1:].lower() in FORMATS:
        form = out.suffix[1:].lower()
    if form is None:
        return TABLE if out is None and sys.stdout.isatty() else "json"
    if form not in FORMATS:
        raise BadInput(
            "unknown_code", f"--format is one of {', '.join(FORMATS)}, not {form!r}", "--format"
        )
    return form


def _recounted(
    house: Installation, period: Period, shown: Report, now: datetime
) -> tuple[Report, list[Difference]]:
    """The recount of what is shown, and every difference at any level, hidden or not.

    Of a frozen report the kept figures are compared, else today's count as of that instant.
    """
    from reports.checking import recounted

    return recounted(house.db, period, shown, now=now)


def _shown(
    report: Report,
    again: tuple[Report, list[Difference]] | None,
    form: str,
    names: Mapping[str, str],
) -> bytes | Report:
    if form == TABLE:
        return report
    if form == "json" and again is not None:
        import json

        from reports.figures import as_json

        shown: dict[str, Any] = as_json(report)
        folded = as_json(again[0])
        shown["recount"] = {level: folded[level] for level in ("nation", "regions", "units")}
        shown["differences"] = [str(each) for each in again[1]]
        return (json.dumps(shown, ensure_ascii=False, indent=2) + "\n").encode()
    from reports.export import exported

    return exported(report, form, names)


def write(shown: bytes | Report, out: Path | None) -> None:
    """Write a result to stdout or, whole or not at all, to a file."""
    from app.output import note

    if not isinstance(shown, bytes):
        from app.report_page import show_report

        show_report(shown)
    elif out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(shown)
    else:
        half = out.with_name(f".{out.name}.new")
        try:
            half.write_bytes(shown)
            half.replace(out)
        except OSError as failed:
            raise BadInput(
                "cannot_write", f"{out} cannot be written ({failed.strerror}): name another", "-o"
            ) from failed
        note(f"written to {out}")


def _tell_recount(differences: list[Difference]) -> None:
    from app.output import note

    if not differences:
        note("recount: every figure of every level is the same, counted from the events")
        return
    for each in differences[:_MOST_SHOWN]:
        note(f"recount differs: {each}")
    note(f"recount: {len(differences)} figures differ: run `overlev doctor --rebuild`")
    raise typer.Exit(EXIT_REFUSED)


def tertial_verify(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON, CSV, XLSX or PDF.", show_default=False)
    ],
) -> None:
    """Check whether an exported report is as it was published.

    Example: overlev tertial-verify 2026-T3.xlsx
    """
    from app.output import note, say
    from reports.verify import verify

    try:
        content = file.read_bytes()
    except OSError as failed:
        raise BadInput(
            "unreadable", f"{file} cannot be read ({failed.strerror}): name another", "FILE"
        ) from failed
    with opened(ctx) as house, house.db.read() as tx:
        found = verify(tx, content)
    what = found.published
    named = f"{what.period} revision {what.revision}" if what.revision else f"{what.period}, live"
    if not found.genuine:
        for change in found.changed[:_MOST_SHOWN]:
            note(f"changed: {change}")
        note(f"{file.name} is NOT as published ({named}): {len(found.changed)} figures differ")
        raise typer.Exit(EXIT_REFUSED)
    say(f"{file.name} is as published: {named}, {'whole' if found.whole else 'a part of it'}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("tertial", rich_help_panel=ENGINE)(tertial)
    app.command("tertial-verify", rich_help_panel=ENGINE)(tertial_verify)

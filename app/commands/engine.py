"""What runs by itself and can be run by hand: the sweep, delivering, and the tertial's counts."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.commands.opening import ENGINE, Json, opened
from core.errors import EXIT_PARTLY_DONE, EXIT_REFUSED, BadInput, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from app.installation import Installation
    from reports.figures import Difference, Report

TABLE: Final = "table"
_FORMATS: Final = ("json", "csv", "xlsx", "pdf")
_MOST_SHOWN: Final = 50


def sweep(ctx: typer.Context, as_json: Json = False) -> None:
    """Fire what is due now.

    Example: overlev sweep

    Rungs of the ladder, notices, ends of follow-up. A second time right after does nothing more.
    """
    from cases.sweep import sweep as run

    with opened(ctx) as house:
        done = run(house.db, now=house.now())
    counts = asdict(done)
    put_off = counts.pop("backed_off")
    _show_counts(counts, as_json=as_json)
    if put_off:
        from app.output import note

        note(f"{put_off} cases could not be calculated and are tried again later: see the log")
        raise typer.Exit(EXIT_PARTLY_DONE)


def deliver(ctx: typer.Context, as_json: Json = False) -> None:
    """Send what is due in the outbox.

    Example: overlev deliver

    Without an SMS provider the messages are printed, the numbers masked.
    """
    from cases.sending import deliver_due
    from notifications.sender import ConsoleSender

    with opened(ctx) as house:
        done = deliver_due(house, ConsoleSender(sys.stderr))
    _show_counts(asdict(done), as_json=as_json)


def _show_counts(counts: dict[str, int], *, as_json: bool) -> None:
    from app.output import say, show_json

    if as_json:
        show_json(counts)
    else:
        say(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))


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
    view: Annotated[
        str, typer.Option("--view", metavar="VIEW", help="directorate or unit.")
    ] = "directorate",
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="Of view unit: which.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="NAME", help="Of view directorate: which.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="F",
            help="json or csv; on a terminal a table, else json, if left out.",
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
    """Count a tertial's indicators.

    Example: overlev tertial 2026-T3 --view unit --unit bergen
    """
    from core.clock import parse_instant
    from reports.report import snapshot, tertial_report
    from reports.tertial import Period

    asked = Period.parse(period)
    until = parse_instant(as_of, field="--as-of") if as_of is not None else None
    chosen = _format(form, out)
    with opened(ctx) as house:
        now = house.now()
        with snapshot(house.db) as tx:
            code = unit
            if unit is not None:
                from app.commands.units import unit_named

                code = unit_named(tx, unit, now=now)
            report = tertial_report(
                tx, asked, now=now, as_of=until, view=view, unit=code, region=region
            )
        again = _recounted(house, asked, now, until, code) if recount else None
    differences = again[1] if again is not None else []
    _write(_shown(report, again, chosen), out)
    if again is not None:
        _tell_recount(differences)


def _format(form: str | None, out: Path | None) -> str:
    """The format asked for, by name or by the ending of the file."""
    if form is None and out is not None and out.suffix[1:].lower() in _FORMATS:
        form = out.suffix[1:].lower()
    if form is None:
        return TABLE if out is None and sys.stdout.isatty() else "json"
    if form not in _FORMATS:
        raise BadInput(
            "unknown_code", f"--format is one of {', '.join(_FORMATS)}, not {form!r}", "--format"
        )
    if form in ("xlsx", "pdf"):
        raise Refused(f"A report as {form} is not built yet: take --format csv or json.")
    return form


def _recounted(
    house: Installation, period: Any, now: datetime, as_of: datetime | None, unit: str | None
) -> tuple[Report, list[Difference]]:
    """The unit's recount, and every difference at any level between counting and recounting."""
    from reports.figures import compare, of_unit
    from reports.recount import recount
    from reports.report import snapshot, whole_report

    with snapshot(house.db) as tx:
        counted = whole_report(tx, period, now=now, as_of=as_of)
        folded = recount(tx, period, counted.as_of)
    differences = compare(counted, folded)
    return (of_unit(folded, unit) if unit is not None else folded), differences


def _shown(
    report: Report, again: tuple[Report, list[Difference]] | None, form: str
) -> bytes | Report:
    if form == "csv":
        from reports.export_csv import as_csv

        return as_csv(report)
    if form == "json":
        import json

        from reports.figures import as_json

        shown = as_json(report)
        if again is not None:
            folded = as_json(again[0])
            shown["recount"] = {level: folded[level] for level in ("nation", "regions", "units")}
            shown["differences"] = [str(each) for each in again[1]]
        return (json.dumps(shown, ensure_ascii=False, indent=2) + "\n").encode()
    return report


def _write(shown: bytes | Report, out: Path | None) -> None:
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


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sweep", rich_help_panel=ENGINE)(sweep)
    app.command("deliver", rich_help_panel=ENGINE)(deliver)
    app.command("tertial", rich_help_panel=ENGINE)(tertial)

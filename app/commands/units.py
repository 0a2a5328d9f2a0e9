"""Units."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import STAFF, Json, opened
from core.errors import BadInput, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.organisation import UnitCounts

unit = typer.Typer(help="Units: overlev unit list")
package = typer.Typer(help="Packages of tasks: overlev package check national-2.toml")

_MOST_BYTES = 5_000_000
_OPTIONS = {
    "code": "CODE",
    "host_municipality": "--municipality",
    "naloxone_introduced": "--naloxone",
    "aliases": "--alias",
}
"""Of `unit add`, where they are not called as the columns are."""


@unit.command("list")
def list_units(ctx: typer.Context, as_json: Json = False) -> None:
    """List the units as they are today.

    Example: overlev unit list
    """
    from dataclasses import asdict

    from app.output import show_json, show_table
    from cases import organisation
    from core.clock import local_date

    with opened(ctx) as house, house.db.read() as tx:
        found = organisation.units(tx, local_date(house.now()))
    if as_json:
        show_json([asdict(each) for each in found])
        return
    show_table(
        ("code", "name", "kind", "region", "part of", "municipality", "also called"),
        [
            (
                each.code,
                each.name,
                each.kind,
                each.region,
                each.parent or "",
                each.municipality or "",
                ", ".join(each.aliases),
            )
            for each in found
        ],
    )


@unit.command("add")
def add_unit(
    ctx: typer.Context,
    *,
    code: Annotated[str, typer.Argument(metavar="CODE", show_default=False)],
    name: Annotated[str, typer.Option("--name", metavar="NAME", show_default=False)],
    region: Annotated[
        str,
        typer.Option(
            "--region",
            metavar="NAME",
            help="Nord, Vest, Sør, Sørvest, Øst or Annet.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="K",
            help="prison, department, halfway_house or probation_office.",
        ),
    ] = "prison",
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="CODE", help="The unit it is part of.")
    ] = None,
    municipality: Annotated[
        str | None,
        typer.Option("--municipality", metavar="NAME", help="Whose health service works there."),
    ] = None,
    cohort_year: Annotated[
        str | None,
        typer.Option("--cohort-year", metavar="YEAR", help="When it joined the project."),
    ] = None,
    naloxone: Annotated[
        str | None,
        typer.Option("--naloxone", metavar="WHEN", help="A date or year; yes, if unknown."),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", metavar="NAME", help="Another name; may be given again."),
    ] = None,
) -> None:
    """Add one unit.

    Example: overlev unit add bodo --name "Bodø fengsel" --region Nord
    """
    from app.output import say
    from cases import organisation
    from core.clock import local_date

    row = {
        "code": code.strip(),
        "name": name,
        "kind": kind,
        "parent": parent or "",
        "region": _region(region),
        "host_municipality": municipality or "",
        "cohort_year": cohort_year or "",
        "naloxone_introduced": naloxone or "",
        "aliases": "|".join(alias or ()),
    }
    with opened(ctx) as house:
        now = house.now()

        def add(tx: Connection) -> UnitCounts:
            known = {each.code for each in organisation.units(tx, local_date(now))}
            if row["code"] in known:
                raise Conflict(
                    f"There is a unit {row['code']} already. To change it, import its row:"
                    " `overlev unit import FILE`."
                )
            try:
                return _take(tx, [row], now)
            except BadInput as wrong:
                raise _of_an_option(wrong) from None

        house.db.transact(lambda tx: _audited(tx, house, add(tx), "unit_added", now))
    say(f"unit {row['code']} added")


def _region(said: str) -> str:
    """The region as it is written, however it was typed."""
    from cases.organisation import REGIONS

    return next((each for each in REGIONS if each.casefold() == said.strip().casefold()), said)


def _of_an_option(wrong: BadInput) -> BadInput:
    """What is wrong with a row, told of the option that said it."""
    column = wrong.field or ""
    option = _OPTIONS.get(column, f"--{column.replace('_', '-')}")
    return BadInput(wrong.reason, f"{option}: {wrong.detail.partition(': ')[2]}", option)


@unit.command("import")
def import_units(
    ctx: typer.Context,
    *,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV with the columns below.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Add and change units from a CSV, by code.

    Example: overlev unit import units.csv

    The first line names the columns, divided by ; or , in UTF-8: code, name, kind (prison,
    department, halfway_house or probation_office) and region (Nord, Vest, Sør, Sørvest, Øst or
    Annet) must be there; parent (a code), host_municipality (whose health service works there),
    cohort_year, naloxone_introduced (a date or year; yes, if unknown) and aliases (divided by |)
    may. What a row says differently is corrected; whole or not at all.
    """
    from dataclasses import asdict

    from app.output import say, show_json

    rows = _rows_of(file)
    with opened(ctx) as house:
        now = house.now()
        counts = house.db.transact(
            lambda tx: _audited(tx, house, _take(tx, rows, now), "units_imported", now)
        )
    if as_json:
        show_json(asdict(counts))
    else:
        say(", ".join(f"{number} {name}" for name, number in asdict(counts).items()))


def _take(tx: Connection, rows: Sequence[Mapping[str, str]], now: datetime) -> UnitCounts:
    from cases import organisation

    return organisation.import_units(tx, rows, now=now)


def _audited(
    tx: Connection, house: Installation, counts: UnitCounts, verb: str, now: datetime
) -> UnitCounts:
    from app.commands.staff import audited

    if counts.created or counts.updated:
        audited(tx, house, verb, now=now)
    return counts


def _rows_of(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV of units (`;` or `,`, UTF-8). Raises `BadInput`."""
    from cases.organisation import COLUMNS

    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput("too_large", f"{file} is too large for a list of units.", "FILE")
        written = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise BadInput(
            "unreadable", f"{file} cannot be read as text in UTF-8: check the path.", "FILE"
        ) from unreadable
    first = written.partition("\n")[0]
    divider = ";" if first.count(";") >= first.count(",") else ","
    reader = csv.DictReader(StringIO(written), delimiter=divider)
    names = {(name or "").strip().lower() for name in reader.fieldnames or ()}
    for column in ("code", "name", "kind", "region"):
        if column not in names:
            raise BadInput(
                "missing_column",
                f"{file} has no column {column}: the columns are {', '.join(COLUMNS)}.",
                "FILE",
            )
    rows = []
    for raw in reader:
        row = {
            (key or "").strip().lower(): (value or "")
            for key, value in raw.items()
            if isinstance(value, str | None)
        }
        if any(value.strip() for value in row.values()):
            rows.append(row)
    return rows


def unit_named(tx: Connection, name: str, *, now: datetime) -> str:
    """The code of a unit called by code, name or alias. Raises `BadInput`, `UnitClosed`."""
    from cases import organisation
    from cases.roster_rows import unit_index, unit_key
    from core.clock import local_date

    on = local_date(now)
    code = unit_index(organisation.names_of_units(tx, on)).get(unit_key(name))
    if code is not None:
        return code
    if organisation.versions(tx, name.strip()):
        return organisation.standing_code(tx, name.strip(), on)
    raise BadInput(
        "unknown_unit", f"There is no unit {name!r}: `overlev unit list` shows them.", "unit"
    )


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(unit, name="unit", rich_help_panel=STAFF)

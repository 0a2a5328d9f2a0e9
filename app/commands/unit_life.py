"""What becomes of units over time: more commands of `unit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import Json, opened
from app.commands.units import unit, unit_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.project import ProjectState

Code = Annotated[str, typer.Argument(metavar="CODE", show_default=False)]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="DATE", help="The first day it is so; today, if left out."),
]
Username = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]


@unit.command("rename")
def rename(
    ctx: typer.Context,
    *,
    code: Code,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    on: On = None,
) -> None:
    """Call a unit something else from a day; the former name still finds it.

    Example: overlev unit rename bergen "Vestland fengsel" --on 2026-10-15
    """
    from cases import units

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        units.rename(tx, house.viewer, found, name, on=day, now=now)
        return f"{found} is called {name} from {day}"

    _done(ctx, on, verb)


@unit.command("move")
def move(
    ctx: typer.Context,
    *,
    code: Code,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="NAME", help="Nord, Vest, Sør, Sørvest, Øst or Annet."),
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option("--parent", metavar="CODE", help="The unit it becomes part of; or none."),
    ] = None,
    municipality: Annotated[
        str | None,
        typer.Option("--municipality", metavar="NAME", help="Whose health service works there."),
    ] = None,
    on: On = None,
) -> None:
    """Put a unit in another region, under another unit or municipality from a day.

    Example: overlev unit move bergen --region Sørvest --on 2026-10-15
    """
    from cases import units
    from core.errors import BadInput

    if region is None and parent is None and municipality is None:
        raise BadInput("nothing_said", "Say --region, --parent or --municipality.", "--region")

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        if region is not None:
            units.move_region(tx, house.viewer, found, region, on=day, now=now)
        if parent is not None:
            above = None if parent == "none" else unit_named(tx, parent, now=now)
            units.move_parent(tx, house.viewer, found, above, on=day, now=now)
        if municipality is not None:
            units.move_municipality(tx, house.viewer, found, municipality, on=day, now=now)
        return f"{found} is moved from {day}"

    _done(ctx, on, verb)


@unit.command("merge")
def merge(
    ctx: typer.Context,
    *,
    codes: Annotated[list[str], typer.Argument(metavar="CODE …", show_default=False)],
    into: Annotated[
        str, typer.Option("--into", metavar="CODE", help="What they become.", show_default=False)
    ],
    on: On = None,
) -> None:
    """Merge units into another one from a day; their open cases move at that midnight.

    Example: overlev unit merge valdres gjovik --into innlandet --on 2026-10-15
    """
    from cases import units

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        merging = [unit_named(tx, code, now=now) for code in codes]
        target = unit_named(tx, into, now=now)
        done = units.merge(tx, house.viewer, merging, target, on=day, now=now)
        cases = f"{done.moved} open cases moved" if day <= _today(now) else "cases move that day"
        return f"{', '.join(merging)} became part of {target} on {day}: {cases}"

    _done(ctx, on, verb)


@unit.command("close")
def close(ctx: typer.Context, *, code: Code, on: On = None) -> None:
    """Close a unit; the day is the first one without it.

    Example: overlev unit close bergen --on 2026-10-15
    """
    from cases import units

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        units.close_unit(tx, house.viewer, found, on=day, now=now)
        return f"{found} is closed from {day}"

    _done(ctx, on, verb)


@unit.command("certify")
def certify(ctx: typer.Context, *, username: Username, code: Code, on: On = None) -> None:
    """Note that a user is a certified naloxone distributor of a unit.

    Example: overlev unit certify kari bergen --on 2026-03-01
    """
    from cases import distributors

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        distributors.certify(tx, house.viewer, username, found, on=day, now=now)
        return f"{username} is a certified distributor of {found} from {day}"

    _done(ctx, on, verb)


@unit.command("uncertify")
def uncertify(ctx: typer.Context, *, username: Username, code: Code, on: On = None) -> None:
    """End a distributor's certificate; the day is the first one without it.

    Example: overlev unit uncertify kari bergen --on 2026-12-01
    """
    from cases import distributors

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        distributors.uncertify(tx, house.viewer, username, found, on=day, now=now)
        return f"{username} is no distributor of {found} from {day}"

    _done(ctx, on, verb)


@unit.command("contact")
def contact(
    ctx: typer.Context,
    *,
    code: Code,
    number: Annotated[
        str,
        typer.Argument(
            metavar="NUMBER",
            help="Like '22 00 00 00'; or check, reject or end what stands.",
            show_default=False,
        ),
    ],
) -> None:
    """Set the neutral phone number that messages about a unit's people name.

    Example: overlev unit contact bergen "22 00 00 00"
    """
    from cases import contacts

    def verb(tx: Connection, house: Installation, _day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        if number in ("check", "reject", "end"):
            contacts.decide(tx, house.viewer, found, number, now=now)
            return f"{found}: {number}"
        set_to = contacts.propose(tx, house.viewer, found, number, now=now)
        return f"{found}: messages name {set_to.number} ({set_to.state})"

    _done(ctx, None, verb)


@unit.command("project")
def project(
    ctx: typer.Context,
    *,
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", show_default=False)] = None,
    event: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT]",
            help="interested, contract_signed, active, paused, withdrawn, naloxone, network or"
            " visit; none shows where the units stand.",
            show_default=False,
        ),
    ] = None,
    on: On = None,
    cohort: Annotated[
        int | None, typer.Option("--cohort", metavar="YEAR", help="Of active: its cohort.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Record the life of a unit in the project, or show it.

    Examples: overlev unit project · overlev unit project bergen visit --on 2026-05-04
    """
    from cases import project as life

    if code is None or event is None:
        _show_project(ctx, code, on, as_json=as_json)
        return

    def verb(tx: Connection, house: Installation, day: date, now: datetime) -> str:
        found = unit_named(tx, code, now=now)
        if event == "naloxone":
            # Without a day: introduced, and nobody knows when.
            known = day if on is not None else None
            life.introduce_naloxone(tx, house.viewer, found, on=known, now=now)
            return f"{found}: naloxone introduced, {known or 'nobody knows when'}"
        if event == "network":
            life.attend_network(tx, house.viewer, found, on=day, now=now)
        elif event == "visit":
            life.record_visit(tx, house.viewer, found, on=day, now=now)
        else:
            life.record_stage(tx, house.viewer, found, event, on=day, now=now, cohort_year=cohort)
        return f"{found}: {event} on {day}"

    _done(ctx, on, verb)


def _show_project(ctx: typer.Context, code: str | None, on: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from app.output import show_json, show_table
    from cases import project as life

    with opened(ctx) as house, house.db.read() as tx:
        now = house.now()
        states = life.project_state(tx, _day(on, now))
        wanted = unit_named(tx, code, now=now) if code is not None else None
    found = [state for state in states.values() if wanted in (None, state.unit)]
    if as_json:
        show_json(
            [
                asdict(state)
                | {
                    "stage": state.stage.value if state.stage is not None else None,
                    "since": _iso(state.since),
                    "naloxone_on": _iso(state.naloxone_on),
                    "in_project": state.in_project,
                }
                for state in found
            ]
        )
        return
    show_table(
        ("unit", "stage", "since", "cohort", "naloxone", "distributors", "networks", "visits"),
        [_line(state) for state in found],
        numbers=("distributors", "networks", "visits"),
    )


def _line(state: ProjectState) -> tuple[str, ...]:
    return (
        state.unit,
        state.stage.value if state.stage is not None else "",
        _iso(state.since) or "",
        str(state.cohort_year or ""),
        (_iso(state.naloxone_on) or "yes") if state.naloxone else "",
        str(state.distributors),
        str(state.networks),
        str(state.visits),
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _today(now: datetime) -> date:
    from core.clock import local_date

    return local_date(now)


def _day(on: str | None, now: datetime) -> date:
    from core.clock import parse_date

    return parse_date(on, field="--on") if on is not None else _today(now)


def _done(
    ctx: typer.Context,
    on: str | None,
    verb: Callable[[Connection, Installation, date, datetime], str],
) -> None:
    """Run a verb for the day of `--on`, in one transaction, and say what it did."""
    from app.output import say

    with opened(ctx) as house:
        now = house.now()
        day = _day(on, now)
        line = house.db.transact(lambda tx: verb(tx, house, day, now))
    say(line)


def register(app: typer.Typer) -> None:
    """Nothing: the commands stand under `unit`, which `units` adds."""
    del app

"""Packages: checked, previewed, saved, put in force, and open cases moved to them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.commands.opening import STAFF, Json, globals_of, opened
from core.errors import EXIT_PARTLY_DONE, BadInput, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.package import Package
    from cases.package_moves import CaseMove

package = typer.Typer(
    help="Packages of tasks: overlev package check national-2.toml", no_args_is_help=True
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="A package, or a unit's overlay, as TOML.", show_default=False
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="The day it holds from; today, if left out."),
]
_MOST_BYTES: Final = 1_000_000


@package.command("check")
def check_package(ctx: typer.Context, file: File) -> None:
    """Check a package file or an overlay; a fault is told with its line.

    Example: overlev package check national-2.toml

    An overlay of another overlay needs the data folder where that one is saved.
    """
    from app.output import say

    found, _ = _read(ctx, file)
    say(f"{file.name}: {found.key} is well formed, {len(found.tasks)} tasks")


@package.command("preview")
def preview_package(
    ctx: typer.Context,
    file: File,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DATE", help="The day the examples are admitted; today."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a package or overlay makes of three known cases, before and after.

    Example: overlev package preview overlay-oslo.toml
    """
    from app.output import say, show_json, show_table, spoken
    from cases.preview import preview
    from core.clock import iso_local, local_date, parse_date, system_now

    found, parent = _read(ctx, file)
    now = globals_of(ctx).now or system_now()
    day = parse_date(on, field="--on") if on is not None else local_date(now)
    examples = preview(parent, found, on=day)
    if as_json:
        show_json([_plain(asdict(each)) for each in examples])
        return
    for each in examples:
        rows = [
            (
                line.label,
                line.task,
                spoken(iso_local(line.before)) if line.before else "",
                spoken(iso_local(line.after)) if line.after else "",
                line.effect.value,
            )
            for line in each.lines
        ]
        show_table(
            ("task", "code", parent.key, found.key, ""),
            rows,
            title=f"{each.example.value.replace('_', ' ')}: admitted "
            f"{spoken(iso_local(each.admitted_at))}, release {each.release_on}",
        )
    changed = sum(len(each.changed) for each in examples)
    say(f"{changed} due times differ from {parent.key}" if changed else "No due time changes.")


@package.command("list")
def list_packages(ctx: typer.Context, as_json: Json = False) -> None:
    """List the stored versions, and which unit works by which.

    Example: overlev package list
    """
    from app.output import show_json, show_table, spoken
    from cases import package_saving
    from core.clock import iso_local

    with opened(ctx) as house, house.db.read() as tx:
        stored = package_saving.versions(tx)
        given = package_saving.given(tx)
    if as_json:
        show_json(
            {
                "versions": [_plain(asdict(each)) for each in stored],
                "given": [_plain(asdict(each)) for each in given],
            }
        )
        return
    show_table(
        ("version", "stands on", "unit", "saved", "used since"),
        [
            (
                each.key,
                each.parent or "",
                each.unit or "",
                spoken(iso_local(each.made_at)),
                spoken(iso_local(each.used_at)) if each.used_at else "",
            )
            for each in stored
        ],
    )
    if given:
        show_table(
            ("unit", "works by", "from"),
            [
                (each.unit or "all others", each.package, str(each.valid_from or "always"))
                for each in given
            ],
        )


@package.command("save")
def save_package(
    ctx: typer.Context,
    *,
    unit: Annotated[str, typer.Argument(metavar="UNIT", show_default=False)],
    file: File,
    since: From = None,
) -> None:
    """Save a unit's overlay and let the unit work by it.

    Example: overlev package save oslo overlay-oslo.toml --from 2026-10-01

    Open cases keep their version until `overlev package rebase` moves them.
    """
    from app.commands.units import unit_named
    from app.output import say
    from cases.package_saving import save_overlay
    from core.clock import local_date

    text, valid_from = _text(file), _day(since)
    with opened(ctx) as house:
        now = house.now()
        saved = house.db.transact(
            lambda tx: save_overlay(
                tx,
                house.viewer,
                unit_named(tx, unit, now=now),
                text,
                now=now,
                valid_from=valid_from,
                name=file.name,
            )
        )
    say(f"{saved.key} saved; {unit} works by it from {valid_from or local_date(now)}")


@package.command("register")
def register_package(ctx: typer.Context, file: File) -> None:
    """Save a whole package, like national-2; `overlev package use` puts it in force.

    Example: overlev package register national-2.toml
    """
    from app.output import say
    from cases.package_saving import save_national

    text = _text(file)
    with opened(ctx) as house:
        now = house.now()
        saved = house.db.transact(
            lambda tx: save_national(tx, house.viewer, text, now=now, name=file.name)
        )
    say(f"{saved.key} saved; put it in force: overlev package use {saved.key}")


@package.command("use")
def use_package(
    ctx: typer.Context,
    *,
    key: Annotated[str, typer.Argument(metavar="KEY", show_default=False)],
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="CODE", help="One unit; else all without an overlay."),
    ] = None,
    since: From = None,
) -> None:
    """Let units work by a saved version for new cases.

    Example: overlev package use national-2 --from 2026-10-01
    """
    from app.commands.units import unit_named
    from app.output import say
    from cases.package_saving import put_in_force
    from core.clock import local_date

    valid_from = _day(since)
    with opened(ctx) as house:
        now = house.now()
        house.db.transact(
            lambda tx: put_in_force(
                tx,
                house.viewer,
                unit_named(tx, unit, now=now) if unit is not None else None,
                key,
                now=now,
                valid_from=valid_from,
            )
        )
    say(f"{unit or 'every unit without an overlay'}: {key} from {valid_from or local_date(now)}")


@package.command("rebase")
def rebase_cases(
    ctx: typer.Context,
    *,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="One unit; else every one.")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--only", metavar="KEY", help="Only cases that are on this version."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every changed due time and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move open cases to the version that their unit works by today.

    Example: overlev package rebase --unit oslo --dry-run

    Each unit is moved whole or not at all. Exit code 3: some units were moved, others not.
    """
    from app.output import note, say

    moves: dict[str, list[CaseMove]] = {}
    refused: list[Refused] = []
    with opened(ctx) as house:
        now = house.now()
        for code in _units(house, unit):
            try:
                moves[code] = house.db.transact(
                    partial(_moved, house, code, from_, now, dry_run=dry_run)
                )
            except Refused as reason:
                refused.append(reason)
                note(f"{code}: {reason}")
    if refused and not moves:
        raise refused[0]
    if as_json:
        from app.output import show_json

        show_json({code: [_plain(asdict(each)) for each in found] for code, found in moves.items()})
    else:
        for code, found in moves.items():
            _show_moves(code, found, now)
        count = sum(len(found) for found in moves.values())
        say(f"{count} cases {'would be ' if dry_run else ''}moved")
    if refused:
        raise typer.Exit(EXIT_PARTLY_DONE)


def _units(house: Installation, unit: str | None) -> Sequence[str]:
    from app.commands.units import unit_named
    from cases.rebase import units_to_rebase

    with house.db.read() as tx:
        if unit is not None:
            return [unit_named(tx, unit, now=house.now())]
        return units_to_rebase(tx, house.viewer, now=house.now())


def _moved(
    house: Installation,
    code: str,
    from_: str | None,
    now: datetime,
    tx: Connection,
    *,
    dry_run: bool,
) -> list[CaseMove]:
    from cases.rebase import preview_rebase, rebase

    do = preview_rebase if dry_run else rebase
    return do(tx, house.viewer, code, now=now, from_=from_)


def _show_moves(code: str, moves: Sequence[CaseMove], now: datetime) -> None:
    from app.output import show_table, spoken
    from core.clock import iso_local

    rows: list[tuple[str, ...]] = []
    for move in moves:
        if not move.tasks:
            rows.append((move.ref, "no due time changes", "", "", ""))
        for task in move.tasks:
            before = spoken(iso_local(task.due_before)) if task.due_before else ""
            after = spoken(iso_local(task.due_after)) if task.due_after else ""
            state = "overdue" if task.overdue_at_once(now) else task.state_after.value
            rows.append((move.ref, task.task, before, after, state))
    if rows:
        show_table(("case", "task", "due", "new due", ""), rows, title=code)


def _read(ctx: typer.Context, file: Path) -> tuple[Package, Package]:
    """The package of a file, and what it stands on (a whole one: the national package)."""
    from cases.overlay import parent_of
    from cases.overlay_reading import load_any
    from cases.package import national

    def parent(key: str) -> Package | None:
        if key == national().key:
            return national()
        from cases.registry import stored_package

        with opened(ctx) as house, house.db.read() as tx:
            return stored_package(tx, key)

    _text(file)
    found = load_any(file, parent)
    on = parent_of(found.key)
    return found, (parent(on) if on is not None else None) or national()


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadInput("too_large", f"{file} is too large for a package.", "FILE")
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise BadInput(
            "unreadable", f"{file} cannot be read as text in UTF-8: check the path.", "FILE"
        ) from unreadable


def _day(since: str | None) -> date | None:
    from core.clock import parse_date

    return parse_date(since, field="--from") if since is not None else None


def _plain(value: Any) -> Any:
    """Values as JSON holds them: instants with Norway's offset, dates ISO."""
    from core.clock import iso_local

    if isinstance(value, datetime):
        return iso_local(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(package, name="package", rich_help_panel=STAFF)

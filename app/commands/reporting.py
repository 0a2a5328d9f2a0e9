"""`overlev report`: a tertial from the units' parts to the frozen report and its revisions."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from app.commands.opening import ENGINE, Json, opened
from app.commands.tertials import TABLE, chosen_format, deciding, write
from core.errors import BadInput

if TYPE_CHECKING:
    from cases.installation import Installation
    from reports.experience import Experience
    from reports.figures import Report
    from reports.lifecycle import Part
    from reports.own_unit import Learned

report: Final = typer.Typer(
    help="Submit, accept, freeze and revise the report of a tertial.", no_args_is_help=True
)

PeriodName: TypeAlias = Annotated[
    str, typer.Argument(metavar="PERIOD", help="Like 2026-T3.", show_default=False)
]
UnitName: TypeAlias = Annotated[
    str, typer.Argument(metavar="UNIT", help="Code, name or alias.", show_default=False)
]


@report.command("status")
def status(ctx: typer.Context, period: PeriodName, as_json: Json = False) -> None:
    """Show how far each unit's part is, and who has not reported.

    Example: overlev report status 2026-T3
    """
    from app.output import note, say, show_json, show_table
    from reports.publish import frozen_revisions
    from reports.tertial import Period
    from reports.waiting import reminder_days, standing

    asked = Period.parse(period)
    with opened(ctx) as house, house.db.read() as tx:
        found = standing(tx, house.viewer, asked, now=house.now())
        revisions = frozen_revisions(tx, asked)
    if as_json:
        show_json(
            {
                "period": str(asked),
                "checked_by": asked.checked_by.isoformat(),
                "due_on": asked.due_on.isoformat(),
                "reminders_on": [day.isoformat() for day in reminder_days(asked)],
                "revisions": revisions,
                "parts": [_plain(part) for part in found],
                "missing": [part.unit for part in found if part.state == "open"],
            }
        )
        return
    say(f"{asked}: units check by {asked.checked_by}, the report is due {asked.due_on}")
    say(f"frozen revisions: {', '.join(map(str, revisions)) or 'none'}")
    show_table(
        ("unit", "state", "submitted", "in time", "experience"),
        [
            (
                part.unit,
                part.state,
                str(_written(part.as_of) or "")[:16].replace("T", " "),
                "yes" if part.in_time else "",
                "yes" if part.experience else "",
            )
            for part in found
        ],
    )
    missing = [part.unit for part in found if part.state == "open"]
    note(f"{len(missing)} of {len(found)} have not reported: {', '.join(missing) or 'none'}")


@report.command("submit")
def submit(
    ctx: typer.Context,
    period: PeriodName,
    unit: UnitName,
    *,
    experience: Annotated[
        Path | None,
        typer.Option(
            "--experience",
            metavar="FILE",
            help='JSON: {"worked": {"codes": […], "text": "…"}, "hindered": …, "resources": …,'
            ' "wishes": …}.',
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Submit a unit's figures as they are now, with its experience report.

    Example: overlev report submit 2026-T3 bergen --experience bergen.json
    """
    from reports import lifecycle
    from reports.tertial import Period

    asked = Period.parse(period)
    told = _read_experience(experience)
    with opened(ctx) as house:
        now = house.now()
        code = _code(house, unit, now)
        part = house.db.transact(
            lambda tx: lifecycle.submit(tx, house.viewer, asked, code, told, now=now)
        )
    _tell_part(part, as_json=as_json)


@report.command("accept")
def accept(
    ctx: typer.Context, period: PeriodName, unit: UnitName, *, as_json: Json = False
) -> None:
    """Accept what a unit has submitted: the national owner's act.

    Example: overlev report accept 2026-T3 bergen
    """
    from reports import lifecycle
    from reports.tertial import Period

    asked = Period.parse(period)
    with opened(ctx) as house:
        now = house.now()
        code = _code(house, unit, now)
        part = house.db.transact(
            lambda tx: lifecycle.accept(tx, house.viewer, asked, code, now=now)
        )
    _tell_part(part, as_json=as_json)


@report.command("freeze")
def freeze(ctx: typer.Context, period: PeriodName, *, as_json: Json = False) -> None:
    """Freeze the national report. Units that have not reported are named, and no hindrance.

    Example: overlev report freeze 2026-T3
    """
    from reports import lifecycle

    _frozen(ctx, period, lifecycle.freeze, as_json=as_json)


@report.command("revise")
def revise(ctx: typer.Context, period: PeriodName, *, as_json: Json = False) -> None:
    """Freeze a new revision with what arrived since the last one, which stays as it is.

    Example: overlev report revise 2026-T3
    """
    from reports import lifecycle

    _frozen(ctx, period, lifecycle.revise, as_json=as_json)


@report.command("show")
def show(
    ctx: typer.Context,
    period: PeriodName,
    *,
    revision: Annotated[
        int | None, typer.Option("--revision", metavar="N", help="The newest, if left out.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="F", help="json, csv, xlsx or pdf.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
) -> None:
    """Print a frozen revision as it was published: the same bytes every time.

    Example: overlev report show 2026-T3 --revision 1 -o 2026-T3.xlsx
    """
    from core.errors import Refused
    from reports.export import exported
    from reports.publish import directorate_report, frozen_revisions
    from reports.tertial import Period
    from reports.views import names_in

    asked = Period.parse(period)
    chosen = chosen_format(form, out)
    with opened(ctx) as house:
        with house.db.read() as tx:
            there = frozen_revisions(tx, asked)
        if not there:
            raise Refused(f"{asked} is not frozen: `overlev tertial {asked}` shows live figures.")
        found = directorate_report(
            house.db,
            asked,
            now=house.now(),
            threshold=house.settings.small_number_threshold,
            revision=revision if revision is not None else there[-1],
        )
        names = names_in(house.db, found)
    write(found if chosen == TABLE else exported(found, chosen, names), out)


@report.command("diff")
def diff(
    ctx: typer.Context,
    period: PeriodName,
    one: Annotated[int, typer.Option("--from", metavar="N")] = 1,
    other: Annotated[int | None, typer.Option("--to", metavar="N", help="Default: newest.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say what differs between two revisions, and which events arrived between them.

    Example: overlev report diff 2026-T3 --from 1 --to 2
    """
    from app.output import say, show_json
    from reports.explain import explained
    from reports.publish import frozen_revisions
    from reports.tertial import Period

    asked = Period.parse(period)
    with opened(ctx) as house, house.db.read() as tx:
        newest = (frozen_revisions(tx, asked) or [0])[-1]
        found = explained(
            tx,
            house.viewer,
            asked,
            one,
            other if other is not None else newest,
            threshold=house.settings.small_number_threshold,
        )
    if as_json:
        show_json(
            {
                "from": found.one,
                "to": found.other,
                "as_of": [_written(instant) for instant in found.as_of],
                "cells": [_plain(each) for each in found.cells],
                "arrived": found.arrived,
                "events": [_plain(each) for each in found.events],
            }
        )
        return
    say(f"{asked}: revision {found.one} against revision {found.other}")
    for each in found.cells:
        say(f"  {each}")
    say("arrived between them:")
    for event in found.events:
        say(f"  {event.recorded_at:%Y-%m-%d} {event.unit} {event.verb} of {event.local_on} "
            f"(case {event.case_ref})")  # fmt: skip


@report.command("remind")
def remind(
    ctx: typer.Context,
    after: Annotated[
        str, typer.Option("--after", metavar="ISO", help="Reminders that fell due after this.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Say which units are to be reminded now: those whose reminder fell due since an instant.

    Example: overlev report remind --after 2027-01-11T08:00
    """
    from app.output import say, show_json
    from core.clock import parse_instant
    from reports.waiting import reminders

    since = parse_instant(after, field="--after")
    with opened(ctx) as house, house.db.read() as tx:
        found = reminders(tx, after=since, until=house.now())
    if as_json:
        show_json([{**_plain(each), "period": str(each.period)} for each in found])
        return
    for each in found:
        say(f"{each.unit}: {each.period} is due {each.due_on}{' and late' if each.late else ''}")


@report.command("learn")
def learn(
    ctx: typer.Context,
    period: PeriodName,
    unit: UnitName,
    *,
    indicator: Annotated[
        str, typer.Option("--indicator", metavar="CODE", help="What is followed over time.")
    ] = "I13",
    charts: Annotated[
        Path | None, typer.Option("--charts", metavar="DIR", help="Write the charts there too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a unit's own staff where its cases fall out, and whether it changes by more than chance.

    Example: overlev report learn 2026-T3 bergen --indicator I11
    """
    from app.output import say, show_json
    from reports.own_unit import learned
    from reports.report import snapshot
    from reports.tertial import Period

    asked = Period.parse(period)
    with opened(ctx) as house:
        now = house.now()
        code = _code(house, unit, now)
        with snapshot(house.db) as tx:
            found = learned(tx, house.viewer, asked, code, now=now, indicator=indicator)
    if charts is not None:
        _draw(found, charts)
    if as_json:
        show_json({name: each for name, each in _plain(found).items() if name != "reports"})
        return
    for stage in found.funnel:
        say(f"{stage.name}: {stage.reached} of {stage.of}, {stage.lost} fell out")
    for point in found.control.points:
        value = "–" if point.value is None else f"{100 * point.value:.0f} %"
        say(f"{indicator} {point.period}: {value} of {point.denominator} {point.signal or ''}")
    if not found.control.enough:
        say("too few tertials to tell a change from chance")
    days = ", ".join(f"day {day}: {number}" for day, number in found.first_days.items())
    say(f"first appointments: {days or 'none'}; without: {found.without_appointment}")


def _draw(found: Learned, folder: Path) -> None:
    from reports import charts

    drawings = {
        "funnel": charts.funnel_chart(found.funnel, found.unit),
        "trend": charts.trend(found.indicator, found.over_time, found.unit),
        "control": charts.control_chart(found.indicator, found.control, found.unit),
        "days": charts.days_chart(found.first_days, found.without_appointment, found.unit),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings.items():
        (folder / f"{found.period}-{found.unit}-{name}.svg").write_bytes(drawing.svg)


def _frozen(ctx: typer.Context, period: str, verb: Any, *, as_json: bool) -> None:
    from app.output import note, say, show_json
    from reports.publish import frozen_kept
    from reports.tertial import Period

    asked = Period.parse(period)
    with opened(ctx) as house, deciding() as progress:
        found: Report = verb(
            house.db,
            house.viewer,
            asked,
            now=house.now(),
            threshold=house.settings.small_number_threshold,
            progress=progress,
        )
        with house.db.read() as tx:
            more = frozen_kept(tx, asked)[-1].more
    missing = list(more["missing"])
    if as_json:
        show_json(
            {
                "period": str(asked),
                "state": found.state,
                "revision": found.revision,
                "as_of": _written(found.as_of),
                "sha256": found.seal.sha256 if found.seal else None,
                "missing": missing,
                "not_accepted": list(more["not_accepted"]),
            }
        )
        return
    say(f"{asked} is frozen as revision {found.revision}: {found.seal and found.seal.sha256}")
    if missing:
        note(f"without a report, and named in it: {', '.join(missing)}")


def _read_experience(file: Path | None) -> Experience | None:
    import json

    from reports.experience import experience_from

    if file is None:
        return None
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as failed:
        raise BadInput(
            "unreadable", f"{file} cannot be read as JSON: check it", "--experience"
        ) from failed
    if not isinstance(read, dict):
        raise BadInput("bad_experience", f"{file} holds no questions", "--experience")
    return experience_from(read)


def _code(house: Installation, unit: str, now: datetime) -> str:
    from app.commands.units import unit_named

    with house.db.read() as tx:
        return unit_named(tx, unit, now=now)


def _tell_part(part: Part, *, as_json: bool) -> None:
    from app.output import say, show_json

    if as_json:
        show_json(_plain(part))
    else:
        say(f"{part.unit}: {part.state}, revision {part.revision}, {_written(part.as_of)}")


def _plain(value: Any) -> dict[str, Any]:
    return {name: _written(each) for name, each in asdict(value).items()}


def _written(value: Any) -> Any:
    from core.clock import iso_local

    if isinstance(value, datetime):
        return iso_local(value)
    return value.isoformat() if isinstance(value, date) else value


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(report, name="report", rich_help_panel=ENGINE)

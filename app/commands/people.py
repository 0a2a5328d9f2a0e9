"""`cases` and `case`: what is known, read and logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import EVERY_DAY, CaseCommand, InmateNo, Json, Ref, opened, ref_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cases.views import View


def list_cases(
    ctx: typer.Context,
    *,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="CODE", help="Only this unit.")
    ] = None,
    phase: Annotated[
        str | None,
        typer.Option("--phase", metavar="P", help="Only in_prison, follow_up or closed."),
    ] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only cases with an overdue task.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List cases, the earliest due first.

    Example: overlev cases --unit bergen --overdue
    """
    from app.output import show_json
    from cases import views

    with opened(ctx) as house:
        now = house.now()

        def read(tx: Connection) -> list[View]:
            from app.commands.units import unit_named

            code = unit_named(tx, unit, now=now) if unit is not None else None
            return views.list_cases(
                tx, house.viewer, now=now, unit=code, phase=phase, overdue=overdue
            )

        found = house.db.transact(read)
    late = [line.pop("overdue_tasks") for line in found]
    if as_json:
        show_json(found)
    else:
        _show_list(found, late)


def _show_list(found: list[View], late: list[int]) -> None:
    from app.output import say, show_table, spoken

    if not found:
        say("No case fits what was asked.")
        return
    show_table(
        ("innsattnr", "unit", "phase", "participation", "next task", "due", "overdue", "ref"),
        [
            (
                line["inmate_no"] or "slettet",
                line["unit"],
                line["phase"],
                line["participation"],
                line["next_task"] or "",
                spoken(line["next_due_at"]),
                str(count) if count else "",
                line["ref"],
            )
            for line, count in zip(found, late, strict=True)
        ],
        numbers=("overdue",),
    )
    behind = sum(1 for count in late if count)
    say(f"{len(found)} cases, {behind} with something overdue")


def show_case(
    ctx: typer.Context, inmate_no: InmateNo, ref: Ref = None, as_json: Json = False
) -> None:
    """Show one case, whole.

    Example: overlev case 101000
    """
    from cases import views

    with opened(ctx) as house:
        now = house.now()
        view = house.db.transact(
            lambda tx: views.read_case(tx, house.viewer, ref_of(tx, house, inmate_no, ref), now=now)
        )
    if as_json:
        from app.output import show_json

        show_json(view)
    else:
        from app.case_page import show_case_page

        show_case_page(view)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("cases", rich_help_panel=EVERY_DAY)(list_cases)
    app.command("case", rich_help_panel=EVERY_DAY, cls=CaseCommand)(show_case)

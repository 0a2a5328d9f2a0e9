"""`duplicates`: the same person under two inmate numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.opening import EVERY_DAY, Json, opened

if TYPE_CHECKING:
    from cases.duplicates import Proposal, Side

duplicates = typer.Typer(
    help="The same person under two inmate numbers: overlev duplicates list",
    no_args_is_help=True,
)

Number = Annotated[
    int,
    typer.Argument(metavar="ID", help="As `overlev duplicates list` shows it.", show_default=False),
]


@duplicates.command("list")
def list_duplicates(ctx: typer.Context, as_json: Json = False) -> None:
    """Find persons who may be one, and list all pairs that wait for a decision.

    Example: overlev duplicates list
    """
    from app.output import say, show_json, show_table
    from cases import duplicates as verbs

    with opened(ctx) as house:
        now = house.now()
        found = house.db.transact(lambda tx: verbs.find(tx, house.viewer, now=now))
    if as_json:
        show_json([_plain(each) for each in found])
    elif not found:
        say("Nobody waits for a decision.")
    else:
        show_table(
            ("id", "why", "kept", "name", "born", "other", "name", "born"),
            [(str(each.id), each.why, *_line(each.kept), *_line(each.other)) for each in found],
            numbers=("id",),
        )


@duplicates.command("propose")
def propose(
    ctx: typer.Context,
    one: Annotated[str, typer.Argument(metavar="INMATE_NO", show_default=False)],
    other: Annotated[str, typer.Argument(metavar="INMATE_NO", show_default=False)],
) -> None:
    """Say by hand that two persons are one; it still has to be decided.

    Example: overlev duplicates propose 101000 101001
    """
    from app.output import say
    from cases import duplicates as verbs
    from cases.queries import newest_ref

    with opened(ctx) as house:
        now = house.now()
        made = house.db.transact(
            lambda tx: verbs.propose(
                tx,
                house.viewer,
                newest_ref(tx, house.viewer, one, now=now),
                newest_ref(tx, house.viewer, other, now=now),
                now=now,
            )
        )
    say(f"proposal {made.id} waits for `overlev duplicates merge {made.id}` or reject")


@duplicates.command("merge")
def merge(ctx: typer.Context, number: Number) -> None:
    """Decide that the two are one: they are counted as one from now on.

    Example: overlev duplicates merge 1
    """
    _decide(ctx, number, "merge")


@duplicates.command("reject")
def reject(ctx: typer.Context, number: Number) -> None:
    """Decide that the two are two.

    Example: overlev duplicates reject 1
    """
    _decide(ctx, number, "reject")


@duplicates.command("undo")
def undo(ctx: typer.Context, number: Number) -> None:
    """Take a merger back: both are counted as before it.

    Example: overlev duplicates undo 1
    """
    from app.output import say
    from cases import duplicates as verbs

    with opened(ctx) as house:
        now = house.now()
        house.db.transact(lambda tx: verbs.undo(tx, house.viewer, number, now=now))
    say(f"merger {number} is undone")


def _decide(ctx: typer.Context, number: int, decision: str) -> None:
    from app.output import say
    from cases import duplicates as verbs

    with opened(ctx) as house:
        now = house.now()
        decided = house.db.transact(
            lambda tx: verbs.decide(tx, house.viewer, number, decision, now=now)
        )
    say(f"proposal {number} is {decided.state}")


def _line(side: Side) -> tuple[str, str, str]:
    who = side.identity
    if who is None:
        return ("slettet", "", "")
    return (who.inmate_no, who.name, who.born_on.isoformat() if who.born_on else "")


def _plain(each: Proposal) -> dict[str, Any]:
    from core.clock import iso_local

    return {
        "id": each.id,
        "why": each.why,
        "state": each.state,
        "proposed_at": iso_local(each.proposed_at),
        "kept": _plain_side(each.kept),
        "other": _plain_side(each.other),
    }


def _plain_side(side: Side) -> dict[str, Any]:
    number, name, born = _line(side)
    return {
        "inmate_no": number if side.identity is not None else None,
        "name": name or None,
        "born_on": born or None,
        "ref": side.case_ref,
        "unit": side.unit,
    }


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(duplicates, name="duplicates", rich_help_panel=EVERY_DAY)

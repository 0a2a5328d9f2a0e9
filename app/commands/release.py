"""Release dates, the release itself, closing, and transfers between units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import RELEASE, At, CaseCommand, InmateNo, Ref, change, instant_of, opened

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.model import Case


def release_date(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    date: Annotated[
        str,
        typer.Argument(
            metavar="DATE", help="Like 2026-12-01, or none to withdraw it.", show_default=False
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="K",
            help="confirmed, parole, home_detention, two_thirds or full_term.",
            show_default=False,
        ),
    ],
    ref: Ref = None,
) -> None:
    """Record a release date.

    Example: overlev release-date 101000 2026-12-01 --kind confirmed
    """
    from app.case_page import warn
    from app.output import say
    from cases import release as verbs
    from core.clock import parse_date

    on = None if date == "none" else parse_date(date, field="DATE")

    def set_date(tx: Connection, house: Installation, found: str) -> tuple[Case, datetime]:
        now = house.now()
        case = verbs.set_release_date(tx, house.viewer, found, on, kind=kind, now=now)
        return case, now

    case, now = change(ctx, inmate_no, ref, set_date)
    force = (
        f"{case.release_on} ({case.release_kind}) is in force"
        if case.release_on is not None
        else "no release date is known now"
    )
    say(f"{kind} {on or 'withdrawn'}; {force} · case {case.ref}")
    warn(case, now=now)


def release(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    at: At = None,
    to: Annotated[
        str,
        typer.Option("--to", metavar="WHERE", help="liberty, home_detention or deported."),
    ] = "liberty",
    unplanned: Annotated[
        str | None,
        typer.Option("--unplanned", metavar="REASON", help="court, fine_paid, appeal or other."),
    ] = None,
    ref: Ref = None,
) -> None:
    """Record the release itself.

    Example: overlev release 101000 --at 2026-12-01T09:30
    """
    from app.output import say
    from cases import release as verbs
    from core.clock import iso_local

    released_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.release(
            tx,
            house.viewer,
            found,
            now=house.now(),
            released_at=released_at,
            to=to,
            unplanned=unplanned,
        ),
    )
    when = iso_local(case.released_at) if case.released_at is not None else ""
    missed = [task.code for task in case.tasks if task.state == "missed"]
    beside = f"; missed: {', '.join(missed)}" if missed else ""
    say(f"released {when} to {to}, {_standing(case)}{beside} · case {case.ref}")


def undo_release(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="R",
            help="wrong_person, not_released or wrong_details.",
            show_default=False,
        ),
    ],
    ref: Ref = None,
) -> None:
    """Take back a release that was recorded wrongly.

    Example: overlev undo-release 101000 --reason wrong_person
    """
    from app.output import say
    from cases import release_undo as verbs

    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.undo_release(
            tx, house.viewer, found, reason, now=house.now()
        ),
    )
    force = f"release date {case.release_on}" if case.release_on else "no release date"
    say(f"release taken back: {_standing(case)}, {force} · case {case.ref}")


def close(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    reason: Annotated[
        str,
        typer.Argument(
            metavar="REASON",
            help="transferred_out, deported, died, reimprisoned or registered_in_error.",
            show_default=False,
        ),
    ],
    at: At = None,
    ref: Ref = None,
) -> None:
    """Close a case.

    Example: overlev close 101000 transferred_out
    """
    from app.output import say
    from cases import release as verbs

    closed_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.close(
            tx, house.viewer, found, reason, now=house.now(), closed_at=closed_at
        ),
    )
    say(f"{_standing(case)} · case {case.ref}")


def _standing(case: Case) -> str:
    return f"{case.phase} ({case.close_reason})" if case.close_reason else f"{case.phase}"


def transfer(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    unit: Annotated[
        str,
        typer.Argument(
            metavar="UNIT", help="The receiving unit: code, name or alias.", show_default=False
        ),
    ],
    ref: Ref = None,
) -> None:
    """Propose a transfer to another unit.

    Example: overlev transfer 101000 trondheim
    """
    from app.output import say
    from cases import transfers

    def propose(tx: Connection, house: Installation, found: str) -> Case:
        from app.commands.units import unit_named

        now = house.now()
        code = unit_named(tx, unit, now=now)
        return transfers.propose_transfer(tx, house.viewer, found, code, now=now)

    case = change(ctx, inmate_no, ref, propose)
    waiting = case.open_transfer
    if waiting is None:  # the verb has just made it
        raise AssertionError
    say(
        f"transfer {waiting.id} from {waiting.from_unit} to {waiting.to_unit} proposed"
        f" · case {case.ref}"
    )


def transfer_answer(
    ctx: typer.Context,
    *,
    transfer_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="As `overlev case` shows it.", show_default=False),
    ],
    answer: Annotated[
        str,
        typer.Argument(metavar="ANSWER", help="accept, reject or revoke.", show_default=False),
    ],
) -> None:
    """Answer a proposed transfer.

    Example: overlev transfer-answer q7x2mfd3ka accept
    """
    from app.output import say
    from cases import transfers

    with opened(ctx) as house:
        case = house.db.transact(
            lambda tx: transfers.answer_transfer(
                tx, house.viewer, transfer_id, answer, now=house.now()
            )
        )
    state = next(each.state for each in case.transfers if each.id == transfer_id)
    say(f"transfer {transfer_id} {state}; the case is in {case.unit} · case {case.ref}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (
        ("release-date", release_date),
        ("release", release),
        ("undo-release", undo_release),
        ("close", close),
        ("transfer", transfer),
    ):
        app.command(name, rich_help_panel=RELEASE, cls=CaseCommand)(command)
    app.command("transfer-answer", rich_help_panel=RELEASE)(transfer_answer)

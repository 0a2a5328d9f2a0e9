"""The short form of an unplanned release, leave, and address protection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import (
    EVERY_DAY,
    RELEASE,
    At,
    CaseCommand,
    InmateNo,
    Json,
    Ref,
    change,
    instant_of,
    one_of,
    opened,
)

if TYPE_CHECKING:
    from cases.model import Case

leave = typer.Typer(
    help="Leave and other absences: overlev leave record 101000 leave --from 2026-12-01",
    no_args_is_help=True,
)
protection = typer.Typer(
    help="Address protection: overlev protection set 101000 STRENGT_FORTROLIG",
    no_args_is_help=True,
)

Number = Annotated[
    int,
    typer.Argument(metavar="NUMBER", help="As `overlev case` shows it.", show_default=False),
]
Username = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]


def short_form(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    reason: Annotated[
        str,
        typer.Argument(
            metavar="REASON", help="court, fine_paid, appeal or other.", show_default=False
        ),
    ],
    at: At = None,
    to: Annotated[
        str, typer.Option("--to", metavar="WHERE", help="liberty, home_detention or deported.")
    ] = "liberty",
    risk_talk: Annotated[bool, typer.Option("--risk-talk", help="The risk was talked of.")] = False,
    signs: Annotated[bool, typer.Option("--signs", help="Signs of overdose, and 113.")] = False,
    spray: Annotated[bool, typer.Option("--spray", help="A spray was given.")] = False,
    training: Annotated[bool, typer.Option("--training", help="A short training in it.")] = False,
    card: Annotated[bool, typer.Option("--card", help="The card was given.")] = False,
    call: Annotated[
        str | None, typer.Option("--call", metavar="ISO", help="The call that was booked.")
    ] = None,
    call_with: Annotated[
        str | None, typer.Option("--call-with", metavar="NAME", help="Who calls.")
    ] = None,
    call_phone: Annotated[
        str | None, typer.Option("--call-phone", metavar="NO", help="The number on the card.")
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option("--share", metavar="WHOM=YES|NO", help="health, nav or municipality."),
    ] = None,
    accepted: Annotated[
        bool | None,
        typer.Option("--accepted/--declined", help="The answer to the offer, asked just then."),
    ] = None,
    held_at: Annotated[
        str | None,
        typer.Option("--held-at", metavar="ISO", help="When the form was gone through."),
    ] = None,
    ref: Ref = None,
) -> None:
    """Record an unplanned release with its short form: what is not said was not done.

    Example: overlev short-form 101000 court --risk-talk --signs --spray --training --card
    """
    from app.output import say
    from cases import short_form as verbs
    from core.clock import iso_local

    form = verbs.ShortForm(
        risk_talk=risk_talk,
        signs_and_113=signs,
        spray=spray,
        short_training=training,
        card=card,
        call_booked_at=instant_of(call),
        call_with=call_with,
        call_phone=call_phone,
        sharing=dict(_shared(each) for each in share or ()),
        accepted=accepted,
        held_at=instant_of(held_at),
    )
    released_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.release_unplanned(
            tx,
            house.viewer,
            found,
            reason,
            form,
            now=house.now(),
            released_at=released_at,
            to=to,
        ),
    )
    done = [task.code for task in case.tasks if task.counts_as_done]
    when = iso_local(case.released_at) if case.released_at is not None else ""
    say(
        f"released {when} ({case.unplanned}), {case.phase}; done: {', '.join(done) or 'nothing'}"
        f" · case {case.ref}"
    )


def _shared(text: str) -> tuple[str, bool]:
    whom, _, answer = text.partition("=")
    one_of(answer, ("yes", "no"), "--share WHOM")
    return whom.strip(), answer == "yes"


@leave.command("record", cls=CaseCommand)
def record(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="leave, treatment_12 or halfway_house.", show_default=False
        ),
    ],
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day.", show_default=False)
    ],
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The last day, if it is known.")
    ] = None,
    ref: Ref = None,
) -> None:
    """Record a leave, a treatment under § 12 or a stay in a halfway house.

    Example: overlev leave record 101000 leave --from 2026-12-01 --to 2026-12-03
    """
    from cases import leave as verbs
    from core.clock import parse_date

    from_on = parse_date(first, field="--from")
    to_on = parse_date(last, field="--to") if last is not None else None
    _say_absences(
        change(
            ctx,
            inmate_no,
            ref,
            lambda tx, house, found: verbs.record_leave(
                tx, house.viewer, found, kind, from_on=from_on, to_on=to_on, now=house.now()
            ),
        )
    )


@leave.command("inform", cls=CaseCommand)
def inform(
    ctx: typer.Context, *, inmate_no: InmateNo, number: Number, at: At = None, ref: Ref = None
) -> None:
    """Record that the brief information was given again before an absence.

    Example: overlev leave inform 101000 1
    """
    from cases import leave as verbs

    happened_at = instant_of(at)
    _say_absences(
        change(
            ctx,
            inmate_no,
            ref,
            lambda tx, house, found: verbs.inform_again(
                tx, house.viewer, found, number, now=house.now(), happened_at=happened_at
            ),
        )
    )


@leave.command("cancel", cls=CaseCommand)
def cancel(ctx: typer.Context, *, inmate_no: InmateNo, number: Number, ref: Ref = None) -> None:
    """Say that an absence does not take place.

    Example: overlev leave cancel 101000 1
    """
    from cases import leave as verbs

    _say_absences(
        change(
            ctx,
            inmate_no,
            ref,
            lambda tx, house, found: verbs.cancel_leave(
                tx, house.viewer, found, number, now=house.now()
            ),
        )
    )


def _say_absences(case: Case) -> None:
    from app.output import say

    for each in case.absences:
        state = (
            "cancelled"
            if each.cancelled_at is not None
            else "informed again"
            if each.informed_at is not None
            else "not informed again yet"
        )
        say(f"{each.seq} {each.kind} {each.from_on} to {each.to_on or '?'}: {state}")
    say(f"case {case.ref}")


@protection.command("set", cls=CaseCommand)
def set_protection(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE",
            help="UGRADERT, FORTROLIG, STRENGT_FORTROLIG or STRENGT_FORTROLIG_UTLAND.",
            show_default=False,
        ),
    ],
    ref: Ref = None,
) -> None:
    """Record a person's address protection.

    Example: overlev protection set 101000 STRENGT_FORTROLIG
    """
    from app.output import say
    from cases import protection as verbs

    to = code.strip().upper()
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.set_protection(tx, house.viewer, found, to, now=house.now()),
    )
    say(f"protection {case.protection} · case {case.ref}")


@protection.command("name", cls=CaseCommand)
def name_user(
    ctx: typer.Context, *, inmate_no: InmateNo, username: Username, ref: Ref = None
) -> None:
    """Name a user who may see a person under kode 6.

    Example: overlev protection name 101000 kari
    """
    from app.output import say
    from cases import protection as verbs

    change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.grant(tx, house.viewer, found, username, now=house.now()),
    )
    say(f"{username.strip().lower()} is named")


@protection.command("unname", cls=CaseCommand)
def unname_user(
    ctx: typer.Context, *, inmate_no: InmateNo, username: Username, ref: Ref = None
) -> None:
    """Take a named user off again.

    Example: overlev protection unname 101000 kari
    """
    from app.output import say
    from cases import protection as verbs

    change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: verbs.revoke(tx, house.viewer, found, username, now=house.now()),
    )
    say(f"{username.strip().lower()} is named no longer")


@protection.command("list")
def list_protected(ctx: typer.Context, as_json: Json = False) -> None:
    """List the open cases under kode 6, those for whom nobody is named first.

    Example: overlev protection list
    """
    from dataclasses import asdict

    from app.output import show_json, show_table
    from cases.protection import protected_cases

    with opened(ctx) as house:
        found = house.db.transact(lambda tx: protected_cases(tx, house.viewer, now=house.now()))
    if as_json:
        show_json([asdict(each) | {"admitted_on": str(each.admitted_on)} for each in found])
        return
    show_table(
        ("case", "unit", "admitted", "named"),
        [(each.ref, each.unit, str(each.admitted_on), str(each.named)) for each in found],
    )


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("short-form", rich_help_panel=RELEASE, cls=CaseCommand)(short_form)
    app.add_typer(leave, name="leave", rich_help_panel=RELEASE)
    app.add_typer(protection, name="protection", rich_help_panel=EVERY_DAY)

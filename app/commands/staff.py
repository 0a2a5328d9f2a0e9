"""Accounts of staff, and tokens of other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import STAFF, Json, instant_of, opened
from core.clock import system_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from app.installation import Installation

user = typer.Typer(
    help="Accounts of staff: overlev user add kari --role officer --unit bergen",
)
token = typer.Typer(
    help="Tokens of other systems: overlev token add --role coordinator --unit bergen",
)

Role = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="R",
        help="health, officer, coordinator, unit_lead, health_lead, directorate or admin.",
        show_default=False,
    ),
]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="CODE", help="A unit of it; may be given again."),
]
Username = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]


@user.command("add")
def add_user(
    ctx: typer.Context,
    *,
    username: Username,
    role: Role,
    unit: Units = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="As colleagues see it.")
    ] = None,
) -> None:
    """Make an account; its password is printed once.

    Example: overlev user add kari --role admin
    """
    from app.output import note, say
    from cases import accounts

    with opened(ctx) as house:
        now = house.now()
        password = accounts.new_password()

        def make(tx: Connection) -> str:
            units = _codes(tx, unit or (), now)
            made = accounts.add(tx, username, name or "", role, units, password=password, now=now)
            audited(tx, house, "user_added", now=now)
            return made

        ref = house.db.transact(make)
    say(f"account {username.strip().lower()} ({role}) made · {ref}")
    say(f"password: {password}")
    note("The password is shown this once: hand it over in person.")


@user.command("list")
def list_users(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List the accounts: role and units today, and since when one is disabled.

    Example: overlev user list
    """
    from app.output import show_json, show_table, spoken
    from cases import staff
    from core.clock import iso_local

    with opened(ctx) as house, house.db.read() as tx:
        found = staff.members(tx, house.viewer, now=house.now())
    if as_json:
        show_json(
            [
                {
                    "username": each.username,
                    "name": each.name,
                    "role": each.role,
                    "units": list(each.units),
                    "disabled_at": iso_local(each.disabled_at) if each.disabled_at else None,
                }
                for each in found
            ]
        )
        return
    show_table(
        ("username", "name", "role", "units", "disabled"),
        [
            (
                each.username,
                each.name,
                each.role or "",
                ", ".join(each.units),
                spoken(each.disabled_at),
            )
            for each in found
        ],
    )


@user.command("contact")
def contact(
    ctx: typer.Context,
    username: Username,
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="NO", help='For digests; "" takes it out.')
    ] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="ADDRESS", help="The second path of digests.")
    ] = None,
) -> None:
    """Note where digests go; the number is sealed.

    Example: overlev user contact kari --phone 99900000 --email kari@example.org
    """
    from app.output import say
    from cases import staff_contact

    with opened(ctx) as house:
        now = house.now()

        def note(tx: Connection) -> None:
            staff_contact.set_contact(tx, username, phone=phone, email=email)
            audited(tx, house, "user_contact", now=now)

        house.db.transact(note)
    say(f"{username}: noted")


@user.command("away")
def away(
    ctx: typer.Context,
    username: Username,
    until: Annotated[
        str, typer.Argument(metavar="UNTIL", help="A date, or `none`: back.", show_default=False)
    ],
    deputy: Annotated[
        str | None, typer.Option("--deputy", metavar="USERNAME", help="Who stands in.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Now, if left out.")
    ] = None,
) -> None:
    """Note until when somebody is away, and who gets their digests meanwhile.

    Example: overlev user away kari 2026-12-20 --deputy ola
    """
    from datetime import time

    from app.output import say
    from cases import staff_contact
    from core.clock import from_local, parse_date

    def midnight(text: str, field: str) -> datetime:
        return from_local(parse_date(text, field=field), time())

    with opened(ctx) as house:
        from_at = midnight(begin, "--from") if begin is not None else None
        until_at = None if until == "none" else midnight(until, "UNTIL")
        now = house.now()

        def note(tx: Connection) -> None:
            staff_contact.set_away(tx, username, from_at=from_at, until=until_at, deputy=deputy)
            audited(tx, house, "user_away", now=now)

        house.db.transact(note)
    say(f"{username}: {'back' if until_at is None else f'away until {until}'}")


@user.command("disable")
def disable_user(ctx: typer.Context, username: Username) -> None:
    """Shut an account; what it did stays.

    Example: overlev user disable kari
    """
    from app.output import say
    from cases import accounts

    with opened(ctx) as house:
        now = house.now()

        def shut(tx: Connection) -> None:
            accounts.disable(tx, username, now=now)
            audited(tx, house, "user_disabled", now=now)

        house.db.transact(shut)
    say(f"account {username.strip().lower()} disabled")


@user.command("reset")
def reset_user(ctx: typer.Context, username: Username) -> None:
    """Give an account a new password, printed once; whoever is signed in with it is out.

    Example: overlev user reset kari
    """
    from app.output import note, say
    from cases import accounts, signing_in

    with opened(ctx) as house:
        now = house.now()

        def reset(tx: Connection) -> str:
            password = accounts.reset_password(tx, username)
            signing_in.shut_out(tx, username, now=now)
            audited(tx, house, "user_reset", now=now)
            return password

        password = house.db.transact(reset)
    say(f"password: {password}")
    note("The password is shown this once: hand it over in person.")


@user.command("invite")
def invite_user(ctx: typer.Context, username: Username) -> None:
    """Print a link for somebody's first sign-in, good once within seven days.

    Example: overlev user invite kari

    Its address is OVERLEV_PUBLIC_URL, else that of the `overlev up` on this folder; where neither
    is known, put the address of the pages before what is printed.
    """
    from app.output import note, say
    from app.up import address_of
    from cases import signing_in

    with opened(ctx) as house:
        now = house.now()

        def invite(tx: Connection) -> str:
            # By the real clock, like every sign-in: a frozen demo would print links of last year.
            secret = signing_in.invite(tx, username, now=system_now())
            audited(tx, house, "user_invited", now=now)
            return secret

        secret = house.db.transact(invite)
        address = house.settings.public_url or address_of(house.folder.path)
    say(f"{address or ''}/invitation/{secret}")
    if address is None:
        note(
            "Put the address of the pages before it: OVERLEV_PUBLIC_URL is not set, and no"
            " `overlev up` runs on this folder."
        )
    note("The link is shown this once: hand it over in person, or by a way you trust.")


@token.command("add")
def add_token(
    ctx: typer.Context,
    *,
    role: Role,
    unit: Units = None,
    label: Annotated[
        str, typer.Option("--label", metavar="TEXT", help="What it is for.")
    ] = "token",
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Whose it is: it ends with the account."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="ISO", help="When it ends by itself.")
    ] = None,
) -> None:
    """Make a token, printed once.

    Example: overlev token add --role coordinator --unit bergen
    """
    from app.output import note, say
    from cases import tokens

    until = instant_of(expires)
    with opened(ctx) as house:
        now = house.now()

        def make(tx: Connection) -> str:
            units = _codes(tx, unit or (), now)
            made = tokens.add_token(
                tx, label, role, units, now=now, expires_at=until, username=user
            )
            audited(tx, house, "token_added", now=now)
            return made

        made = house.db.transact(make)
    say(made)
    note("The token is shown this once: only its hash is kept.")


@token.command("list")
def list_tokens(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the tokens that are good: what for, whose, role and units, until when, last used.

    Example: overlev token list --all
    """
    from app.output import show_json, show_table, spoken
    from cases import tokens
    from core.clock import iso_local

    def iso(instant: datetime | None) -> str | None:
        return iso_local(instant) if instant is not None else None

    with opened(ctx) as house, house.db.read() as tx:
        now = house.now()
        used = tokens.last_used(tx)
        found = [each for each in tokens.list_tokens(tx) if every or each.state(now) == "good"]
    if as_json:
        show_json(
            [
                {
                    "id": each.id,
                    "label": each.label,
                    "role": each.role,
                    "units": list(each.units),
                    "user": each.username,
                    "state": each.state(now),
                    "made_at": iso(each.made_at),
                    "expires_at": iso(each.expires_at),
                    "last_used_at": iso(used.get(each.id)),
                }
                for each in found
            ]
        )
        return
    show_table(
        ("id", "label", "role", "units", "user", "state", "made", "expires", "last used"),
        [
            (
                str(each.id),
                each.label,
                each.role,
                ", ".join(each.units),
                each.username or "",
                each.state(now),
                spoken(each.made_at),
                spoken(each.expires_at),
                spoken(used.get(each.id)),
            )
            for each in found
        ],
    )


@token.command("revoke")
def revoke_token(
    ctx: typer.Context,
    label: Annotated[str, typer.Argument(metavar="LABEL", show_default=False)],
) -> None:
    """End every token of this label at once.

    Example: overlev token revoke roster-system
    """
    from app.output import say
    from cases import tokens

    with opened(ctx) as house:
        now = house.now()

        def end(tx: Connection) -> int:
            ended = tokens.revoke_label(tx, label, now=now)
            audited(tx, house, "token_revoked", now=now)
            return ended

        ended = house.db.transact(end)
    say(f"tokens revoked: {ended}")


def audited(tx: Connection, house: Installation, verb: str, *, now: datetime) -> None:
    """Write into the access log what the operator did to the installation itself."""
    from cases.journal import SYSTEM_SCOPE, AccessRow, append

    by = house.viewer
    append(tx, [AccessRow(SYSTEM_SCOPE, now, by.account, by.role.value, verb)], now=now)


def _codes(tx: Connection, units: Sequence[str], now: datetime) -> list[str]:
    from app.commands.units import unit_named

    return [unit_named(tx, each, now=now) for each in units]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(user, name="user", rich_help_panel=STAFF)
    app.add_typer(token, name="token", rich_help_panel=STAFF)

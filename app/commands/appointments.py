"""Appointments: booking one, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import RELEASE, At, CaseCommand, InmateNo, Ref, change, instant_of, opened

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.model import Appointment, Case


def appointment(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="GP, OAT, SPECIALIST_ADDICTION, MUNICIPAL_ADDICTION, NAV, HOUSING, DENTIST,"
            " PROBATION, PEER_OR_MENTOR, NALOXONE_OUTLET or OTHER.",
            show_default=False,
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", metavar="ISO", help="When it begins.", show_default=False)
    ],
    whom: Annotated[
        str, typer.Option("--with", metavar="NAME", help="With whom.", show_default=False)
    ],
    place: Annotated[
        str, typer.Option("--place", metavar="TEXT", help="Where.", show_default=False)
    ],
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="NO", help="The contact's phone.")
    ] = None,
    status: Annotated[
        str, typer.Option("--status", metavar="S", help="requested or confirmed.")
    ] = "requested",
    ref: Ref = None,
) -> None:
    """Book an appointment.

    Example: overlev appointment 101000 NAV --at 2026-12-02T10:00 --with NAV --place X

    Its number, which `outcome` asks for, is printed.
    """
    from app.case_page import warn
    from app.output import say
    from cases import appointments, queries
    from core.clock import iso_local, parse_instant

    booking = appointments.Booking(
        kind=kind.strip().upper(),
        starts_at=parse_instant(at, field="--at"),
        with_whom=whom,
        place=place,
        phone=phone,
        status=status,
    )

    def book(tx: Connection, house: Installation, found: str) -> tuple[Case, Appointment, datetime]:
        now = house.now()
        before = queries.case_by_ref(tx, house.viewer, found)
        known = {each.id for each in before.appointments}
        case = appointments.book(tx, house.viewer, found, booking, now=now)
        return case, next(each for each in case.appointments if each.id not in known), now

    case, booked, now = change(ctx, inmate_no, ref, book)
    say(
        f"appointment {booked.id} {booked.kind} {iso_local(booked.starts_at)} {booked.status}"
        f" · case {case.ref}"
    )
    warn(case, now=now)


def outcome(
    ctx: typer.Context,
    *,
    appointment_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="As `overlev case` shows it.", show_default=False),
    ],
    status: Annotated[
        str,
        typer.Argument(
            metavar="STATUS",
            help="confirmed, attended, no_show, cancelled, moved or unknown.",
            show_default=False,
        ),
    ],
    at: At = None,
) -> None:
    """Say how an appointment went.

    Example: overlev outcome q7x2mfd3ka attended
    """
    from app.output import say
    from cases import appointments

    happened_at = instant_of(at)
    with opened(ctx) as house:
        case = house.db.transact(
            lambda tx: appointments.record_outcome(
                tx,
                house.viewer,
                appointment_id,
                status,
                now=house.now(),
                happened_at=happened_at,
            )
        )
    say(f"appointment {appointment_id} {status} · case {case.ref}")


def appointment_move(
    ctx: typer.Context,
    *,
    appointment_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="As `overlev case` shows it.", show_default=False),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="ISO", help="When it begins now.", show_default=False)
    ],
    whom: Annotated[
        str | None, typer.Option("--with", metavar="NAME", help="With whom, if that changes.")
    ] = None,
    place: Annotated[
        str | None, typer.Option("--place", metavar="TEXT", help="Where, if that changes.")
    ] = None,
    phone: Annotated[
        str | None,
        typer.Option("--phone", metavar="NO", help="The contact's phone, if it changes."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="requested or confirmed; else as it was."),
    ] = None,
    at: At = None,
) -> None:
    """Move an appointment to another time.

    Example: overlev appointment-move q7x2mfd3ka --to 2026-12-03T10:00

    The old one becomes moved; the new one's number is printed.
    """
    from app.case_page import warn
    from app.output import say
    from cases import appointments
    from core.clock import iso_local, parse_instant

    starts_at = parse_instant(to, field="--to")
    happened_at = instant_of(at)
    with opened(ctx) as house:
        now = house.now()
        case = house.db.transact(
            lambda tx: appointments.move(
                tx,
                house.viewer,
                appointment_id,
                starts_at,
                now=now,
                happened_at=happened_at,
                with_whom=whom,
                place=place,
                phone=phone,
                status=status,
            )
        )
    moved = next(each for each in case.appointments if each.moved_from == appointment_id)
    say(
        f"appointment {moved.id} {moved.kind} {iso_local(moved.starts_at)} {moved.status},"
        f" moved from {appointment_id} · case {case.ref}"
    )
    warn(case, now=now)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("appointment", rich_help_panel=RELEASE, cls=CaseCommand)(appointment)
    app.command("outcome", rich_help_panel=RELEASE)(outcome)
    app.command("appointment-move", rich_help_panel=RELEASE)(appointment_move)

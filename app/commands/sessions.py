"""Group sessions: planning one, its list, and who was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import TASKS, instant_of, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from app.installation import Installation
    from cases.session_rows import Session

session = typer.Typer(
    help="Group sessions: overlev session plan bergen talk_held --at 2026-12-01T10:00",
    no_args_is_help=True,
)

SessionRef = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="As `session plan` prints it.", show_default=False),
]
InmateNos = Annotated[
    list[str],
    typer.Argument(metavar="INMATE_NO...", help="Each person's newest case.", show_default=False),
]
InmateNo = Annotated[str, typer.Argument(metavar="INMATE_NO", show_default=False)]


@session.command("plan")
def plan(
    ctx: typer.Context,
    *,
    unit: Annotated[
        str, typer.Argument(metavar="UNIT", help="Code, name or alias.", show_default=False)
    ],
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="What it is for: brief_info, naloxone_training, talk_held …",
            show_default=False,
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", metavar="ISO", help="When it begins.", show_default=False)
    ],
    leader: Annotated[
        str | None, typer.Option("--leader", metavar="NAME", help="Who leads it.")
    ] = None,
    place: Annotated[str | None, typer.Option("--place", metavar="TEXT", help="Where.")] = None,
    capacity: Annotated[
        int | None, typer.Option("--capacity", metavar="N", help="How many places it has.")
    ] = None,
    minutes: Annotated[int, typer.Option("--minutes", metavar="N", help="How long it lasts.")] = 60,
) -> None:
    """Plan a session; its number, which the other commands ask for, is printed.

    Example: overlev session plan bergen talk_held --at 2026-12-01T10:00 --capacity 8
    """
    from app.commands.units import unit_named
    from cases import sessions
    from core.clock import parse_instant

    starts_at = parse_instant(at, field="--at")

    def make(tx: Connection, house: Installation) -> Session:
        now = house.now()
        return sessions.plan_session(
            tx,
            house.viewer,
            unit_named(tx, unit, now=now),
            task,
            starts_at,
            now=now,
            leader=leader,
            place=place,
            capacity=capacity,
            minutes=minutes,
        )

    _say(_change(ctx, make))


@session.command("add")
def add(ctx: typer.Context, *, session_ref: SessionRef, inmate_nos: InmateNos) -> None:
    """Put people on the list of a planned session.

    Example: overlev session add q7x2mfd3ka 101000 101001
    """
    from cases import sessions

    _say(
        _change(
            ctx,
            lambda tx, house: sessions.add_cases(
                tx, house.viewer, session_ref, _refs(tx, house, inmate_nos), now=house.now()
            ),
        )
    )


@session.command("remove")
def remove(ctx: typer.Context, *, session_ref: SessionRef, inmate_no: InmateNo) -> None:
    """Take somebody off the list of a planned session.

    Example: overlev session remove q7x2mfd3ka 101000
    """
    from cases import sessions

    def take_off(tx: Connection, house: Installation) -> Session:
        (ref,) = _refs(tx, house, [inmate_no])
        return sessions.remove_case(tx, house.viewer, session_ref, ref, now=house.now())

    _say(_change(ctx, take_off))


@session.command("hold")
def hold(
    ctx: typer.Context,
    *,
    session_ref: SessionRef,
    present: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INMATE_NO...]", help="Who was there.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="ISO", help="When it was held; at the planned time, if left out."
        ),
    ] = None,
) -> None:
    """Enter who was there: their task is done, the others stay open.

    Example: overlev session hold q7x2mfd3ka 101000 101001
    """
    from app.output import say
    from cases import attendance

    held_at = instant_of(at)
    with opened(ctx) as house:
        held = house.db.transact(
            lambda tx: attendance.hold(
                tx,
                house.viewer,
                session_ref,
                _refs(tx, house, present or []),
                now=house.now(),
                held_at=held_at,
            )
        )
    _say(held.session)
    for ref, state in held.skipped.items():
        say(f"case {ref}: {state} before")


@session.command("correct")
def correct(
    ctx: typer.Context,
    *,
    session_ref: SessionRef,
    inmate_no: InmateNo,
    attended: Annotated[
        str,
        typer.Argument(metavar="ATTENDED", help="present or absent.", show_default=False),
    ],
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", metavar="R", help="Of absent: wrong_person, wrong_task or not_done."
        ),
    ] = None,
) -> None:
    """Put one person right after the session.

    Example: overlev session correct q7x2mfd3ka 101000 absent --reason wrong_person
    """
    from cases import attendance

    def put_right(tx: Connection, house: Installation) -> Session:
        (ref,) = _refs(tx, house, [inmate_no])
        return attendance.correct(
            tx, house.viewer, session_ref, ref, attended, now=house.now(), reason=reason
        )

    _say(_change(ctx, put_right))


@session.command("cancel")
def cancel(ctx: typer.Context, *, session_ref: SessionRef) -> None:
    """Call a planned session off.

    Example: overlev session cancel q7x2mfd3ka
    """
    from cases import sessions

    _say(
        _change(
            ctx,
            lambda tx, house: sessions.cancel_session(
                tx, house.viewer, session_ref, now=house.now()
            ),
        )
    )


@session.command("show")
def show(ctx: typer.Context, *, session_ref: SessionRef) -> None:
    """Show a session and its list.

    Example: overlev session show q7x2mfd3ka
    """
    from app.output import say
    from cases import sessions

    found = _change(
        ctx, lambda tx, house: sessions.read_session(tx, house.viewer, session_ref, now=house.now())
    )
    _say(found)
    for each in found.attendance:
        say(f"case {each.case_ref}: {each.state}")


def _change(ctx: typer.Context, verb: Callable[[Connection, Installation], Session]) -> Session:
    with opened(ctx) as house:
        return house.db.transact(lambda tx: verb(tx, house))


def _refs(tx: Connection, house: Installation, inmate_nos: Sequence[str]) -> list[str]:
    from cases.queries import newest_ref

    return [newest_ref(tx, house.viewer, each, now=house.now()) for each in inmate_nos]


def _say(found: Session) -> None:
    from collections import Counter

    from app.output import say
    from core.clock import iso_local

    places = f" of {found.capacity}" if found.capacity is not None else ""
    counts = Counter(each.state.value for each in found.attendance)
    people = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    say(
        f"session {found.ref} {found.state}: {found.task} in {found.unit} at "
        f"{iso_local(found.held_at or found.starts_at)}; {people or 'nobody on the list'}{places}"
    )


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(session, name="session", rich_help_panel=TASKS)

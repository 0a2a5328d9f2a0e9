"""Running the service: all of it on one machine, or one part of it on one of many."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.commands.opening import HOUSE, globals_of, opened, settings_of
from core.errors import BadInput, UnsafeSettings

if TYPE_CHECKING:
    from cases.installation import Installation
    from core.settings import Settings

CASES_OF_UP: Final = 300
"""Of a demo that `up` makes on its first start."""

SEED_OF_UP: Final = 1

Port = Annotated[
    int, typer.Option("--port", metavar="N", help="Where it listens.", min=1, max=65535)
]


def migrate(ctx: typer.Context) -> None:
    """Bring the databases to this version's schema.

    Example: overlev migrate
    """
    from app.installation import known_schemas, schema_of
    from app.output import say

    with opened(ctx, any_schema=True) as house:
        before = schema_of(house.db)
        bring_up_to_date(house)
    now = known_schemas()[-1]
    say(f"schema {now}" + (", as before" if before == now else f", was {before}"))


def bring_up_to_date(house: Installation) -> None:
    """Give the database the schema and the packages of this version."""
    from app.installation import known_schemas, refuse_no_schema, schema_of
    from cases.registry import register_national

    stands_at = schema_of(house.db)
    refuse_no_schema(stands_at)
    if stands_at != known_schemas()[-1]:
        from app.migrate import migrate as bring

        bring(house.db)
    house.db.transact(lambda tx: register_national(tx, now=house.now()))


def up(
    ctx: typer.Context,
    *,
    port: Port = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="With a demo folder of its own.")] = False,
) -> None:
    """Migrate and start everything, until it is stopped.

    Example: overlev up --demo

    The web, Prefect's server (or the one that PREFECT_API_URL names) and a worker, each a process
    that is started again when it dies.
    """
    from app.up import only_one, take_over
    from core.folder import DataFolder, refuse_root_elsewhere

    if globals_of(ctx).now is not None:
        raise BadInput(
            "now_and_up", "`up` runs by the real clock: leave --now out, or run commands.", "--now"
        )
    settings = settings_of(ctx)
    if demo and globals_of(ctx).data is None:
        # Invented people never share a folder with real ones.
        beside = settings.data.with_name(f"{settings.data.name}-demo")
        settings = settings.model_copy(update={"data": beside})
    # The parts read the environment; an address or folder of the command line goes before it.
    os.environ["OVERLEV_DATA"] = str(settings.data)
    # The port first: nothing is made, and nobody waits, for a start that cannot be. Before it only
    # whether it is this very folder's `up` that has the port.
    if DataFolder.exists(settings.data):
        refuse_root_elsewhere(settings.data)  # the lock alone would shut its owner out
        with only_one(settings.data):
            _refuse_taken(port)
            _prepare(settings, demo=demo)
    else:
        _refuse_taken(port)
        _make(settings, demo=demo)
    take_over(settings.data, port, settings.web_processes, _to_come(settings))


def _refuse_taken(port: int) -> None:
    from app.up import asked_prefect_port, listening

    with listening(port):
        asked_prefect_port()


def _prepare(settings: Settings, *, demo: bool) -> None:
    """What is there already: opened, checked and brought up to date."""
    from app.demo.password import kept, say_who_may_sign_in
    from app.installation import open_installation
    from app.output import note
    from cases.sending import sender_of

    with open_installation(settings, any_schema=True) as house:
        if demo and not house.folder.demo:
            raise UnsafeSettings(f"{house.folder.path} is no demo folder: leave --demo out")
        # What the worker would refuse, again and again, while the pages look well.
        sender_of(house, sys.stderr)
        note(f"Going on with {house.folder.path}")
        bring_up_to_date(house)
        if house.folder.demo and (password := kept(house.folder.path)) is not None:
            say_who_may_sign_in(password)


def _make(settings: Settings, *, demo: bool) -> None:
    from app.commands.house import make
    from app.demo.pending import put_mark
    from cases.sending import refuse_without_callbacks

    refuse_without_callbacks(settings, demo=demo)
    with make(settings, demo=demo) as house:
        if demo:
            put_mark(house.folder.path)


def _to_come(settings: Settings) -> tuple[str, ...]:
    """How the demo's cases are made, where they are still to be."""
    from app.demo.pending import put_mark, to_come

    if not to_come(settings.data):
        return ()
    put_mark(settings.data)
    return ("-m", "app.demo.later", str(CASES_OF_UP), str(SEED_OF_UP))


def web(
    ctx: typer.Context,
    *,
    port: Port = 8000,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Of this machine.")
    ] = "127.0.0.1",
    fd: Annotated[
        int | None, typer.Option("--fd", metavar="N", help="A socket that listens.", hidden=True)
    ] = None,
) -> None:
    """Serve the pages and the HTTP interface, until it is stopped.

    Example: overlev web --host 10.0.0.5 --port 8000

    One of several such processes, behind a proxy that speaks https.
    """
    from app.serving import serve_web
    from core.alone import among_others
    from core.log import set_up_logging
    from core.parent import end_with_parent, is_child

    set_up_logging()
    if is_child(os.environ):
        end_with_parent()
    _refuse_plain(settings_of(ctx), host)
    with opened(ctx) as house, among_others(house.folder.path):
        code = serve_web(house, host=host, port=port, fd=fd)
    raise typer.Exit(code)


def _refuse_plain(settings: Settings, host: str) -> None:
    """Raise `UnsafeSettings` where passwords and tokens would cross a network as they are."""
    from core.settings import is_loopback

    if settings.public_url is None and not is_loopback(host):
        raise UnsafeSettings(
            f"--host {host} lets other machines in over plain http: set OVERLEV_PUBLIC_URL to the"
            " https address of the proxy in front of it"
        )


def worker(
    ctx: typer.Context,
    *,
    page: Annotated[
        str | None,
        typer.Option("--page", metavar="URL", help="Where the pages are.", hidden=True),
    ] = None,
) -> None:
    """Sweep, deliver, show and run what the calendar asks for, until it is stopped.

    Example: PREFECT_API_URL=http://prefect:4200/api overlev worker

    Any number of workers may run beside each other. Without Prefect (PREFECT_API_URL unset, or
    away) what must happen happens all the same.
    """
    from app.serving import serve_worker
    from core.alone import among_others
    from core.log import set_up_logging
    from core.parent import end_with_parent, is_child

    set_up_logging()
    if is_child(os.environ):
        end_with_parent()
    with opened(ctx) as house, among_others(house.folder.path):
        code = serve_worker(house, page=page)
    raise typer.Exit(code)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (("up", up), ("web", web), ("worker", worker), ("migrate", migrate)):
        app.command(name, rich_help_panel=HOUSE)(command)

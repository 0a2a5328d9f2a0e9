"""`overlev research`: the export for research, behind a permission and two persons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from app.commands.opening import ENGINE, opened
from core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from cases.access import Viewer

research: Final = typer.Typer(
    help="The export of consenting participants for research.", no_args_is_help=True
)

By: TypeAlias = Annotated[
    str, typer.Option("--by", metavar="USER", help="Whose act it is.", show_default=False)
]
RequestRef: TypeAlias = Annotated[
    str, typer.Argument(metavar="REF", help="The request.", show_default=False)
]
User: TypeAlias = Annotated[str, typer.Argument(metavar="USER", show_default=False)]


@research.command("permit")
def permit(ctx: typer.Context, user: User) -> None:
    """Give a user the permission to ask for and approve exports.

    Example: overlev research permit kari
    """
    from app.output import say
    from reports.research import permit as verb

    _granted(ctx, user, verb)
    say(f"{user} may ask for and approve research exports")


@research.command("forbid")
def forbid(ctx: typer.Context, user: User) -> None:
    """Take the permission back.

    Example: overlev research forbid kari
    """
    from app.output import say
    from reports.research import forbid as verb

    _granted(ctx, user, verb)
    say(f"{user} may no longer")


@research.command("request")
def request(ctx: typer.Context, by: By) -> None:
    """Ask for an export; another person must approve it.

    Example: overlev research request --by kari
    """
    from app.output import say
    from reports.research import request as verb

    say(_as(ctx, by, lambda tx, viewer, now: verb(tx, viewer, now=now)))


@research.command("approve")
def approve(ctx: typer.Context, ref: RequestRef, by: By) -> None:
    """Approve somebody else's request.

    Example: overlev research approve abcdefghij --by ola
    """
    from app.output import say
    from reports.research import approve as verb

    _as(ctx, by, lambda tx, viewer, now: verb(tx, viewer, ref, now=now))
    say(f"{ref} is approved")


@research.command("export")
def export(
    ctx: typer.Context,
    ref: RequestRef,
    by: By,
    key: Annotated[
        Path,
        typer.Option(
            "--key",
            metavar="FILE",
            help="The key of the pseudonyms, outside the data folder; made if it is not there.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.zip", show_default=False)],
) -> None:
    """Write the export of an approved request, once.

    Example: overlev research export abcdefghij --by kari --key /safe/research.key -o export.zip
    """
    from app.commands.tertials import write
    from app.output import say
    from reports.research import export as verb

    with opened(ctx) as house:
        folder = house.folder.path.resolve()
    if folder in key.resolve().parents:
        raise BadInput(
            "key_inside", "keep the research key apart: outside the data folder", "--key"
        )
    secret = _key(key)
    made = _as(ctx, by, lambda tx, viewer, now: verb(tx, viewer, ref, secret, now=now))
    write(made.content, out)
    say(f"{made.cases} cases")


def _key(file: Path) -> bytes:
    """The key in a file of hexadecimal digits; a new one, readable by its owner only, if none."""
    import secrets

    from core.crypto import KEY_BYTES

    try:
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(KEY_BYTES), "ascii")
        return bytes.fromhex(file.read_text("ascii").strip())
    except (OSError, ValueError) as failed:
        raise BadInput(
            "bad_key", f"{file} holds no key of hexadecimal digits: check it", "--key"
        ) from failed


def _as(ctx: typer.Context, user: str, verb: Callable[[Connection, Viewer, Any], Any]) -> Any:
    """Run a verb as a named account: two persons must be told apart."""
    from cases.accounts import viewer_of

    with opened(ctx) as house:
        now = house.now()
        return house.db.transact(lambda tx: verb(tx, viewer_of(tx, user, now=now), now))


def _granted(ctx: typer.Context, user: str, verb: Any) -> None:
    from cases.accounts import viewer_of

    with opened(ctx) as house:
        now = house.now()
        house.db.transact(
            lambda tx: verb(tx, house.viewer, viewer_of(tx, user, now=now).account, now=now)
        )


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(research, name="research", rich_help_panel=ENGINE)

"""What every command begins with: the global options, the installation they name, and the case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, cast

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from core.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from app.installation import Installation
    from core.settings import Settings

EVERY_DAY: Final = "Cases"
TASKS: Final = "Tasks and answers"
RELEASE: Final = "Release, transfer, appointments"
ENGINE: Final = "What runs by itself, and counts"
STAFF: Final = "Staff, units, packages"
HOUSE: Final = "The installation"
"""Headings of `overlev --help`."""

T = TypeVar("T")

_NO_NUMBER: Final = ""


@dataclass(frozen=True, slots=True)
class Globals:
    """The options that stand before the command."""

    data: Path | None = None
    now: datetime | None = None


class CaseCommand(TyperCommand):
    """A command about one case: `INMATE_NO`, or `--ref REF` in its place."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put an empty number where `--ref` stands for it, so that the rest keeps its place."""
        by_ref = any(arg == "--ref" or arg.startswith("--ref=") for arg in args)
        try:
            return super().parse_args(ctx, [_NO_NUMBER, *args] if by_ref else args)
        except TyperException as misused:
            if by_ref and "extra argument" in misused.format_message():
                raise BadInput(
                    "two_cases", "Give INMATE_NO or --ref, not both of them.", "--ref"
                ) from misused
            raise


InmateNo: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="INMATE_NO", help="Innsattnummer: that person's newest case.", show_default=False
    ),
]
Ref: TypeAlias = Annotated[
    str | None,
    typer.Option("--ref", metavar="REF", help="Another case, by its reference, for INMATE_NO."),
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="ISO",
        help="When it happened, like 2026-09-01T08:00 (Norwegian time unless it has an offset);"
        " now, if left out.",
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def settings_of(ctx: typer.Context) -> Settings:
    """The settings, with the folder of `--data` before that of the environment."""
    from core.settings import load_settings

    return load_settings(data=globals_of(ctx).data)


def globals_of(ctx: typer.Context) -> Globals:
    """The options that stood before the command."""
    return cast("Globals", ctx.find_root().obj or Globals())


@contextmanager
def opened(ctx: typer.Context, *, any_schema: bool = False) -> Iterator[Installation]:
    """The installation that the global options and the environment name."""
    from app.installation import open_installation

    settings = settings_of(ctx)
    with open_installation(settings, now=globals_of(ctx).now, any_schema=any_schema) as house:
        yield house


def instant_of(at: str | None) -> datetime | None:
    """The instant of `--at`, None if it was left out."""
    from core.clock import parse_instant

    return parse_instant(at, field="--at") if at is not None else None


def ref_of(tx: Connection, house: Installation, inmate_no: str, ref: str | None) -> str:
    """The reference that `--ref` gives, or that of the person's newest case."""
    from cases.queries import newest_ref

    if ref is not None:
        return ref.strip().lower()
    if not inmate_no.strip():
        raise BadInput("no_case", "Name a case: INMATE_NO, or --ref REF.", "INMATE_NO")
    return newest_ref(tx, house.viewer, inmate_no, now=house.now())


def change(
    ctx: typer.Context,
    inmate_no: str,
    ref: str | None,
    verb: Callable[[Connection, Installation, str], T],
) -> T:
    """Run one verb on one case, in a transaction of its own; gives what the verb gives."""
    with opened(ctx) as house:
        return house.db.transact(
            lambda tx: verb(tx, house, ref_of(tx, house, inmate_no, ref)),
        )


def one_of(text: str, allowed: Sequence[str], name: str) -> str:
    """A word that a command line may hold in one place. Raises `BadInput`."""
    if text not in allowed:
        raise BadInput("unknown_code", f"{name} is {' or '.join(allowed)}, not {text!r}.", name)
    return text

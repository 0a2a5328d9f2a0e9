"""The command line: `overlev [--data DIR] [--now ISO] COMMAND …`.

Every refusal is one line on stderr that says what and what to do. Exit codes: 0 done, 1 refused by
a rule, 2 bad input, 3 partly done, 4 not allowed, 70 a fault of ours, 130 interrupted. Modules that
take long to load are imported inside the command that needs them.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, Exit, TyperException

from app.commands import (
    appointments,
    audit,
    cards,
    duplicates,
    engine,
    house,
    messages,
    naloxone,
    packages,
    people,
    release,
    reporting,
    research,
    roster,
    safekeeping,
    service,
    sessions,
    staff,
    tasks,
    tertials,
    unit_life,
    units,
    ways_out,
)
from app.commands.opening import Globals
from core.errors import EXIT_BAD_INPUT, EXIT_FAULT, OverlevError

PROGRAM: Final = "overlev"
EXIT_INTERRUPTED: Final = 130
DEBUG: Final = "OVERLEV_DEBUG"
GARBAGE_AFTER: Final = 50_000
_BEFORE_THE_COMMAND: Final = ("--data", "--now")


class Overlev(TyperGroup):
    """The group of all commands, and the edge where an error becomes a line and an exit code."""

    def main(self, *args: Any, **more: Any) -> NoReturn:
        """Run a command and end the process with its exit code."""
        more["standalone_mode"] = False
        more.setdefault("prog_name", PROGRAM)
        code = _told(lambda: super(Overlev, self).main(*args, **more))
        sys.exit(code)


def _told(run: Any) -> int:
    """What a command answers the shell; an error is told on stderr."""
    try:
        answered = run()
        sys.stdout.flush()
        if answered == EXIT_INTERRUPTED:  # typer has turned Ctrl-C into this
            raise KeyboardInterrupt
        return answered if isinstance(answered, int) else 0
    except OverlevError as refused:
        return _tell(refused.for_operators, refused.exit_code)
    except Exit as ended:
        return ended.exit_code
    except TyperException as misused:
        return _tell(_usage(misused), EXIT_BAD_INPUT)
    except (KeyboardInterrupt, Abort):
        return _tell("stopped; what was not finished was not done", EXIT_INTERRUPTED)
    except SystemExit:
        # Whoever read our output had enough; typer has quietened the rest of it.
        return 0
    except BrokenPipeError:
        # The same, found out when flushing. Python would complain once more at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # noqa: BLE001 - the last edge: no traceback reaches a user
        return _tell_fault(fault)


def _tell(line: str, code: int) -> int:
    print(f"{PROGRAM}: {' '.join(line.split())}", file=sys.stderr)
    return code


def _usage(misused: TyperException) -> str:
    context = getattr(misused, "ctx", None)
    where = context.command_path if context is not None else PROGRAM
    option = getattr(misused, "option_name", None)
    if option in _BEFORE_THE_COMMAND and where != PROGRAM:
        command = where.removeprefix(PROGRAM).strip()
        return f"{option} stands before the command: {PROGRAM} {option} … {command} …"
    return f"{misused.format_message().rstrip('.?')}. See: {where} --help"


def _tell_fault(fault: Exception) -> int:
    """Name the fault by its kind and place; its words could hold something about a person."""
    from core.log import places

    told = places(fault)
    last = next((place for place in reversed(told) if place.startswith("at ")), "")
    debug = os.environ.get(DEBUG, "").lower() in {"1", "true", "yes", "on"}
    if debug:
        print("\n".join(told), file=sys.stderr)
    way_out = "" if debug else f"; {DEBUG}=1 shows more, without personal data, for a report"
    return _tell(f"a fault of ours ({type(fault).__name__} {last}){way_out}", EXIT_FAULT)


app: Final = typer.Typer(
    name=PROGRAM,
    cls=Overlev,
    help="Overdose prevention at every release from prison: four steps, their deadlines, and what"
    " came of them.",
    epilog="Times without an offset are Norwegian. Data lie in --data, else OVERLEV_DATA, else"
    " ./data.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The data folder.", show_default=False),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="ISO", help="In demo folders: the time it is to be, standing still."
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Read the options that stand before the command."""
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as version_of

        try:
            print(f"{PROGRAM} {version_of(PROGRAM)}")
        except PackageNotFoundError:
            from app.checkout import commit_of

            commit = commit_of(Path(__file__).parents[1])
            print(f"{PROGRAM} (a checkout{f' at {commit}' if commit else ''})")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
        raise typer.Exit
    instant = None
    if now is not None:
        from core.clock import parse_instant

        instant = parse_instant(now, field="--now")
    ctx.obj = Globals(data, instant)


for theme in (
    roster,
    people,
    duplicates,
    messages,
    tasks,
    release,
    ways_out,
    appointments,
    cards,
    sessions,
    naloxone,
    engine,
    tertials,
    reporting,
    research,
    staff,
    units,
    unit_life,
    packages,
    service,
    house,
    safekeeping,
    audit,
):
    theme.register(app)


def main() -> NoReturn:
    """The entry point of the command `overlev`."""
    # Loading modules makes objects that stay; looking through them again and again for garbage
    # takes a fifth of a short command.
    gc.set_threshold(GARBAGE_AFTER)
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show a letter gets an escape, never an error in mid-table.
        sys.stdout.reconfigure(errors="backslashreplace")
    from core.log import set_up_logging

    set_up_logging(level=logging.WARNING)
    app()
    raise AssertionError


if __name__ == "__main__":
    main()

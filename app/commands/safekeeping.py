"""What is kept, for how long, and for whom: backups, erasure, and everything held on a person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import HOUSE, InmateNo, Json, globals_of, opened, settings_of
from core.errors import EXIT_REFUSED, BadInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

Folder = Annotated[Path, typer.Argument(metavar="DIR", show_default=False)]
Keys = Annotated[
    Path | None,
    typer.Option("--keys", metavar="DIR", help="A place of its own for the keys (DIR/keys)."),
]


def backup(ctx: typer.Context, *, into: Folder, keys: Keys = None) -> None:
    """Back up both databases into DIR, while everything goes on.

    Example: overlev backup /mnt/backup

    The recovery key is not in it (but for demos): `overlev key export` prints that, for the safe.
    """
    from app.output import note, say
    from cases import backup as backups

    with opened(ctx) as house:
        made = backups.make(house, into.absolute(), keys_into=keys)
        demo = house.folder.demo
    say(f"backup {made}")
    if not demo:
        note("The recovery key is not in it: without that a backup opens for nobody.")


def restore(
    ctx: typer.Context,
    *,
    come: Folder,
    keys: Keys = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Although it is older than what was recorded here, or lacks keys."
        ),
    ] = False,
) -> None:
    """Put the newest backup in DIR, or the one copy that DIR is, in place of what stands there.

    Example: overlev restore /mnt/backup

    Nothing may run on the data folder. Who was erased stays erased.
    """
    from app.log_check import verify_logs
    from app.output import say
    from app.restore import restore as put_back

    if globals_of(ctx).now is not None:
        raise BadInput("now_and_restore", "A backup is put back now: leave --now out.", "--now")
    done = put_back(settings_of(ctx), come.absolute(), keys_from=keys, force=force)
    say(
        f"restored {done.manifest.folder.name}; {done.keys} keys that were missing here put back,"
        f" {done.erased} persons erased anew"
    )
    if done.lost:
        say(f"{done.lost} log rows that were recorded here are lost")
    say(f"{done.sessions} sessions ended, with every open invitation: everybody signs in anew")
    with opened(ctx) as house:
        found = verify_logs(house.db, house.ring)
    say(
        f"logs: {sum(found.rows.values())} rows, {len(found.tampered)} findings"
        + ("" if not found.tampered else "; see `overlev audit verify`")
    )
    if found.tampered:
        raise typer.Exit(EXIT_REFUSED)


def erase(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="R", help="request or registered_in_error.")
    ] = "request",
) -> None:
    """Erase who a person is, for good; counts and logs stay whole.

    Example: overlev erase 101000 --yes
    """
    from app.output import say
    from cases import erasure
    from cases.retention import erase_person

    if not yes:
        raise BadInput(
            "not_confirmed", "Erasing cannot be undone, not by a backup either: say --yes.", "--yes"
        )
    with opened(ctx) as house:
        with house.db.read() as tx:
            ref = erasure.person_of(tx, inmate_no)
        erase_person(house, house.viewer, ref, reason, now=house.now())
    say(f"erased: person {ref}")


def retention(ctx: typer.Context) -> None:
    """Erase what has been kept as long as it may be; the calendar does so every night.

    Example: overlev retention
    """
    from app.output import say
    from cases.retention import retain

    with opened(ctx) as house:
        done = retain(house, now=house.now(), viewer=house.viewer)
    say(f"{done.persons} persons erased, {done.rows} rows taken out")


def subject_access(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    out: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where it goes.")],
    controller: Annotated[
        str, typer.Option("--controller", metavar="C", help="health or correctional.")
    ] = "health",
    as_json: Json = False,
) -> None:
    """Write everything held on a person, and who looked, for the person who asks.

    Example: overlev subject-access 101000 -o innsyn.txt
    """
    import json

    from app.output import say
    from app.subject_page import written
    from cases import erasure, rules
    from cases.subject_access import Controller, held

    who = rules.one_of(Controller, controller, "controller")
    with opened(ctx) as house:

        def read(tx: Connection) -> dict[str, object]:
            ref = erasure.person_of(tx, inmate_no)
            return held(tx, house.viewer, ref, who, now=house.now())

        told = house.db.transact(read)
    body = json.dumps(told, ensure_ascii=False, indent=1) if as_json else written(told)
    _write_private(out, body + "\n")
    say(f"written to {out}: give it to the person, and delete it here")


def _write_private(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as failed:
        raise BadInput(
            "cannot_write", f"{file} cannot be written ({failed.strerror})", "--output"
        ) from failed
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (
        ("backup", backup),
        ("restore", restore),
        ("retention", retention),
        ("erase", erase),
        ("subject-access", subject_access),
    ):
        app.command(name, rich_help_panel=HOUSE)(command)

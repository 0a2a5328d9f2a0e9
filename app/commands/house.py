"""The installation itself: making, checking, its recovery key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.commands.opening import HOUSE, globals_of, opened, settings_of
from core.errors import EXIT_REFUSED, BadInput, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from app.demo.fill import Filled
    from app.installation import Installation
    from core.settings import Settings

CASES: Final = 5_000
"""Of a demo that `init` makes, if nothing else is asked for."""

SEED: Final = 1

key = typer.Typer(help="Keys: overlev key export --yes")


def init(
    ctx: typer.Context,
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Units and invented staff, passwords printed.")
    ] = False,
    cases: Annotated[
        int | None,
        typer.Option(
            "--cases", metavar="N", help="Of a demo: how many invented cases (5000).", min=0
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of a demo: another year (1).")
    ] = None,
) -> None:
    """Make a data folder and start nothing.

    Example: overlev --data D init --demo --cases 300

    A demo's cases live through the last twelve months, which takes a minute or two for 5000. The
    same seed and number on the same day give the same people, dates and outcomes; only references
    and passwords differ. Cut short, it is simply done again.
    """
    if not demo and (cases is not None or seed is not None):
        raise BadInput("demo_only", "--cases and --seed belong to --demo: add it.", "--demo")
    make(
        settings_of(ctx),
        demo=demo,
        now=globals_of(ctx).now,
        cases=CASES if cases is None else cases,
        seed=SEED if seed is None else seed,
    ).close()


def make(
    settings: Settings,
    *,
    demo: bool,
    now: datetime | None = None,
    cases: int = 0,
    seed: int = SEED,
) -> Installation:
    """Make a data folder and say what there is in it; of a demo, who may sign in.

    `cases` are lived through from a year ago up to now.
    """
    from app.demo.password import keep, say_who_may_sign_in
    from app.installation import create_installation
    from app.output import note, say, spoken
    from core.clock import iso_local

    filled: list[tuple[str, Filled]] = []

    def furnish(tx: Connection, at: datetime) -> None:
        from app.demo.fill import fill
        from cases.accounts import new_password

        password = new_password()  # anew, should the transaction run twice
        filled[:] = [(password, fill(tx, password, cases=cases, seed=seed, now=at))]

    house = create_installation(settings, demo=demo, now=now, fill=furnish if demo else None)
    kind = "Demo folder" if demo else "Data folder"
    say(f"{kind} {house.folder.path} made {spoken(iso_local(house.folder.made_at))}")
    for password, demo_of in filled:
        if demo_of.made:
            say(f"{demo_of.made} invented cases lived through the last twelve months (seed {seed})")
        elif demo_of.there:
            say(f"{demo_of.there} cases are there already, and no more are made")
        for act, number in demo_of.refused.items():
            note(
                f"A fault of ours in the invented year, which goes on without it: {act} ({number})"
            )
        keep(house.folder.path, password)
        say_who_may_sign_in(password, f"{len(demo_of.accounts)} accounts, all with")
    if not demo:
        note("Next: `overlev key export --yes` prints the recovery key: keep it where the backups")
        note("are not. Then `overlev user add NAME --role admin`, `overlev unit import FILE`, and")
        note("`overlev up`. All steps: docs/operations.md, From nothing to the first unit.")
    return house


def test() -> None:
    """Run the whole test suite.

    Example: ./overlev test -- -k sweep
    """
    raise Refused("The tests stand in a checkout: run `./overlev test` at its root.")


def doctor(
    ctx: typer.Context,
    *,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Fold all events and compare with the case tables."),
    ] = False,
) -> None:
    """Check that everything is sound; each line says ok or the mend.

    Example: overlev doctor --rebuild
    """
    from app.doctor import examine
    from app.output import note, say

    settings = settings_of(ctx)
    wrong, unsound = 0, False
    for check in examine(settings, now=globals_of(ctx).now):
        say(f"{'ok   ' if check.ok else 'WRONG'}  {check.what}: {check.says}")
        wrong += not check.ok
        unsound = unsound or (check.records and not check.ok)
    if rebuild and not unsound:
        # Whether anything runs now does not matter: after a restore nothing does.
        wrong += _rebuild(ctx)
    elif rebuild:
        note("The events are folded once what is kept is sound: mend the lines above first.")
    if wrong:
        raise typer.Exit(EXIT_REFUSED)


def _rebuild(ctx: typer.Context) -> int:
    from app.output import say
    from app.rebuild import rebuild

    with opened(ctx) as house:
        result = rebuild(house.db)
    for ref, differing in result.different.items():
        say(f"WRONG  case {ref} differs from its events: {', '.join(differing)}")
    for unit in result.shelves:
        say(f"WRONG  the stock of naloxone in {unit} differs from its ledger")
    say(
        f"{'WRONG' if result.different else 'ok   '}  rebuild: {result.equal} cases equal their"
        f" events, {len(result.different)} differ"
    )
    return len(result.different) + len(result.shelves)


@key.command("export")
def export_key(
    ctx: typer.Context,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="I am where nobody else sees the screen.")
    ] = False,
) -> None:
    """Print the recovery key, to be kept where the backups are not.

    Example: overlev key export --yes
    """
    from app.commands.staff import audited
    from app.output import note, say

    if not yes:
        raise BadInput(
            "not_confirmed",
            "The recovery key opens everything. Say --yes when nobody else sees the screen, and"
            " keep what is printed where the backups are not.",
            "--yes",
        )
    with opened(ctx) as house:
        # Logged before a byte leaves.
        house.db.transact(lambda tx: audited(tx, house, "key_exported", now=house.now()))
        written = house.ring.to_json()
    say(written)
    note(
        "With this as secrets.json (mode 0600) a restored folder opens. Without it names are lost."
    )


@key.command("rotate")
def rotate_keys(
    ctx: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="A backup is made, and nothing runs.")] = False,
) -> None:
    """Make new keys of the installation and wrap everybody's key under them.

    Example: overlev key rotate --yes

    For when somebody may have read the old ones. The printed recovery key is of no use afterwards.
    """
    from app.output import note, say
    from app.rotation import rotate

    if not yes:
        raise BadInput(
            "not_confirmed",
            "Make a backup and stop everything on the data first, then say --yes.",
            "--yes",
        )
    done = rotate(settings_of(ctx))
    say(f"keys of {done.persons} persons wrapped anew under {done.master}")
    note("Print the recovery key anew (`overlev key export --yes`) and take the old one away once")
    note("the backups from before are gone: what is written from now on it does not open.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (
        ("test", test),
        ("init", init),
        ("doctor", doctor),
    ):
        app.command(name, rich_help_panel=HOUSE)(command)
    app.add_typer(key, name="key", rich_help_panel=HOUSE)

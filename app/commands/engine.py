"""What runs by itself and can be run by hand: the sweep, and delivering."""

from __future__ import annotations

import sys
from dataclasses import asdict

import typer

from app.commands.opening import ENGINE, Json, opened
from core.errors import EXIT_PARTLY_DONE


def sweep(ctx: typer.Context, as_json: Json = False) -> None:
    """Fire what is due now.

    Example: overlev sweep

    Rungs of the ladder, notices, ends of follow-up. A second time right after does nothing more.
    """
    from cases.sweep import sweep as run

    with opened(ctx) as house:
        done = run(house.db, now=house.now())
    counts = asdict(done)
    put_off = counts.pop("backed_off")
    _show_counts(counts, as_json=as_json)
    if put_off:
        from app.output import note

        note(f"{put_off} cases could not be calculated and are tried again later: see the log")
        raise typer.Exit(EXIT_PARTLY_DONE)


def deliver(ctx: typer.Context, as_json: Json = False) -> None:
    """Send what is due in the outbox.

    Example: overlev deliver

    Without an SMS provider the messages are printed, the numbers masked.
    """
    from cases.sending import deliver_due, sender_of

    with opened(ctx) as house:
        done = deliver_due(house, sender_of(house, sys.stderr))
        sends = house.settings.twilio_account_sid is not None
    counts = asdict(done)
    if not sends and not as_json:
        counts = {"shown, not sent": counts.pop("accepted")} | counts
    _show_counts(counts, as_json=as_json)


def _show_counts(counts: dict[str, int], *, as_json: bool) -> None:
    from app.output import say, show_json

    if as_json:
        show_json(counts)
    else:
        say(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items()))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sweep", rich_help_panel=ENGINE)(sweep)
    app.command("deliver", rich_help_panel=ENGINE)(deliver)

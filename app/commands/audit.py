"""`audit verify`: whether anybody changed a log."""

from __future__ import annotations

import typer

from app.commands.opening import HOUSE, Json, opened
from core.errors import EXIT_REFUSED

audit = typer.Typer(help="The logs: overlev audit verify")


@audit.command("verify")
def verify(ctx: typer.Context, as_json: Json = False) -> None:
    """Check that no row of either log was changed, added or taken out.

    Example: overlev audit verify
    """
    from app.log_check import verify_logs
    from app.output import say, show_json

    with opened(ctx) as house:
        found = verify_logs(house.db, house.ring)
    if as_json:
        show_json(
            {
                "ok": not found.tampered,
                "rows": dict(found.rows),
                "chains": found.chains,
                "findings": [str(finding) for finding in found.findings],
            }
        )
    else:
        for finding in found.findings:
            say(str(finding))
        rows = ", ".join(f"{log} {count}" for log, count in sorted(found.rows.items()))
        say(f"rows: {rows}; chains: {found.chains}")
        if not found.tampered:
            say("OK")
    if found.tampered:
        from app.output import note

        note(
            f"{len(found.tampered)} findings: keep the database as it is, and compare it with the"
            " backups"
        )
        raise typer.Exit(EXIT_REFUSED)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(audit, name="audit", rich_help_panel=HOUSE)

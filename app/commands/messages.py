"""`message`: how texts look, and messages that only a person can decide about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.opening import EVERY_DAY, Json, opened

if TYPE_CHECKING:
    from notifications.preview import Preview

message = typer.Typer(
    help="Texts to persons, and messages that wait for a decision: overlev message preview",
    no_args_is_help=True,
)


@message.command("preview")
def preview(
    ctx: typer.Context,
    template: Annotated[
        str | None, typer.Argument(metavar="TEMPLATE", help="All, if left out.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="LANG", help="All, if left out.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="ISO", help="When the appointment is; in a week, if left out."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how texts will look, what they cost and what is wrong with them.

    Example: overlev message preview appointment_reminder --language pl
    """
    from datetime import timedelta

    from app.output import say, show_json, show_table
    from core.clock import parse_instant
    from core.errors import BadInput
    from notifications import texts
    from notifications.preview import preview as made

    known = texts.languages()
    for given, among, what in (
        (template, texts.PLACES, "TEMPLATE"),
        (language, known, "--language"),
    ):
        if given is not None and given not in among:
            raise BadInput("unknown_code", f"{what} is one of {', '.join(among)}", what)
    with opened(ctx) as house:
        starts_at = (
            parse_instant(at, field="--at") if at is not None else house.now() + timedelta(days=7)
        )
        phone = house.settings.contact_phone
    shown = [
        made(name, code, starts_at=starts_at, contact_phone=phone)
        for name in ([template] if template else texts.PLACES)
        for code in ([language] if language else known)
    ]
    if as_json:
        show_json([_plain(each) for each in shown])
        return
    show_table(
        ("template", "language", "version", "status", "alphabet", "units", "segments"),
        [
            (
                each.template,
                each.language,
                str(each.version),
                each.status,
                each.size.encoding.value,
                str(each.size.units),
                str(each.size.count),
            )
            for each in shown
        ],
        numbers=("version", "units", "segments"),
    )
    for each in shown:
        say(f"\n{each.language}: {each.body}")
        for fault in each.told:
            say(f"  tells too much ({fault.rule}): {fault.found}")


@message.command("waiting")
def waiting(ctx: typer.Context, as_json: Json = False) -> None:
    """List the messages that somebody has to see: unclear, refused, or not delivered.

    Example: overlev message waiting
    """
    from app.output import say, show_json, show_table
    from cases import messages as verbs
    from core.clock import iso_local
    from notifications.reasons import meaning

    with opened(ctx) as house:
        found = house.db.transact(lambda tx: verbs.waiting(tx, house.viewer))
    rows = [
        {
            "about": each.about,
            "ref": each.subject,
            "send_at": iso_local(each.send_at),
            "why": each.why,
            "meaning": meaning(each.why) if each.why else None,
        }
        for each in found
    ]
    if as_json:
        show_json(rows)
    elif not rows:
        say("No message waits for a decision.")
    else:
        show_table(
            ("about", "send", "meaning"),
            [(str(each["about"]), str(each["send_at"]), str(each["meaning"])) for each in rows],
        )


@message.command("decide")
def decide(
    ctx: typer.Context,
    about: Annotated[
        str,
        typer.Argument(
            metavar="ABOUT", help="As `overlev message waiting` shows it.", show_default=False
        ),
    ],
    decision: Annotated[
        str, typer.Argument(metavar="DECISION", help="sent or drop.", show_default=False)
    ],
) -> None:
    """Say what became of a message: it went (sent), or it is seen and not to go (drop).

    Example: overlev message decide wtj6ebl6ci/a1/day_before/2026-11-25T10:00+01:00 sent
    """
    from app.output import say
    from cases import messages as verbs

    with opened(ctx) as house:
        now = house.now()
        house.db.transact(lambda tx: verbs.decide(tx, house.viewer, about, decision, now=now))
    say(f"{about}: {decision}")


def _plain(each: Preview) -> dict[str, Any]:
    return {
        "template": each.template,
        "language": each.language,
        "version": each.version,
        "status": each.status,
        "source": each.source,
        "body": each.body,
        "alphabet": each.size.encoding.value,
        "units": each.size.units,
        "segments": each.size.count,
        "forcing": list(each.size.forcing),
        "faults": [{"rule": fault.rule.value, "found": fault.found} for fault in each.told],
    }


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(message, name="message", rich_help_panel=EVERY_DAY)

"""Tasks, the answer to the offer, and consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.commands.opening import (
    TASKS,
    At,
    CaseCommand,
    InmateNo,
    Ref,
    change,
    instant_of,
    one_of,
)

if TYPE_CHECKING:
    from cases.model import Case

Task = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="The task's code, as `overlev case` shows it.", show_default=False
    ),
]


def complete(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    task: Task,
    at: At = None,
    form: Annotated[
        str | None, typer.Option("--form", metavar="FORM", help="group or individual.")
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            "--answer",
            metavar="CODE",
            help="intake_talk: at_risk, not_at_risk or"
            " unknown. handed_over: card_and_spray, card_only or spray_only.",
        ),
    ] = None,
    ref: Ref = None,
) -> None:
    """Record a task as done.

    Example: overlev complete 101000 talk_held --form individual
    """
    from cases import service

    happened_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: service.complete_task(
            tx,
            house.viewer,
            found,
            service.TaskDone(task, happened_at, form, answer),
            now=house.now(),
        ),
    )
    _show_task(case, task)
    _tell_what_counts_miss(task, form, answer)


_COUNTS_ASK: Final = {
    "handed_over": ("--answer", "whether a spray was handed over"),
    "talk_held": ("--form", "whether the talk was held in a group or alone"),
}


def _tell_what_counts_miss(task: str, form: str | None, answer: str | None) -> None:
    """Say what a completion leaves open that an indicator asks for; it may not be known."""
    from app.output import note

    option, what = _COUNTS_ASK.get(task, ("", ""))
    if option and (answer if option == "--answer" else form) is None:
        note(f"without {option} the counts do not know {what}: undo and repeat with it if you know")


def waive(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    task: Task,
    reason: Annotated[
        str,
        typer.Argument(
            metavar="REASON",
            help="done_elsewhere, not_relevant, absent, too_short_notice or refused_this_task.",
            show_default=False,
        ),
    ],
    at: At = None,
    ref: Ref = None,
) -> None:
    """Waive a task with a reason.

    Example: overlev waive 101000 talk_held refused_this_task
    """
    from cases import service

    happened_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: service.waive_task(
            tx, house.viewer, found, task, reason, now=house.now(), happened_at=happened_at
        ),
    )
    _show_task(case, task)


def undo(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    task: Task,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="R",
            help="wrong_person, wrong_task or not_done.",
            show_default=False,
        ),
    ],
    ref: Ref = None,
) -> None:
    """Take a completion back.

    Example: overlev undo 101000 talk_held --reason wrong_person
    """
    from cases import service

    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: service.undo_task(
            tx, house.viewer, found, task, reason, now=house.now()
        ),
    )
    _show_task(case, task)


def participation(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    answer: Annotated[
        str,
        typer.Argument(
            metavar="ANSWER",
            help="accepted, declined, not_now or withdrawn.",
            show_default=False,
        ),
    ],
    at: At = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="R", help="no_need, no_trust, no_time or other."),
    ] = None,
    ref: Ref = None,
) -> None:
    """Record the answer to the offer.

    Example: overlev participation 101000 accepted
    """
    from app.output import say
    from cases import service

    happened_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: service.answer_offer(
            tx,
            house.viewer,
            found,
            answer,
            now=house.now(),
            happened_at=happened_at,
            reason=reason,
        ),
    )
    say(f"participation {case.participation} · case {case.ref} {case.phase}")


def consent(
    ctx: typer.Context,
    *,
    inmate_no: InmateNo,
    purpose: Annotated[
        str,
        typer.Argument(metavar="PURPOSE", help="sms, research or sharing.", show_default=False),
    ],
    given: Annotated[
        str, typer.Argument(metavar="GIVEN", help="given or withdrawn.", show_default=False)
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="WHOM", help="Of sharing: health, nav or municipality."),
    ] = None,
    how: Annotated[
        str | None,
        typer.Option("--how", metavar="HOW", help="oral, written or digital."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            metavar="CODE",
            help="The language of the text it was given to; the person's own, if left out.",
        ),
    ] = None,
    text_version: Annotated[
        str | None,
        typer.Option("--text", metavar="VERSION", help="The version of that text."),
    ] = None,
    at: At = None,
    ref: Ref = None,
) -> None:
    """Record a consent.

    Example: overlev consent 101000 sharing given --to nav --how written
    """
    from app.output import say
    from cases import service

    one_of(given, ("given", "withdrawn"), "GIVEN")
    happened_at = instant_of(at)
    case = change(
        ctx,
        inmate_no,
        ref,
        lambda tx, house, found: service.record_consent(
            tx,
            house.viewer,
            found,
            purpose,
            given=given == "given",
            now=house.now(),
            receiver=to,
            happened_at=happened_at,
            how=how,
            language=language,
            text_version=text_version,
        ),
    )
    whom = f" to {to}" if to else ""
    say(f"consent {purpose}{whom} {given} · case {case.ref}")


def _show_task(case: Case, code: str) -> None:
    from app.output import say
    from core.clock import iso_local

    task = case.task(code)
    if task is None:  # the verb has refused an unknown task
        raise AssertionError
    when = f" {iso_local(task.done_at)}" if task.done_at is not None else ""
    due = f", due {iso_local(task.due_at)}" if task.due_at and not task.finished else ""
    why = f" ({task.reason})" if task.reason else ""
    late = ", a late entry" if task.late_entry else ""
    say(f"{code} {task.state}{why}{when}{due}{late} · case {case.ref}")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (
        ("complete", complete),
        ("waive", waive),
        ("undo", undo),
        ("participation", participation),
        ("consent", consent),
    ):
        app.command(name, rich_help_panel=TASKS, cls=CaseCommand)(command)

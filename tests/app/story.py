"""One release, step by step through the command line: 101000 of the first roster."""

from __future__ import annotations

from tests.app.shell import Shell

TALK = "2026-11-20T10:00+01:00"

# 101000 in bergen: admitted 30 August 08:30, released by plan on 30 November.
WORK = (
    ("2026-09-01T09:00", "intake_talk", "--answer", "at_risk", "--form", "individual"),
    ("2026-09-03T10:00", "brief_info", "--form", "group"),
    ("2026-09-20T10:00", "naloxone_training", "--form", "group"),
    ("2026-10-01T10:00", "requests_sent"),
    ("2026-10-20T10:00", "talk_booked"),
)


def release_101000(shell: Shell) -> None:
    """The whole package: accepted, every task done, released on the day."""
    shell("participation", "101000", "accepted", now="2026-09-01T09:30")
    for when, task, *more in WORK:
        shell("complete", "101000", task, *more, now=when)
    shell("consent", "101000", "sms", "given", now="2026-10-21T09:00")
    for kind, at in (("GP", "2026-12-01T10:00"), ("NAV", "2026-12-02T12:00")):
        shell(
            "appointment", "101000", kind, "--at", at, "--with", "Vakten", "--place", "Byen",
            "--status", "confirmed", now="2026-11-10T09:00",
        )  # fmt: skip
    shell("complete", "101000", "appointments_confirmed", now="2026-11-10T09:05")
    # The talk was held on Friday and is typed in on Saturday.
    shell(
        "complete", "101000", "talk_held", "--form", "individual", "--at", TALK,
        now="2026-11-21T10:00",
    )  # fmt: skip
    shell("complete", "101000", "card_printed", now="2026-11-27T12:00")
    answer = shell("release", "101000", "--at", "2026-11-30T09:00", now="2026-11-30T09:30")
    assert answer.out.startswith("released 2026-11-30T09:00:00+01:00 to liberty, follow_up")
    shell("complete", "101000", "handed_over", "--answer", "card_and_spray", now="2026-11-30T09:40")

"""PURE: what a research export tells of a case, variable by variable, with its code book.

Days are counted from the local date of the release (day 0; before it negative). No date, no unit,
no reference, no free text, no health answer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cases.model import Case
from core.clock import local_date
from reports.export_csv import plain

FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "cases": (
        "person", "case", "admitted_day", "opened_day", "answer", "decline_reason", "answer_day",
        "accepted_at_release", "destination", "notice", "short_notice", "closed_day",
        "close_reason", "transfers",
    ),
    "tasks": ("person", "case", "task", "state", "due_day", "done_day", "form", "reason"),
    "appointments": ("person", "case", "kind", "status", "start_day", "confirmed_day"),
}  # fmt: skip
"""The files and their columns."""

CODE_BOOK: Final[tuple[tuple[str, str, str], ...]] = (
    ("all", "person", "pseudonym of the person; the same in every export made with one key"),
    ("all", "case", "which imprisonment of the person in this export, by admission, from 1"),
    ("all", "*_day", "days from the local date of the release; 0 is that day, before it negative"),
    ("cases", "answer", "latest answer to the offer: accepted, declined, not_now, withdrawn"),
    ("cases", "decline_reason", "no_need, no_trust, no_time, other; empty where not stated"),
    ("cases", "answer_day", "day on which the latest answer was given"),
    ("cases", "accepted_at_release", "1 where the answer at the release was accepted, else 0"),
    ("cases", "destination", "liberty, home_detention, deported"),
    ("cases", "notice", "planned, unplanned, unknown: how long before the release was known"),
    ("cases", "short_notice", "1 where the release came with a short form, else 0"),
    ("cases", "close_reason", "why follow-up ended; empty while it goes on"),
    ("cases", "transfers", "number of units that owned the case after the first"),
    ("tasks", "task", "code of the task, as in the national package; a unit's own are left out"),
    ("tasks", "state", "open, done, waived, missed, cancelled, prepared"),
    ("tasks", "due_day", "day on which it was due by the last plan"),
    ("tasks", "form", "group, individual"),
    ("tasks", "reason", "why it was waived"),
    ("appointments", "kind", "GP, OAT, SPECIALIST_ADDICTION, MUNICIPAL_ADDICTION, NAV, HOUSING, …"),
    (
        "appointments",
        "status",
        "requested, confirmed, attended, no_show, cancelled, moved, unknown",
    ),
)
"""File, variable, meaning."""

_CORE: Final = frozenset(
    {
        "intake_talk", "offer_answered", "brief_info", "naloxone_training", "talk_booked",
        "talk_held", "requests_sent", "appointments_confirmed", "card_printed", "handed_over",
    }
)  # fmt: skip


def rows_of(case: Case, person: str, number: int) -> dict[str, list[dict[str, Any]]]:
    """The rows of one case for each file. Raises `ValueError` for one that is not released."""
    released_at = case.released_at
    if released_at is None:
        raise ValueError("days are counted from the release")

    def day(instant: datetime | None) -> int | str:
        if instant is None:
            return ""
        return (local_date(instant) - local_date(released_at)).days

    standing = sorted(
        (answer for answer in case.answers if answer.undone_at is None),
        key=lambda answer: (answer.happened_at, answer.seq),
    )
    latest = standing[-1] if standing else None
    before = [answer for answer in standing if answer.happened_at <= released_at]
    who: dict[str, Any] = {"person": person, "case": number}
    one = {
        **who,
        "admitted_day": day(case.admitted_at),
        "opened_day": day(case.opened_at),
        "answer": latest.status.value if latest else "",
        "decline_reason": (latest.reason or "") if latest else "",
        "answer_day": day(latest.happened_at) if latest else "",
        "accepted_at_release": int(bool(before) and before[-1].status.value == "accepted"),
        "destination": case.destination.value if case.destination else "",
        "notice": case.release_notice.value if case.release_notice else "",
        "short_notice": int(case.unplanned is not None),
        "closed_day": day(case.closed_at),
        "close_reason": case.close_reason.value if case.close_reason else "",
        "transfers": max(0, len(case.stays) - 1),
    }
    tasks = [
        {
            **who,
            "task": task.code,
            "state": task.state.value,
            "due_day": day(task.due_at),
            "done_day": day(task.done_at),
            "form": task.form or "",
            "reason": task.reason or "",
        }
        for task in case.tasks
        if task.code in _CORE
    ]
    appointments = [
        {
            **who,
            "kind": each.kind.value,
            "status": each.status.value,
            "start_day": day(each.starts_at),
            "confirmed_day": day(each.confirmed_at),
        }
        for each in case.appointments
    ]
    return {"cases": [one], "tasks": tasks, "appointments": appointments}


def written(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """CSV as everywhere: `;`, UTF-8 with a byte order mark, CRLF, no formula."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, delimiter=";", lineterminator="\r\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow([_cell(row[column]) for column in columns])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: Any) -> str:
    return plain(value) if isinstance(value, str) else str(value)

"""One case on a terminal: what it is, the four steps, and all that belongs to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from app.output import note, say, show_table, spoken
from cases.model import Case
from cases.views import View
from cases.warnings import CaseWarning, warnings


def show_case_page(view: View) -> None:
    """Print a case view (`cases.views`) for a person."""
    say(f"{view['inmate_no'] or 'slettet'} · case {view['ref']} · {view['unit']}")
    say(f"{_phase(view)} · participation {view['participation']}{_flags(view)}")
    say(f"admitted {spoken(view['admitted_at'])}, opened {spoken(view['opened_at'])}")
    say(_release(view))
    for code in view["warnings"]:
        say(f"warning: {WARNINGS[CaseWarning(code)]}")
    _show_steps(view)
    _show("Release dates", view["release_dates"], ("kind", "on", "source", "recorded_at"))
    _show("Answers", view.get("answers", ()), ("answer", "reason", "happened_at", "by"))
    _show("Consents", view.get("consents", ()), ("purpose", "to", "given", "how", "happened_at"))
    _show(
        "Appointments",
        view["appointments"],
        ("id", "kind", "starts_at", "status", "with", "place", "phone"),
    )
    _show("Transfers", view["transfers"], ("id", "from", "to", "state"))
    _show("Messages", view["messages"], ("send_at", "state", "delivery", "meaning"))
    _show("Notices", view["notices"], ("task", "rung", "at", "to_role"))
    _show("Deviations", view["deviations"], ("task", "step", "missed_at", "corrected"))


WARNINGS: Final = {
    CaseWarning.FIRST_APPOINTMENT_LATE: "the first appointment is later than 3 days after the"
    " release",
    CaseWarning.OAT_APPOINTMENT_LATE: "the first OAT appointment is later than the day after the"
    " release",
    CaseWarning.CLOSED_DAYS_AFTER_RELEASE: "the release is on a Friday or before a holiday: book a"
    " contact the same day, or a call the day after",
    CaseWarning.APPOINTMENT_OUTSIDE_WINDOW: "a confirmed appointment is not within 7 days from the"
    " release",
}


def warn(case: Case, *, now: datetime) -> None:
    """Say on stderr what there is to look at in a case that a command has just changed."""
    for each in warnings(case, now=now):
        note(f"warning: {WARNINGS[each]}")


def _phase(view: View) -> str:
    return f"{view['phase']} ({view['close_reason']})" if view["close_reason"] else view["phase"]


def _flags(view: View) -> str:
    flags = [word for key, word in _FLAGS.items() if view[key]]
    return f" · {', '.join(flags)}" if flags else ""


_FLAGS: Final = {"short_notice": "hasteløp (short notice)", "late_opened": "late opened"}


def _release(view: View) -> str:
    if view["released_at"]:
        return f"released {spoken(view['released_at'])}"
    release = view["release"]
    if release is None:
        return "no release date known"
    return f"release {release['on']} ({release['kind']}), known {spoken(release['known_at'])}"


def _show_steps(view: View) -> None:
    rows: list[tuple[str, ...]] = []
    for number, step in enumerate(view["steps"], start=1):
        rows.append((f"{number} {step['label']}", "", step["state"], "", "", ""))
        rows += [
            (
                f"    {task['label']}",
                task["task"],
                "overdue" if task["overdue"] else task["state"],
                spoken(task["due_at"]),
                spoken(task["done_at"]),
                _details(task),
            )
            for task in step["tasks"]
        ]
    show_table(("step and task", "code", "state", "due", "done", ""), rows)


def _details(task: View) -> str:
    words = [task["form"], task["reason"], task.get("answer"), task["done_by"]]
    return ", ".join(str(word) for word in words if word)


def _show(title: str, rows: Any, columns: tuple[str, ...]) -> None:
    if rows:
        show_table(
            [column.removesuffix("_at") for column in columns],
            [[_cell(column, row[column]) for column in columns] for row in rows],
            title=title,
        )


def _cell(column: str, value: object) -> str:
    if column.endswith("_at") or column == "at":
        return spoken(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value is not None else ""

"""The checklist of a case's four steps, for units that work on paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from forms.document import Document, Fields, Table
from forms.texts import Words, words


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `owner` and `state` are codes, times aware instants."""

    label: str
    owner: str
    state: str
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step with its tasks."""

    label: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """The states of a case; no answer and no name of staff is on it."""

    language: str
    unit: str
    case_ref: str
    inmate_no: str
    package: str
    admitted_at: datetime
    release_on: date | None
    steps: tuple[Step, ...]
    printed_at: datetime


def document(form: Checklist) -> Document:
    """The form."""
    said = words("staff", form.language)
    dates = said.dates
    release = dates.date_of(form.release_on) if form.release_on else said["release_unknown"]
    rows: list[tuple[str, ...]] = []
    strong: set[int] = set()
    for number, step in enumerate(form.steps, start=1):
        strong.add(len(rows))
        rows.append((f"{number}  {step.label}", "", "", "", ""))
        rows += [
            (
                task.label,
                said[f"owner_{task.owner}"],
                dates.at_of(task.due_at, read_at=form.printed_at) if task.due_at else "",
                settled(task, said, form.printed_at),
                "",
            )
            for task in step.tasks
        ]
    return Document(
        title=said["checklist_title"],
        words=said,
        staff=said,
        made_at=form.printed_at,
        footer=f"{form.case_ref} · {said.filled('printed', date=dates.date_of(form.printed_at))}",
        blocks=(
            Fields(
                (
                    (said["unit"], form.unit),
                    (said["inmate_no"], form.inmate_no),
                    (said["admitted"], dates.at_of(form.admitted_at, read_at=form.printed_at)),
                    (said["release"], release),
                    (said["package"], form.package),
                )
            ),
            Table(
                said["checklist_title"],
                (said["task"], said["owner"], said["due"], said["done_on"], said["initials"]),
                tuple(rows),
                (5, 2, 3, 3, 1.6),
                strong=frozenset(strong),
            ),
        ),
    )


def settled(task: Task, said: Words, printed_at: datetime) -> str:
    """When it was done, or how else it was settled; nothing where there is something to do."""
    if task.state == "done" and task.done_at is not None:
        return said.dates.at_of(task.done_at, read_at=printed_at)
    return "" if task.state in ("open", "prepared") else said[f"state_{task.state}"]

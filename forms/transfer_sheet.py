"""The sheet that goes along with a transfer: where the four steps stand, and what is booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from forms.checklist import Step, settled
from forms.document import Block, Document, Fields, Heading, Paragraph, Table
from forms.texts import words


@dataclass(frozen=True, slots=True)
class Booked:
    """An appointment; without `whom` its details are not for this sheet."""

    starts_at: datetime
    whom: str | None
    place: str | None


@dataclass(frozen=True, slots=True)
class TransferSheet:
    """States, never answers. `state` is the code of the proposal's."""

    language: str
    case_ref: str
    inmate_no: str
    from_unit: str
    to_unit: str
    proposed_at: datetime
    state: str
    release_on: date | None
    steps: tuple[Step, ...]
    appointments: tuple[Booked, ...]
    printed_at: datetime


def document(form: TransferSheet) -> Document:
    """The form."""
    said = words("staff", form.language)
    dates, read_at = said.dates, form.printed_at
    answer = said[
        "transfer_proposed_state" if form.state == "proposed" else f"transfer_{form.state}"
    ]
    release = dates.date_of(form.release_on) if form.release_on else said["release_unknown"]
    blocks: list[Block] = [
        Fields(
            (
                (said["inmate_no"], form.inmate_no),
                (said["transfer_from"], form.from_unit),
                (said["transfer_to"], form.to_unit),
                (said["transfer_proposed"], dates.at_of(form.proposed_at, read_at=read_at)),
                (said["transfer_state"], answer),
                (said["release"], release),
            )
        ),
        Table(
            said["checklist_title"],
            (said["task"], said["owner"], said["due"], said["state"]),
            tuple(
                (
                    task.label,
                    said[f"owner_{task.owner}"],
                    dates.at_of(task.due_at, read_at=read_at) if task.due_at else "",
                    settled(task, said, read_at) or said[f"state_{task.state}"],
                )
                for step in form.steps
                for task in step.tasks
            ),
            (5, 2, 3, 3),
        ),
        Heading(said["appointments"]),
    ]
    if form.appointments:
        blocks.append(
            Table(
                said["appointments"],
                (said["time"], said["with"], said["place"]),
                tuple(
                    (
                        dates.at_of(each.starts_at, read_at=read_at),
                        each.whom if each.whom is not None else said["hidden_details"],
                        each.place or "",
                    )
                    for each in form.appointments
                ),
                (3, 4, 4),
            )
        )
    else:
        blocks.append(Paragraph(said["no_appointments"]))
    blocks.append(Paragraph(said["transfer_note"], strong=True))
    return Document(
        title=said["transfer_title"],
        words=said,
        staff=said,
        made_at=form.printed_at,
        footer=f"{form.case_ref} · " + said.filled("printed", date=dates.date_of(form.printed_at)),
        blocks=tuple(blocks),
    )

"""The forms of answers. Where roles see different fields of a case, each has a form of its own."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field, WithJsonSchema

from cases.access import Viewer
from cases.contact_made import ContactHow
from cases.model import (
    AbsenceKind,
    AppointmentKind,
    AppointmentStatus,
    CloseReason,
    Participation,
    Phase,
    Protection,
    ReleaseKind,
    Role,
    Source,
    Step,
    StepState,
    TaskState,
    TransferState,
)
from cases.warnings import CaseWarning
from web.api.answers import Output

At: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
On: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]


class Task(Output):
    """A task; `answer` only where it was given and this role may read it."""

    task: str
    label: str
    owner: str
    state: TaskState
    due_at: At | None
    overdue: bool
    done_at: At | None
    recorded_at: At | None
    done_by: str | None
    form: str | None
    reason: str | None
    answer: str | None = None


class StepOfCase(Output):
    """A step with its tasks, in the order of the package."""

    step: Step
    label: str
    state: StepState
    due_at: At | None
    tasks: list[Task]


class Release(Output):
    """The release date in force, and when it came to be known."""

    on: On
    kind: ReleaseKind | None
    known_at: At | None


class ReleaseDate(Output):
    """One record about a release date; `on` null: that kind's date was withdrawn."""

    kind: ReleaseKind
    on: On | None
    source: Source
    recorded_at: At
    by: str


class Appointment(Output):
    """An appointment; what tells something is null where the person has not agreed to sharing."""

    id: str
    kind: AppointmentKind | None
    starts_at: At
    status: AppointmentStatus
    with_whom: Annotated[str | None, Field(alias="with")]
    place: str | None
    phone: str | None
    outside_window: bool
    moved_from: str | None
    contact: bool
    """Whether it is a contact after the release that was recorded once it had been."""

    how: ContactHow | None
    note: str | None = None


class Transfer(Output):
    """A transfer between two units."""

    id: str
    from_unit: Annotated[str, Field(alias="from")]
    to_unit: Annotated[str, Field(alias="to")]
    state: TransferState


class Absence(Output):
    """Leave, § 12 treatment or a halfway house: no release, but the same risk."""

    number: int
    kind: AbsenceKind
    from_on: Annotated[On, Field(alias="from")]
    to_on: Annotated[On | None, Field(alias="to")]
    informed_at: At | None
    cancelled: bool


class Message(Output):
    """A message to the person: what became of it, why, and how far it got at the provider."""

    about: str
    send_at: At
    state: str
    why: str | None
    meaning: str | None
    delivery: str | None


class Notice(Output):
    """A notice that was given to staff: due at `at`, given at `told_at`."""

    task: str | None
    rung: str
    at: At
    told_at: At
    to_role: Role


class Deviation(Output):
    """A task that was missed at the release."""

    task: str
    step: Step
    missed_at: At | None
    corrected: bool


class OfferAnswer(Output):
    """An answer to the offer; the reason stays with the health service it was given to."""

    answer: Participation
    reason: str | None
    happened_at: At
    recorded_at: At
    by: str | None


class Consent(Output):
    """A consent that was given or withdrawn."""

    purpose: str
    to: str | None
    given: bool
    happened_at: At
    recorded_at: At
    by: str
    controller: str | None
    language: str | None
    text_version: str | None
    how: str | None


class CaseOfOfficer(Output):
    """A case as officers see it."""

    ref: str
    version: int
    inmate_no: str | None
    unit: str
    package: str
    phase: Phase
    participation: Participation
    close_reason: CloseReason | None
    short_notice: bool
    late_opened: bool
    under_18: bool | None
    protection: Protection | None
    admitted_at: At
    opened_at: At
    release: Release | None
    released_at: At | None
    steps: list[StepOfCase]
    release_dates: list[ReleaseDate]
    appointments: list[Appointment]
    transfers: list[Transfer]
    absences: list[Absence]
    warnings: list[CaseWarning]
    messages: list[Message]
    notices: list[Notice]
    deviations: list[Deviation]


class CaseOfCoordinator(CaseOfOfficer):
    """A case as coordinators and unit leads see it: with its consents."""

    consents: list[Consent]


class CaseOfHealth(CaseOfCoordinator):
    """A case as health staff see it: with its consents and the answers to the offer."""

    answers: list[OfferAnswer]


CASE_OF: Final[dict[Role, type[CaseOfOfficer]]] = {
    Role.OFFICER: CaseOfOfficer,
    Role.COORDINATOR: CaseOfCoordinator,
    Role.UNIT_LEAD: CaseOfCoordinator,
    Role.HEALTH: CaseOfHealth,
    Role.HEALTH_LEAD: CaseOfHealth,
    Role.OPERATOR: CaseOfHealth,
}
"""Which form of a case a role sees."""

AnyCase: TypeAlias = CaseOfHealth | CaseOfCoordinator | CaseOfOfficer
"""For the description of the interface: one of them, by the role of who asks."""


def case_for(viewer: Viewer) -> type[CaseOfOfficer]:
    """The form of a case for this viewer."""
    return CASE_OF[viewer.role]


class CaseLine(Output):
    """A case in a list."""

    ref: str
    inmate_no: str | None
    unit: str
    phase: Phase
    participation: Participation
    next_task: str | None
    next_due_at: At | None
    overdue: bool
    overdue_tasks: int


class CasePage(Output):
    """A page of a list; `next` is the cursor of the one after it, null on the last."""

    cases: list[CaseLine]
    next: str | None


class CaseFound(CaseLine):
    """A case that a search found, with the name, so that the right person is picked."""

    name: str | None


class CasesFound(Output):
    """What a search found: the first of `found`, the earliest due first."""

    cases: list[CaseFound]
    found: int


class CaseChanged(Output):
    """Where a case stands after a change. `version` goes along with the next one."""

    ref: str
    version: int
    unit: str
    phase: Phase
    participation: Participation
    close_reason: CloseReason | None
    release: Release | None
    released_at: At | None


class TaskChanged(CaseChanged):
    """The task as it is now, in a case as it is now. Health answers are not repeated."""

    task: Task


class AppointmentStands(Output):
    """An appointment after a change; its details are read with the case."""

    id: str
    kind: AppointmentKind
    starts_at: At
    status: AppointmentStatus
    outside_window: bool
    moved_from: str | None


class AppointmentChanged(CaseChanged):
    """The appointment (a moved one: the new one), and what there is to look at."""

    appointment: AppointmentStands
    warnings: list[CaseWarning]


class TransferChanged(Output):
    """The transfer as it stands now."""

    ref: str
    transfer: Transfer


class Proposal(Output):
    """A transfer that waits for an answer: all that the receiving unit sees until it accepts."""

    id: str
    ref: str
    from_unit: Annotated[str, Field(alias="from")]
    to_unit: Annotated[str, Field(alias="to")]
    proposed_at: At
    phase: Phase
    release_on: On | None


class Proposals(Output):
    """The transfers that wait, the oldest first."""

    transfers: list[Proposal]


class Messages(Output):
    """The messages to a person."""

    messages: list[Message]


class Flaw(Output):
    """What about a row of the ledger does not add up."""

    flaw: str
    unit: str
    quantity: int
    lot: str | None
    on: On | None


class NaloxoneRecorded(Output):
    """A row of the custody ledger, the unit's stock with it, and what does not add up."""

    id: int
    unit: str
    kind: str
    quantity: int
    lot: str | None
    expires_on: On | None
    stock: int
    warnings: list[Flaw]


class Attendance(Output):
    """One person on the list of a session."""

    ref: str
    state: str


class Session(Output):
    """A group session with the persons whom this viewer may see."""

    id: str
    unit: str
    task: str
    starts_at: At
    minutes: int
    leader: str | None
    place: str | None
    capacity: int | None
    state: str
    held_at: At | None
    version: int
    attendance: list[Attendance]


class Sessions(Output):
    """A unit's sessions, in order, without who is on their lists."""

    sessions: list[Session]


class SessionHeld(Output):
    """What an attendance list did; `skipped` were there, but had the task settled before."""

    session: Session
    completed: list[str]
    skipped: dict[str, str]


class Remark(Output):
    """What is wrong with, or odd about, a row of a roster."""

    line: int
    column: str
    reason: str


class OlderList(Output):
    """Why a list is older than one taken in before it.

    The days of both, or, where these very bytes had been taken in, when that was.
    """

    newer_at: At
    own_on: On | None
    newer_on: On | None
    same_at: At | None


class Imported(Output):
    """What an import did; `rows` = created + updated + unchanged + rejected.

    `older` tells of a newer list that was taken in before, where this one changes something.
    """

    rows: int
    created: int
    updated: int
    unchanged: int
    transfers_proposed: int
    released: int
    missing_from_roster: list[str]
    rejected: list[Remark]
    warnings: list[Remark]
    older: OlderList | None


class Figure(Output):
    """One figure; `suppressed` hides value, numerator and denominator."""

    value: float | int | None
    numerator: int | None
    denominator: int | None
    pending: int | None
    suppressed: bool


Figures: TypeAlias = dict[str, Figure]


class Seal(Output):
    """By what a published report was made, so that it can be checked."""

    definitions: str
    software: str
    threshold: int
    sha256: str
    chain_heads: str
    notes: list[str]


class TertialReport(Output):
    """The indicators of a tertial. Of a unit's view only `units` holds anything."""

    period: str
    due_on: On
    state: str
    revision: int
    view: str
    as_of: At
    nation: Figures
    regions: dict[str, Figures]
    units: dict[str, Figures]
    seal: Seal | None = None


class FieldMistake(Output):
    """A field at fault."""

    field: str | None
    reason: str
    detail: str


class Problem(Output):
    """A refusal (RFC 9457). `type` is stable; `title` is in the language asked for."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str | None = None
    field: str | None = None
    reason: str | None = None
    errors: list[FieldMistake] | None = None
    current: dict[str, Any] | None = None
    yours: dict[str, Any] | None = None

"""The values of the domain: what a case is, as immutable dataclasses.

Everything here is a plain value without a clock and without a database. Instants are aware
datetimes in UTC, dates are local dates in Europe/Oslo. Codes are those of the domain and are
stored by value. A `Case` holds every fact the rules need; `cases.store` loads and writes it whole.
`Case` and `Task` have no slots, because they are read and copied by the thousand (`core.values`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from core.values import replaced

LATE_OPENING = timedelta(hours=48)
"""A case opened longer than this after the admission counts its T0 deadlines from the opening."""

SHORT_NOTICE_HOURS = 48
"""A release date that came to be known less than this before R is short notice (hasteløp)."""

LATE_ENTRY = timedelta(hours=72)
"""A fact recorded longer than this after it happened is a late entry."""

FOLLOW_UP_DAYS = 42
"""Days of follow-up after a release; the window ends at local midnight ending that day."""


class Step(StrEnum):
    """The four steps, in their order."""

    INTAKE_TALK = "INTAKE_TALK"
    OVERDOSE_INFO = "OVERDOSE_INFO"
    RELEASE_TALK = "RELEASE_TALK"
    TIME_IN_HAND = "TIME_IN_HAND"


class TaskState(StrEnum):
    """Where one task stands."""

    PREPARED = "prepared"
    OPEN = "open"
    DONE = "done"
    WAIVED = "waived"
    MISSED = "missed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """Where a step stands; derived from its tasks, never stored."""

    MISSED = "missed"
    OVERDUE = "overdue"
    OPEN = "open"
    PREPARED = "prepared"
    CANCELLED = "cancelled"
    DONE = "done"


class TaskClass(StrEnum):
    """The deadline class of a task: which calendar shifts its due time."""

    CLINICAL = "clinical"
    BEFORE_RELEASE = "before_release"
    ADMIN = "admin"


class Role(StrEnum):
    """Who a user is. `OPERATOR` is the command line, which acts as the system itself."""

    HEALTH = "health"
    OFFICER = "officer"
    COORDINATOR = "coordinator"
    UNIT_LEAD = "unit_lead"
    HEALTH_LEAD = "health_lead"
    DIRECTORATE = "directorate"
    ADMIN = "admin"
    OPERATOR = "operator"


class Owner(StrEnum):
    """Whose task it is; `ANY` is health, officer or coordinator (its notices: coordinator)."""

    HEALTH = "health"
    OFFICER = "officer"
    COORDINATOR = "coordinator"
    ANY = "any"


class Visibility(StrEnum):
    """`HEALTH` hides answers and who did it from correctional roles, never the state."""

    SHARED = "shared"
    HEALTH = "health"


class Phase(StrEnum):
    """The life of a case."""

    IN_PRISON = "in_prison"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"


class Participation(StrEnum):
    """The answer in force to the offer of the package."""

    NOT_ASKED = "not_asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    NOT_NOW = "not_now"
    WITHDRAWN = "withdrawn"


class AnswerReason(StrEnum):
    """Why somebody declined or withdrew; optional, a code, readable by health staff only."""

    NO_NEED = "no_need"
    NO_TRUST = "no_trust"
    NO_TIME = "no_time"
    OTHER = "other"


class CloseReason(StrEnum):
    """Why a case is closed."""

    COMPLETED = "completed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    NOT_PARTICIPATING = "not_participating"
    TRANSFERRED_OUT = "transferred_out"
    DEPORTED = "deported"
    DIED = "died"
    REIMPRISONED = "reimprisoned"
    REGISTERED_IN_ERROR = "registered_in_error"


class ReleaseKind(StrEnum):
    """The kinds of a known release date, the strongest first."""

    CONFIRMED = "confirmed"
    PAROLE = "parole"
    HOME_DETENTION = "home_detention"
    TWO_THIRDS = "two_thirds"
    FULL_TERM = "full_term"


class Destination(StrEnum):
    """Where a release leads. Only `LIBERTY` is a release in the counts."""

    LIBERTY = "liberty"
    HOME_DETENTION = "home_detention"
    DEPORTED = "deported"


class UnplannedReason(StrEnum):
    """Why a release came without warning."""

    COURT = "court"
    FINE_PAID = "fine_paid"
    APPEAL = "appeal"
    OTHER = "other"


class ReleaseNotice(StrEnum):
    """How long before the release its date was known (indicator I16)."""

    PLANNED = "planned"
    UNPLANNED = "unplanned"
    UNKNOWN = "unknown"


class WaiveReason(StrEnum):
    """Why a task was waived. Only `DONE_ELSEWHERE` counts as done."""

    DONE_ELSEWHERE = "done_elsewhere"
    NOT_RELEVANT = "not_relevant"
    ABSENT = "absent"
    TOO_SHORT_NOTICE = "too_short_notice"
    REFUSED_THIS_TASK = "refused_this_task"


class UndoReason(StrEnum):
    """Why a completion was taken back."""

    WRONG_PERSON = "wrong_person"
    WRONG_TASK = "wrong_task"
    NOT_DONE = "not_done"


class Form(StrEnum):
    """How a talk or an information was held."""

    GROUP = "group"
    INDIVIDUAL = "individual"


class IntakeAnswer(StrEnum):
    """The health answer of the intake talk; never shown to correctional roles."""

    AT_RISK = "at_risk"
    NOT_AT_RISK = "not_at_risk"
    UNKNOWN = "unknown"


class HandedOver(StrEnum):
    """What was in the hand at the gate."""

    CARD_AND_SPRAY = "card_and_spray"
    CARD_ONLY = "card_only"
    SPRAY_ONLY = "spray_only"


class Source(StrEnum):
    """Where a recorded fact came from."""

    ROSTER = "roster"
    STAFF = "staff"


class Protection(StrEnum):
    """Address protection (adressesperre)."""

    UNGRADED = "UGRADERT"
    CONFIDENTIAL = "FORTROLIG"
    STRICTLY_CONFIDENTIAL = "STRENGT_FORTROLIG"
    STRICTLY_CONFIDENTIAL_ABROAD = "STRENGT_FORTROLIG_UTLAND"


class AppointmentKind(StrEnum):
    """Kinds of appointment."""

    GP = "GP"
    OAT = "OAT"
    SPECIALIST_ADDICTION = "SPECIALIST_ADDICTION"
    MUNICIPAL_ADDICTION = "MUNICIPAL_ADDICTION"
    NAV = "NAV"
    HOUSING = "HOUSING"
    DENTIST = "DENTIST"
    PROBATION = "PROBATION"
    PEER_OR_MENTOR = "PEER_OR_MENTOR"
    NALOXONE_OUTLET = "NALOXONE_OUTLET"
    OTHER = "OTHER"


HEALTH_KINDS = frozenset(
    {
        AppointmentKind.GP,
        AppointmentKind.OAT,
        AppointmentKind.SPECIALIST_ADDICTION,
        AppointmentKind.MUNICIPAL_ADDICTION,
    }
)
"""The kinds that are *health* in the requirement of `appointments_confirmed`."""

WELFARE_KINDS = frozenset({AppointmentKind.NAV, AppointmentKind.HOUSING})
"""The kinds that are *NAV or municipality* in that requirement."""


class AppointmentStatus(StrEnum):
    """The life of an appointment."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    ATTENDED = "attended"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    MOVED = "moved"
    UNKNOWN = "unknown"


class AbsenceKind(StrEnum):
    """Ways out that are no release but carry the same risk."""

    LEAVE = "leave"
    TREATMENT_12 = "treatment_12"
    HALFWAY_HOUSE = "halfway_house"


class TransferState(StrEnum):
    """The life of a proposed transfer between units."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"


class ConsentPurpose(StrEnum):
    """What a person agreed to."""

    SMS = "sms"
    RESEARCH = "research"
    SHARING = "sharing"


class Receiver(StrEnum):
    """To whom details may be shared, for `ConsentPurpose.SHARING`."""

    HEALTH = "health"
    NAV = "nav"
    MUNICIPALITY = "municipality"


class ConsentHow(StrEnum):
    """How a consent was given or taken back."""

    ORAL = "oral"
    WRITTEN = "written"
    DIGITAL = "digital"


@dataclass(frozen=True)
class Task:
    """One task of a case: the rule's data as opened, and where it stands.

    `due_at` is null while nothing dates the task (prepared, or cancelled by the answer) and stays
    as it was once the task is settled. `known_at` is the instant at which the term that gives the
    due time came to be known; `hurried` says that rule 5 (known too late) gave it. `settled_at` is
    when the task stopped being open as it *happened*: its completion, waiver, the release it was
    missed at, or the closing. `told_at` is the latest rung instant already handled for this due
    time and `wake_at` the next one; both drive the sweep.
    """

    code: str
    step: Step
    owner: Owner
    visibility: Visibility
    klass: TaskClass
    required: bool
    state: TaskState = TaskState.PREPARED
    due_at: datetime | None = None
    known_at: datetime | None = None
    hurried: bool = False
    settled_at: datetime | None = None
    told_at: datetime | None = None
    wake_at: datetime | None = None
    done_at: datetime | None = None
    recorded_at: datetime | None = None
    done_by: str | None = None
    done_unit: str | None = None
    form: str | None = None
    reason: str | None = None
    answer: str | None = None
    missed_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether a person settled it (done or waived)."""
        return self.state in (TaskState.DONE, TaskState.WAIVED)

    @property
    def counts_as_done(self) -> bool:
        """Whether the counts take it as done: done, or waived because done elsewhere."""
        return self.state is TaskState.DONE or (
            self.state is TaskState.WAIVED and self.reason == WaiveReason.DONE_ELSEWHERE
        )

    @property
    def late_entry(self) -> bool:
        """Whether it was recorded more than 72 h after it happened."""
        return (
            self.done_at is not None
            and self.recorded_at is not None
            and self.recorded_at - self.done_at > LATE_ENTRY
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to the offer. `until_at` is when a later answer or the closing ended it."""

    seq: int
    status: Participation
    reason: str | None
    happened_at: datetime
    recorded_at: datetime
    by: str
    until_at: datetime | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReleaseDate:
    """One record about the release date of a kind; `on` is None where the date was withdrawn."""

    seq: int
    kind: ReleaseKind
    on: date | None
    source: Source
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The time one unit owns the case: from admission or acceptance of a transfer."""

    seq: int
    unit: str
    from_at: datetime
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment. `details` is the sealed text of whom, where and phone (base64).

    `moved_from` is the appointment that this one stands in place of; that one's status is `moved`.
    """

    id: str
    kind: AppointmentKind
    status: AppointmentStatus
    starts_at: datetime
    booked_at: datetime
    by: str
    confirmed_at: datetime | None = None
    outcome_at: datetime | None = None
    details: str = ""
    moved_from: str | None = None

    @property
    def unbooked(self) -> bool:
        """Whether it is a contact that was recorded once it had been (`cases.contact_made`).

        What is booked lies ahead when it is booked, and is confirmed before it is held.
        """
        return self.confirmed_at is None and self.starts_at <= self.booked_at


@dataclass(frozen=True, slots=True)
class Transfer:
    """One proposal to move the case from a unit to another."""

    id: str
    from_unit: str
    to_unit: str
    state: TransferState
    source: Source
    proposed_at: datetime
    proposed_by: str
    answered_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """One row of the consent ledger; the latest by time for a purpose and receiver is in force.

    `controller_id` is the health service that answers for it, `language` and `text_version` say
    which text the person agreed to and `how` in which way; None where that was not recorded.
    """

    seq: int
    purpose: ConsentPurpose
    receiver: Receiver | None
    given: bool
    happened_at: datetime
    recorded_at: datetime
    by: str
    controller_id: int | None = None
    language: str | None = None
    text_version: str | None = None
    how: ConsentHow | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """A leave, a treatment under § 12 or a stay in a halfway house, by local dates.

    `from_on` is the first day outside, `to_on` the last (None: not known yet). `informed_at` is
    when the person was told about the risk again, which counts nowhere else: `brief_info` keeps
    its one completion. A cancelled absence never took place.
    """

    seq: int
    kind: AbsenceKind
    from_on: date
    to_on: date | None
    recorded_at: datetime
    by: str
    informed_at: datetime | None = None
    informed_recorded_at: datetime | None = None
    informed_by: str | None = None
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueChange:
    """A due time (or none) that was in force until `until_at`, the moment another replaced it."""

    seq: int
    task: str
    due_at: datetime | None
    until_at: datetime


@dataclass(frozen=True)
class Case:
    """One imprisonment of one person, with everything the rules need.

    `person`, `ref` and `counted_as` are opaque references. `language`, `protection` and
    `reachable` (an SMS number is known and not stopped) are read with the case but belong to the
    person. `release_on` and `release_known_at` are the date in force and when it first came into
    force; `wake_at` is the next instant at which the case itself, not one of its tasks, needs the
    sweep. `told_at` is the latest such instant already handled.
    """

    ref: str
    person: str
    unit: str
    package: str
    admitted_at: datetime
    opened_at: datetime
    admitted_unit: str
    counted_as: str
    id: int | None = None
    version: int = 0
    earlier: str | None = None
    phase: Phase = Phase.IN_PRISON
    participation: Participation = Participation.NOT_ASKED
    released_at: datetime | None = None
    release_recorded_at: datetime | None = None
    release_source: Source | None = None
    released_unit: str | None = None
    destination: Destination | None = None
    unplanned: UnplannedReason | None = None
    release_notice: ReleaseNotice | None = None
    accepted_at_release: bool | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None
    release_on: date | None = None
    release_kind: ReleaseKind | None = None
    release_known_at: datetime | None = None
    wake_at: datetime | None = None
    told_at: datetime | None = None
    language: str = "nb"
    protection: Protection = Protection.UNGRADED
    reachable: bool = False
    tasks: tuple[Task, ...] = ()
    answers: tuple[Answer, ...] = ()
    release_dates: tuple[ReleaseDate, ...] = ()
    stays: tuple[Stay, ...] = ()
    appointments: tuple[Appointment, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    consents: tuple[Consent, ...] = ()
    due_changes: tuple[DueChange, ...] = ()
    absences: tuple[Absence, ...] = ()

    def task(self, code: str) -> Task | None:
        """The task with this code, or None."""
        for task in self.tasks:
            if task.code == code:
                return task
        return None

    def with_task(self, changed: Task) -> Case:
        """The case with one task replaced (matched by its code)."""
        return replaced(
            self, tasks=tuple(changed if t.code == changed.code else t for t in self.tasks)
        )

    @property
    def late_opened(self) -> bool:
        """Whether the case was opened more than 48 h after the admission."""
        return self.opened_at - self.admitted_at > LATE_OPENING

    @property
    def open_transfer(self) -> Transfer | None:
        """The transfer that waits for an answer, or None."""
        for transfer in self.transfers:
            if transfer.state is TransferState.PROPOSED:
                return transfer
        return None


def answers_in_order(answers: tuple[Answer, ...]) -> list[Answer]:
    """The answers that stand, by when they were given; on a tie the later record is later."""
    return sorted((a for a in answers if a.undone_at is None), key=lambda a: (a.happened_at, a.seq))


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is on one day."""

    code: str
    name: str
    kind: str
    region: str
    parent: str | None = None
    municipality: str | None = None
    aliases: tuple[str, ...] = field(default=())

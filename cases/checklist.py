"""PURE: what a package is made of: labels, ladders, the rules of tasks and steps. All immutable.

`cases.package` is the door: it loads a package from its file and gives the national one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cases.model import (
    HEALTH_KINDS,
    WELFARE_KINDS,
    AppointmentKind,
    Owner,
    Role,
    Step,
    TaskClass,
    Visibility,
)
from cases.terms import Later, Term

FALLBACK_LANGUAGE: Final = "nb"

CORE_TASKS: Final[Mapping[str, tuple[Step, TaskClass, Visibility]]] = {
    "intake_talk": (Step.INTAKE_TALK, TaskClass.CLINICAL, Visibility.HEALTH),
    "offer_answered": (Step.INTAKE_TALK, TaskClass.ADMIN, Visibility.SHARED),
    "brief_info": (Step.OVERDOSE_INFO, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "naloxone_training": (Step.OVERDOSE_INFO, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "talk_booked": (Step.RELEASE_TALK, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "talk_held": (Step.RELEASE_TALK, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "requests_sent": (Step.TIME_IN_HAND, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "appointments_confirmed": (Step.TIME_IN_HAND, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "card_printed": (Step.TIME_IN_HAND, TaskClass.BEFORE_RELEASE, Visibility.SHARED),
    "handed_over": (Step.TIME_IN_HAND, TaskClass.ADMIN, Visibility.SHARED),
}
"""The tasks every package has: indicators and privacy rest on their step, class and visibility."""

Requirement = tuple[frozenset[AppointmentKind], ...]
"""Of each set of kinds at least one appointment must be confirmed."""

NATIONAL_REQUIREMENT: Final[Requirement] = (HEALTH_KINDS, WELFARE_KINDS)
"""What `appointments_confirmed` requires (section 7), where a package says nothing else."""

Written = tuple[tuple[str, str], ...]
"""Keys and texts of a table as they were written."""


@dataclass(frozen=True, slots=True)
class Labels:
    """A text by language code."""

    texts: tuple[tuple[str, str], ...]

    def in_language(self, language: str) -> str:
        """The text in `language`, or in Bokmål where there is none."""
        texts = dict(self.texts)
        return texts.get(language, texts[FALLBACK_LANGUAGE])


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is told when a deadline passes. `lead_not_after` bounds the lead's rung from above."""

    late: Later
    late_to: Role
    lead: Later
    lead_to: Role
    lead_not_after: Term | None = None


_TOLD: Final[Mapping[Owner, Role]] = {
    Owner.HEALTH: Role.HEALTH,
    Owner.OFFICER: Role.OFFICER,
    Owner.COORDINATOR: Role.COORDINATOR,
    Owner.ANY: Role.COORDINATOR,
}


@dataclass(frozen=True, slots=True)
class TaskRule:
    """One task of the checklist as a rule. `forms` and `answers` are empty where there are none.

    `usual_form` is the form to be offered first, `own_ladder` what the task itself says of its
    ladder, as written, and `added_by` the overlay that added the task (None: the national package).
    """

    code: str
    step: Step
    owner: Owner
    visibility: Visibility
    klass: TaskClass
    required: bool
    labels: Labels
    terms: tuple[Term, ...]
    before: Term | None
    ladder: Ladder
    forms: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    open_on_not_now: bool = False
    usual_form: str | None = None
    own_ladder: Written = ()
    added_by: str | None = None

    def __hash__(self) -> int:
        # Rules are keys of the caches of plan and ladder; the code tells nearly all apart.
        return hash(self.code)

    @property
    def owner_role(self) -> Role:
        """The role that its notices go to; for `any` the coordinator."""
        return _TOLD[self.owner]

    @property
    def owner_lead(self) -> Role:
        """The lead of its owner."""
        return lead_of(self.owner)


@dataclass(frozen=True, slots=True)
class StepRule:
    """One of the four steps."""

    code: Step
    labels: Labels


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a package. `key` names it for ever (`national-1`, `national-1+oslo-2`).

    `ladder` is the ladder that its tasks share, as written.
    """

    key: str
    number: int
    tasks: tuple[TaskRule, ...]
    steps: tuple[StepRule, ...]
    ladder: Written = ()
    required_appointments: Requirement = NATIONAL_REQUIREMENT
    _by_code: Mapping[str, TaskRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_code", {rule.code: rule for rule in self.tasks})

    def __hash__(self) -> int:
        return hash(self.key)

    def rule(self, code: str) -> TaskRule:
        """The rule of a task. Raises `KeyError` for a task that is not in this package."""
        return self._by_code[code]

    def has(self, code: str) -> bool:
        """Whether the package has a task of this code."""
        return code in self._by_code

    def step_labels(self, step: Step) -> Labels:
        """The label of a step. Every package labels all four."""
        return next(rule.labels for rule in self.steps if rule.code is step)


def lead_of(owner: Owner) -> Role:
    """The role that answers for the tasks of an owner."""
    return Role.HEALTH_LEAD if owner is Owner.HEALTH else Role.UNIT_LEAD

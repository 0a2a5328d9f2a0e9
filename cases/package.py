"""A package: the four steps, their tasks and every deadline as data, checked when it is read.

The format is described at the top of `packages/national-1.toml`. A package is an immutable value;
an overlay of a unit will be another one built from it. A mistake in a file is refused with file,
line and rule, so that it stops an administrator today and not a nurse on a Friday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

from cases.calendar import Span
from cases.model import Form, HandedOver, IntakeAnswer, Owner, Role, Step, TaskClass, Visibility
from cases.package_file import PackageError, Source, Table
from cases.terms import Anchor, Later, Term, read_before, read_later, read_term

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
    """One task of the checklist as a rule. `forms` and `answers` are empty where there are none."""

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
    """One version of a package. `key` names it for ever (`national-1`)."""

    key: str
    number: int
    tasks: tuple[TaskRule, ...]
    steps: tuple[StepRule, ...]
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


def load_package(source: Path | str, *, name: str = "package") -> Package:
    """Read and check a package from a file, or from the text itself.

    `name` stands for the file in errors about a text. Raises `PackageError` at the first rule that
    is broken, with file, line and rule.
    """
    if isinstance(source, Path):
        name = source.name
        try:
            source = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as unreadable:
            raise PackageError(
                "unreadable", f"{name}: cannot be read: it must be a text file in UTF-8"
            ) from unreadable
    return _read_package(Source(name, source))


@lru_cache(maxsize=1)
def national() -> Package:
    """The national package that comes with Overlev."""
    bundled = resources.files("cases") / "packages" / "national-1.toml"
    return load_package(bundled.read_text(encoding="utf-8"), name="national-1.toml")


_KEY: Final = re.compile(r"[a-z]+(-[a-z0-9]+)*-([0-9]+)")
_TASK_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_ANSWERS: Final[Mapping[str, type[StrEnum]]] = {
    "intake_talk": IntakeAnswer,
    "handed_over": HandedOver,
}


def _read_package(source: Source) -> Package:
    top = Table(source, "", source.content())
    key, number = top.take("key", str), top.take("number", int)
    named = _KEY.fullmatch(key)
    if named is None or int(named[2]) != number:
        raise top.fault("bad_key", 'key must end with the number, like "national-1"', "key")
    ladder = Table(source, "ladder", top.take("ladder", dict))
    steps, tasks = top.take("step", dict), top.take("task", dict)
    top.end()
    return Package(
        key=key,
        number=number,
        tasks=_read_tasks(source, tasks, ladder),
        steps=_read_steps(source, steps),
    )


def _read_steps(source: Source, content: Mapping[str, object]) -> tuple[StepRule, ...]:
    labels: dict[str, Labels] = {}
    for code in content:
        table = _sub_table(source, "step", content, code)
        if code not in set(Step):
            raise table.fault("unknown_value", f"a step must be one of {', '.join(Step)}")
        labels[code] = _labels(table)
        table.end()
    for step in Step:
        if step not in labels:
            raise source.fault("missing_step", len(source.lines), f"step {step} is missing")
    return tuple(StepRule(step, labels[step]) for step in Step)


def _read_tasks(
    source: Source, content: Mapping[str, object], ladder: Table
) -> tuple[TaskRule, ...]:
    common = dict(ladder.left)
    not_after = ladder.read("lead_not_after", read_term) if "lead_not_after" in common else None
    common.pop("lead_not_after", None)
    if not_after is not None and (not_after.anchor is not Anchor.R or not_after.only_if):
        raise ladder.fault("bad_offset", "lead_not_after must be a term of R", "lead_not_after")
    if not_after is not None and not_after.span is Span.HOURS:
        raise ladder.fault("bad_offset", "lead_not_after is counted in days", "lead_not_after")
    # Reading it once for nobody finds its mistakes at its own line.
    _read_ladder(ladder, Owner.ANY, None)
    ladder.end()
    rules = []
    for code in content:
        table = _sub_table(source, "task", content, code)
        own = table.take("ladder", dict, {})
        rules.append(_read_task(table, code, {**common, **own}, not_after))
    found = {rule.code for rule in rules}
    for code in CORE_TASKS:
        if code not in found:
            raise source.fault(
                "missing_core_task",
                len(source.lines),
                f"task {code} is missing: a package cannot leave out a core task",
            )
    return tuple(rules)


def _read_task(
    table: Table, code: str, ladder: Mapping[str, object], not_after: Term | None
) -> TaskRule:
    if _TASK_CODE.fullmatch(code) is None:
        raise table.fault("bad_key", "a task's code is small letters, digits and _")
    owner = table.code("owner", Owner)
    klass = table.code("class", TaskClass)
    escalation = Table(table.source, table.header, ladder)
    rule = TaskRule(
        code=code,
        step=table.code("step", Step),
        owner=owner,
        visibility=table.code("visibility", Visibility),
        klass=klass,
        required=table.take("required", bool, default=True),
        labels=_labels(table),
        terms=tuple(table.read("due", read_term, text) for text in table.texts("due")),
        before=table.read("before", read_before) if "before" in table.left else None,
        ladder=_read_ladder(
            escalation, owner, not_after if klass is TaskClass.BEFORE_RELEASE else None
        ),
        forms=table.codes("forms", Form),
        answers=table.codes("answers", _ANSWERS[code]) if code in _ANSWERS else (),
        open_on_not_now=table.take("open_on_not_now", bool, default=False),
    )
    escalation.end()
    table.end()
    _check_core(table, rule)
    _check_terms(table, rule)
    return rule


def _read_ladder(table: Table, owner: Owner, not_after: Term | None) -> Ladder:
    return Ladder(
        late=table.read("late", read_later),
        late_to=_role(table, "late_to", owner),
        lead=table.read("lead", read_later),
        lead_to=_role(table, "lead_to", owner),
        lead_not_after=not_after,
    )


def _role(table: Table, key: str, owner: Owner) -> Role:
    if table.left.get(key) == "lead":
        del table.left[key]
        return lead_of(owner)
    role = table.code(key, Role)
    if role in (Role.DIRECTORATE, Role.ADMIN, Role.OPERATOR):
        raise table.fault("unknown_value", f"{key}: {role} is told nothing about a case", key)
    return role


def _check_core(table: Table, rule: TaskRule) -> None:
    core = CORE_TASKS.get(rule.code)
    if core is None:
        return
    for key, is_now, must_be in zip(
        ("step", "class", "visibility"), (rule.step, rule.klass, rule.visibility), core, strict=True
    ):
        if is_now is not must_be:
            raise table.fault("core_task", f"{key} of this core task must be {must_be}", key)


def _check_terms(table: Table, rule: TaskRule) -> None:
    if not rule.terms:
        raise table.fault("bad_offset", "due needs at least one term", "due")
    clinical = rule.klass is TaskClass.CLINICAL
    halves = set()
    for term in rule.terms:
        if (term.span is Span.HOURS) is not clinical or (clinical and term.anchor is Anchor.R):
            allowed = "hours from T0 (h)" if clinical else "days (d or wd)"
            raise table.fault("bad_offset", f"due: a {rule.klass} task counts in {allowed}", "due")
        if rule.klass is TaskClass.BEFORE_RELEASE and term.anchor is Anchor.R and term.amount >= 0:
            raise table.fault("bad_offset", "due: a before_release task is due before R", "due")
        if term.only_if is not None:
            halves.add((term.only_if.over, term.only_if.days))
    for over, days in halves:
        # With one half alone a release date could leave the task without any due time.
        if (not over, days) not in halves:
            raise table.fault(
                "bad_offset", f"due: R - T0 > {days} d and <= {days} d go together", "due"
            )


def _labels(table: Table) -> Labels:
    texts: list[tuple[str, str]] = []
    for language, text in table.take("label", dict).items():
        if _LANGUAGE.fullmatch(language) is None:
            raise table.fault("bad_label", f'label: "{language}" is no language code', "label")
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            raise table.fault("bad_label", f"label: {language} must be a line of text", "label")
        texts.append((language, text))
    if FALLBACK_LANGUAGE not in dict(texts):
        raise table.fault("bad_label", "label: nb is required", "label")
    return Labels(tuple(texts))


def _sub_table(source: Source, kind: str, content: Mapping[str, object], code: str) -> Table:
    inner = content[code]
    if not isinstance(inner, dict):
        raise source.fault(
            "wrong_type", source.line_of(kind, code), f"{kind} {code} must be a table", code
        )
    return Table(source, f"{kind}.{code}", inner)


__all__ = [
    "CORE_TASKS",
    "Anchor",
    "Labels",
    "Ladder",
    "Later",
    "Package",
    "PackageError",
    "StepRule",
    "TaskRule",
    "Term",
    "lead_of",
    "load_package",
    "national",
]

"""PURE: the tables of a package file become the values of `cases.checklist`, each rule checked.

A whole package and an overlay of a unit read their tables with the same functions, so that one
format and one set of refusals hold for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cases.calendar import Span
from cases.checklist import (
    CORE_TASKS,
    FALLBACK_LANGUAGE,
    NATIONAL_REQUIREMENT,
    Labels,
    Ladder,
    Package,
    Requirement,
    StepRule,
    TaskRule,
    Written,
    lead_of,
)
from cases.model import (
    HEALTH_KINDS,
    WELFARE_KINDS,
    AppointmentKind,
    Form,
    HandedOver,
    IntakeAnswer,
    Owner,
    Role,
    Step,
    TaskClass,
    Visibility,
)
from cases.package_file import Source, Table
from cases.terms import Anchor, Term, read_before, read_later, read_term

_KEY: Final = re.compile(r"[a-z]+(-[a-z0-9]+)*-([0-9]+)")
_TASK_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_KINDS: Final[Mapping[str, frozenset[AppointmentKind]]] = {
    "health": HEALTH_KINDS,
    "nav_or_municipality": WELFARE_KINDS,
}
_ANSWERS: Final[Mapping[str, type[StrEnum]]] = {
    "intake_talk": IntakeAnswer,
    "handed_over": HandedOver,
}


def read_package(source: Source) -> Package:
    """A whole package. Raises `PackageError` at the first rule that is broken."""
    top = Table(source, "", source.content())
    key, number = read_key(top)
    ladder = read_common_ladder(Table(source, "ladder", top.take("ladder", dict)))
    steps, tasks = top.take("step", dict), top.take("task", dict)
    required = NATIONAL_REQUIREMENT
    if "appointments" in top.left:
        required = read_required(Table(source, "appointments", top.take("appointments", dict)))
    top.end()
    return Package(
        key=key,
        number=number,
        tasks=_read_tasks(source, tasks, dict(ladder)),
        steps=_read_steps(source, steps),
        ladder=ladder,
        required_appointments=required,
    )


def read_key(top: Table) -> tuple[str, int]:
    """The name of a version and its number, which the name ends with."""
    key, number = top.take("key", str), top.take("number", int)
    named = _KEY.fullmatch(key)
    if named is None or int(named[2]) != number:
        raise top.fault("bad_key", 'key must end with the number, like "national-1"', "key")
    return key, number


def _read_steps(source: Source, content: Mapping[str, object]) -> tuple[StepRule, ...]:
    labels: dict[str, Labels] = {}
    for code in content:
        table = sub_table(source, "step", content, code)
        if code not in set(Step):
            raise table.fault("unknown_value", f"a step must be one of {', '.join(Step)}")
        labels[code] = read_labels(table)
        table.end()
    for step in Step:
        if step not in labels:
            raise source.fault("missing_step", len(source.lines), f"step {step} is missing")
    return tuple(StepRule(step, labels[step]) for step in Step)


def _read_tasks(
    source: Source, content: Mapping[str, object], ladder: Mapping[str, str]
) -> tuple[TaskRule, ...]:
    rules = tuple(
        read_task(sub_table(source, "task", content, code), code, ladder) for code in content
    )
    found = {rule.code for rule in rules}
    for code in CORE_TASKS:
        if code not in found:
            raise source.fault(
                "missing_core_task",
                len(source.lines),
                f"task {code} is missing: a package cannot leave out a core task",
            )
    return rules


def read_task(
    table: Table, code: str, ladder: Mapping[str, str], *, added_by: str | None = None
) -> TaskRule:
    """A whole task; `ladder` is the one that the package's tasks share."""
    if _TASK_CODE.fullmatch(code) is None:
        raise table.fault("bad_key", "a task's code is small letters, digits and _")
    owner = table.code("owner", Owner)
    klass = table.code("class", TaskClass)
    own_ladder = read_own_ladder(table)
    forms = table.codes("forms", Form)
    rule = TaskRule(
        code=code,
        step=table.code("step", Step),
        owner=owner,
        visibility=table.code("visibility", Visibility),
        klass=klass,
        required=table.take("required", bool, default=True),
        labels=read_labels(table),
        terms=read_terms(table),
        before=table.read("before", read_before) if "before" in table.left else None,
        ladder=ladder_of(table, {**ladder, **dict(own_ladder)}, owner, klass),
        forms=forms,
        answers=table.codes("answers", _ANSWERS[code]) if code in _ANSWERS else (),
        open_on_not_now=table.take("open_on_not_now", bool, default=False),
        usual_form=read_usual_form(table, forms),
        own_ladder=own_ladder,
        added_by=added_by,
    )
    table.end()
    _check_core(table, rule)
    check_terms(table, rule)
    return rule


def read_terms(table: Table) -> tuple[Term, ...]:
    """The terms of `due`."""
    return tuple(table.read("due", read_term, text) for text in table.texts("due"))


def read_usual_form(table: Table, forms: tuple[str, ...]) -> str | None:
    """The form that is to be offered first: one of the task's forms, None where nothing is said."""
    if "usual_form" not in table.left:
        return None
    usual = table.code("usual_form", Form).value
    if usual not in forms:
        raise table.fault(
            "unknown_value", f"usual_form: this task takes no form {usual}", "usual_form"
        )
    return usual


def read_own_ladder(table: Table) -> Written:
    """What a task says of its own ladder, as written; `ladder_of` then checks it."""
    own = table.take("ladder", dict, {})
    if "lead_not_after" in own:
        raise table.fault("unknown_key", "lead_not_after stands in [ladder], for all tasks")
    return tuple(own.items())


def read_common_ladder(table: Table, common: Mapping[str, str] | None = None) -> Written:
    """The ladder that all tasks share, over another that it changes in part, as written."""
    merged = {**(common or {}), **table.left}
    # Reading it once for nobody finds its mistakes at its own line.
    ladder_of(table, merged, Owner.ANY, TaskClass.BEFORE_RELEASE)
    return tuple((key, str(text)) for key, text in merged.items())


def ladder_of(table: Table, texts: Mapping[str, object], owner: Owner, klass: TaskClass) -> Ladder:
    """The ladder of a task with this owner; `table` is where a mistake in the texts stands."""
    escalation = Table(table.source, table.header, texts)
    not_after = _not_after(escalation) if "lead_not_after" in texts else None
    found = Ladder(
        late=escalation.read("late", read_later),
        late_to=_role(escalation, "late_to", owner),
        lead=escalation.read("lead", read_later),
        lead_to=_role(escalation, "lead_to", owner),
        lead_not_after=not_after if klass is TaskClass.BEFORE_RELEASE else None,
    )
    escalation.end()
    return found


def _not_after(ladder: Table) -> Term:
    not_after = ladder.read("lead_not_after", read_term)
    if not_after.anchor is not Anchor.R or not_after.only_if:
        raise ladder.fault("bad_offset", "lead_not_after must be a term of R", "lead_not_after")
    if not_after.span is Span.HOURS:
        raise ladder.fault("bad_offset", "lead_not_after is counted in days", "lead_not_after")
    return not_after


def read_required(table: Table) -> Requirement:
    """What `appointments_confirmed` requires: of each item one confirmed appointment.

    An item is a kind, a list of kinds of which one will do, `health` or `nav_or_municipality`.
    """
    found: list[frozenset[AppointmentKind]] = []
    for item in table.take("required", list):
        words = item if isinstance(item, list) else [item]
        if not words or not all(isinstance(word, str) for word in words):
            raise table.fault(
                "wrong_type", "required must be a list of kinds, or of lists of kinds", "required"
            )
        kinds: set[AppointmentKind] = set()
        for word in words:
            kinds |= _KINDS.get(word) or {table.as_code("required", word, AppointmentKind)}
        found.append(frozenset(kinds))
    if not found:
        raise table.fault("wrong_type", "required needs at least one kind", "required")
    table.end()
    return tuple(found)


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


def check_terms(table: Table, rule: TaskRule) -> None:
    """Raise `PackageError` where the terms do not suit the class of the task."""
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


def read_labels(table: Table) -> Labels:
    """The label by language; Bokmål is required."""
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


def sub_table(source: Source, kind: str, content: Mapping[str, object], code: str) -> Table:
    """The table of one task or step, to be read key by key."""
    inner = content[code]
    if not isinstance(inner, dict):
        raise source.fault(
            "wrong_type", source.line_of(kind, code), f"{kind} {code} must be a table", code
        )
    return Table(source, f"{kind}.{code}", inner)

"""PURE: the file of an overlay becomes the value of `cases.overlay`, checked against its parent.

Every refusal is a `PackageError` with file, line and rule: a mistake stops an administrator when
the overlay is saved, and never a nurse on a Friday.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from cases import strictness
from cases.checklist import Package, Requirement, StepRule, TaskRule, Written
from cases.model import Owner, Step, TaskClass, Visibility
from cases.overlay import JOINED, Overlay, TaskChange, apply, over
from cases.package_file import Source, Table, source_of
from cases.package_reading import (
    check_terms,
    ladder_of,
    read_common_ladder,
    read_key,
    read_labels,
    read_own_ladder,
    read_package,
    read_required,
    read_task,
    read_terms,
    read_usual_form,
    sub_table,
)
from cases.strictness import Strictness
from cases.terms import read_before

LONGEST_KEY: Final = 64
LONGEST_REASON: Final = 300


def load_any(
    source: Path | str, parents: Callable[[str], Package | None], *, name: str = "package"
) -> Package:
    """The package that a file describes: a whole one, or an overlay applied to its parent.

    `parents` gives the package with a key, or None. Raises `PackageError`.
    """
    text = source_of(source, name)
    if "parent" not in text.content():
        return read_package(text)
    overlay, parent = _read_overlay(text, parents)
    return apply(parent, overlay)


def load_overlay(
    source: Path | str, parents: Callable[[str], Package | None], *, name: str = "overlay"
) -> tuple[Overlay, Package]:
    """An overlay from a file or a text, and its parent.

    Raises `PackageError` at the first rule that is broken, with file, line and rule.
    """
    return _read_overlay(source_of(source, name), parents)


def _read_overlay(
    source: Source, parents: Callable[[str], Package | None]
) -> tuple[Overlay, Package]:
    top = Table(source, "", source.content())
    key, number = read_key(top)
    parent = _parent(top, key, parents)
    ladder: Written = ()
    if "ladder" in top.left:
        table = Table(source, "ladder", top.take("ladder", dict))
        ladder = read_common_ladder(table, dict(parent.ladder))
    required, why = _read_required(top, parent)
    steps = _read_steps(source, top.take("step", dict, {}))
    changes: list[TaskChange] = []
    added: list[TaskRule] = []
    removed: set[str] = set()
    tasks = top.take("task", dict, {})
    for code in tasks:
        table = sub_table(source, "task", tasks, code)
        if not parent.has(code):
            added.append(_added(table, code, dict(ladder or parent.ladder), key))
        elif "remove" in table.left:
            removed.add(_removed(table, parent.rule(code)))
        else:
            changes.append(_change(table, parent.rule(code), dict(ladder or parent.ladder)))
    top.end()
    overlay = Overlay(
        key=key,
        number=number,
        parent=parent.key,
        steps=steps,
        changes=tuple(changes),
        added=tuple(added),
        removed=frozenset(removed),
        ladder=ladder,
        required=required,
        required_reason=why,
    )
    return overlay, parent


def _parent(top: Table, key: str, parents: Callable[[str], Package | None]) -> Package:
    named = top.take("parent", str)
    name = key.rpartition("-")[0]
    # A chain of parents only ever grows at its end, so it cannot close upon itself but by naming
    # the unit's own overlay; a newer version takes the place of an older one, beside it.
    if name in {part.rpartition("-")[0] for part in named.split(JOINED)}:
        raise top.fault(
            "parent_cycle",
            f"parent: {key} cannot stand on {named}, which is or holds a version of {name}: "
            "name the package that the first version of it stood on",
            "parent",
        )
    parent = parents(named)
    if parent is None:
        raise top.fault(
            "unknown_parent",
            f'parent: there is no package "{named}": write the whole key, like "national-1", and '
            "save the parent first",
            "parent",
        )
    if len(parent.key) + len(JOINED) + len(key) > LONGEST_KEY:
        raise top.fault("bad_key", f"the whole key is longer than {LONGEST_KEY} letters", "key")
    return parent


def _read_steps(source: Source, content: Mapping[str, object]) -> tuple[StepRule, ...]:
    found = []
    for code in content:
        table = sub_table(source, "step", content, code)
        if code not in set(Step):
            raise table.fault("unknown_value", f"a step must be one of {', '.join(Step)}")
        found.append(StepRule(Step(code), read_labels(table)))
        table.end()
    return tuple(found)


def _read_required(top: Table, parent: Package) -> tuple[Requirement | None, str | None]:
    if "appointments" not in top.left:
        return None, None
    table = Table(top.source, "appointments", top.take("appointments", dict))
    why = _reason(table)
    required = read_required(table)
    if why is None and (
        strictness.of_requirement(parent.required_appointments, required) is Strictness.LOOSER
    ):
        raise table.fault(
            "reason_missing",
            f"required lets go of appointments that {parent.key} asks for: say why (reason)",
            "required",
        )
    return required, why


def _added(table: Table, code: str, ladder: Mapping[str, str], key: str) -> TaskRule:
    if "remove" in table.left:
        raise table.fault("unknown_task", "there is no such task to remove", "remove")
    rule = read_task(table, code, ladder, added_by=key)
    if rule.visibility is Visibility.HEALTH and rule.owner is not Owner.HEALTH:
        # Its owner could not read what the task hides.
        raise table.fault(
            "unknown_value", "visibility health belongs to a task of owner health", "visibility"
        )
    return rule


def _removed(table: Table, rule: TaskRule) -> str:
    if not table.take("remove", bool):
        raise table.fault("unknown_value", "remove is true, or left out", "remove")
    if rule.added_by is None:
        raise table.fault(
            "core_task",
            "a task of the national package cannot be removed: a case where it does not fit waives "
            "it with a reason",
            "remove",
        )
    table.end()
    return rule.code


_FIXED: Final = {
    "step": Step,
    "owner": Owner,
    "class": TaskClass,
    "visibility": Visibility,
}
_OF_THE_PARENT: Final = ("required", "forms", "answers", "open_on_not_now")


def _change(table: Table, rule: TaskRule, ladder: Mapping[str, str]) -> TaskChange:
    _check_fixed(table, rule)
    why = _reason(table)
    change = TaskChange(
        code=rule.code,
        labels=read_labels(table) if "label" in table.left else None,
        before=table.read("before", read_before) if "before" in table.left else None,
        usual_form=read_usual_form(table, rule.forms),
        ladder=read_own_ladder(table),
    )
    if change.ladder:
        texts = {**ladder, **dict(over(rule.own_ladder, change.ladder))}
        ladder_of(table, texts, rule.owner, rule.klass)
    if "due" in table.left:
        terms = read_terms(table)
        check_terms(table, replace(rule, terms=terms))
        change = replace(
            change, terms=terms, strictness=strictness.of_terms(rule.terms, terms, rule.klass)
        )
    if change.strictness is Strictness.LOOSER and why is None:
        raise table.fault(
            "reason_missing",
            "due falls later than before for at least some stays: say why (reason)",
            "due",
        )
    if change.terms is None and why is not None:
        raise table.fault("unknown_key", "reason belongs to a changed due", "reason")
    table.end()
    return replace(change, reason=why)


def _check_fixed(table: Table, rule: TaskRule) -> None:
    """What an overlay may repeat, as a copy of the parent's table has it, but not change."""
    stands = {
        "step": rule.step,
        "owner": rule.owner,
        "class": rule.klass,
        "visibility": rule.visibility,
    }
    for key, kind in _FIXED.items():
        if key in table.left and table.code(key, kind) is not stands[key]:
            raise table.fault(
                "core_task",
                f"{key} of this task is {stands[key]}: an overlay cannot change it",
                key,
            )
    for key in _OF_THE_PARENT:
        if key in table.left:
            raise table.fault(
                "core_task",
                f"{key} of this task belongs to its package: an overlay changes label, due, "
                "before, usual_form and ladder",
                key,
            )


def _reason(table: Table) -> str | None:
    if "reason" not in table.left:
        return None
    text = table.take("reason", str)
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_REASON:
        raise table.fault(
            "bad_reason", f"reason must be a line of at most {LONGEST_REASON} letters", "reason"
        )
    return text

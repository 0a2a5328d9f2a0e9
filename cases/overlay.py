"""PURE: a unit's own way of doing it: an overlay as a value, and applied to its parent.

`cases.overlay_reading` reads and checks it. An overlay is a file of its own, in the words of a
package file:

    key = "oslo-2"              # this version's own name; it ends with its number
    number = 2
    parent = "national-1"       # what it stands on: a national version, or another unit's overlay
                                # by its whole key ("national-1+oslo-2")

    [step.TIME_IN_HAND]
    label = { nb = "Avtale i hånden" }      # takes the place of the label in every language

    [task.talk_held]
    label = { nb = "Utslusingssamtale" }
    due = ["R - 10 d"]          # stricter: no more is needed
    before = "4 d before due"
    usual_form = "group"
    ladder = { late = "24 h" }  # what it does not name stays

    [task.talk_booked]
    due = ["R - 21 d"]          # looser in at least one case (`cases.strictness`): needs a reason
    reason = "Kalenderen settes opp tre uker fram"

    [task.room_cleared]         # a code that the parent does not have adds a task, told in full
    step = "TIME_IN_HAND"
    …

    [task.old_own_task]
    remove = true               # only what an overlay has added

    [ladder]                    # for all tasks, but where a task says otherwise
    late = "2 wd"

    [appointments]
    required = ["health", "nav_or_municipality", ["PEER_OR_MENTOR", "DENTIST"]]
    reason = "…"                # where something that was asked for is not any more

It cannot take away a task of the national package, nor change its step, owner, class or
visibility: indicators and privacy rest on them. The package that comes of it is called
`national-1+oslo-2` for ever. Every refusal names file, line and rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cases.checklist import Labels, Package, Requirement, StepRule, TaskRule, Written
from cases.model import Step
from cases.package_file import Source, Table
from cases.package_reading import ladder_of
from cases.strictness import Strictness
from cases.terms import Term

JOINED: Final = "+"
"""Between the names in the key of a package made by overlays."""


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What an overlay changes of a task of its parent; None and () leave things as they are.

    `strictness` is that of `terms` against the parent's; a looser one has its `reason`.
    """

    code: str
    labels: Labels | None = None
    terms: tuple[Term, ...] | None = None
    strictness: Strictness = Strictness.SAME
    reason: str | None = None
    before: Term | None = None
    usual_form: str | None = None
    ladder: Written = ()


@dataclass(frozen=True, slots=True)
class Overlay:
    """One version of a unit's adaptation, checked against its parent.

    `ladder` is the whole shared ladder as it is with this overlay, () where it stays.
    """

    key: str
    number: int
    parent: str
    steps: tuple[StepRule, ...] = ()
    changes: tuple[TaskChange, ...] = ()
    added: tuple[TaskRule, ...] = ()
    removed: frozenset[str] = frozenset()
    ladder: Written = ()
    required: Requirement | None = None
    required_reason: str | None = None

    @property
    def package_key(self) -> str:
        """The key of the package that comes of it."""
        return f"{self.parent}{JOINED}{self.key}"


def parent_of(key: str) -> str | None:
    """The key of the package that an overlay's package stands on, None for a national one."""
    parent, joined, _ = key.rpartition(JOINED)
    return parent if joined else None


def lineage(key: str) -> tuple[str, ...]:
    """The keys of a package and of all it stands on, itself first."""
    parent = parent_of(key)
    return (key,) if parent is None else (key, *lineage(parent))


def apply(parent: Package, overlay: Overlay) -> Package:
    """The package that a unit works by: the parent with what the overlay says.

    An added task stands last in its step. Raises `ValueError` for another package than the parent.
    """
    if parent.key != overlay.parent:
        msg = f"{overlay.key} stands on {overlay.parent}, not on {parent.key}"
        raise ValueError(msg)
    changes = {change.code: change for change in overlay.changes}
    ladder = overlay.ladder or parent.ladder
    kept = [
        _changed(rule, changes.get(rule.code), dict(ladder), whole=bool(overlay.ladder))
        for rule in parent.tasks
        if rule.code not in overlay.removed
    ]
    labels = {rule.code: rule for rule in overlay.steps}
    return Package(
        key=overlay.package_key,
        number=overlay.number,
        tasks=tuple(rule for step in Step for rule in (*kept, *overlay.added) if rule.step is step),
        steps=tuple(labels.get(rule.code, rule) for rule in parent.steps),
        ladder=ladder,
        required_appointments=overlay.required or parent.required_appointments,
    )


def _changed(
    rule: TaskRule, change: TaskChange | None, ladder: Mapping[str, str], *, whole: bool
) -> TaskRule:
    own = rule.own_ladder if change is None else over(rule.own_ladder, change.ladder)
    if whole or own != rule.own_ladder:
        texts = {**ladder, **dict(own)}
        found = ladder_of(Table(Source(rule.code, ""), "", {}), texts, rule.owner, rule.klass)
        rule = replace(rule, own_ladder=own, ladder=found)
    if change is None:
        return rule
    return replace(
        rule,
        labels=change.labels or rule.labels,
        terms=change.terms or rule.terms,
        before=change.before or rule.before,
        usual_form=change.usual_form or rule.usual_form,
    )


def over(one: Written, other: Written) -> Written:
    """A ladder as written, changed in part by another."""
    return tuple({**dict(one), **dict(other)}.items())

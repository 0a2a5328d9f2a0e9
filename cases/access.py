"""Who may see and do what. The one door for reading cases is `cases.queries.visible_cases`.

A `Viewer` is one person (or token, or the command line) in one role over some units. Roles
without cases are refused before any look-up; another unit's case does not exist (`NotFound`);
the wrong role in the right unit is `NotAllowed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cases.model import Owner, Role, Task, Visibility
from core.errors import NotAllowed

PAST_ACCESS: Final = timedelta(days=14)
"""How long a sending unit may read its own past of a case after a transfer."""

CASE_ROLES: Final = frozenset(
    {
        Role.HEALTH,
        Role.OFFICER,
        Role.COORDINATOR,
        Role.UNIT_LEAD,
        Role.HEALTH_LEAD,
        Role.OPERATOR,
    }
)
"""Roles that may open a case at all; the others see counts or settings."""

HEALTH_ROLES: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.OPERATOR})
"""Roles that may read health answers, and reasons and history of participation."""

COMPLETERS: Final[dict[Owner, frozenset[Role]]] = {
    Owner.HEALTH: frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.OPERATOR}),
    Owner.OFFICER: frozenset({Role.OFFICER, Role.UNIT_LEAD, Role.OPERATOR}),
    Owner.COORDINATOR: frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.OPERATOR}),
    Owner.ANY: frozenset(
        {
            Role.HEALTH,
            Role.HEALTH_LEAD,
            Role.OFFICER,
            Role.COORDINATOR,
            Role.UNIT_LEAD,
            Role.OPERATOR,
        }
    ),
}
"""Who may complete a task: its owner role, or that role's lead."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `account` is an opaque name for the logs; `units` are codes.

    `controllers` are the ids of the controllers (data responsible bodies) the viewer belongs to:
    a health answer is readable only by members of the one it belongs to.
    """

    account: str
    role: Role
    units: frozenset[str] = frozenset()
    controllers: frozenset[int] = frozenset()

    @property
    def sees_all_units(self) -> bool:
        """Whether no unit limits the view: only the command line."""
        return self.role is Role.OPERATOR

    @property
    def reads_health(self) -> bool:
        """Whether health answers may be selected for this viewer at all."""
        return self.role in HEALTH_ROLES


OPERATOR: Final = Viewer("operator", Role.OPERATOR)
"""The command line: the system operator, who may do and see everything and is audited as such."""

SYSTEM: Final = Viewer("system", Role.OPERATOR)
"""What the engine does by itself: closings, asked-again offers."""


def check_may_open_cases(viewer: Viewer) -> None:
    """Raise `NotAllowed` for roles that have no cases, before anything is looked up."""
    if viewer.role not in CASE_ROLES:
        raise NotAllowed(f"The role {viewer.role} works with counts or settings, not with cases.")


def may_complete(viewer: Viewer, task: Task) -> bool:
    """Whether the viewer's role may complete, waive or undo this task."""
    return viewer.role in COMPLETERS[task.owner]


def sees_who(viewer: Viewer, task: Task) -> bool:
    """Whether the viewer may see who did a task: health tasks hide it from correctional roles."""
    return task.visibility is Visibility.SHARED or viewer.reads_health


def acts_in(viewer: Viewer, unit: str) -> bool:
    """Whether the viewer belongs to the unit."""
    return viewer.sees_all_units or unit in viewer.units

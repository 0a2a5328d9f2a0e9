"""Health answers: in a table of their own, sealed, readable by members of their controller only.

They stand in no event and in no row that correctional roles may read; what an event says is that
the talk was held.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select

from cases import vault
from cases.access import Viewer
from cases.model import Case, Role, Task, Visibility
from cases.tables import health_answer, unit_controller
from core.clock import local_date

_CONTROLLER: Final = (
    select(unit_controller.c.controller_id)
    .where(
        unit_controller.c.unit == bindparam("unit"),
        unit_controller.c.kind == "health",
        or_(
            unit_controller.c.valid_from.is_(None), unit_controller.c.valid_from <= bindparam("on")
        ),
        or_(unit_controller.c.valid_to.is_(None), unit_controller.c.valid_to > bindparam("on")),
    )
    .limit(1)
    .scalar_subquery()
)
_KEEP: Final = insert(health_answer).values(
    case_id=bindparam("case_id"),
    task=bindparam("task"),
    controller_id=_CONTROLLER,
    value_enc=bindparam("value_enc"),
    recorded_at=bindparam("recorded_at"),
    by=bindparam("by"),
)
_FORGET: Final = delete(health_answer).where(
    and_(health_answer.c.case_id == bindparam("case_id"), health_answer.c.task == bindparam("task"))
)
_ANSWERS: Final = select(
    health_answer.c.task, health_answer.c.controller_id, health_answer.c.value_enc
).where(health_answer.c.case_id == bindparam("case_id"))


def is_private(task: Task) -> bool:
    """Whether the answer of this task is a health answer."""
    return task.visibility is Visibility.HEALTH


def keep_answer(
    tx: Connection, case: Case, task: str, answer: str, viewer: Viewer, *, now: datetime
) -> None:
    """Seal and keep an answer under the health controller of the unit on that day."""
    values: dict[str, Any] = {
        "case_id": case.id,
        "task": task,
        "unit": case.unit,
        "on": local_date(now),
        "value_enc": vault.seal(tx, case.person, vault.HEALTH, {task: answer}),
        "recorded_at": now,
        "by": viewer.account,
    }
    tx.execute(_KEEP, values)


def forget_answer(tx: Connection, case: Case, task: str) -> None:
    """Take an answer away: the completion it came with was undone."""
    tx.execute(_FORGET, {"case_id": case.id, "task": task})


def answers_for(tx: Connection, viewer: Viewer, case: Case) -> dict[str, str]:
    """The health answers this viewer may read, by task; nothing is selected for other roles.

    Belonging to the controller decides, not the unit: after a transfer to another municipality
    the answers stay behind. An erased person's answers are gone.
    """
    if not viewer.reads_health:
        return {}
    found: dict[str, str] = {}
    for row in tx.execute(_ANSWERS, {"case_id": case.id}):
        if viewer.role is Role.OPERATOR or row.controller_id in viewer.controllers:
            opened = vault.unseal(tx, case.person, vault.HEALTH, row.value_enc)
            answer = opened.get(row.task)
            if answer is not None:
                found[row.task] = answer
    return found

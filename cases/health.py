"""Health answers and notes: in a table of their own, sealed, for members of their controller only.

After a transfer to another municipality they stay behind; the service that holds them can hand a
copy on, which then belongs to the receiving one. They stand in no event and in no row that
correctional roles may read; what an event says is that the talk was held.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from cases import vault
from cases.access import Viewer
from cases.model import Case, Role, Task, Visibility
from cases.tables import health_answer, unit_controller
from core.clock import local_date
from core.statement import Prepared

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
_KEEP: Final = Prepared(
    insert(health_answer).values(
        case_id=bindparam("case_id"),
        task=bindparam("task"),
        controller_id=_CONTROLLER,
        value_enc=bindparam("value_enc"),
        recorded_at=bindparam("recorded_at"),
        by=bindparam("by"),
    )
)
_COPY: Final = insert(health_answer)
_REPLACE: Final = (
    update(health_answer)
    .where(
        health_answer.c.case_id == bindparam("b_case_id"),
        health_answer.c.task == bindparam("b_task"),
        health_answer.c.controller_id == bindparam("b_controller_id"),
    )
    .values(
        value_enc=bindparam("value_enc"), recorded_at=bindparam("recorded_at"), by=bindparam("by")
    )
)
_FORGET: Final = delete(health_answer).where(
    and_(health_answer.c.case_id == bindparam("case_id"), health_answer.c.task == bindparam("task"))
)
_ANSWERS: Final = select(
    health_answer.c.task, health_answer.c.controller_id, health_answer.c.value_enc
).where(health_answer.c.case_id == bindparam("case_id"))


_HOLDERS: Final = select(health_answer.c.controller_id).where(
    health_answer.c.case_id == bindparam("case_id"), health_answer.c.task == bindparam("task")
)


def note_of(contact: str) -> str:
    """What the note of a contact stands under among the health answers."""
    return f"contact:{contact}"


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
    _KEEP.run(tx, values)


def replace_answer(
    tx: Connection, case: Case, task: str, answer: str, viewer: Viewer, *, now: datetime
) -> None:
    """Put another answer in the place of those that the viewer's service holds of this task."""
    for row in tx.execute(_ANSWERS, {"case_id": case.id}).all():
        if row.task == task and _holds(viewer, row.controller_id):
            tx.execute(
                _REPLACE,
                {
                    "b_case_id": case.id,
                    "b_task": task,
                    "b_controller_id": row.controller_id,
                    "value_enc": vault.seal(tx, case.person, vault.HEALTH, {task: answer}),
                    "recorded_at": now,
                    "by": viewer.account,
                },
            )


def forget_answer(tx: Connection, case: Case, task: str) -> None:
    """Take an answer away, and every copy of it: the completion it came with was undone."""
    tx.execute(_FORGET, {"case_id": case.id, "task": task})


def copy_answers(
    tx: Connection, viewer: Viewer, case: Case, *, to_controller: int, now: datetime
) -> list[str]:
    """Give the answers that the viewer's service holds to another as well; the tasks copied.

    What the other holds already stays as it is. The seal names the person, not the service.
    """
    rows = tx.execute(_ANSWERS, {"case_id": case.id}).all()
    there = {row.task for row in rows if row.controller_id == to_controller}
    held = {row.task: row.value_enc for row in rows if _holds(viewer, row.controller_id)}
    copied = sorted(held.keys() - there)
    for task in copied:
        tx.execute(
            _COPY,
            {
                "case_id": case.id,
                "task": task,
                "controller_id": to_controller,
                "value_enc": held[task],
                "recorded_at": now,
                "by": viewer.account,
            },
        )
    return copied


def holds_answers(tx: Connection, viewer: Viewer, case: Case) -> bool:
    """Whether the viewer's service holds any answer of the case."""
    rows = tx.execute(_ANSWERS, {"case_id": case.id})
    return any(_holds(viewer, row.controller_id) for row in rows)


def holds_more_than(tx: Connection, viewer: Viewer, case: Case, controller: int) -> bool:
    """Whether the viewer's service holds an answer that another one lacks."""
    rows = tx.execute(_ANSWERS, {"case_id": case.id}).all()
    there = {row.task for row in rows if row.controller_id == controller}
    return any(_holds(viewer, row.controller_id) and row.task not in there for row in rows)


def held_elsewhere(tx: Connection, viewer: Viewer, case: Case, task: str) -> set[int]:
    """The services that hold the answer to a task where the viewer's does not.

    That there is one, the state of the task says to everybody; empty for who reads no answers.
    """
    if not viewer.reads_health:
        return set()
    holders = set(tx.execute(_HOLDERS, {"case_id": case.id, "task": task}).scalars())
    return set() if any(_holds(viewer, each) for each in holders) else holders


def _holds(viewer: Viewer, controller_id: int) -> bool:
    return viewer.role is Role.OPERATOR or controller_id in viewer.controllers


def answers_for(tx: Connection, viewer: Viewer, case: Case) -> dict[str, str]:
    """The health answers this viewer may read, by task; nothing is selected for other roles.

    Belonging to the controller decides, not the unit: after a transfer to another municipality
    the answers stay behind. An erased person's answers are gone.
    """
    if not viewer.reads_health:
        return {}
    found: dict[str, str] = {}
    for row in tx.execute(_ANSWERS, {"case_id": case.id}):
        if _holds(viewer, row.controller_id):
            opened = vault.unseal(tx, case.person, vault.HEALTH, row.value_enc)
            answer = opened.get(row.task)
            if answer is not None:
                found[row.task] = answer
    return found

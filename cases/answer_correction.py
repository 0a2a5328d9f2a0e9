"""A health answer that was typed wrongly, put right: the talk stays held, as it was.

To undo the task and do it again would say that it was not done, and would make a late entry of it.
Only the answer is another here: when it was, in what form, who held it and when that was recorded
stay. The history says that the answer was corrected to whoever reads such answers, and to nobody
else; neither the one nor the other answer stands in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from cases import health, queries, rules, store
from cases.access import Viewer, may_complete
from cases.model import Case, TaskState
from cases.registry import package_named
from cases.store import Verb
from core.errors import BadInput, NotAllowed, Refused

WRONG_ANSWER: Final = "wrong_answer"
"""Why the answer before was taken back, as the event says it."""


def correct_answer(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    code: str,
    answer: str,
    *,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Replace the health answer of a task that is done, where the viewer's service holds it.

    A copy that another health service was given is that service's. Raises `CaseNotFound`,
    `NotAllowed`, `NotYourTask`, `StaleVersion`, `BadInput`; `Refused` where no answer is held.
    """
    before = queries.case_for_update(tx, viewer, ref)
    rules.check_version(before, version)
    task = rules.task_of(before, code)
    if not viewer.reads_health:
        raise NotAllowed("Only health staff correct a health answer.")
    if not may_complete(viewer, task):
        raise rules.NotYourTask(
            f"{code} belongs to the role {task.owner}: the role {viewer.role} cannot correct it"
        )
    package = package_named(tx, before.package)
    held = health.answers_for(tx, viewer, before).get(code) if health.is_private(task) else None
    if task.state is not TaskState.DONE or held is None:
        raise Refused(f"{code} has no health answer that could be corrected here.")
    rules.check_answer(code, answer, package.rule(code) if package.has(code) else None)
    if answer == held:
        raise BadInput("nothing_new", "Nothing was changed.", "answer")
    health.replace_answer(tx, before, code, answer, viewer, now=now)
    return store.write_changes(
        tx,
        before,
        before,
        Verb.ANSWER_CORRECTED,
        viewer,
        now=now,
        controller=rules.controller_of(task),
        undone={code: WRONG_ANSWER},
    )

"""One task of one person: done (when, how, with what answer), waived, undone, put off, handed on.

Whoever comes second sees what the first one wrote beside their own, and chooses.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import answer_correction, desk, people, queries, service, standing
from cases.access import COMPLETERS, may_complete, sees_who
from cases.health import answers_for, is_private
from cases.model import (
    Case,
    Participation,
    Phase,
    Role,
    Task,
    TaskState,
    UndoReason,
    WaiveReason,
)
from cases.registry import package_named
from cases.release import DATING
from cases.rules import StaleVersion, TaskNotOpen, task_of
from cases.service import TaskDone
from cases.views import CASE_READ
from core.clock import local_date
from core.errors import BadInput, NotAllowed
from core.keystore import KeyDestroyed
from web.i18n import marked
from web.pages import rows
from web.pages.acts import ASSIGN, CORRECT, OFFER, until, usual_form, with_told
from web.pages.dates import for_input
from web.pages.forms import Errors, chosen, tried
from web.pages.lacking import BEFORE_IT, lacking
from web.pages.lacking import TASK as APPOINTMENTS
from web.pages.moment import WHEN, said_when, times_offered, typed_at, when_in
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, whole
from web.pages.words import WORDS, label_of
from web.policy import CASE_WORKERS, allow

CHANGED_SINCE: Final = marked(
    "Saken er endret mens du så på den. Se svaret som står, og rett igjen."
)

router: Final = Pages()


@router.get("/cases/{ref}/tasks/{code}")
@allow(CASE_WORKERS)
def task_page(visit: Visited, ref: str, code: str) -> Response:
    """Everything that can be done with the task."""
    return _page(visit, ref, code, {})


@router.post("/cases/{ref}/tasks/{code}")
@allow(CASE_WORKERS)
def change_task(visit: Visited, ref: str, code: str) -> Response:
    """Do one of it."""
    verb = _VERBS.get(visit.typed("do"))
    if verb is None:
        raise BadInput("unknown_code", "This button is not known here. Load the page anew.", "do")

    def do(tx: Connection) -> str:
        verb(tx, visit, ref, code)
        return with_told(f"/cases/{ref}", f"{_said(tx, visit, ref, code)}/{ref}/{code}")

    try:
        answer = tried_here(visit, do)
    except (TaskNotOpen, StaleVersion) as taken:
        if visit.typed("do") == CORRECT:
            again = visit.translate(CHANGED_SINCE)
            return _page(visit, ref, code, {"answer": again}, status=taken.status)
        theirs = dict(taken.current) if isinstance(taken, TaskNotOpen) else {}
        return _page(visit, ref, code, {}, status=taken.status, theirs=theirs)
    return answer if isinstance(answer, Response) else _page(visit, ref, code, answer, status=422)


def _said(tx: Connection, visit: Visit, ref: str, code: str) -> str:
    """What the receipt says was done."""
    do = visit.typed("do")
    do = visit.typed("wanted") if do == "replace" else do
    if do == "snooze":
        return f"{do}{until(tx, visit, ref, code)}"
    if do == ASSIGN:
        return f"{do}:{visit.typed('to')}"
    return do if do in ("undo", "waive", CORRECT) else "done"


def tried_here(visit: Visit, verb: Any) -> Response | Errors:
    """As `tried`, but what somebody else settled first is the page's own matter."""
    found: list[TaskNotOpen | StaleVersion] = []

    def watched(tx: Connection) -> str:
        try:
            return str(verb(tx))
        except (TaskNotOpen, StaleVersion) as taken:
            found.append(taken)
            raise

    answer = tried(visit, watched)
    if found and not isinstance(answer, Response):
        raise found[0]
    return answer


def _complete(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    if code == OFFER:
        reason = visit.typed("reason") or None
        service.answer_offer(
            tx,
            visit.viewer,
            ref,
            visit.typed("answer"),
            now=visit.now,
            happened_at=when_in(visit),
            reason=reason,
        )
        return
    form = visit.typed("form") or usual_form(tx, visit.viewer, ref, code)
    answer, lot = visit.typed("answer") or None, visit.typed("lot") or None
    if answer is None and _known_answers(tx, visit, ref, code):
        raise BadInput("no_answer", "Choose one of the answers.", "answer")
    done = TaskDone(code, when_in(visit), form, answer, lot)
    service.complete_task(tx, visit.viewer, ref, done, now=visit.now)


def _known_answers(tx: Connection, visit: Visit, ref: str, code: str) -> tuple[str, ...]:
    """The answers of which a task takes one; an empty one would count as none was given."""
    package = package_named(tx, queries.case_by_ref(tx, visit.viewer, ref).package)
    return package.rule(code).answers if package.has(code) else ()


def _replace(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    """What stands there is taken back, and what was typed takes its place, in one go."""
    case = queries.case_by_ref(tx, visit.viewer, ref)
    if task_of(case, code).finished:
        # Only what was shown is replaced: what a third person did meanwhile is shown first.
        seen = visit.typed("version")
        version = whole(seen) or 0
        why = UndoReason.NOT_DONE.value
        service.undo_task(tx, visit.viewer, ref, code, why, now=visit.now, version=version)
    (_waive if visit.typed("wanted") == "waive" else _complete)(tx, visit, ref, code)


def _waive(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    service.waive_task(
        tx, visit.viewer, ref, code, visit.typed("why"), now=visit.now, happened_at=when_in(visit)
    )


def _undo(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    service.undo_task(tx, visit.viewer, ref, code, visit.typed("why"), now=visit.now)


def _correct(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    answer, seen = visit.typed("answer"), visit.typed("version")
    if not answer:
        raise BadInput("no_answer", "Choose one of the answers.", "answer")
    # What somebody else has corrected meanwhile is shown first.
    version = int(seen) if seen.isdecimal() else None
    answer_correction.correct_answer(
        tx, visit.viewer, ref, code, answer, now=visit.now, version=version
    )


def _snooze(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    days = visit.typed("days")
    desk.snooze(tx, visit.viewer, [(ref, code)], whole(days) or 0, now=visit.now)


def _assign(tx: Connection, visit: Visit, ref: str, code: str) -> None:
    desk.assign(tx, visit.viewer, [(ref, code)], visit.typed("to") or None, now=visit.now)


_VERBS: Final = {
    "complete": _complete,
    "replace": _replace,
    "waive": _waive,
    "undo": _undo,
    CORRECT: _correct,
    "snooze": _snooze,
    "assign": _assign,
}


def _page(
    visit: Visit,
    ref: str,
    code: str,
    errors: Errors,
    *,
    status: int = 200,
    theirs: dict[str, Any] | None = None,
) -> Response:
    viewer, now = visit.viewer, visit.now
    with visit.house.db.read() as tx:
        case = queries.case_by_ref(tx, viewer, ref)
        task = task_of(case, code)
        if not may_complete(viewer, task):
            raise NotAllowed(f"{code} belongs to the role {task.owner}.")
        package = package_named(tx, case.package)
        rule = package.rule(code) if package.has(code) else None
        identity = people.identity_of(tx, case.person)
        colleagues = (
            [
                each
                for each in desk.colleagues(tx, viewer, now=now)
                if each.unit == case.unit and Role(each.role) in COMPLETERS[task.owner]
            ]
            if viewer.role in desk.TIDYING
            else []
        )
        who = desk.names_of_accounts(tx, [task.done_by])
        usual = usual_form(tx, viewer, ref, code)
        answer = _answer_of(tx, visit, case, task)
        lacks = lacking(tx, visit, case) if code == APPOINTMENTS else []
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    missed = task.state is TaskState.MISSED and case.released_at is not None
    offered = times_offered(case, now) if missed else WHEN
    said = said_when(visit)
    return page(
        visit,
        "pages/task.html",
        status,
        ref=ref,
        code=code,
        name=identity.name if identity is not None else "",
        label=label_of(package, code, visit.language),
        task=task,
        overdue=standing.is_overdue(task, now),
        forms=rule.forms if rule is not None else (),
        answers=_answers(rule.answers if rule is not None else (), code, case),
        answer_options=[
            (each, visit.translate(WORDS["answer"][each]))
            for each in (rule.answers if rule is not None and code != OFFER else ())
        ],
        reason_options=[
            (each.value, visit.translate(WORDS["waive"][each.value])) for each in WaiveReason
        ],
        undo_reasons=[each.value for each in UndoReason],
        colleagues=colleagues,
        tidies=viewer.role in desk.TIDYING,
        waits=task.state in (TaskState.OPEN, TaskState.MISSED) or code == OFFER,
        missed=missed,
        released_at=case.released_at,
        offered=offered,
        bounds=_bounds(case, now) if missed else "",
        values=chosen(
            visit.values() | {"when": said if said in offered else "other"},
            form=usual or "",
            at="",
            to="",
            why="",
        ),
        errors=errors,
        lacks=lacks,
        said_not_now=case.participation is Participation.NOT_NOW,
        asks=may_complete(viewer, task_of(case, OFFER)),
        dates_it=case.phase is Phase.IN_PRISON and viewer.role in DATING,
        before_it=visit.translate(BEFORE_IT),
        theirs=theirs,
        version=case.version,
        answer=answer,
        corrects=is_private(task) and task.state is TaskState.DONE and answer is not None,
        mine_at=typed_at(visit),
        wanted=visit.typed("wanted", visit.typed("do")),
        done_by=who.get(task.done_by or "") if sees_who(viewer, task) else None,
        today=local_date(now),
    )


def _bounds(case: Case, now: datetime) -> str:
    """The first and last minute of a time field for what can only have been done in prison."""
    last = for_input(case.released_at or now)
    return f'min="{for_input(case.admitted_at)}" max="{last}"'


def _answers(known: tuple[str, ...], code: str, case: Case) -> tuple[str, ...]:
    if code != OFFER:
        return known
    if case.participation is Participation.ACCEPTED:
        return ("withdrawn", "not_now", "declined")
    return ("accepted", "not_now", "declined")


def _answer_of(tx: Connection, visit: Visit, case: Case, task: Task) -> str | None:
    if task.code == OFFER:
        return case.participation.value
    if not is_private(task):
        return task.answer
    try:
        return answers_for(tx, visit.viewer, case).get(task.code)
    except KeyDestroyed:
        return None

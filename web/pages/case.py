"""One person's way out: four steps in order, what is next, appointments, consents, history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from fastapi import Response
from sqlalchemy import Connection

from cases import (
    appointments,
    desk,
    health,
    history,
    organisation,
    people,
    queries,
    release,
    transfers,
    views,
    worklist,
)
from cases.access import COMPLETERS, PAST_ACCESS, Viewer, acts_in, sees_who
from cases.checklist import Package
from cases.consents import consent_in_force
from cases.desk import OnDesk
from cases.leave import RECORDING as ABSENCES
from cases.model import (
    Case,
    CloseReason,
    ConsentPurpose,
    Owner,
    Phase,
    Receiver,
    StepState,
    Task,
    TaskState,
    WaiveReason,
)
from cases.naloxone import KEEPING
from cases.print_outs import card_in_force, is_outdated, prints_whole
from cases.registry import package_named
from cases.rules import check_appointments
from cases.service import CONSENTING
from cases.short_form import FILLING_IN
from cases.task_line import BOOKED, HELD
from cases.transfers import TRANSFERRING
from cases.views import SEES_CONSENTS, View
from core.clock import local_date
from core.errors import Refused
from web.pages import ill_timed, papers, rows
from web.pages.acts import handed_to
from web.pages.case_history import history_of
from web.pages.case_receipts import receipt_of
from web.pages.follow_up import contacts_of
from web.pages.lacking import BEFORE_IT, lacking
from web.pages.messages import sends
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import label_of, step_label
from web.policy import CASE_WORKERS, allow

TALK: Final = "intake_talk"

_RED: Final = frozenset({StepState.OVERDUE.value, StepState.MISSED.value})
_NOT_TAKEN_BACK: Final = frozenset({CloseReason.REIMPRISONED, CloseReason.REGISTERED_IN_ERROR})

router: Final = Pages()


@router.get("/cases/{ref}")
@allow(CASE_WORKERS)
def case_page(visit: Visited, ref: str) -> Response:
    """The whole case as this viewer may see it."""
    shown = visit.house.db.transact(lambda tx: gathered(tx, visit, ref))
    told = shown["told"]
    if told is not None and told.ref != ref:
        rows.log_look(visit, worklist.LISTED, [told.ref])
    return page(visit, "pages/case.html", **shown)


def gathered(tx: Connection, visit: Visit, ref: str) -> dict[str, Any]:
    """Everything that the page of a case shows; the reading is logged."""
    viewer, now = visit.viewer, visit.now
    view = views.read_case(tx, viewer, ref, now=now)
    case = queries.case_by_ref(tx, viewer, ref, past=True, now=now)
    here = acts_in(viewer, case.unit)
    identity = people.identity_of(tx, case.person)
    name = identity.name if identity is not None else ""
    units = organisation.unit_names(tx, local_date(now))
    package = package_named(tx, view["package"])
    held = _talk_held(view)
    put = desk.on_desk(tx, case, now=now) if here else {}
    for step in view["steps"]:
        step["label"] = step_label(package, step["step"], visit.language)
        step["mark"] = _mark(step)
        if step["mark"] in _RED and held and not _is_red_beside(step, BOOKED):
            step["mark"] = "partly"
        for task in step["tasks"]:
            task["label"] = label_of(package, task["task"], visit.language)
            task["desk"] = _desk_of(viewer, put.get(task["task"]), case.task(task["task"]))
            task["mine"] = here and viewer.role in COMPLETERS[Owner(task["owner"])]
    _mark_dates(view)
    given_up = history.stay_given_up(viewer, case)
    done_by = (task["done_by"] for step in view["steps"] for task in step["tasks"])
    happened = history_of(tx, visit, case, units) if here else []
    notes = ill_timed.notes_of(visit, case) if here else {}
    return {
        "view": view,
        "ref": ref,
        "provider": sends(visit),
        "name": name,
        "born_on": identity.born_on if identity is not None else None,
        "owned": here,
        "units": units,
        "labels": {task["task"]: task["label"] for step in view["steps"] for task in step["tasks"]},
        "people": desk.names_of_accounts(
            tx, [*done_by, *(each.by for each in happened), handed_to(visit), *_named(put)]
        ),
        "next": _next(view),
        "happened": happened,
        "may": {what: can and here for what, can in may(viewer, case).items()},
        "warnings": ill_timed.warned(visit, case) if here else [],
        "again": ill_timed.to_book_again(view) if here and may(viewer, case)["book"] else set(),
        "notes": notes,
        "consents": _consents(view) if viewer.role in SEES_CONSENTS and "consents" in view else {},
        "talk_held": held,
        "outdated": here and _has_old_card(tx, case, now),
        "prints_whole": prints_whole(viewer, case, now=now),
        "confirmed_ready": _appointments_hold(case, package),
        "lacks": lacking(tx, visit, case) if here else [],
        "contacts": contacts_of(case, now) if here and may(viewer, case)["contact"] else None,
        "before_it": visit.translate(BEFORE_IT),
        "hands_on": not here and transfers.may_share_answers(tx, viewer, case, now=now),
        "handed_on": not here and visit.told("said") == "answers",
        "left_behind": _left_behind(tx, viewer, case, now) if here else None,
        "now_at": case.unit,
        "reads_until": _reads_until(given_up.to_at) if given_up and given_up.to_at else None,
        "readers": _readers(case, now) if here else [],
        "told": rows.told(tx, visit) if here else None,
        "said": receipt_of(visit, view, name, units, notes) if here else None,
        "papers": papers.offered(viewer, case) if here and identity is not None else [],
    }


def _left_behind(
    tx: Connection, viewer: Viewer, case: Case, now: datetime
) -> tuple[str, date, bool, bool] | None:
    """Who holds the answer to the intake talk that did not come along, None where there is none.

    The unit, the last day on which they may hand it on, whether that has passed, and whether the
    person agrees to it.
    """
    before = [(stay.unit, stay.to_at) for stay in case.stays if stay.to_at is not None]
    holders = health.held_elsewhere(tx, viewer, case, TALK) if before else set()
    for unit, given_at in reversed(before):
        if holders & set(organisation.health_controllers(tx, [unit], local_date(given_at))):
            agrees = consent_in_force(case, ConsentPurpose.SHARING, Receiver.HEALTH) is not None
            return unit, _reads_until(given_at), now >= given_at + PAST_ACCESS, agrees
    return None


def _has_old_card(tx: Connection, case: Case, now: datetime) -> bool:
    """Whether the card that was printed names what is no longer so.

    Gone through by its task; where that is not ticked, or waits while the answer is "not now",
    the print itself.
    """
    card = case.task("card_printed")
    if card is None or not case.appointments:
        return False
    printed_at = card.done_at if card.state is TaskState.DONE else None
    if card.state in (TaskState.OPEN, TaskState.PREPARED):
        printed_at = card_in_force(tx, case)
    return printed_at is not None and is_outdated(case, printed_at, now=now)


def may(viewer: Viewer, case: Case) -> dict[str, bool]:
    """What this role can do with the case as it stands; the verbs decide in the end."""
    is_open = case.phase is not Phase.CLOSED
    inside = case.phase is Phase.IN_PRISON
    role = viewer.role
    return {
        "book": is_open and role in appointments.BOOKING,
        "contact": case.phase is Phase.FOLLOW_UP and role in appointments.BOOKING,
        "date": inside and role in release.DATING,
        "release": inside and role in release.RELEASING,
        "unplanned": inside and role in FILLING_IN,
        "close": is_open and role in release.CLOSING,
        "transfer": inside and role in TRANSFERRING,
        "consent": is_open and role in CONSENTING,
        "answer": is_open and role in COMPLETERS[Owner.HEALTH],
        "absence": inside and role in ABSENCES,
        "undo_release": case.released_at is not None
        and case.close_reason not in _NOT_TAKEN_BACK
        and role in release.RELEASING,
        "spray": role in KEEPING,
    }


def _desk_of(viewer: Viewer, put: OnDesk | None, task: Task | None) -> OnDesk | None:
    """What the page says of who has an open task and who took it off the board, if anything.

    Who has a task of the health service is nobody's matter that may not see who did it, except
    theirs who hand tasks out.
    """
    if put is None or task is None or task.state is not TaskState.OPEN:
        return None
    return put if viewer.role in desk.TIDYING or sees_who(viewer, task) else None


def _named(put: Mapping[str, OnDesk]) -> list[str | None]:
    """The accounts that the desk names."""
    return [
        each for one in put.values() for each in (one.assigned_to, one.assigned_by, one.snoozed_by)
    ]


def _talk_held(view: View) -> bool:
    """Whether the release talk was held, as far as this view goes."""
    tasks = (task for step in view["steps"] for task in step["tasks"])
    return any(task["task"] == HELD and task["state"] == "done" for task in tasks)


def _appointments_hold(case: Case, package: Package) -> bool:
    """Whether the task of confirmed appointments can be ticked."""
    try:
        check_appointments(case, package.required_appointments)
    except Refused:
        return False
    return True


def _reads_until(given_at: datetime) -> date:
    return local_date(given_at + PAST_ACCESS)


def _readers(case: Case, now: datetime) -> list[tuple[str, date]]:
    """The units that gave the case away and still read their own past of it, and until when."""
    latest = {stay.unit: stay.to_at for stay in case.stays if stay.to_at is not None}
    return [
        (unit, _reads_until(at))
        for unit, at in latest.items()
        if unit != case.unit and now < at + PAST_ACCESS
    ]


def _mark_dates(view: View) -> None:
    """Of the dates of each kind only the latest holds; the others are shown crossed out."""
    later: set[str] = set()
    for record in reversed(view["release_dates"]):
        record["gone"] = record["kind"] in later or record["on"] is None
        later.add(record["kind"])


def _mark(step: View) -> str:
    """How a step looks: its state; what was waived, or applies no longer, is no green tick.

    What was done elsewhere counts as done.
    """
    if step["state"] != StepState.DONE:
        return str(step["state"])
    counted = [task for task in step["tasks"] if task["state"] != TaskState.CANCELLED]
    done = [
        task["state"] == TaskState.DONE or task["reason"] == WaiveReason.DONE_ELSEWHERE
        for task in counted
    ]
    if all(done):
        return "done" if len(counted) == len(step["tasks"]) else "partly"
    return "partly" if any(done) else "waived"


def _is_red_beside(step: View, code: str) -> bool:
    """Whether anything of a step is late or was missed beside this task."""
    others = (task for task in step["tasks"] if task["task"] != code)
    return any(task["overdue"] or task["state"] == TaskState.MISSED for task in others)


def _next(view: View) -> View | None:
    """The open task with the earliest deadline; a talk that was held needs no booking."""
    tasks = [task for step in view["steps"] for task in step["tasks"]]
    held = _talk_held(view)
    waiting = [
        task
        for task in tasks
        if task["state"] == "open" and task["due_at"] and not (held and task["task"] == BOOKED)
    ]
    return min(waiting, key=lambda task: str(task["due_at"]), default=None)


def _consents(view: View) -> dict[str, View]:
    """The consent in force of each purpose, the latest row of each."""
    latest: dict[str, View] = {}
    for row in view["consents"]:
        latest[row["purpose"] + (f":{row['to']}" if row["to"] else "")] = row
    return latest

"""What one tap on a list does: done, yesterday, an answer, waived, undone, put off, handed on.

A button says it whole: `done/REF/TASK`, `done/REF/TASK/ANSWER`, `yesterday/REF/TASK`,
`offer/REF/accepted`, `waive/REF/TASK/REASON`, `undo/REF/TASK/REASON`, `snooze/REF/TASK/7`,
`wake/REF/TASK`, `outcome/REF/APPOINTMENT/attended`, `contact/REF/phone/attended`,
`uncontact/REF/CONTACT/REASON`. A list and its buttons are one form, so that it stays small and
works without a script.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection
from starlette.responses import Response

from cases import appointments, contact_made, desk, queries, service
from cases.access import Viewer
from cases.appointments import AppointmentNotFound
from cases.contact_made import Contact
from cases.model import AppointmentStatus
from cases.registry import package_named
from cases.service import TaskDone
from core.errors import BadInput
from web.pages.dates import yesterday
from web.pages.once import once
from web.pages.receipts import TOLD
from web.pages.visit import Pages, Visit, Visited, address, local_path, whole
from web.policy import CASE_WORKERS, allow

OFFER: Final = "offer_answered"
OUTCOME: Final = "outcome"
"""The verb that says how an appointment went; it names that where others name a task."""

CONTACT: Final = "contact"
UNCONTACT: Final = "uncontact"
"""The verbs that record a contact after the release and take it back; both name the contact."""

router: Final = Pages()


@router.post("/act")
@allow(CASE_WORKERS)
def act(visit: Visited) -> Response:
    """Do what a button of a list says, and show the list again with what was done."""
    parts = visit.typed("do").split("/")
    verb = _VERBS.get(parts[0])
    if verb is None or len(parts) < 3:
        raise BadInput("unknown_code", "This button is not known here. Load the page anew.", "do")

    def do(tx: Connection) -> str:
        made = verb(tx, visit.viewer, parts[1], parts[2:], visit.now)
        about = f"{parts[1]}/{made or (OFFER if parts[0] == 'offer' else parts[2])}"
        more = until(tx, visit, parts[1], parts[2]) if parts[0] == "snooze" else ""
        said = f"{parts[0]}{more}"
        where = with_told(visit.typed("next", "/"), f"{said}/{about}")
        return where + _place(visit, parts[1], parts[2:])

    return once(visit, do)


def _place(visit: Visit, ref: str, rest: list[str]) -> str:
    """Where on the page to go on: on a case at the task, on a list at the row that is next."""
    if visit.typed("next").partition("?")[0] == f"/cases/{ref}":
        if visit.typed("do").partition("/")[0] in OF_APPOINTMENTS:
            return "#appointments"
        code = rest[0] if visit.typed("do").partition("/")[0] != "offer" else OFFER
        return f"#task-{code}"
    return "#resume"


def with_told(path: str, told: str) -> str:
    """A page's address with what was just done, which becomes its receipt.

    A verb may hold more after a colon: until when (`snooze:`), or to whom (`assign:`).
    """
    parts = urlsplit(local_path(path))
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in TOLD]
    return address(parts.path, [*kept, ("did", told)])


def until(tx: Connection, visit: Visit, ref: str, code: str) -> str:
    """Until when a task is off the board that was just put off, as a verb's more."""
    case = queries.case_by_ref(tx, visit.viewer, ref)
    put = desk.on_desk(tx, case, now=visit.now).get(code)
    off = put.off_until if put is not None else None
    return f":{off.isoformat()}" if off is not None else ""


def usual_form(tx: Connection, viewer: Viewer, ref: str, code: str) -> str | None:
    """How a task is held where nobody says otherwise: the unit's usual form, else individually."""
    case = queries.case_by_ref(tx, viewer, ref)
    package = package_named(tx, case.package)
    if not package.has(code):
        return None
    rule = package.rule(code)
    if not rule.forms:
        return None
    return rule.usual_form or ("individual" if "individual" in rule.forms else rule.forms[0])


def _done(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    told: list[str],
    *,
    now: datetime,
    at: datetime | None = None,
) -> None:
    code, answer = told[0], told[1] if len(told) > 1 else None
    form = usual_form(tx, viewer, ref, code)
    service.complete_task(tx, viewer, ref, TaskDone(code, at, form, answer), now=now)


def _done_now(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    _done(tx, viewer, ref, told, now=now)


def _done_yesterday(
    tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime
) -> None:
    _done(tx, viewer, ref, told, now=now, at=yesterday(now))


def _offer(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    service.answer_offer(tx, viewer, ref, told[0], now=now)


def _waive(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    service.waive_task(tx, viewer, ref, told[0], _argument(told), now=now)


def _undo(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    service.undo_task(tx, viewer, ref, told[0], _argument(told), now=now)


def _snooze(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    days = _argument(told)
    desk.snooze(tx, viewer, [(ref, told[0])], whole(days) or 0, now=now)


def _wake(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    desk.wake(tx, viewer, [(ref, told[0])], now=now)


def _outcome(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    if all(each.id != told[0] for each in queries.case_by_ref(tx, viewer, ref).appointments):
        raise AppointmentNotFound("There is no such appointment here.")
    appointments.record_outcome(tx, viewer, told[0], _argument(told), now=now)


def _contact(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> str:
    reached = {
        AppointmentStatus.ATTENDED.value: True,
        AppointmentStatus.NO_SHOW.value: False,
    }.get(_argument(told))
    if reached is None:
        raise BadInput("unknown_code", "Say whether the person was reached.", "do")
    return record_contact(tx, viewer, ref, Contact(told[0], reached), now=now)


def record_contact(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    contact: Contact,
    *,
    now: datetime,
    at: datetime | None = None,
) -> str:
    """Record a contact; returns its number."""
    known = {each.id for each in queries.case_by_ref(tx, viewer, ref).appointments}
    after = contact_made.record_contact(tx, viewer, ref, contact, now=now, happened_at=at)
    return next(each.id for each in after.appointments if each.id not in known)


def _uncontact(tx: Connection, viewer: Viewer, ref: str, told: list[str], now: datetime) -> None:
    if all(each.id != told[0] for each in queries.case_by_ref(tx, viewer, ref).appointments):
        raise AppointmentNotFound("There is no such contact here.")
    contact_made.undo_contact(tx, viewer, told[0], _argument(told), now=now)


def _argument(told: list[str]) -> str:
    return told[1] if len(told) > 1 else ""


_Verb = Callable[[Connection, Viewer, str, list[str], datetime], str | None]
"""Does it; returns the number of what was made, where it is that which the receipt is about."""

_VERBS: Final[dict[str, _Verb]] = {
    "done": _done_now,
    "yesterday": _done_yesterday,
    "offer": _offer,
    "waive": _waive,
    "undo": _undo,
    "snooze": _snooze,
    "wake": _wake,
    OUTCOME: _outcome,
    CONTACT: _contact,
    UNCONTACT: _uncontact,
}
OF_APPOINTMENTS: Final = frozenset({OUTCOME, CONTACT, UNCONTACT})
"""Those that are about an appointment, and no task."""

ASSIGN: Final = "assign"
CORRECT: Final = "correct"
"""A health answer that was typed wrongly, put right on the page of its task."""

_TOLD: Final = {*_VERBS, ASSIGN, CORRECT}


def told_of(visit: Visit) -> tuple[str, str, str] | None:
    """What was just done, as (verb, case reference, task), from the page's receipt."""
    parts = visit.told("did").split("/")
    known = len(parts) == 3 and parts[0].partition(":")[0] in _TOLD
    return (parts[0], parts[1], parts[2]) if known else None


def handed_to(visit: Visit) -> str | None:
    """To whose account a task was just handed, None where that is not what was done."""
    verb, _, to = (told_of(visit) or ("",))[0].partition(":")
    return to if verb == ASSIGN and to else None

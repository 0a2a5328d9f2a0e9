"""Appointments: requested, confirmed, moved, cancelled, and how they went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import appointments, people, queries, vault
from cases.access import Viewer
from cases.appointments import BOOKING, NEXT, AppointmentNotFound, Booking
from cases.consents import SHARED_WITH, sees_details
from cases.contact_made import may_undo
from cases.model import Appointment, AppointmentKind, AppointmentStatus, Case, Phase
from cases.rules import check_owns, check_role
from cases.views import CASE_READ
from core.errors import BadInput, NotAllowed, Refused
from core.keystore import KeyDestroyed
from web.pages import rows
from web.pages.acts import CONTACT
from web.pages.dates import for_input
from web.pages.forms import Errors, chosen, time_in, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import WORDS
from web.policy import CASE_WORKERS, allow

router: Final = Pages()


@router.get("/cases/{ref}/appointments/new")
@allow(CASE_WORKERS)
def new_page(visit: Visited, ref: str) -> Response:
    """The form for a new one."""
    return _new(visit, ref, {})


@router.post("/cases/{ref}/appointments/new")
@allow(CASE_WORKERS)
def book(visit: Visited, ref: str) -> Response:
    """Book it."""

    def verb(tx: Connection) -> str:
        booking = Booking(
            kind=visit.typed("kind"),
            starts_at=_starts_at(visit),
            with_whom=visit.typed("with"),
            place=visit.typed("place"),
            phone=visit.typed("phone") or None,
            status=visit.typed("status", "requested"),
        )
        known = {each.id for each in queries.case_by_ref(tx, visit.viewer, ref).appointments}
        after = appointments.book(tx, visit.viewer, ref, booking, now=visit.now)
        new = next((each.id for each in after.appointments if each.id not in known), "")
        return f"/cases/{ref}?said=appointment/{new}"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _new(visit, ref, answer, status=422)


@router.get("/cases/{ref}/appointments/{number}")
@allow(CASE_WORKERS)
def one_page(visit: Visited, ref: str, number: str) -> Response:
    """What can be done with one."""
    return _one(visit, ref, number, {})


@router.post("/cases/{ref}/appointments/{number}")
@allow(CASE_WORKERS)
def change(visit: Visited, ref: str, number: str) -> Response:
    """Do it."""
    do = visit.typed("do")

    def verb(tx: Connection) -> str:
        case = queries.case_by_ref(tx, visit.viewer, ref)
        this = _check_of(case, number)
        if do == "correct":
            _correct(tx, visit, case, this)
            return f"/cases/{ref}?said=corrected/{number}"
        if do == "move":
            appointments.move(
                tx,
                visit.viewer,
                number,
                _starts_at(visit),
                now=visit.now,
                with_whom=visit.typed("with") or None,
                place=visit.typed("place") or None,
                phone=visit.typed("phone") or None,
            )
        else:
            appointments.record_outcome(tx, visit.viewer, number, do, now=visit.now)
        said = "moved" if do == "move" else CONTACT if this.unbooked else "appointment"
        return f"/cases/{ref}?said={said}/{number}"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _one(visit, ref, number, answer, status=422)


RIGHT: Final = {"with": "right_with", "place": "right_place", "phone": "right_phone"}
"""Details of an appointment, and the fields in which they are put right."""


def _may_move(case: Case, this: Appointment) -> bool:
    return AppointmentStatus.MOVED in NEXT[this.status] and case.phase is not Phase.CLOSED


def _may_correct(case: Case, this: Appointment, now: datetime) -> bool:
    """Whether details can be put right: they are by a move to the same time, in an open case.

    After the release that would take the appointment out of the figures of who attended.
    """
    return _may_move(case, this) and this.starts_at > now and case.released_at is None


def _correct(tx: Connection, visit: Visit, case: Case, this: Appointment) -> None:
    """With whom, where or the phone as they should have been; the time and the status stay."""
    if not sees_details(visit.viewer, case, this.kind):
        raise NotAllowed("Only health staff change this appointment.")
    if not _may_correct(case, this, visit.now):
        raise Refused("Details are put right before the release, and before it has been.")
    known = vault.unseal(tx, case.person, vault.DETAILS, this.details)
    typed = {name: visit.typed(field) for name, field in RIGHT.items()}
    told = {name: text for name, text in typed.items() if text != (known.get(name) or "")}
    for name, text in told.items():
        if not text and name != "phone":  # a number can be wrong, and there need be none
            raise BadInput("empty", f"{name} cannot be empty.", RIGHT[name])
    if not told:
        raise BadInput("nothing_new", "Nothing was changed.", RIGHT["phone"])
    try:
        appointments.move(
            tx,
            visit.viewer,
            this.id,
            this.starts_at,
            now=visit.now,
            with_whom=told.get("with"),
            place=told.get("place"),
            phone=told.get("phone"),
        )
    except BadInput as wrong:
        # Named as the fields of the move to another time are, which stands below.
        raise BadInput(wrong.reason, str(wrong), RIGHT.get(wrong.field or "")) from wrong


def _starts_at(visit: Visit) -> Any:
    at = time_in(visit, "at")
    if at is None:
        raise BadInput("missing", "Give date and time.", "at")
    return at


def _check_of(case: Case, number: str) -> Appointment:
    for each in case.appointments:
        if each.id == number:
            return each
    raise AppointmentNotFound("There is no such appointment here.")


def _opened(tx: Connection, visit: Visit, ref: str) -> tuple[Case, str]:
    viewer = visit.viewer
    case = queries.case_by_ref(tx, viewer, ref)
    check_role(viewer, BOOKING, "book appointments")
    check_owns(viewer, case)
    identity = people.identity_of(tx, case.person)
    return case, identity.name if identity is not None else ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of appointment; `needs` is the consent that opens it to this viewer, "" if none."""

    kind: str
    text: str
    needs: str


def _kinds(visit: Visit, viewer: Viewer, case: Case) -> list[Choice]:
    """The kinds, each with the consent without which it is for health staff alone."""
    return [
        Choice(
            kind.value,
            visit.translate(WORDS["kind"][kind.value]),
            ""
            if (receiver := SHARED_WITH.get(kind)) is None or sees_details(viewer, case, kind)
            else f"sharing:{receiver.value}",
        )
        for kind in AppointmentKind
    ]


def _new(visit: Visit, ref: str, errors: Errors, *, status: int = 200) -> Response:
    with visit.house.db.read() as tx:
        case, name = _opened(tx, visit, ref)
        earlier, known = _earlier(tx, visit, case)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    kinds = _kinds(visit, visit.viewer, case)
    return page(
        visit,
        "pages/appointment_new.html",
        status,
        ref=ref,
        name=name,
        case=case,
        kinds=kinds,
        needed=list(dict.fromkeys(each.needs for each in kinds if each.needs)),
        earlier=earlier,
        values=chosen(
            visit.values(),
            **({"status": "requested", "kind": visit.asked("kind"), "at": ""} | known),
        ),
        errors=errors,
    )


def _earlier(tx: Connection, visit: Visit, case: Case) -> tuple[Appointment | None, dict[str, str]]:
    """The appointment of the case that a new one is to replace (`?after=`), and its details.

    The time is not among them: a new one stands at a time that somebody has agreed on.
    """
    for each in case.appointments:
        if each.id == visit.asked("after") and not each.unbooked:
            break
    else:
        return None, {}
    if not sees_details(visit.viewer, case, each.kind):
        return None, {}
    try:
        details = vault.unseal(tx, case.person, vault.DETAILS, each.details)
    except KeyDestroyed:
        details = {}
    return each, {"kind": each.kind.value} | {name: details.get(name) or "" for name in RIGHT}


_HOW_IT_WENT: Final = frozenset({"attended", "no_show", "unknown"})


def _one(visit: Visit, ref: str, number: str, errors: Errors, *, status: int = 200) -> Response:
    with visit.house.db.read() as tx:
        case, name = _opened(tx, visit, ref)
        this = _check_of(case, number)
        if not sees_details(visit.viewer, case, this.kind):
            raise NotAllowed("Only health staff change this appointment.")
        try:
            details = vault.unseal(tx, case.person, vault.DETAILS, this.details)
        except KeyDestroyed:
            details = {}
        undoes = may_undo(tx, visit.viewer, case, this)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    to = [each.value for each in AppointmentStatus if each in NEXT[this.status]]
    if this.starts_at > visit.now:  # nobody knows yet how it went
        to = [each for each in to if each not in _HOW_IT_WENT]
    return page(
        visit,
        "pages/appointment.html",
        status,
        ref=ref,
        name=name,
        this=this,
        details=details,
        outcomes=[each for each in to if each != "moved"],
        undoes=undoes,
        books_again=this.status is AppointmentStatus.CANCELLED
        and not this.unbooked
        and case.phase is not Phase.CLOSED,
        may_move=_may_move(case, this),
        may_correct=_may_correct(case, this, visit.now),
        values=chosen(
            visit.values(),
            at=for_input(this.starts_at),
            **{field: details.get(name) or "" for name, field in RIGHT.items()},
        ),
        errors=errors,
    )

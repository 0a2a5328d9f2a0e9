"""A contact after the release, as it was: reached or not, in which way, when; and taken back.

Beside it the number to call.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import contact_made, people, phone_read, queries
from cases.appointments import BOOKING, AppointmentNotFound
from cases.contact_made import Contact, ContactHow
from cases.model import AppointmentStatus
from cases.rules import check_owns, check_role
from cases.views import CASE_READ
from core.errors import BadInput
from web.pages import rows
from web.pages.acts import CONTACT, UNCONTACT, record_contact
from web.pages.forms import Errors, chosen, required, tried
from web.pages.moment import said_when, when_in
from web.pages.once import once
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import WORDS
from web.policy import CASE_WORKERS, allow

ENDS: Final = (AppointmentStatus.ATTENDED, AppointmentStatus.NO_SHOW)

router: Final = Pages()


@router.get("/cases/{ref}/contact")
@allow(CASE_WORKERS)
def contact_page(visit: Visited, ref: str) -> Response:
    """The form."""
    return _page(visit, ref, {})


@router.post("/cases/{ref}/contact")
@allow(CASE_WORKERS)
def record(visit: Visited, ref: str) -> Response:
    """Record it."""
    if lacking := required(visit, "went", "how"):
        return _page(visit, ref, lacking, status=422)

    def verb(tx: Connection) -> str:
        went = visit.typed("went")
        if went not in ENDS:
            raise BadInput("unknown_code", "Say whether the person was reached.", "went")
        reached = went == AppointmentStatus.ATTENDED
        contact = Contact(visit.typed("how"), reached, visit.typed("note") or None)
        made = record_contact(tx, visit.viewer, ref, contact, now=visit.now, at=when_in(visit))
        return f"/cases/{ref}?said={CONTACT}/{made}"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, ref, answer, status=422)


@router.get("/cases/{ref}/phone")
@allow(CASE_WORKERS)
def phone_page(visit: Visited, ref: str) -> Response:
    """The number to call, for whoever asks for it."""

    def read(tx: Connection) -> tuple[str | None, str]:
        number = phone_read.read_number(tx, visit.viewer, ref, now=visit.now)
        identity = people.identity_of(tx, queries.case_by_ref(tx, visit.viewer, ref).person)
        return number, identity.name if identity is not None else ""

    number, name = visit.house.db.transact(read)
    return page(visit, "pages/phone.html", ref=ref, name=name, number=number)


@router.post("/cases/{ref}/contacts/{number}")
@allow(CASE_WORKERS)
def undo(visit: Visited, ref: str, number: str) -> Response:
    """Take it back, with a reason."""

    def verb(tx: Connection) -> str:
        case = queries.case_by_ref(tx, visit.viewer, ref)
        if all(each.id != number for each in case.appointments):
            raise AppointmentNotFound("There is no such contact here.")
        contact_made.undo_contact(tx, visit.viewer, number, visit.typed("why"), now=visit.now)
        return f"/cases/{ref}?said={UNCONTACT}/{number}"

    return once(visit, verb)


def _page(visit: Visit, ref: str, errors: Errors, *, status: int = 200) -> Response:
    with visit.house.db.read() as tx:
        case = queries.case_by_ref(tx, visit.viewer, ref)
        check_role(visit.viewer, BOOKING, "record a contact")
        check_owns(visit.viewer, case)
        identity = people.identity_of(tx, case.person)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    word = WORDS["how"]
    return page(
        visit,
        "pages/contact.html",
        status,
        ref=ref,
        name=identity.name if identity is not None else "",
        released_at=case.released_at,
        ends=[(each.value, visit.translate(WORDS["contact"][each.value])) for each in ENDS],
        hows=[(each.value, visit.translate(word[each.value]).capitalize()) for each in ContactHow],
        values=chosen(
            visit.values() | {"when": said_when(visit)}, went="", how="phone", at="", note=""
        ),
        errors=errors,
    )

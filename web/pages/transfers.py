"""Transfers between units: proposed by the one, answered by the other."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from cases import desk, organisation, people, queries, transfers
from cases.rules import check_owns, check_role
from cases.transfers import TRANSFERRING
from cases.views import CASE_READ
from core.clock import local_date
from core.errors import BadInput
from web.i18n import marked
from web.pages import rows
from web.pages.forms import Errors, chosen, required, tried
from web.pages.once import once
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address
from web.policy import CASE_WORKERS, allow

SAID: Final = {
    "accept": marked("Overføringen er godtatt: %(whom)s. Saken er hos dere."),
    "reject": marked("Overføringen er avslått: %(whom)s. Saken blir der den er."),
    "revoke": marked("Overføringen er trukket tilbake: %(whom)s. Saken blir hos dere."),
}
"""What can be answered, and what the receipt says of it."""

WORDS_UNIT: Final = marked("Enheten finnes ikke.")

router: Final = Pages()


@router.get("/transfers")
@allow(CASE_WORKERS)
def transfers_page(visit: Visited) -> Response:
    """What waits for an answer, here and elsewhere, and what others have answered lately."""
    verb, _, number = visit.told("said").partition("/")

    def read(tx: Connection) -> dict[str, Any]:
        found = transfers.list_proposals(tx, visit.viewer, now=visit.now)
        answered = transfers.list_answered(tx, visit.viewer, now=visit.now)
        whom = None
        if verb in SAID:
            whom = transfers.whom_i_answered_about(tx, visit.viewer, number, now=visit.now)
        return {
            "found": found,
            "about": transfers.who_they_are_about(tx, visit.viewer, found),
            "answered": answered,
            "were_about": transfers.who_they_were_about(tx, visit.viewer, answered),
            "names": desk.names_of_accounts(tx, (each.answered_by for each in answered)),
            "units": organisation.unit_names(tx, local_date(visit.now)),
            "whom": whom,
        }

    read_now = visit.house.db.transact(read)
    found, whom = read_now.pop("found"), read_now.pop("whom")
    mine = visit.viewer.units
    return page(
        visit,
        "pages/transfers.html",
        to_us=[each for each in found if each.to_unit in mine],
        from_us=[each for each in found if each.to_unit not in mine],
        said=visit.translate(SAID[verb], whom=whom.name or whom.inmate_no) if whom else "",
        ask=visit.asked("ask"),
        **read_now,
    )


@router.post("/transfers")
@allow(CASE_WORKERS)
def answer(visit: Visited) -> Response:
    """Accept, reject or take back one; whether to reject is asked first, for it is not undone."""
    verb, _, number = visit.typed("do").partition("/")
    if verb not in SAID:
        raise BadInput("unknown_code", "The answer is accept, reject or revoke.", "do")
    if verb == "reject" and visit.typed("sure") != number and _waits_here(visit, number):
        return RedirectResponse(address("/transfers", {"ask": number}), 303)

    def do(tx: Connection) -> str:
        transfers.answer_transfer(tx, visit.viewer, number, verb, now=visit.now)
        return f"/transfers?said={verb}/{number}"

    return once(visit, do)


def _waits_here(visit: Visit, number: str) -> bool:
    """Whether a proposal still waits for an answer of theirs; of another there is none to ask."""
    with visit.house.db.read() as tx:
        waiting = queries.transfers_to_answer(tx, visit.viewer)
    mine = visit.viewer.units
    return any(
        each.id == number and each.to_unit in mine
        for each in (transfers.Proposal(*row) for row in waiting)
    )


@router.post("/cases/{ref}/answers")
@allow(CASE_WORKERS)
def share_answers(visit: Visited, ref: str) -> Response:
    """Hand the health answers on that did not come along."""

    def verb(tx: Connection) -> str:
        transfers.share_health_answers(tx, visit.viewer, ref, now=visit.now)
        return f"/cases/{ref}?said=answers"

    return once(visit, verb)


@router.get("/cases/{ref}/transfer")
@allow(CASE_WORKERS)
def propose_page(visit: Visited, ref: str) -> Response:
    """The form."""
    return _propose(visit, ref, {})


@router.post("/cases/{ref}/transfer")
@allow(CASE_WORKERS)
def propose(visit: Visited, ref: str) -> Response:
    """Propose it: nothing moves until the other unit accepts."""
    if not visit.typed("unit"):
        return _propose(visit, ref, required(visit, "unit"), status=422)
    if visit.typed("do") != "propose":
        return _propose(visit, ref, {}, to=visit.typed("unit"))

    def verb(tx: Connection) -> str:
        transfers.propose_transfer(tx, visit.viewer, ref, visit.typed("unit"), now=visit.now)
        return f"/cases/{ref}?said=transfer"

    answered = tried(visit, verb)
    if isinstance(answered, Response):
        return answered
    return _propose(visit, ref, answered, status=422)


def _propose(
    visit: Visit, ref: str, errors: Errors, *, status: int = 200, to: str = ""
) -> Response:
    """The form; with `to`, a summary of what that unit will see, before it is proposed."""
    with visit.house.db.read() as tx:
        case = queries.case_by_ref(tx, visit.viewer, ref)
        check_role(visit.viewer, TRANSFERRING, "propose a transfer")
        check_owns(visit.viewer, case)
        identity = people.identity_of(tx, case.person)
        known = organisation.units(tx, local_date(visit.now))
    units = {each.code: each.name for each in known}
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    kind = next((each.kind for each in known if each.code == case.unit), None)
    search = visit.asked("find").casefold()
    others = [
        each
        for each in sorted(known, key=lambda each: each.name)
        if each.code != case.unit and search in f"{each.name} {each.code}".casefold()
    ]
    same = [(each.code, each.name) for each in others if each.kind == kind]
    if to and to not in units:
        errors, to = {"unit": visit.translate(WORDS_UNIT)}, ""
    return page(
        visit,
        "pages/transfer.html",
        status,
        ref=ref,
        name=identity.name if identity is not None else "",
        same=same,
        others=[(each.code, each.name) for each in others if each.kind != kind],
        find=visit.asked("find"),
        to=to,
        number=identity.inmate_no if identity is not None else "",
        release_on=case.release_on,
        waiting=case.open_transfer,
        names=units,
        values=chosen(visit.values(), unit=""),
        errors=errors,
    )

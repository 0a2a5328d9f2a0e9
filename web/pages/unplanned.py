"""An unplanned release on one short page: what ten minutes were enough for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import people, queries
from cases.consents import consent_in_force
from cases.model import ConsentPurpose, Participation, Phase, Receiver, UnplannedReason
from cases.rules import check_open, check_owns, check_role
from cases.service import ANSWERING, CONSENTING
from cases.short_form import FILLING_IN, ShortForm, release_unplanned, suggested_call
from cases.views import CASE_READ
from core.errors import BadInput
from web.pages import rows
from web.pages.dates import for_input
from web.pages.forms import Errors, chosen, time_in, tried
from web.pages.leaving import check_may_end, ends_the_case
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import WORDS
from web.policy import CASE_WORKERS, allow

RECEIVERS: Final = ("health", "nav", "municipality")

router: Final = Pages()


@router.get("/cases/{ref}/unplanned")
@allow(CASE_WORKERS)
def unplanned_page(visit: Visited, ref: str) -> Response:
    """The page."""
    return _page(visit, ref, {})


@router.post("/cases/{ref}/unplanned")
@allow(CASE_WORKERS)
def unplanned(visit: Visited, ref: str) -> Response:
    """Record the release with what was given."""

    def verb(tx: Connection) -> str:
        sharing = {
            to: visit.typed(f"share_{to}") == "yes"
            for to in RECEIVERS
            if visit.typed(f"share_{to}") in ("yes", "no")
        }
        _check_ticked(visit)
        if not visit.typed("reason"):
            # Whatever stood there first would be counted as the reason of half of them.
            raise BadInput("no_reason", "Choose why the release is unplanned.", "reason")
        accepted = {"yes": True, "no": False}.get(visit.typed("accepted"))
        form = ShortForm(
            risk_talk=_ticked(visit, "risk_talk"),
            signs_and_113=_ticked(visit, "signs_and_113"),
            spray=_ticked(visit, "spray"),
            short_training=_ticked(visit, "short_training"),
            card=_ticked(visit, "card"),
            call_booked_at=time_in(visit, "call_at") if _ticked(visit, "call") else None,
            call_with=visit.typed("call_with") or None,
            call_phone=visit.typed("call_phone") or None,
            sharing=sharing,
            accepted=accepted,
            spray_lot=visit.typed("spray_lot") or None,
        )
        if accepted is not True:
            case = queries.case_by_ref(tx, visit.viewer, ref)
            check_may_end(visit, case, said_no=accepted is False)
        release_unplanned(
            tx,
            visit.viewer,
            ref,
            visit.typed("reason"),
            form,
            now=visit.now,
            released_at=time_in(visit, "at"),
        )
        return f"/cases/{ref}?said=released"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, ref, answer, status=422)


def _ticked(visit: Visit, name: str) -> bool:
    return visit.typed(name) == "yes"


def _check_ticked(visit: Visit) -> None:
    """That nothing was typed beside a box that is not ticked: it would be thrown away unseen.

    Raises `BadInput`. The time of the call stands there from the start: only another one counts.
    """
    typed = {"spray": ("spray_lot",), "call": ("call_at", "call_with", "call_phone")}
    for box, fields in typed.items():
        for name in fields:
            preset = visit.typed("call_preset") if name == "call_at" else ""
            if not _ticked(visit, box) and visit.typed(name) not in ("", preset):
                raise BadInput("not_ticked", f"{name} was typed, {box} is not ticked.", name)


def _page(visit: Visit, ref: str, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now
    with visit.house.db.read() as tx:
        case = queries.case_by_ref(tx, viewer, ref)
        check_role(viewer, FILLING_IN, "release somebody with the short form")
        check_owns(viewer, case)
        if case.phase is Phase.CLOSED:
            check_open(case)
        identity = people.identity_of(tx, case.person)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    return page(
        visit,
        "pages/unplanned.html",
        status,
        ref=ref,
        name=identity.name if identity is not None else "",
        case=case,
        reasons=[
            (each.value, visit.translate(WORDS["unplanned"][each.value]))
            for each in UnplannedReason
        ],
        asks=viewer.role in ANSWERING and case.participation is not Participation.ACCEPTED,
        ends=ends_the_case(case),
        shares=viewer.role in CONSENTING,
        shared={
            each.value for each in Receiver if consent_in_force(case, ConsentPurpose.SHARING, each)
        },
        values=chosen(
            visit.values(),
            reason="",
            at=for_input(now),
            call="",
            call_at=for_input(suggested_call(now)),
            accepted="",
        ),
        errors=errors,
        call_preset=for_input(suggested_call(now)),
    )

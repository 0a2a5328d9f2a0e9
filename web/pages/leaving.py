"""The ways out: released as planned, closed for another reason, out for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import leave, naloxone, people, queries, release, release_undo
from cases.model import (
    AbsenceKind,
    Case,
    CloseReason,
    Destination,
    Participation,
    Role,
    TaskClass,
    TaskState,
)
from cases.registry import package_named
from cases.rules import check_owns, check_role
from cases.views import CASE_READ
from core.errors import BadInput
from web.pages import rows
from web.pages.dates import for_input
from web.pages.forms import Errors, chosen, day_in, time_in, tried
from web.pages.once import once
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, whole
from web.pages.words import WORDS, in_order, label_of
from web.policy import CASE_WORKERS, allow

CARD: Final = "card_printed"
"""The task that says, too, that a spray lies in the person's property."""

router: Final = Pages()


def _case(tx: Connection, visit: Visit, ref: str, roles: frozenset[Role]) -> tuple[Case, str]:
    case = queries.case_by_ref(tx, visit.viewer, ref)
    check_role(visit.viewer, roles, "do this")
    check_owns(visit.viewer, case)
    identity = people.identity_of(tx, case.person)
    return case, identity.name if identity is not None else ""


def _options(visit: Visit, table: str, codes: Any) -> list[tuple[str, str]]:
    return [(code, visit.translate(WORDS[table][code])) for code in codes]


def _answered(
    visit: Visit,
    ref: str,
    verb: Callable[[Connection], object],
    form: Callable[[Visit, str, Errors, int], Response],
    said: str,
) -> Response:
    def done(tx: Connection) -> str:
        verb(tx)
        return f"/cases/{ref}?said={said}"

    answer = tried(visit, done)
    return answer if isinstance(answer, Response) else form(visit, ref, answer, 422)


# --- who is not followed up -----------------------------------------------------------------------

_UNDECIDED: Final = frozenset({Participation.NOT_ASKED, Participation.NOT_NOW})


def ends_the_case(case: Case) -> bool:
    """Whether a release ends the case although nobody said no: the follow-up is for who agreed."""
    return case.released_at is None and case.participation in _UNDECIDED


def check_may_end(visit: Visit, case: Case, *, said_no: bool = False) -> None:
    """That whoever lets somebody go who was never asked knows that it ends the follow-up.

    Raises `BadInput` for the field `closes`.
    """
    if ends_the_case(case) and not said_no and visit.typed("closes") != "yes":
        raise BadInput("ends_the_case", "Nobody has said yes: the release ends the case.", "closes")


# --- released ------------------------------------------------------------------------------------


@router.get("/cases/{ref}/release")
@allow(CASE_WORKERS)
def release_page(visit: Visited, ref: str) -> Response:
    """What is not done yet, and the form."""
    return _release(visit, ref, {}, 200)


@router.post("/cases/{ref}/release")
@allow(CASE_WORKERS)
def let_go(visit: Visited, ref: str) -> Response:
    """Record it."""
    return _answered(
        visit,
        ref,
        lambda tx: _let_go(tx, visit, ref),
        _release,
        said="released",
    )


def _let_go(tx: Connection, visit: Visit, ref: str) -> None:
    check_may_end(visit, queries.case_by_ref(tx, visit.viewer, ref))
    release.release(
        tx,
        visit.viewer,
        ref,
        now=visit.now,
        released_at=time_in(visit, "at"),
        to=visit.typed("to", "liberty"),
    )


@router.post("/cases/{ref}/release/undo")
@allow(CASE_WORKERS)
def take_back(visit: Visited, ref: str) -> Response:
    """Take the release back, with the reason."""

    def verb(tx: Connection) -> str:
        release_undo.undo_release(tx, visit.viewer, ref, visit.typed("do"), now=visit.now)
        return f"/cases/{ref}?said=undone"

    return once(visit, verb)


def _release(visit: Visit, ref: str, errors: Errors, status: int) -> Response:
    with visit.house.db.read() as tx:
        case, name = _case(tx, visit, ref, release.RELEASING)
        package = package_named(tx, case.package)
        card = case.task(CARD)
        ticked = card is not None and card.state is TaskState.DONE
        taken_back = ticked and naloxone.is_out_of_property(tx, case)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    left = [
        label_of(package, task.code, visit.language)
        for task in in_order(package, case.tasks)
        if task.klass is TaskClass.BEFORE_RELEASE
        and task.state in (TaskState.OPEN, TaskState.PREPARED)
    ]
    return page(
        visit,
        "pages/release.html",
        status,
        ref=ref,
        name=name,
        left=left,
        taken_back=label_of(package, CARD, visit.language) if taken_back else "",
        card=CARD,
        participation=case.participation.value,
        ends=ends_the_case(case),
        destinations=_options(visit, "destination", [each.value for each in Destination]),
        values=chosen(visit.values(), at=for_input(visit.now), to="liberty"),
        errors=errors,
    )


# --- closed --------------------------------------------------------------------------------------


@router.get("/cases/{ref}/close")
@allow(CASE_WORKERS)
def close_page(visit: Visited, ref: str) -> Response:
    """The form."""
    return _close(visit, ref, {}, 200)


@router.post("/cases/{ref}/close")
@allow(CASE_WORKERS)
def close(visit: Visited, ref: str) -> Response:
    """Close it."""
    return _answered(
        visit,
        ref,
        lambda tx: release.close(
            tx,
            visit.viewer,
            ref,
            visit.typed("reason"),
            now=visit.now,
            closed_at=time_in(visit, "at"),
        ),
        _close,
        said="closed",
    )


def _close(visit: Visit, ref: str, errors: Errors, status: int) -> Response:
    with visit.house.db.read() as tx:
        case, name = _case(tx, visit, ref, release.CLOSING)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    by_hand = [each.value for each in CloseReason if each in release.BY_HAND]
    return page(
        visit,
        "pages/close.html",
        status,
        ref=ref,
        name=name,
        reasons=_options(visit, "close_reason", by_hand),
        values=chosen(visit.values(), at=for_input(visit.now), reason=""),
        errors=errors,
    )


# --- out for a while -----------------------------------------------------------------------------


@router.get("/cases/{ref}/absence")
@allow(CASE_WORKERS)
def absence_page(visit: Visited, ref: str) -> Response:
    """The form, and what is recorded already."""
    return _absence(visit, ref, {}, 200)


@router.post("/cases/{ref}/absence")
@allow(CASE_WORKERS)
def absence(visit: Visited, ref: str) -> Response:
    """Record one, take one back, or tell that the person was informed again."""
    do, _, number = visit.typed("do", "record").partition("/")

    def verb(tx: Connection) -> object:
        if do == "cancel":
            return leave.cancel_leave(tx, visit.viewer, ref, _number(number), now=visit.now)
        if do == "informed":
            return leave.inform_again(tx, visit.viewer, ref, _number(number), now=visit.now)
        from_on = day_in(visit, "from_on")
        if from_on is None:
            raise BadInput("missing", "Give the first day.", "from_on")
        return leave.record_leave(
            tx,
            visit.viewer,
            ref,
            visit.typed("kind"),
            from_on=from_on,
            to_on=day_in(visit, "to_on"),
            now=visit.now,
        )

    return _answered(visit, ref, verb, _absence, said=f"absence/{do}/{number}")


def _number(text: str) -> int:
    return whole(text) or 0


def _absence(visit: Visit, ref: str, errors: Errors, status: int) -> Response:
    with visit.house.db.read() as tx:
        case, name = _case(tx, visit, ref, leave.RECORDING)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    return page(
        visit,
        "pages/absence.html",
        status,
        ref=ref,
        name=name,
        absences=[each for each in case.absences if each.cancelled_at is None],
        kinds=_options(visit, "absence", [each.value for each in AbsenceKind]),
        values=chosen(visit.values(), kind="leave", from_on="", to_on=""),
        errors=errors,
    )

"""Papers about a case: the card with appointments, the overdose card.

The card is looked at on a page first: what it will say, and that it says nothing where no
appointment is confirmed. Only fetching the paper is a print.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import paper_forms, people, print_outs, queries
from cases.access import Viewer, may_complete
from cases.model import Case, Phase, TaskState
from cases.naloxone import KEEPING
from cases.rules import check_open, check_owns
from cases.short_form import FILLING_IN
from cases.views import CASE_READ
from core.errors import NotFound
from forms import texts
from forms.card import card_pdf, cards_pdf
from forms.document_html import document_html
from forms.document_pdf import document_pdf
from forms.overdose import overdose_pdf
from web.api.forms import POLICY
from web.i18n import marked
from web.pages import rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.policy import CASE_WORKERS, allow

NAMES: Final = {
    "time-in-hand": marked("Kort med avtaler"),
    "overdose": marked("Overdosekort"),
    "checklist": marked("Sjekkliste"),
    "consent": marked("Samtykkeskjema"),
    "short-form": marked("Kortskjema ved uventet løslatelse"),
    "naloxone": marked("Utlevering av nalokson"),
    "certificate": marked("Kursbevis"),
    "transfer": marked("Overføringsark"),
}
"""The papers of a case, as they are offered on its page."""

CARD_PRINTED: Final = "card_printed"

router: Final = Pages()


@router.get("/cases/{ref}/card")
@allow(CASE_WORKERS)
def card_page(visit: Visited, ref: str) -> Response:
    """What the card would say; looking is no print."""
    viewer, now = visit.viewer, visit.now

    def read(tx: Connection) -> dict[str, Any]:
        case = queries.case_by_ref(tx, viewer, ref)
        check_owns(viewer, case)
        check_open(case)
        identity = people.identity_of(tx, case.person)
        task = case.task(CARD_PRINTED)
        printed_at = print_outs.last_print(tx, case)
        in_force = print_outs.card_in_force(tx, case)
        ahead = print_outs.upcoming(tx, viewer, case, now=now)
        return {
            "name": identity.name if identity is not None else "",
            "ahead": ahead,
            "untold": identity is not None and any(each.whom is None for each in ahead),
            "printed_at": printed_at,
            "outdated": in_force is not None and print_outs.is_outdated(case, in_force, now=now),
            "tick": task is not None
            and task.state is TaskState.OPEN
            and may_complete(viewer, task),
            "unit": case.unit,
            "language": case.language,
        }

    with visit.house.db.read() as tx:
        shown = read(tx)
    rows.log_look(visit, CASE_READ, [ref], unit=shown["unit"])
    spoken = {code: each.name for code, each in texts.languages().items()}
    return page(visit, "pages/card.html", ref=ref, task=CARD_PRINTED, spoken=spoken, **shown)


@router.get("/cases/{ref}/card.pdf")
@allow(CASE_WORKERS)
def card(visit: Visited, ref: str) -> Response:
    """The card with the appointments this viewer may print, logged as a print."""
    asked = visit.house.db.transact(
        lambda tx: print_outs.time_in_hand(
            tx,
            visit.viewer,
            ref,
            now=visit.now,
            language=_language(visit),
            national=visit.house.settings.contact_phone,
        )
    )
    return _pdf(card_pdf(asked), "time-i-handen.pdf")


@router.get("/cases/{ref}/overdose.pdf")
@allow(CASE_WORKERS)
def overdose(visit: Visited, ref: str) -> Response:
    """The overdose card in the person's language."""
    asked = visit.house.db.transact(
        lambda tx: print_outs.overdose(
            tx, visit.viewer, ref, now=visit.now, language=_language(visit)
        )
    )
    return _pdf(overdose_pdf(asked), "overdosekort.pdf")


@router.get("/cases/{ref}/forms/{form}")
@allow(CASE_WORKERS)
def of_case(visit: Visited, ref: str, form: str) -> Response:
    """A paper of a case: `checklist.pdf`, or `checklist.html` to be read on the screen."""
    name, _, ending = form.rpartition(".")
    if name not in NAMES or ending not in ("pdf", "html"):
        raise NotFound("There is no such paper.")
    made = visit.house.db.transact(
        lambda tx: paper_forms.printable(
            tx,
            visit.viewer,
            ref,
            name,
            now=visit.now,
            language=None if paper_forms.FORMS[name][1] else visit.language,
            national=visit.house.settings.contact_phone,
        )
    )
    return _html(document_html(made.page)) if ending == "html" else _pdf(made.pdf(), f"{name}.pdf")


@router.get("/sessions/{ref}/attendance.pdf")
@allow(CASE_WORKERS)
def attendance(visit: Visited, ref: str) -> Response:
    """The list of a group session, to be ticked by hand."""
    made = visit.house.db.transact(
        lambda tx: paper_forms.attendance_list(
            tx, visit.viewer, ref, now=visit.now, language=visit.language
        )
    )
    return _pdf(document_pdf(made), "attendance.pdf")


@router.get("/sessions/{ref}/cards.pdf")
@allow(CASE_WORKERS)
def cards(visit: Visited, ref: str) -> Response:
    """The cards of everybody on the list, four to a sheet."""
    found = visit.house.db.transact(
        lambda tx: print_outs.cards_of_session(
            tx, visit.viewer, ref, now=visit.now, national=visit.house.settings.contact_phone
        )
    )
    return _pdf(cards_pdf(found, to_a_sheet=4), "cards.pdf")


def _language(visit: Visit) -> str | None:
    """The language that was chosen for a card, None for the person's own."""
    chosen = visit.asked("language")
    return chosen if chosen in texts.languages() else None


def offered(viewer: Viewer, case: Case) -> list[tuple[str, str]]:
    """The papers that this viewer can print of a case as it stands, with what they are called."""
    training = case.task("naloxone_training")
    there = {
        "time-in-hand": case.phase is not Phase.CLOSED,
        "overdose": case.phase is not Phase.CLOSED,
        "checklist": True,
        "consent": case.phase is not Phase.CLOSED,
        "short-form": case.phase is Phase.IN_PRISON and viewer.role in FILLING_IN,
        "naloxone": viewer.role in KEEPING,
        "certificate": training is not None and training.counts_as_done,
        "transfer": bool(case.transfers),
    }
    return [(form, name) for form, name in NAMES.items() if there[form]]


def _html(written: str) -> Response:
    return Response(
        written,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )


def _pdf(written: bytes, name: str) -> Response:
    return Response(
        written,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )

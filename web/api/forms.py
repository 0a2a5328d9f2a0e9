"""Papers of a case, a session or a day's releases: PDF, an accessible page, or a calendar file.

Asking for one is a print, and stands in the access log before a byte leaves. File names are the
names of forms and tell nothing about a person.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Query
from pydantic import Field, StringConstraints
from sqlalchemy import Connection
from starlette.responses import Response

from cases import paper_forms, print_outs
from forms.card import TimeInHand, cards_pdf
from forms.document_html import STYLE, document_html
from forms.document_pdf import document_pdf
from web.api.inputs import CaseRef, Code, Day, Input, SessionRef
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["forms"])

CALENDAR_FORM: Final = "calendar"
FormName: TypeAlias = Annotated[
    str, StringConstraints(pattern=f"^({'|'.join((*paper_forms.FORMS, CALENDAR_FORM))})$")
]
_Sheet: TypeAlias = Annotated[int, Field(ge=0, le=8)]


class As(StrEnum):
    """What is answered."""

    PDF = "pdf"
    HTML = "html"


class Asking(Input):
    """How a form is wanted; `size` and `sheet` are for cards."""

    language: Code | None = None
    format: As = As.PDF
    size: Literal["wallet", "a6"] = "wallet"
    sheet: _Sheet = 1


class Run(Input):
    """Which releases; `sheet` cards to an A4 sheet."""

    on: Day
    sheet: _Sheet = 4


PDF: Final = "application/pdf"
HTML: Final = "text/html; charset=utf-8"
CALENDAR: Final = "text/calendar; charset=utf-8"
_STYLE_HASH: Final = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
"""A form's page has its few rules and its pictures in itself, and nothing from elsewhere."""

_PAPERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The paper.",
        "content": {PDF: {}, "text/html": {}, "text/calendar": {}},
    }
}
_PDF_ONLY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The paper.", "content": {PDF: {}}}
}


@router.get("/cases/{ref}/forms/{form}", response_class=Response, responses=_PAPERS)
@allow(CASE_WORKERS)
def of_case(
    asked: SignedIn, ref: CaseRef, form: FormName, asking: Annotated[Asking, Query()]
) -> Response:
    """A form of a case as you may print it; `calendar` gives the appointments as iCalendar."""
    language = asking.language

    if form == CALENDAR_FORM:

        def entries(tx: Connection) -> bytes:
            return print_outs.calendar_file(tx, asked.viewer, ref, now=asked.now, language=language)

        return _answer(asked.house.db.transact(entries), CALENDAR, "appointments.ics")

    def look(tx: Connection) -> paper_forms.Printable:
        return paper_forms.printable(
            tx,
            asked.viewer,
            ref,
            form,
            now=asked.now,
            language=language,
            national=_national(asked),
            size=asking.size,
            to_a_sheet=asking.sheet,
        )

    made = asked.house.db.transact(look)
    if asking.format is As.HTML:
        return _answer(document_html(made.page).encode(), HTML, f"{form}.html")
    return _answer(made.pdf(), PDF, f"{form}.pdf")


@router.get("/sessions/{session}/forms/attendance", response_class=Response, responses=_PAPERS)
@allow(CASE_WORKERS)
def attendance(
    asked: SignedIn, session: SessionRef, asking: Annotated[Asking, Query()]
) -> Response:
    """The attendance list of a group session, with the names of those you may see."""
    made = asked.house.db.transact(
        lambda tx: paper_forms.attendance_list(
            tx, asked.viewer, session, now=asked.now, language=asking.language
        )
    )
    if asking.format is As.HTML:
        return _answer(document_html(made).encode(), HTML, "attendance.html")
    return _answer(document_pdf(made), PDF, "attendance.pdf")


@router.get("/sessions/{session}/forms/cards", response_class=Response, responses=_PDF_ONLY)
@allow(CASE_WORKERS)
def cards_of_session(asked: SignedIn, session: SessionRef) -> Response:
    """The cards of everybody on the list of a group session, four to a sheet."""
    return _cards(
        asked,
        lambda tx: print_outs.cards_of_session(
            tx, asked.viewer, session, now=asked.now, national=_national(asked)
        ),
        4,
    )


@router.get("/units/{unit}/forms/cards", response_class=Response, responses=_PDF_ONLY)
@allow(CASE_WORKERS)
def cards_of_releases(asked: SignedIn, unit: Code, run: Annotated[Run, Query()]) -> Response:
    """The cards of everybody whose release is on a day."""
    day: date = run.on
    return _cards(
        asked,
        lambda tx: print_outs.cards_of_releases(
            tx, asked.viewer, unit, day, now=asked.now, national=_national(asked)
        ),
        run.sheet,
    )


def _national(asked: Asked) -> str:
    """The neutral number where a unit has none of its own."""
    return asked.house.settings.contact_phone


def _cards(asked: Asked, look: Any, sheet: int) -> Response:
    cards: list[TimeInHand] = asked.house.db.transact(look)
    return _answer(cards_pdf(cards, to_a_sheet=sheet), PDF, "cards.pdf")


def _answer(body: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    if media_type == HTML:
        headers["Content-Security-Policy"] = POLICY
    return Response(body, media_type=media_type, headers=headers)

"""Cases: listed, looked up, read; what is overdue; the messages to a person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import Field, model_validator
from sqlalchemy import Connection
from starlette.responses import Response

from cases import lists, views
from cases.model import Phase
from cases.queries import Place
from core.clock import parse_instant
from core.errors import BadInput
from web.api.answers import read
from web.api.inputs import CaseRef, Code, Input, Instant, Line, cursor_of, mistake, place_of
from web.api.models import AnyCase, CasePage, CasesFound, Messages, case_for
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

PAGE: Final = 50
LONGEST_PAGE: Final = 200

router: Final = Router(tags=["cases"])


class Page(Input):
    """Which part of a list."""

    unit: Code | None = None
    cursor: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = PAGE


class Cut(Page):
    """Which cases; `due_before`: those whose next task is due before then."""

    phase: Phase | None = None
    overdue: bool = False
    due_before: Instant | None = None


class Search(Input):
    """Whom to look for: parts of a name, or a number."""

    name: Line | None = None
    inmate_no: Line | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Search:
        if (self.name is None) == (self.inmate_no is None):
            raise mistake(BadInput("one_of_two", "give name or inmate_no, one of them", "name"))
        return self


@router.get("/cases", response_model=CasePage)
@allow(CASE_WORKERS)
def list_cases(asked: SignedIn, cut: Annotated[Cut, Query()]) -> Response:
    """The cases of your units, the earliest due first; those with nothing due come last."""
    return _page(
        asked,
        cut,
        phase=cut.phase.value if cut.phase is not None else None,
        overdue=cut.overdue,
        due_before=cut.due_before,
    )


@router.get("/overdue", response_model=CasePage)
@allow(CASE_WORKERS)
def overdue(asked: SignedIn, page: Annotated[Page, Query()]) -> Response:
    """The cases of your units with something overdue, what has waited longest first."""
    return _page(asked, page, overdue=True)


def _page(
    asked: Asked,
    page: Page,
    *,
    overdue: bool,
    phase: str | None = None,
    due_before: datetime | None = None,
) -> Response:
    after = place_of(page.cursor) if page.cursor is not None else None

    def look(tx: Connection) -> dict[str, Any]:
        lines = views.list_cases(
            tx,
            asked.viewer,
            now=asked.now,
            unit=page.unit,
            phase=phase,
            overdue=overdue,
            due_before=due_before,
            after=after,
            limit=page.limit,
        )
        return {"cases": lines, "next": _next(lines, page.limit)}

    return read(asked, CasePage, look)


def _next(lines: list[dict[str, Any]], limit: int) -> str | None:
    if len(lines) < limit:
        return None
    due, ref = lines[-1]["next_due_at"], lines[-1]["ref"]
    return cursor_of(Place(parse_instant(due) if due is not None else None, ref))


@router.post("/cases/search", response_model=CasesFound)
@allow(CASE_WORKERS, reads=True)
def search(asked: SignedIn, whom: Search) -> Response:
    """Cases of your units by name (the open ones) or number. A name never stands in an address."""

    def look(tx: Connection) -> dict[str, Any]:
        found = lists.search(
            tx, asked.viewer, now=asked.now, name=whom.name, inmate_no=whom.inmate_no
        )
        shown = [
            lists.line_view(line, identity) | {"name": identity.name if identity else None}
            for line, identity in found.lines
        ]
        return {"cases": shown, "found": found.of}

    return read(asked, CasesFound, look)


@router.get("/cases/{ref}", response_model=AnyCase)
@allow(CASE_WORKERS)
def read_case(asked: SignedIn, ref: CaseRef) -> Response:
    """One case, as your role may see it."""
    return read(
        asked,
        case_for(asked.viewer),
        lambda tx: views.read_case(tx, asked.viewer, ref, now=asked.now),
    )


@router.get("/cases/{ref}/messages", response_model=Messages)
@allow(views.SEES_CONSENTS)
def messages(asked: SignedIn, ref: CaseRef) -> Response:
    """The messages to the person, and why each was or was not sent."""
    return read(
        asked,
        Messages,
        lambda tx: {"messages": views.read_messages(tx, asked.viewer, ref, now=asked.now)},
    )

"""Finding somebody by number or name in one's own units. By POST: no name in an address."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import lists, queries, worklist
from cases.rules import CaseNotFound
from core.clock import local_date
from core.errors import BadInput
from web.pages import rows
from web.pages.rendering import page
from web.pages.rows import Found
from web.pages.visit import Pages, Visit, Visited, to
from web.policy import CASE_WORKERS, allow

LONGEST: Final = 80

router: Final = Pages()


@router.get("/search")
@allow(CASE_WORKERS)
def search_page(visit: Visited) -> Response:
    """The empty form."""
    return page(visit, "pages/search.html", text="", found=None, units={}, more=False)


@router.post("/search")
@allow(CASE_WORKERS)
def search(visit: Visited) -> Response:
    """Who is meant: a number leads straight to the case, its beginning to those it may mean."""
    text = visit.typed("text")[:LONGEST]
    numbered = any(letter.isdigit() for letter in text)
    if numbered and (ref := _numbered(visit, text)) is not None:
        return to(f"/cases/{ref}")
    found: list[Found] = []
    in_all = 0
    asked = {"begins" if numbered else "name": text}
    try:
        met = visit.house.db.transact(
            lambda tx: lists.search(tx, visit.viewer, now=visit.now, **asked)
        )
    except BadInput:
        met = None
    if met is not None:
        in_all = met.of
        found = [Found.of(line, identity) for line, identity in met.lines]
    with visit.house.db.read() as tx:
        units = rows.unit_names(tx, visit.viewer, local_date(visit.now))
    return page(
        visit,
        "pages/search.html",
        text=text,
        found=found,
        units=units,
        more=in_all > len(found),
    )


def _numbered(visit: Visit, text: str) -> str | None:
    """The case that a number means, logged as a search whether or not its page is opened."""

    def look(tx: Connection) -> str | None:
        try:
            ref = queries.newest_ref(tx, visit.viewer, text, now=visit.now)
        except CaseNotFound:
            return None
        worklist.looked_at(tx, visit.viewer, lists.CASES_SEARCHED, [ref], now=visit.now)
        return ref

    return visit.house.db.transact(look)

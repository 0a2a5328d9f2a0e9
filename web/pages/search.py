"""Finding somebody by number or name in one's own units. By POST: no name in an address."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import queries, worklist
from cases.likeness import words_of
from cases.rules import CaseNotFound
from cases.worklist import PersonLine
from core.clock import local_date
from web.pages import rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, to
from web.policy import CASE_WORKERS, allow

MOST_SEARCHED: Final = 5000
MOST_SHOWN: Final = 50
SHORTEST: Final = 2

router: Final = Pages()


@router.get("/search")
@allow(CASE_WORKERS)
def search_page(visit: Visited) -> Response:
    """The empty form."""
    return page(visit, "pages/search.html", text="", found=None, units={}, more=False)


@router.post("/search")
@allow(CASE_WORKERS)
def search(visit: Visited) -> Response:
    """Who is meant: one hit by number leads straight to the case."""
    text = visit.typed("text")[:80]
    viewer, now = visit.viewer, visit.now
    with visit.house.db.read() as tx:
        by_number = _by_number(tx, visit, text) if any(c.isdigit() for c in text) else None
        found = [] if by_number or len(text) < SHORTEST else _by_name(tx, visit, text)
        people = rows.humans(tx, found[:MOST_SHOWN])
        units = rows.unit_names(tx, viewer, local_date(now))
    if by_number is not None:
        return to(f"/cases/{by_number}")
    rows.log_look(visit, worklist.PEOPLE_LISTED, [each.ref for each in people])
    return page(
        visit,
        "pages/search.html",
        text=text,
        found=people,
        units=units,
        more=len(found) > MOST_SHOWN,
    )


def _by_number(tx: Connection, visit: Visit, text: str) -> str | None:
    try:
        return queries.newest_ref(tx, visit.viewer, text, now=visit.now)
    except CaseNotFound:
        return None


def _by_name(tx: Connection, visit: Visit, text: str) -> list[PersonLine]:
    """Everybody with a name that begins with every word that was typed, however written."""
    words = words_of(text)
    if not words:
        return []
    lines = worklist.all_open(tx, visit.viewer, limit=MOST_SEARCHED)
    known = worklist.names(tx, lines)
    found = []
    for line in lines:
        identity = known.get(line.person)
        if identity is None:
            continue
        named = words_of(identity.name)
        if all(any(each.startswith(word) for each in named) for word in words):
            found.append(line)
    return found

"""Open cases moved to the package version that their unit works by now, as a preview shows it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import people, queries
from cases.package_moves import CaseMove, fingerprint
from cases.rebase import REBASING, preview_rebase, rebase, units_to_rebase
from cases.registry import package_in_force, package_named
from core.clock import local_date
from web.pages import rows
from web.pages.forms import Errors, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address
from web.pages.words import label_of
from web.policy import allow

router: Final = Pages()


@router.get("/rebase")
@allow(REBASING)
def rebase_page(visit: Visited) -> Response:
    """Every due time that would change."""
    return _page(visit, {})


@router.post("/rebase")
@allow(REBASING)
def move(visit: Visited) -> Response:
    """Do exactly what the preview showed, or nothing."""
    unit = visit.typed("unit")

    def verb(tx: Connection) -> str:
        done = rebase(tx, visit.viewer, unit, now=visit.now, seen=visit.typed("seen"))
        return address("/rebase", {"unit": unit, "moved": len(done) or "0"})

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, answer, status=409)


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now

    def read(tx: Connection) -> dict[str, Any]:
        units = rows.unit_names(tx, viewer, local_date(now))
        waiting = units_to_rebase(tx, viewer, now=now)
        asked = visit.typed("unit") or visit.asked("unit") or next(iter(waiting or units))
        moves = preview_rebase(tx, viewer, asked, now=now)
        cases = queries.cases_by_refs(tx, viewer, (each.ref for each in moves))
        known = people.identities_of(tx, [case.person for case in cases.values()])
        package = package_in_force(tx, asked, on=local_date(now))
        return {
            "units": units,
            "unit": asked,
            "waiting": waiting,
            "moves": moves,
            "package": package.key,
            "names": {
                case.ref: known[case.person].name for case in cases.values() if case.person in known
            },
            "labels": _labels(tx, visit, moves),
        }

    shown = visit.house.db.transact(read)
    moved = visit.told("moved")
    return page(
        visit,
        "pages/rebase.html",
        status,
        seen=fingerprint(shown["moves"]),
        moved=moved if moved.isdecimal() else "",
        errors=errors,
        **shown,
    )


def _labels(tx: Connection, visit: Visit, moves: list[CaseMove]) -> dict[tuple[str, str], str]:
    """What the tasks of these moves are called, in the newer version or the one before it."""
    found = {}
    for each in moves:
        newer, older = package_named(tx, each.to_package), package_named(tx, each.from_package)
        for task in each.tasks:
            named = newer if newer.has(task.task) else older
            found[each.ref, task.task] = label_of(named, task.task, visit.language)
    return found

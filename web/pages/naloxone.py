"""The sprays of a unit: on the shelf, in property, given; and what does not add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import desk, naloxone, people, queries
from cases.access import Viewer
from cases.custody import TO_A_PERSON, Flaw, Kind, Row
from cases.model import Case, TaskState
from cases.naloxone import KEEPING
from cases.registry import package_named
from core.clock import local_date
from core.errors import BadInput
from web.pages import rows
from web.pages.forms import Errors, chosen, day_in, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address, whole
from web.pages.words import WORDS, label_of
from web.policy import allow

SHELF: Final = tuple(kind for kind in Kind if kind not in TO_A_PERSON)
MOST_SHOWN: Final = 60
EXPLAINED: Final = (Kind.RETURNED.value, Kind.LOST.value)
"""What became of a spray that stayed in property though the person has left. One that was given in
hand is the task's to say."""

TICKED_APART: Final = {Kind.TO_PROPERTY: "card_printed"}
"""Kinds of row that a task speaks of and did not write: the one is undone without the other."""

router: Final = Pages()


@router.get("/naloxone")
@allow(KEEPING)
def naloxone_page(visit: Visited) -> Response:
    """A unit's shelf and ledger."""
    return _page(visit, {})


@router.post("/naloxone")
@allow(KEEPING)
def record(visit: Visited) -> Response:
    """Write a row of the shelf, or take one back; whether to is asked first, for it stays."""
    unit = visit.typed("unit")
    do, _, number = visit.typed("do", "record").partition("/")

    def verb(tx: Connection) -> str:
        if do == "undo":
            row_id = whole(number) or 0
            if visit.typed("sure") != number:
                row = naloxone.to_take_back(tx, visit.viewer, row_id)
                return address("/naloxone", {"unit": unit or row.unit, "ask": number})
            naloxone.undo(tx, visit.viewer, row_id, now=visit.now)
        elif do in EXPLAINED:
            told = _explain(tx, visit, unit, do, number)
            said = f"record/{told.id}" if told is not None else ""
            return address("/naloxone", {"unit": unit, "said": said})
        else:
            count = whole(visit.typed("count"))
            if count is None:
                raise BadInput("missing", "Give how many.", "count")
            written = naloxone.record(
                tx,
                visit.viewer,
                visit.typed("kind"),
                now=visit.now,
                unit=unit,
                quantity=count,
                lot=visit.typed("lot") or None,
                expires_on=day_in(visit, "expires"),
            )
            return address("/naloxone", {"unit": unit, "said": f"{do}/{written.row.id}"})
        return address("/naloxone", {"unit": unit, "said": f"{do}/{number}"})

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, answer, status=422)


def _explain(tx: Connection, visit: Visit, unit: str, kind: str, ref: str) -> Row | None:
    """The row that says what became of a person's sprays; None where nothing lacks any more."""
    for flaw in naloxone.discrepancies_of(tx, visit.viewer, unit, now=visit.now):
        if (flaw.flaw, flaw.case_ref) == (Flaw.UNACCOUNTED, ref):
            written = naloxone.record(
                tx, visit.viewer, kind, now=visit.now, ref=ref, quantity=flaw.quantity
            )
            return written.row
    return None  # somebody else has just said it: the page shows what stands


def _may_be_ticked(case: Case) -> bool:
    """Whether the task can still say that a spray was given in hand."""
    task = case.task(naloxone.HANDED_OVER)
    return task is not None and task.state in (TaskState.OPEN, TaskState.MISSED)


def _asked_of(ledger: list[Row], number: str) -> Row | None:
    """The row that somebody is about to take back, if it is one that can be."""
    gone, asked = {row.undoes for row in ledger}, whole(number)
    for row in ledger:
        if row.id == asked and not row.task and not row.undoes and row.id not in gone:
            return row
    return None


def _still_done(visit: Visit, tx: Connection, row: Row, cases: Mapping[str, Case]) -> str:
    """What the task is called that says the same as a row and stays done without it, "" if none."""
    case, code = cases.get(row.case_ref or ""), TICKED_APART.get(row.kind)
    task = case.task(code) if case is not None and code is not None else None
    if case is None or task is None or task.state is not TaskState.DONE:
        return ""
    return label_of(package_named(tx, case.package), task.code, visit.language)


def _said_of(visit: Visit, ledger: list[Row]) -> Row | None:
    """The row that was just written, or the one that took another back."""
    do, _, number = visit.told("said").partition("/")
    said = whole(number) if do else None
    for row in ledger if said is not None else ():
        if (row.undoes if do == "undo" else row.id) == said:
            return row
    return None


def _cases(tx: Connection, viewer: Viewer, refs: Iterable[str | None]) -> dict[str, Case]:
    """The cases that rows are about, as far as the viewer sees them."""
    return queries.cases_by_refs(tx, viewer, {ref for ref in refs if ref is not None})


def _names(tx: Connection, cases: Mapping[str, Case]) -> dict[str, str]:
    """Who they are about; erased ones have no name."""
    known = people.identities_of(tx, [case.person for case in cases.values()])
    return {ref: known[case.person].name for ref, case in cases.items() if case.person in known}


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now

    def read(tx: Connection) -> dict[str, Any]:
        units = rows.unit_names(tx, viewer, local_date(now))
        asked = visit.typed("unit") or visit.asked("unit")
        unit = asked if asked in units else next(iter(units))
        number = visit.asked("ask")
        ledger = naloxone.ledger(
            tx, viewer, now=now, unit=unit, most=MOST_SHOWN, also=whole(number)
        )
        latest = ledger[::-1][:MOST_SHOWN]
        flaws = naloxone.discrepancies_of(tx, viewer, unit, now=now)
        said, ask = _said_of(visit, latest), _asked_of(ledger, number)
        about = {row.case_ref for row in (*latest, ask) if row is not None}
        cases = _cases(tx, viewer, about | {flaw.case_ref for flaw in flaws})
        told = said if said is not None and said.undoes else ask
        return {
            "said": said,
            "ask": ask,
            "then": naloxone.stock(tx, viewer, unit, now=now, without=ask.id) if ask else None,
            "still_done": _still_done(visit, tx, told, cases) if told else "",
            "task_of": TICKED_APART,
            "units": units,
            "unit": unit,
            "stock": naloxone.stock(tx, viewer, unit, now=now),
            "flaws": flaws,
            "by_task": {ref for ref, case in cases.items() if _may_be_ticked(case)},
            "ledger": latest,
            "names": _names(tx, cases),
            "taken_back": {row.undoes for row in ledger if row.undoes is not None},
            "people": desk.names_of_accounts(tx, (row.by for row in ledger)),
        }

    shown = visit.house.db.transact(read)
    return page(
        visit,
        "pages/naloxone.html",
        status,
        explained=EXPLAINED,
        kinds=[(each.value, visit.translate(WORDS["naloxone"][each.value])) for each in SHELF],
        values=chosen(visit.values(), kind="received", count="", unit=shown["unit"]),
        errors=errors,
        **shown,
    )

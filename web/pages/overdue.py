"""The coordinator's board: what is past its time, by unit and step, cleared by one tap or many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from cases import desk, worklist
from cases.access import COMPLETERS
from cases.calendar import midnight_ending
from cases.model import Owner, Step, WaiveReason
from cases.package import national
from cases.put_off import leaves_soon, off_until
from cases.release import RELEASING
from cases.task_line import NOBODY, Filter
from cases.worklist import PAGE, SORTS
from core.clock import local_date
from reports.waiting import Waiting, to_send_in
from web.i18n import marked
from web.pages import at_once, figures, rows
from web.pages.acts import act
from web.pages.forms import Errors, tried
from web.pages.receipts import TOLD
from web.pages.rendering import joined, kept_page, page, part
from web.pages.visit import Pages, Visit, Visited, address, local_path, whole
from web.pages.words import WORDS
from web.policy import CASE_WORKERS, allow

SPANS: Final = {"late": 0, "today": 1, "week": 7, "fortnight": 15, "month": 28}
"""How far ahead the board looks, in days; `late` is what is past its time now.

`fortnight` is today and the 14 days after it, as `workload` counts.
"""

TO_NOBODY: Final = "nobody"
"""In place of an account: what is given to nobody."""

ONLY: Final = "only"
"""Of a board that shows what was put off and nothing else."""

MOST_PAGES: Final = 200

router: Final = Pages()


@router.get("/overdue")
@allow(CASE_WORKERS)
def board(visit: Visited) -> Response:
    """The board."""
    return _page(visit, {})


@router.post("/overdue")
@allow(CASE_WORKERS)
def many(visit: Visited) -> Response:
    """Do one thing with all that are ticked: every row by itself, and told which were refused."""
    picks = at_once.picked(visit.typed_all("pick"))
    do = visit.typed("do")
    if "/" in do and not (picks and do.startswith("undo/") and do.count("/") == 1):
        return act(visit)  # a button of one row, pressed on the board
    if not picks:
        return _page(visit, {"": visit.translate(_NOTHING)}, status=422)
    if do == "waive" and not visit.typed("why"):
        return _page(visit, {"why": visit.translate(_NO_REASON)}, status=422)
    if do == "assign" and not visit.typed("to"):
        return _page(visit, {"to": visit.translate(_NOBODY_CHOSEN)}, status=422)
    if at_once.asks_first(do, picks, sure=visit.typed("sure") == "yes"):
        return _ask(visit, do, picks)

    def verb(tx: Connection) -> str:
        told = at_once.carry_out(tx, visit, do, picks)
        return at_once.told_in(local_path(visit.typed("next", "/overdue")), told)

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, answer, status=422)


_NOTHING: Final = marked("Velg minst én rad først.")
_NO_REASON: Final = marked("Velg en grunn for å frafalle.")
_NOBODY_CHOSEN: Final = marked("Velg hvem som skal ha oppgaven.")


def _ask(visit: Visit, do: str, picks: list[at_once.Pick]) -> Response:
    """The rows one by one, before so many are settled in one press."""
    with visit.house.db.read() as tx:
        found = at_once.lines_of(tx, visit, picks)
    rows.log_look(visit, worklist.LISTED, [line.ref for line in found.values()])
    return page(
        visit,
        "pages/at_once.html",
        do=do,
        lines=list(found.values()),
        why=visit.typed("why"),
        back=local_path(visit.typed("next", "/overdue")),
    )


def _pairs(path: str) -> list[tuple[str, object]]:
    return [pair for pair in parse_qsl(path.partition("?")[2]) if pair[0] not in TOLD]


@router.post("/overdue/filters")
@allow(CASE_WORKERS)
def filters(visit: Visited) -> Response:
    """Keep the filter in force under a name, or remove one."""
    next_page = local_path(visit.typed("next", "/overdue"))

    def verb(tx: Connection) -> str:
        if gone := visit.typed("forget"):
            desk.forget_filter(tx, visit.viewer, whole(gone) or 0)
        else:
            query = address("", [p for p in _pairs(next_page) if p[0] != "page"])
            desk.save_filter(tx, visit.viewer, "overdue", visit.typed("name"), query)
        return next_page

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, answer, status=422)


_STEPS: Final = {each.value: each for each in Step}
_OWNERS: Final = {each.value: (each,) for each in Owner}


def _asked(visit: Visit) -> tuple[Filter, dict[str, str], int]:
    """The filter of the address; what is not known there is left out."""
    span = visit.asked("span", "late")
    span = span if span in SPANS else "late"
    step, unit, sort = visit.asked("step"), visit.asked("unit"), visit.asked("sort", "due")
    owner, whose = visit.asked("owner"), visit.asked("whose")
    on = local_date(visit.now)
    until = visit.now if span == "late" else midnight_ending(on + timedelta(days=SPANS[span] - 1))
    wanted = Filter(
        until=until,
        unit=unit if unit in visit.viewer.units else None,
        step=_STEPS.get(step),
        owners=_OWNERS.get(owner, ()),
        assigned_to=_account(visit, whose),
        with_snoozed=visit.asked("snoozed") in ("1", ONLY),
        only_snoozed=visit.asked("snoozed") == ONLY,
        sort=sort if sort in SORTS else "due",
    )
    values = {
        "span": span,
        "step": wanted.step.value if wanted.step else "",
        "unit": wanted.unit or "",
        "owner": owner if wanted.owners else "",
        "whose": whose,
        "snoozed": ONLY if wanted.only_snoozed else "1" if wanted.with_snoozed else "",
        "sort": wanted.sort,
    }
    number = visit.asked("page")
    return wanted, values, min(max(whole(number) or 1, 1), MOST_PAGES)


def _account(visit: Visit, whose: str) -> str | None:
    """Whom tasks have to be given to; None where it does not matter."""
    if whose == TO_NOBODY:
        return NOBODY
    return visit.viewer.account if whose == "me" else whose or None


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now
    wanted, values, number = _asked(visit)
    db = visit.house.db
    # Whoever writes waits for a look (`core.db`), so what takes long is read beside them.
    near = worklist.is_near(viewer, wanted, offset=(number - 1) * PAGE)
    with db.look() if near else db.read() as tx:
        lines = worklist.task_lines(
            tx, viewer, wanted, now=now, offset=(number - 1) * PAGE, kept=visit.kept_lines
        )
        shown = rows.task_rows(tx, visit, lines[:PAGE])
        context: dict[str, Any] = {
            "put_off": _count(tx, visit, replace(wanted, only_snoozed=True), values | _PUT_OFF),
            # All are on the page, where it is the first and has room for more.
            "count": len(lines)
            if number == 1 and len(lines) <= PAGE
            else _count(tx, visit, wanted, values),
            "units": rows.unit_names(tx, viewer, local_date(now)),
            "kept": desk.saved_filters(tx, viewer, "overdue"),
            "colleagues": desk.colleagues(tx, viewer, now=now),
            "told": rows.told(tx, visit),
            "came": at_once.came(tx, visit),
            "names": desk.names_of_accounts(tx, rows.accounts_of(shown)),
            "brought": rows.brought(tx, visit),
            "to_send_in": _to_send_in(tx, visit),
            "to_answer": rows.to_answer(tx, visit),
        }
    seen = [row.ref for row in shown]
    seen += [context["told"].ref] if context["told"] is not None else []
    seen += [each.ref for each in context["brought"]]
    came = context["came"]
    seen += [line.ref for line in (*came.settled, *came.refused)] if came is not None else []
    rows.log_look(visit, worklist.LISTED, seen, unit=wanted.unit)
    context["names"] |= {each.ref: each.name for each in context["colleagues"]}
    tidies = viewer.role in desk.TIDYING
    ticked = set(visit.typed_all("pick")) | {line.key for line in (came.refused if came else ())}
    resume = _resume_at(shown, context["told"])
    written = _written(visit, shown, context, tidies=tidies, ticked=ticked, resume=resume)
    return kept_page(
        visit,
        "pages/overdue.html",
        status,
        words={"rows": written},
        follows={
            "to_page": lambda n: address(
                "/overdue", {**_plain(values), "page": n if n > 1 else ""}
            ),
            "sorted_by": lambda by: address("/overdue", {**_plain(values), "sort": by}),
            "with_put_off": address("/overdue", _plain(values | _PUT_OFF)),
            "without_put_off": address("/overdue", _plain(values | {"snoozed": ""})),
            "long": lambda period: figures.long(visit.translate, period),
        },
        empty=not shown,
        first_row=(number - 1) * PAGE + 1,
        last_row=(number - 1) * PAGE + len(shown),
        # Each once, in however many units somebody works.
        whom=tuple({each.ref: each.name for each in context["colleagues"]}.items()),
        more=len(lines) > PAGE,
        number=number,
        values=values,
        steps=_steps(visit),
        reasons=[(each.value, visit.translate(WORDS["waive"][each.value])) for each in WaiveReason],
        tidies=tidies,
        releases=viewer.role in RELEASING,
        most=worklist.MOST_COUNTED,
        why=visit.typed("why"),
        to=visit.typed("to"),
        back=at_once.BACK,
        errors=errors,
        whose=_whose(visit, values["whose"], context["names"]),
        **context,
    )


def _whose(visit: Visit, whose: str, names: Mapping[str, str]) -> str:
    """Whom the tasks shown are given to, in words; "" where that was not asked."""
    if whose == TO_NOBODY:
        return visit.translate(_TO_NOBODY)
    if whose in ("", "me", visit.viewer.account):
        return visit.translate(_MINE) if whose else ""
    return visit.translate(_GIVEN_TO) % {"name": names.get(whose, "–")}


_MINE: Final = marked("Bare mine")
_TO_NOBODY: Final = marked("Ikke gitt til noen")
_GIVEN_TO: Final = marked("Gitt til %(name)s")


def _count(tx: Connection, visit: Visit, wanted: Filter, values: dict[str, str]) -> int:
    """How many there are; not counted each time."""
    viewer, now = visit.viewer, visit.now
    return visit.lately.answered(
        viewer.account,
        (viewer, local_date(now), *values.values()),
        lambda: worklist.how_many_tasks(tx, viewer, wanted, now=now),
        now=visit.house.real_clock(),
    )


def _to_send_in(tx: Connection, visit: Visit) -> list[Waiting]:
    """The reports that wait for the reader's units; not looked for each time."""
    viewer, now = visit.viewer, visit.now
    return visit.lately.answered(
        viewer.account,
        ("to_send_in", viewer, local_date(now)),
        lambda: to_send_in(tx, viewer, now=now),
        now=visit.house.real_clock(),
    )


_PUT_OFF: Final = {"snoozed": ONLY}


def _resume_at(shown: list[rows.Row], told: rows.Told | None) -> str | None:
    """The row to go on with: the first below where the one stood that was just dealt with."""
    if told is None or not shown:
        return None
    same = (row.key for row in shown if (row.ref, row.code) == (told.ref, told.task))
    below = (row.key for row in shown if told.due_at is not None and row.due_at >= told.due_at)
    return next(same, next(below, shown[-1].key))


def _plain(values: dict[str, str]) -> dict[str, str]:
    """The values of an address without those that are so anyway."""
    usual = {"span": "late", "sort": "due"}
    return {name: value for name, value in values.items() if value and usual.get(name) != value}


def _written(
    visit: Visit,
    shown: list[rows.Row],
    context: dict[str, Any],
    *,
    tidies: bool,
    ticked: set[str],
    resume: str | None,
) -> Markup:
    """The rows as they stand in the page (`templates/parts/deadline.html`)."""
    deadline, dates, role = part(visit.language, "deadline"), visit.dates, visit.viewer.role
    units, names, me = context["units"], context["names"], visit.viewer.account
    common = {"tidies": tidies, "releases": role in RELEASING, "many": len(units) > 1}
    mine = {owner.value: role in COMPLETERS[owner] for owner in Owner}
    page_is = (me, role, local_date(visit.now), *common.values())

    def written(
        row: rows.Row,
        unit: str,
        given: tuple[str, str | None, str | None],
        off: tuple[datetime | None, str | None],
        **at: bool,
    ) -> Markup:
        (assigned, whose, giver), (until, by) = given, off
        return deadline(
            row.ref,
            row.name,
            row.number,
            row.label,
            unit,
            rows.due_said(row, visit),
            dates.until(row.release_on) if row.release_on is not None else None,
            whose,
            dates.day(local_date(until)) if until is not None else None,
            by,
            giver,
            code=row.code,
            owner=row.owner,
            answers=row.answers,
            late=row.overdue,
            # The role's own task, which it may settle.
            mine=mine[row.owner],
            release=rows.release_said(row, dates),
            assigned=assigned,
            given=giver is not None,
            snoozed=until is not None,
            named=by is not None,
            stays=leaves_soon(row.release_on, row.phase, visit.now),
            **at,
            **common,
        )

    parts = []
    for row in shown:
        unit, given = units.get(row.unit, row.unit), rows.given_said(row, names, me)
        off = _off(row, names, visit.now)
        if row.key in ticked or row.key == resume:
            at = {"ticked": row.key in ticked, "resume": row.key == resume}
            parts.append(written(row, unit, given, off, **at))
            continue
        key = (page_is, unit, given, off)
        known = row.written.get(key)
        if known is None:
            known = row.written[key] = written(row, unit, given, off, ticked=False, resume=False)
        parts.append(known)
    return joined(parts)


def _off(
    row: rows.Row, names: Mapping[str, str], now: datetime
) -> tuple[datetime | None, str | None]:
    """Until when a row is off the board and who put it off; nothing for one that is on it."""
    if row.snoozed_until is None:
        return None, None
    until = off_until(row.snoozed_until, row.release_on, row.phase)
    return (until, names.get(row.snoozed_by or "")) if until > now else (None, None)


def _steps(visit: Visit) -> list[tuple[str, str]]:
    package = national()
    return [(s.value, package.step_labels(s).in_language(visit.language)) for s in Step]

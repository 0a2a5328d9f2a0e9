"""The coordinator's desk: who takes a task on, and what is off the board for some days.

Neither touches the due time or the ladder: who should be told is told all the same. It is no fact
of the case, so it is not among its events; the access log says who did it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Date, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from cases import queries, rules
from cases.access import COMPLETERS, Viewer, check_may_open_cases
from cases.model import Case, Role, TaskState
from cases.put_off import leaves_soon, off_until
from cases.tables import account, membership, saved_filter, task_desk
from cases.worklist import looked_at
from core.clock import local_date
from core.errors import BadInput, NotFound, Refused
from core.listed import one_of
from core.statement import Prepared

TIDYING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD, Role.HEALTH_LEAD})
"""Who hands tasks out and puts them off the board."""

SNOOZES: Final = (7, 30)
"""Days."""

MOST_AT_ONCE: Final = 100
MOST_FILTERS: Final = 20
SNOOZED: Final = "tasks_snoozed"
WOKEN: Final = "tasks_woken"
ASSIGNED: Final = "tasks_assigned"

_WHOSE: Final = {"assigned_to": "assigned_by", "snoozed_until": "snoozed_by"}
"""What is written of a task, and where it stands who did."""

_VALUES: Final = ("case_id", "code", *_WHOSE, *_WHOSE.values(), "changed_at", "by")


def _upsert(dialect: Any, column: str) -> Any:
    made = dialect.insert(task_desk)
    return made.on_conflict_do_update(
        index_elements=[task_desk.c.case_id, task_desk.c.code],
        set_={name: made.excluded[name] for name in (column, _WHOSE[column], "changed_at", "by")},
    )


_WRITE: Final = {
    (name, column): _upsert(dialect, column)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
    for column in _WHOSE
}


class NotTheirTask(Refused):
    """A task was handed to somebody whose role may not complete it."""


class LeavesSoon(Refused):
    """A task was to be put off past the day before the release."""

    SAID: Final = "The release is too near: nothing is put off past the day before it."


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody with an account in one of the viewer's units."""

    ref: str
    name: str
    role: str
    unit: str


def snooze(
    tx: Connection, viewer: Viewer, tasks: Sequence[tuple[str, str]], days: int, *, now: datetime
) -> list[tuple[str, str]]:
    """Take tasks (case reference, code) off the board for 7 or 30 days; returns those it took.

    In prison none is off it on the day before the release or later (`put_off.off_until`). Tasks of
    somebody who leaves today or tomorrow stay there; raises `LeavesSoon` where that is all of them.
    """
    if days not in SNOOZES:
        raise BadInput("out_of_range", "A task is put off for 7 or 30 days.", "days")
    _, put = _put(tx, viewer, tasks, "snoozed_until", now + timedelta(days=days), now=now)
    if not put:
        raise LeavesSoon(LeavesSoon.SAID)
    return put


def wake(
    tx: Connection, viewer: Viewer, tasks: Sequence[tuple[str, str]], *, now: datetime
) -> None:
    """Take back that tasks were put off: those that are still open stand on the board again."""
    _put(tx, viewer, tasks, "snoozed_until", None, now=now)


def assign(
    tx: Connection,
    viewer: Viewer,
    tasks: Sequence[tuple[str, str]],
    to: str | None,
    *,
    now: datetime,
) -> None:
    """Hand tasks to somebody of the case's unit, or to nobody again (`to` None).

    Raises `Refused` for somebody whose role may not complete the task: they could not do it.
    """
    theirs = {(each.unit, each.role) for each in colleagues(tx, viewer, now=now) if each.ref == to}
    cases, _ = _put(tx, viewer, tasks, "assigned_to", to, now=now)
    if to is None:
        return
    for ref, code in tasks:
        case = cases[ref]
        roles = {role for unit, role in theirs if unit == case.unit}
        if not roles:
            raise BadInput(
                "unknown_colleague", "Tasks are handed to somebody of the same unit.", "to"
            )
        if not any(Role(role) in COMPLETERS[rules.task_of(case, code).owner] for role in roles):
            raise NotTheirTask("This task belongs to another role: choose somebody who has it.")


def _put(
    tx: Connection,
    viewer: Viewer,
    tasks: Sequence[tuple[str, str]],
    column: str,
    value: Any,
    *,
    now: datetime,
) -> tuple[dict[str, Case], list[tuple[str, str]]]:
    """Write it; returns the cases, and the tasks of which it was written."""
    check_may_open_cases(viewer)
    rules.check_role(viewer, TIDYING, "hand tasks out or put them off")
    if not tasks or len(tasks) > MOST_AT_ONCE:
        raise BadInput("out_of_range", f"Choose 1 to {MOST_AT_ONCE} tasks.", "tasks")
    cases = queries.cases_by_refs(tx, viewer, (ref for ref, _ in tasks))
    wakes = column == "snoozed_until" and value is None
    snoozes = column == "snoozed_until" and value is not None
    by = viewer.account if value is not None else None
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for ref, code in tasks:
        case = cases.get(ref)
        if case is None:
            raise rules.case_not_found()
        waits = rules.task_of(case, code).state is TaskState.OPEN
        if wakes and not waits:
            continue  # settled meanwhile: nothing of it is off the board
        if not waits:
            raise Refused(f"{code} is not open any more. Load the page anew.")
        if snoozes and leaves_soon(case.release_on, case.phase, now):
            continue
        said = {"case_id": case.id, "code": code, column: value, _WHOSE[column]: by}
        rows[ref, code] = dict.fromkeys(_VALUES) | said
    statement = _WRITE[tx.dialect.name, column]
    for row in rows.values():
        tx.execute(statement, row | {"changed_at": now, "by": viewer.account})
    verb = ASSIGNED if column == "assigned_to" else WOKEN if wakes else SNOOZED
    looked_at(tx, viewer, verb, cases, now=now)
    return cases, list(rows)


@dataclass(frozen=True, slots=True)
class OnDesk:
    """What a desk says of one task of a case: until when it is off the board, who has it."""

    off_until: datetime | None
    """In force now; None for a task on the board."""

    snoozed_by: str | None
    assigned_to: str | None
    assigned_by: str | None


_ON_DESK: Final = Prepared(
    select(
        task_desk.c.code,
        task_desk.c.snoozed_until,
        task_desk.c.snoozed_by,
        task_desk.c.assigned_to,
        task_desk.c.assigned_by,
    ).where(task_desk.c.case_id == bindparam("case_id"))
)


def on_desk(tx: Connection, case: Case, *, now: datetime) -> dict[str, OnDesk]:
    """What is put off or handed on of a case that the caller may see, by task."""
    found = {}
    for code, wanted, snoozed_by, to, assigned_by in _ON_DESK.rows(tx, {"case_id": case.id}):
        until = off_until(wanted, case.release_on, case.phase) if wanted is not None else None
        off = until if until is not None and until > now else None
        found[code] = OnDesk(off, snoozed_by, to, assigned_by)
    return found


_COLLEAGUES: Final = Prepared(
    select(account.c.ref, account.c.display_name, membership.c.role, membership.c.unit)
    .join(membership, membership.c.account_id == account.c.id)
    .where(
        account.c.disabled_at.is_(None),
        one_of(membership.c.unit, "units"),
        or_(
            membership.c.valid_from.is_(None),
            membership.c.valid_from <= bindparam("on", type_=Date),
        ),
        or_(membership.c.valid_to.is_(None), membership.c.valid_to > bindparam("on", type_=Date)),
    )
    .order_by(account.c.display_name, account.c.ref)
)


def colleagues(tx: Connection, viewer: Viewer, *, now: datetime) -> list[Colleague]:
    """Who works in the viewer's units today."""
    if not viewer.units:
        return []
    asked = {"units": sorted(viewer.units), "on": local_date(now)}
    return [Colleague(*row) for row in _COLLEAGUES.rows(tx, asked)]


_NAMES: Final = Prepared(
    select(account.c.ref, account.c.display_name).where(one_of(account.c.ref, "refs"))
)


def names_of_accounts(tx: Connection, refs: Iterable[str | None]) -> dict[str, str]:
    """The names of accounts by reference; what is no account (the system) is left out."""
    asked = sorted({ref for ref in refs if ref})
    if not asked:
        return {}
    return dict(_NAMES.rows(tx, {"refs": asked}))


# --- saved filters -------------------------------------------------------------------------------


_SAVED: Final = Prepared(
    select(saved_filter.c.id, saved_filter.c.name, saved_filter.c.query)
    .where(saved_filter.c.account == bindparam("account"), saved_filter.c.page == bindparam("page"))
    .order_by(saved_filter.c.name)
)


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter of a page that somebody keeps under a name; `query` as in the address."""

    id: int
    name: str
    query: str


def saved_filters(tx: Connection, viewer: Viewer, page: str) -> list[SavedFilter]:
    """What the viewer keeps for a page, by name."""
    rows = _SAVED.rows(tx, {"account": viewer.account, "page": page})
    return [SavedFilter(*row) for row in rows]


def save_filter(tx: Connection, viewer: Viewer, page: str, name: str, query: str) -> None:
    """Keep a filter; the same name again replaces it."""
    named = rules.one_line(name, "name", longest=60)
    if len(query) > 400:
        raise BadInput("too_long", "The filter is too long to be kept.", "name")
    mine = [saved_filter.c.account == viewer.account, saved_filter.c.page == page]
    tx.execute(delete(saved_filter).where(*mine, saved_filter.c.name == named))
    if len(saved_filters(tx, viewer, page)) >= MOST_FILTERS:
        raise Refused(f"At most {MOST_FILTERS} filters are kept: remove one first.")
    tx.execute(
        saved_filter.insert(),
        {"account": viewer.account, "page": page, "name": named, "query": query},
    )


def forget_filter(tx: Connection, viewer: Viewer, filter_id: int) -> None:
    """Remove a kept filter. Raises `NotFound` for another's."""
    gone = tx.execute(
        delete(saved_filter).where(
            saved_filter.c.id == filter_id, saved_filter.c.account == viewer.account
        )
    )
    if gone.rowcount == 0:
        raise NotFound("There is no such filter of yours.")

"""My people today: who leaves, whom to speak with, what is due and overdue, who came in.

And which groups meet. Ticked in two taps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from cases import desk, sessions, worklist
from cases.calendar import midnight_ending, next_working_day
from cases.release import RELEASING
from cases.session_rows import Session, SessionState
from cases.task_line import Filter, TaskLine
from core.clock import local_date
from web.pages import rows
from web.pages.follow_up import CONTACTS, FOLLOWING
from web.pages.rendering import joined, kept_page, part
from web.pages.rows import Row
from web.pages.visit import Pages, Visit, Visited
from web.policy import CASE_WORKERS, allow

AHEAD: Final = timedelta(days=1)
"""How many days after today are on the list."""

NEW_FOR: Final = timedelta(days=3)
GROUPS_FOR: Final = timedelta(days=7)
MOST: Final = 40
LOOKED_AT: Final = 3 * MOST
"""So many are looked at where what is due after tomorrow may belong to who leaves today."""

LEADING: Final = 60
CALLED: Final = 12
"""Of those who leave or are to be spoken with, and of these alone: a unit has fewer in a day."""

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with what waits for them, the earliest first."""

    ref: str
    tasks: tuple[Row, ...]

    @property
    def overdue(self) -> bool:
        """Whether anything is past its time."""
        return any(task.overdue for task in self.tasks)


@router.get("/today")
@allow(CASE_WORKERS)
def today(visit: Visited) -> Response:
    """The list of the day."""
    viewer, now = visit.viewer, visit.now
    on = local_date(now)
    near, until = midnight_ending(on + AHEAD), _until(on)
    wanted = Filter(
        until=until,
        owners=worklist.owners_of(viewer),
        # What a coordinator puts off is off the board, and not off anybody's day.
        with_snoozed=True,
    )
    db = visit.house.db
    with db.look() if worklist.is_near(viewer, wanted) else db.read() as tx:
        lines = worklist.task_lines(
            tx,
            viewer,
            wanted,
            now=now,
            limit=MOST if until == near else LOOKED_AT,
            kept=visit.kept_lines,
        )
        lines = [line for line in lines if line.due_at < near or _leaves(line, on)]
        people = by_person(rows.task_rows(tx, visit, lines[:MOST]))
        new = rows.humans(tx, worklist.admitted_since(tx, viewer, now - NEW_FOR))
        day = rows.of_the_day(
            tx,
            visit,
            on,
            CONTACTS if viewer.role in FOLLOWING else (),
            most=LEADING,
            most_called=CALLED,
        )
        told = rows.told(tx, visit)
        brought = rows.brought(tx, visit)
        shown = {
            "to_answer": rows.to_answer(tx, visit),
            "more": len(lines) > MOST,
            "groups": _groups(tx, visit, on),
        }
        units = rows.unit_names(tx, viewer, on)
        names = desk.names_of_accounts(tx, rows.accounts_of(of_all(people)))
    seen = [person.ref for person in people] + [human.ref for human in new]
    seen += day.refs
    seen += [told.ref] if told is not None else []
    seen += [each.ref for each in brought]
    rows.log_look(visit, worklist.LISTED, seen)
    resume = resume_at(people, told)
    first, last = midnight_ending(on - AHEAD), midnight_ending(on)
    overdue: list[Person] = []
    soon: list[Person] = []
    for each in people:
        (overdue if each.overdue else soon).append(each)
    return kept_page(
        visit,
        "pages/today.html",
        words={
            "overdue_rows": _written(visit, overdue, units, names, resume),
            "soon_rows": _written(visit, soon, units, names, resume),
        },
        follows={},
        overdue=len(overdue),
        soon=len(soon),
        # A list that goes on says nothing of what comes after it.
        none_today=not (
            len(lines) > MOST
            or any(first <= line.due_at < last or line.due_at >= near for line in lines)
        ),
        day=day,
        on=on,
        new=new,
        brought=brought,
        units=units,
        told=told,
        releases=viewer.role in RELEASING,
        asks=viewer.reads_health,
        **shown,
    )


def _until(on: date) -> datetime:
    """How far ahead is looked.

    What is done at the gate is due on the next working day, for who types it in later. Who leaves
    on a Friday, or on a day off, leaves with nobody told of it, were it only due after tomorrow.
    """
    return midnight_ending(max(on + AHEAD, next_working_day(on)))


def _leaves(line: TaskLine, on: date) -> bool:
    """Whether a task due later is of today: of somebody who leaves, or has left, by this day."""
    return line.release_on is not None and line.release_on <= on


def resume_at(people: list[Person], told: rows.Told | None) -> str | None:
    """Who to go on with: whoever was just dealt with, or the next below where that row stood."""
    if told is None or not people:
        return None
    if any(person.ref == told.ref for person in people):
        return told.ref
    below = (
        person.ref
        for person in people
        if told.due_at is not None and person.tasks[0].due_at >= told.due_at
    )
    return next(below, people[-1].ref)


def of_all(people: list[Person]) -> list[Row]:
    """The rows of all of them."""
    return [row for person in people for row in person.tasks]


def by_person(found: list[Row]) -> list[Person]:
    """Tasks in the order of their due times, gathered by person, the earliest person first."""
    order = {row.ref: at for at, row in reversed(list(enumerate(found)))}
    gathered = sorted(found, key=lambda row: (order[row.ref], row.due_at))
    people = []
    for ref, those in groupby(gathered, key=lambda row: row.ref):
        people.append(Person(ref, tuple(those)))
    return people


def _written(
    visit: Visit,
    people: list[Person],
    units: dict[str, str],
    names: Mapping[str, str],
    resume: str | None,
) -> Markup:
    """Their rows (`templates/parts/human.html`)."""
    human, todo, dates = part(visit.language, "human"), part(visit.language, "todo"), visit.dates
    common = {"many": len(units) > 1, "releases": visit.viewer.role in RELEASING}
    on, me = local_date(visit.now), visit.viewer.account

    def task(row: Row) -> Markup:
        assigned, whose, giver = rows.given_said(row, names, me)
        key = (on, assigned, whose, giver)
        known = row.written.get(key)
        if known is None:
            known = row.written[key] = todo(
                row.ref,
                row.name,
                row.label,
                rows.due_said(row, visit),
                whose,
                giver,
                code=row.code,
                answers=row.answers,
                ready=row.ready,
                late=row.overdue,
                assigned=assigned,
                given=giver is not None,
            )
        return known

    written = []
    for person in people:
        first = person.tasks[0]
        tasks = joined([task(row) for row in person.tasks])
        unit = units.get(first.unit, first.unit)
        key = (on, unit, tasks, first.ref == resume, *common.values())
        known = first.written.get(key)
        if known is None:
            known = first.written[key] = human(
                first.ref,
                first.name,
                first.number,
                unit,
                dates.until(first.release_on) if first.release_on is not None else None,
                tasks,
                release=rows.release_said(first, dates),
                resume=first.ref == resume,
                **common,
            )
        written.append(known)
    return joined(written)


def _groups(tx: Connection, visit: Visit, on: date) -> list[Session]:
    """Groups that meet within a week, and those of the past week that nobody has entered."""
    first, until = visit.now - GROUPS_FOR, midnight_ending(on) + GROUPS_FOR
    return sorted(
        (
            each
            for unit in visit.signed_in.units
            for each in sessions.list_sessions(tx, visit.viewer, unit, first=first, until=until)
            if each.state is SessionState.PLANNED
        ),
        key=lambda each: (each.starts_at, each.ref),
    )

"""What waits for somebody: tasks by due time, people by where they stand. Reads for pages.

Every question starts in `visible_cases(viewer)`. Lines hold states only, and the sealed identity
for whoever shows names. What is shown is logged by `looked_at`, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    not_,
    or_,
    select,
    union_all,
)

from cases import people, soonest
from cases.access import COMPLETERS, Viewer, check_may_open_cases
from cases.calendar import midnight_ending
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import AppointmentStatus, Owner, Phase
from cases.put_off import last_day_kept
from cases.queries import Viewed, visible_binds, visible_cases
from cases.soonest import ON_DESK, TASK_FIELDS, KeptLines
from cases.tables import appointment, case_, person, task, task_desk
from cases.task_line import NOBODY, Filter, TaskLine, asked_for
from cases.vault import Identity
from core.db import UtcDateTime
from core.listed import one_of
from core.statement import Prepared
from notifications.reasons import Reason
from notifications.tables import outbox, waits_for_a_person

LISTED: Final = "tasks_listed"
PEOPLE_LISTED: Final = "people_listed"
PAGE: Final = 50
MOST_COUNTED: Final = 200
"""A count goes no further: whether three or nine hundred wait, the work is the same."""

FEW: Final = 4
"""Units whose lists are found soon."""

FEW_CASES: Final = 4 * PAGE
"""Of so many at most all open tasks are looked at, and kept for the next look."""

FURTHER: Final = 8
"""How many times as many cases are looked at where the first had too few tasks that are asked for;
twice as many where only what was put off is left out."""


_AWAKE: Final = or_(
    task_desk.c.snoozed_until.is_(None),
    task_desk.c.snoozed_until <= bindparam("now", type_=UtcDateTime),
    # `put_off.leaves_soon`, asked so that no unknown date makes the whole unknown.
    and_(
        case_.c.phase == Phase.IN_PRISON.value,
        case_.c.release_on.is_not(None),
        case_.c.release_on <= bindparam("kept_on", type_=case_.c.release_on.type),
    ),
)
"""Whether a task stands on the board, as far as it was put off."""

_SORTS: Final[dict[str, tuple[Any, ...]]] = {
    "due": (task.c.due_at, case_.c.ref, task.c.code),
    "release": (
        case_.c.release_on.is_(None),
        case_.c.release_on,
        task.c.due_at,
        task.c.case_id,
        task.c.code,
    ),
    "unit": (case_.c.unit, task.c.due_at, task.c.case_id, task.c.code),
}
SORTS: Final = tuple(_SORTS)


def owners_of(viewer: Viewer) -> tuple[Owner, ...]:
    """Whose tasks the viewer's role may complete."""
    return tuple(owner for owner in Owner if viewer.role in COMPLETERS[owner])


def task_lines(
    tx: Connection,
    viewer: Viewer,
    wanted: Filter,
    *,
    now: datetime,
    offset: int = 0,
    limit: int = PAGE,
    kept: KeptLines | None = None,
) -> list[TaskLine]:
    """One page of open tasks, one more than `limit` where there are more.

    In the order of due times only as many cases are looked at as the page needs: they are found
    along an index in the order of what is due next in each (`case_.next_due_at`), and a task that
    is not among theirs is due later than all that are. `kept` is where their tasks lie meanwhile.
    """
    shape = _shape_of(viewer, wanted)
    binds = _binds(viewer, wanted, now) | {"limit": limit + 1, "offset": offset}
    if wanted.sort != "due" or wanted.only_snoozed:
        return [TaskLine._make(row) for row in _tasks(shape, "all").rows(tx, binds)]
    looked_at = offset + limit + 1  # each has a task that is due: mostly one that is asked for
    while True:
        few = looked_at <= FEW_CASES
        near = soonest.nearest(
            tx, viewer, until=wanted.until, unit=wanted.unit, most=looked_at, stamped=few
        )
        all_of_them = len(near) < looked_at
        # What is due later may come after tasks of cases that were not looked at.
        until = wanted.until if all_of_them else near[-1].due_at + timedelta.resolution
        places = {case.ref: case.place for case in near}
        if few:
            due = soonest.lines_of(tx, viewer, near, until=until, kept=kept)
            lines = asked_for(due, wanted, now=now, places=places)[offset : offset + limit + 1]
        else:  # of many cases the database leaves out what is not asked for
            asked = binds | {"near": [case.id for case in near], "until": until}
            lines = [TaskLine._make(row) for row in _tasks(shape, "near").rows(tx, asked)]
        if all_of_them:
            return lines
        last = near[-1]
        end = [(line.due_at, places[line.ref]) for line in lines[limit:]]
        if end and end[-1] <= (last.due_at, last.place):
            return lines
        looked_at *= FURTHER if shape.filtered else 2


def is_near(viewer: Viewer, wanted: Filter, *, offset: int = 0) -> bool:
    """Whether such a page is found soon, however many cases there are.

    Others are put in order by something else than the index, far down, of many units, or of what
    few cases have: then every open case is looked at.
    """
    by_few = wanted.step is not None or wanted.assigned_to is not None or wanted.only_snoozed
    first = wanted.sort == "due" and offset == 0
    return first and not by_few and len(viewer.units) <= FEW


def how_many_tasks(tx: Connection, viewer: Viewer, wanted: Filter, *, now: datetime) -> int:
    """How many open tasks the filter meets, counted up to `MOST_COUNTED`."""
    statement = _tasks(_shape_of(viewer, wanted), "counted")
    row = statement.row(tx, _binds(viewer, wanted, now) | {"limit": MOST_COUNTED, "offset": 0})
    return int(row[0]) if row is not None else 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement looks like: everything that is not a bound value."""

    viewer: Viewer = field(compare=False)
    places: tuple[str, ...]
    by_unit: bool
    by_step: bool
    by_owner: bool
    by_assigned: bool
    to_nobody: bool
    with_snoozed: bool
    only_snoozed: bool
    sort: str

    @property
    def filtered(self) -> bool:
        """Whether tasks are left out by more than their time and what was put off."""
        return self.by_step or self.by_owner or self.by_assigned


def _shape_of(viewer: Viewer, wanted: Filter) -> _Shape:
    check_may_open_cases(viewer)
    # The names of the bound values tell viewers apart whose conditions are written differently.
    return _Shape(
        viewer=viewer,
        places=tuple(visible_binds(viewer)),
        by_unit=wanted.unit is not None,
        by_step=wanted.step is not None,
        by_owner=bool(wanted.owners),
        by_assigned=wanted.assigned_to is not None,
        to_nobody=wanted.assigned_to == NOBODY,
        with_snoozed=wanted.with_snoozed,
        only_snoozed=wanted.only_snoozed,
        sort=wanted.sort,
    )


@lru_cache(maxsize=256)
def _tasks(shape: _Shape, which: str) -> Prepared:
    """Tasks of `all` cases, those of the bound ones that are `near`, or their number."""
    near = which == "near"
    conditions: list[ColumnElement[bool]] = [
        visible_cases(shape.viewer, found=near),
        task.c.state == "open",
        task.c.due_at < bindparam("until", type_=UtcDateTime),
    ]
    if near:
        conditions.append(one_of(case_.c.id, "near"))
    else:
        # Follows from the two above, and lets an index leave out whoever has nothing due.
        conditions.append(case_.c.next_due_at < bindparam("until", type_=UtcDateTime))
    if shape.by_unit:
        conditions.append(case_.c.unit == bindparam("unit"))
    if shape.by_step:
        conditions.append(task.c.step == bindparam("step"))
    if shape.by_owner:
        conditions.append(one_of(task.c.owner, "owners"))
    if shape.to_nobody:
        conditions.append(task_desk.c.assigned_to.is_(None))
    elif shape.by_assigned:
        conditions.append(task_desk.c.assigned_to == bindparam("assigned_to"))
    if shape.only_snoozed:
        conditions.append(not_(_AWAKE))
    elif not shape.with_snoozed:
        conditions.append(_AWAKE)
    # Of what was put off the few rows of desks are where to begin.
    joined = task.join(case_, case_.c.id == task.c.case_id).join(
        task_desk, ON_DESK, isouter=not shape.only_snoozed
    )
    if which == "counted":
        found = (
            select(task.c.case_id).select_from(joined).where(*conditions).limit(bindparam("limit"))
        ).offset(bindparam("offset"))
        return Prepared(select(func.count()).select_from(found.subquery()))
    return Prepared(
        select(*TASK_FIELDS)
        .select_from(joined.join(person, person.c.id == case_.c.person_id))
        .where(*conditions)
        .order_by(*_SORTS[shape.sort])
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )


def _binds(viewer: Viewer, wanted: Filter, now: datetime) -> dict[str, Any]:
    return visible_binds(viewer) | {
        "until": wanted.until,
        "now": now,
        "kept_on": last_day_kept(now),
        "unit": wanted.unit,
        "step": wanted.step.value if wanted.step is not None else None,
        "owners": [owner.value for owner in wanted.owners],
        "assigned_to": wanted.assigned_to,
    }


class PersonLine(NamedTuple):
    """One case of a list of people."""

    ref: str
    person: str
    identity_enc: str | None
    unit: str
    phase: str
    participation: str
    admitted_at: datetime
    release_on: date | None
    released_at: datetime | None
    version: int


_PERSON_FIELDS: Final = (
    case_.c.ref,
    person.c.ref.label("person"),
    person.c.identity_enc,
    case_.c.unit,
    case_.c.phase,
    case_.c.participation,
    case_.c.admitted_at,
    case_.c.release_on,
    case_.c.released_at,
    case_.c.version,
)


def admitted_since(
    tx: Connection, viewer: Viewer, since: datetime, *, limit: int = PAGE
) -> list[PersonLine]:
    """Who came in since then and is in prison, the latest first."""
    return _people_of("admitted", tx, viewer, {"since": since, "limit": limit})


class OfTheDay(NamedTuple):
    """Who leaves, who is to be called, and whom nobody called on the day it was to be."""

    leaving: list[PersonLine]
    called: list[PersonLine]
    lacking: list[PersonLine]


def of_the_day(
    tx: Connection, viewer: Viewer, on: date, contacts: Sequence[int], *, leaving: int, called: int
) -> OfTheDay:
    """Who is to be released on a day or the next, and who is out for one of these numbers of days.

    At most `MOST_CONTACTS` numbers, ascending; at most so many who are `leaving` and who are to be
    `called`. Who leaves in the order of the dates of release, who is out in the reverse of it. Of
    these everybody is left out who was met or reached that day, as on the follow-up. `lacking` are
    as many who were out for such a number of days at most `LACKING_FOR` days ago, with nobody
    reached on that day or since, and no new number in between.
    """
    days = [on + timedelta(days=1), on, *(on - timedelta(days=each) for each in contacts)]
    days += [days[-1]] * (2 + MOST_CONTACTS - len(days))
    binds: dict[str, Any] = {f"day_{at}": each for at, each in enumerate(days)}
    for ago, from_, then in zip(_AGO, _FROM, _LACKING_DAYS, strict=True):
        out_for = [each + ago for each, nxt in pairwise(contacts) if each + ago < nxt]
        known = [on - timedelta(days=each) for each in out_for]
        binds[from_.key] = midnight_ending(on - timedelta(days=ago + 1))
        # Nobody who is out leaves tomorrow: such a day finds no one.
        filled = known + [on + timedelta(days=1)] * (len(then) - len(known))
        binds |= {bind.key: each for bind, each in zip(then, filled, strict=True)}
    binds |= {"from": midnight_ending(on - timedelta(days=1)), "to": midnight_ending(on)}
    most = called if contacts else 0
    binds |= {"leaving": leaving, "called": most, "lacking": most}
    found = _people_of("of_the_day", tx, viewer, binds)
    inside = [line for line in found if line.phase == Phase.IN_PRISON.value]
    outside = [line for line in found if line.phase != Phase.IN_PRISON.value]
    outside.sort(key=lambda line: line.release_on or on, reverse=True)
    today = set(days[2:])
    return OfTheDay(
        sorted(inside, key=lambda line: line.release_on or on),
        [line for line in outside if line.release_on in today],
        [line for line in outside if line.release_on not in today],
    )


def in_follow_up(tx: Connection, viewer: Viewer, *, limit: int = 500) -> list[PersonLine]:
    """Who is out and followed up, the latest release first."""
    return _people_of("follow_up", tx, viewer, {"limit": limit})


def _people_of(
    which: str, tx: Connection, viewer: Viewer, binds: dict[str, Any]
) -> list[PersonLine]:
    check_may_open_cases(viewer)
    statement = _people(which, Viewed.by(viewer))
    return [PersonLine._make(row) for row in statement.rows(tx, visible_binds(viewer) | binds)]


MOST_CONTACTS: Final = 6

LACKING_FOR: Final = 6
"""For so many days a contact that nobody made is on the list of the day, as long as no new one is
to be made: it covers the first two weeks, and a weekend with all its closed days. The follow-up
says it until somebody is reached."""

_IN_PRISON: Final = case_.c.phase == Phase.IN_PRISON.value
_OUT: Final = case_.c.phase == Phase.FOLLOW_UP.value
_DAYS: Final = [
    bindparam(f"day_{at}", type_=case_.c.release_on.type) for at in range(2 + MOST_CONTACTS)
]
_AGO: Final = range(1, LACKING_FOR + 1)
_FROM: Final = [bindparam(f"from_{ago}", type_=UtcDateTime) for ago in _AGO]
_LACKING_DAYS: Final = [
    [
        bindparam(f"lacking_{ago}_{at}", type_=case_.c.release_on.type)
        for at in range(MOST_CONTACTS - 1)
    ]
    for ago in _AGO
]
_SPOKEN_WITH: Final = exists().where(
    appointment.c.case_id == case_.c.id,
    appointment.c.status == AppointmentStatus.ATTENDED.value,
    appointment.c.starts_at >= bindparam("from", type_=UtcDateTime),
    appointment.c.starts_at < bindparam("to", type_=UtcDateTime),
)
_SPOKEN_WITH_SINCE: Final = exists().where(
    appointment.c.case_id == case_.c.id,
    appointment.c.status == AppointmentStatus.ATTENDED.value,
    # Since the day of the contact, which the day of the release tells.
    appointment.c.starts_at
    >= case(
        *(
            (case_.c.release_on.in_(days), from_)
            for days, from_ in zip(_LACKING_DAYS, _FROM, strict=True)
        ),
    ),
    appointment.c.starts_at < bindparam("to", type_=UtcDateTime),
)
_WHICH: Final[dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]]] = {
    "admitted": (
        (_IN_PRISON, case_.c.admitted_at >= bindparam("since", type_=UtcDateTime)),
        (case_.c.admitted_at.desc(), case_.c.id),
    ),
    # Each day by itself, which an index of the unit's days of release finds.
    "leaving": (
        (_IN_PRISON, case_.c.release_on.in_(_DAYS[:2])),
        (case_.c.release_on, case_.c.id),
    ),
    "called": (
        (_OUT, case_.c.release_on.in_(_DAYS[2:]), ~_SPOKEN_WITH),
        (case_.c.release_on.desc(), case_.c.id.desc()),
    ),
    "lacking": (
        (_OUT, case_.c.release_on.in_([*chain(*_LACKING_DAYS)]), ~_SPOKEN_WITH_SINCE),
        (case_.c.release_on.desc(), case_.c.id.desc()),
    ),
    "follow_up": (
        (_OUT,),
        (case_.c.released_at.desc(), case_.c.id),
    ),
}


@lru_cache(maxsize=64)
def _people(which: str, viewed: Viewed) -> Prepared:
    if which == "of_the_day":
        # In one go, each with its own limit: a unit has many who are out for some days.
        parts = ("leaving", "called", "lacking")
        return Prepared(
            union_all(*(select(_lines(part, viewed, part).subquery()) for part in parts))
        )
    return Prepared(_lines(which, viewed, "limit"))


def _lines(which: str, viewed: Viewed, limit: str) -> Select[Any]:
    conditions, order = _WHICH[which]
    return (
        select(*_PERSON_FIELDS)
        .join(person, person.c.id == case_.c.person_id)
        .where(visible_cases(viewed.viewer), *conditions)
        .order_by(*order)
        .limit(bindparam(limit))
    )


def names(
    tx: Connection, lines: Iterable[TaskLine | PersonLine | MessageLine]
) -> dict[str, Identity]:
    """Who the people of these lines are (person → identity); erased ones are left out."""
    return people.opened(tx, {line.person: line.identity_enc for line in lines})


def looked_at(
    tx: Connection,
    viewer: Viewer,
    verb: str,
    refs: Iterable[str],
    *,
    now: datetime,
    unit: str | None = None,
) -> None:
    """Log a list that is about to be shown, with everybody on it: the last act of its reading."""
    subjects = tuple(dict.fromkeys(refs))
    place = unit or (next(iter(viewer.units)) if len(viewer.units) == 1 else None)
    row = AccessRow(
        scope=place if place is not None and subjects else SYSTEM_SCOPE,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=verb,
        subjects=subjects,
    )
    append(tx, [row], now=now)


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message to a released person: when, how it stands and why; never its text."""

    ref: str
    person: str
    identity_enc: str | None
    unit: str
    send_at: datetime
    state: str
    reason: str | None


_MESSAGE_FIELDS: Final = (
    case_.c.ref,
    person.c.ref.label("person"),
    person.c.identity_enc,
    case_.c.unit,
    outbox.c.send_at,
    outbox.c.state,
    outbox.c.reason,
)


def message_lines(
    tx: Connection,
    viewer: Viewer,
    *,
    states: tuple[str, ...] = (),
    waiting: bool = False,
    shown_only: bool | None = None,
    limit: int = PAGE,
) -> list[MessageLine]:
    """Messages about the viewer's cases, the latest first; all of them without `states`.

    `waiting` adds those that somebody has to see, in whatever state they stand; `shown_only` adds
    those that no provider took (they were shown, not sent), or leaves them out.
    """
    check_may_open_cases(viewer)
    viewed = Viewed(viewer, tuple(visible_binds(viewer)))
    statement = _messages(viewed, by_state=bool(states), waiting=waiting, shown_only=shown_only)
    binds = visible_binds(viewer) | {"limit": limit, "states": list(states)}
    return [MessageLine(*row) for row in statement.rows(tx, binds)]


@lru_cache(maxsize=32)
def _messages(
    viewed: Viewed, *, by_state: bool, waiting: bool, shown_only: bool | None
) -> Prepared:
    conditions = [visible_cases(viewed.viewer)]
    if by_state:
        among: ColumnElement[bool] = one_of(outbox.c.state, "states")
        if shown_only is not None:
            was_shown = outbox.c.reason == Reason.SHOWN.value
            among = or_(among, was_shown) if shown_only else and_(among, ~was_shown)
        conditions.append(or_(among, waits_for_a_person()) if waiting else among)
    return Prepared(
        select(*_MESSAGE_FIELDS)
        .join(case_, case_.c.ref == outbox.c.subject)
        .join(person, person.c.id == case_.c.person_id)
        .where(*conditions)
        .order_by(outbox.c.send_at.desc(), outbox.c.id.desc())
        .limit(bindparam("limit"))
    )


@dataclass(frozen=True, slots=True)
class Load:
    """How much waits in one place: open tasks due within the time asked about, and overdue ones."""

    unit: str
    owner: str
    assigned_to: str | None
    open: int
    overdue: int


def load(tx: Connection, viewer: Viewer, *, until: datetime, now: datetime) -> list[Load]:
    """Open tasks due before `until`, counted by unit, owner and whom they are handed to."""
    check_may_open_cases(viewer)
    statement = _load(Viewed(viewer, tuple(visible_binds(viewer))))
    rows = statement.rows(tx, visible_binds(viewer) | {"until": until, "now": now})
    return [
        Load(unit, owner, assigned_to, count, int(overdue or 0))
        for unit, owner, assigned_to, count, overdue in rows
    ]


@lru_cache(maxsize=32)
def _load(viewed: Viewed) -> Prepared:
    late = case((task.c.due_at < bindparam("now", type_=UtcDateTime), 1), else_=0)
    return Prepared(
        select(
            case_.c.unit,
            task.c.owner,
            task_desk.c.assigned_to,
            func.count(),
            func.sum(late),
        )
        .select_from(
            task.join(case_, case_.c.id == task.c.case_id).outerjoin(
                task_desk,
                and_(task_desk.c.case_id == task.c.case_id, task_desk.c.code == task.c.code),
            )
        )
        .where(
            visible_cases(viewed.viewer),
            case_.c.next_due_at < bindparam("until", type_=UtcDateTime),
            task.c.state == "open",
            task.c.due_at < bindparam("until", type_=UtcDateTime),
        )
        .group_by(case_.c.unit, task.c.owner, task_desk.c.assigned_to)
        .order_by(case_.c.unit, task.c.owner, task_desk.c.assigned_to)
    )

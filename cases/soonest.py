"""The cases in which something is due first, and their open tasks.

What a list shows of a case follows from the case's version, its person's sealed identity and what
was put on its tasks' desks. All of that is asked anew for every look, with the question of which
cases the viewer may see; the tasks themselves only of cases that do not stand as they stood.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
    union_all,
)

from cases.access import Viewer, check_may_open_cases
from cases.queries import Viewed, visible_binds, visible_cases
from cases.tables import case_, person, task, task_desk
from cases.task_line import BOOKED, HELD, TaskLine
from core.db import UtcDateTime
from core.listed import one_of
from core.statement import Prepared

Lines: TypeAlias = tuple[TaskLine, ...]
"""The open tasks of one case in the order of their due times."""


class KeptLines(Protocol):
    """Where the open tasks of cases lie for a moment, by all that they follow from.

    For transactions that only read: what one wrote that was then rolled back would lie here under
    the version that somebody else's change gets.
    """

    def find_all(self, keys: Iterable[Hashable]) -> list[Lines | None]:
        """What lies under each key, None for nothing."""

    def keep(self, key: Hashable, value: Lines) -> Lines:
        """Keep a value under its key; returns it."""


class Near(NamedTuple):
    """A case in which something is due. All after `place` is what its lines follow from.

    `place` is where its reference stands among the others found in this database's order of texts,
    which on Postgres is that of a language: in Norwegian "aa" comes after "z".
    """

    place: int
    id: int
    due_at: datetime
    ref: str
    version: int = 0
    person: str = ""
    identity_enc: str | None = None
    desk: str | None = None
    """Whom its tasks were given to, for how long they were put off, and by whom."""

    @property
    def stands(self) -> tuple[object, ...]:
        """What tells one state of the case from another."""
        return self[3:]


_other: Final = task.alias("other")
_TALK_HELD: Final = and_(
    task.c.code == BOOKED,
    exists().where(
        _other.c.case_id == task.c.case_id, _other.c.code == HELD, _other.c.state == "done"
    ),
)
TASK_FIELDS: Final = (
    case_.c.ref,
    person.c.ref.label("person"),
    person.c.identity_enc,
    case_.c.unit,
    case_.c.package,
    case_.c.participation,
    case_.c.phase,
    case_.c.release_on,
    case_.c.version,
    task.c.code,
    task.c.step,
    task.c.owner,
    task.c.due_at,
    task_desk.c.assigned_to,
    task_desk.c.snoozed_until,
    task_desk.c.assigned_by,
    task_desk.c.snoozed_by,
    _TALK_HELD.label("held"),
)
"""As `TaskLine` has them."""

ON_DESK: Final = and_(task_desk.c.case_id == task.c.case_id, task_desk.c.code == task.c.code)


def _said(column: Any) -> ColumnElement[str]:
    return func.coalesce(cast(column, Text), "")


_DESK: Final = (
    select(
        func.aggregate_strings(
            task_desk.c.code
            + ":"
            + _said(task_desk.c.assigned_to)
            + ":"
            + _said(task_desk.c.assigned_by)
            + ":"
            + _said(task_desk.c.snoozed_until)
            + ":"
            + _said(task_desk.c.snoozed_by),
            ";",
        )
    )
    .where(task_desk.c.case_id == case_.c.id)
    .correlate(case_)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the question looks like. `units` is how many are asked for by name, 0 for no limit."""

    viewer: Viewer = field(compare=False)
    places: tuple[str, ...]
    units: int
    stamped: bool
    is_sqlite: bool


def nearest(
    tx: Connection,
    viewer: Viewer,
    *,
    until: datetime,
    most: int,
    unit: str | None = None,
    stamped: bool = True,
) -> list[Near]:
    """At most so many of the viewer's cases in which something is due before `until`, in order.

    Of one unit or of all of theirs; without what the lines follow from unless `stamped`.
    """
    check_may_open_cases(viewer)
    units = () if viewer.sees_all_units else tuple(sorted(viewer.units))
    if unit is not None:
        units = (unit,)
    elif not units and not viewer.sees_all_units:
        return []
    binds = visible_binds(viewer)
    # The names of the bound values tell viewers apart whose conditions are written differently.
    places = tuple(binds)
    binds |= {"until": until, "most": most}
    binds |= {f"of_unit_{at}": each for at, each in enumerate(units)}
    shape = _Shape(
        viewer=viewer,
        places=places,
        units=len(units),
        stamped=stamped,
        is_sqlite=tx.dialect.name == "sqlite",
    )
    rows = _nearest(shape).rows(tx, binds)
    if not shape.is_sqlite:
        return [Near(*row) for row in rows]
    # SQLite orders texts as Python does.
    place_of = {ref: place for place, ref in enumerate(sorted(row[2] for row in rows))}
    return [Near(place_of[row[2]], *row) for row in rows]


@lru_cache(maxsize=256)
def _nearest(shape: _Shape) -> Prepared:
    """Unit by unit: an index gives each unit's cases in order, but not those of several together.

    SQLite merges what it reads in order by itself, and stops where the page is full. Postgres
    would gather each unit's whole first.
    """
    places: list[Any] = [bindparam(f"of_unit_{at}") for at in range(shape.units)] or [None]
    each = [_of_one(shape, place) for place in places]
    if shape.is_sqlite:
        if len(each) == 1:
            return Prepared(_cut(each[0]))
        merged = union_all(*each).order_by(*_BY_DUE_AND_REF)
        return Prepared(merged.limit(bindparam("most")))
    cut = [_cut(one) for one in each]
    merged = union_all(*(select(one.subquery()) for one in cut)).order_by(*_BY_DUE_AND_REF)
    found = (cut[0] if len(cut) == 1 else merged.limit(bindparam("most"))).subquery()
    place = func.row_number().over(order_by=found.c.ref)
    return Prepared(select(place, *found.c).order_by(found.c.next_due_at, found.c.ref))


_BY_DUE_AND_REF: Final[tuple[Any, ...]] = (literal_column("2"), literal_column("3"))
"""By their places: a union has no other names for its columns that both databases know."""


def _of_one(shape: _Shape, place: Any) -> Select[Any]:
    asked: Select[Any] = select(case_.c.id, case_.c.next_due_at, case_.c.ref)
    if shape.stamped:
        asked = asked.add_columns(
            case_.c.version, person.c.ref.label("person"), person.c.identity_enc, _DESK
        ).join(person, person.c.id == case_.c.person_id)
    asked = asked.where(
        visible_cases(shape.viewer),
        case_.c.next_due_at < bindparam("until", type_=UtcDateTime),
    )
    return asked.where(case_.c.unit == place) if place is not None else asked


def _cut(one: Select[Any]) -> Select[Any]:
    return one.order_by(case_.c.next_due_at, case_.c.ref).limit(bindparam("most"))


def lines_of(
    tx: Connection,
    viewer: Viewer,
    near: Sequence[Near],
    *,
    until: datetime,
    kept: KeptLines | None = None,
) -> list[TaskLine]:
    """What is due before `until` in these cases, found in this transaction and `stamped`.

    In no order. What lies under the state of a case is not read again.
    """
    keys = [case.stands for case in near]
    known = kept.find_all(keys) if kept is not None else [None] * len(near)
    new = {
        case.ref: (case.id, key)
        for case, key, lie in zip(near, keys, known, strict=True)
        if lie is None
    }
    theirs = [lines for lines in known if lines is not None]
    if new:
        theirs += _read(tx, viewer, new, kept)
    return [line for lines in theirs for line in takewhile(lambda each: each.due_at < until, lines)]


def _read(
    tx: Connection, viewer: Viewer, new: Mapping[str, tuple[int, Hashable]], kept: KeptLines | None
) -> Iterator[Lines]:
    """The open tasks of each of these cases (by reference: number, what it stands by), kept."""
    binds = visible_binds(viewer) | {"near": [number for number, _ in new.values()]}
    read: dict[str, list[TaskLine]] = {ref: [] for ref in new}
    for row in _open_tasks(Viewed.by(viewer)).rows(tx, binds):
        line = TaskLine._make(row)
        read[line.ref].append(line)
    for ref, lines in read.items():
        by_time = tuple(sorted(lines, key=attrgetter("due_at")))
        yield kept.keep(new[ref][1], by_time) if kept is not None else by_time


@lru_cache(maxsize=64)
def _open_tasks(viewed: Viewed) -> Prepared:
    return Prepared(
        select(*TASK_FIELDS)
        .select_from(
            task.join(case_, case_.c.id == task.c.case_id)
            .join(task_desk, ON_DESK, isouter=True)
            .join(person, person.c.id == case_.c.person_id)
        )
        .where(
            visible_cases(viewed.viewer, found=True),
            task.c.state == "open",
            one_of(task.c.case_id, "near"),
        )
    )

"""How persons are counted when they are merged, and when that is undone.

`counted_as` of a person and of each case says as whom they count. A merger sets it, by an event on
every case it touches, and remembers what it was; undoing gives back just that, where nothing newer
has been said since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, or_, select, update

from cases import queries, store
from cases.access import SYSTEM, Viewer
from cases.model import Case
from cases.store import Change, Verb
from cases.tables import case_, person, person_merge
from core.chain import canonical
from core.errors import Refused

AT_ONCE: Final = 500


def merge_counting(tx: Connection, viewer: Viewer, row: Any, *, now: datetime) -> str:
    """Count the other person, and all counted with them, as the kept one.

    `row` is the proposal. Returns what undoing will need, as text.
    """
    two = select(person.c.id, person.c.counted_as).where(
        person.c.id.in_([row.kept_id, row.other_id])
    )
    counted = {each.id: each.counted_as for each in tx.execute(two)}
    into, former = counted[row.kept_id], counted[row.other_id]
    # Where both are counted alike already (one identity number), older cases may still differ.
    theirs = person.c.id == row.other_id
    if former != into:
        theirs = or_(theirs, person.c.counted_as == former)
    group = {
        each.id: each.ref for each in tx.execute(select(person.c.id, person.c.ref).where(theirs))
    }
    moved = _count(tx, viewer, _cases_of(tx, group), lambda _: into, Verb.PERSON_MERGED, now=now)
    tx.execute(update(person).where(person.c.id.in_(sorted(group))).values(counted_as=into))
    return canonical(
        {"into": into, "persons": dict.fromkeys(sorted(group.values()), former), "cases": moved}
    )


def undo_counting(tx: Connection, viewer: Viewer, row: Any, *, now: datetime) -> None:
    """Give every person and case the counting back that the merger took, where it still holds.

    Cases opened since for these persons go along. Raises `Refused` where a later merger builds on
    this one.
    """
    said = json.loads(row.counted)
    into, persons, cases = said["into"], said["persons"], said["cases"]
    moved = select(person.c.id, person.c.ref).where(
        person.c.ref.in_(sorted(persons)), person.c.counted_as == into
    )
    group = {each.id: each.ref for each in tx.execute(moved)}
    _check_last(tx, row, persons, group)

    def before_it(case: Case) -> str:
        if case.counted_as != into:
            return case.counted_as
        former: str = cases.get(case.ref, persons[case.person])
        return former

    _count(tx, viewer, _cases_of(tx, group), before_it, Verb.PERSON_UNMERGED, now=now)
    for person_id, ref in group.items():
        tx.execute(update(person).where(person.c.id == person_id).values(counted_as=persons[ref]))


def _check_last(
    tx: Connection, row: Any, persons: Mapping[str, str], group: Mapping[int, str]
) -> None:
    later = select(person_merge).where(
        person_merge.c.state == "merged", person_merge.c.decision > row.decision
    )
    for each in tx.execute(later):
        built_on = {each.kept_id, each.other_id} & group.keys()
        if built_on or json.loads(each.counted)["persons"].keys() & persons.keys():
            raise Refused(f"The later merger {each.id} builds on this one: undo that one first.")


def _cases_of(tx: Connection, persons: Iterable[int]) -> list[Case]:
    """Every case of these persons, whosever unit's: the engine counts, nobody reads."""
    found: list[Case] = []
    wanted = sorted(persons)
    for start in range(0, len(wanted), AT_ONCE):
        query = select(case_.c.id).where(case_.c.person_id.in_(wanted[start : start + AT_ONCE]))
        if tx.dialect.name == "postgresql":
            query = query.order_by(case_.c.id).with_for_update()
        ids = list(tx.execute(query).scalars())
        found += queries.cases_by_ids(tx, SYSTEM, ids).values()
    return found


def _count(
    tx: Connection,
    viewer: Viewer,
    cases: Iterable[Case],
    counted_as: Callable[[Case], str],
    verb: Verb,
    *,
    now: datetime,
) -> dict[str, str]:
    """Count cases anew; returns how those that changed were counted before."""
    changes = [
        Change(before, replace(before, counted_as=to), verb, now)
        for before in cases
        if (to := counted_as(before)) != before.counted_as
    ]
    store.write_many(tx, changes, viewer, now=now)
    return {each.after.ref: each.before.counted_as for each in changes if each.before is not None}

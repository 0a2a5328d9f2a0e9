"""The list of open tasks: page by page the same as all of it, whatever leaves some out."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from cases import worklist
from cases.access import Viewer
from cases.model import Owner, Role
from cases.tables import case_, task, task_desk
from cases.task_line import Filter, TaskLine
from tests.installation import installation
from tests.people import at, make_case, make_units

NOW = at("2026-09-08 09:00")


def scattered(tx: Connection, chance: random.Random) -> None:
    """Cases of three units whose tasks are due close together, some of them put off."""
    make_units(tx)
    for number in range(12):
        make_case(tx, unit="ABC"[number % 3], admitted="2026-08-25 06:00")
    due = [NOW + timedelta(hours=hours) for hours in range(-30, 60, 3)]
    for case_id in tx.execute(select(case_.c.id)).scalars().all():
        mine = task.c.case_id == case_id
        for code in tx.execute(select(task.c.code).where(mine)).scalars().all():
            one = mine & (task.c.code == code)
            tx.execute(
                update(task)
                .where(one, task.c.due_at.is_not(None))
                .values(due_at=chance.choice(due))
            )
            if chance.random() < 0.3:
                until = NOW + timedelta(days=1)
                tx.execute(
                    insert(task_desk),
                    {
                        "case_id": case_id,
                        "code": code,
                        "snoozed_until": until,
                        "changed_at": NOW,
                        "by": "somebody",
                    },
                )
        first = select(task.c.due_at).where(mine, task.c.state == "open").order_by(task.c.due_at)
        earliest = tx.execute(first.limit(1)).scalar_one_or_none()
        tx.execute(update(case_).where(case_.c.id == case_id).values(next_due_at=earliest))


def test_pages_of_a_list_are_the_whole_list_in_its_order(database_url: str, tmp_path: Path) -> None:
    with installation(database_url, tmp_path) as db, db.write() as tx:
        scattered(tx, random.Random(4))
        check_pages(tx)


def check_pages(tx: Connection) -> None:
    looks = 0
    for units in ("A", "AB", "ABC"):
        viewer = Viewer("somebody", Role.COORDINATOR, frozenset(units))
        for owners in ((), (Owner.HEALTH,), (Owner.COORDINATOR, Owner.ANY)):
            for snoozed in (False, True):
                wanted = Filter(NOW + timedelta(days=2), owners=owners, with_snoozed=snoozed)
                whole = worklist.task_lines(tx, viewer, wanted, now=NOW, limit=1000)
                assert whole == brute(tx, viewer, wanted)
                paged = []
                for offset in range(0, len(whole), 4):
                    page = worklist.task_lines(tx, viewer, wanted, now=NOW, offset=offset, limit=4)
                    paged += page[:4]
                    looks += 1
                assert paged == whole, (units, owners, snoozed)
                counted = worklist.how_many_tasks(tx, viewer, wanted, now=NOW)
                assert counted == min(len(whole), worklist.MOST_COUNTED)
    assert looks > 50


def brute(tx: Connection, viewer: Viewer, wanted: Filter) -> list[TaskLine]:
    """The same by looking at everything."""
    shape = worklist._shape_of(viewer, wanted)
    binds = worklist._binds(viewer, wanted, NOW) | {"limit": 10_000, "offset": 0}
    rows = worklist._tasks(shape, "all").rows(tx, binds)
    return sorted(
        (TaskLine(*row) for row in rows), key=lambda each: (each.due_at, each.ref, each.code)
    )

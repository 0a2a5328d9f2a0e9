"""The list of open tasks: page by page the same as all of it, whatever leaves some out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Hashable, Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, update

from cases import people, release, service, worklist
from cases.access import OPERATOR, Viewer
from cases.model import Owner, ReleaseKind, Role, Step
from cases.people import PersonChange
from cases.service import TaskDone
from cases.soonest import Lines
from cases.tables import case_, task, task_desk
from cases.task_line import NOBODY, Filter, TaskLine
from core.errors import OverlevError
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
                until = chance.choice((None, NOW + timedelta(days=1), NOW - timedelta(hours=1)))
                tx.execute(
                    insert(task_desk),
                    {
                        "case_id": case_id,
                        "code": code,
                        "snoozed_until": until,
                        "assigned_to": chance.choice((None, "ane", "bo")),
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


def test_the_database_leaves_out_the_same_as_the_rule(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many cases the database is asked for what of few is looked through here."""
    monkeypatch.setattr(worklist, "FEW_CASES", 3)
    with installation(database_url, tmp_path) as db, db.write() as tx:
        scattered(tx, random.Random(5))
        check_pages(tx)


def check_pages(tx: Connection) -> None:
    looks, shown = 0, 0
    kept = Kept()
    somewhere = [
        Filter(NOW + timedelta(days=2), owners=owners, with_snoozed=snoozed)
        for owners in ((), (Owner.HEALTH,), (Owner.COORDINATOR, Owner.ANY))
        for snoozed in (False, True)
    ]
    narrow = [
        Filter(NOW, step=Step.RELEASE_TALK),
        Filter(NOW + timedelta(days=2), assigned_to="ane"),
        Filter(NOW + timedelta(days=2), assigned_to=NOBODY, owners=(Owner.HEALTH,)),
        Filter(NOW + timedelta(days=1), unit="A"),
    ]
    for units in ("A", "AB", "ABC"):
        viewer = Viewer("somebody", Role.COORDINATOR, frozenset(units))
        for wanted in somewhere + narrow:
            whole = worklist.task_lines(tx, viewer, wanted, now=NOW, limit=1000)
            assert whole == brute(tx, viewer, wanted)
            paged = []
            for offset in range(0, len(whole), 4):
                page = worklist.task_lines(
                    tx, viewer, wanted, now=NOW, offset=offset, limit=4, kept=kept
                )
                paged += page[:4]
                looks += 1
            assert paged == whole, (units, wanted)
            shown += bool(whole)
            counted = worklist.how_many_tasks(tx, viewer, wanted, now=NOW)
            assert counted == min(len(whole), worklist.MOST_COUNTED)
    assert looks > 50
    assert shown > len(somewhere)


class Kept:
    """Where tasks lie for as long as the test runs."""

    def __init__(self) -> None:
        self.all: dict[Hashable, Lines] = {}

    def find_all(self, keys: Iterable[Hashable]) -> list[Lines | None]:
        return [self.all.get(key) for key in keys]

    def keep(self, key: Hashable, value: Lines) -> Lines:
        self.all[key] = value
        return value


def test_what_is_kept_of_a_case_is_not_shown_when_it_stands_otherwise(
    database_url: str, tmp_path: Path
) -> None:
    """A task done, handed on, put off or taken back; a new name; another date: all show at once."""
    viewer = Viewer("somebody", Role.COORDINATOR, frozenset("AB"))
    wanted = Filter(NOW + timedelta(days=400))
    kept, chance = Kept(), random.Random(6)
    with installation(database_url, tmp_path) as db, db.write() as tx:
        make_units(tx)
        for number in range(6):
            made = make_case(tx, unit="AB"[number % 2], admitted="2026-08-25 06:00")
            service.answer_offer(tx, OPERATOR, made.ref, "accepted", now=NOW)
        seen = set()
        for _ in range(60):
            before = len(kept.all)
            lines = worklist.task_lines(tx, viewer, wanted, now=NOW, kept=kept)
            assert lines == worklist.task_lines(tx, viewer, wanted, now=NOW)
            line = chance.choice(lines[: worklist.PAGE])
            act = chance.choice((done, handed, put_off, back, renamed, moved))
            act(tx, line, chance)
            assert len(kept.all) <= before + 6
            seen.add(act.__name__)
            again = worklist.task_lines(tx, viewer, wanted, now=NOW, kept=kept)
            assert again == worklist.task_lines(tx, viewer, wanted, now=NOW), act.__name__
        assert len(seen) == 6


def done(tx: Connection, line: TaskLine, _: random.Random) -> None:
    with contextlib.suppress(OverlevError):
        service.complete_task(tx, OPERATOR, line.ref, TaskDone(line.code, NOW), now=NOW)


def handed(tx: Connection, line: TaskLine, chance: random.Random) -> None:
    _on_desk(tx, line, "assigned_to", chance.choice(("ane", "bo")))


def put_off(tx: Connection, line: TaskLine, chance: random.Random) -> None:
    _on_desk(tx, line, "snoozed_until", NOW + timedelta(days=chance.choice((7, 30))))


def back(tx: Connection, line: TaskLine, _: random.Random) -> None:
    _on_desk(tx, line, "snoozed_until", None)


def _on_desk(tx: Connection, line: TaskLine, column: str, value: object) -> None:
    """In the same microsecond as everything else: no time tells the states apart."""
    (case_id,) = tx.execute(select(case_.c.id).where(case_.c.ref == line.ref)).one()
    one = (task_desk.c.case_id == case_id) & (task_desk.c.code == line.code)
    if not tx.execute(update(task_desk).where(one).values({column: value})).rowcount:
        row = {"case_id": case_id, "code": line.code, "changed_at": NOW, "by": "x", column: value}
        tx.execute(insert(task_desk), row)


def renamed(tx: Connection, line: TaskLine, chance: random.Random) -> None:
    name = chance.choice(("Nyhus", "Prøve", "Annen"))
    people.change(tx, line.person, PersonChange(last_name=name), now=NOW)


def moved(tx: Connection, line: TaskLine, chance: random.Random) -> None:
    on = date(2026, 10, chance.randrange(1, 28))
    release.set_release_date(tx, OPERATOR, line.ref, on, kind=ReleaseKind.CONFIRMED, now=NOW)


def brute(tx: Connection, viewer: Viewer, wanted: Filter) -> list[TaskLine]:
    """The same by looking at everything."""
    shape = worklist._shape_of(viewer, wanted)
    binds = worklist._binds(viewer, wanted, NOW) | {"limit": 10_000, "offset": 0}
    rows = worklist._tasks(shape, "all").rows(tx, binds)
    return sorted(
        (TaskLine(*row) for row in rows), key=lambda each: (each.due_at, each.ref, each.code)
    )

"""A list on a Postgres whose texts stand in the order of a language, as Debian makes it in Norway.

There "aa" comes after "z", where for Python it comes before "b".
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.migrate import upgrade
from cases import worklist
from cases.access import Viewer
from cases.model import Role
from cases.tables import case_, task
from cases.task_line import Filter
from tests import postgres
from tests.flows.several import programs
from tests.installation import installation
from tests.people import at, make_case, make_units

NOW = at("2026-09-08 09:00")
DUE = NOW - timedelta(hours=1)
STARTS = ("aa", "zz", "mn", "22")
REFS = [f"{STARTS[number % 4]}bcdefgh{'abcdefghij'[number // 4]}" for number in range(40)]


def test_every_task_is_on_one_page_in_whatever_order_texts_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if programs() is None:
        pytest.skip("NOT INSTALLED: a Postgres that knows languages (apt-get install postgresql)")
    # Postgres runs as another user where the tests run as root.
    folder = Path(os.environ["PYTEST_DEBUG_TEMPROOT"]) / f"o{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o711)
    url = postgres.start(folder, postgres.ORDINARY, programs=programs(), language="nb")
    try:
        upgrade(url)
        with installation(url, tmp_path) as db, db.write() as tx:
            make_units(tx)
            for number in range(len(REFS)):
                make_case(tx, unit="AB"[number % 2], admitted="2026-08-25 06:00")
            ids = tx.execute(select(case_.c.id)).scalars()
            for case_id, ref in zip(ids.all(), REFS, strict=True):
                mine = task.c.case_id == case_id
                later = update(task).where(mine, task.c.due_at.is_not(None))
                tx.execute(later.values(due_at=NOW + timedelta(days=9)))
                one = mine & (task.c.code == "brief_info")
                tx.execute(update(task).where(one).values(due_at=DUE))
                head = update(case_).where(case_.c.id == case_id)
                tx.execute(head.values(ref=ref, next_due_at=DUE))
            in_order = select(case_.c.ref).order_by(case_.c.ref)
            expected = list(tx.execute(in_order).scalars())
            assert expected != sorted(expected), "else there is nothing to be seen here"
            for few in (worklist.FEW_CASES, 3):
                monkeypatch.setattr(worklist, "FEW_CASES", few)
                for units, theirs in (("AB", expected), ("A", _of_a(expected))):
                    viewer = Viewer("somebody", Role.COORDINATOR, frozenset(units))
                    shown: list[str] = []
                    for offset in range(0, len(theirs), 4):
                        page = worklist.task_lines(
                            tx, viewer, Filter(NOW), now=NOW, offset=offset, limit=4
                        )
                        shown += [line.ref for line in page[:4]]
                    assert shown == theirs, (units, few)
    finally:
        postgres.stop(folder, programs=programs())


def _of_a(refs: list[str]) -> list[str]:
    return [ref for ref in refs if REFS.index(ref) % 2 == 0]

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from bench.places import Place
from bench.population import multiply_all
from cases.tables import case_, person, task
from tests.cases.desk import furnish, make_many
from tests.databases import SqliteFiles


def test_cases_that_were_multiplied_can_be_multiplied_again(
    sqlite_files: SqliteFiles, tmp_path: Path
) -> None:
    url = sqlite_files.create(migrated=True)
    desk = furnish(url, tmp_path / "keys.db")
    make_many(desk, 2)
    place = Place(url, tmp_path / "keys.db", desk.db, desk.keys)

    assert multiply_all(place, 6) == 6
    assert multiply_all(place, 24) == 24

    with desk.db.read() as tx:
        persons = tx.execute(select(func.count()).select_from(person)).scalar_one()
        tasks = tx.execute(
            select(func.count(), func.count(case_.c.ref.distinct())).join_from(task, case_)
        ).one()
    assert persons == 24
    assert tuple(tasks) == (240, 24)
    place.close()
    sqlite_files.drop(url)

"""Whether a roster is older than one taken in: the day in its name, of its file, its very bytes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cases.access import OPERATOR
from cases.roster import import_roster
from cases.roster_age import UNDATED, Dated, Older, dated
from cases.roster_named import Named
from tests.cases.desk import COORDINATOR, Desk, oslo
from tests.cases.roster_files import file_of, row, somebody

TODAY = date(2026, 9, 8)
MONDAY, TUESDAY = oslo("2026-09-07 08:00"), oslo("2026-09-08 08:00")


@pytest.mark.parametrize(
    ("name", "on"),
    [
        ("roster-2026-09-01.csv", date(2026, 9, 1)),
        ("liste 1.9.2026.xlsx", date(2026, 9, 1)),
        ("20260901_liste.csv", date(2026, 9, 1)),
        ("2026_08_31 til 2026_09_01.csv", date(2026, 9, 1)),
        ("liste.csv", None),
        ("liste 31.02.2026.csv", None),
        ("roster-2026-09-09.csv", None),  # after today: a plan or a slip, no day of a list
        ("1202609011.csv", None),
        ("2026-0901.csv", None),
    ],
)
def test_the_day_in_a_name(name: str, on: date | None) -> None:
    assert dated(name, today=TODAY).named_on == on


def older(desk: Desk, path: Path, days: Dated = UNDATED) -> Older | None:
    """What a look at a file says of its age."""
    named = Named()
    import_roster(
        desk.db, path, OPERATOR, now=TUESDAY, demo=True, dry_run=True, named=named, dated=days
    )
    return named.older


def test_units_are_compared_each_by_itself(own_desk: Desk, tmp_path: Path) -> None:
    desk, number, days = own_desk, somebody(), Dated(named_on=date(2026, 9, 6))
    here = file_of(tmp_path, row(number, enhet="A"))
    import_roster(
        desk.db, here, OPERATOR, now=MONDAY, demo=True, dated=Dated(named_on=date(2026, 9, 7))
    )

    assert older(desk, file_of(tmp_path, row(somebody(), enhet="C")), days) is None
    assert older(desk, file_of(tmp_path, row(somebody(), enhet="A")), days) == Older(
        MONDAY, own_on=date(2026, 9, 6), newer_on=date(2026, 9, 7)
    )


def test_one_file_of_two_units_taken_in_by_each_is_nothing_old(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    rows = row(somebody(), enhet="A"), row(somebody(), enhet="C")
    import_roster(desk.db, file_of(tmp_path, *rows), COORDINATOR, now=MONDAY, demo=True)
    import_roster(
        desk.db, file_of(tmp_path, row(somebody(), enhet="B")), COORDINATOR, now=MONDAY, demo=True
    )

    assert older(desk, file_of(tmp_path, *rows)) is None

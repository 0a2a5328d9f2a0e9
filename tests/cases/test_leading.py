"""What leads look at is what was new, however long a unit has worked; on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from cases import leading, release
from cases.access import OPERATOR
from cases.model import Case
from tests.cases.desk import UNIT_LEAD, Desk, make_case, oslo, sweep_at
from tests.steps import steps_of

LONG_AGO = oslo("2026-02-02 08:00")
NEW = oslo("2026-09-01 08:00")
NOW = oslo("2026-10-01 08:00")
LOOKED_BACK = timedelta(days=90)


def told_about(desk: Desk, opened_at: datetime, *, cases: int) -> list[Case]:
    """Cases in which nothing was done, and of which the leads were told two weeks later."""
    made = [
        make_case(desk, admitted_at=opened_at, now=opened_at, release_on=None) for _ in range(cases)
    ]
    sweep_at(desk, opened_at + timedelta(days=14))
    return made


def let_go(desk: Desk, cases: list[Case], now: datetime) -> None:
    for case in cases:
        desk.do(release.release, OPERATOR, case.ref, now=now)


def looked_at(tx: Connection) -> tuple[int, ...]:
    since = NOW - LOOKED_BACK
    return (
        len(leading.deviations(tx, UNIT_LEAD, since=since)),
        len(leading.escalations(tx, UNIT_LEAD, since=since)),
        len(leading.late_entries(tx, UNIT_LEAD, since=since)),
    )


def test_what_leads_look_at_takes_what_is_new_and_not_all_that_a_unit_ever_had(
    own_desk: Desk,
) -> None:
    _, *gone = told_about(own_desk, NEW, cases=3)
    let_go(own_desk, gone, NEW + timedelta(days=21))
    with own_desk.db.read() as tx:
        found = looked_at(tx)
        few = steps_of(tx, lambda: looked_at(tx))
    gone = told_about(own_desk, LONG_AGO, cases=30)
    let_go(own_desk, gone, LONG_AGO + timedelta(days=21))
    with own_desk.db.read() as tx:
        assert looked_at(tx) == found
        many = steps_of(tx, lambda: looked_at(tx))

    assert min(found[:2]) > 0
    assert many < 1.5 * few

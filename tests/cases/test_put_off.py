"""What is put off is off the board and nothing else, and never on somebody's last days inside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from cases import desk, release, worklist
from cases.access import OPERATOR
from cases.model import Case, ReleaseKind
from cases.put_off import leaves_soon, off_until
from cases.tables import task_desk
from cases.task_line import Filter
from core.clock import local_date
from tests.installation import installation
from tests.people import COORDINATOR, NURSE, at, make_case

NOW = at("2026-09-08 09:00")
MONTH = NOW + timedelta(days=30)
TASK = "brief_info"
WEEK = Filter(NOW + timedelta(days=1))


@pytest.fixture
def tx(units_url: str, tmp_path: Path) -> Iterator[Connection]:
    with installation(units_url, tmp_path) as db, db.write() as opened:
        yield opened


def on_board(tx: Connection, case: Case, wanted: Filter = WEEK, *, days: int = 0) -> bool:
    now = NOW + timedelta(days=days)
    lines = worklist.task_lines(tx, COORDINATOR, wanted, now=now)
    return (case.ref, TASK) in {(line.ref, line.code) for line in lines}


def late(tx: Connection, release_on: date | None = None) -> Case:
    return make_case(tx, admitted="2026-08-20 06:00", release_on=release_on)


@pytest.mark.parametrize(
    ("release_on", "back"),
    [
        (None, MONTH),
        (date(2026, 12, 1), MONTH),
        (date(2026, 9, 20), at("2026-09-19 00:00")),
    ],
)
def test_a_task_is_back_on_the_day_before_the_release(
    release_on: date | None, back: object
) -> None:
    assert off_until(MONTH, release_on, "in_prison") == back
    assert off_until(MONTH, release_on, "follow_up") == MONTH


def test_nothing_is_put_off_of_somebody_who_leaves_today_or_tomorrow() -> None:
    for days, soon in ((-3, True), (0, True), (1, True), (2, False)):
        on = local_date(NOW) + timedelta(days=days)
        assert leaves_soon(on, "in_prison", NOW) is soon
        assert not leaves_soon(on, "follow_up", NOW)
    assert not leaves_soon(None, "in_prison", NOW)


def test_the_board_holds_it_again_the_day_before_the_release(tx: Connection) -> None:
    case = late(tx, date(2026, 9, 20))
    desk.snooze(tx, COORDINATOR, [(case.ref, TASK)], 30, now=NOW)

    assert not on_board(tx, case)
    assert on_board(tx, case, Filter(WEEK.until, only_snoozed=True))
    assert not on_board(tx, case, days=10)
    assert on_board(tx, case, days=11)
    assert not on_board(tx, case, Filter(WEEK.until, only_snoozed=True), days=11)


def test_a_release_that_moves_nearer_brings_back_what_was_put_off(tx: Connection) -> None:
    case = late(tx, date(2026, 12, 1))
    desk.snooze(tx, COORDINATOR, [(case.ref, TASK)], 30, now=NOW)
    near = date(2026, 9, 9)

    release.set_release_date(tx, OPERATOR, case.ref, near, kind=ReleaseKind.CONFIRMED, now=NOW)

    assert on_board(tx, case)


def test_whoever_leaves_tomorrow_stays_on_the_board_beside_others(tx: Connection) -> None:
    near, far = late(tx, date(2026, 9, 9)), late(tx)

    put = desk.snooze(tx, COORDINATOR, [(near.ref, TASK), (far.ref, TASK)], 7, now=NOW)

    assert put == [(far.ref, TASK)]
    with pytest.raises(desk.LeavesSoon):
        desk.snooze(tx, COORDINATOR, [(near.ref, TASK)], 7, now=NOW)


def test_who_put_off_and_who_handed_on_are_told_apart(tx: Connection) -> None:
    case = late(tx)
    pick = [(case.ref, TASK)]
    desk.snooze(tx, COORDINATOR, pick, 7, now=NOW)
    desk.assign(tx, OPERATOR, pick, None, now=NOW)

    said = desk.on_desk(tx, case, now=NOW)[TASK]

    assert (said.snoozed_by, said.assigned_by) == (COORDINATOR.account, None)
    assert said.off_until == NOW + timedelta(days=7)
    desk.wake(tx, OPERATOR, pick, now=NOW)
    assert desk.on_desk(tx, case, now=NOW)[TASK].off_until is None
    assert tx.execute(select(task_desk.c.by)).scalar_one() == OPERATOR.account


def test_those_put_off_are_counted_and_shown_by_themselves(tx: Connection) -> None:
    first, second = late(tx), late(tx)
    desk.snooze(tx, COORDINATOR, [(first.ref, TASK)], 7, now=NOW)
    only = Filter(WEEK.until, only_snoozed=True, with_snoozed=True)

    lines = worklist.task_lines(tx, COORDINATOR, only, now=NOW)

    assert [(line.ref, line.code) for line in lines] == [(first.ref, TASK)]
    assert worklist.how_many_tasks(tx, COORDINATOR, only, now=NOW) == 1
    assert second.ref not in {line.ref for line in lines}
    assert worklist.how_many_tasks(tx, NURSE, only, now=NOW) == 1

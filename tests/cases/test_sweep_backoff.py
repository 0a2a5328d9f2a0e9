"""One case that cannot be calculated waits by itself; everybody else is told in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cases import sweep as sweeping
from cases import units
from cases.access import OPERATOR
from cases.backoff import FIRST, LONGEST
from cases.model import Case, CloseReason, Phase
from cases.registry import package_named
from cases.sweep import CHUNK, SweepResult
from cases.tables import backoff, case_
from core.errors import Busy
from tests.cases.desk import (
    OPENED,
    Desk,
    check_case,
    findings,
    let_go,
    make_case,
    make_many,
    notices,
    oslo,
    sweep_at,
)

NOWHERE = "nowhere-9"
FRIDAY = oslo("2026-09-18 12:00")
LATER = oslo("2026-09-02 00:00")
"""T0 + 18 h: the first rung of the intake talk."""
MINUTE = timedelta(minutes=1)
NOTHING = SweepResult()


@contextmanager
def broken(desk: Desk, case: Case) -> Iterator[None]:
    """The case follows a package that does not exist: whatever asks for its plan raises."""

    def follow(package: str) -> None:
        with desk.db.write() as tx:
            tx.execute(update(case_).where(case_.c.ref == case.ref).values(package=package))

    follow(NOWHERE)
    yield
    follow(case.package)


def put_off(desk: Desk) -> list[Any]:
    with desk.db.read() as tx:
        return list(tx.execute(select(backoff).order_by(backoff.c.case_id)))


def test_a_task_that_cannot_be_calculated_keeps_nobody_else_waiting(own_desk: Desk) -> None:
    desk = own_desk
    poison, sound = make_case(desk), make_case(desk)

    with broken(desk, poison):
        result = sweep_at(desk, LATER)

    assert result.backed_off == 1
    assert ("intake_talk", "before", "health") in notices(desk, sound)
    assert notices(desk, poison) == []
    (row,) = put_off(desk)
    assert (row.case_id, row.tries, row.until_at) == (poison.id, 1, LATER + FIRST)
    assert row.error


def test_a_case_that_cannot_be_closed_keeps_no_other_open(own_desk: Desk) -> None:
    desk = own_desk
    poison = make_case(desk, answer="accepted", release_on=date(2026, 9, 18))
    sound = make_case(desk, answer="accepted", release_on=date(2026, 9, 18))
    for case in (poison, sound):
        let_go(desk, case, now=FRIDAY)
    sweep_at(desk, FRIDAY)

    with broken(desk, poison):
        result = sweep_at(desk, FRIDAY + timedelta(days=44))

    assert (result.closed, result.backed_off) == (1, 1)
    assert desk.case(sound.ref).close_reason is CloseReason.COMPLETED
    assert desk.case(poison.ref).phase is Phase.FOLLOW_UP
    assert findings(desk) == []


def test_what_a_case_had_written_before_it_raised_is_taken_back(
    own_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 18))
    let_go(desk, case, now=FRIDAY)
    announce = sweeping._announce

    def told_and_raised(*args: Any) -> None:
        announce(*args)
        raise ArithmeticError

    monkeypatch.setattr(sweeping, "_announce", told_and_raised)
    failed = sweep_at(desk, FRIDAY + MINUTE)
    monkeypatch.undo()

    assert (failed.missed, failed.backed_off) == (0, 1)
    assert "missed" not in {rung for _, rung, _ in notices(desk, case)}
    again = sweep_at(desk, FRIDAY + MINUTE + FIRST)
    assert again.missed == 7
    check_case(desk, case.ref, now=FRIDAY + MINUTE + FIRST)
    assert findings(desk) == []


def test_it_is_tried_again_ever_more_seldom_and_at_least_once_an_hour(own_desk: Desk) -> None:
    desk = own_desk
    poison = make_case(desk)
    waits = []

    with broken(desk, poison):
        now = LATER
        for tries in range(1, 11):
            assert sweep_at(desk, now).backed_off == 1
            (row,) = put_off(desk)
            assert row.tries == tries
            waits.append(row.until_at - now)
            assert sweep_at(desk, row.until_at - timedelta(seconds=1)) == NOTHING
            now = row.until_at

    assert waits[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert waits[-1] == LONGEST


def test_once_mended_it_is_told_and_its_row_is_gone(own_desk: Desk) -> None:
    desk = own_desk
    poison = make_case(desk)
    with broken(desk, poison):
        sweep_at(desk, LATER)

    assert sweep_at(desk, LATER + FIRST).notices == 1

    assert notices(desk, poison) == [("intake_talk", "before", "health")]
    assert put_off(desk) == []
    check_case(desk, poison.ref, now=LATER + FIRST)


def test_a_clock_that_goes_far_back_does_not_leave_a_case_put_off(own_desk: Desk) -> None:
    desk = own_desk
    poison = make_case(desk)
    with broken(desk, poison):
        sweep_at(desk, LATER + timedelta(days=365))

    assert sweep_at(desk, LATER).notices == 1


def test_a_whole_chunk_that_cannot_be_calculated_is_passed(own_desk: Desk) -> None:
    desk = own_desk
    many = make_many(desk, CHUNK)
    sound = make_case(desk)
    with desk.db.write() as tx:
        tx.execute(
            update(case_).where(case_.c.id.in_([c.id for c in many])).values(package=NOWHERE)
        )

    result = sweep_at(desk, LATER)

    assert result.backed_off == CHUNK
    assert ("intake_talk", "before", "health") in notices(desk, sound)


def test_a_merger_moves_the_others_though_one_case_cannot_be_moved(own_desk: Desk) -> None:
    desk = own_desk
    poison, sound = make_case(desk), make_case(desk)
    desk.do(units.merge, OPERATOR, ["a"], "b", on=date(2026, 9, 3), now=OPENED)

    with broken(desk, poison):
        result = sweep_at(desk, oslo("2026-09-03 00:00"))

    assert result.backed_off == 1
    assert desk.case(sound.ref).unit == "b"
    sweep_at(desk, oslo("2026-09-03 02:00"))
    assert desk.case(poison.ref).unit == "b"


def test_a_database_that_does_not_answer_is_no_fault_of_a_case(
    own_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    make_case(desk)

    def away(*_: Any) -> None:
        raise Busy

    monkeypatch.setattr(sweeping, "package_named", away)
    with pytest.raises(Busy):
        sweep_at(desk, LATER)

    assert put_off(desk) == []


def test_the_package_of_a_sound_case_is_there(own_desk: Desk) -> None:
    # What `broken` rests on: only the code of the package makes the difference.
    case = make_case(own_desk)

    assert own_desk.look(package_named, case.package).key == case.package
    with pytest.raises(Exception, match=NOWHERE):
        own_desk.look(package_named, NOWHERE)

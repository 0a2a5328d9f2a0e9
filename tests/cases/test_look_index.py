"""Who looked at somebody is found at once, whether their entries are made already or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from app.log_check import SUBJECTS, verify_logs
from cases import look_index, subject_access, views
from cases.access import OPERATOR
from cases.journal import AccessRow, append
from cases.subject_access import Controller
from cases.tables import access_listed, access_log, access_subject
from core.append_only import purging
from tests.cases.desk import COORDINATOR, NURSE, Desk, make_case, oslo
from tests.cases.test_tamper import disarm


@pytest.fixture
def desk(own_desk: Desk) -> Desk:
    """A whole database: entries are made for all of its log."""
    return own_desk


NOW = oslo("2026-09-07 10:00")
MANY = look_index.LONG + 4


def a_list(desk: Desk, refs: list[str], actor: str = "somebody") -> None:
    row = AccessRow("a", NOW, actor, "health", "cases_listed", subjects=tuple(refs))
    desk.db.transact(lambda tx: append(tx, [row], now=NOW))


def entries(desk: Desk) -> int:
    with desk.db.read() as tx:
        return tx.execute(select(func.count()).select_from(access_subject)).scalar_one()


def looks(desk: Desk, person: str) -> list[tuple[str, str]]:
    """(who, what) of everybody who looked, as the person is told."""
    told = desk.do(subject_access.held, OPERATOR, person, Controller.HEALTH, now=NOW)
    return [(each["who"], each["what"]) for each in told["cases"][0]["who_looked"]]


def test_a_look_at_a_long_list_is_told_to_everybody_on_it_before_and_after_its_entries_are_made(
    desk: Desk,
) -> None:
    cases = [make_case(desk) for _ in range(MANY)]
    desk.do(views.read_case, NURSE, cases[0].ref, now=NOW)
    desk.do(views.list_cases, COORDINATOR, now=NOW)
    desk.do(views.read_case, NURSE, cases[0].ref, now=NOW)
    before = [looks(desk, case.person) for case in cases]
    assert all((COORDINATOR.account, "cases_listed") in each for each in before)
    assert verify_logs(desk.db, desk.ring).tampered == []

    waited = look_index.catch_up(desk.db)

    assert (waited > 0) == desk.db.is_sqlite
    # Telling somebody is a look, too.
    asked = [("operator", "subject_access")]
    assert [looks(desk, case.person) for case in cases] == [each + asked for each in before]
    assert entries(desk) == MANY
    assert verify_logs(desk.db, desk.ring).tampered == []
    assert look_index.catch_up(desk.db) == (MANY if desk.db.is_sqlite else 0)
    assert entries(desk) == MANY, "made once"


def test_a_name_that_is_part_of_another_is_not_it(desk: Desk) -> None:
    case = make_case(desk)
    others = [f"{case.ref}{at:02}" for at in range(MANY)]
    a_list(desk, [each[1:] for each in others] + [f"x{case.ref}"])
    assert ("somebody", "cases_listed") not in looks(desk, case.person)
    a_list(desk, [*others, case.ref])
    assert looks(desk, case.person).count(("somebody", "cases_listed")) == 1


@pytest.mark.parametrize("length", [1, look_index.LONG, look_index.LONG + 1])
def test_a_short_list_has_its_entries_at_once_and_nobody_is_told_twice(
    desk: Desk, length: int
) -> None:
    case = make_case(desk)
    a_list(desk, [case.ref, *(f"other{at}" for at in range(length - 1))])
    at_once = not desk.db.is_sqlite or length <= look_index.LONG
    assert entries(desk) == (length if at_once else 0)
    for _ in range(2):
        assert looks(desk, case.person).count(("somebody", "cases_listed")) == 1
        look_index.catch_up(desk.db)
    assert entries(desk) == length


def test_much_that_waits_is_done_in_many_steps_and_little_is_left_in_passing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not desk.db.is_sqlite:
        return  # nothing waits there
    monkeypatch.setattr(look_index, "ROWS", 3)
    monkeypatch.setattr(look_index, "NAMES", MANY)
    refs = [f"case{at}" for at in range(MANY)]
    for _ in range(8):
        a_list(desk, refs)
    with desk.db.read() as tx:
        waiting = look_index.behind(tx)
    assert waiting >= 8
    assert look_index.catch_up(desk.db, from_many=waiting + 1) == 0
    assert entries(desk) == 0
    assert look_index.catch_up(desk.db, from_many=waiting) == waiting
    assert entries(desk) == 8 * MANY
    with desk.db.read() as tx:
        assert look_index.behind(tx) == 0


@pytest.mark.parametrize("mark", [None, 0, 10**9])
def test_whoever_moves_the_mark_hides_no_look(desk: Desk, mark: int | None) -> None:
    case = make_case(desk)
    a_list(desk, [case.ref, *(f"other{at}" for at in range(MANY))])
    with desk.db.write() as tx:
        tx.execute(delete(access_listed))
        if mark is not None:
            tx.execute(insert(access_listed).values(id=1, up_to=mark))
    told = looks(desk, case.person).count(("somebody", "cases_listed"))
    found = [each for each in verify_logs(desk.db, desk.ring).tampered if each.log == SUBJECTS]
    assert told == 1 or found, "told, or found to be missing"
    look_index.catch_up(desk.db)
    if mark != 10**9:
        assert looks(desk, case.person).count(("somebody", "cases_listed")) == 1
        assert entries(desk) == 1 + MANY


def taken_away(desk: Desk) -> None:
    with desk.db.write() as tx, purging(tx, "access_subject"):
        tx.execute(delete(access_subject))


def one_taken_away(desk: Desk) -> None:
    with desk.db.write() as tx, purging(tx, "access_subject"):
        tx.execute(delete(access_subject).where(access_subject.c.case_ref == "case3"))


def one_added(desk: Desk) -> None:
    with desk.db.write() as tx:
        last = select(func.max(access_log.c.id)).scalar_subquery()
        tx.execute(text("INSERT INTO access_subject (access_id, case_ref) VALUES (:at, 'x')"),
                   {"at": tx.execute(select(last)).scalar_one()})  # fmt: skip


@pytest.mark.parametrize("tamper", [taken_away, one_taken_away, one_added])
@pytest.mark.parametrize("made", [True, False])
def test_entries_that_were_tampered_with_are_found(
    desk: Desk, tamper: Callable[[Desk], Any], *, made: bool
) -> None:
    a_list(desk, [f"case{at}" for at in range(MANY)])
    if made:
        look_index.catch_up(desk.db)
    there = entries(desk)
    tamper(desk)
    found = [each for each in verify_logs(desk.db, desk.ring).tampered if each.log == SUBJECTS]
    assert bool(found) == (entries(desk) != there)


def test_a_row_that_is_no_list_is_told_and_holds_nothing_up(desk: Desk) -> None:
    a_list(desk, [f"case{at}" for at in range(MANY)])
    a_list(desk, [f"other{at}" for at in range(MANY)])
    with desk.db.write() as tx:
        disarm(tx, access_log)
        first = select(func.min(access_log.c.id)).where(access_log.c.subjects != "")
        damaged = access_log.c.id == first.scalar_subquery()
        tx.execute(update(access_log).where(damaged).values(subjects='["case0"'))
    look_index.catch_up(desk.db)
    found = [each for each in verify_logs(desk.db, desk.ring).tampered if each.log == SUBJECTS]
    assert [each.detail for each in found] == ["what is sealed is no list"]
    assert entries(desk) in (MANY, 2 * MANY)

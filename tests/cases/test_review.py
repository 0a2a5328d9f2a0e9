"""What a review of the domain found: each of these went wrong once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cases import accounts, people, protection, service
from cases.access import OPERATOR
from cases.model import Protection
from cases.tables import case_event, notice
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OPENED,
    Desk,
    answer_transfer,
    check_case,
    complete,
    make_case,
    oslo,
    propose,
    set_date,
    sweep_at,
    task,
)


def rungs_of(desk: Desk, case_id: int | None, code: str) -> list[tuple[Any, ...]]:
    with desk.db.read() as tx:
        found = tx.execute(
            select(notice.c.rung, notice.c.due_at, notice.c.to_role, notice.c.unit)
            .where(notice.c.case_id == case_id, notice.c.task == code)
            .order_by(notice.c.id)
        )
        return [tuple(row) for row in found]


def test_a_lead_that_a_nearer_release_brings_forward_past_what_was_told_is_still_told(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    sweep_at(desk, oslo("2026-09-09 15:00"))  # brief_info, due on the 8th, is late
    now = oslo("2026-09-10 09:00")
    set_date(desk, case, date(2026, 9, 14), now=now)  # R - 3 wd was yesterday

    sweep_at(desk, now)

    said = [(rung, role) for rung, _, role, _ in rungs_of(desk, case.id, "brief_info")]
    assert said == [("late", "coordinator"), ("lead", "unit_lead")]
    check_case(desk, case.ref, now=now)
    sweep_at(desk, oslo("2026-09-12 15:00"))
    assert len(rungs_of(desk, case.id, "brief_info")) == 2


def test_a_lead_brought_forward_to_before_the_last_rung_told_is_still_told(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    sweep_at(desk, oslo("2026-09-08 15:00"))
    sweep_at(desk, oslo("2026-09-09 15:00"))
    now = oslo("2026-09-10 09:00")
    set_date(desk, case, date(2026, 9, 11), now=now)  # its lead is the due time itself now

    sweep_at(desk, now)

    brief = task(desk.case(case.ref), "brief_info")
    said = [rung for rung, due_at, _, _ in rungs_of(desk, case.id, "brief_info")]
    assert brief.due_at == oslo("2026-09-08 15:00")
    assert said == ["due", "late", "lead"]
    check_case(desk, case.ref, now=now)


def test_a_due_time_that_comes_back_in_another_unit_tells_no_rung_twice(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 28))
    told_at = oslo("2026-09-21 15:00")
    sweep_at(desk, told_at)
    first = rungs_of(desk, case.id, "talk_held")
    assert [rung for rung, *_ in first] == ["due"]
    answer_transfer(desk, propose(desk, case, "b", now=told_at), "accept", now=told_at)
    hour = timedelta(hours=1)
    set_date(desk, case, date(2026, 11, 2), now=told_at + hour)
    set_date(desk, case, None, now=told_at + 2 * hour)

    sweep_at(desk, told_at + 3 * hour)

    assert rungs_of(desk, case.id, "talk_held") == first
    check_case(desk, case.ref, now=told_at + 3 * hour)


def test_a_due_time_that_comes_back_when_staff_have_changed_tells_no_rung_twice(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=date(2026, 9, 28))
    told_at = oslo("2026-09-21 15:00")
    sweep_at(desk, told_at)
    first = rungs_of(desk, case.id, "talk_held")
    desk.do(accounts.disable, "officer.a", now=told_at)
    hour = timedelta(hours=1)
    set_date(desk, case, date(2026, 11, 2), now=told_at + hour)
    set_date(desk, case, None, now=told_at + 2 * hour)

    sweep_at(desk, told_at + 3 * hour)

    assert rungs_of(desk, case.id, "talk_held") == first


def test_why_a_completion_was_undone_stays_in_the_history(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=OPENED)

    desk.do(service.undo_task, NURSE, case.ref, "intake_talk", "wrong_person", now=OPENED)

    with desk.db.read() as tx:
        payload = tx.execute(
            select(case_event.c.payload).where(
                case_event.c.case_ref == case.ref, case_event.c.verb == "task_undone"
            )
        ).scalar_one()
    assert json.loads(payload)["undone"] == {"intake_talk": "wrong_person"}
    check_case(desk, case.ref, now=OPENED)


def test_a_release_date_at_the_end_of_the_calendar_can_be_planned_and_swept(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted", release_on=None)

    set_date(desk, case, date(2100, 12, 31), now=OPENED)

    assert sweep_at(desk, oslo("2026-09-09 15:00")).backed_off == 0


def test_what_was_done_before_a_transfer_is_credited_to_the_unit_it_was_done_in(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    moved_at = oslo("2026-09-07 10:00")
    answer_transfer(desk, propose(desk, case, "b", now=moved_at), "accept", now=moved_at)
    now = moved_at + timedelta(hours=2)

    complete(desk, case, "talk_booked", now=now, at=moved_at - timedelta(days=3))
    complete(desk, case, "requests_sent", now=now, at=moved_at)
    desk.do(
        service.waive_task,
        COORDINATOR,
        case.ref,
        "card_printed",
        "done_elsewhere",
        now=now,
        happened_at=moved_at - timedelta(days=1),
    )

    after = desk.case(case.ref)
    where = {each.code: each.done_unit for each in after.tasks if each.finished}
    assert (where["talk_booked"], where["requests_sent"]) == ("a", "b")
    assert where["card_printed"] == "a"
    check_case(desk, case.ref, now=now)


def test_an_address_protection_survives_a_change_of_the_person_at_the_same_time(
    desk: Desk,
) -> None:
    case = make_case(desk)
    change = people.PersonChange(language="pl")
    with ThreadPoolExecutor(1) as other:
        with desk.db.write() as tx:
            protection.set_protection(tx, OPERATOR, case.ref, "STRENGT_FORTROLIG", now=OPENED)
            changed = other.submit(desk.do, people.change, case.person, change, now=OPENED)
            with pytest.raises(TimeoutError):  # it waits for us
                changed.result(timeout=0.3)
        changed.result(timeout=10)

    after = desk.case(case.ref)
    assert (after.protection, after.language) == (Protection.STRICTLY_CONFIDENTIAL, "pl")

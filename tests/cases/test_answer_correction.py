"""A health answer that was typed wrongly is put right; the talk stays. DOMAIN section 5."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from cases import health, history, service, transfers
from cases.access import Viewer
from cases.answer_correction import correct_answer
from cases.model import Case, Role
from cases.rules import CaseNotFound, StaleVersion
from cases.service import TaskDone
from cases.tables import access_log, case_event
from core.errors import BadInput, NotAllowed, Refused
from tests.cases.desk import (
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_transfer,
    check_case,
    consent,
    make_case,
    oslo,
    propose,
    staff,
    task,
)

HELD = oslo("2026-09-01 14:00")
TYPED = oslo("2026-09-01 15:00")
LATER = oslo("2026-09-09 10:00")


def talked(desk: Desk, answer: str | None = "at_risk") -> Case:
    case = make_case(desk)
    done = TaskDone("intake_talk", HELD, None, answer)
    return desk.do(service.complete_task, NURSE, case.ref, done, now=TYPED)


def correct(desk: Desk, case: Case, answer: str, *, viewer: Viewer = NURSE, **more: Any) -> Case:
    return desk.do(correct_answer, viewer, case.ref, "intake_talk", answer, now=LATER, **more)


def answer_of(desk: Desk, case: Case, viewer: Viewer = NURSE) -> str | None:
    with desk.db.read() as tx:
        return health.answers_for(tx, viewer, desk.case(case.ref)).get("intake_talk")


@pytest.mark.parametrize("viewer", [NURSE, HEALTH_LEAD])
def test_the_answer_is_another_and_the_talk_as_it_was(desk: Desk, viewer: Viewer) -> None:
    case = talked(desk)

    after = correct(desk, case, "not_at_risk", viewer=viewer)

    assert answer_of(desk, case) == "not_at_risk"
    assert task(after, "intake_talk") == task(case, "intake_talk")
    assert after.version == case.version + 1
    check_case(desk, case.ref, now=LATER)


def test_history_and_log_say_both_and_neither_answer(desk: Desk) -> None:
    case = talked(desk)
    correct(desk, case, "not_at_risk")

    with desk.db.read() as tx:
        told = [(e.verb, e.payload.get("undone")) for e in history.events_of(tx, case.ref)]
        payloads = tx.execute(
            select(case_event.c.payload).where(case_event.c.case_ref == case.ref)
        ).scalars()
        assert "risk" not in str(list(payloads))
        looks = tx.execute(select(access_log.c.verb).where(access_log.c.case_ref == case.ref))
        assert "answer_corrected" in list(looks.scalars())
    assert [verb for verb, _ in told][-2:] == ["task_completed", "answer_corrected"]
    assert told[-1][1] == {"intake_talk": "wrong_answer"}


@pytest.mark.parametrize("viewer", [OFFICER, COORDINATOR, UNIT_LEAD, DIRECTORATE])
def test_nobody_else_corrects_a_health_answer(desk: Desk, viewer: Viewer) -> None:
    case = talked(desk)
    with pytest.raises(NotAllowed):
        correct(desk, case, "not_at_risk", viewer=viewer)
    assert answer_of(desk, case) == "at_risk"


def test_of_another_unit_there_is_nothing_to_correct(desk: Desk) -> None:
    with pytest.raises(CaseNotFound):
        correct(desk, talked(desk), "not_at_risk", viewer=OUTSIDER)


def test_what_has_no_health_answer_is_not_corrected(desk: Desk) -> None:
    for case in (make_case(desk), talked(desk, None)):
        with pytest.raises(Refused):
            correct(desk, case, "not_at_risk")
    case = talked(desk)
    with pytest.raises(Refused):
        desk.do(correct_answer, NURSE, case.ref, "naloxone_training", "at_risk", now=LATER)


def test_the_same_answer_an_unknown_one_and_a_stale_page_are_refused(desk: Desk) -> None:
    case = talked(desk)
    for answer in ("at_risk", "perhaps"):
        with pytest.raises(BadInput):
            correct(desk, case, answer)
    correct(desk, case, "unknown", version=case.version)
    with pytest.raises(StaleVersion):
        correct(desk, case, "not_at_risk", version=case.version)
    assert answer_of(desk, case) == "unknown"


def test_a_copy_that_another_service_was_given_is_corrected_by_that_service(desk: Desk) -> None:
    case = talked(desk)
    consent(desk, case, "sharing", to="health", now=TYPED)
    transfer = propose(desk, case, "b", now=TYPED)
    answer_transfer(desk, transfer, "accept", now=TYPED)
    theirs = staff(Role.HEALTH, "b")
    with pytest.raises(Refused):
        correct(desk, case, "not_at_risk", viewer=theirs)
    desk.do(transfers.share_health_answers, NURSE, case.ref, now=TYPED)

    correct(desk, case, "not_at_risk", viewer=theirs)

    assert answer_of(desk, case, theirs) == "not_at_risk"
    assert answer_of(desk, case) == "at_risk"

"""What stands in a case's own row, for lists and counts, follows from its parts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from app.rebuild import rebuild
from cases import service
from cases.access import OPERATOR
from cases.derived import COLUMNS, derived
from cases.model import Case
from cases.tables import case_
from migrations.versions.m0008_case_derived import FILL
from tests.cases.desk import NURSE, Desk, answer_transfer, complete, make_case, oslo
from tests.cases.desk import propose as propose_transfer

MONDAY = oslo("2026-09-07 10:00")


def beside(desk: Desk, case: Case) -> dict[str, Any]:
    with desk.db.read() as tx:
        row = tx.execute(
            select(*(case_.c[name] for name in COLUMNS)).where(case_.c.ref == case.ref)
        )
        return dict(row.mappings().one())


def histories(desk: Desk) -> list[Case]:
    """Cases that took part in every way there is."""
    again, moved, withdrawn, undone = (make_case(desk, answer="accepted") for _ in range(4))
    for at, answer in (("2026-09-03 10:00", "not_now"), ("2026-09-05 10:00", "accepted")):
        desk.do(service.answer_offer, NURSE, again.ref, answer, now=oslo(at))
    answer_transfer(desk, propose_transfer(desk, moved, "b", now=MONDAY), "accept", now=MONDAY)
    desk.do(service.answer_offer, NURSE, withdrawn.ref, "withdrawn", now=MONDAY)
    desk.do(service.undo_task, NURSE, undone.ref, "offer_answered", "wrong_person", now=MONDAY)
    plain = [make_case(desk, answer=answer) for answer in (None, "accepted", "declined")]
    return [again, moved, withdrawn, undone, *plain, make_case(desk, release_on=None)]


def test_whatever_happened_the_row_of_a_case_says_what_follows_from_its_parts(desk: Desk) -> None:
    cases = histories(desk)

    for case in cases:
        assert beside(desk, case) == derived(desk.case(case.ref))._asdict()
    apart = [beside(desk, case)["counted_apart"] for case in cases[:4]]
    assert apart == [True, True, False, None]
    assert beside(desk, cases[2])["left_at"] == MONDAY


def test_the_migration_gives_cases_that_are_there_what_the_verbs_would_have_given(
    own_desk: Desk,
) -> None:
    cases = histories(own_desk)
    given = [beside(own_desk, case) for case in cases]
    nothing = ", ".join(f"{name} = NULL" for name in COLUMNS)
    with own_desk.db.write() as tx:
        tx.execute(text(f"UPDATE case_ SET {nothing}"))
        for statement in FILL:
            tx.execute(text(statement))

    assert [beside(own_desk, case) for case in cases] == given


def test_a_rebuild_finds_a_case_whose_row_says_something_else(own_desk: Desk) -> None:
    right, wrong = make_case(own_desk, answer="accepted"), make_case(own_desk, answer="accepted")
    with own_desk.db.write() as tx:
        tx.execute(
            text("UPDATE case_ SET next_due_at = NULL, counted_apart = NULL WHERE ref = :ref"),
            {"ref": wrong.ref},
        )

    found = rebuild(own_desk.db)

    assert found.different == {wrong.ref: ["next_due_at", "counted_apart"]}
    assert found.equal == 1
    assert right.ref not in found.different


def test_the_next_due_time_moves_on_with_each_completion(desk: Desk) -> None:
    case = make_case(desk)
    assert beside(desk, case)["next_due_at"] == oslo("2026-09-02 06:00")

    complete(desk, case, "intake_talk", now=oslo("2026-09-01 12:00"), viewer=OPERATOR)

    assert beside(desk, case)["next_due_at"] == oslo("2026-09-04 15:00")

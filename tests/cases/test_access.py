"""Who may see what, field by field, and that every look is logged. DOMAIN section 5."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from cases import appointments, queries, release, service, transfers, views
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking
from cases.model import Role
from cases.rules import CaseNotFound
from cases.service import TaskDone
from cases.tables import access_log, access_subject, health_answer, person
from core.errors import NotAllowed, NotFound
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    complete,
    consent,
    findings,
    make_case,
    oslo,
    staff,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)

Verb = Callable[..., Any]

VERBS: dict[str, tuple[Verb, tuple[Any, ...], dict[str, Any]]] = {
    "complete_task": (service.complete_task, (TaskDone("brief_info"),), {}),
    "waive_task": (service.waive_task, ("brief_info", "absent"), {}),
    "undo_task": (service.undo_task, ("brief_info", "not_done"), {}),
    "answer_offer": (service.answer_offer, ("accepted",), {}),
    "record_consent": (service.record_consent, ("sms",), {"given": True}),
    "set_release_date": (release.set_release_date, (date(2026, 12, 1),), {"kind": "parole"}),
    "release": (release.release, (), {}),
    "close": (release.close, ("died",), {}),
    "propose_transfer": (transfers.propose_transfer, ("b",), {}),
    "book": (
        appointments.book,
        (Booking("OTHER", oslo("2027-01-04 10:00"), "Kari", "Storgata 1"),),
        {},
    ),
    "read_case": (views.read_case, (), {}),
}
"""Every verb about one case, with arguments that would pass."""

HARMLESS = {"book", "propose_transfer", "set_release_date", "record_consent", "read_case"}


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize(
    "viewer",
    [
        OUTSIDER,
        *(
            staff(role, "c")
            for role in (Role.HEALTH_LEAD, Role.OFFICER, Role.COORDINATOR, Role.UNIT_LEAD)
        ),
        staff(Role.COORDINATOR),
    ],
    ids=lambda viewer: viewer.account,
)
def test_every_role_of_another_unit_finds_nothing(desk: Desk, name: str, viewer: Viewer) -> None:
    verb, args, kwargs = VERBS[name]
    case = make_case(desk)

    with pytest.raises(CaseNotFound) as theirs:
        desk.do(verb, viewer, case.ref, *args, now=MONDAY, **kwargs)
    with pytest.raises(CaseNotFound) as nobodys:
        desk.do(verb, viewer, "nosuchref0", *args, now=MONDAY, **kwargs)

    assert str(theirs.value) == str(nobodys.value)
    assert (theirs.value.status, theirs.value.exit_code) == (404, 1)
    assert desk.case(case.ref) == case


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("viewer", [DIRECTORATE, ADMIN], ids=["directorate", "admin"])
def test_roles_without_cases_are_refused_before_any_look_up(
    desk: Desk, name: str, viewer: Viewer
) -> None:
    verb, args, kwargs = VERBS[name]
    case = make_case(desk)

    with asked(desk) as statements:
        for ref in (case.ref, "nosuchref0"):
            with pytest.raises(NotAllowed) as refusal:
                desk.do(verb, viewer, ref, *args, now=MONDAY, **kwargs)
            assert not isinstance(refusal.value, NotFound)
            assert refusal.value.status == 403

    assert [s for s in statements if " FROM " in s.upper()] == []


@pytest.mark.parametrize("viewer", [DIRECTORATE, ADMIN], ids=["directorate", "admin"])
def test_roles_without_cases_have_no_list_and_find_nobody(desk: Desk, viewer: Viewer) -> None:
    for ask in (
        lambda tx: views.list_cases(tx, viewer, now=MONDAY),
        lambda tx: queries.newest_ref(tx, viewer, "101000", now=MONDAY),
        lambda tx: queries.transfers_to_answer(tx, viewer),
        lambda tx: queries.cases_by_ids(tx, viewer, [1]),
        lambda tx: queries.visible_cases(viewer),
    ):
        with pytest.raises(NotAllowed):
            desk.do(ask)


# --- health answers -----------------------------------------------------------------------------


@contextmanager
def asked(desk: Desk) -> Iterator[list[str]]:
    """Every statement that goes to the database inside the block."""
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    event.listen(desk.db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(desk.db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("viewer", [OFFICER, COORDINATOR, UNIT_LEAD], ids=lambda v: v.account)
def test_a_correctional_view_selects_no_health_answer(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY, answer="at_risk")
    answer_offer(desk, case, "declined", now=MONDAY, reason="no_trust")

    with asked(desk) as statements:
        seen = desk.do(views.read_case, viewer, case.ref, now=MONDAY)
        desk.do(views.list_cases, viewer, now=MONDAY, unit="a")

    assert statements
    assert not [s for s in statements if "health_answer" in s]
    assert "at_risk" not in str(seen)
    assert "no_trust" not in str(seen)
    assert "answers" not in seen, "the history of participation is the health service's"
    assert seen["participation"] == "declined"
    talk = task_in(seen, "intake_talk")
    assert (talk["state"], talk["done_by"], talk.get("answer")) == ("done", None, None)
    assert talk["done_at"] is not None


@pytest.mark.parametrize("viewer", [NURSE, HEALTH_LEAD, OPERATOR], ids=lambda v: v.account)
def test_the_health_service_reads_answers_who_and_the_history(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY, answer="at_risk")
    answer_offer(desk, case, "declined", now=MONDAY, reason="no_trust")

    seen = desk.do(views.read_case, viewer, case.ref, now=MONDAY)

    talk = task_in(seen, "intake_talk")
    assert (talk["answer"], talk["done_by"]) == ("at_risk", NURSE.account)
    assert [(a["answer"], a["reason"]) for a in seen["answers"]] == [("declined", "no_trust")]


def test_a_health_answer_belongs_to_its_controller_whatever_the_unit(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY, answer="at_risk")
    stranger = Viewer("locum", Role.HEALTH, frozenset({"a"}), frozenset())

    seen = desk.do(views.read_case, stranger, case.ref, now=MONDAY)

    assert task_in(seen, "intake_talk")["state"] == "done"
    assert "answer" not in task_in(seen, "intake_talk")


def test_the_answer_stands_sealed_in_its_own_table_and_in_no_event(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY, answer="at_risk")

    with desk.db.read() as tx:
        (kept,) = tx.execute(
            select(health_answer.c.value_enc).where(health_answer.c.case_id == case.id)
        ).scalars()
        from cases.history import events_of

        told = " ".join(str(e.payload) for e in events_of(tx, case.ref))
    assert "at_risk" not in kept
    assert "at_risk" not in told

    desk.do(service.undo_task, NURSE, case.ref, "intake_talk", "wrong_person", now=MONDAY)
    with desk.db.read() as tx:
        left = select(health_answer).where(health_answer.c.case_id == case.id)
        assert tx.execute(left).all() == []


def task_in(view: views.View, code: str) -> views.View:
    return next(t for s in view["steps"] for t in s["tasks"] if t["task"] == code)


def test_officers_see_the_steps_and_who_did_shared_tasks_but_no_consents(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "brief_info", viewer=NURSE, now=MONDAY)
    consent(desk, case, "sms", now=MONDAY)

    officers = desk.do(views.read_case, OFFICER, case.ref, now=MONDAY)
    coordinators = desk.do(views.read_case, COORDINATOR, case.ref, now=MONDAY)

    assert [s["step"] for s in officers["steps"]] == [
        "INTAKE_TALK",
        "OVERDOSE_INFO",
        "RELEASE_TALK",
        "TIME_IN_HAND",
    ]
    assert task_in(officers, "brief_info")["done_by"] == NURSE.account
    assert "consents" not in officers
    assert [c["purpose"] for c in coordinators["consents"]] == ["sms"]


# --- lists --------------------------------------------------------------------------------------


def test_a_list_holds_the_viewers_units_only_the_earliest_due_first(own_desk: Desk) -> None:
    desk = own_desk
    later = make_case(desk)
    sooner = make_case(desk, done=["intake_talk", "brief_info"], release_on=None)
    in_b = make_case(desk, unit="b")
    make_case(desk, unit="c")

    refs = {
        viewer.account: [line["ref"] for line in desk.do(views.list_cases, viewer, now=MONDAY)]
        for viewer in (NURSE, COORDINATOR)
    }

    assert refs[NURSE.account] == [later.ref, sooner.ref]
    assert set(refs[COORDINATOR.account]) == {later.ref, sooner.ref, in_b.ref}
    assert desk.do(views.list_cases, NURSE, now=MONDAY, unit="c") == []
    assert len(desk.do(views.list_cases, OPERATOR, now=MONDAY)) == 4


def test_overdue_is_open_and_past_due_and_the_due_instant_itself_is_not(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    due_at = oslo("2026-09-02 06:00")

    def overdue(now: Any) -> list[str]:
        return [line["ref"] for line in desk.do(views.list_cases, NURSE, now=now, overdue=True)]

    assert overdue(due_at) == []
    assert overdue(due_at + timedelta(microseconds=1)) == [case.ref]
    (line,) = desk.do(views.list_cases, NURSE, now=due_at + HOUR)
    assert (line["next_task"], line["overdue"], line["overdue_tasks"]) == ("intake_talk", True, 1)


def test_names_stand_in_no_list_and_in_no_log(own_desk: Desk) -> None:
    desk = own_desk
    make_case(desk)

    listed = desk.do(views.list_cases, NURSE, now=MONDAY)

    assert "Nordmann" not in str(listed)
    with desk.db.read() as tx:
        for table in (access_log, person):
            assert "Nordmann" not in str(tx.execute(select(table)).all())


# --- the access log -----------------------------------------------------------------------------


def looks(desk: Desk, ref: str) -> list[tuple[str, str, str]]:
    """(verb, actor, role) of every row about a case, lists included."""
    with desk.db.read() as tx:
        named = select(access_log.c.id).where(access_log.c.case_ref == ref)
        listed = select(access_subject.c.access_id).where(access_subject.c.case_ref == ref)
        rows = tx.execute(
            select(access_log.c.verb, access_log.c.actor, access_log.c.role)
            .where(access_log.c.id.in_(named.union(listed)))
            .order_by(access_log.c.id)
        )
        return [tuple(row) for row in rows]


def test_every_read_and_every_write_of_a_case_is_in_the_access_log(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    desk.do(views.read_case, NURSE, case.ref, now=MONDAY)
    desk.do(views.list_cases, OFFICER, now=MONDAY)
    complete(desk, case, "brief_info", now=MONDAY)
    with pytest.raises(NotAllowed):
        complete(desk, case, "naloxone_training", viewer=OFFICER, now=MONDAY)

    assert looks(desk, case.ref) == [
        ("case_opened", "operator", "operator"),
        ("case_read", NURSE.account, "health"),
        ("cases_listed", OFFICER.account, "officer"),
        ("task_completed", OFFICER.account, "officer"),
    ]
    assert findings(desk) == []


def test_a_refused_verb_leaves_nothing_half_done(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=MONDAY, answer="at_risk")
    before = counts(desk)

    for name, (verb, args, kwargs) in VERBS.items():
        if name not in HARMLESS:
            with pytest.raises((NotAllowed, NotFound)):
                desk.do(verb, OUTSIDER, case.ref, *args, now=MONDAY, **kwargs)
    with pytest.raises(NotAllowed):
        desk.do(service.undo_task, OFFICER, case.ref, "intake_talk", "not_done", now=MONDAY)

    assert counts(desk) == before


def counts(desk: Desk) -> dict[str, int]:
    """How many rows each table holds."""
    from sqlalchemy import func

    from core.db import metadata

    with desk.db.read() as tx:
        return {
            table.name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }

"""Who sees what of a case, field by field; every look is logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Engine, event, select

from cases import appointments, health, history, lists, service, sweep, transfers, views
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking
from cases.model import Case, Role
from cases.rules import CaseNotFound
from cases.tables import access_log, access_subject, unit_controller
from cases.vault import Secrets
from core.db import Database
from core.errors import BadInput, NotAllowed
from tests.databases import Databases
from tests.installation import installation
from tests.people import COORDINATOR, NURSE, OFFICER, OUTSIDER, at, complete, make_case, make_units

ADMITTED = "2026-09-01 06:00"
NOW = at("2026-09-10 12:00")
RELEASE = date(2026, 12, 1)

UNIT_LEAD = Viewer("lead", Role.UNIT_LEAD, frozenset({"A"}))
COORDINATOR_B = Viewer("coordinator-b", Role.COORDINATOR, frozenset({"B"}))
DIRECTORATE = Viewer("directorate", Role.DIRECTORATE)
ADMIN = Viewer("admin", Role.ADMIN)
CORRECTIONAL = (OFFICER, COORDINATOR, UNIT_LEAD)

KEYS = [
    "ref", "inmate_no", "unit", "phase", "participation", "close_reason", "short_notice",
    "late_opened", "admitted_at", "opened_at", "release", "released_at", "steps", "release_dates",
    "appointments", "transfers", "messages", "notices", "deviations",
]  # fmt: skip
TASK_KEYS = [
    "task", "owner", "state", "due_at", "overdue", "done_at", "recorded_at", "done_by", "form",
    "reason",
]  # fmt: skip


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(database_url, tmp_path) as db:
        with db.write() as tx:
            make_units(tx)
        yield db


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """One database for all tests: each works in a transaction that is rolled back."""
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    url = source.create(migrated=True)
    with installation(url, tmp_path_factory.mktemp("keys")) as shared:
        with shared.write() as tx:
            make_units(tx)
        yield shared
    source.drop(url)


class _Undo(Exception):
    """Takes back what a test wrote."""


@pytest.fixture
def tx(shared: Database) -> Iterator[Connection]:
    with suppress(_Undo), shared.write() as tx:
        yield tx
        raise _Undo


def nurse(tx: Connection, unit: str) -> Viewer:
    """A nurse of a unit, a member of its health controller."""
    controllers = tx.execute(
        select(unit_controller.c.controller_id).where(
            unit_controller.c.unit == unit, unit_controller.c.kind == "health"
        )
    ).scalars()
    return Viewer(f"nurse-{unit}", Role.HEALTH, frozenset({unit}), frozenset(controllers))


def with_talk(tx: Connection) -> Case:
    """A case of unit A with the intake talk held, the offer declined and then accepted."""
    case = make_case(tx, admitted=ADMITTED, release_on=RELEASE)
    case = complete(tx, case, "intake_talk", at("2026-09-01 10:00"), answer="at_risk")
    service.answer_offer(
        tx, OPERATOR, case.ref, "declined", now=at("2026-09-01 11:00"), reason="no_trust"
    )
    return service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-09-02 11:00"))


def book(tx: Connection, case: Case, kind: str, starts: str = "2026-12-02 10:00") -> Case:
    booking = Booking(kind, at(starts), "Legevakten", "Storgata 1", "55 00 00 00", "confirmed")
    return appointments.book(tx, OPERATOR, case.ref, booking, now=NOW)


def share(tx: Connection, case: Case, receiver: str) -> None:
    service.record_consent(
        tx, OPERATOR, case.ref, "sharing", given=True, receiver=receiver, now=NOW
    )


def task_of(view: views.View, code: str) -> dict[str, Any]:
    tasks = (task for step in view["steps"] for task in step["tasks"])
    return cast("dict[str, Any]", next(task for task in tasks if task["task"] == code))


def read(tx: Connection, viewer: Viewer, case: Case, now: datetime = NOW) -> views.View:
    return views.read_case(tx, viewer, case.ref, now=now)


@contextmanager
def statements(tx: Connection) -> Iterator[list[str]]:
    """Every statement that is sent while the block runs."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    engine: Engine = tx.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def erase(tx: Connection, case: Case) -> None:
    cast("Secrets", tx.info["secrets"]).keys.destroy(case.person)


# --- the whole of it ---------------------------------------------------------------------------


def test_the_operator_sees_the_whole_case_in_the_order_of_the_package(tx: Connection) -> None:
    view = read(tx, OPERATOR, with_talk(tx))

    assert [key for key in view if key in KEYS] == KEYS
    assert [step["step"] for step in view["steps"]] == [
        "INTAKE_TALK", "OVERDOSE_INFO", "RELEASE_TALK", "TIME_IN_HAND",
    ]  # fmt: skip
    assert [task["task"] for task in view["steps"][3]["tasks"]] == [
        "requests_sent", "appointments_confirmed", "card_printed", "handed_over",
    ]  # fmt: skip
    assert set(TASK_KEYS) <= set(task_of(view, "talk_held"))
    assert {
        "step": "OVERDOSE_INFO",
        "state": "overdue",
        "due_at": "2026-09-08T15:00:00+02:00",
    }.items() <= view["steps"][1].items()
    assert json.loads(json.dumps(view)) == view


def test_times_carry_norways_offset_in_summer_and_winter(tx: Connection) -> None:
    view = read(tx, OPERATOR, with_talk(tx))

    assert view["admitted_at"] == "2026-09-01T06:00:00+02:00"
    assert task_of(view, "handed_over")["due_at"] == "2026-12-02T15:00:00+01:00"
    assert view["release"] == {
        "on": "2026-12-01",
        "kind": "confirmed",
        "known_at": "2026-09-01T08:00:00+02:00",
    }


def test_the_due_instant_itself_is_not_overdue(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED, release_on=RELEASE)

    due = at("2026-09-02 06:00")
    assert task_of(read(tx, OPERATOR, case, due), "intake_talk")["overdue"] is False
    later = due.replace(microsecond=1)
    assert task_of(read(tx, OPERATOR, case, later), "intake_talk")["overdue"] is True


def test_a_remand_case_has_no_release_and_tasks_without_a_due_time(tx: Connection) -> None:
    view = read(tx, OPERATOR, make_case(tx, admitted=ADMITTED))

    assert (view["release"], view["released_at"], view["release_dates"]) == (None, None, [])
    assert task_of(view, "talk_held")["due_at"] is None
    assert view["steps"][2]["due_at"] is None
    assert view["steps"][2]["state"] == "prepared"


def test_a_missed_task_is_a_deviation_and_a_late_proof_corrects_it(tx: Connection) -> None:
    case = make_case(
        tx, admitted=ADMITTED, release_on=RELEASE, answer="accepted", released="2026-12-01 09:00"
    )

    assert {"task": "talk_held", "step": "RELEASE_TALK", "corrected": False}.items() <= next(
        each for each in read(tx, OPERATOR, case)["deviations"] if each["task"] == "talk_held"
    ).items()

    service.complete_task(
        tx,
        OPERATOR,
        case.ref,
        service.TaskDone("talk_held", at("2026-11-30 09:00")),
        now=at("2026-12-02 09:00"),
    )

    view = read(tx, OPERATOR, case, at("2026-12-03 09:00"))
    assert next(e for e in view["deviations"] if e["task"] == "talk_held")["corrected"] is True


def test_notices_are_told_with_their_rung_and_role(db: Database) -> None:
    with db.write() as tx:
        case = make_case(tx, admitted=ADMITTED, release_on=RELEASE)
    sweep.sweep(db, now=at("2026-09-02 06:00"))

    with db.write() as tx:
        notices = read(tx, OPERATOR, case)["notices"]

    assert {
        "task": "intake_talk",
        # Nobody works in this unit: the code says so in place of the rung.
        "rung": "unit_without_staff",
        "at": "2026-09-02T06:00:00+02:00",
        "told_at": "2026-09-02T06:00:00+02:00",
        "to_role": "admin",
    }.items() <= next(each for each in notices if each["task"] == "intake_talk").items()
    assert all(set(each) == {"task", "rung", "at", "told_at", "to_role"} for each in notices)


# --- roles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewer", CORRECTIONAL, ids=lambda viewer: viewer.account)
def test_correctional_roles_see_that_the_talk_was_held_but_not_by_whom_nor_the_answer(
    tx: Connection, viewer: Viewer
) -> None:
    case = with_talk(tx)

    view = read(tx, viewer, case)

    talk = task_of(view, "intake_talk")
    assert (talk["state"], talk["done_by"]) == ("done", None)
    assert "answer" not in talk
    assert "at_risk" not in json.dumps(view)
    assert task_of(view, "offer_answered")["done_by"] == "operator"


@pytest.mark.parametrize("viewer", CORRECTIONAL, ids=lambda viewer: viewer.account)
def test_no_statement_for_correctional_roles_touches_health_answers(
    tx: Connection, viewer: Viewer
) -> None:
    case = with_talk(tx)

    with statements(tx) as sent:
        views.read_case(tx, viewer, case.ref, now=NOW)
        views.list_cases(tx, viewer, now=NOW)

    assert sent
    assert not [statement for statement in sent if "health_answer" in statement.lower()]


def test_the_check_on_statements_can_fail(tx: Connection) -> None:
    case = with_talk(tx)

    with statements(tx) as sent:
        views.read_case(tx, nurse(tx, "A"), case.ref, now=NOW)

    assert [statement for statement in sent if "health_answer" in statement.lower()]


@pytest.mark.parametrize("viewer", CORRECTIONAL, ids=lambda viewer: viewer.account)
def test_correctional_roles_see_the_participation_but_neither_reason_nor_history(
    tx: Connection, viewer: Viewer
) -> None:
    view = read(tx, viewer, with_talk(tx))

    assert view["participation"] == "accepted"
    assert "answers" not in view
    assert "no_trust" not in json.dumps(view)
    assert "declined" not in json.dumps(view)


def test_a_nurse_of_the_unit_reads_answer_reason_and_history(tx: Connection) -> None:
    case = with_talk(tx)

    view = read(tx, nurse(tx, "A"), case)

    assert task_of(view, "intake_talk")["answer"] == "at_risk"
    assert task_of(view, "intake_talk")["done_by"] == "operator"
    assert [(each["answer"], each["reason"]) for each in view["answers"]] == [
        ("declined", "no_trust"),
        ("accepted", None),
    ]


def test_an_answer_of_another_controller_is_not_read_though_the_case_is(tx: Connection) -> None:
    case = with_talk(tx)
    stranger = Viewer("temp", Role.HEALTH, frozenset({"A"}), frozenset({999}))

    view = read(tx, stranger, case)

    assert "answer" not in task_of(view, "intake_talk")
    assert view["participation"] == "accepted"


def test_an_answer_that_was_undone_is_gone(tx: Connection) -> None:
    case = with_talk(tx)
    service.undo_task(tx, OPERATOR, case.ref, "intake_talk", "wrong_person", now=NOW)

    assert "at_risk" not in json.dumps(read(tx, nurse(tx, "A"), case))


def test_an_answer_that_is_no_health_answer_is_for_all(tx: Connection) -> None:
    case = make_case(
        tx, admitted=ADMITTED, release_on=RELEASE, answer="accepted", released="2026-12-01 09:00"
    )
    service.complete_task(
        tx,
        OPERATOR,
        case.ref,
        service.TaskDone("handed_over", answer="card_only"),
        now=at("2026-12-01 09:30"),
    )

    assert task_of(read(tx, OFFICER, case), "handed_over")["answer"] == "card_only"


def test_consents_are_shown_to_those_who_record_them(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED)
    share(tx, case, "nav")

    assert [each["to"] for each in read(tx, COORDINATOR, case)["consents"]] == ["nav"]
    assert "consents" not in read(tx, OFFICER, case)


# --- appointments ------------------------------------------------------------------------------

HIDDEN = {"kind": None, "with": None, "place": "avtale", "phone": None}
SHOWN = {"with": "Legevakten", "place": "Storgata 1", "phone": "55 00 00 00"}


@pytest.mark.parametrize(
    ("kind", "receiver"),
    [
        ("GP", "health"),
        ("OAT", "health"),
        ("SPECIALIST_ADDICTION", "health"),
        ("MUNICIPAL_ADDICTION", "health"),
        ("DENTIST", "health"),
        ("NALOXONE_OUTLET", "health"),
        ("NAV", "nav"),
        ("HOUSING", "municipality"),
    ],
)
def test_an_appointment_that_tells_something_needs_the_right_consent(
    tx: Connection, kind: str, receiver: str
) -> None:
    case = book(tx, make_case(tx, admitted=ADMITTED, release_on=RELEASE), kind)
    for other in {"health", "nav", "municipality"} - {receiver}:
        share(tx, case, other)

    (hidden,) = read(tx, COORDINATOR, case)["appointments"]
    share(tx, case, receiver)
    (shown,) = read(tx, COORDINATOR, case)["appointments"]
    (officers,) = read(tx, OFFICER, case)["appointments"]
    (nurses,) = read(tx, nurse(tx, "A"), case)["appointments"]

    assert HIDDEN.items() <= hidden.items()
    assert (hidden["starts_at"], hidden["status"]) == ("2026-12-02T10:00:00+01:00", "confirmed")
    assert (SHOWN | {"kind": kind}).items() <= shown.items()
    assert HIDDEN.items() <= officers.items()
    assert (SHOWN | {"kind": kind}).items() <= nurses.items()


@pytest.mark.parametrize("kind", ["PROBATION", "PEER_OR_MENTOR", "OTHER"])
def test_the_other_kinds_are_visible_to_all_roles_of_the_unit(tx: Connection, kind: str) -> None:
    case = book(tx, make_case(tx, admitted=ADMITTED, release_on=RELEASE), kind)

    for viewer in (OFFICER, COORDINATOR, nurse(tx, "A")):
        (shown,) = read(tx, viewer, case)["appointments"]
        assert (SHOWN | {"kind": kind}).items() <= shown.items()


def test_a_confirmed_appointment_is_flagged_when_the_release_moves_away(tx: Connection) -> None:
    from cases import release

    case = book(tx, make_case(tx, admitted=ADMITTED, release_on=RELEASE), "OTHER")
    assert read(tx, OFFICER, case)["appointments"][0]["outside_window"] is False

    release.set_release_date(tx, OPERATOR, case.ref, date(2026, 12, 15), kind="confirmed", now=NOW)

    assert read(tx, OFFICER, case)["appointments"][0]["outside_window"] is True


# --- other units, other roles ------------------------------------------------------------------


def test_another_units_nurse_gets_not_found_like_for_a_case_that_is_not(tx: Connection) -> None:
    case = with_talk(tx)

    with pytest.raises(CaseNotFound) as theirs:
        read(tx, OUTSIDER, case)
    with pytest.raises(CaseNotFound) as none:
        views.read_case(tx, OUTSIDER, "nosuchcase", now=NOW)

    assert str(theirs.value) == str(none.value)
    assert views.list_cases(tx, OUTSIDER, now=NOW) == []


@pytest.mark.parametrize("viewer", [DIRECTORATE, ADMIN], ids=lambda viewer: viewer.account)
def test_roles_without_cases_are_refused_before_anything_is_looked_up(
    tx: Connection, viewer: Viewer
) -> None:
    case = with_talk(tx)

    with statements(tx) as sent:
        for ref in (case.ref, "nosuchcase"):
            with pytest.raises(NotAllowed):
                views.read_case(tx, viewer, ref, now=NOW)
        with pytest.raises(NotAllowed):
            views.list_cases(tx, viewer, now=NOW)

    assert sent == []


# --- what a unit may still read of a case it gave away -----------------------------------------


def give_away(tx: Connection, case: Case, when: str = "2026-09-05 12:00") -> datetime:
    """Propose and accept a transfer to B; the instant of acceptance."""
    moved_at = at(when)
    proposed = transfers.propose_transfer(tx, OPERATOR, case.ref, "B", now=moved_at)
    waiting = proposed.open_transfer
    assert waiting is not None
    transfers.answer_transfer(tx, OPERATOR, waiting.id, "accept", now=moved_at)
    return moved_at


def test_a_sending_unit_reads_its_own_past_and_nothing_after(tx: Connection) -> None:
    case = with_talk(tx)
    moved_at = give_away(tx, case)
    # In the same moment, as a frozen clock has it, and later.
    complete(tx, case, "brief_info", moved_at)
    complete(tx, case, "talk_booked", at("2026-09-06 09:00"))
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-09-07 09:00"))

    past = read(tx, nurse(tx, "A"), case)
    now = read(tx, nurse(tx, "B"), case)

    assert (past["participation"], now["participation"]) == ("accepted", "withdrawn")
    assert task_of(past, "brief_info")["state"] == "open"
    assert task_of(now, "brief_info")["state"] == "done"
    assert task_of(past, "talk_booked")["state"] == "open"
    assert task_of(past, "intake_talk")["answer"] == "at_risk"
    assert past["transfers"][0]["state"] == "accepted"
    assert past["notices"] == past["messages"] == []


def test_what_was_not_overdue_when_the_case_left_is_not_overdue_in_that_past(
    tx: Connection,
) -> None:
    case = make_case(tx, admitted=ADMITTED, release_on=RELEASE)
    give_away(tx, case)

    brief = task_of(read(tx, nurse(tx, "A"), case), "brief_info")

    assert (brief["due_at"], brief["overdue"]) == ("2026-09-08T15:00:00+02:00", False)


def test_the_receiving_unit_does_not_get_the_answers_with_the_case(tx: Connection) -> None:
    case = with_talk(tx)
    give_away(tx, case)

    view = read(tx, nurse(tx, "B"), case)

    assert task_of(view, "intake_talk")["state"] == "done"
    assert "answer" not in task_of(view, "intake_talk")


def test_the_past_ends_after_14_days(tx: Connection) -> None:
    case = with_talk(tx)
    give_away(tx, case)

    assert read(tx, nurse(tx, "A"), case, at("2026-09-19 11:59"))["unit"] == "B"
    with pytest.raises(CaseNotFound):
        read(tx, nurse(tx, "A"), case, at("2026-09-19 12:00"))


def test_who_works_in_both_units_reads_the_case_as_it_is(tx: Connection) -> None:
    case = with_talk(tx)
    give_away(tx, case)
    complete(tx, case, "talk_booked", at("2026-09-06 09:00"))

    assert task_of(read(tx, COORDINATOR, case), "talk_booked")["state"] == "done"
    assert task_of(read(tx, COORDINATOR_B, case), "talk_booked")["state"] == "done"


def test_a_case_that_came_back_is_read_whole(tx: Connection) -> None:
    case = with_talk(tx)
    give_away(tx, case)
    back = transfers.propose_transfer(tx, OPERATOR, case.ref, "A", now=at("2026-09-06 08:00"))
    waiting = back.open_transfer
    assert waiting is not None
    transfers.answer_transfer(tx, OPERATOR, waiting.id, "accept", now=at("2026-09-06 09:00"))
    complete(tx, case, "talk_booked", at("2026-09-07 09:00"))

    assert task_of(read(tx, OFFICER, case), "talk_booked")["state"] == "done"
    assert read(tx, COORDINATOR_B, case)["unit"] == "A"
    assert task_of(read(tx, COORDINATOR_B, case), "talk_booked")["state"] == "open"


def test_a_fold_of_all_events_is_the_stored_case(tx: Connection) -> None:
    case = with_talk(tx)
    give_away(tx, case)

    folded = history.fold_case(tx, case.ref)
    early = history.fold_case(tx, case.ref, as_of=at("2026-09-01 10:00"))

    assert folded is not None
    assert folded.unit == "B"
    assert early is not None
    assert (early.unit, early.participation.value) == ("A", "not_asked")
    assert history.fold_case(tx, case.ref, as_of=at("2026-09-01 05:00")) is None


# --- the log, and erased persons ---------------------------------------------------------------


def test_every_look_leaves_a_row_with_who_role_and_case(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED)

    read(tx, OFFICER, case)

    row = tx.execute(
        select(
            access_log.c.actor,
            access_log.c.role,
            access_log.c.scope,
            access_log.c.case_ref,
            access_log.c.at,
        ).where(access_log.c.verb == views.CASE_READ)
    ).one()
    assert tuple(row) == ("officer", "officer", "A", case.ref, NOW)


def test_a_look_at_the_past_stands_in_the_log_of_the_unit_that_looked(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED)
    give_away(tx, case)

    read(tx, OFFICER, case)

    scopes = select(access_log.c.scope).where(access_log.c.verb == views.CASE_READ)
    assert tx.execute(scopes).scalars().all() == ["A"]


def test_a_list_is_one_row_with_every_case_on_it(tx: Connection) -> None:
    cases = [make_case(tx, admitted=ADMITTED) for _ in range(3)]
    make_case(tx, admitted=ADMITTED, unit="C")

    listed = views.list_cases(tx, OFFICER, now=NOW)

    assert {line["ref"] for line in listed} == {case.ref for case in cases}
    (row,) = tx.execute(select(access_log).where(access_log.c.verb == lists.CASES_LISTED)).all()
    assert (row.scope, row.case_ref) == ("A", None)
    subjects = select(access_subject.c.case_ref).where(access_subject.c.access_id == row.id)
    assert set(tx.execute(subjects).scalars()) == {case.ref for case in cases}


def test_a_list_can_be_cut_to_a_unit_a_phase_and_what_is_overdue(tx: Connection) -> None:
    late = make_case(tx, admitted=ADMITTED)
    fresh = make_case(tx, admitted="2026-09-10 06:00")
    released = make_case(tx, unit="B", answer="accepted", released="2026-09-09 09:00")

    def refs(**cut: Any) -> set[str]:
        return {line["ref"] for line in views.list_cases(tx, COORDINATOR, now=NOW, **cut)}

    assert refs() == {late.ref, fresh.ref, released.ref}
    assert refs(unit="A") == {late.ref, fresh.ref}
    assert refs(unit="C") == set()
    assert refs(phase="follow_up") == {released.ref}
    assert refs(unit="A", overdue=True) == {late.ref}
    with pytest.raises(BadInput, match="follow_up"):
        refs(phase="released")


def test_a_line_of_the_list_says_what_comes_next(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED, release_on=RELEASE)

    (line,) = views.list_cases(tx, OFFICER, now=NOW)

    inmate_no = line.pop("inmate_no")
    assert inmate_no.startswith("T")
    assert line == {
        "ref": case.ref,
        "unit": "A",
        "phase": "in_prison",
        "participation": "not_asked",
        "next_task": "intake_talk",
        "next_due_at": "2026-09-02T06:00:00+02:00",
        "overdue": True,
        "overdue_tasks": 3,
    }


def test_of_an_erased_person_nothing_is_left_but_the_case(tx: Connection) -> None:
    case = book(tx, with_talk(tx), "GP")
    erase(tx, case)

    view = read(tx, OPERATOR, case)
    (line,) = views.list_cases(tx, OPERATOR, now=NOW)

    assert view["inmate_no"] is None
    assert line["inmate_no"] is None
    assert task_of(view, "intake_talk")["state"] == "done"
    assert "answer" not in task_of(view, "intake_talk")
    (appointment,) = view["appointments"]
    assert (appointment["kind"], appointment["with"], appointment["place"]) == ("GP", None, None)


def test_a_view_logs_nothing_by_itself_so_that_no_look_is_counted_twice(tx: Connection) -> None:
    case = make_case(tx, admitted=ADMITTED)

    with statements(tx) as sent:
        views.case_view(tx, NURSE, replace(case, id=case.id), now=NOW)

    assert not [statement for statement in sent if "INSERT" in statement.upper()]
    assert health.is_private(next(task for task in case.tasks if task.code == "intake_talk"))


def test_an_officer_does_not_read_why_a_health_task_was_waived(db: Database) -> None:
    with db.write() as tx:
        case = make_case(tx, admitted=ADMITTED)
        case = service.waive_task(
            tx, NURSE, case.ref, "intake_talk", "refused_this_task", now=NOW
        )  # fmt: skip
        seen = {
            viewer.role: views.case_view(tx, viewer, case, now=NOW)["steps"][0]["tasks"][0]
            for viewer in (NURSE, OFFICER)
        }

    assert seen[Role.HEALTH]["reason"] == "refused_this_task"
    assert (seen[Role.OFFICER]["state"], seen[Role.OFFICER]["reason"]) == ("waived", None)


def test_a_reason_for_declining_does_not_follow_to_another_health_service(db: Database) -> None:
    nurse_b = Viewer("nurse-b", Role.HEALTH, frozenset({"B"}), frozenset({3}))
    with db.write() as tx:
        case = make_case(tx, admitted=ADMITTED)
        service.answer_offer(tx, NURSE, case.ref, "declined", reason="no_trust", now=NOW)
        later = at("2026-09-11 12:00")
        case = transfers.propose_transfer(tx, COORDINATOR, case.ref, "B", now=later)
        ticket = case.transfers[0].id
        case = transfers.answer_transfer(tx, COORDINATOR, ticket, "accept", now=later)
        answers = views.case_view(tx, nurse_b, case, now=later)["answers"]

    assert [(each["answer"], each["reason"], each["by"]) for each in answers] == [
        ("declined", None, None)
    ]

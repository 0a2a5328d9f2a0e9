"""Loading and writing whole cases: exactly what changed, guarded by the version."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from cases import appointments, history, people, queries, release, service, store, transfers
from cases.access import OPERATOR, SYSTEM
from cases.model import Case, Protection
from cases.service import Admission, TaskDone
from cases.store import CaseChanged, Verb
from cases.tables import case_event
from cases.vault import Identity
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OFFICER,
    OPENED,
    Desk,
    answer_offer,
    as_events_tell,
    book,
    comparable,
    complete,
    consent,
    let_go,
    make_case,
    oslo,
    outcome,
    propose,
    set_date,
)

MONDAY = oslo("2026-09-07 10:00")
FRIDAY = oslo("2026-09-18 12:00")
HOUR = timedelta(hours=1)


def a_full_case(desk: Desk) -> Case:
    """A case with a row of every kind."""
    case = make_case(desk, phone="+4740000007", release_on=date(2026, 9, 18))
    propose(desk, case, "b", now=OPENED)
    answer_offer(desk, case, "not_now", now=OPENED + HOUR)
    answer_offer(desk, case, "accepted", now=MONDAY)
    consent(desk, case, "sms", now=MONDAY)
    consent(desk, case, "sharing", to="nav", now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    set_date(desk, case, date(2026, 9, 25), kind="parole", now=MONDAY)
    complete(desk, case, "brief_info", now=MONDAY, form="group")
    desk.do(service.waive_task, OFFICER, case.ref, "talk_held", "absent", now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    complete(desk, case, "handed_over", now=FRIDAY, answer="card_only")
    return case


def test_what_is_loaded_is_what_was_written(desk: Desk) -> None:
    ref = a_full_case(desk).ref
    case = desk.case(ref)

    assert all(
        getattr(case, part)
        for part in (
            "tasks",
            "answers",
            "release_dates",
            "stays",
            "appointments",
            "transfers",
            "consents",
            "due_changes",
        )
    )
    assert as_events_tell(desk, ref) == comparable(case)
    again = desk.look(queries.case_by_ref, OPERATOR, ref)
    assert again == case


def test_a_case_written_from_an_old_value_is_refused_and_nothing_is_lost(desk: Desk) -> None:
    stale = make_case(desk)
    complete(desk, stale, "brief_info", now=MONDAY)
    talk = stale.task("talk_held")
    assert talk is not None
    changed = stale.with_task(replace(talk, known_at=MONDAY))

    with pytest.raises(CaseChanged):
        desk.do(store.write_changes, stale, changed, Verb.ADVANCED, SYSTEM, now=MONDAY)

    kept = desk.case(stale.ref).task("brief_info")
    assert kept is not None
    assert kept.state == "done"


def test_writing_what_did_not_change_writes_nothing(desk: Desk) -> None:
    case = make_case(desk)

    same = desk.do(store.write_changes, case, replace(case), Verb.ADVANCED, OPERATOR, now=MONDAY)

    assert same.version == case.version
    assert desk.case(case.ref) == case
    assert len(events(desk, case)) == 1


def test_every_event_says_what_happened_when_it_was_learned_where_and_by_whom(
    desk: Desk,
) -> None:
    case = make_case(desk)
    complete(desk, case, "brief_info", now=MONDAY, at=OPENED)

    opened, done = events(desk, case)

    assert (opened.verb, opened.happened_at, opened.recorded_at) == (
        "case_opened",
        case.admitted_at,
        OPENED,
    )
    assert (done.verb, done.happened_at, done.recorded_at, done.unit, done.actor) == (
        "task_completed",
        OPENED,
        MONDAY,
        "a",
        OFFICER.account,
    )
    assert done.local_on == date(2026, 9, 1)


@pytest.mark.parametrize("kind", ["GP", "NAV"])
def test_booking_and_outcome_belong_to_the_same_controller(desk: Desk, kind: str) -> None:
    case = make_case(desk, release_on=date(2026, 9, 18))
    booked = book(desk, case, kind, oslo("2026-09-21 10:00"), now=MONDAY)
    outcome(desk, booked, "cancelled", now=MONDAY)

    controllers = [row.controller for row in events(desk, case)][1:]

    assert controllers == [{"GP": "health", "NAV": "correctional"}[kind]] * 2


def events(desk: Desk, case: Case) -> list[Any]:
    with desk.db.read() as tx:
        rows = select(case_event).where(case_event.c.case_ref == case.ref)
        return list(tx.execute(rows.order_by(case_event.c.seq)))


def test_a_case_as_of_a_past_instant_knows_only_what_was_recorded_by_then(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "talk_held", now=MONDAY, at=OPENED)

    before = desk.look(history.fold_case, case.ref, MONDAY - timedelta(microseconds=1))
    after = desk.look(history.fold_case, case.ref, MONDAY)

    assert before is not None
    assert after is not None
    assert [c.task("talk_held").state.value for c in (before, after)] == ["open", "done"]  # type: ignore[union-attr]
    assert desk.look(history.fold_case, case.ref, OPENED - HOUR) is None


def test_a_change_of_the_person_alone_leaves_the_events_telling_the_same_case(
    desk: Desk,
) -> None:
    case = make_case(desk)
    hidden = replace(case, protection=Protection.CONFIDENTIAL)

    desk.do(store.write_changes, case, hidden, Verb.PERSON_CHANGED, OPERATOR, now=MONDAY)

    assert as_events_tell(desk, case.ref) == comparable(desk.case(case.ref))


# --- how many statements ------------------------------------------------------------------------


def statements_of(desk: Desk, verb: Any) -> int:
    """How many statements a verb sends, BEGIN and COMMIT apart."""
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(desk.db.engine, "before_cursor_execute", note)
    try:
        verb()
    finally:
        event.remove(desk.db.engine, "before_cursor_execute", note)
    return len(sent)


def test_a_completion_takes_at_most_eight_statements(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    complete(desk, case, "talk_booked", now=MONDAY)

    assert statements_of(desk, lambda: complete(desk, case, "brief_info", now=MONDAY)) <= 8


def test_the_number_of_statements_does_not_grow_with_the_history_of_a_case(desk: Desk) -> None:
    long, short = make_case(desk), make_case(desk)
    for turn in range(6):
        complete(desk, long, "talk_held", now=MONDAY + turn * HOUR)
        desk.do(
            service.undo_task, OFFICER, long.ref, "talk_held", "not_done", now=MONDAY + turn * HOUR
        )
    now = MONDAY + 7 * HOUR

    counts = [
        statements_of(desk, lambda case=case: complete(desk, case, "talk_held", now=now))
        for case in (long, short)
    ]

    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("verb", "most"),
    [
        (lambda tx, ref: service.answer_offer(tx, NURSE, ref, "declined", now=MONDAY), 11),
        (lambda tx, ref: service.record_consent(tx, NURSE, ref, "sms", given=True, now=MONDAY), 9),
        (
            lambda tx, ref: release.set_release_date(
                tx, COORDINATOR, ref, date(2026, 10, 1), kind="confirmed", now=MONDAY
            ),
            11,
        ),
        (lambda tx, ref: release.release(tx, OFFICER, ref, now=MONDAY), 11),
        (lambda tx, ref: release.close(tx, COORDINATOR, ref, "died", now=MONDAY), 8),
        (lambda tx, ref: transfers.propose_transfer(tx, COORDINATOR, ref, "b", now=MONDAY), 9),
        (
            lambda tx, ref: service.complete_task(
                tx, NURSE, ref, TaskDone("intake_talk"), now=MONDAY
            ),
            8,
        ),
    ],
    ids=["answer", "consent", "date", "release", "close", "propose", "intake"],
)
def test_each_verb_stays_within_its_number_of_statements(desk: Desk, verb: Any, most: int) -> None:
    case = make_case(desk)
    desk.do(verb, make_case(desk).ref)  # what is asked once per connection is asked here

    assert statements_of(desk, lambda: desk.do(verb, case.ref)) <= most


# --- persons ------------------------------------------------------------------------------------


def test_an_inmate_number_leads_to_the_newest_case_whatever_its_spelling(desk: Desk) -> None:
    def admit(tx: Any) -> list[str]:
        who = people.register(tx, people.NewPerson(Identity("ab 12")), now=OPENED)
        refs = []
        for month in (3, 9):
            at = oslo(f"2026-{month:02d}-01 06:00")
            admission = Admission(who.ref, who.counted_as, "a", at)
            case = service.admit(tx, OPERATOR, admission, now=at)
            refs.append(case.ref)
        return refs

    _, newest = desk.do(admit)

    for spelling in ("ab 12", "AB12", " ab12 "):
        assert desk.look(queries.newest_ref, NURSE, spelling, now=OPENED) == newest


def test_the_same_inmate_number_is_registered_once(desk: Desk) -> None:
    from sqlalchemy.exc import IntegrityError

    new = people.NewPerson(Identity("9000001"))
    desk.do(people.register, new, now=OPENED)

    with pytest.raises(IntegrityError):
        desk.do(people.register, new, now=OPENED)


def test_two_persons_with_one_identity_number_count_as_one(desk: Desk) -> None:
    number = "10828499962"
    first = desk.do(
        people.register, people.NewPerson(Identity("9000002", national_id=number)), now=OPENED
    )
    second = desk.do(
        people.register, people.NewPerson(Identity("9000003", national_id=number)), now=OPENED
    )

    assert first.ref != second.ref
    assert second.counted_as == first.counted_as == first.ref


def test_nothing_of_a_persons_identity_stands_in_the_database_in_plain(own_desk: Desk) -> None:
    desk = own_desk
    identity = Identity("9000004", "Åse", "Ødegård", date(1990, 1, 2), "10828499962")
    desk.do(people.register, people.NewPerson(identity, phone="+4740000008"), now=OPENED)

    from core.db import metadata

    with desk.db.read() as tx:
        for table in metadata.sorted_tables:
            if tx.execute(select(func.count()).select_from(table)).scalar_one():
                text = str(tx.execute(select(table)).all())
                for canary in ("9000004", "Åse", "Ødegård", "10828499962", "40000008"):
                    assert canary not in text, f"{canary} stands in {table.name}"


def test_an_appointments_details_are_sealed_for_its_person(desk: Desk) -> None:
    one, other = make_case(desk), make_case(desk)
    booked = book(desk, one, "GP", oslo("2027-01-04 10:00"), now=MONDAY)
    assert "Moen" not in booked.details

    from cases import vault
    from core.crypto import CannotDecrypt

    with desk.db.read() as tx, pytest.raises(CannotDecrypt):
        vault.unseal(tx, other.person, vault.DETAILS, booked.details)
    assert appointments.LONGEST == 200

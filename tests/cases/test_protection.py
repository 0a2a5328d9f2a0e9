"""Address protection: kode 6 is hidden from all but named users, at once and everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from cases import (
    accounts,
    attendance,
    people,
    protection,
    queries,
    release,
    roster_missing,
    service,
    sessions,
    transfers,
    views,
)
from cases.access import OPERATOR, Viewer
from cases.model import Case, Protection, TaskState
from cases.protection import protected_cases, published_cases
from cases.queries import visible_binds, visible_cases
from cases.rules import CaseNotFound
from cases.service import Admission, TaskDone
from cases.sessions import SessionNotFound
from cases.tables import access_log, case_
from cases.transfers import TransferNotFound
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from tests.cases.desk import (
    ADMIN,
    DIRECTORATE,
    OUTSIDER,
    Desk,
    answer_transfer,
    book,
    check_case,
    consent,
    findings,
    let_go,
    make_case,
    propose,
    state,
    still_to_send,
)
from tests.cases.strategies import oslo

NOW = oslo("2026-10-01 09:00")
KODE_6 = "STRENGT_FORTROLIG"


class Staff:
    """The users of unit A (and the coordinator of B) as they sign in."""

    def __init__(self, desk: Desk) -> None:
        def signed_in(username: str) -> Viewer:
            return desk.look(accounts.viewer_of, username, now=NOW)

        self.nurse = signed_in("health.a")
        self.health_lead = signed_in("health-lead.a")
        self.officer = signed_in("officer.a")
        self.coordinator = signed_in("coordinator.a")
        self.unit_lead = signed_in("unit-lead.a")
        self.coordinator_of_b = signed_in("coordinator.b")
        self.lead_of_b = signed_in("unit-lead.b")

    def __iter__(self) -> Iterator[Viewer]:
        yield from (
            self.nurse,
            self.health_lead,
            self.officer,
            self.coordinator,
            self.unit_lead,
        )


@pytest.fixture
def staff(desk: Desk) -> Staff:
    return Staff(desk)


def protect(
    desk: Desk, case: Case, to: str = KODE_6, *, viewer: Viewer = OPERATOR, now: Any = NOW
) -> Case:
    return desk.do(protection.set_protection, viewer, case.ref, to, now=now)


def name(desk: Desk, case: Case, username: str, *, viewer: Viewer = OPERATOR) -> None:
    desk.do(protection.grant, viewer, case.ref, username, now=NOW)


def sees(desk: Desk, viewer: Viewer, case: Case) -> bool:
    """Whether a viewer finds a case, asked in every way there is: all of them must agree."""
    found = {
        "list": case.ref in {each.ref for each in desk.look(_listed, viewer)},
        "ids": case.id in desk.look(queries.cases_by_ids, viewer, [case.id]),
        "condition": case.ref in desk.look(_by_condition, viewer),
    }
    identity = desk.look(people.identity_of, case.person)
    assert identity is not None
    inmate_no = identity.inmate_no
    ways: dict[str, Callable[[], object]] = {
        "ref": lambda: desk.look(queries.case_by_ref, viewer, case.ref),
        "past": lambda: desk.look(queries.case_by_ref, viewer, case.ref, past=True, now=NOW),
        "number": lambda: desk.look(queries.newest_ref, viewer, inmate_no, now=NOW),
        "update": lambda: desk.do(queries.case_for_update, viewer, case.ref),
        "view": lambda: desk.do(views.read_case, viewer, case.ref, now=NOW),
        "task": lambda: desk.do(_try, viewer, case),
    }
    for way, ask in ways.items():
        try:
            ask()
        except CaseNotFound:
            found[way] = False
        else:
            found[way] = True
    assert len(set(found.values())) == 1, f"the ways disagree: {found}"
    return found["ref"]


def _listed(tx: Any, viewer: Viewer) -> list[Any]:
    return list(queries.case_lines(tx, viewer, now=NOW))


def _by_condition(tx: Any, viewer: Viewer) -> set[str]:
    query = select(case_.c.ref).where(visible_cases(viewer))
    return set(tx.execute(query, visible_binds(viewer)).scalars())


def _try(tx: Any, viewer: Viewer, case: Case) -> None:
    """A completion that every role may try, taken back at once."""
    savepoint = tx.begin_nested()
    service.complete_task(tx, viewer, case.ref, TaskDone("brief_info"), now=NOW)
    savepoint.rollback()


# --- who sees -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kode_6", [KODE_6, "STRENGT_FORTROLIG_UTLAND"])
def test_under_kode_6_only_named_users_and_the_operator_see_the_person(
    desk: Desk, staff: Staff, kode_6: str
) -> None:
    case, other = make_case(desk), make_case(desk)
    assert all(sees(desk, viewer, case) for viewer in staff)

    protect(desk, case, kode_6)
    name(desk, case, "health.a")

    assert sees(desk, staff.nurse, case)
    assert sees(desk, OPERATOR, case)
    for viewer in staff:
        assert sees(desk, viewer, case) is (viewer == staff.nurse)
        assert sees(desk, viewer, other)


@pytest.mark.parametrize("ordinary", ["FORTROLIG", "UGRADERT"])
def test_kode_7_and_none_hide_nothing(desk: Desk, staff: Staff, ordinary: str) -> None:
    case = make_case(desk)
    protect(desk, case)
    assert not any(sees(desk, viewer, case) for viewer in staff)

    protect(desk, case, ordinary)

    assert all(sees(desk, viewer, case) for viewer in staff)
    assert not sees(desk, OUTSIDER, case)


def test_a_name_taken_off_holds_at_once_and_can_be_put_back(desk: Desk, staff: Staff) -> None:
    case = make_case(desk)
    protect(desk, case)
    name(desk, case, "officer.a", viewer=staff.unit_lead)

    desk.do(protection.revoke, staff.health_lead, case.ref, "officer.a", now=NOW)
    assert not sees(desk, staff.officer, case)
    with pytest.raises(Conflict, match="not named"):
        desk.do(protection.revoke, OPERATOR, case.ref, "officer.a", now=NOW)

    name(desk, case, "officer.a")
    assert sees(desk, staff.officer, case)


def test_being_named_opens_no_other_unit(desk: Desk, staff: Staff) -> None:
    case = make_case(desk, unit="b")
    protect(desk, case)
    name(desk, case, "coordinator.b")
    transfer = propose(desk, case, "a", now=NOW, viewer=OPERATOR)
    answer_transfer(desk, transfer, "accept", now=NOW, viewer=OPERATOR)
    name(desk, case, "coordinator.a")

    assert sees(desk, staff.coordinator, case)
    assert not sees(desk, staff.unit_lead, case)
    with pytest.raises(CaseNotFound):
        desk.look(queries.case_by_ref, staff.coordinator_of_b, case.ref)


def test_named_before_the_protection_nobody_named_loses_the_case(desk: Desk, staff: Staff) -> None:
    case = make_case(desk)
    name(desk, case, "coordinator.a", viewer=staff.unit_lead)

    protect(desk, case, viewer=staff.coordinator)

    assert sees(desk, staff.coordinator, case)
    assert not sees(desk, staff.unit_lead, case)


def test_a_later_case_of_the_same_person_is_hidden_from_its_first_moment(
    desk: Desk, staff: Staff
) -> None:
    first = make_case(desk, answer="accepted")
    protect(desk, first)
    name(desk, first, "health.a")
    desk.do(release.close, OPERATOR, first.ref, "transferred_out", now=NOW)

    again = desk.do(
        service.admit,
        OPERATOR,
        Admission(first.person, first.counted_as, "a", NOW),
        now=NOW,
    )

    assert sees(desk, staff.nurse, again)
    assert not sees(desk, staff.officer, again)


# --- who names ----------------------------------------------------------------------------------


def test_the_leads_of_the_unit_name_users_without_seeing_the_case(desk: Desk, staff: Staff) -> None:
    case = make_case(desk)
    protect(desk, case)

    for lead, username in ((staff.unit_lead, "officer.a"), (staff.health_lead, "health.a")):
        assert not sees(desk, lead, case)
        name(desk, case, username, viewer=lead)
    assert [each.username for each in desk.do(protection.named, staff.unit_lead, case.ref)] == [
        "health.a",
        "officer.a",
    ]
    with pytest.raises(Conflict, match="named already"):
        name(desk, case, "health.a", viewer=staff.unit_lead)


def test_who_may_not_name_does_not_learn_whether_a_protected_case_exists(
    desk: Desk, staff: Staff
) -> None:
    open_case, hidden = make_case(desk), make_case(desk)
    protect(desk, hidden)

    for viewer in (staff.nurse, staff.officer, staff.coordinator):
        with pytest.raises(NotAllowed):
            name(desk, open_case, "health.a", viewer=viewer)
        for ref in (hidden.ref, "nosuchref0"):
            with pytest.raises(CaseNotFound):
                desk.do(protection.grant, viewer, ref, "health.a", now=NOW)
    for viewer in (staff.lead_of_b, OUTSIDER):
        for case in (open_case, hidden):
            with pytest.raises(CaseNotFound):
                name(desk, case, "health.a", viewer=viewer)
    for viewer in (DIRECTORATE, ADMIN):
        with pytest.raises(NotAllowed) as refused:
            desk.do(protection.grant, viewer, "nosuchref0", "health.a", now=NOW)
        assert not isinstance(refused.value, NotFound)


def test_only_users_who_work_with_cases_in_that_unit_are_named(desk: Desk) -> None:
    case = make_case(desk)
    desk.do(accounts.add, "gone.a", "", "officer", ["a"], password=None, now=NOW)
    desk.do(accounts.disable, "gone.a", now=NOW)
    desk.do(accounts.add, "boss", "", "admin", [], password=None, now=NOW)

    for username in ("nobody", "health.b", "gone.a", "boss"):
        with pytest.raises(BadInput, match="works with cases in a"):
            name(desk, case, username)


def test_the_leads_are_shown_which_cases_have_nobody_named(own_desk: Desk) -> None:
    desk, staff = own_desk, Staff(own_desk)
    cared_for, forgotten, ordinary, theirs = (
        make_case(desk),
        make_case(desk),
        make_case(desk),
        make_case(desk, unit="b"),
    )
    for case in (cared_for, forgotten, theirs):
        protect(desk, case)
    name(desk, cared_for, "health.a")

    for lead in (staff.unit_lead, staff.health_lead):
        found = desk.do(protected_cases, lead, now=NOW)
        assert [(each.ref, each.named) for each in found] == [
            (forgotten.ref, 0),
            (cared_for.ref, 1),
        ]
    assert ordinary.ref not in {each.ref for each in desk.do(protected_cases, OPERATOR, now=NOW)}
    with pytest.raises(NotAllowed):
        desk.do(protected_cases, staff.officer, now=NOW)
    with desk.db.read() as tx:
        looks = tx.execute(select(access_log).where(access_log.c.verb == "protected_listed")).all()
    assert all(forgotten.ref in row.subjects for row in looks if row.scope == "a")
    assert findings(desk) == []


# --- setting it ---------------------------------------------------------------------------------


def with_message(desk: Desk) -> Case:
    case = make_case(desk, answer="accepted", phone="+4799900011")
    consent(desk, case, "sms", now=NOW)
    book(desk, case, "DENTIST", oslo("2027-01-04 10:00"), now=NOW)
    let_go(desk, case, now=oslo("2026-12-28 10:00"))
    assert len(still_to_send(desk, case)) == 1
    return case


def test_kode_6_cancels_what_waits_to_be_sent_and_its_end_wants_it_again(desk: Desk) -> None:
    case = with_message(desk)
    then = oslo("2026-12-29 09:00")

    protect(desk, case, now=then)
    assert still_to_send(desk, case) == []
    check_case(desk, case.ref, now=then)

    protect(desk, case, "FORTROLIG", now=then)
    assert still_to_send(desk, case) == [oslo("2027-01-03 14:00")]
    check_case(desk, case.ref, now=then)


def test_protection_set_on_a_new_case_reaches_the_old_one_that_is_still_followed_up(
    desk: Desk,
) -> None:
    old = with_message(desk)
    then = oslo("2026-12-29 09:00")
    new = desk.do(
        service.admit, OPERATOR, Admission(old.person, old.counted_as, "b", then), now=then
    )

    protect(desk, new, now=then)

    assert desk.case(old.ref).protection is Protection.STRICTLY_CONFIDENTIAL
    assert still_to_send(desk, old) == []


def test_setting_what_is_set_changes_nothing_and_nonsense_is_refused(desk: Desk) -> None:
    case = make_case(desk)
    protected = protect(desk, case)

    assert protect(desk, case) == protected == desk.case(case.ref)
    with pytest.raises(BadInput, match="protection"):
        protect(desk, case, "SECRET")


def test_health_staff_coordinators_and_leads_record_a_protection(desk: Desk, staff: Staff) -> None:
    case = make_case(desk)
    for viewer in (staff.nurse, staff.coordinator, staff.unit_lead, staff.health_lead):
        case = make_case(desk)
        assert protect(desk, case, viewer=viewer).protection is Protection.STRICTLY_CONFIDENTIAL
    with pytest.raises(NotAllowed):
        protect(desk, make_case(desk), viewer=staff.officer)
    with pytest.raises(CaseNotFound):
        protect(desk, make_case(desk), viewer=OUTSIDER)
    # Who is not named cannot lift it, but a lead can.
    with pytest.raises(CaseNotFound):
        protect(desk, case, "UGRADERT", viewer=staff.nurse)
    assert protect(desk, case, "UGRADERT", viewer=staff.unit_lead).protection == "UGRADERT"


# --- everywhere else ----------------------------------------------------------------------------


def test_published_tables_leave_the_person_out(own_desk: Desk) -> None:
    desk = own_desk
    case, other = make_case(desk), make_case(desk)
    protect(desk, case)

    with desk.db.read() as tx:
        published = set(tx.execute(select(case_.c.ref).where(published_cases())).scalars())
        left_out = protection.persons_left_out(tx)

    assert published == {other.ref}
    assert left_out == {case.person}


def test_a_group_session_shows_and_takes_hidden_persons_for_named_users_only(
    desk: Desk, staff: Staff
) -> None:
    hidden, shown = make_case(desk), make_case(desk)
    starts = oslo("2026-10-01 08:00")
    session = desk.do(sessions.plan_session, staff.nurse, "a", "brief_info", starts, now=NOW)
    desk.do(sessions.add_cases, staff.nurse, session.ref, [hidden.ref, shown.ref], now=NOW)
    protect(desk, hidden)
    name(desk, hidden, "health.a")

    seen = desk.do(sessions.read_session, staff.officer, session.ref, now=NOW)
    assert [each.case_ref for each in seen.attendance] == [shown.ref]
    with pytest.raises(CaseNotFound):
        desk.do(attendance.hold, staff.officer, session.ref, [hidden.ref], now=NOW)

    # The officer's list says nothing about somebody the officer cannot know of.
    desk.do(attendance.hold, staff.officer, session.ref, [shown.ref], now=NOW)
    stands = desk.look(sessions.session_of, staff.nurse, session.ref).of(hidden.ref)
    assert stands is not None
    assert stands.state == "invited"
    desk.do(attendance.correct, staff.nurse, session.ref, hidden.ref, "present", now=NOW)
    assert state(desk.case(hidden.ref), "brief_info") is TaskState.DONE
    with pytest.raises(SessionNotFound):
        desk.do(sessions.read_session, OUTSIDER, session.ref, now=NOW)


def test_a_transfer_of_a_hidden_person_is_answered_by_the_unit_lead_who_then_names(
    desk: Desk, staff: Staff
) -> None:
    case = make_case(desk)
    protect(desk, case)
    transfer = propose(desk, case, "b", now=NOW, viewer=OPERATOR)

    def shown(viewer: Viewer) -> bool:
        return case.ref in {row.ref for row in desk.look(queries.transfers_to_answer, viewer)}

    assert not shown(staff.coordinator_of_b)
    for ref in (transfer, "nosuchref0"):
        with pytest.raises(TransferNotFound):
            desk.do(transfers.answer_transfer, staff.coordinator_of_b, ref, "accept", now=NOW)
    assert shown(staff.lead_of_b)

    answer_transfer(desk, transfer, "accept", now=NOW, viewer=staff.lead_of_b)
    name(desk, case, "coordinator.b", viewer=staff.lead_of_b)

    assert sees(desk, staff.coordinator_of_b, case)
    assert not sees(desk, staff.lead_of_b, case)


def test_who_is_missing_from_a_roster_is_not_told_to_those_who_may_not_know(
    own_desk: Desk,
) -> None:
    desk, staff = own_desk, Staff(own_desk)
    case = make_case(desk)
    protect(desk, case)
    name(desk, case, "health.a")

    def missing(viewer: Viewer) -> list[str]:
        return desk.look(
            roster_missing.missing_from_roster,
            viewer,
            units={"a"},
            cases_seen=set(),
            numbers_seen=set(),
        )

    assert missing(staff.coordinator) == []
    assert len(missing(staff.nurse)) == len(missing(OPERATOR)) == 1


def test_the_view_says_which_protection_holds(desk: Desk, staff: Staff) -> None:
    case = make_case(desk, release_on=date(2026, 12, 28))
    protect(desk, case, "FORTROLIG")

    assert desk.do(views.read_case, staff.officer, case.ref, now=NOW)["protection"] == "FORTROLIG"

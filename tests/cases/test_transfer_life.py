"""All that can cross with a transfer between two units. DOMAIN sections 3 and 5."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import select

from cases import controllers, organisation, release, roster, service, transfers, views
from cases.access import OPERATOR, Viewer
from cases.model import Case, CloseReason, Phase, Role, TransferState
from cases.roster import import_roster
from cases.rules import CaseNotFound
from cases.tables import access_log, access_subject, health_answer
from cases.transfers import Proposal, list_proposals
from core.errors import Conflict, NotAllowed, Refused
from tests.cases.desk import (
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OPENED,
    RELEASE_ON,
    Desk,
    answer_transfer,
    book,
    check_case,
    complete,
    consent,
    findings,
    let_go,
    make_case,
    notices,
    oslo,
    propose,
    set_date,
    staff,
    state,
    sweep_at,
    told,
)
from tests.cases.roster_files import ReadHere, file_of, row, somebody
from tests.reports.counts import counted, number, share

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SENDER = staff(Role.COORDINATOR, "a")
RECEIVER = staff(Role.COORDINATOR, "b")
NURSE_B = staff(Role.HEALTH, "b")


def moved(desk: Desk, case: Case, to: str = "b", *, now: datetime = MONDAY) -> Case:
    """The case accepted by another unit at `now`."""
    transfer = propose(desk, case, to, now=now, viewer=OPERATOR)
    return answer_transfer(desk, transfer, "accept", now=now, viewer=OPERATOR)


def intake_answer(desk: Desk, viewer: Viewer, case: Case, *, now: datetime) -> str | None:
    """What the viewer reads as the answer of the intake talk."""
    seen = desk.do(views.read_case, viewer, case.ref, now=now)
    (talk,) = [t for s in seen["steps"] for t in s["tasks"] if t["task"] == "intake_talk"]
    assert talk["state"] == "done", "the state is nobody's secret"
    found: str | None = talk.get("answer")
    return found


# --- what waits ---------------------------------------------------------------------------------


def test_the_receiver_sees_of_a_proposed_case_its_reference_units_phase_and_date_only(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted")
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    assert [field.name for field in fields(Proposal)] == [
        "id",
        "ref",
        "from_unit",
        "to_unit",
        "proposed_at",
        "phase",
        "release_on",
    ]
    expected = Proposal(transfer, case.ref, "a", "b", MONDAY, "in_prison", RELEASE_ON)
    for viewer in (SENDER, RECEIVER, staff(Role.UNIT_LEAD, "b"), OPERATOR):
        assert desk.do(list_proposals, viewer, now=MONDAY) == [expected]
    assert desk.do(list_proposals, staff(Role.COORDINATOR, "c"), now=MONDAY) == []
    with pytest.raises(CaseNotFound):
        desk.do(views.read_case, RECEIVER, case.ref, now=MONDAY)
    for viewer in (NURSE, NURSE_B, OFFICER, Viewer("kdi", Role.DIRECTORATE)):
        with pytest.raises(NotAllowed):
            desk.do(list_proposals, viewer, now=MONDAY)

    answer_transfer(desk, transfer, "reject", now=MONDAY, viewer=RECEIVER)
    assert desk.do(list_proposals, RECEIVER, now=MONDAY) == []


def test_looking_at_the_proposals_is_logged_with_the_cases_on_the_list(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    desk.do(list_proposals, RECEIVER, now=MONDAY + HOUR)

    with desk.db.read() as tx:
        rows = tx.execute(
            select(access_log.c.actor, access_log.c.scope, access_subject.c.case_ref)
            .join(access_subject, access_subject.c.access_id == access_log.c.id)
            .where(access_log.c.verb == "transfers_listed")
        ).all()
    assert [tuple(row) for row in rows] == [(RECEIVER.account, "a", case.ref)]
    assert findings(desk) == []


def test_nobody_answers_a_new_proposal_counts_its_days_anew(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk)
    sweep_at(desk, MONDAY)
    propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    sweep_at(desk, oslo("2026-09-08 10:00"))
    propose(desk, case, "c", now=oslo("2026-09-08 11:00"), viewer=SENDER)

    said = []
    for when in ("09-09 10:59", "09-09 11:00", "09-10 10:00", "09-11 11:00", "09-21 10:00"):
        sweep_at(desk, oslo(f"2026-{when}"))
        said.append([(r.unit, r.to_role) for r in told(desk, case) if r.rung == "transfer_waiting"])

    first = [("b", "coordinator")]
    second = [*first, ("c", "coordinator")]
    assert said[:3] == [first, second, second]
    leads = {("a", "unit_lead"), ("c", "unit_lead")}
    assert (said[3][:2], set(said[3][2:])) == (second, leads)
    assert said[4] == said[3], "told once"
    assert desk.case(case.ref).unit == "a", "it never accepts itself"


# --- what crosses with it -----------------------------------------------------------------------


def test_a_release_revokes_the_proposal_in_its_own_transaction(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted")
    propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    version = desk.case(case.ref).version

    after = let_go(desk, case, now=MONDAY + HOUR)

    assert after.version == version + 1
    (transfer,) = after.transfers
    assert (transfer.state, transfer.answered_at) == (TransferState.REVOKED, MONDAY + HOUR)
    assert desk.do(list_proposals, RECEIVER, now=MONDAY + HOUR) == []
    sweep_at(desk, MONDAY + 7 * DAY)
    assert "transfer_waiting" not in [rung for _, rung, _ in notices(desk, case)]
    check_case(desk, case.ref, now=MONDAY + HOUR)


def test_a_release_typed_in_after_the_acceptance_is_recorded_by_the_unit_that_owns_the_case(
    desk: Desk,
) -> None:
    # Released at 09:00, and at 10:00 somebody accepted a transfer that was overtaken by then.
    case = make_case(desk, answer="accepted")
    moved(desk, case)

    with pytest.raises(CaseNotFound):
        let_go(desk, case, now=MONDAY + HOUR)
    after = desk.do(
        release.release,
        staff(Role.OFFICER, "b"),
        case.ref,
        now=MONDAY + HOUR,
        released_at=MONDAY - HOUR,
    )

    assert (after.released_unit, after.unit) == ("a", "b"), "released by who had the case then"
    check_case(desk, case.ref, now=MONDAY + HOUR)


@pytest.mark.parametrize("answer", ["accept", "reject", "revoke"])
def test_an_answer_that_crosses_with_another_learns_what_was_first(desk: Desk, answer: str) -> None:
    case = make_case(desk)
    transfer = propose(desk, case, "b", now=MONDAY, viewer=SENDER)
    answer_transfer(desk, transfer, "revoke", now=MONDAY, viewer=SENDER)

    with pytest.raises(Conflict, match="revoked") as refusal:
        answer_transfer(desk, transfer, answer, now=MONDAY, viewer=OPERATOR)
    assert refusal.value.current["state"] == "revoked"


def test_nobody_is_transferred_to_a_unit_that_has_closed(
    own_desk: Desk,
) -> None:
    from cases import units

    desk = own_desk
    case, other = make_case(desk), make_case(desk)
    waiting = propose(desk, other, "b", now=MONDAY, viewer=SENDER)
    desk.do(units.close_unit, OPERATOR, "b", on=date(2026, 9, 8), now=MONDAY)

    with pytest.raises(organisation.UnitClosed, match="closed"):
        propose(desk, case, "b", now=MONDAY + DAY, viewer=SENDER)
    with pytest.raises(organisation.UnitClosed):
        answer_transfer(desk, waiting, "accept", now=MONDAY + DAY, viewer=RECEIVER)
    assert desk.case(other.ref).unit == "a", "a case is never without an owner"
    after = answer_transfer(desk, waiting, "reject", now=MONDAY + DAY, viewer=RECEIVER)
    assert after.transfers[0].state is TransferState.REJECTED


def test_a_case_that_leaves_the_system_is_closed_and_nothing_of_it_waits(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted")
    propose(desk, case, "b", now=MONDAY, viewer=SENDER)

    after = desk.do(release.close, SENDER, case.ref, "transferred_out", now=MONDAY + HOUR)

    assert (after.phase, after.close_reason) == (Phase.CLOSED, CloseReason.TRANSFERRED_OUT)
    assert after.transfers[0].state is TransferState.REVOKED
    assert not [t for t in after.tasks if t.state in ("open", "prepared")]
    assert after.released_at is None, "leaving the system is no release"
    sweep_at(desk, MONDAY + 30 * DAY)
    assert notices(desk, case) == []
    check_case(desk, case.ref, now=MONDAY + HOUR)


# --- the roster ---------------------------------------------------------------------------------


class Take(Protocol):
    """A roster of one row taken in: `take("b", day=8)` says that the person is in unit B."""

    def __call__(self, unit: str, *, day: int) -> roster.ImportResult: ...


@pytest.fixture
def take(own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Take:
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    who = somebody()

    def import_row(unit: str, *, day: int) -> roster.ImportResult:
        path = file_of(tmp_path, row(who, enhet=unit))
        return import_roster(
            own_desk.db, path, OPERATOR, now=oslo(f"2026-09-{day:02} 08:00"), demo=True
        )

    return import_row


def test_after_a_rejection_the_roster_saying_the_same_again_is_unchanged(
    own_desk: Desk, take: Take
) -> None:
    desk = own_desk
    take("a", day=1)
    assert take("b", day=2).transfers_proposed == 1
    (proposal,) = desk.do(list_proposals, RECEIVER, now=oslo("2026-09-02 09:00"))
    answer_transfer(desk, proposal.id, "reject", now=oslo("2026-09-02 09:00"), viewer=RECEIVER)

    again = take("b", day=3)

    assert (again.unchanged, again.transfers_proposed) == (1, 0)
    case = desk.case(proposal.ref)
    assert [t.state for t in case.transfers] == [TransferState.REJECTED]
    # The roster takes it back, and says it once more: that is something new.
    assert take("a", day=4).transfers_proposed == 0
    assert take("b", day=5).transfers_proposed == 1
    assert [t.state for t in desk.case(proposal.ref).transfers].count(TransferState.PROPOSED) == 1
    check_case(desk, proposal.ref, now=oslo("2026-09-05 08:00"))


def test_a_third_unit_in_the_roster_replaces_the_proposal_and_the_owner_revokes_it(
    own_desk: Desk, take: Take
) -> None:
    desk = own_desk
    take("a", day=1)
    take("b", day=2)
    (proposal,) = desk.do(list_proposals, OPERATOR, now=oslo("2026-09-02 09:00"))

    take("c", day=3)
    (replaced,) = desk.do(list_proposals, OPERATOR, now=oslo("2026-09-03 09:00"))
    take("a", day=4)

    assert replaced.to_unit == "c"
    states = {t.to_unit: t.state for t in desk.case(proposal.ref).transfers}
    assert states == {"b": TransferState.REVOKED, "c": TransferState.REVOKED}
    with pytest.raises(Conflict):
        answer_transfer(desk, proposal.id, "accept", now=oslo("2026-09-04 09:00"), viewer=RECEIVER)


# --- the sending unit's own past ----------------------------------------------------------------


def test_a_consent_taken_back_after_the_transfer_hides_details_in_the_past_as_well(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    consent(desk, case, "sharing", to="health", now=OPENED + HOUR)
    book(desk, case, "GP", oslo("2026-12-29 10:00"), now=OPENED + HOUR)
    moved(desk, case)

    def kind(now: datetime) -> object:
        (seen,) = desk.do(views.read_case, SENDER, case.ref, now=now)["appointments"]
        return seen["kind"]

    assert kind(MONDAY + HOUR) == "GP"
    desk.do(
        service.record_consent,
        NURSE_B,
        case.ref,
        "sharing",
        given=False,
        now=MONDAY + 2 * HOUR,
        receiver="health",
    )
    assert kind(MONDAY + 3 * HOUR) is None


def test_a_consent_given_to_the_receiver_opens_nothing_in_the_senders_past(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    book(desk, case, "GP", oslo("2026-12-29 10:00"), now=OPENED + HOUR)
    moved(desk, case)
    desk.do(
        service.record_consent,
        NURSE_B,
        case.ref,
        "sharing",
        given=True,
        now=MONDAY + HOUR,
        receiver="health",
    )

    (past,) = desk.do(views.read_case, SENDER, case.ref, now=MONDAY + 2 * HOUR)["appointments"]
    (present,) = desk.do(views.read_case, RECEIVER, case.ref, now=MONDAY + 2 * HOUR)["appointments"]

    assert (past["kind"], present["kind"]) == (None, "GP")


def test_the_past_holds_what_was_recorded_up_to_the_acceptance_and_warns_of_nothing(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    moved(desk, case)
    desk.do(
        release.set_release_date,
        RECEIVER,
        case.ref,
        date(2026, 10, 2),
        kind="confirmed",
        now=MONDAY,
    )

    past = desk.do(views.read_case, SENDER, case.ref, now=MONDAY + HOUR)
    present = desk.do(views.read_case, RECEIVER, case.ref, now=MONDAY + HOUR)

    assert (past["release"]["on"], past["warnings"]) == (str(RELEASE_ON), [])
    assert present["release"]["on"] == "2026-10-02"
    assert present["warnings"] == ["closed_days_after_release"]
    assert [t["state"] for t in past["transfers"]] == ["accepted"]


# --- health answers -----------------------------------------------------------------------------


def with_answer(desk: Desk, **facts: str) -> Case:
    """A case with the answer of the intake talk, written by the health service of unit A."""
    case = make_case(desk, **facts)  # type: ignore[arg-type]
    return complete(desk, case, "intake_talk", now=OPENED + HOUR, answer="at_risk")


def test_in_another_municipality_the_answers_stay_behind(desk: Desk) -> None:
    case = with_answer(desk)

    moved(desk, case)

    assert intake_answer(desk, NURSE_B, case, now=MONDAY + HOUR) is None
    assert intake_answer(desk, NURSE, case, now=MONDAY + HOUR) == "at_risk"
    assert intake_answer(desk, OPERATOR, case, now=MONDAY + HOUR) == "at_risk"
    with pytest.raises(CaseNotFound):
        desk.do(views.read_case, NURSE, case.ref, now=MONDAY + 14 * DAY)


def test_within_the_municipality_its_health_service_reads_them_in_both_units(
    own_desk: Desk,
) -> None:
    desk = own_desk
    neighbour = {
        "code": "d",
        "name": "D fengsel",
        "kind": "prison",
        "region": "Øst",
        "host_municipality": "A-by",
        "cohort_year": "2016",
    }
    desk.do(organisation.import_units, [neighbour], now=OPENED)
    (service_of_a,) = desk.look(controllers.health_controllers, ["d"], MONDAY.date())
    assert service_of_a in NURSE.controllers
    nurse_d = Viewer("health-d", Role.HEALTH, frozenset({"d"}), frozenset({service_of_a}))
    case = with_answer(desk)

    moved(desk, case, "d")

    assert intake_answer(desk, nurse_d, case, now=MONDAY + HOUR) == "at_risk"


def test_the_service_that_holds_them_hands_a_copy_on_if_the_person_agreed(desk: Desk) -> None:
    case = with_answer(desk, answer="accepted")
    moved(desk, case)
    share = transfers.share_health_answers
    with pytest.raises(Refused, match="consent"):
        desk.do(share, NURSE, case.ref, now=MONDAY + HOUR)
    desk.do(
        service.record_consent,
        NURSE_B,
        case.ref,
        "sharing",
        given=True,
        now=MONDAY + HOUR,
        receiver="health",
    )

    assert desk.do(share, NURSE, case.ref, now=MONDAY + 2 * HOUR) == ["intake_talk"]

    assert intake_answer(desk, NURSE_B, case, now=MONDAY + 3 * HOUR) == "at_risk"
    assert intake_answer(desk, NURSE, case, now=MONDAY + 3 * HOUR) == "at_risk"
    with desk.db.read() as tx:
        kept = tx.execute(
            select(health_answer.c.controller_id, health_answer.c.by).where(
                health_answer.c.case_id == case.id
            )
        ).all()
        (look,) = tx.execute(
            select(access_log.c.actor, access_log.c.scope).where(
                access_log.c.case_ref == case.ref, access_log.c.verb == "health_answers_shared"
            )
        ).all()
    assert {row.controller_id for row in kept} == NURSE.controllers | NURSE_B.controllers
    assert tuple(look) == (NURSE.account, "a")
    with pytest.raises(Conflict, match="already"):
        desk.do(share, NURSE, case.ref, now=MONDAY + 3 * HOUR)
    check_case(desk, case.ref, now=MONDAY + 3 * HOUR)


def test_a_consent_taken_back_keeps_further_answers_behind(desk: Desk) -> None:
    case = with_answer(desk)
    consent(desk, case, "sharing", to="health", now=OPENED + HOUR)
    consent(desk, case, "sharing", to="health", given=False, now=OPENED + 2 * HOUR)
    moved(desk, case)

    with pytest.raises(Refused, match="consent"):
        desk.do(transfers.share_health_answers, NURSE, case.ref, now=MONDAY + HOUR)
    assert intake_answer(desk, NURSE_B, case, now=MONDAY + HOUR) is None


def test_only_the_health_service_that_holds_answers_hands_them_on_and_only_for_14_days(
    desk: Desk,
) -> None:
    case = with_answer(desk)
    consent(desk, case, "sharing", to="health", now=OPENED + HOUR)
    share = transfers.share_health_answers
    with pytest.raises(Conflict, match="already"):
        desk.do(share, NURSE, case.ref, now=OPENED + 2 * HOUR)  # it is still in their unit
    moved(desk, case)

    with pytest.raises(Refused, match="holds no answer"):
        desk.do(share, NURSE_B, case.ref, now=MONDAY + HOUR)
    for viewer in (SENDER, RECEIVER, OFFICER):
        with pytest.raises(NotAllowed):
            desk.do(share, viewer, case.ref, now=MONDAY + HOUR)
    for outsider in (staff(Role.HEALTH, "c"), staff(Role.COORDINATOR, "c")):
        with pytest.raises(CaseNotFound):
            desk.do(share, outsider, case.ref, now=MONDAY + HOUR)
    with pytest.raises(CaseNotFound):
        desk.do(share, NURSE, case.ref, now=MONDAY + 14 * DAY)
    assert desk.do(share, HEALTH_LEAD, case.ref, now=MONDAY + 13 * DAY) == ["intake_talk"]


def test_an_undone_talk_takes_every_copy_of_its_answer_along(desk: Desk) -> None:
    case = with_answer(desk)
    consent(desk, case, "sharing", to="health", now=OPENED + HOUR)
    moved(desk, case)
    desk.do(transfers.share_health_answers, NURSE, case.ref, now=MONDAY)

    desk.do(service.undo_task, NURSE_B, case.ref, "intake_talk", "wrong_person", now=MONDAY)

    with desk.db.read() as tx:
        kept = select(health_answer).where(health_answer.c.case_id == case.id)
        assert tx.execute(kept).all() == []
    again = service.TaskDone("intake_talk", answer="not_at_risk")
    desk.do(service.complete_task, NURSE_B, case.ref, again, now=MONDAY + HOUR)
    assert intake_answer(desk, NURSE_B, case, now=MONDAY + 2 * HOUR) == "not_at_risk"
    assert intake_answer(desk, NURSE, case, now=MONDAY + 2 * HOUR) is None


# --- there and back within a day ----------------------------------------------------------------


def test_away_at_ten_back_at_three_and_released_at_four_is_one_case_counted_once(
    own_desk: Desk,
) -> None:
    desk = own_desk
    morning, ten, three, four = (oslo(f"2026-09-14 {hour}:00") for hour in ("08", "10", "15", "16"))
    case = with_answer(desk, answer="accepted", phone="+4740000012")
    set_date(desk, case, date(2026, 9, 14), now=oslo("2026-09-11 09:00"))
    sweep_at(desk, morning)

    out = propose(desk, case, "b", now=ten - HOUR, viewer=SENDER)
    answer_transfer(desk, out, "accept", now=ten, viewer=RECEIVER)
    sweep_at(desk, ten)
    assert intake_answer(desk, NURSE_B, case, now=ten + HOUR) is None
    # What B does while it has the case is B's, also when the case is gone again.
    brief = service.TaskDone("brief_info", form="individual")
    desk.do(service.complete_task, RECEIVER, case.ref, brief, now=ten + HOUR)
    sweep_at(desk, ten + HOUR)
    back = propose(desk, case, "a", now=three - HOUR, viewer=RECEIVER)
    answer_transfer(desk, back, "accept", now=three, viewer=SENDER)
    sweep_at(desk, three)
    let_go(desk, case, now=four)
    for late in (four, four + DAY, four + 2 * DAY):
        sweep_at(desk, late)

    after = desk.case(case.ref)
    assert [s.unit for s in after.stays] == ["a", "b", "a"]
    assert (after.admitted_unit, after.released_unit, after.unit) == ("a", "a", "a")
    assert state(after, "brief_info") == "done"
    check_case(desk, case.ref, now=four + 2 * DAY)

    rows = told(desk, case)
    ladder = [(r.task, r.rung, r.due_at) for r in rows if r.task]
    assert len(ladder) == len(set(ladder)), "no rung is told twice, in whichever unit"
    assert {r.rung for r in rows} & {"transfer_waiting"} == set()

    assert intake_answer(desk, NURSE, case, now=four + DAY) == "at_risk"
    assert intake_answer(desk, NURSE_B, case, now=four + DAY) is None
    with desk.db.write() as tx:
        figures = counted(tx, "2026-T3", four + 2 * DAY)
    for code in ("I1", "I2"):
        assert number(figures, code) == 1, "one person in the nation"
        assert [number(figures, code, unit) for unit in ("a", "b", "c")] == [1, 1, 0]
    assert share(figures, "I6") == share(figures, "I6", "a") == (1, 1)
    assert share(figures, "I6", "b") == (0, 0), "the releasing unit has the credit"
    assert share(figures, "I5", "a") == (1, 1)
    assert number(figures, "tasks_done.brief_info", "b") == 1, "the place stands apart"
    assert findings(desk) == []

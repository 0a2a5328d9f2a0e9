"""The verbs of one case: tasks, answers to the offer, consents. DOMAIN sections 2, 3 and 5."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cases import service
from cases.access import Viewer
from cases.model import Participation, Phase, Role, TaskState
from cases.rules import CaseClosed, CaseNotFound, NotYourTask, TaskNotOpen
from cases.service import TaskDone
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from tests.cases.desk import (
    ADMIN,
    ADMITTED,
    BEFORE_RELEASE,
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OPENED,
    OUTSIDER,
    OWNER_OF,
    UNIT_LEAD,
    Desk,
    answer_offer,
    book,
    check_case,
    complete,
    consent,
    due,
    let_go,
    make_case,
    oslo,
    set_date,
    staff,
    state,
    states,
    still_to_send,
    task,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

WHO_MAY = {
    "intake_talk": {NURSE, HEALTH_LEAD},
    "brief_info": {NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD},
    "naloxone_training": {NURSE, HEALTH_LEAD},
    "talk_booked": {COORDINATOR, UNIT_LEAD},
    "talk_held": {OFFICER, UNIT_LEAD},
    "requests_sent": {COORDINATOR, UNIT_LEAD},
    "card_printed": {COORDINATOR, UNIT_LEAD},
    "handed_over": {OFFICER, UNIT_LEAD},
}


# --- who completes ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", WHO_MAY)
def test_a_task_is_completed_by_its_owner_or_that_roles_lead_and_nobody_else(
    desk: Desk, code: str
) -> None:
    for viewer in (NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD):
        case = make_case(desk)
        if viewer in WHO_MAY[code]:
            after = complete(desk, case, code, viewer=viewer, now=MONDAY)
            assert task(after, code).done_by == viewer.account
            assert task(after, code).done_unit == "a"
        else:
            with pytest.raises(NotYourTask):
                complete(desk, case, code, viewer=viewer, now=MONDAY)
            assert desk.case(case.ref) == case


@pytest.mark.parametrize("code", [*OWNER_OF, "no_such_task"])
def test_another_units_case_is_not_found_whatever_the_task(desk: Desk, code: str) -> None:
    case = make_case(desk)

    with pytest.raises(CaseNotFound) as theirs:
        complete(desk, case, code, viewer=OUTSIDER, now=MONDAY)
    with pytest.raises(CaseNotFound) as nobodys:
        desk.do(service.complete_task, OUTSIDER, "nosuchref0", TaskDone(code), now=MONDAY)

    assert str(theirs.value) == str(nobodys.value)
    assert desk.case(case.ref) == case


@pytest.mark.parametrize("viewer", [DIRECTORATE, ADMIN], ids=["directorate", "admin"])
def test_roles_without_cases_are_refused_before_anything_is_looked_up(
    desk: Desk, viewer: Viewer
) -> None:
    case = make_case(desk)

    said = set()
    for ref in (case.ref, "nosuchref0"):
        with pytest.raises(NotAllowed) as refusal:
            desk.do(service.complete_task, viewer, ref, TaskDone("brief_info"), now=MONDAY)
        assert not isinstance(refusal.value, NotFound)
        said.add(str(refusal.value))

    assert len(said) == 1, "the refusal tells whether the case exists"


def test_the_wrong_role_in_the_right_unit_learns_nothing_from_a_settled_task(desk: Desk) -> None:
    case = make_case(desk, done=["naloxone_training"])

    with pytest.raises(NotYourTask):
        complete(desk, case, "naloxone_training", viewer=OFFICER, now=MONDAY)


# --- when it was done ---------------------------------------------------------------------------


def test_a_completion_keeps_when_it_happened_beside_when_it_was_recorded(desk: Desk) -> None:
    case = make_case(desk)

    after = complete(desk, case, "brief_info", now=MONDAY, at=MONDAY - 2 * DAY, form="group")

    done = task(after, "brief_info")
    assert (done.state, done.done_at, done.recorded_at) == (
        TaskState.DONE,
        MONDAY - 2 * DAY,
        MONDAY,
    )
    assert done.form == "group"
    assert not done.late_entry
    check_case(desk, case.ref, now=MONDAY)


@pytest.mark.parametrize(
    ("later", "is_late"), [(timedelta(hours=72), False), (timedelta(hours=72, seconds=1), True)]
)
def test_recorded_more_than_72_hours_later_is_a_late_entry(
    desk: Desk, later: timedelta, is_late: bool
) -> None:
    case = make_case(desk)

    after = complete(desk, case, "brief_info", now=OPENED + later, at=OPENED)

    assert task(after, "brief_info").late_entry is is_late


def test_nothing_is_done_in_the_future(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput) as refusal:
        complete(desk, case, "brief_info", now=MONDAY, at=MONDAY + timedelta(seconds=1))

    assert (refusal.value.reason, refusal.value.field) == ("in_future", "done_at")
    assert state(complete(desk, case, "brief_info", now=MONDAY, at=MONDAY), "brief_info") == "done"


def test_nothing_is_done_before_the_admission(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput) as refusal:
        complete(desk, case, "intake_talk", now=MONDAY, at=ADMITTED - timedelta(seconds=1))

    assert refusal.value.reason == "before_admission"
    after = complete(desk, case, "intake_talk", now=MONDAY, at=ADMITTED)
    assert task(after, "intake_talk").done_at == ADMITTED


@pytest.mark.parametrize("year", [1899, 2101])
def test_a_time_out_of_reach_is_a_slip_of_the_finger(desk: Desk, year: int) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput) as refusal:
        complete(desk, case, "brief_info", now=MONDAY, at=oslo(f"{year}-06-01 12:00"))

    assert refusal.value.reason == "out_of_range"


# --- what is asked for --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("brief_info", {"form": "telepathic"}),
        ("talk_booked", {"form": "group"}),
        ("talk_held", {"answer": "at_risk"}),
        ("intake_talk", {"answer": "perhaps"}),
        ("handed_over", {"answer": "at_risk"}),
        ("handed_over", {"form": "group"}),
    ],
)
def test_forms_and_answers_are_those_the_task_asks_for(
    desk: Desk, code: str, given: dict[str, str]
) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput) as refusal:
        complete(desk, case, code, now=MONDAY, **given)  # type: ignore[arg-type]

    assert refusal.value.field in given
    assert desk.case(case.ref) == case


def test_an_unknown_task_is_answered_with_those_that_exist(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput, match="card_printed"):
        desk.do(service.complete_task, NURSE, case.ref, TaskDone("card_prnted"), now=MONDAY)


def test_the_offer_is_settled_by_the_answer_itself_and_not_by_hand(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="participation"):
        complete(desk, case, "offer_answered", viewer=NURSE, now=MONDAY)
    with pytest.raises(Refused, match="participation"):
        desk.do(service.waive_task, NURSE, case.ref, "offer_answered", "absent", now=MONDAY)


def test_completing_a_task_never_moves_anothers_due_time(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    before = {each.code: each.due_at for each in case.tasks}

    for code in ("brief_info", "requests_sent", "handed_over"):
        case = complete(desk, case, code, now=MONDAY)

    assert {each.code: each.due_at for each in case.tasks} == before
    check_case(desk, case.ref, now=MONDAY)


def test_a_prepared_task_of_somebody_on_remand_can_be_done_early(desk: Desk) -> None:
    case = make_case(desk, release_on=None)
    assert state(case, "talk_held") == "prepared"

    after = complete(desk, case, "talk_held", now=MONDAY, form="individual")

    assert (state(after, "talk_held"), due(after, "talk_held")) == ("done", None)
    check_case(desk, case.ref, now=MONDAY)


# --- settled already ----------------------------------------------------------------------------


def test_completing_twice_is_answered_with_who_and_when(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "brief_info", viewer=OFFICER, now=MONDAY)

    with pytest.raises(TaskNotOpen) as conflict:
        complete(desk, case, "brief_info", viewer=COORDINATOR, now=MONDAY + HOUR)

    assert conflict.value.current["done_by"] == OFFICER.account
    assert conflict.value.current["done_at"] == "2026-09-07T10:00:00+02:00"
    assert OFFICER.account in str(conflict.value)
    assert "2026-09-07T10:00:00+02:00" in str(conflict.value)


def test_a_stale_version_is_a_conflict_with_the_present_one(desk: Desk) -> None:
    case = make_case(desk)
    newer = complete(desk, case, "brief_info", now=MONDAY)

    with pytest.raises(Conflict) as conflict:
        desk.do(
            service.complete_task,
            NURSE,
            case.ref,
            TaskDone("naloxone_training"),
            now=MONDAY,
            version=case.version,
        )

    assert conflict.value.current["version"] == newer.version
    assert state(desk.case(case.ref), "naloxone_training") == "open"


# --- waiving ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        ("done_elsewhere", True),
        ("not_relevant", False),
        ("absent", False),
        ("too_short_notice", False),
        ("refused_this_task", False),
    ],
)
def test_only_what_was_done_elsewhere_counts_as_done(desk: Desk, reason: str, counts: bool) -> None:
    case = make_case(desk)

    after = desk.do(service.waive_task, COORDINATOR, case.ref, "talk_booked", reason, now=MONDAY)

    waived = task(after, "talk_booked")
    assert (waived.state, waived.reason) == (TaskState.WAIVED, reason)
    assert waived.counts_as_done is counts
    check_case(desk, case.ref, now=MONDAY)


def test_a_waiver_needs_a_reason_that_exists_and_the_right_role(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput):
        desk.do(service.waive_task, OFFICER, case.ref, "talk_held", "he was rude", now=MONDAY)
    with pytest.raises(NotYourTask):
        desk.do(service.waive_task, NURSE, case.ref, "talk_held", "absent", now=MONDAY)
    with pytest.raises(CaseNotFound):
        desk.do(service.waive_task, OUTSIDER, case.ref, "talk_held", "absent", now=MONDAY)

    assert desk.case(case.ref) == case


def test_a_waived_task_is_settled_and_can_be_taken_back(desk: Desk) -> None:
    case = make_case(desk)
    desk.do(service.waive_task, OFFICER, case.ref, "talk_held", "absent", now=MONDAY)

    with pytest.raises(TaskNotOpen):
        complete(desk, case, "talk_held", now=MONDAY)
    after = desk.do(service.undo_task, OFFICER, case.ref, "talk_held", "wrong_person", now=MONDAY)

    assert (state(after, "talk_held"), task(after, "talk_held").reason) == ("open", None)
    assert due(after, "talk_held") == due(case, "talk_held")


# --- undoing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["wrong_person", "wrong_task", "not_done"])
def test_an_undone_task_is_open_again_with_its_due_time_and_history_shows_both(
    desk: Desk, reason: str
) -> None:
    case = make_case(desk)
    complete(desk, case, "talk_held", now=MONDAY, form="group")

    after = desk.do(service.undo_task, UNIT_LEAD, case.ref, "talk_held", reason, now=MONDAY + DAY)

    assert task(after, "talk_held") == task(case, "talk_held")
    check_case(desk, case.ref, now=MONDAY + DAY)


def test_only_what_is_settled_can_be_undone_and_only_by_its_roles(desk: Desk) -> None:
    case = make_case(desk, done=["talk_held"])

    with pytest.raises(Refused, match="nothing to undo"):
        desk.do(service.undo_task, OFFICER, case.ref, "brief_info", "not_done", now=MONDAY)
    with pytest.raises(NotYourTask):
        desk.do(service.undo_task, NURSE, case.ref, "talk_held", "not_done", now=MONDAY)
    with pytest.raises(BadInput):
        desk.do(service.undo_task, OFFICER, case.ref, "talk_held", "a mistake", now=MONDAY)
    with pytest.raises(CaseNotFound):
        desk.do(service.undo_task, OUTSIDER, case.ref, "talk_held", "not_done", now=MONDAY)

    assert state(desk.case(case.ref), "talk_held") == "done"


def test_a_task_can_be_completed_undone_and_completed_any_number_of_times(desk: Desk) -> None:
    case = make_case(desk)

    for turn in range(3):
        now = MONDAY + turn * DAY
        complete(desk, case, "intake_talk", now=now, answer="at_risk")
        desk.do(service.undo_task, NURSE, case.ref, "intake_talk", "wrong_person", now=now)
    after = complete(desk, case, "intake_talk", now=MONDAY + 3 * DAY, answer="not_at_risk")

    assert task(after, "intake_talk").done_at == MONDAY + 3 * DAY
    check_case(desk, case.ref, now=MONDAY + 3 * DAY)


def test_undoing_the_first_answer_leaves_the_offer_unanswered_and_open(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "declined", now=MONDAY)

    after = desk.do(service.undo_task, NURSE, case.ref, "offer_answered", "not_done", now=MONDAY)

    assert after.participation is Participation.NOT_ASKED
    assert state(after, "offer_answered") == "open"
    assert states(after) == {"open"}
    check_case(desk, case.ref, now=MONDAY)


def test_undoing_an_answer_restores_the_earlier_one_with_its_time_and_its_giver(
    desk: Desk,
) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "accepted", now=MONDAY, at=MONDAY - HOUR)
    lead = desk.do(service.answer_offer, HEALTH_LEAD, case.ref, "declined", now=MONDAY + DAY)
    assert lead.participation is Participation.DECLINED
    assert states(lead) == {"cancelled"}

    after = desk.do(
        service.undo_task, NURSE, case.ref, "offer_answered", "wrong_person", now=MONDAY + 2 * DAY
    )

    offer = task(after, "offer_answered")
    assert after.participation is Participation.ACCEPTED
    assert (offer.state, offer.done_at, offer.done_by) == ("done", MONDAY - HOUR, NURSE.account)
    assert states(after) == {"open"}
    assert [a.undone_at for a in after.answers] == [None, MONDAY + 2 * DAY]
    check_case(desk, case.ref, now=MONDAY + 2 * DAY)


# --- the answer to the offer --------------------------------------------------------------------


def test_answering_completes_the_offer_in_the_same_change(desk: Desk) -> None:
    case = make_case(desk)

    after = answer_offer(desk, case, "accepted", now=MONDAY, at=MONDAY - HOUR)

    assert after.participation is Participation.ACCEPTED
    assert state(after, "offer_answered") == "done"
    assert task(after, "offer_answered").done_at == MONDAY - HOUR
    assert after.version == case.version + 1


@pytest.mark.parametrize("viewer", [OFFICER, COORDINATOR, UNIT_LEAD])
def test_only_the_health_service_records_answers(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)

    with pytest.raises(NotAllowed) as refusal:
        desk.do(service.answer_offer, viewer, case.ref, "accepted", now=MONDAY)
    assert not isinstance(refusal.value, NotFound)
    with pytest.raises(CaseNotFound):
        desk.do(service.answer_offer, OUTSIDER, case.ref, "accepted", now=MONDAY)


def test_on_declined_all_steps_but_the_intake_are_cancelled(desk: Desk) -> None:
    case = make_case(desk)

    after = answer_offer(desk, case, "declined", now=MONDAY, reason="no_trust")

    assert states(after, (*BEFORE_RELEASE, "handed_over")) == {"cancelled"}
    assert state(after, "intake_talk") == "open"
    assert after.phase is Phase.IN_PRISON
    assert after.answers[-1].reason == "no_trust"
    with pytest.raises(TaskNotOpen, match="declined"):
        complete(desk, case, "brief_info", now=MONDAY)
    check_case(desk, case.ref, now=MONDAY)


def test_on_not_now_everything_waits_but_the_brief_information(desk: Desk) -> None:
    case = make_case(desk)

    after = answer_offer(desk, case, "not_now", now=MONDAY)

    assert states(after, BEFORE_RELEASE[1:]) == {"prepared"}
    assert state(after, "handed_over") == "prepared"
    assert state(after, "brief_info") == "open"
    assert due(after, "brief_info") == due(case, "brief_info")
    with pytest.raises(TaskNotOpen, match="not_now"):
        complete(desk, case, "talk_held", now=MONDAY)
    assert state(complete(desk, case, "brief_info", now=MONDAY), "brief_info") == "done"
    check_case(desk, case.ref, now=MONDAY)


def test_not_now_may_be_said_again_and_again(desk: Desk) -> None:
    case = make_case(desk, answer="not_now")

    after = answer_offer(desk, case, "not_now", now=MONDAY)

    assert [a.status for a in after.answers] == ["not_now", "not_now"]
    assert after.answers[0].until_at == MONDAY


def test_not_now_then_accepted_then_withdrawn(desk: Desk) -> None:
    case = make_case(desk)
    steps = []
    for day, said in enumerate(("not_now", "accepted", "withdrawn")):
        case = answer_offer(desk, case, said, now=MONDAY + day * DAY)
        check_case(desk, case.ref, now=MONDAY + day * DAY)
        steps.append((case.participation.value, state(case, "talk_held"), case.phase.value))

    assert steps == [
        ("not_now", "prepared", "in_prison"),
        ("accepted", "open", "in_prison"),
        ("withdrawn", "cancelled", "in_prison"),
    ]
    assert [a.until_at for a in case.answers] == [MONDAY + DAY, MONDAY + 2 * DAY, None]


def test_a_later_acceptance_opens_the_tasks_again_and_counts_as_known_from_then(
    desk: Desk,
) -> None:
    # Release 14 September, declined on the 7th, accepted on the 10th: all due times have passed.
    case = make_case(desk, release_on=date(2026, 9, 14))
    answer_offer(desk, case, "declined", now=MONDAY)
    accepted_at = oslo("2026-09-10 10:00")

    after = answer_offer(desk, case, "accepted", now=accepted_at)

    talk = task(after, "talk_held")
    assert (talk.state, talk.known_at, talk.hurried) == ("open", accepted_at, True)
    assert talk.due_at == oslo("2026-09-11 15:00")
    assert task(after, "card_printed").due_at == oslo("2026-09-11 15:00")
    assert not task(after, "card_printed").hurried
    check_case(desk, case.ref, now=accepted_at)


def test_the_same_answer_again_is_a_conflict_that_says_by_whom(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "accepted", now=MONDAY)

    with pytest.raises(Conflict, match=NURSE.account):
        answer_offer(desk, case, "accepted", now=MONDAY + HOUR)


@pytest.mark.parametrize("first", [None, "declined", "not_now"])
def test_only_somebody_who_accepted_can_withdraw(desk: Desk, first: str | None) -> None:
    case = make_case(desk, answer=first)

    with pytest.raises(Refused, match="accepted"):
        answer_offer(desk, case, "withdrawn", now=MONDAY)


def test_a_reason_belongs_to_declining_and_withdrawing_only(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="reason"):
        answer_offer(desk, case, "accepted", now=MONDAY, reason="no_time")
    with pytest.raises(BadInput):
        answer_offer(desk, case, "declined", now=MONDAY, reason="because")
    with pytest.raises(Refused):
        answer_offer(desk, case, "not_asked", now=MONDAY)


def test_an_answer_entered_late_stands_behind_one_that_was_given_after_it(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "declined", now=MONDAY)

    after = answer_offer(desk, case, "accepted", now=MONDAY + HOUR, at=MONDAY - DAY)

    assert after.participation is Participation.DECLINED
    assert states(after) == {"cancelled"}
    early = next(a for a in after.answers if a.status is Participation.ACCEPTED)
    assert early.until_at == MONDAY
    # The task is settled by the first answer, whichever is in force.
    assert task(after, "offer_answered").done_at == MONDAY - DAY
    check_case(desk, case.ref, now=MONDAY + HOUR)


def test_a_withdrawal_cannot_lie_before_the_acceptance_it_takes_back(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "accepted", now=MONDAY)

    with pytest.raises(Refused, match="accepted"):
        answer_offer(desk, case, "withdrawn", now=MONDAY + HOUR, at=MONDAY - HOUR)


def test_an_answer_in_the_future_or_before_the_admission_is_refused(desk: Desk) -> None:
    case = make_case(desk)

    for at in (MONDAY + HOUR, ADMITTED - HOUR):
        with pytest.raises(BadInput):
            answer_offer(desk, case, "accepted", now=MONDAY, at=at)


# --- consents -----------------------------------------------------------------------------------


def test_the_consent_ledger_keeps_every_row_and_the_latest_counts(desk: Desk) -> None:
    case = make_case(desk)

    consent(desk, case, "sms", now=MONDAY)
    consent(desk, case, "sms", now=MONDAY + HOUR, given=False)
    after = consent(desk, case, "sms", now=MONDAY + 2 * HOUR)

    assert [(c.purpose.value, c.given) for c in after.consents] == [
        ("sms", True),
        ("sms", False),
        ("sms", True),
    ]
    check_case(desk, case.ref, now=MONDAY + 2 * HOUR)


def test_sharing_names_its_receiver_and_the_others_have_none(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(Refused, match="receiver"):
        consent(desk, case, "sharing", now=MONDAY)
    with pytest.raises(Refused, match="receiver"):
        consent(desk, case, "sms", now=MONDAY, to="nav")
    with pytest.raises(BadInput):
        consent(desk, case, "sharing", now=MONDAY, to="the_press")
    after = consent(desk, case, "sharing", now=MONDAY, to="nav")

    assert after.consents[-1].receiver == "nav"


def test_officers_record_no_consents_and_another_unit_finds_nothing(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(NotAllowed) as refusal:
        desk.do(service.record_consent, OFFICER, case.ref, "sms", given=True, now=MONDAY)
    assert not isinstance(refusal.value, NotFound)
    with pytest.raises(CaseNotFound):
        desk.do(service.record_consent, OUTSIDER, case.ref, "sms", given=True, now=MONDAY)


def test_messages_follow_the_consent_to_the_minute(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="+4740000001")
    set_date(desk, case, date(2026, 9, 14), now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-17 10:00"), now=MONDAY)
    let_go(desk, case, now=oslo("2026-09-14 12:00"))
    now = oslo("2026-09-14 13:00")
    day_before = [oslo("2026-09-16 14:00")]

    wanted = []
    for given in (True, False, True):
        consent(desk, case, "sms", given=given, now=now)
        wanted.append(still_to_send(desk, case))
        check_case(desk, case.ref, now=now)
        now += HOUR

    assert wanted == [day_before, [], day_before]


def test_a_closed_case_takes_no_new_consent_but_a_withdrawal_always(desk: Desk) -> None:
    case = make_case(desk)
    consent(desk, case, "research", now=MONDAY)
    let_go(desk, case, now=MONDAY + DAY)

    with pytest.raises(CaseClosed):
        consent(desk, case, "sms", now=MONDAY + 2 * DAY)
    after = consent(desk, case, "research", given=False, now=MONDAY + 2 * DAY)

    assert after.consents[-1].given is False


def test_a_coordinator_of_two_units_works_in_both_and_in_no_third(desk: Desk) -> None:
    for unit in ("a", "b"):
        case = make_case(desk, unit=unit)
        after = complete(desk, case, "talk_booked", viewer=COORDINATOR, now=MONDAY)
        assert task(after, "talk_booked").done_unit == unit
    elsewhere = make_case(desk, unit="c")
    with pytest.raises(CaseNotFound):
        complete(desk, elsewhere, "talk_booked", viewer=COORDINATOR, now=MONDAY)
    nobody = staff(Role.COORDINATOR)
    with pytest.raises(CaseNotFound):
        complete(desk, elsewhere, "talk_booked", viewer=nobody, now=MONDAY)

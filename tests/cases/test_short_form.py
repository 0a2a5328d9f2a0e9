"""An unplanned release with its short form: ten minutes on one page. DOMAIN sections 3, 8, 9."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cases import short_form, views
from cases.access import Viewer
from cases.consents import consent_in_force
from cases.model import (
    AppointmentStatus,
    Case,
    ConsentPurpose,
    Participation,
    Phase,
    Receiver,
    ReleaseNotice,
    TaskState,
    UnplannedReason,
)
from cases.rules import CaseNotFound
from cases.short_form import ShortForm, suggested_call
from cases.tables import case_event, naloxone_event
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from reports.recount import recount
from reports.report import whole_report
from reports.tertial import Period
from tests.cases.desk import (
    BEFORE_RELEASE,
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    check_case,
    complete,
    consent,
    findings,
    let_go,
    make_case,
    messages,
    outcome,
    state,
    states,
    still_to_send,
    task,
)
from tests.cases.strategies import oslo

NOON = oslo("2026-09-10 12:00")
AT_TWO = oslo("2026-09-10 14:00")
CALL = oslo("2026-09-11 10:00")
HOUR = timedelta(hours=1)

WHOLE = ShortForm(
    risk_talk=True, signs_and_113=True, spray=True, short_training=True, card=True,
    call_booked_at=CALL,
)  # fmt: skip


def released(
    desk: Desk,
    case: Case,
    form: ShortForm = WHOLE,
    *,
    reason: str = "court",
    viewer: Viewer = NURSE,
    now: Any = AT_TWO,
    **more: Any,
) -> Case:
    return desk.do(short_form.release_unplanned, viewer, case.ref, reason, form, now=now, **more)


def test_the_whole_form_completes_what_was_done_and_waives_the_rest_before_the_release(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted", release_on=None)

    after = released(desk, case)

    assert (after.released_at, after.unplanned) == (AT_TWO, UnplannedReason.COURT)
    assert after.phase is Phase.FOLLOW_UP
    done = {"brief_info", "naloxone_training", "talk_held", "card_printed", "handed_over"}
    for code in done:
        assert state(after, code) is TaskState.DONE
        assert task(after, code).done_at == AT_TWO
    assert task(after, "handed_over").answer == "card_and_spray"
    assert {task(after, code).form for code in ("brief_info", "talk_held")} == {"individual"}
    for code in set(BEFORE_RELEASE) - done:
        waived = task(after, code)
        assert (waived.state, waived.reason) == (TaskState.WAIVED, "too_short_notice")
    assert not any(each.missed_at for each in after.tasks)
    assert state(after, "intake_talk") is TaskState.OPEN
    check_case(desk, case.ref, now=AT_TWO)


def test_an_empty_form_waives_everything_and_misses_nothing(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")

    after = released(desk, case, ShortForm(), reason="fine_paid")

    assert states(after, (*BEFORE_RELEASE, "handed_over")) == {"waived"}
    assert after.appointments == ()
    check_case(desk, case.ref, now=AT_TWO)


@pytest.mark.parametrize(
    ("card", "spray", "answer"),
    [
        (True, True, "card_and_spray"),
        (True, False, "card_only"),
        (False, True, "spray_only"),
        (False, False, None),
    ],
)
def test_what_was_in_the_hand_is_the_answer_of_the_handing_over(
    desk: Desk, card: bool, spray: bool, answer: str | None
) -> None:
    case = make_case(desk, answer="accepted")

    after = released(desk, case, ShortForm(card=card, spray=spray))

    handed = task(after, "handed_over")
    assert handed.answer == answer
    assert handed.state is (TaskState.DONE if answer else TaskState.WAIVED)
    with desk.db.read() as tx:
        kits = tx.execute(
            select(naloxone_event.c.quantity).where(naloxone_event.c.case_id == case.id)
        )
        assert list(kits.scalars()) == ([1] if spray else [])


def test_what_was_done_already_stays_as_it_was_recorded(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    case = complete(desk, case, "naloxone_training", now=NOON, form="group")

    after = released(desk, case, ShortForm(short_training=False))

    assert task(after, "naloxone_training") == task(case, "naloxone_training")


def test_the_form_may_have_been_gone_through_hours_before_the_gate(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")

    after = released(desk, case, ShortForm(risk_talk=True, held_at=NOON))

    assert task(after, "talk_held").done_at == NOON
    assert after.released_at == AT_TWO
    for wrong in (AT_TWO + HOUR, oslo("2026-08-01 12:00")):
        with pytest.raises(BadInput):
            released(desk, make_case(desk), ShortForm(held_at=wrong))
    with pytest.raises(BadInput, match="after the release"):
        released(desk, make_case(desk), ShortForm(held_at=AT_TWO), released_at=NOON)


# --- the call, the answer, sharing --------------------------------------------------------------


def test_the_call_is_a_confirmed_appointment_that_the_person_is_reminded_of(desk: Desk) -> None:
    case = make_case(desk, answer="accepted", phone="+4799900001")
    consent(desk, case, "sms", now=NOON)
    form = ShortForm(call_booked_at=oslo("2026-09-14 10:00"), call_phone="22 00 00 00")

    after = released(desk, case, form)

    (call,) = after.appointments
    assert (call.kind.value, call.status) == ("OTHER", AppointmentStatus.CONFIRMED)
    assert still_to_send(desk, case) == [oslo("2026-09-13 14:00")]
    shown = desk.do(views.read_case, OFFICER, case.ref, now=AT_TWO)["appointments"]
    assert [(each["with"], each["place"], each["phone"]) for each in shown] == [
        ("Kontaktperson", "Telefon", "22 00 00 00")
    ]
    assert not any("fengsel" in str(each) for each in messages(desk, case))
    outcome(desk, call, "attended", now=oslo("2026-09-14 11:00"))


def test_a_call_lies_after_the_release(desk: Desk) -> None:
    for call in (AT_TWO, NOON):
        with pytest.raises(BadInput, match="not after the release"):
            released(desk, make_case(desk), ShortForm(call_booked_at=call))


def test_the_suggested_call_is_on_the_next_working_day_at_ten() -> None:
    assert suggested_call(AT_TWO) == CALL
    assert suggested_call(oslo("2026-09-11 14:00")) == oslo("2026-09-14 10:00")
    # The day before Easter 2027: five closed days.
    assert suggested_call(oslo("2027-03-24 14:00")) == oslo("2027-03-30 10:00")


def test_yes_and_no_to_sharing_are_consents_of_their_own(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")

    after = released(desk, case, ShortForm(sharing={"health": True, "nav": False}))

    assert consent_in_force(after, ConsentPurpose.SHARING, Receiver.HEALTH) is not None
    assert consent_in_force(after, ConsentPurpose.SHARING, Receiver.NAV) is None
    assert [(row.receiver, row.given) for row in after.consents] == [
        (Receiver.HEALTH, True),
        (Receiver.NAV, False),
    ]
    with pytest.raises(BadInput):
        released(desk, make_case(desk), ShortForm(sharing={"police": True}))


def test_somebody_who_was_never_asked_can_say_yes_on_the_form(desk: Desk) -> None:
    case = make_case(desk)

    after = released(
        desk, case, ShortForm(risk_talk=True, accepted=True, held_at=NOON), viewer=NURSE
    )

    assert after.participation is Participation.ACCEPTED
    assert after.accepted_at_release
    assert after.phase is Phase.FOLLOW_UP
    assert state(after, "offer_answered") is TaskState.DONE
    check_case(desk, case.ref, now=AT_TWO)
    with pytest.raises(NotAllowed):
        released(desk, make_case(desk), ShortForm(accepted=True), viewer=OFFICER)


def test_without_an_answer_the_release_closes_the_case_and_the_form_is_still_kept(
    desk: Desk,
) -> None:
    case = make_case(desk)

    after = released(desk, case, ShortForm(risk_talk=True, card=True), viewer=OFFICER)

    assert (after.phase, after.close_reason) == (Phase.CLOSED, "not_participating")
    assert state(after, "talk_held") is TaskState.DONE
    check_case(desk, case.ref, now=AT_TWO)


@pytest.mark.parametrize("answer", ["declined", "not_now"])
def test_who_said_no_is_released_without_measures_that_the_answer_rules_out(
    desk: Desk, answer: str
) -> None:
    case = make_case(desk, answer=answer)

    with pytest.raises(Refused, match=f"talk_held.*{answer}"):
        released(desk, case, ShortForm(risk_talk=True))
    assert desk.case(case.ref) == case

    after = released(desk, case, ShortForm())
    assert after.unplanned is UnplannedReason.COURT
    assert states(after, ["talk_held", "card_printed"]) == {"cancelled"}
    check_case(desk, case.ref, now=AT_TWO)


def test_of_not_now_the_brief_information_can_still_be_given(desk: Desk) -> None:
    case = make_case(desk, answer="not_now")

    after = released(desk, case, ShortForm(signs_and_113=True))

    assert state(after, "brief_info") is TaskState.DONE


# --- typed in later -----------------------------------------------------------------------------


def test_typed_in_after_the_release_it_completes_what_was_missed_and_marks_it_unplanned(
    desk: Desk,
) -> None:
    case = make_case(desk, answer="accepted")
    case = let_go(desk, case, now=AT_TWO)
    assert state(case, "talk_held") is TaskState.MISSED
    monday = oslo("2026-09-14 09:00")

    after = released(desk, case, ShortForm(risk_talk=True, spray=True, held_at=NOON), now=monday)

    assert (after.released_at, after.unplanned) == (AT_TWO, UnplannedReason.COURT)
    assert after.release_notice is ReleaseNotice.UNPLANNED
    talk = task(after, "talk_held")
    assert (talk.state, talk.done_at, talk.recorded_at) == (TaskState.DONE, NOON, monday)
    assert talk.missed_at == AT_TWO
    # What was not done was missed, and stays a deviation.
    assert state(after, "requests_sent") is TaskState.MISSED
    assert task(after, "handed_over").answer == "spray_only"
    check_case(desk, case.ref, now=monday)


def test_a_call_that_has_been_can_be_typed_in_later(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    let_go(desk, case, now=AT_TWO)

    after = released(desk, case, now=oslo("2026-09-14 09:00"))

    (call,) = after.appointments
    assert (call.starts_at, call.confirmed_at) == (CALL, AT_TWO)
    assert still_to_send(desk, case) == []
    check_case(desk, case.ref, now=oslo("2026-09-14 09:00"))


def test_a_late_yes_on_a_late_form_brings_a_closed_case_into_follow_up(desk: Desk) -> None:
    case = make_case(desk)
    case = let_go(desk, case, now=AT_TWO)
    assert case.phase is Phase.CLOSED

    after = released(desk, case, ShortForm(card=True, accepted=True), now=AT_TWO + HOUR)

    assert after.phase is Phase.FOLLOW_UP
    assert state(after, "card_printed") is TaskState.DONE
    check_case(desk, case.ref, now=AT_TWO + HOUR)


def test_another_release_than_the_recorded_one_is_a_conflict(desk: Desk) -> None:
    case = make_case(desk, answer="accepted")
    released(desk, case, ShortForm())

    other: list[dict[str, Any]] = [{"released_at": NOON}, {"reason": "fine_paid"}]
    for again in other:
        with pytest.raises(Conflict, match="recorded already"):
            released(desk, case, ShortForm(), now=AT_TWO + HOUR, **again)
    with pytest.raises(Conflict, match="has changed"):
        released(desk, case, ShortForm(), now=AT_TWO + HOUR, version=case.version)


# --- who, and what is kept ----------------------------------------------------------------------


def test_whoever_is_on_duty_fills_in_the_form(desk: Desk) -> None:
    for viewer in (NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD):
        case = make_case(desk, answer="accepted")
        after = released(desk, case, viewer=viewer)
        assert task(after, "naloxone_training").done_by == viewer.account
    with pytest.raises(CaseNotFound):
        released(desk, make_case(desk), viewer=OUTSIDER)
    with pytest.raises(NotAllowed) as refused:
        released(desk, make_case(desk), viewer=DIRECTORATE)
    assert not isinstance(refused.value, NotFound)


def test_what_belongs_to_the_health_service_is_an_event_of_its_own(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, answer="accepted")

    released(desk, case)

    with desk.db.read() as tx:
        events = tx.execute(
            select(case_event.c.verb, case_event.c.controller, case_event.c.payload)
            .where(case_event.c.case_ref == case.ref, case_event.c.recorded_at == AT_TWO)
            .order_by(case_event.c.seq)
        ).all()
    assert [(row.verb, row.controller) for row in events] == [
        ("short_form", "health"),
        ("short_form", "correctional"),
        ("appointment_booked", "correctional"),
        ("released", "correctional"),
    ]
    assert "naloxone_training" in events[0].payload
    assert all("naloxone_training" not in row.payload for row in events[1:])
    assert findings(desk) == []


def test_a_form_that_is_refused_leaves_nothing_behind(desk: Desk) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput):
        released(desk, case, ShortForm(accepted=True, card=True, call_booked_at=NOON))

    assert desk.case(case.ref) == case


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "escape"},
        {"to": "the_moon"},
        {"released_at": AT_TWO + HOUR},
        {"released_at": oslo("2026-08-01 12:00")},
    ],
)
def test_impossible_facts_are_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        released(desk, make_case(desk), ShortForm(), **wrong)


def test_the_indicators_follow_the_form(own_desk: Desk) -> None:
    desk = own_desk
    for form in (WHOLE, ShortForm(signs_and_113=True, card=True), ShortForm()):
        released(desk, make_case(desk, answer="accepted"), form)
    period = Period.parse("2026-T3")
    later = oslo("2026-10-01 12:00")

    counted = desk.look(whole_report, period, now=later)
    again = desk.look(recount, period, later)

    for report in (counted, again):
        shares = {
            code: (report.nation[code].numerator, report.nation[code].denominator)
            for code in ("I6", "I7", "I8", "I10", "I13", "I16")
        }
        assert shares == {
            "I6": (2, 3),
            "I7": (1, 3),
            "I8": (1, 3),
            "I10": (1, 3),
            "I13": (0, 3),
            "I16": (3, 3),
        }

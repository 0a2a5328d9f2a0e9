"""Consents as a ledger, what each opens; participation as intervals. DOMAIN sections 3 and 5."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from sqlalchemy import select

from cases import service, views
from cases.access import OPERATOR
from cases.consents import (
    OPENS,
    SHARED_WITH,
    TEXT_VERSION,
    Opens,
    consent_in_force,
    keeper_of,
    sees_details,
)
from cases.history import events_of, fold_case
from cases.model import (
    AppointmentKind,
    Case,
    Consent,
    ConsentHow,
    ConsentPurpose,
    Participation,
    Receiver,
    Role,
    answers_in_order,
)
from cases.standing import participation_at, participation_intervals
from cases.tables import consent as consent_table
from core.errors import BadInput
from tests.cases import strategies
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OFFICER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    answer_transfer,
    book,
    check_case,
    consent,
    let_go,
    make_case,
    oslo,
    propose,
    staff,
)

MONDAY = oslo("2026-09-07 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ALL = [
    ("sms", None),
    ("research", None),
    ("sharing", "health"),
    ("sharing", "nav"),
    ("sharing", "municipality"),
]


# --- the ledger ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("purpose", "receiver"), ALL)
@pytest.mark.parametrize("how", ["oral", "written", "digital"])
def test_a_row_says_to_whom_for_what_by_which_text_and_how(
    desk: Desk, purpose: str, receiver: str | None, how: str
) -> None:
    case = make_case(desk)

    after = desk.do(
        service.record_consent,
        NURSE,
        case.ref,
        purpose,
        given=True,
        now=MONDAY,
        receiver=receiver,
        happened_at=MONDAY - HOUR,
        how=how,
        language="polsk",
        text_version="consent-2",
    )

    (row,) = after.consents
    (health_service,) = NURSE.controllers
    assert row == Consent(
        seq=1,
        purpose=ConsentPurpose(purpose),
        receiver=Receiver(receiver) if receiver else None,
        given=True,
        happened_at=MONDAY - HOUR,
        recorded_at=MONDAY,
        by=NURSE.account,
        controller_id=health_service,
        language="pl",
        text_version="consent-2",
        how=ConsentHow(how),
    )
    assert desk.case(case.ref).consents == (row,)
    check_case(desk, case.ref, now=MONDAY)


def test_what_is_not_said_is_not_made_up_but_a_yes_is_to_todays_text(desk: Desk) -> None:
    case = make_case(desk)
    consent(desk, case, "sms", now=MONDAY)
    after = consent(desk, case, "sms", given=False, now=MONDAY + HOUR)

    yes, no = after.consents
    assert (yes.language, yes.text_version, yes.how) == (case.language, TEXT_VERSION, None)
    assert (no.language, no.text_version, no.how) == (None, None, None)
    assert yes.controller_id == no.controller_id is not None


def test_the_events_carry_the_whole_row(desk: Desk) -> None:
    case = make_case(desk)
    desk.do(
        service.record_consent,
        COORDINATOR,
        case.ref,
        "sharing",
        given=True,
        now=MONDAY,
        receiver="nav",
        how="written",
    )

    with desk.db.read() as tx:
        event = list(events_of(tx, case.ref))[-1]
        folded = fold_case(tx, case.ref)
    assert folded is not None
    assert folded.consents == desk.case(case.ref).consents
    assert event.payload["consents"]["1"]["how"] == "written"
    assert event.payload["consents"]["1"]["text_version"] == TEXT_VERSION


@pytest.mark.parametrize(
    "said",
    [
        {"how": "by nodding"},
        {"language": "klingon"},
        {"text_version": " "},
        {"text_version": "x" * 65},
    ],
)
def test_what_the_ledger_cannot_hold_is_refused(desk: Desk, said: dict[str, str]) -> None:
    case = make_case(desk)

    with pytest.raises(BadInput):
        desk.do(service.record_consent, NURSE, case.ref, "sms", given=True, now=MONDAY, **said)

    assert desk.case(case.ref).consents == ()


def test_after_a_transfer_the_receiving_health_service_answers_for_new_rows(desk: Desk) -> None:
    case = make_case(desk)
    consent(desk, case, "sharing", to="nav", now=MONDAY)
    transfer = propose(desk, case, "b", now=MONDAY)
    answer_transfer(desk, transfer, "accept", now=MONDAY)
    nurse_b = staff(Role.HEALTH, "b")

    after = desk.do(service.record_consent, nurse_b, case.ref, "sms", given=True, now=MONDAY + HOUR)

    assert [{row.controller_id} for row in after.consents] == [
        NURSE.controllers,
        nurse_b.controllers,
    ]
    coordinator_b = staff(Role.COORDINATOR, "b")
    assert sees_details(coordinator_b, after, AppointmentKind.NAV), "it follows the person"


def test_the_view_names_the_controller_and_the_way_and_never_an_inner_number(desk: Desk) -> None:
    case = make_case(desk)
    desk.do(service.record_consent, NURSE, case.ref, "sms", given=True, now=MONDAY, how="digital")

    (seen,) = desk.do(views.read_case, COORDINATOR, case.ref, now=MONDAY)["consents"]

    assert seen == {
        "purpose": "sms",
        "to": None,
        "given": True,
        "happened_at": "2026-09-07T10:00:00+02:00",
        "recorded_at": "2026-09-07T10:00:00+02:00",
        "by": NURSE.account,
        "controller": "A-by kommune, helsetjenesten",
        "language": "nb",
        "text_version": TEXT_VERSION,
        "how": "digital",
    }
    assert "consents" not in desk.do(views.read_case, OFFICER, case.ref, now=MONDAY)


def test_the_database_keeps_every_row_and_refuses_a_way_it_does_not_know(desk: Desk) -> None:
    from sqlalchemy.exc import DatabaseError

    case = make_case(desk)
    for given_ in (True, False, True):
        consent(desk, case, "research", given=given_, now=MONDAY)

    with desk.db.read() as tx:
        rows = tx.execute(
            select(consent_table.c.given)
            .where(consent_table.c.case_id == case.id)
            .order_by(consent_table.c.seq)
        )
        assert list(rows.scalars()) == [True, False, True]
    for change in ({"given": False}, {"how": "telepathic"}):
        with pytest.raises(DatabaseError), desk.db.write() as tx:
            tx.execute(
                consent_table.update().where(consent_table.c.case_id == case.id).values(change)
            )


# --- what each opens ----------------------------------------------------------------------------


def test_every_consent_has_its_line_in_the_table_and_no_kind_is_opened_twice() -> None:
    assert set(OPENS) == {
        (ConsentPurpose(purpose), Receiver(receiver) if receiver else None)
        for purpose, receiver in ALL
    }
    opened = [kind for opens in OPENS.values() for kind in opens.details]
    assert len(opened) == len(set(opened))
    assert set(opened) == set(SHARED_WITH)
    assert Opens() not in OPENS.values(), "a consent that opens nothing should not be asked for"
    assert [key for key, opens in OPENS.items() if opens.reminders] == [(ConsentPurpose.SMS, None)]
    assert [key for key, opens in OPENS.items() if opens.research] == [
        (ConsentPurpose.RESEARCH, None)
    ]


@pytest.mark.parametrize("agreed", list(itertools.product([False, True], repeat=3)))
def test_each_receiver_opens_its_own_kinds_to_coordinators_and_none_to_officers_or_leads(
    agreed: tuple[bool, bool, bool],
) -> None:
    case = strategies.make_case("2026-09-01 06:00")
    receivers = (Receiver.HEALTH, Receiver.NAV, Receiver.MUNICIPALITY)
    case = replace(
        case,
        consents=tuple(
            Consent(seq, ConsentPurpose.SHARING, receiver, given_, MONDAY, MONDAY, "nurse")
            for seq, (receiver, given_) in enumerate(zip(receivers, agreed, strict=True), start=1)
        ),
    )
    yes = {receiver for receiver, given_ in zip(receivers, agreed, strict=True) if given_}

    for kind in AppointmentKind:
        needs = SHARED_WITH.get(kind)
        known = needs is None or needs in yes
        assert sees_details(COORDINATOR, case, kind) is known
        for viewer in (OFFICER, UNIT_LEAD):
            assert sees_details(viewer, case, kind) is (needs is None)
        for viewer in (NURSE, OPERATOR):
            assert sees_details(viewer, case, kind)
        assert keeper_of(case, kind) is (Role.COORDINATOR if known else Role.HEALTH)


def test_a_withdrawal_hides_details_from_coordinators_at_once(desk: Desk) -> None:
    case = make_case(desk)
    book(desk, case, "NAV", oslo("2027-01-04 10:00"), now=MONDAY)
    consent(desk, case, "sharing", to="nav", now=MONDAY)

    def place() -> object:
        (seen,) = desk.do(views.read_case, COORDINATOR, case.ref, now=MONDAY)["appointments"]
        return seen["place"]

    assert place() == "Storgata 1"
    consent(desk, case, "sharing", to="nav", given=False, now=MONDAY + HOUR)
    assert place() == views.SOME_PLACE


def test_what_holds_is_the_latest_by_when_it_was_said_not_by_when_it_was_typed_in(
    desk: Desk,
) -> None:
    case = make_case(desk)
    consent(desk, case, "research", given=False, now=MONDAY)
    after = desk.do(
        service.record_consent,
        NURSE,
        case.ref,
        "research",
        given=True,
        now=MONDAY + HOUR,
        happened_at=MONDAY - HOUR,
    )

    assert consent_in_force(after, ConsentPurpose.RESEARCH) is None
    at_once = consent(desk, case, "research", now=MONDAY + HOUR)
    assert consent_in_force(at_once, ConsentPurpose.RESEARCH) == at_once.consents[-1]


# --- participation as intervals -----------------------------------------------------------------


def lasted(case: Case) -> list[tuple[str, datetime, datetime | None]]:
    return [(each.status, each.from_at, each.until_at) for each in participation_intervals(case)]


def test_every_answer_is_in_force_until_the_next_and_the_last_until_the_closing(
    desk: Desk,
) -> None:
    case = make_case(desk)
    assert lasted(case) == [("not_asked", case.admitted_at, None)]
    for day, answer in enumerate(("not_now", "not_now", "accepted", "withdrawn", "accepted")):
        case = answer_offer(desk, case, answer, now=MONDAY + day * DAY)

    assert lasted(case) == [
        ("not_asked", case.admitted_at, MONDAY),
        ("not_now", MONDAY, MONDAY + 2 * DAY),
        ("accepted", MONDAY + 2 * DAY, MONDAY + 3 * DAY),
        ("withdrawn", MONDAY + 3 * DAY, MONDAY + 4 * DAY),
        ("accepted", MONDAY + 4 * DAY, None),
    ]
    let_go(desk, case, now=MONDAY + 5 * DAY)
    closed = answer_offer(desk, case, "withdrawn", now=MONDAY + 6 * DAY)
    assert lasted(closed)[-1] == ("accepted", MONDAY + 4 * DAY, MONDAY + 6 * DAY)


def test_an_answer_that_was_undone_or_typed_in_late_stands_where_it_belongs(desk: Desk) -> None:
    case = make_case(desk)
    answer_offer(desk, case, "declined", now=MONDAY + DAY)
    case = answer_offer(desk, case, "accepted", now=MONDAY + 2 * DAY, at=MONDAY)
    assert [status for status, _, _ in lasted(case)] == ["not_asked", "accepted", "declined"]

    case = desk.do(
        service.undo_task, NURSE, case.ref, "offer_answered", "wrong_person", now=MONDAY + 3 * DAY
    )

    assert lasted(case) == [
        ("not_asked", case.admitted_at, MONDAY),
        ("accepted", MONDAY, None),
    ]


@given(case=strategies.cases())
def test_the_intervals_have_no_gap_and_agree_with_the_answer_at_every_change(case: Case) -> None:
    found = participation_intervals(case)

    assert found[0].from_at == case.admitted_at
    assert found[-1].until_at is None
    for this, following in itertools.pairwise(found):
        assert this.until_at == following.from_at
        assert this.status is not following.status
    for each in found:
        assert participation_at(case.answers, each.from_at) is each.status
        assert sum(other.holds_at(each.from_at) for other in found) == 1


@given(case=strategies.cases(), instant=strategies.INSTANTS)
def test_a_closing_cuts_the_intervals_and_nothing_is_in_force_after_it(
    case: Case, instant: datetime
) -> None:
    closed_at = max(instant, case.admitted_at + HOUR)
    found = participation_intervals(replace(case, closed_at=closed_at))

    assert found[-1].until_at == closed_at
    assert not any(each.holds_at(closed_at) for each in found)
    just_before = closed_at - timedelta(seconds=1)
    (there,) = [each for each in found if each.holds_at(just_before)]
    assert there.status is participation_at(case.answers, just_before)


def test_an_answer_replaced_in_its_own_instant_was_never_in_force() -> None:
    case = strategies.make_case(
        MONDAY - DAY,
        answers=[("declined", MONDAY, MONDAY), ("accepted", MONDAY, MONDAY + HOUR)],
    )

    assert [a.status for a in answers_in_order(case.answers)] == ["declined", "accepted"]
    assert lasted(case) == [
        ("not_asked", MONDAY - DAY, MONDAY),
        (Participation.ACCEPTED, MONDAY, None),
    ]

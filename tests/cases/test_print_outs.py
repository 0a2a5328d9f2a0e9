"""From cases to cards: what each role prints, what a reprint tells, what a calendar takes over."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import icalendar
import pytest
from sqlalchemy import select

from cases import appointments, print_outs, release
from cases.access import OPERATOR, Viewer
from cases.model import Case
from cases.rules import CaseClosed, CaseNotFound
from cases.tables import access_log
from core.errors import NotAllowed, NotFound
from forms.card import Mark, TimeInHand
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    NURSE,
    OFFICER,
    OUTSIDER,
    RELEASE_ON,
    UNIT_LEAD,
    Desk,
    book,
    consent,
    make_case,
    oslo,
    outcome,
)

NOW = oslo("2026-12-01 10:00")
GP_AT = oslo("2026-12-29 10:00")
NAV_AT = oslo("2026-12-30 09:00")
DAY = timedelta(days=1)

NATIONAL = "22 00 00 00"


def a_case(desk: Desk) -> Case:
    case = make_case(desk, release_on=RELEASE_ON)
    book(desk, case, "GP", GP_AT, now=NOW - DAY)
    book(desk, case, "PROBATION", NAV_AT, now=NOW - DAY)
    return case


def printed(desk: Desk, viewer: Viewer, case: Case, **more: object) -> TimeInHand:
    return desk.do(
        print_outs.time_in_hand, viewer, case.ref, **({"now": NOW, "national": NATIONAL} | more)
    )


@pytest.mark.parametrize(
    ("viewer", "shared", "sees"),
    [
        (NURSE, False, True),
        (OPERATOR, False, True),
        (COORDINATOR, False, False),
        (COORDINATOR, True, True),
        (UNIT_LEAD, False, False),
        (UNIT_LEAD, True, False),
        (OFFICER, False, False),
        (OFFICER, True, False),
    ],
    ids=lambda each: each.account if isinstance(each, Viewer) else str(each),
)
def test_without_a_sharing_consent_correctional_staff_print_a_time_and_a_generic_place(
    desk: Desk, viewer: Viewer, shared: bool, sees: bool
) -> None:
    case = a_case(desk)
    if shared:
        consent(desk, case, "sharing", to="health", now=NOW - DAY)

    gp, other = printed(desk, viewer, case).appointments

    assert gp.entry.starts_at == GP_AT
    assert (gp.whom, gp.place) == (("Dr. Moen", "Storgata 1") if sees else (None, None))
    assert other.whom == "Dr. Moen", "what tells nothing is everybody's"


def test_another_unit_prints_nothing_and_roles_without_cases_are_refused_first(desk: Desk) -> None:
    case = a_case(desk)

    own_number = partial(print_outs.time_in_hand, national=NATIONAL)
    for verb in (own_number, print_outs.overdose, print_outs.calendar_file):
        with pytest.raises(CaseNotFound):
            desk.do(verb, OUTSIDER, case.ref, now=NOW)
        for viewer in (DIRECTORATE, ADMIN):
            with pytest.raises(NotAllowed):
                desk.do(verb, viewer, "no-such-case", now=NOW)
    with pytest.raises(NotFound):
        desk.do(print_outs.cards_of_releases, OUTSIDER, "a", RELEASE_ON, now=NOW, national=NATIONAL)


def test_every_print_is_in_the_access_log(desk: Desk) -> None:
    case = a_case(desk)

    printed(desk, OFFICER, case)
    desk.do(print_outs.overdose, NURSE, case.ref, now=NOW)
    desk.do(print_outs.calendar_file, NURSE, case.ref, now=NOW)

    logged = desk.look(
        lambda tx: tx.execute(
            select(access_log.c.actor, access_log.c.verb)
            .where(access_log.c.case_ref == case.ref)
            .order_by(access_log.c.id)
        ).all()
    )
    assert [tuple(row) for row in logged][-3:] == [
        ("officer-a", "time_in_hand_printed"),
        ("health-a", "overdose_printed"),
        ("health-a", "calendar_read"),
    ]


def test_only_confirmed_appointments_that_lie_ahead_are_promised(desk: Desk) -> None:
    case = a_case(desk)
    book(desk, case, "NAV", NAV_AT + DAY, now=NOW, status="requested")

    assert [each.entry.starts_at for each in printed(desk, NURSE, case).appointments] == [
        GP_AT,
        NAV_AT,
    ]
    assert printed(desk, NURSE, case, now=NAV_AT + DAY).appointments == ()


def test_a_ninth_appointment_is_told_and_not_printed(desk: Desk) -> None:
    case = a_case(desk)
    for more in range(1, 9):
        book(desk, case, "OTHER", NAV_AT + more * timedelta(hours=1), now=NOW)

    card = printed(desk, NURSE, case)

    assert len(card.appointments) == 8
    assert card.more == 2


def test_a_reprint_marks_what_is_new_moved_and_gone(desk: Desk) -> None:
    case = a_case(desk)
    gone = book(desk, case, "OTHER", NAV_AT + DAY, now=NOW - DAY)
    first = printed(desk, NURSE, case)
    assert {each.mark for each in first.appointments} == {Mark.SAME}
    assert (first.number, first.earlier_at) == (1, None)

    gp = next(each for each in desk.case(case.ref).appointments if each.starts_at == GP_AT)
    desk.do(appointments.move, NURSE, gp.id, GP_AT + DAY, now=NOW + DAY)
    outcome(desk, gone, "cancelled", now=NOW + DAY)
    book(desk, case, "NAV", NAV_AT + 2 * DAY, now=NOW + DAY)

    again = printed(desk, NURSE, case, now=NOW + 2 * DAY)

    marks = {each.entry.starts_at: each.mark for each in again.appointments}
    assert marks == {
        NAV_AT: Mark.SAME,
        GP_AT + DAY: Mark.CHANGED,
        NAV_AT + 2 * DAY: Mark.NEW,
    }
    assert again.gone == (GP_AT, NAV_AT + DAY)
    assert (again.number, again.earlier_at) == (2, NOW)


def test_a_card_that_hides_where_to_go_does_not_say_that_it_replaces_one(desk: Desk) -> None:
    case = a_case(desk)
    printed(desk, NURSE, case)

    hiding = printed(desk, OFFICER, case, now=NOW + DAY)
    whole = printed(desk, NURSE, case, now=NOW + 2 * DAY)

    assert (hiding.number, hiding.earlier_at) == (2, None)
    assert (whole.number, whole.earlier_at) == (3, NOW + DAY)


def test_a_card_that_hides_where_to_go_makes_no_card_of_the_health_service_new(desk: Desk) -> None:
    case = a_case(desk)
    printed(desk, OFFICER, case)

    def in_force() -> datetime | None:
        return desk.look(print_outs.card_in_force, desk.case(case.ref))

    assert in_force() == NOW, "the only one there is"
    printed(desk, NURSE, case, now=NOW + DAY)
    gp = next(each for each in desk.case(case.ref).appointments if each.starts_at == GP_AT)
    desk.do(appointments.move, NURSE, gp.id, GP_AT + DAY, now=NOW + 2 * DAY)
    printed(desk, OFFICER, case, now=NOW + 3 * DAY)

    assert in_force() == NOW + DAY
    assert print_outs.is_outdated(desk.case(case.ref), NOW + DAY, now=NOW + 3 * DAY)
    printed(desk, NURSE, case, now=NOW + 4 * DAY)
    assert in_force() == NOW + 4 * DAY


def test_the_card_of_an_officer_that_hides_nothing_is_as_good_as_any(desk: Desk) -> None:
    case = make_case(desk, release_on=RELEASE_ON)
    book(desk, case, "PROBATION", NAV_AT, now=NOW - DAY)
    printed(desk, NURSE, case)
    printed(desk, OFFICER, case, now=NOW + DAY)

    assert desk.look(print_outs.card_in_force, desk.case(case.ref)) == NOW + DAY


def test_what_an_officer_may_not_know_does_not_show_as_a_change(desk: Desk) -> None:
    case = a_case(desk)
    printed(desk, NURSE, case)

    again = printed(desk, OFFICER, case, now=NOW + DAY)

    assert {each.mark for each in again.appointments} == {Mark.SAME}


def test_the_card_says_how_messages_stop_where_there_are_any_and_always_for_an_officer(
    desk: Desk,
) -> None:
    case = a_case(desk)
    assert not printed(desk, NURSE, case).sms
    assert printed(desk, OFFICER, case).sms, "its absence would tell of a no"

    consent(desk, case, "sms", now=NOW)

    assert printed(desk, NURSE, case).sms


def test_a_closed_case_has_no_card(desk: Desk) -> None:
    case = a_case(desk)
    desk.do(release.close, COORDINATOR, case.ref, "died", now=NOW)

    with pytest.raises(CaseClosed):
        printed(desk, NURSE, case)


def test_the_cards_of_a_days_releases_are_those_of_the_unit_and_no_other(desk: Desk) -> None:
    day = RELEASE_ON - 30 * DAY
    mine = {make_case(desk, release_on=day).ref for _ in range(2)}
    make_case(desk, release_on=day, unit="c")
    make_case(desk, release_on=day + DAY)

    cards = desk.do(
        print_outs.cards_of_releases, COORDINATOR, "a", day, now=NOW - 10 * DAY, national=NATIONAL
    )

    assert len(cards) == len(mine)
    assert [card.label for card in cards] == sorted(card.label for card in cards)
    assert (
        desk.do(
            print_outs.cards_of_releases,
            COORDINATOR,
            "b",
            day,
            now=NOW - 10 * DAY,
            national=NATIONAL,
        )
        == []
    )


def test_a_calendar_changes_the_entry_it_has_and_drops_what_is_called_off(desk: Desk) -> None:
    case = a_case(desk)

    def events(now: object) -> dict[str, Any]:
        body = desk.do(print_outs.calendar_file, NURSE, case.ref, now=now)
        return {str(e["uid"]): e for e in icalendar.Calendar.from_ical(body).walk("VEVENT")}

    before = events(NOW)
    gp = next(each for each in desk.case(case.ref).appointments if each.starts_at == GP_AT)
    moved = desk.do(appointments.move, NURSE, gp.id, GP_AT + DAY, now=NOW + DAY)
    after = events(NOW + DAY)

    assert before.keys() == after.keys()
    assert after[gp.id].decoded("dtstart") == GP_AT + DAY
    assert int(after[gp.id]["sequence"]) > int(before[gp.id]["sequence"])

    last = next(each for each in moved.appointments if each.moved_from == gp.id)
    outcome(desk, last, "cancelled", now=NOW + 2 * DAY)
    called_off = events(NOW + 2 * DAY)[gp.id]
    assert str(called_off["status"]) == "CANCELLED"
    assert int(called_off["sequence"]) > int(after[gp.id]["sequence"])
    assert "Moen" not in str(called_off.to_ical())

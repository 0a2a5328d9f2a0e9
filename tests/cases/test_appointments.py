"""Appointments in their plain form, and what `appointments_confirmed` asks. DOMAIN 5 and 7."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cases import appointments, release, service, views
from cases.access import Viewer
from cases.appointments import AppointmentNotFound, Booking
from cases.model import AppointmentKind, AppointmentStatus, Role
from cases.rules import CaseClosed, CaseNotFound
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from notifications.message import MessageState
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    DIRECTORATE,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    answer_offer,
    book,
    check_case,
    complete,
    consent,
    let_go,
    make_case,
    messages,
    oslo,
    outcome,
    set_date,
    staff,
    state,
    still_to_send,
)

MONDAY = oslo("2026-09-07 10:00")
FRIDAY = oslo("2026-09-18 12:00")
R = date(2026, 9, 18)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TELLING = {
    "GP": "health",
    "OAT": "health",
    "SPECIALIST_ADDICTION": "health",
    "MUNICIPAL_ADDICTION": "health",
    "DENTIST": "health",
    "NALOXONE_OUTLET": "health",
    "NAV": "nav",
    "HOUSING": "municipality",
}
"""Kinds that tell something, and the receiver the person must have agreed to share with."""
PLAIN = sorted(set(AppointmentKind) - set(TELLING))


# --- the requirement ----------------------------------------------------------------------------


@pytest.mark.parametrize("health", ["GP", "OAT", "SPECIALIST_ADDICTION", "MUNICIPAL_ADDICTION"])
@pytest.mark.parametrize("other", ["NAV", "HOUSING"])
def test_one_health_and_one_nav_or_municipality_appointment_fulfil_the_requirement(
    desk: Desk, health: str, other: str
) -> None:
    case = make_case(desk, release_on=R)
    book(desk, case, health, oslo("2026-09-18 13:00"), now=MONDAY)
    book(desk, case, other, oslo("2026-09-25 23:59"), now=MONDAY)

    after = complete(desk, case, "appointments_confirmed", now=MONDAY)

    assert state(after, "appointments_confirmed") == "done"


@pytest.mark.parametrize(
    ("first", "second", "missing"),
    [
        (("GP", "2026-09-21 10:00", "confirmed"), None, "NAV"),
        (None, ("NAV", "2026-09-21 10:00", "confirmed"), "health"),
        (
            ("GP", "2026-09-21 10:00", "requested"),
            ("NAV", "2026-09-21 10:00", "confirmed"),
            "health",
        ),
        (("GP", "2026-09-21 10:00", "confirmed"), ("NAV", "2026-09-26 00:00", "confirmed"), "NAV"),
        (
            ("DENTIST", "2026-09-21 10:00", "confirmed"),
            ("NAV", "2026-09-21 10:00", "confirmed"),
            "health",
        ),
        (
            ("GP", "2026-09-21 10:00", "confirmed"),
            ("PROBATION", "2026-09-21 10:00", "confirmed"),
            "NAV",
        ),
    ],
)
def test_what_is_missing_is_said_and_the_task_can_be_waived_instead(
    desk: Desk,
    first: tuple[str, str, str] | None,
    second: tuple[str, str, str] | None,
    missing: str,
) -> None:
    case = make_case(desk, release_on=R)
    for booking in (first, second):
        if booking is not None:
            kind, starts, status = booking
            book(desk, case, kind, oslo(starts), status=status, now=MONDAY)

    with pytest.raises(Refused, match=missing):
        complete(desk, case, "appointments_confirmed", now=MONDAY)
    after = desk.do(
        service.waive_task,
        COORDINATOR,
        case.ref,
        "appointments_confirmed",
        "too_short_notice",
        now=MONDAY,
    )

    assert state(after, "appointments_confirmed") == "waived"


def test_a_cancelled_or_moved_appointment_no_longer_fulfils_the_requirement(desk: Desk) -> None:
    for ending in ("cancelled", "moved"):
        case = make_case(desk, release_on=R)
        gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
        book(desk, case, "NAV", oslo("2026-09-21 10:00"), now=MONDAY)
        outcome(desk, gp, ending, now=MONDAY)

        with pytest.raises(Refused, match="health"):
            complete(desk, case, "appointments_confirmed", now=MONDAY)


def test_without_a_release_date_nothing_can_be_confirmed_for_it(desk: Desk) -> None:
    case = make_case(desk, release_on=None)
    book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    book(desk, case, "NAV", oslo("2026-09-21 10:00"), now=MONDAY)

    with pytest.raises(Refused, match="release date"):
        complete(desk, case, "appointments_confirmed", now=MONDAY)
    set_date(desk, case, R, now=MONDAY)

    assert state(complete(desk, case, "appointments_confirmed", now=MONDAY), "talk_held") == "open"


def test_a_missed_requirement_is_met_late_by_what_was_confirmed_before_the_release(
    desk: Desk,
) -> None:
    case = make_case(desk, release_on=R, answer="accepted")
    for kind in ("GP", "NAV"):
        book(desk, case, kind, oslo("2026-09-21 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)

    after = complete(desk, case, "appointments_confirmed", now=FRIDAY + DAY, at=FRIDAY - DAY)

    assert state(after, "appointments_confirmed") == "done"
    check_case(desk, case.ref, now=FRIDAY + DAY)


# --- booking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TELLING)
def test_what_tells_something_is_booked_by_health_staff_unless_the_person_agreed_to_share(
    desk: Desk, kind: str
) -> None:
    case = make_case(desk)
    starts = oslo("2027-01-04 10:00")
    with pytest.raises(NotAllowed) as refusal:
        book(desk, case, kind, starts, viewer=COORDINATOR, now=MONDAY)
    assert not isinstance(refusal.value, NotFound)
    others = {"health", "nav", "municipality"} - {TELLING[kind]}
    for receiver in others:
        consent(desk, case, "sharing", to=receiver, now=MONDAY)
    with pytest.raises(NotAllowed):
        book(desk, case, kind, starts, viewer=COORDINATOR, now=MONDAY)

    consent(desk, case, "sharing", to=TELLING[kind], now=MONDAY)
    booked = book(desk, case, kind, starts, viewer=COORDINATOR, now=MONDAY)

    assert booked.by == COORDINATOR.account
    check_case(desk, case.ref, now=MONDAY)


@pytest.mark.parametrize("kind", PLAIN)
def test_the_other_kinds_are_booked_by_coordinators_without_any_consent(
    desk: Desk, kind: str
) -> None:
    case = make_case(desk)

    booked = book(desk, case, kind, oslo("2027-01-04 10:00"), viewer=COORDINATOR, now=MONDAY)

    assert booked.kind == kind


@pytest.mark.parametrize("viewer", [OFFICER, DIRECTORATE, ADMIN])
def test_officers_and_roles_without_cases_book_nothing(desk: Desk, viewer: Viewer) -> None:
    case = make_case(desk)
    with pytest.raises(NotAllowed):
        book(desk, case, "OTHER", oslo("2027-01-04 10:00"), viewer=viewer, now=MONDAY)
    with pytest.raises(CaseNotFound):
        book(desk, case, "OTHER", oslo("2027-01-04 10:00"), viewer=OUTSIDER, now=MONDAY)


@pytest.mark.parametrize(
    ("starts", "refusal"),
    [
        ("2026-09-07 10:00", BadInput),
        ("2026-09-06 10:00", BadInput),
        ("2026-09-17 23:59", Refused),
        ("2101-01-01 10:00", BadInput),
    ],
)
def test_an_appointment_lies_in_the_future_and_not_before_the_release(
    desk: Desk, starts: str, refusal: type[Exception]
) -> None:
    case = make_case(desk, release_on=R)

    with pytest.raises(refusal):
        book(desk, case, "GP", oslo(starts), now=MONDAY)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "HAIRDRESSER"},
        {"status": "attended"},
        {"status": "perhaps"},
        {"with_whom": " \n\t "},
        {"place": ""},
        {"place": "x" * 201},
    ],
)
def test_a_booking_that_a_card_could_not_show_is_refused(
    desk: Desk, change: dict[str, str]
) -> None:
    case = make_case(desk)
    fields = {
        "kind": "GP",
        "starts_at": oslo("2027-01-04 10:00"),
        "with_whom": "Dr. Moen",
        "place": "Storgata 1",
    } | change

    with pytest.raises(BadInput):
        desk.do(appointments.book, NURSE, case.ref, Booking(**fields), now=MONDAY)  # type: ignore[arg-type]

    assert desk.case(case.ref) == case


def test_line_breaks_and_control_characters_never_reach_a_card(desk: Desk) -> None:
    case = make_case(desk)
    booking = Booking("GP", oslo("2027-01-04 10:00"), "Dr.\nMoen\x07", "Storgata\t1", "22\r225555")
    desk.do(appointments.book, NURSE, case.ref, booking, now=MONDAY)

    (shown,) = desk.do(views.read_case, NURSE, case.ref, now=MONDAY)["appointments"]

    assert (shown["with"], shown["place"], shown["phone"]) == (
        "Dr. Moen",
        "Storgata 1",
        "22 225555",
    )


# --- what a viewer sees of one ------------------------------------------------------------------


@pytest.mark.parametrize("kind", TELLING)
def test_coordinators_see_a_time_and_a_generic_place_until_the_person_agrees_to_share(
    desk: Desk, kind: str
) -> None:
    case = make_case(desk)
    booked = book(desk, case, kind, oslo("2027-01-04 10:00"), now=MONDAY)

    def shown(viewer: Viewer) -> views.View:
        (only,) = desk.do(views.read_case, viewer, case.ref, now=MONDAY)["appointments"]
        found: views.View = only
        return found

    for viewer in (COORDINATOR, UNIT_LEAD, OFFICER):
        seen = shown(viewer)
        assert (seen["kind"], seen["with"], seen["place"]) == (None, None, views.SOME_PLACE)
        assert seen["starts_at"] == "2027-01-04T10:00:00+01:00"
    consent(desk, case, "sharing", to=TELLING[kind], now=MONDAY)
    assert (shown(COORDINATOR)["kind"], shown(COORDINATOR)["with"]) == (kind, "Dr. Moen")
    for viewer in (OFFICER, UNIT_LEAD):
        assert shown(viewer)["kind"] is None, "officers, and who leads a unit, never see it"
    consent(desk, case, "sharing", to=TELLING[kind], given=False, now=MONDAY + HOUR)
    assert shown(COORDINATOR)["kind"] is None
    assert (shown(NURSE)["kind"], shown(NURSE)["id"]) == (kind, booked.id)


def test_the_other_kinds_are_visible_to_all_roles_of_the_unit(desk: Desk) -> None:
    case = make_case(desk)
    book(desk, case, "PROBATION", oslo("2027-01-04 10:00"), now=MONDAY)

    for viewer in (NURSE, COORDINATOR, UNIT_LEAD, OFFICER):
        (seen,) = desk.do(views.read_case, viewer, case.ref, now=MONDAY)["appointments"]
        assert (seen["kind"], seen["with"], seen["place"]) == (
            "PROBATION",
            "Dr. Moen",
            "Storgata 1",
        )


# --- how it went --------------------------------------------------------------------------------


@pytest.mark.parametrize("start", AppointmentStatus)
def test_an_appointment_moves_only_where_its_status_lets_it(
    desk: Desk, start: AppointmentStatus
) -> None:
    starts = oslo("2026-09-21 10:00")
    after = starts + HOUR
    ways = {
        "requested": [],
        "confirmed": ["confirmed"],
        "attended": ["confirmed", "attended"],
        "no_show": ["confirmed", "no_show"],
        "cancelled": ["cancelled"],
        "moved": ["moved"],
        "unknown": ["confirmed", "unknown"],
    }
    for to in AppointmentStatus:
        case = make_case(desk, release_on=R)
        booked = book(desk, case, "GP", starts, status="requested", now=MONDAY)
        for way in ways[start]:
            outcome(desk, booked, way, now=after)
        if to in appointments.NEXT[start]:
            moved = outcome(desk, booked, to, now=after)
            assert moved.appointments[0].status is to
        else:
            with pytest.raises(Conflict):
                outcome(desk, booked, to, now=after)
        check_case(desk, case.ref, now=after)


def test_how_it_went_is_recorded_afterwards(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    booked = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)

    for status in ("attended", "no_show", "unknown"):
        with pytest.raises(Refused, match="has not been yet"):
            outcome(desk, booked, status, now=MONDAY)
    outcome(desk, booked, "attended", now=booked.starts_at)


def test_an_unknown_or_foreign_appointment_is_not_found(desk: Desk) -> None:
    case = make_case(desk)
    booked = book(desk, case, "GP", oslo("2027-01-04 10:00"), now=MONDAY)

    said = set()
    for reference, viewer in ((booked.id, OUTSIDER), ("nosuchref0", OUTSIDER), ("x", NURSE)):
        with pytest.raises(AppointmentNotFound) as refusal:
            desk.do(appointments.record_outcome, viewer, reference, "cancelled", now=MONDAY)
        said.add(str(refusal.value))
    assert len(said) == 1
    for viewer in (DIRECTORATE, ADMIN, OFFICER):
        with pytest.raises(NotAllowed) as wrong_role:
            desk.do(appointments.record_outcome, viewer, booked.id, "cancelled", now=MONDAY)
        assert not isinstance(wrong_role.value, NotFound)
    for viewer in (DIRECTORATE, ADMIN):
        with pytest.raises(NotAllowed):
            desk.do(appointments.record_outcome, viewer, "nosuchref0", "cancelled", now=MONDAY)


def test_only_health_staff_change_what_others_may_not_see(desk: Desk) -> None:
    case = make_case(desk)
    booked = book(desk, case, "OAT", oslo("2027-01-04 10:00"), now=MONDAY)

    with pytest.raises(NotAllowed):
        outcome(desk, booked, "cancelled", viewer=COORDINATOR, now=MONDAY)
    consent(desk, case, "sharing", to="health", now=MONDAY)
    after = outcome(desk, booked, "cancelled", viewer=COORDINATOR, now=MONDAY)

    assert after.appointments[0].status == "cancelled"


def test_nothing_is_booked_or_confirmed_in_a_closed_case_but_outcomes_still_come_in(
    desk: Desk,
) -> None:
    case = make_case(desk, release_on=R, answer="accepted")
    confirmed = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    asked = book(desk, case, "NAV", oslo("2026-09-22 10:00"), status="requested", now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    desk.do(release.close, COORDINATOR, case.ref, "reimprisoned", now=FRIDAY + DAY)

    with pytest.raises(CaseClosed):
        book(desk, case, "GP", oslo("2026-09-23 10:00"), now=FRIDAY + DAY)
    with pytest.raises(CaseClosed):
        outcome(desk, asked, "confirmed", now=FRIDAY + DAY)
    after = outcome(desk, confirmed, "no_show", now=oslo("2026-09-21 12:00"))

    assert {a.status for a in after.appointments} == {"no_show", "requested"}
    check_case(desk, case.ref, now=oslo("2026-09-21 12:00"))


# --- messages -----------------------------------------------------------------------------------


def test_a_confirmed_appointment_wants_its_reminder_from_the_release_on(desk: Desk) -> None:
    case = make_case(desk, release_on=R, answer="accepted", phone="+4740000006")
    consent(desk, case, "sms", now=MONDAY)
    book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    book(desk, case, "NAV", oslo("2026-09-22 10:00"), status="requested", now=MONDAY)
    assert messages(desk, case) == []

    let_go(desk, case, now=FRIDAY)

    assert still_to_send(desk, case) == [oslo("2026-09-20 14:00")]
    check_case(desk, case.ref, now=FRIDAY)


def test_a_requested_appointment_is_reminded_of_once_it_is_confirmed(desk: Desk) -> None:
    case = make_case(desk, release_on=R, answer="accepted", phone="+4740000006")
    consent(desk, case, "sms", now=MONDAY)
    nav = book(desk, case, "NAV", oslo("2026-09-22 10:00"), status="requested", now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    assert still_to_send(desk, case) == []

    # Confirmed when the day before 14:00 has passed: two hours before is left.
    outcome(desk, nav, "confirmed", now=oslo("2026-09-21 14:00"))

    assert still_to_send(desk, case) == [oslo("2026-09-22 08:00")]
    check_case(desk, case.ref, now=oslo("2026-09-21 14:00"))


@pytest.mark.parametrize(
    ("ending", "why"), [("moved", "moved"), ("cancelled", "appointment_cancelled")]
)
def test_a_moved_or_cancelled_appointment_takes_its_reminder_along(
    desk: Desk, ending: str, why: str
) -> None:
    case = make_case(desk, release_on=R, answer="accepted", phone="+4740000006")
    consent(desk, case, "sms", now=MONDAY)
    gp = book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)

    outcome(desk, gp, ending, now=FRIDAY + HOUR)

    assert [(m.state, m.why) for m in messages(desk, case)] == [(MessageState.CANCELLED, why)]
    check_case(desk, case.ref, now=FRIDAY + HOUR)


def test_without_a_number_or_an_acceptance_nothing_is_wanted(desk: Desk) -> None:
    silent = make_case(desk, release_on=R, answer="accepted")
    declined = make_case(desk, release_on=R, phone="+4740000006")
    answer_offer(desk, declined, "declined", now=MONDAY)
    for case in (silent, declined):
        consent(desk, case, "sms", now=MONDAY)
        book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
        let_go(desk, case, now=FRIDAY)

        assert messages(desk, case) == []
        check_case(desk, case.ref, now=FRIDAY)


def test_an_appointment_a_nurse_of_two_units_books_belongs_to_the_case(desk: Desk) -> None:
    both = staff(Role.HEALTH, "a", "c")
    case = make_case(desk, unit="c")

    booked = book(desk, case, "GP", oslo("2027-01-04 10:00"), viewer=both, now=MONDAY)

    assert desk.case(case.ref).appointments == (booked,)

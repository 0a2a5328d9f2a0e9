"""The life of an appointment: moved, called off, asked about, given up. DOMAIN section 7."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import appointments, outcomes, release, views
from cases.access import OPERATOR, Viewer
from cases.appointments import AppointmentNotFound, Booking
from cases.calendar import is_working_day, local_date
from cases.history import events_of
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Consent,
    ConsentPurpose,
    Participation,
    Phase,
    Receiver,
    Role,
)
from cases.rules import CaseClosed
from cases.warnings import CaseWarning, before_closed_days, warnings, warnings_for
from core.clock import local
from core.errors import BadInput, Conflict, NotAllowed, Refused
from notifications.message import MessageState
from tests.cases import strategies
from tests.cases.desk import (
    COORDINATOR,
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
    findings,
    let_go,
    make_case,
    messages,
    notices,
    oslo,
    outcome,
    set_date,
    state,
    still_to_send,
    sweep_at,
    told,
)

MONDAY = oslo("2026-09-07 10:00")
R = date(2026, 9, 18)  # a Friday
FRIDAY = oslo("2026-09-18 12:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def move(
    desk: Desk,
    appointment: Appointment,
    to: str,
    *,
    now: datetime = MONDAY,
    viewer: Viewer = NURSE,
    **changes: str,
) -> Case:
    return desk.do(appointments.move, viewer, appointment.id, oslo(to), now=now, **changes)


def by_id(case: Case, appointment_id: str) -> Appointment:
    return next(each for each in case.appointments if each.id == appointment_id)


def after_move(case: Case, old: Appointment) -> Appointment:
    return next(each for each in case.appointments if each.moved_from == old.id)


# --- moved --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["requested", "confirmed"])
def test_a_moved_appointment_stays_as_moved_and_a_linked_one_stands_in_its_place(
    desk: Desk, status: str
) -> None:
    case = make_case(desk, release_on=R)
    old = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY, status=status)

    after = move(desk, old, "2026-09-22 13:00", now=MONDAY + HOUR)

    gone, new = by_id(after, old.id), after_move(after, old)
    assert (gone.status, gone.outcome_at, gone.starts_at) == ("moved", MONDAY + HOUR, old.starts_at)
    assert (new.status, new.kind, new.starts_at) == (status, "GP", oslo("2026-09-22 13:00"))
    assert new.booked_at == MONDAY + HOUR
    assert new.confirmed_at == (MONDAY + HOUR if status == "confirmed" else None)
    assert new.outcome_at is None
    check_case(desk, case.ref, now=MONDAY + HOUR)


def test_what_is_not_said_of_whom_where_and_phone_stays(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    booking = Booking("GP", oslo("2026-09-21 10:00"), "Dr. Moen", "Storgata 1", "22225555")
    desk.do(appointments.book, NURSE, case.ref, booking, now=MONDAY)
    (old,) = desk.case(case.ref).appointments

    once = after_move(move(desk, old, "2026-09-22 10:00"), old)
    move(desk, once, "2026-09-22 10:00", now=MONDAY + HOUR, place="Lilleg.\n2", with_whom="Dr. Lie")

    seen = desk.do(views.read_case, NURSE, case.ref, now=MONDAY + HOUR)["appointments"]
    shown = {each["id"]: (each["with"], each["place"], each["phone"]) for each in seen}
    last = after_move(desk.case(case.ref), once)
    assert shown[old.id] == shown[once.id] == ("Dr. Moen", "Storgata 1", "22225555")
    assert shown[last.id] == ("Dr. Lie", "Lilleg. 2", "22225555")
    links = {each["id"]: each["moved_from"] for each in seen}
    assert links == {old.id: None, once.id: old.id, last.id: once.id}


def test_a_move_may_leave_the_new_time_to_be_confirmed(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    old = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    book(desk, case, "NAV", oslo("2026-09-21 12:00"), now=MONDAY)

    after = move(desk, old, "2026-09-22 10:00", status="requested")

    assert after_move(after, old).confirmed_at is None
    with pytest.raises(Refused, match="health"):
        complete(desk, case, "appointments_confirmed", now=MONDAY)
    outcome(desk, after_move(after, old), "confirmed", now=MONDAY)
    done = complete(desk, case, "appointments_confirmed", now=MONDAY)
    assert state(done, "appointments_confirmed") == "done"


def test_the_reminder_of_the_new_time_replaces_that_of_the_old(desk: Desk) -> None:
    case = make_case(desk, release_on=R, answer="accepted", phone="+4740000011")
    consent(desk, case, "sms", now=MONDAY)
    gp = book(desk, case, "GP", oslo("2026-09-22 10:00"), now=MONDAY)
    let_go(desk, case, now=FRIDAY)
    assert still_to_send(desk, case) == [oslo("2026-09-21 14:00")]

    move(desk, gp, "2026-09-24 10:00", now=FRIDAY + HOUR)

    assert still_to_send(desk, case) == [oslo("2026-09-23 14:00")]
    old = [m for m in messages(desk, case) if m.state is not MessageState.WANTED]
    assert [(m.state, m.why) for m in old] == [(MessageState.CANCELLED, "moved")]
    check_case(desk, case.ref, now=FRIDAY + HOUR)


@pytest.mark.parametrize(
    ("to", "changes", "refusal"),
    [
        ("2026-09-21 10:00", {}, BadInput),  # the time it has
        ("2026-09-07 10:00", {}, BadInput),  # not in the future
        ("2026-09-17 10:00", {}, Refused),  # before the release
        ("2026-09-22 10:00", {"status": "attended"}, BadInput),
        ("2026-09-22 10:00", {"place": " "}, BadInput),
        ("2026-09-22 10:00", {"with_whom": "x" * 201}, BadInput),
    ],
)
def test_a_move_that_a_card_could_not_show_is_refused(
    desk: Desk, to: str, changes: dict[str, str], refusal: type[Exception]
) -> None:
    case = make_case(desk, release_on=R)
    old = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    before = desk.case(case.ref)

    with pytest.raises(refusal):
        move(desk, old, to, **changes)  # type: ignore[arg-type]

    assert desk.case(case.ref) == before


def test_an_appointment_is_moved_once_and_never_after_it_has_ended(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    old = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    move(desk, old, "2026-09-22 10:00")
    called_off = book(desk, case, "NAV", oslo("2026-09-21 12:00"), now=MONDAY)
    outcome(desk, called_off, "cancelled", now=MONDAY)

    for ended in (old, called_off):
        with pytest.raises(Conflict):
            move(desk, ended, "2026-09-23 10:00")
    with pytest.raises(AppointmentNotFound):
        move(desk, old, "2026-09-23 10:00", viewer=OUTSIDER)
    with pytest.raises(NotAllowed):
        move(desk, old, "2026-09-23 10:00", viewer=OFFICER)


def test_only_who_may_know_it_moves_it_and_nothing_moves_in_a_closed_case(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    with pytest.raises(NotAllowed):
        move(desk, gp, "2026-09-22 10:00", viewer=COORDINATOR)
    consent(desk, case, "sharing", to="health", now=MONDAY)
    new = after_move(move(desk, gp, "2026-09-22 10:00", viewer=COORDINATOR), gp)
    assert new.by == COORDINATOR.account

    desk.do(release.close, COORDINATOR, case.ref, "transferred_out", now=MONDAY + HOUR)
    with pytest.raises(CaseClosed):
        move(desk, new, "2026-09-23 10:00", now=MONDAY + 2 * HOUR)


def test_a_move_that_is_typed_in_late_happened_when_it_happened(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)

    after = desk.do(
        appointments.move,
        NURSE,
        gp.id,
        oslo("2026-09-22 10:00"),
        now=MONDAY + DAY,
        happened_at=MONDAY + HOUR,
    )

    assert by_id(after, gp.id).outcome_at == MONDAY + HOUR
    new = after_move(after, gp)
    assert (new.booked_at, new.confirmed_at) == (MONDAY + DAY, MONDAY + HOUR)
    with desk.db.read() as tx:
        event = list(events_of(tx, case.ref))[-1]
    assert (event.verb, event.happened_at) == ("appointment_moved", MONDAY + HOUR)
    with pytest.raises(BadInput):
        desk.do(
            appointments.move,
            NURSE,
            new.id,
            oslo("2026-09-23 10:00"),
            now=MONDAY + DAY,
            happened_at=MONDAY + 2 * DAY,
        )


# --- how it went: asked, and given up -----------------------------------------------------------


def asked(desk: Desk, case: Case) -> list[str]:
    """The roles that were asked how an appointment went."""
    return [role for _, rung, role in notices(desk, case) if rung == "outcome_asked"]


def followed_up(desk: Desk, **facts: str) -> Case:
    """Somebody who accepted and was released on Friday 18 September at noon."""
    case = make_case(desk, release_on=R, answer="accepted", **facts)  # type: ignore[arg-type]
    return let_go(desk, case, now=FRIDAY)


def test_the_outcome_is_asked_two_working_days_later_on_the_wall_clock_of_the_appointment(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    # Thursday 10:15: two working days later is Monday 10:15.
    book(desk, case, "OTHER", oslo("2026-09-24 10:15"), now=FRIDAY)

    sweep_at(desk, oslo("2026-09-28 10:14"))
    assert asked(desk, case) == []
    assert desk.case(case.ref).wake_at == oslo("2026-09-28 10:15")
    sweep_at(desk, oslo("2026-09-28 10:15"))
    assert asked(desk, case) == ["coordinator"]
    (row,) = [row for row in told(desk, case) if row.rung == "outcome_asked"]
    assert (row.at, row.due_at) == (oslo("2026-09-28 10:15"),) * 2
    sweep_at(desk, oslo("2026-09-28 11:00"))
    assert asked(desk, case) == ["coordinator"], "asked once"
    check_case(desk, case.ref, now=oslo("2026-09-28 11:00"))


def test_what_coordinators_may_not_know_is_asked_of_the_health_service(own_desk: Desk) -> None:
    desk = own_desk
    silent, open_ = followed_up(desk), followed_up(desk)
    consent(desk, open_, "sharing", to="health", now=FRIDAY)
    for case in (silent, open_):
        book(desk, case, "OAT", oslo("2026-09-21 10:00"), now=FRIDAY)
        book(desk, case, "PROBATION", oslo("2026-09-21 14:00"), now=FRIDAY)

    sweep_at(desk, oslo("2026-09-23 15:00"))

    assert asked(desk, silent) == ["health", "coordinator"]
    assert asked(desk, open_) == ["coordinator", "coordinator"]


def test_each_appointment_is_asked_about_even_when_the_sweep_was_away(own_desk: Desk) -> None:
    desk = own_desk
    case = followed_up(desk)
    book(desk, case, "OTHER", oslo("2026-09-21 10:00"), now=FRIDAY)
    book(desk, case, "OTHER", oslo("2026-09-22 10:00"), now=FRIDAY)

    sweep_at(desk, oslo("2026-09-25 10:00"))

    assert asked(desk, case) == ["coordinator", "coordinator"]


@pytest.mark.parametrize("answer", ["attended", "no_show", "cancelled", "moved"])
def test_who_has_answered_is_not_asked_and_the_answer_stands(own_desk: Desk, answer: str) -> None:
    desk = own_desk
    case = followed_up(desk)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=FRIDAY)
    outcome(desk, gp, answer, now=oslo("2026-09-22 10:00"))

    sweep_at(desk, oslo("2026-10-05 10:00"))

    assert asked(desk, case) == []
    assert by_id(desk.case(case.ref), gp.id).status == answer


def test_a_request_that_nobody_confirmed_is_neither_asked_about_nor_given_up(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=FRIDAY, status="requested")

    sweep_at(desk, oslo("2026-10-05 10:00"))

    assert asked(desk, case) == []
    assert by_id(desk.case(case.ref), gp.id).status == "requested"


def test_after_five_working_days_the_outcome_is_unknown_as_a_fact_of_that_instant(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    gp = book(desk, case, "GP", oslo("2026-09-22 10:00"), now=FRIDAY)
    due = oslo("2026-09-29 10:00")
    sweep_at(desk, due - timedelta(minutes=1))
    assert by_id(desk.case(case.ref), gp.id).status == "confirmed"

    sweep_at(desk, due + 3 * HOUR)

    given_up = by_id(desk.case(case.ref), gp.id)
    assert (given_up.status, given_up.outcome_at) == ("unknown", due)
    with desk.db.read() as tx:
        (event,) = [e for e in events_of(tx, case.ref) if e.verb == "appointment_outcome"]
    assert (event.happened_at, event.recorded_at, event.actor) == (due, due + 3 * HOUR, "system")
    check_case(desk, case.ref, now=due + 3 * HOUR)
    assert findings(desk) == []

    before = desk.case(case.ref)
    sweep_at(desk, due + 3 * HOUR)
    assert desk.case(case.ref) == before, "twice does nothing more"
    late = outcome(desk, gp, "attended", now=due + DAY)
    assert by_id(late, gp.id).status == "attended", "an answer may still come"


def test_a_sweep_that_comes_after_both_gives_the_outcome_up_and_asks_nobody(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    for hour in (10, 12):
        book(desk, case, "OTHER", oslo(f"2026-09-21 {hour}:00"), now=FRIDAY)

    sweep_at(desk, oslo("2026-10-05 10:00"))

    assert asked(desk, case) == []
    ended = desk.case(case.ref).appointments
    assert {a.status for a in ended} == {"unknown"}
    assert {a.outcome_at for a in ended} == {
        oslo("2026-09-28 10:00"),
        oslo("2026-09-28 12:00"),
    }
    check_case(desk, case.ref, now=oslo("2026-10-05 10:00"))


def test_of_a_closed_case_nobody_is_asked_but_the_outcome_is_given_up_all_the_same(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    gp = book(desk, case, "GP", oslo("2026-09-22 10:00"), now=FRIDAY)
    desk.do(release.close, COORDINATOR, case.ref, "reimprisoned", now=FRIDAY + DAY)

    for day in (24, 29):
        sweep_at(desk, oslo(f"2026-09-{day} 10:00"))

    after = desk.case(case.ref)
    assert asked(desk, case) == []
    assert (by_id(after, gp.id).status, after.phase) == ("unknown", Phase.CLOSED)
    assert after.wake_at is None
    check_case(desk, case.ref, now=oslo("2026-09-29 10:00"))


def test_an_appointment_after_the_end_of_follow_up_is_given_up_in_the_closed_case(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    # The follow-up ends at the midnight that ends 30 October.
    gp = book(desk, case, "GP", oslo("2026-10-29 10:00"), now=FRIDAY)
    sweep_at(desk, oslo("2026-10-31 00:00"))
    assert desk.case(case.ref).close_reason == "completed"

    sweep_at(desk, oslo("2026-11-05 10:00"))

    given_up = by_id(desk.case(case.ref), gp.id)
    assert (given_up.status, given_up.outcome_at) == ("unknown", oslo("2026-11-05 10:00"))


def test_what_was_confirmed_only_after_it_had_begun_is_waited_for_from_then(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = followed_up(desk)
    gp = book(desk, case, "OTHER", oslo("2026-09-21 10:00"), now=FRIDAY, status="requested")
    sweep_at(desk, oslo("2026-09-29 09:00"))
    outcome(desk, gp, "confirmed", now=oslo("2026-09-29 09:00"))

    sweep_at(desk, oslo("2026-09-30 09:00"))
    assert asked(desk, case) == []
    sweep_at(desk, oslo("2026-10-01 09:00"))
    assert asked(desk, case) == ["coordinator"]
    sweep_at(desk, oslo("2026-10-06 09:00"))
    assert by_id(desk.case(case.ref), gp.id).outcome_at == oslo("2026-10-06 09:00")


def test_an_appointment_that_a_later_release_left_behind_is_asked_about_in_prison(
    own_desk: Desk,
) -> None:
    desk = own_desk
    case = make_case(desk, release_on=R, answer="accepted")
    gp = book(desk, case, "OTHER", oslo("2026-09-21 10:00"), now=MONDAY)
    set_date(desk, case, date(2026, 12, 1), now=MONDAY + DAY)

    sweep_at(desk, oslo("2026-09-23 10:00"))

    assert asked(desk, case) == ["coordinator"]
    after = outcome(desk, gp, "cancelled", now=oslo("2026-09-23 11:00"))
    assert by_id(after, gp.id).status == "cancelled"


def test_about_somebody_who_declined_no_outcome_is_asked(own_desk: Desk) -> None:
    desk = own_desk
    case = make_case(desk, release_on=None)
    book(desk, case, "OTHER", oslo("2026-09-14 10:00"), now=MONDAY)
    answer_offer(desk, case, "declined", now=MONDAY + HOUR)

    sweep_at(desk, oslo("2026-09-16 10:00"))
    assert asked(desk, case) == []


def test_an_outcome_did_not_happen_before_the_appointment(desk: Desk) -> None:
    case = followed_up(desk)
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=FRIDAY)

    with pytest.raises(Refused, match="has not been yet"):
        desk.do(
            appointments.record_outcome,
            NURSE,
            gp.id,
            "attended",
            now=oslo("2026-09-22 10:00"),
            happened_at=oslo("2026-09-21 09:59"),
        )
    after = outcome(desk, gp, "attended", now=oslo("2026-09-21 10:00"))
    assert by_id(after, gp.id).outcome_at == oslo("2026-09-21 10:00")


@given(
    starts=strategies.INSTANTS,
    waited=st.integers(-60, 60).map(lambda hours: timedelta(hours=hours)),
)
def test_an_outcome_is_asked_and_then_given_up_on_working_days_at_one_time_of_day(
    starts: datetime, waited: timedelta
) -> None:
    confirmed_at = starts + waited
    appointment = confirmed(AppointmentKind.GP, starts, confirmed_at=confirmed_at)
    since = max(starts, confirmed_at)

    for instant in (outcomes.asked_at(appointment), outcomes.unknown_at(appointment)):
        assert instant > since
        assert is_working_day(local_date(instant))
        hour_apart = abs(_minutes(instant) - _minutes(since))
        assert hour_apart in (0, 60), "the wall clock, but for an hour that does not exist"
    assert outcomes.asked_at(appointment) < outcomes.unknown_at(appointment)


def _minutes(instant: datetime) -> int:
    there = local(instant)
    return there.hour * 60 + there.minute


# --- what there is to look at -------------------------------------------------------------------


def confirmed(
    kind: AppointmentKind,
    starts_at: datetime,
    *,
    status: AppointmentStatus = AppointmentStatus.CONFIRMED,
    confirmed_at: datetime | None = None,
) -> Appointment:
    return Appointment(
        id=f"{kind}{starts_at:%d%H}",
        kind=kind,
        status=status,
        starts_at=starts_at,
        booked_at=MONDAY,
        by="nurse",
        confirmed_at=confirmed_at or MONDAY,
    )


def released_on(on: date, *booked: tuple[str, str] | tuple[str, str, str]) -> Case:
    """A case with this release date and appointments (kind, local time, status)."""
    case = strategies.make_case("2026-09-01 06:00", release_on=on)
    return replace(
        case,
        appointments=tuple(
            confirmed(
                AppointmentKind(kind),
                oslo(when),
                status=AppointmentStatus(*(rest or ("confirmed",))),
            )
            for kind, when, *rest in booked
        ),
    )


THURSDAY = date(2026, 9, 17)


@pytest.mark.parametrize(
    ("booked", "expected"),
    [
        ([("GP", "2026-09-20 23:59")], []),
        ([("GP", "2026-09-21 00:00")], ["first_appointment_late"]),
        ([("NAV", "2026-09-21 10:00", "requested")], ["first_appointment_late"]),
        ([("NAV", "2026-09-18 10:00"), ("GP", "2026-09-24 10:00")], []),
        ([("OAT", "2026-09-18 23:59")], []),
        ([("OAT", "2026-09-19 00:00")], ["oat_appointment_late"]),
        ([("GP", "2026-09-18 10:00"), ("OAT", "2026-09-19 10:00")], ["oat_appointment_late"]),
        (
            [("OAT", "2026-09-22 10:00")],
            ["first_appointment_late", "oat_appointment_late"],
        ),
        # What was called off or moved is none, and what is before the release is not the first.
        (
            [("GP", "2026-09-18 10:00", "cancelled"), ("GP", "2026-09-22 10:00")],
            ["first_appointment_late"],
        ),
        (
            [("GP", "2026-09-18 10:00", "moved"), ("GP", "2026-09-22 10:00")],
            ["first_appointment_late"],
        ),
        (
            [("OTHER", "2026-09-16 10:00"), ("GP", "2026-09-22 10:00")],
            ["first_appointment_late", "appointment_outside_window"],
        ),
        ([("GP", "2026-09-18 10:00"), ("GP", "2026-09-24 10:00")], []),
        ([("GP", "2026-09-18 10:00"), ("GP", "2026-09-25 10:00")], ["appointment_outside_window"]),
        ([("GP", "2026-09-18 10:00"), ("GP", "2026-09-25 10:00", "requested")], []),
        ([], []),
    ],
)
def test_a_late_first_appointment_and_one_outside_the_week_are_warned_about(
    booked: list[tuple[str, str]], expected: list[str]
) -> None:
    case = released_on(THURSDAY, *booked)

    assert list(warnings(case, now=MONDAY)) == expected


@pytest.mark.parametrize(
    ("on", "warned"),
    [
        ("2026-09-17", False),  # Thursday
        ("2026-09-18", True),  # Friday
        ("2026-09-19", False),  # Saturday
        ("2026-09-20", False),  # Sunday
        ("2027-03-24", True),  # the day before five closed days of Easter
        ("2026-12-23", True),
        ("2026-12-30", True),
        ("2027-05-14", True),  # a Friday, and the Monday after is 17 May's
        ("2027-05-16", True),  # a Sunday before Whit Monday and 17 May
        ("2027-05-17", False),  # a holiday before a working day
    ],
)
def test_a_release_on_a_friday_or_before_a_holiday_asks_for_somebody_to_be_there(
    on: str, warned: bool
) -> None:
    day = date.fromisoformat(on)
    case = released_on(day)
    noon = oslo(f"{on} 12:00")

    assert before_closed_days(day) is warned
    found = warnings(case, now=MONDAY)
    assert found == ((CaseWarning.CLOSED_DAYS_AFTER_RELEASE,) if warned else ())
    for met in (day, day + DAY):
        agreed = released_on(day, ("OTHER", f"{met} 13:00"))
        assert warnings(agreed, now=MONDAY) == ()
        (contact,) = agreed.appointments
        asked = replace(contact, status=AppointmentStatus.REQUESTED)
        assert warnings(replace(agreed, appointments=(asked,)), now=MONDAY) == found
    assert (warnings(case, now=noon + DAY) != ()) is warned
    assert warnings(case, now=noon + 2 * DAY) == (), "nothing can be done about it any more"


def test_a_warning_ends_when_the_appointment_has_been() -> None:
    case = released_on(THURSDAY, ("GP", "2026-09-22 10:00"))

    assert warnings(case, now=oslo("2026-09-22 09:59")) == (CaseWarning.FIRST_APPOINTMENT_LATE,)
    assert warnings(case, now=oslo("2026-09-22 10:00")) == ()


def test_nothing_is_warned_about_without_a_date_after_a_no_or_in_a_closed_case() -> None:
    case = released_on(R, ("GP", "2026-10-20 10:00"))
    assert len(warnings(case, now=MONDAY)) == 3

    for facts in (
        {"release_on": None},
        {"participation": Participation.DECLINED},
        {"participation": Participation.WITHDRAWN},
        {"phase": Phase.CLOSED},
    ):
        assert warnings(replace(case, **facts), now=MONDAY) == ()


def test_a_warning_never_tells_a_kind_that_the_viewer_may_not_know() -> None:
    case = released_on(THURSDAY, ("OAT", "2026-09-19 10:00"))
    agreed = replace(
        case,
        consents=(
            Consent(1, ConsentPurpose.SHARING, Receiver.HEALTH, True, MONDAY, MONDAY, "nurse"),
        ),
    )
    oat = (CaseWarning.OAT_APPOINTMENT_LATE,)

    def said(viewer: Viewer, about: Case) -> tuple[CaseWarning, ...]:
        return warnings_for(viewer, about, now=MONDAY)

    for viewer in (NURSE, OPERATOR):
        assert said(viewer, case) == oat
    assert (said(COORDINATOR, case), said(COORDINATOR, agreed)) == ((), oat)
    for viewer in (OFFICER, UNIT_LEAD):
        assert (said(viewer, case), said(viewer, agreed)) == ((), ())


def test_the_case_shows_its_warnings_at_booking_and_when_the_date_moves(desk: Desk) -> None:
    case = make_case(desk, release_on=THURSDAY)

    def shown(viewer: Viewer = COORDINATOR) -> list[str]:
        found: list[str] = desk.do(views.read_case, viewer, case.ref, now=MONDAY)["warnings"]
        return found

    assert shown() == []
    gp = book(desk, case, "GP", oslo("2026-09-21 10:00"), now=MONDAY)
    assert shown() == ["first_appointment_late"]
    set_date(desk, case, R, now=MONDAY)
    assert shown() == ["closed_days_after_release"]
    set_date(desk, case, date(2026, 9, 29), now=MONDAY)
    assert shown() == shown(OFFICER) == ["appointment_outside_window"]
    (seen,) = desk.do(views.read_case, OFFICER, case.ref, now=MONDAY)["appointments"]
    assert seen["outside_window"] is True
    outcome(desk, gp, "cancelled", now=MONDAY)
    assert shown() == []


def test_a_nurse_and_a_coordinator_of_one_unit_read_the_same_times(desk: Desk) -> None:
    case = make_case(desk, release_on=R)
    book(desk, case, "OAT", oslo("2026-09-21 10:00"), now=MONDAY)

    for viewer in (NURSE, COORDINATOR, OFFICER):
        (seen,) = desk.do(views.read_case, viewer, case.ref, now=MONDAY)["appointments"]
        assert seen["starts_at"] == "2026-09-21T10:00:00+02:00"
        assert (seen["kind"] == "OAT") is (viewer.role is Role.HEALTH)

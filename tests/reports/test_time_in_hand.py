"""I11, I12, I14 and I15 against figures reckoned by hand: appointments around a release.

People are released on Tuesday 6 October 2026 at 12:00 where nothing else is said: R + 3 d is the
9th, R + 7 d the 13th, R + 21 d the 27th, and the clocks go back on the 25th.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, update

from cases import appointments, release, service, sweep, transfers
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.model import Case
from cases.tables import appointment
from reports.figures import Figure, compare
from reports.indicators import count_now
from reports.recount import recount
from reports.tertial import Period, Question
from tests.people import at, complete, make_case, make_person
from tests.reports.counts import counted, share, where

RELEASED = "2026-10-06 12:00"
BOOKED = "2026-09-20 10:00"
LATER = "2026-12-01 08:00"
"""When every window of a release in October has passed."""


def book(
    tx: Connection,
    case: Case,
    kind: str,
    starts: str,
    *,
    now: str = BOOKED,
    status: str = "confirmed",
) -> str:
    """An appointment, by its number."""
    known = {each.id for each in case.appointments}
    booking = Booking(kind, at(starts), "Mottak", "Byen", status=status)
    after = appointments.book(tx, OPERATOR, case.ref, booking, now=at(now))
    return max(
        (each for each in after.appointments if each.id not in known), key=lambda a: a.booked_at
    ).id


def went(tx: Connection, number: str, status: str, now: str, happened: str | None = None) -> None:
    appointments.record_outcome(
        tx,
        OPERATOR,
        number,
        status,
        happened_at=at(happened) if happened else None,
        now=at(now),
    )


def accepted(tx: Connection, unit: str = "A") -> Case:
    """Somebody who takes part and is to be released on 6 October."""
    return make_case(tx, unit=unit, answer="accepted", release_on=date(2026, 10, 6))


def leave(
    tx: Connection, case: Case, hand: str | None = "card_and_spray", *, when: str = RELEASED
) -> None:
    """Out of the gate, with or without a card in the hand."""
    if hand is not None:
        complete(tx, case, "handed_over", at(when) - timedelta(minutes=10), answer=hand)
    release.release(tx, OPERATOR, case.ref, now=at(when))


def released(
    tx: Connection, *booked: tuple[str, str], hand: str | None = "card_and_spray"
) -> list[str]:
    """A case with these confirmed appointments, released: their numbers, in the order given."""
    case = accepted(tx)
    numbers = []
    for minute, (kind, starts) in enumerate(booked):
        when = f"2026-09-20 10:{minute:02d}"
        numbers.append(book(tx, case, kind, starts, now=when))
    leave(tx, case, hand)
    return numbers


def figure(tx: Connection, code: str, now: str = LATER, period: str = "2026-T3") -> Figure:
    return counted(tx, period, now).nation[code]


def numbers(found: Figure) -> tuple[int | None, int | None, int | None]:
    """Numerator, denominator, pending."""
    return found.numerator, found.denominator, found.pending


# --- I11 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "counts"),
    [
        ("2026-10-06 08:00", 1),
        ("2026-10-13 23:59", 1),
        ("2026-10-14 00:00", 0),
        ("2026-10-14 00:30", 0),
    ],
)
def test_an_appointment_in_hand_lies_within_a_week_by_local_dates(
    tx: Connection, starts: str, counts: int
) -> None:
    released(tx, ("DENTIST", starts))

    assert share(counted(tx, "2026-T3", LATER), "I11") == (counts, 1)


@pytest.mark.parametrize(
    ("hand", "counts"),
    [("card_and_spray", 1), ("card_only", 1), ("spray_only", 0), (None, 0)],
)
def test_time_in_hand_needs_the_card(tx: Connection, hand: str | None, counts: int) -> None:
    released(tx, ("GP", "2026-10-07 10:00"), hand=hand)

    assert share(counted(tx, "2026-T3", LATER), "I11") == (counts, 1)


@pytest.mark.parametrize(
    ("kinds", "counts"),
    [
        (("GP", "NAV"), 1),
        (("MUNICIPAL_ADDICTION", "HOUSING"), 1),
        (("GP", "OAT"), 0),
        (("NAV", "HOUSING"), 0),
        (("DENTIST", "NAV"), 0),
        (("GP", "PROBATION"), 0),
    ],
)
def test_both_in_hand_are_one_health_and_one_nav_or_municipality(
    tx: Connection, kinds: tuple[str, str], counts: int
) -> None:
    released(tx, *((kind, "2026-10-08 10:00") for kind in kinds))

    report = counted(tx, "2026-T3", LATER)

    assert (share(report, "I11"), share(report, "I11b")) == ((1, 1), (counts, 1))


def test_both_in_hand_lie_both_within_the_week(tx: Connection) -> None:
    released(tx, ("GP", "2026-10-08 10:00"), ("NAV", "2026-10-14 10:00"))

    report = counted(tx, "2026-T3", LATER)

    assert (share(report, "I11"), share(report, "I11b")) == ((1, 1), (0, 1))


def test_everybody_who_took_part_is_in_the_denominator_with_or_without_appointments(
    tx: Connection,
) -> None:
    released(tx)
    leave(tx, accepted(tx, "B"), hand=None)
    make_case(tx, answer="declined", released=RELEASED)
    make_case(tx, released=RELEASED)
    home = accepted(tx)
    release.release(tx, OPERATOR, home.ref, to="home_detention", now=at(RELEASED))

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == share(report, "I11b") == (0, 2)
    assert share(report, "I11", "B") == (0, 1)
    assert [share(report, code) for code in ("I12", "I14", "I15")] == [(0, 0)] * 3


# --- confirmed at the release instant ------------------------------------------------------------


def test_what_was_only_asked_for_at_the_release_was_not_confirmed(tx: Connection) -> None:
    case = accepted(tx)
    number = book(tx, case, "GP", "2026-10-08 10:00", status="requested")
    leave(tx, case)
    went(tx, number, "confirmed", "2026-10-06 12:00:00.000001")

    report = counted(tx, "2026-T3", LATER)

    assert (share(report, "I11"), share(report, "I12")) == ((0, 1), (0, 0))


def test_confirmed_at_the_very_instant_of_the_release_is_confirmed(tx: Connection) -> None:
    case = accepted(tx)
    number = book(tx, case, "GP", "2026-10-08 10:00", status="requested")
    went(tx, number, "confirmed", RELEASED)
    leave(tx, case)

    assert share(counted(tx, "2026-T3", LATER), "I11") == (1, 1)


@pytest.mark.parametrize(
    ("when", "counts"),
    [("2026-10-06 11:59", 0), ("2026-10-06 12:00", 0), ("2026-10-06 12:00:00.000001", 1)],
)
def test_called_off_after_the_release_it_was_confirmed_all_the_same(
    tx: Connection, when: str, counts: int
) -> None:
    (number,) = released(tx, ("GP", "2026-10-08 10:00"))
    went(tx, number, "cancelled", "2026-10-06 15:00", when)

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == (counts, 1)
    assert share(report, "I12") == (counts, counts)
    assert share(report, "I14") == (0, 0)


def test_moved_before_the_release_the_new_time_counts_and_afterwards_the_old(
    tx: Connection,
) -> None:
    early, late = accepted(tx), accepted(tx)
    of_early = book(tx, early, "GP", "2026-10-20 10:00")
    of_late = book(tx, late, "GP", "2026-10-20 10:00")
    appointments.move(tx, OPERATOR, of_early, at("2026-10-07 10:00"), now=at("2026-10-01 10:00"))
    for case in (early, late):
        leave(tx, case)
    appointments.move(tx, OPERATOR, of_late, at("2026-10-07 10:00"), now=at("2026-10-06 13:00"))

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == (1, 2)
    assert share(report, "I12") == (1, 2)
    # What was moved was neither attended nor missed.
    assert share(report, "I14") == (0, 0)
    assert share(report, "I14.unknown") == (1, 1)


def test_a_release_typed_in_late_asks_what_was_confirmed_when_it_happened(tx: Connection) -> None:
    case = accepted(tx)
    book(tx, case, "GP", "2026-10-09 10:00", now="2026-10-06 12:30")
    called_off = book(tx, case, "NAV", "2026-10-08 10:00", now="2026-10-05 12:30")
    went(tx, called_off, "cancelled", "2026-10-07 09:00")
    complete(tx, case, "handed_over", at("2026-10-06 11:00"), answer="card_only")
    release.release(tx, OPERATOR, case.ref, released_at=at(RELEASED), now=at("2026-10-07 10:00"))

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == (1, 1)
    assert share(report, "I15") == (0, 0)


def test_what_was_over_in_the_morning_of_the_release_was_not_confirmed_any_more(
    tx: Connection,
) -> None:
    case = accepted(tx)
    number = book(tx, case, "GP", "2026-10-06 09:00")
    went(tx, number, "attended", "2026-10-06 10:00")
    leave(tx, case)
    # A correction of how it went does not put it back.
    went(tx, number, "no_show", "2026-10-07 10:00")

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == (0, 1)
    assert share(report, "I12") == (0, 0)


def test_an_outcome_that_is_corrected_leaves_the_appointment_confirmed_at_the_release(
    tx: Connection,
) -> None:
    (number,) = released(tx, ("GP", "2026-10-08 10:00"))
    went(tx, number, "no_show", "2026-10-08 12:00")
    went(tx, number, "attended", "2026-10-20 12:00")

    report = counted(tx, "2026-T3", LATER)

    assert share(report, "I11") == share(report, "I14") == share(report, "I15") == (1, 1)


def test_an_appointment_before_the_day_of_the_release_is_none_in_hand(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", release_on=date(2026, 10, 1))
    book(tx, case, "GP", "2026-10-05 23:30")
    leave(tx, case)

    report = counted(tx, "2026-T3", LATER)

    assert [share(report, code) for code in ("I11", "I12", "I14.unknown", "I15")] == [
        (0, 1),
        (0, 0),
        (0, 0),
        (0, 0),
    ]


# --- I12 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("starts", "counts"), [("2026-10-09 23:59", 1), ("2026-10-10 00:00", 0)])
def test_the_first_appointment_is_within_three_days_by_local_dates(
    tx: Connection, starts: str, counts: int
) -> None:
    released(tx, ("NAV", "2026-10-20 10:00"), ("DENTIST", starts))

    assert numbers(figure(tx, "I12")) == (counts, 1, 0)


def test_three_days_are_waited_for_to_their_last_midnight(tx: Connection) -> None:
    released(tx, ("NAV", "2026-10-07 10:00"))
    released(tx)

    assert numbers(figure(tx, "I12", "2026-10-09 23:59:59")) == (0, 0, 1)
    assert numbers(figure(tx, "I12", "2026-10-10 00:00")) == (1, 1, 0)


# --- I14 -----------------------------------------------------------------------------------------


def test_the_first_appointment_was_attended_missed_or_nobody_knows(tx: Connection) -> None:
    for status in ("attended", "attended", "no_show", "cancelled", None):
        first, second = released(tx, ("NAV", "2026-10-07 10:00"), ("GP", "2026-10-08 10:00"))
        if status is not None:
            went(tx, first, status, "2026-10-07 12:00")
        went(tx, second, "attended", "2026-10-08 12:00")

    report = counted(tx, "2026-T3", LATER)

    assert numbers(report.nation["I14"]) == (2, 3, 0)
    assert report.nation["I14"].value == 0.6667
    assert numbers(report.nation["I14.unknown"]) == (1, 4, 0)


def test_how_it_went_waits_five_working_days_also_where_it_is_known_already(
    tx: Connection,
) -> None:
    # From Thursday 8 October 10:00 to Thursday the 15th.
    known, _ = released(tx, ("NAV", "2026-10-08 10:00")), released(tx, ("GP", "2026-10-08 10:00"))
    went(tx, known[0], "attended", "2026-10-08 12:00")

    before = counted(tx, "2026-T3", "2026-10-15 09:59:59")
    after = counted(tx, "2026-T3", "2026-10-15 10:00")

    assert numbers(before.nation["I14"]) == numbers(before.nation["I14.unknown"]) == (0, 0, 2)
    assert numbers(after.nation["I14"]) == (1, 1, 0)
    assert numbers(after.nation["I14.unknown"]) == (1, 2, 0)


def test_five_working_days_from_a_saturday_end_before_those_from_an_earlier_friday_afternoon(
    tx: Connection,
) -> None:
    # Both end on Friday 16 October: from Friday the 9th at 15:00, from Saturday the 10th at 09:00.
    released(tx, ("NAV", "2026-10-09 15:00"))
    released(tx, ("NAV", "2026-10-10 09:00"))

    waiting = [
        numbers(figure(tx, "I14", now))
        for now in ("2026-10-16 08:59", "2026-10-16 09:00", "2026-10-16 15:00")
    ]

    assert waiting == [(0, 0, 2), (0, 0, 1), (0, 0, 0)]


def test_unknown_does_not_wait_for_the_sweep(tx: Connection) -> None:
    case = accepted(tx)
    book(tx, case, "NAV", "2026-10-08 10:00")
    leave(tx, case)

    before = figure(tx, "I14.unknown", "2026-10-16 08:00")
    sweep.advance(tx, case.ref, now=at("2026-10-16 08:00"))

    assert numbers(before) == numbers(figure(tx, "I14.unknown", "2026-10-16 08:00")) == (1, 1, 0)


def test_of_two_first_ones_the_one_that_was_booked_first_is_the_first(tx: Connection) -> None:
    one, other = released(tx, ("NAV", "2026-10-08 10:00"), ("GP", "2026-10-08 10:00"))
    went(tx, one, "no_show", "2026-10-08 12:00")
    went(tx, other, "attended", "2026-10-08 12:00")

    assert numbers(figure(tx, "I14")) == (0, 1, 0)


# --- I15 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "counts"),
    [("2026-10-27 23:30", 1), ("2026-10-28 00:00", 0), ("2026-10-28 00:30", 0)],
)
def test_three_weeks_end_at_local_midnight_after_the_clocks_have_changed(
    tx: Connection, starts: str, counts: int
) -> None:
    (number,) = released(tx, ("OAT", starts))
    went(tx, number, "attended", "2026-10-29 10:00")

    assert numbers(figure(tx, "I15")) == (counts, 1, 0)


def test_three_weeks_are_waited_for_to_their_last_midnight(tx: Connection) -> None:
    (number,) = released(tx, ("OAT", "2026-10-08 10:00"))
    went(tx, number, "attended", "2026-10-08 12:00")

    assert numbers(figure(tx, "I15", "2026-10-27 23:59:59")) == (0, 0, 1)
    assert numbers(figure(tx, "I15", "2026-10-28 00:00")) == (1, 1, 0)


def test_followed_up_is_by_any_health_appointment_and_by_no_other(tx: Connection) -> None:
    by_another = accepted(tx)
    missed = book(tx, by_another, "GP", "2026-10-08 10:00")
    leave(tx, by_another)
    went(tx, missed, "no_show", "2026-10-08 12:00")
    later = book(tx, by_another, "SPECIALIST_ADDICTION", "2026-10-20 10:00", now="2026-10-09 10:00")
    went(tx, later, "attended", "2026-10-20 12:00")
    _, nav = released(tx, ("GP", "2026-10-08 10:00"), ("NAV", "2026-10-08 12:00"))
    went(tx, nav, "attended", "2026-10-08 13:00")
    # Nothing with the health service was confirmed: not among those to be followed up.
    (dentist,) = released(tx, ("DENTIST", "2026-10-08 12:00"))
    went(tx, dentist, "attended", "2026-10-08 13:00")

    assert numbers(figure(tx, "I15")) == (1, 2, 0)


@pytest.mark.parametrize("reason", ["died", "reimprisoned"])
@pytest.mark.parametrize(("closed", "counts"), [("2026-10-27 23:30", 0), ("2026-10-28 00:00", 1)])
def test_who_died_or_came_back_within_three_weeks_is_in_no_number(
    tx: Connection, reason: str, closed: str, counts: int
) -> None:
    case = accepted(tx)
    book(tx, case, "GP", "2026-10-20 10:00")
    leave(tx, case)
    release.close(tx, OPERATOR, case.ref, reason, closed_at=at(closed), now=at("2026-10-28 12:00"))

    assert numbers(figure(tx, "I15")) == (0, counts, 0)
    # Neither are they shown as pending, once it is known.
    assert share(counted(tx, "2026-T3", LATER), "I11") == (0, 1)


@pytest.mark.parametrize(("admitted", "counts"), [("2026-10-27 23:00", 0), ("2026-10-28 00:00", 1)])
def test_a_new_imprisonment_counts_also_where_the_follow_up_had_ended_by_a_withdrawal(
    tx: Connection, admitted: str, counts: int
) -> None:
    person = make_person(tx)
    case = make_case(tx, person=person, answer="accepted", release_on=date(2026, 10, 6))
    book(tx, case, "GP", "2026-10-20 10:00")
    leave(tx, case)
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-10-10 10:00"))
    again = make_case(tx, person=person, admitted=admitted)

    assert numbers(figure(tx, "I15")) == (0, counts, 0)
    release.close(tx, OPERATOR, again.ref, "registered_in_error", now=at("2026-10-29 10:00"))
    assert numbers(figure(tx, "I15")) == (0, 1, 0)


def test_who_died_while_the_three_weeks_run_is_not_pending(tx: Connection) -> None:
    case = accepted(tx)
    book(tx, case, "GP", "2026-10-20 10:00")
    leave(tx, case)
    assert numbers(figure(tx, "I15", "2026-10-09 08:00")) == (0, 0, 1)

    release.close(tx, OPERATOR, case.ref, "died", now=at("2026-10-09 10:00"))

    assert numbers(figure(tx, "I15", "2026-10-09 11:00")) == (0, 0, 0)


# --- where, when, as of when ---------------------------------------------------------------------


def test_appointments_belong_to_the_unit_that_released(tx: Connection) -> None:
    case = accepted(tx)
    book(tx, case, "GP", "2026-10-08 10:00")
    moved = transfers.propose_transfer(tx, OPERATOR, case.ref, "B", now=at("2026-09-25 10:00"))
    assert moved.open_transfer is not None
    transfers.answer_transfer(
        tx, OPERATOR, moved.open_transfer.id, "accept", now=at("2026-09-25 11:00")
    )
    leave(tx, case)

    report = counted(tx, "2026-T3", LATER)

    for code in ("I11", "I12", "I14.unknown"):
        assert where(report, code) == {"Øst": 1, "B": 1}
    assert where(counted(tx, "2026-T3", "2026-10-07 10:00"), "I12") == {}
    pending = counted(tx, "2026-T3", "2026-10-07 10:00")
    assert [pending.units[unit]["I12"].pending for unit in "ABC"] == [0, 1, 0]
    assert pending.regions["Øst"]["I15"].pending == 1


def test_windows_reach_over_the_turn_of_the_period_and_the_release_decides(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", release_on=date(2026, 12, 31))
    number = book(tx, case, "GP", "2027-01-03 10:00")
    leave(tx, case, when="2026-12-31 23:30")
    went(tx, number, "attended", "2027-01-03 12:00")

    old = counted(tx, "2026-T3", "2027-03-01 08:00")
    new = counted(tx, "2027-T1", "2027-03-01 08:00")

    for code in ("I11", "I12", "I14", "I15"):
        assert (share(old, code), share(new, code)) == ((1, 1), (0, 0))


def test_as_of_a_past_instant_only_what_was_recorded_by_then_counts(tx: Connection) -> None:
    (number,) = released(tx, ("GP", "2026-10-08 10:00"))
    as_of = at("2026-10-30 08:00")
    then = counted(tx, "2026-T3", as_of)
    went(tx, number, "attended", "2026-10-31 10:00", "2026-10-08 12:00")

    now = counted(tx, "2026-T3", LATER)

    assert not compare(recount(tx, Period.parse("2026-T3"), as_of), then)
    assert (share(then, "I14"), share(then, "I15")) == ((0, 0), (0, 1))
    assert (share(now, "I14"), share(now, "I15")) == ((1, 1), (1, 1))


def test_only_indicators_with_a_window_show_what_is_pending(tx: Connection) -> None:
    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    waiting = {code for code, each in report.nation.items() if each.pending is not None}

    assert waiting == {"I12", "I14", "I14.unknown", "I15"}


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"confirmed_at": None}, {"I11b", "I12", "I14", "I14.unknown", "I15"}),
        ({"status": "no_show"}, {"I14", "I15"}),
        ({"kind": "NAV"}, {"I11b", "I15"}),
    ],
)
def test_the_recount_sees_an_appointment_that_was_changed_behind_the_events(
    tx: Connection, values: dict[str, str | None], codes: set[str]
) -> None:
    gp, _ = released(tx, ("GP", "2026-10-07 10:00"), ("HOUSING", "2026-10-12 10:00"))
    went(tx, gp, "attended", "2026-10-07 12:00")
    question = Question(Period.parse("2026-T3"), at(LATER))
    tx.execute(update(appointment).where(appointment.c.id == gp).values(**values))

    differences = compare(
        count_now(tx, question).report(question), recount(tx, question.period, question.as_of)
    )

    assert {each.indicator for each in differences} == codes

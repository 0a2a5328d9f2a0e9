"""Working days and Norwegian wall clocks."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.calendar import (
    Span,
    add_working_days,
    at,
    is_working_day,
    midnight_ending,
    midpoint,
    next_working_day,
    release_instant,
    roll_back,
    roll_forward,
    shift,
    shift_date,
)
from tests.cases.strategies import DAYS, INSTANTS, oslo


def easter_sunday(year: int) -> date:
    """Easter by the anonymous Gregorian computus, to have a second source."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@pytest.mark.parametrize("year", range(2024, 2033))
def test_the_closed_weekdays_of_a_year_are_the_public_holidays_and_two_days_in_december(
    year: int,
) -> None:
    easter = easter_sunday(year)
    closed = {easter + timedelta(days=n) for n in (-3, -2, 0, 1, 39, 49, 50)} | {
        date(year, month, day)
        for month, day in ((1, 1), (5, 1), (5, 17), (12, 24), (12, 25), (12, 26), (12, 31))
    }
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    for day in days:
        assert is_working_day(day) == (day.weekday() < 5 and day not in closed), day


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        # Easter 2027: Thursday 25 to Monday 29 March are closed, five days.
        (date(2027, 3, 24), 1, date(2027, 3, 30)),
        (date(2027, 3, 30), -1, date(2027, 3, 24)),
        (date(2027, 3, 27), 1, date(2027, 3, 30)),
        (date(2027, 3, 27), -1, date(2027, 3, 24)),
        # Wednesday 23 December 2026: Christmas Eve is a Thursday.
        (date(2026, 12, 23), 1, date(2026, 12, 28)),
        (date(2026, 12, 23), 4, date(2027, 1, 4)),
        (date(2027, 1, 4), -5, date(2026, 12, 22)),
        # Whit Monday 2027 is the Constitution Day.
        (date(2027, 5, 14), 1, date(2027, 5, 18)),
        (date(2028, 2, 28), 1, date(2028, 2, 29)),
        (date(2026, 9, 1), 3, date(2026, 9, 4)),
        (date(2026, 9, 4), 1, date(2026, 9, 7)),
        (date(2026, 9, 5), 0, date(2026, 9, 5)),
    ],
)
def test_working_days_are_counted_from_the_day_after_the_anchor(
    day: date, n: int, expected: date
) -> None:
    assert add_working_days(day, n) == expected


def test_a_closed_day_rolls_back_and_forward_to_the_nearest_working_day() -> None:
    maundy_thursday = date(2027, 3, 25)

    assert roll_back(maundy_thursday) == date(2027, 3, 24)
    assert roll_forward(maundy_thursday) == date(2027, 3, 30)
    assert roll_back(date(2026, 12, 31)) == date(2026, 12, 30)
    assert roll_forward(date(2026, 12, 31)) == date(2027, 1, 4)
    assert next_working_day(date(2026, 12, 30)) == date(2027, 1, 4)


def test_a_working_day_does_not_roll() -> None:
    assert roll_back(date(2026, 9, 1)) == roll_forward(date(2026, 9, 1)) == date(2026, 9, 1)
    assert next_working_day(date(2026, 9, 1)) == date(2026, 9, 2)


@given(DAYS, st.integers(-30, 30))
def test_between_a_day_and_its_nth_working_day_lie_n_working_days(day: date, n: int) -> None:
    found = add_working_days(day, n)

    first, last = (day, found) if n >= 0 else (found, day - timedelta(days=1))
    if n >= 0:
        first += timedelta(days=1)
    between = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    assert sum(is_working_day(each) for each in between) == abs(n)
    assert n == 0 or is_working_day(found)


@given(DAYS)
def test_rolling_never_passes_a_working_day(day: date) -> None:
    back, forward = roll_back(day), roll_forward(day)

    assert back <= day <= forward
    assert is_working_day(back)
    assert is_working_day(forward)
    assert add_working_days(back, 1) == (forward if back < forward else next_working_day(day))


@pytest.mark.parametrize(
    ("start", "amount", "span", "expected"),
    [
        # Elapsed hours over both nights of 2026 in which the clock changes.
        ("2026-03-28 10:00", 24, Span.HOURS, "2026-03-29 11:00"),
        ("2026-10-24 10:00", 24, Span.HOURS, "2026-10-25 09:00"),
        # Days keep the wall clock, whatever the night took or gave.
        ("2026-03-28 10:00", 1, Span.DAYS, "2026-03-29 10:00"),
        ("2026-10-26 10:00", -2, Span.DAYS, "2026-10-24 10:00"),
        ("2026-03-27 15:00", 1, Span.WORKING_DAYS, "2026-03-30 15:00"),
        ("2026-10-26 15:00", -1, Span.WORKING_DAYS, "2026-10-23 15:00"),
        # 02:30 does not exist on 29 March: forward by the gap. On 25 October it is the first.
        ("2026-03-30 02:30", -1, Span.DAYS, "2026-03-29 03:30"),
        ("2026-10-26 02:30", -1, Span.DAYS, "2026-10-25 02:30"),
        ("2026-10-25 02:30+", 1, Span.DAYS, "2026-10-26 02:30"),
        # From a closed day, the first working day.
        ("2026-03-29 11:30", 1, Span.WORKING_DAYS, "2026-03-30 11:30"),
        ("2028-03-01 09:00", -1, Span.DAYS, "2028-02-29 09:00"),
    ],
)
def test_hours_are_elapsed_and_days_keep_the_wall_clock(
    start: str, amount: int, span: Span, expected: str
) -> None:
    assert shift(oslo(start), amount, span) == oslo(expected)


def test_the_first_of_two_equal_wall_clock_times_is_an_hour_before_the_second() -> None:
    assert at(date(2026, 10, 25), time(2, 30)) == oslo("2026-10-25 02:30")
    assert oslo("2026-10-25 02:30+") - oslo("2026-10-25 02:30") == timedelta(hours=1)


def test_a_date_cannot_be_shifted_by_hours() -> None:
    with pytest.raises(ValueError, match="hours"):
        shift_date(date(2026, 9, 1), 3, Span.HOURS)


def test_the_midpoint_is_elapsed_also_over_a_night_of_23_or_25_hours() -> None:
    assert midpoint(oslo("2026-03-28 12:00"), oslo("2026-03-30 12:00")) == oslo("2026-03-29 12:30")
    assert midpoint(oslo("2026-10-24 12:00"), oslo("2026-10-26 12:00")) == oslo("2026-10-25 11:30")


def test_a_release_date_stands_for_noon_in_norway() -> None:
    assert release_instant(date(2026, 12, 28)) == oslo("2026-12-28 12:00")


def test_the_midnight_that_ends_new_years_eve_is_local() -> None:
    assert midnight_ending(date(2026, 12, 31)) == oslo("2027-01-01 00:00")


@given(INSTANTS, st.integers(-40, 40))
def test_days_there_and_back_return_to_the_same_date(instant: datetime, n: int) -> None:
    there = shift(instant, n, Span.DAYS)
    back = shift(there, -n, Span.DAYS)
    # A time in one of the two odd hours of the year may come back an hour later or earlier.
    assert abs(back - instant) <= timedelta(hours=1)

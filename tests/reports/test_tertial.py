"""The tertial: its days, its instants, when its report is due."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.calendar import is_working_day
from core.clock import UTC, local_date
from core.errors import BadInput
from reports.tertial import Period, Question, before_closed_days, is_before_closed_day
from tests.cases.strategies import INSTANTS
from tests.people import at

PERIODS = st.builds(Period, st.integers(2000, 2100), st.integers(1, 3))


def test_a_period_is_read_as_it_is_written() -> None:
    assert Period.parse("2026-T3") == Period(2026, 3)
    assert Period.parse(" 2026-T1 ") == Period(2026, 1)
    assert str(Period(2026, 2)) == "2026-T2"


@pytest.mark.parametrize(
    "text", ["2026-T4", "2026-T0", "2026T3", "26-T3", "2026-t3", "2026-T٣", ""]
)
def test_what_is_no_period_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Period.parse(text)
    assert refused.value.reason == "bad_period"


@pytest.mark.parametrize("text", ["1899-T3", "2101-T1"])
def test_a_year_out_of_reach_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Period.parse(text)
    assert refused.value.reason == "out_of_range"


@pytest.mark.parametrize(
    ("period", "first_on", "last_on"),
    [
        ("2026-T1", date(2026, 1, 1), date(2026, 4, 30)),
        ("2026-T2", date(2026, 5, 1), date(2026, 8, 31)),
        ("2026-T3", date(2026, 9, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_holds_four_months(period: str, first_on: date, last_on: date) -> None:
    read = Period.parse(period)
    assert (read.first_on, read.last_on) == (first_on, last_on)


@pytest.mark.parametrize(
    ("period", "due_on"),
    [
        ("2026-T1", date(2026, 5, 19)),
        ("2026-T2", date(2026, 9, 18)),
        ("2026-T3", date(2027, 1, 19)),
        ("2024-T1", date(2024, 5, 16)),  # Whit Sunday, a Saturday and Constitution Day before it
        ("2027-T2", date(2027, 9, 17)),  # a Saturday
        ("2024-T3", date(2025, 1, 17)),  # a Sunday
    ],
)
def test_a_report_is_due_on_its_day_or_the_working_day_before(period: str, due_on: date) -> None:
    assert Period.parse(period).due_on == due_on


def test_units_check_within_five_working_days() -> None:
    assert Period.parse("2026-T3").checked_by == date(2027, 1, 8)


@given(period=PERIODS)
def test_a_due_day_is_a_working_day(period: Period) -> None:
    assert is_working_day(period.due_on)
    assert period.last_on < period.checked_by < period.due_on


def test_the_year_turns_at_local_midnight() -> None:
    old, new = Period.parse("2026-T3"), Period.parse("2027-T1")

    assert old.next_at == new.first_at == at("2027-01-01 00:00")
    assert old.next_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert old.last_at == old.next_at - timedelta(microseconds=1)
    assert old.holds(at("2026-12-31 23:30"))
    assert new.holds(at("2027-01-01 00:30"))


@given(instant=INSTANTS)
def test_every_instant_lies_in_exactly_the_period_of_its_local_date(instant: datetime) -> None:
    period = Period.of(local_date(instant))

    assert period.holds(instant)
    assert period.first_at <= instant < period.next_at
    assert instant <= period.last_at


@given(period=PERIODS)
def test_periods_follow_each_other_without_a_gap(period: Period) -> None:
    following = Period.of(period.next_on)

    assert following.first_on == period.next_on == period.last_on + timedelta(days=1)
    assert following > period


@pytest.mark.parametrize(
    ("day", "before_closed"),
    [
        (date(2026, 4, 1), True),  # before Maundy Thursday
        (date(2026, 4, 4), False),  # Easter Eve: the next day is a Sunday
        (date(2026, 4, 5), True),  # Easter Day: Easter Monday follows
        (date(2026, 4, 30), True),  # before Labour Day
        (date(2026, 5, 16), False),  # Constitution Day is a Sunday
        (date(2026, 12, 23), True),
        (date(2026, 12, 24), True),
        (date(2026, 12, 25), True),  # a Friday
        (date(2026, 12, 30), True),
        (date(2026, 12, 29), False),
    ],
)
def test_days_before_closed_weekdays(day: date, before_closed: bool) -> None:
    assert is_before_closed_day(day) is before_closed
    assert (day in before_closed_days(Period.of(day))) is before_closed


@given(period=PERIODS, seconds=st.integers(0, 20_000_000))
def test_a_question_looks_no_further_than_it_asks(period: Period, seconds: int) -> None:
    as_of = period.first_at + timedelta(seconds=seconds)
    question = Question(period, as_of)

    assert question.at_end < question.until
    assert question.at_end <= as_of
    assert question.until <= period.next_at
    assert question.at_end in (as_of, period.last_at)

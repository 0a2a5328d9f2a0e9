from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.clock import OSLO, from_local, iso_local, local_date, month_of, parse_instant
from core.errors import BadInput

days = st.dates(date(1900, 1, 2), date(2100, 12, 30))
times = st.times()
instants = st.integers(-2_208_900_000, 4_133_890_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


def test_a_time_that_does_not_exist_moves_forward_by_the_gap() -> None:
    # 2026-03-29: 02:00 becomes 03:00
    assert iso_local(from_local(date(2026, 3, 29), time(2, 30))) == "2026-03-29T03:30:00+02:00"
    assert iso_local(from_local(date(2026, 3, 29), time(2, 0))) == "2026-03-29T03:00:00+02:00"


def test_a_time_that_occurs_twice_is_the_first() -> None:
    # 2026-10-25: 03:00 becomes 02:00
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert from_local(date(2026, 10, 25), time(2, 30)) == first
    # A time with another fold is an equal key, so this one is not asked for elsewhere.
    assert from_local(date(2026, 10, 25), time(2, 29, fold=1)) == first - timedelta(minutes=1)
    assert iso_local(first) == "2026-10-25T02:30:00+02:00"


@given(days, times)
def test_a_local_time_that_exists_comes_back_as_itself(day: date, clock_time: time) -> None:
    there = from_local(day, clock_time).astimezone(OSLO)
    wanted = datetime.combine(day, clock_time)

    moved = there.replace(tzinfo=None) - wanted
    assert moved >= timedelta(0)  # only ever forward
    assert moved == timedelta(0) or OSLO.utcoffset(wanted) != there.utcoffset()


@given(days, times)
def test_instants_for_storage_are_in_utc(day: date, clock_time: time) -> None:
    assert from_local(day, clock_time).tzinfo is UTC


@given(instants)
def test_what_is_printed_reads_back_as_the_same_instant(instant: datetime) -> None:
    assert parse_instant(iso_local(instant)) == instant


@given(instants)
def test_the_month_is_that_of_the_local_day(instant: datetime) -> None:
    assert month_of(instant) == local_date(instant).isoformat()[:7]


def test_new_years_eve_is_over_in_norway_before_it_is_in_utc() -> None:
    instant = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    assert local_date(instant) == date(2027, 1, 1)
    assert month_of(instant) == "2027-01"
    assert clock.local(instant).time() == time(0, 30)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-09-01T08:00+02:00", "2026-09-01T08:00:00+02:00"),
        ("2026-09-01T06:00:00Z", "2026-09-01T08:00:00+02:00"),
        (" 2026-09-01 08:00 ", "2026-09-01T08:00:00+02:00"),
        ("2026-12-01T08:00", "2026-12-01T08:00:00+01:00"),
        ("2026-03-29T02:30", "2026-03-29T03:30:00+02:00"),
        ("2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T02:30:00+01:00"),
        ("2026-09-01T08:00:00.25+0200", "2026-09-01T08:00:00.250000+02:00"),
    ],
)
def test_a_time_without_offset_is_norwegian(written: str, meant: str) -> None:
    assert iso_local(parse_instant(written)) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "yesterday",
        "2026-09-01",
        "2026-02-30T08:00",
        "2026-09-01T24:00",
        "2026-09-01T08:60",
        "01.09.2026 08:00",
        "２０２６-09-01T08:00",  # full-width digits
        "2026-W36-2T08:00",
        "2026-09-01T08:00+02:00\nDROP",
        "2026-09-01T08:00+99:00",
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(BadInput, match="write it like") as refused:
        parse_instant(written, field="at")

    assert (refused.value.reason, refused.value.field) == ("bad_time", "at")


@pytest.mark.parametrize("written", ["1899-12-31T23:00", "2101-01-01T00:00Z", "0001-01-01T00:00"])
def test_a_time_out_of_reach_is_refused(written: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_instant(written)

    assert refused.value.reason == "out_of_range"


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_a_bad_input(written: str) -> None:
    for read in (parse_instant, clock.parse_date):
        try:
            read(written)
        except BadInput as refused:
            assert refused.reason in {"bad_time", "bad_date", "out_of_range"}  # noqa: PT017


@pytest.mark.parametrize("written", ["2026-02-29", "20260901", "1.9.2026", "２０２６-09-01", ""])
def test_a_date_that_cannot_be_read_is_refused(written: str) -> None:
    with pytest.raises(BadInput, match="2026-12-01"):
        clock.parse_date(written)


def test_a_date_is_read_as_itself() -> None:
    assert clock.parse_date("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize("ask", [local_date, month_of, iso_local, clock.local, clock.frozen_clock])
def test_a_time_without_zone_is_a_fault_not_a_guess(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match="aware"):
        ask(datetime(2026, 9, 1, 8))  # noqa: DTZ001


def test_a_wall_clock_time_brings_no_zone() -> None:
    with pytest.raises(ValueError, match="wall-clock"):
        from_local(date(2026, 9, 1), time(8, tzinfo=UTC))


def test_a_frozen_clock_stands_still_in_utc() -> None:
    now = clock.frozen_clock(datetime(2026, 9, 1, 8, tzinfo=timezone(timedelta(hours=2))))

    assert now() == now() == datetime(2026, 9, 1, 6, tzinfo=UTC)
    assert now().tzinfo is UTC


def test_the_systems_clock_is_in_utc() -> None:
    assert clock.system_now().tzinfo is UTC

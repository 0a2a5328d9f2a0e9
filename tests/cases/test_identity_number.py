"""Identity numbers, synthetic ones and numbers of the long dead (born before 1900) only."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.no import fodselsnummer

from cases.identity_number import IdentityKind, classify, with_leading_zero
from tests.cases.identity_numbers import first_number, number

SYNTHETIC = "01918445222"  # month + 80; the zero in front is the one that spreadsheets take


@pytest.mark.parametrize(
    ("day", "month", "kind", "synthetic"),
    [
        (7, 3, IdentityKind.NATIONAL, False),
        (47, 3, IdentityKind.D_NUMBER, False),
        (7, 83, IdentityKind.NATIONAL, True),
        (7, 43, IdentityKind.NATIONAL, True),
        (47, 83, IdentityKind.D_NUMBER, True),
        (47, 43, IdentityKind.D_NUMBER, True),
    ],
)
def test_day_and_month_tell_what_a_number_is(
    day: int, month: int, kind: IdentityKind, synthetic: bool
) -> None:
    text = first_number(day, month, 71, 520)

    told = classify(text)

    assert told.kind is kind
    assert told.synthetic is synthetic
    assert told.born_on == date(1871, 3, 7)
    assert told.normalised == text


@pytest.mark.parametrize(
    ("year", "individual", "born_in"),
    [
        (0, 20, 1900),
        (84, 452, 1984),
        (84, 930, 1984),
        (3, 693, 2003),
        (39, 970, 2039),
        (54, 600, 1854),
    ],
)
def test_the_individual_number_gives_the_century(year: int, individual: int, born_in: int) -> None:
    born_on = classify(first_number(1, 91, year, individual)).born_on

    assert born_on is not None
    assert born_on.year == born_in


def test_an_individual_number_without_a_century_is_invalid() -> None:
    # 500-899 means 1854-1899 or 2000-2039; the year 45 is neither.
    assert not classify(first_number(1, 91, 45, 800)).valid


@given(
    st.integers(1, 31), st.integers(1, 12), st.integers(54, 99), st.integers(500, 749),
    st.sampled_from([0, 40]),
)  # fmt: skip
def test_numbers_of_the_dead_are_judged_as_an_independent_library_does(
    day: int, month: int, year: int, individual: int, d_number: int
) -> None:
    text = number(day + d_number, month, year, individual)
    if text is not None:
        assert classify(text).valid is fodselsnummer.is_valid(text)


@given(st.integers(0, 10), st.integers(0, 9))
def test_one_wrong_digit_is_always_seen(place: int, digit: int) -> None:
    mutated = SYNTHETIC[:place] + str(digit) + SYNTHETIC[place + 1 :]

    assert classify(mutated).valid is (mutated == SYNTHETIC)


@given(st.text(max_size=20))
def test_any_text_is_judged_and_only_eleven_digits_can_be_valid(text: str) -> None:
    told = classify(text)

    assert told.valid is bool(told.normalised)
    if told.valid:
        assert len(told.normalised) == 11
        assert told.normalised.isascii()


@pytest.mark.parametrize(
    "written",
    [
        "019184 45222",
        "01.91.84-45222",
        " 01918445222 ",
        "０１９１８４４５２２２",
        "019184\u00a045222",
    ],
)
def test_writing_makes_no_difference_to_the_canonical_form(written: str) -> None:
    assert classify(written).normalised == SYNTHETIC


def test_the_zero_that_a_spreadsheet_took_is_put_back_when_that_makes_a_number() -> None:
    assert not classify("1918445222").valid
    assert with_leading_zero("1918445222").normalised == SYNTHETIC
    assert not with_leading_zero("1918445223").valid
    assert not with_leading_zero("918445222").valid
    assert not with_leading_zero(SYNTHETIC).valid


@pytest.mark.parametrize("text", ["", "0", "12345678901", "00000000000", "31829045222", "1e10"])
def test_what_is_no_number_is_invalid(text: str) -> None:
    assert classify(text).kind is IdentityKind.INVALID
    assert classify(text).born_on is None

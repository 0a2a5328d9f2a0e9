"""Which numbers can take an SMS. The numbers are made up or taken from series kept for examples."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.phone import Phone, PhoneFault, PhoneRefusal, sms_number


@pytest.mark.parametrize(
    "written",
    [
        "40612345",
        "406 12 345",
        "+47 406 12 345",
        "0047 40612345",
        "47 40612345",
        "+47 (0) 406 12 345",
        "40 61 23 45",
        "406-12-345",
        "406\u00a012\u00a0345",
        "406–12–345",
        "４０６１２３４５",
        "＋４７４０６１２３４５",
        "٤٠٦١٢٣٤٥",
    ],
)
def test_a_norwegian_mobile_number_is_taken_however_it_is_written(written: str) -> None:
    assert sms_number(written) == Phone("+4740612345")


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("+46 70 123 45 67", "+46701234567"),
        ("0046701234567", "+46701234567"),
        ("+44 7400 123456", "+447400123456"),
        ("+48 512 345 678", "+48512345678"),
    ],
)
def test_a_foreign_mobile_number_keeps_its_country(written: str, e164: str) -> None:
    assert sms_number(written) == Phone(e164)


def test_a_number_without_prefix_is_read_in_its_region() -> None:
    assert sms_number("070-123 45 67", region="SE") == Phone("+46701234567")
    assert isinstance(sms_number("40612345", region="SE"), PhoneRefusal)


def test_where_the_plan_does_not_tell_mobile_from_fixed_the_number_is_taken() -> None:
    assert sms_number("+1 202 555 0123") == Phone("+12025550123")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", PhoneFault.EMPTY),
        ("  ", PhoneFault.EMPTY),
        ("4O123456", PhoneFault.LETTERS),
        ("ingen", PhoneFault.LETTERS),
        ("40612345 ext 5", PhoneFault.LETTERS),
        ("113", PhoneFault.EMERGENCY),
        ("112", PhoneFault.EMERGENCY),
        ("02800", PhoneFault.SHORT_NUMBER),
        ("+47 02800", PhoneFault.SHORT_NUMBER),
        ("116117", PhoneFault.SHORT_NUMBER),
        ("406 12 34", PhoneFault.SHORT_NUMBER),
        ("22 00 00 00", PhoneFault.LANDLINE),
        ("+47 22 00 00 00", PhoneFault.LANDLINE),
        ("820 12 345", PhoneFault.PREMIUM),
        ("800 12 345", PhoneFault.NOT_MOBILE),
        ("815 00 000", PhoneFault.NOT_MOBILE),
        ("40612345 / 40612346", PhoneFault.NOT_A_NUMBER),
        ("40612345,40612346", PhoneFault.NOT_A_NUMBER),
        ("*31#40612345", PhoneFault.NOT_A_NUMBER),
        ("----------", PhoneFault.NOT_A_NUMBER),
        ("+999 40612345", PhoneFault.NOT_A_NUMBER),
        ("4" * 500, PhoneFault.NOT_A_NUMBER),
    ],
)
def test_a_number_that_cannot_take_an_sms_is_refused_with_the_reason(
    written: str, reason: PhoneFault
) -> None:
    assert sms_number(written) == PhoneRefusal(reason)


@given(st.integers(10_000_000, 99_999_999))
@example(42_000_000)
@example(58_012_345)
def test_eight_plain_digits_are_a_mobile_by_the_plan_or_by_the_numbering_data(value: int) -> None:
    written = str(value)
    number = phonenumbers.parse(written, "NO")
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    eight = len(phonenumbers.national_significant_number(number)) == 8
    planned = written[0] in "49"

    assert isinstance(sms_number(written), Phone) is (planned or (mobile and eight))


@given(st.text(max_size=60) | st.text(alphabet="0123456789+ ()-./", max_size=45))
def test_any_text_gives_a_number_or_a_refusal(text: str) -> None:
    told = sms_number(text)

    if isinstance(told, Phone):
        assert told.e164.startswith("+")
        assert told.e164[1:].isdigit()
        assert sms_number(told.e164) == told

"""Phone numbers: which can take an SMS, in the one form they are stored in (E.164).

Pure. What belongs to which series is Google's public numbering data (`phonenumbers`), with one
correction: it takes five-digit Norwegian service numbers such as 02800 for ordinary ones.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

DEFAULT_REGION: Final = "NO"

# E.164 has at most 15 digits; 40 characters leave room for generous punctuation.
_LONGEST: Final = 40
_WRITTEN: Final = re.compile(r"\+?[0-9 ().\-/]+")
_NORWAY: Final = 47
# Norwegian subscribers have eight digits; everything shorter is a service.
_NORWEGIAN_SUBSCRIBER: Final = 8


class PhoneFault(StrEnum):
    """Why a number cannot take our SMS."""

    EMPTY = "empty"
    LETTERS = "letters"
    NOT_A_NUMBER = "not_a_number"
    EMERGENCY = "emergency"
    SHORT_NUMBER = "short_number"
    LANDLINE = "landline"
    PREMIUM = "premium"
    NOT_MOBILE = "not_mobile"
    NOT_IN_USE = "not_in_use"


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that can take an SMS, as E.164: `+4798…`."""

    e164: str


@dataclass(frozen=True, slots=True)
class PhoneRefusal:
    """A text that is no such number; `reason` is a `PhoneFault` value."""

    reason: PhoneFault


_FAULTS: Final = {
    PhoneNumberType.FIXED_LINE: PhoneFault.LANDLINE,
    PhoneNumberType.PREMIUM_RATE: PhoneFault.PREMIUM,
    PhoneNumberType.SHARED_COST: PhoneFault.PREMIUM,
    PhoneNumberType.UNKNOWN: PhoneFault.NOT_IN_USE,
}
# Where the numbering plan does not tell mobile from fixed (North America), the number may be one.
_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
# The Norwegian numbering plan gives eight digits beginning with 4 or 9 to mobiles. The library
# knows only the blocks handed out when it was made; a person with a newer number would lose every
# reminder, so the plan decides.
_NORWEGIAN_MOBILE: Final = re.compile("[49][0-9]{7}", re.ASCII)


def sms_number(text: str, region: str = DEFAULT_REGION) -> Phone | PhoneRefusal:
    """Read a phone number as written by a person.

    `region` (ISO 3166 code) is the country of numbers without prefix. Full-width digits count as
    digits; spaces, dots, dashes, slashes and brackets do not matter; a letter is never guessed to
    be a digit. Never raises for a text.
    """
    written = text.strip()
    if region == "NO" and _NORWEGIAN_MOBILE.fullmatch(written) is not None:
        return Phone(f"+47{written}")
    if not written.isascii():
        written = _in_ascii(written).strip()
    if not written:
        return PhoneRefusal(PhoneFault.EMPTY)
    if any(character.isalpha() for character in written):
        return PhoneRefusal(PhoneFault.LETTERS)
    if len(written) > _LONGEST or _WRITTEN.fullmatch(written) is None:
        return PhoneRefusal(PhoneFault.NOT_A_NUMBER)
    if sum(character.isdigit() for character in written) < _NORWEGIAN_SUBSCRIBER:
        return PhoneRefusal(_short(written, region))
    return _subscriber(written, region)


def _subscriber(written: str, region: str) -> Phone | PhoneRefusal:
    if written.startswith(("+", "00")):
        # "+47 (0) 900 …": the bracket holds what is dialled at home only.
        written = written.replace("(0)", "")
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return PhoneRefusal(PhoneFault.NOT_A_NUMBER)
    if number.country_code == _NORWAY and number.national_number is not None:
        # A leading zero makes no difference: +47 02800 has an integer of four digits.
        digits = len(phonenumbers.national_significant_number(number))
        if digits < _NORWEGIAN_SUBSCRIBER:
            return PhoneRefusal(PhoneFault.SHORT_NUMBER)
        national = str(number.national_number)
        if _NORWEGIAN_MOBILE.fullmatch(national) is not None:
            return Phone(f"+47{national}")
    kind = phonenumbers.number_type(number)
    if kind not in _MOBILE:
        if not phonenumbers.is_possible_number(number):
            return PhoneRefusal(PhoneFault.NOT_A_NUMBER)
        return PhoneRefusal(_FAULTS.get(kind, PhoneFault.NOT_MOBILE))
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _short(written: str, region: str) -> PhoneFault:
    digits = "".join(character for character in written if character.isdigit())
    if not digits:
        return PhoneFault.NOT_A_NUMBER
    if phonenumbers.is_emergency_number(digits, region):
        return PhoneFault.EMERGENCY
    return PhoneFault.SHORT_NUMBER


def _in_ascii(written: str) -> str:
    # NFKC folds full-width forms; other scripts' digits have a decimal value of their own.
    folded = unicodedata.normalize("NFKC", written).translate(_DASHES)
    return "".join(
        character if character.isascii() else str(unicodedata.decimal(character, character))
        for character in folded
    )


# Word processors and spreadsheets put typographic dashes into numbers.
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")

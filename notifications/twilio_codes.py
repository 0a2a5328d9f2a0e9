"""Twilio's error codes that mean something to us, in one table. Pure.

Those known by name decide by themselves what becomes of a message, a number or the line; every
other is "failed, show to a person": refused with the code kept. Source: Twilio's error dictionary
(https://www.twilio.com/docs/api/errors), read 2026-11-25.
"""

from __future__ import annotations

from typing import Final

from notifications.reasons import Reason
from notifications.sender import Outcome

REFUSALS: Final = {
    20003: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),  # authentication failed
    20005: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),  # account not active
    20008: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),  # test credentials
    20429: (Outcome.LATER, Reason.TOO_FAST),
    14107: (Outcome.LATER, Reason.TOO_FAST),  # message rate exceeded
    21211: (Outcome.REFUSED, Reason.BAD_NUMBER),  # invalid "To"
    21614: (Outcome.REFUSED, Reason.BAD_NUMBER),  # "To" is no mobile
    21610: (Outcome.REFUSED, Reason.OPTED_OUT),
    21408: (Outcome.REFUSED, Reason.COUNTRY_NOT_ALLOWED),
    21612: (Outcome.REFUSED, Reason.COUNTRY_NOT_ALLOWED),  # not reachable from this sender
    21602: (Outcome.REFUSED, Reason.TEXT_REFUSED),  # body missing
    21617: (Outcome.REFUSED, Reason.TEXT_REFUSED),  # body too long
    21212: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # invalid "From"
    21603: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # "From" missing
    21606: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # "From" not ours, or no SMS
    21659: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # "From" is no Twilio number
    21660: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # "From" of another account
    21701: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # no such messaging service
    21703: (Outcome.BLOCKED, Reason.SENDER_REFUSED),  # messaging service without numbers
    30002: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),  # account suspended
}
"""What a definite refusal (4xx) of a call means, by its code."""

BY_STATUS: Final = {
    401: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),
    403: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),
    404: (Outcome.BLOCKED, Reason.CREDENTIALS_REFUSED),  # no such account
    407: (Outcome.BLOCKED, Reason.NO_CONNECTION),  # a proxy of ours
    429: (Outcome.LATER, Reason.TOO_FAST),
}
"""The same by HTTP status, where the code is none of the above."""

NUMBER_FAILED: Final = {
    21211: Reason.BAD_NUMBER,
    21614: Reason.BAD_NUMBER,
    30005: Reason.NUMBER_GONE,  # unknown destination
    30006: Reason.BAD_NUMBER,  # landline, or a carrier that cannot be reached
}
"""Codes, of a refusal or of a failed delivery, after which the number is no use for good."""

OPTED_OUT: Final = 21610


def refusal(status: int, code: int | None) -> tuple[Outcome, Reason | None]:
    """What a 4xx answer means; (REFUSED, None) for what is not known by name.

    408 is no refusal: the server gave up waiting, and may have the message all the same.
    """
    if status == 408:
        return Outcome.UNKNOWN, None
    if code is not None and code in REFUSALS:
        return REFUSALS[code]
    return BY_STATUS.get(status, (Outcome.REFUSED, None))


def number(code: str | None) -> int | None:
    """A code as the provider writes it, as a number; None for anything else."""
    return int(code) if code is not None and code.isascii() and code.isdigit() else None


def tells_by_itself(code: str | None) -> bool:
    """Whether somebody hears of a failed delivery with this code anyway, or nobody needs to."""
    known = number(code)
    return known in NUMBER_FAILED or known == OPTED_OUT

"""Why a message was sent, was not, or needs somebody: every reason code, in one table.

A reason is a stable code that interfaces show as it is; `MEANING` says in one English sentence
what it means to staff. None of them tells more about the person than the state of the case does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a message stands in the state it stands in."""

    # cancelled: the case, or the person's wish, says that nothing is to be sent
    NO_CONSENT = "no_consent"
    NO_NUMBER = "no_number"
    OPTED_OUT = "opted_out"
    PROTECTED = "protected"
    NOT_RELEASED = "not_released"
    DEPORTED = "deported"
    DIED = "died"
    REIMPRISONED = "reimprisoned"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    # cancelled: the appointment says so
    NOT_CONFIRMED = "not_confirmed"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    MOVED = "moved"
    APPOINTMENT_OVER = "appointment_over"
    NO_APPOINTMENT = "no_appointment"
    # cancelled: there is no moment at which it may be sent
    BOOKED_TOO_LATE = "booked_too_late"
    OUTSIDE_HOURS = "outside_hours"
    AFTER_FOLLOW_UP = "after_follow_up"
    REPLACED = "replaced"
    # expired
    TOO_LATE = "too_late"
    # accepted, refused
    TAKEN = "taken"
    SHOWN = "shown_only"
    FOUND = "found_at_provider"
    CALLED_BACK = "told_by_provider"
    SAID_SENT = "a_person_says_it_went"
    NOT_DELIVERED = "not_delivered"
    SAID_SEEN = "a_person_saw_it"
    REFUSED = "refused"
    BAD_NUMBER = "bad_number"
    NUMBER_GONE = "number_gone"
    WRONG_NUMBER = "wrong_number"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    TEXT_REFUSED = "text_refused"
    GAVE_UP = "gave_up"
    # unknown
    NO_ANSWER = "no_answer"
    WORKER_STOPPED = "worker_stopped"
    # needs_person
    MAY_HAVE_BEEN_SENT = "may_have_been_sent"
    LOOK_UP_FAILED = "look_up_failed"
    TRACES_DIFFER = "traces_differ"
    UNFIT_TEXT = "unfit_text"
    # cancelled by somebody who looked at it
    SAID_DROP = "a_person_dropped_it"
    # why the line to the provider rests
    NO_ANSWERS = "no_answers"
    TOO_FAST = "too_fast"
    NO_CONNECTION = "no_connection"
    CREDENTIALS_REFUSED = "credentials_refused"
    SENDER_REFUSED = "sender_refused"


MEANING: Final[dict[Reason, str]] = {
    Reason.NO_CONSENT: "there is no consent to SMS in force",
    Reason.NO_NUMBER: "no number is known that can take an SMS",
    Reason.OPTED_OUT: "the number asked us to stop",
    Reason.PROTECTED: "the address protection allows no SMS",
    Reason.NOT_RELEASED: "the person is not released",
    Reason.DEPORTED: "the release led out of the country",
    Reason.DIED: "the case is closed because the person died",
    Reason.REIMPRISONED: "the person is in prison again",
    Reason.WITHDRAWN: "the person withdrew from the package",
    Reason.CLOSED: "the case is closed",
    Reason.NOT_CONFIRMED: "the appointment is not confirmed",
    Reason.APPOINTMENT_CANCELLED: "the appointment was cancelled",
    Reason.MOVED: "the appointment was moved",
    Reason.APPOINTMENT_OVER: "the appointment has its outcome",
    Reason.NO_APPOINTMENT: "there is no such appointment",
    Reason.BOOKED_TOO_LATE: "booked so late that no moment was left to remind",
    Reason.OUTSIDE_HOURS: "two hours before the appointment is before 08:00 or after 20:00",
    Reason.AFTER_FOLLOW_UP: "it would go after the last day of follow-up",
    Reason.REPLACED: "another reminder of the same appointment took its place",
    Reason.TOO_LATE: "it could not go within three hours of its time, or before the appointment",
    Reason.TAKEN: "it was due, and the provider took it",
    Reason.SHOWN: "no SMS service is set: it was shown here, and not sent",
    Reason.FOUND: "no answer came, but the provider has it: it was taken",
    Reason.CALLED_BACK: "the provider told us what became of it: it was taken",
    Reason.SAID_SENT: "somebody found out that it went",
    Reason.NOT_DELIVERED: "the provider took it, but it did not reach the phone: tell the person",
    Reason.SAID_SEEN: "it did not reach the person, and somebody has seen to it",
    Reason.REFUSED: "the provider refused it: it was not sent",
    Reason.BAD_NUMBER: "the number cannot take an SMS: it was not sent, ask for another number",
    Reason.NUMBER_GONE: "the number is no longer in use: ask for another number",
    Reason.WRONG_NUMBER: "whoever has the number answered that it is wrong: ask for another",
    Reason.COUNTRY_NOT_ALLOWED: "the SMS account may not send to that country: it was not sent",
    Reason.TEXT_REFUSED: "the provider refused the text: it was not sent",
    Reason.GAVE_UP: "the provider put it off again and again: it was not sent",
    Reason.NO_ANSWER: "the provider gave no answer that tells whether it took it",
    Reason.WORKER_STOPPED: "the worker stopped in mid-sending: nobody can tell yet whether it went",
    Reason.MAY_HAVE_BEEN_SENT: "nobody can tell whether it went: ask the person or call",
    Reason.LOOK_UP_FAILED: "it may have gone; the provider could not be asked: ask the person",
    Reason.TRACES_DIFFER: "it may have gone; what the provider has does not tell: ask the person",
    Reason.UNFIT_TEXT: "the text could not be made, or would tell too much: an admin must mend it",
    Reason.SAID_DROP: "somebody decided that it is not sent",
    Reason.NO_ANSWERS: "the provider gave no answer several times in a row",
    Reason.TOO_FAST: "the provider asks us to come again later",
    Reason.NO_CONNECTION: "the provider cannot be reached",
    Reason.CREDENTIALS_REFUSED: "the provider refuses our account or its secret: check them",
    Reason.SENDER_REFUSED: "the provider refuses our sender: check OVERLEV_TWILIO_SENDER",
}

REFUSED_FOR_A_PERSON: Final = (
    Reason.REFUSED,
    Reason.COUNTRY_NOT_ALLOWED,
    Reason.TEXT_REFUSED,
    Reason.GAVE_UP,
)
"""Refusals of which nobody hears otherwise: somebody has to see them.

The others tell by themselves: a number that is no use is a notice to its coordinator, and who opted
out wants nothing.
"""


def meaning(code: str) -> str:
    """The sentence of a reason code. Raises `ValueError` for a code that is none."""
    return MEANING[Reason(code)]

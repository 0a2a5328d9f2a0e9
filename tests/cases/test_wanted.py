"""Which messages a released person should get: every rule, and a table reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import wanted as rules
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    CloseReason,
    Consent,
    ConsentPurpose,
    Destination,
    Participation,
    Phase,
    Protection,
    Receiver,
)
from cases.wanted import still_wanted, unreminded, wanted, why_none, why_not
from core.clock import OSLO, local, local_date
from notifications import texts
from notifications.message import Wanted

CONFIRMED = AppointmentStatus.CONFIRMED
HOUR = timedelta(hours=1)


def oslo(written: str) -> datetime:
    """`2026-11-25 10:00` on the Norwegian wall clock, as UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=OSLO).astimezone(UTC)


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def minutes(first: str, days: int) -> st.SearchStrategy[datetime]:
    """Any minute of so many days."""
    begin = oslo(first)
    return st.integers(0, days * 24 * 60).map(lambda n: begin + timedelta(minutes=n))


RELEASED = oslo("2026-11-23 10:00")
START = oslo("2026-11-25 10:00")


def appointment(
    starts_at: datetime = START,
    *,
    id: str = "a1",  # noqa: A002 - the field is called so
    kind: AppointmentKind = AppointmentKind.OAT,
    status: AppointmentStatus = CONFIRMED,
    confirmed_at: datetime | None = RELEASED - timedelta(days=7),
    outcome_at: datetime | None = None,
) -> Appointment:
    return Appointment(
        id=id,
        kind=kind,
        status=status,
        starts_at=starts_at,
        booked_at=RELEASED - timedelta(days=20),
        by="COORDINATOR",
        confirmed_at=confirmed_at,
        outcome_at=outcome_at,
    )


def sms(
    given: bool = True, *, seq: int = 1, at: datetime = RELEASED - timedelta(days=30)
) -> Consent:
    return Consent(seq, ConsentPurpose.SMS, None, given, at, at, "NURSE")


def released(
    *appointments: Appointment,
    at: datetime = RELEASED,
    recorded_at: datetime | None = None,
    consents: tuple[Consent, ...] = (sms(),),
) -> Case:
    """An accepted case in follow-up that may be written to."""
    return Case(
        ref="CASE",
        person="PERSON",
        unit="A",
        package="national-1",
        admitted_at=at - timedelta(days=90),
        opened_at=at - timedelta(days=90),
        admitted_unit="A",
        counted_as="P",
        phase=Phase.FOLLOW_UP,
        participation=Participation.ACCEPTED,
        released_at=at,
        release_recorded_at=recorded_at or at,
        release_on=local_date(at),
        destination=Destination.LIBERTY,
        language="nn",
        reachable=True,
        appointments=appointments,
        consents=consents,
    )


def only(case: Case) -> Wanted:
    (message,) = wanted(case)
    return message


# When


def test_the_day_before_at_two_in_the_afternoon() -> None:
    message = only(released(appointment()))

    assert message == Wanted(
        about="CASE/a1/day_before/2026-11-25T10:00:00+01:00",
        subject="CASE",
        person="PERSON",
        rung="day_before",
        send_at=oslo("2026-11-24 14:00"),
        expires_at=oslo("2026-11-24 17:00"),
        starts_at=START,
        template="appointment_reminder",
        language="nn",
    )
    assert message.template in texts.PLACES


# release, confirmation and start on the Norwegian clock; the message in UTC, reckoned by hand.
TABLE = [
    # An ordinary week in winter (UTC + 1) and in summer (UTC + 2).
    ("2026-11-20 12:00", "2026-11-10 12:00", "2026-11-25 10:00", "2026-11-24 13:00", "day_before"),
    ("2026-07-01 12:00", "2026-06-20 12:00", "2026-07-03 10:00", "2026-07-02 12:00", "day_before"),
    # Booked a second before 14:00, at 14:00 sharp, and after.
    (
        "2026-11-24 13:59:59",
        "2026-11-10 12:00",
        "2026-11-25 10:00",
        "2026-11-24 13:00",
        "day_before",
    ),
    ("2026-11-24 14:00", "2026-11-10 12:00", "2026-11-25 10:00", "2026-11-25 07:00", "same_day"),
    ("2026-11-20 12:00", "2026-11-24 18:00", "2026-11-25 10:30", "2026-11-25 07:30", "same_day"),
    # Released and seen the same day.
    ("2026-11-25 09:00", "2026-11-10 12:00", "2026-11-25 11:30", "2026-11-25 08:30", "same_day"),
    ("2026-11-25 09:00", "2026-11-10 12:00", "2026-11-25 11:00", None, "booked_too_late"),
    ("2026-11-25 09:00", "2026-11-10 12:00", "2026-11-25 10:59", None, "booked_too_late"),
    ("2026-11-25 09:00", "2026-11-10 12:00", "2026-11-25 08:00", None, "booked_too_late"),
    # 08:00 and 20:00 themselves are between 08:00 and 20:00.
    ("2026-11-24 18:00", "2026-11-10 12:00", "2026-11-25 10:00", "2026-11-25 07:00", "same_day"),
    ("2026-11-24 18:00", "2026-11-10 12:00", "2026-11-25 09:59", None, "outside_hours"),
    ("2026-11-25 18:00", "2026-11-10 12:00", "2026-11-25 22:00", "2026-11-25 19:00", "same_day"),
    ("2026-11-25 18:00", "2026-11-10 12:00", "2026-11-25 22:01", None, "outside_hours"),
    # Just after midnight: two hours before is the evening before, too late in the day.
    ("2026-11-24 15:00", "2026-11-10 12:00", "2026-11-25 00:30", None, "outside_hours"),
    ("2026-11-24 12:00", "2026-11-10 12:00", "2026-11-25 00:30", "2026-11-24 13:00", "day_before"),
    # The spring night: 28 March 2027 has no 02:00–03:00. The day before is still UTC + 1 …
    ("2027-03-20 12:00", "2027-03-10 12:00", "2027-03-28 10:00", "2027-03-27 13:00", "day_before"),
    # … and on the day before the Monday summer time has begun.
    ("2027-03-20 12:00", "2027-03-10 12:00", "2027-03-29 10:00", "2027-03-28 12:00", "day_before"),
    ("2027-03-27 15:00", "2027-03-10 12:00", "2027-03-28 10:00", "2027-03-28 06:00", "same_day"),
    # The autumn night: 31 October 2027 has 02:00–03:00 twice.
    ("2027-10-20 12:00", "2027-10-10 12:00", "2027-10-31 10:00", "2027-10-30 12:00", "day_before"),
    ("2027-10-20 12:00", "2027-10-10 12:00", "2027-11-01 10:00", "2027-10-31 13:00", "day_before"),
    ("2027-10-30 15:00", "2027-10-10 12:00", "2027-10-31 10:00", "2027-10-31 07:00", "same_day"),
    # Over New Year's Eve, and on 1 January itself; days off make no difference.
    ("2026-12-30 12:00", "2026-12-20 12:00", "2027-01-01 11:00", "2026-12-31 13:00", "day_before"),
    ("2026-12-31 16:00", "2026-12-20 12:00", "2027-01-01 11:00", "2027-01-01 08:00", "same_day"),
    ("2026-12-31 12:00", "2026-12-20 12:00", "2027-01-01 00:15", "2026-12-31 13:00", "day_before"),
    # 29 February, Easter Monday 2027, 17 May.
    ("2028-02-20 12:00", "2028-02-10 12:00", "2028-03-01 10:00", "2028-02-29 13:00", "day_before"),
    ("2027-03-24 12:00", "2027-03-10 12:00", "2027-03-30 10:00", "2027-03-29 12:00", "day_before"),
    ("2027-05-10 12:00", "2027-05-01 12:00", "2027-05-18 10:00", "2027-05-17 12:00", "day_before"),
    # Day R + 42 is 4 January 2027 for a release on 23 November 2026.
    ("2026-11-23 23:59", "2026-11-10 12:00", "2027-01-04 10:00", "2027-01-03 13:00", "day_before"),
    ("2026-11-23 23:59", "2026-11-10 12:00", "2027-01-05 10:00", "2027-01-04 13:00", "day_before"),
    ("2026-11-23 23:59", "2026-11-10 12:00", "2027-01-06 10:00", None, "after_follow_up"),
    ("2026-11-23 12:00", "2027-01-04 18:00", "2027-01-05 10:00", None, "after_follow_up"),
    # The release was on the 24th by the Norwegian clock, on the 23rd in UTC.
    ("2026-11-24 00:30", "2026-11-10 12:00", "2027-01-06 10:00", "2027-01-05 13:00", "day_before"),
]


@pytest.mark.parametrize(("release", "confirmed", "start", "sent", "rung"), TABLE)
def test_the_message_goes_when_the_table_says(
    release: str, confirmed: str, start: str, sent: str | None, rung: str
) -> None:
    case = released(
        appointment(oslo(start), confirmed_at=oslo(confirmed)),
        at=oslo(release),
        consents=(sms(at=oslo("2026-01-01 12:00")),),
    )

    if sent is None:
        assert wanted(case) == ()
        assert why_none(case) == rung
    else:
        message = only(case)
        assert (message.send_at, message.rung) == (utc(sent), rung)
        assert message.expires_at == min(utc(sent) + 3 * HOUR, oslo(start))


def test_a_release_typed_in_late_counts_from_its_recording() -> None:
    late = released(appointment(), recorded_at=oslo("2026-11-24 18:00"))

    message = only(late)

    # At 14:00 nobody knew of the release; two hours before there is still time.
    assert (message.rung, message.send_at) == ("same_day", oslo("2026-11-25 08:00"))


def test_a_release_typed_in_soon_after_the_usual_time_takes_no_message_away() -> None:
    early = appointment(oslo("2026-11-25 09:00"))

    # It goes at once: two hours before would be too early in the morning.
    for recorded_at in ("2026-11-24 16:00", "2026-11-24 16:59"):
        message = only(released(early, recorded_at=oslo(recorded_at)))
        assert (message.rung, message.send_at) == ("day_before", oslo("2026-11-24 14:00"))


def test_an_appointment_of_which_nothing_is_sent_says_why() -> None:
    asked, now = appointment(oslo("2026-11-25 09:00")), oslo("2026-11-24 09:00")
    late = appointment(oslo("2026-11-24 12:00"), id="a2", confirmed_at=oslo("2026-11-24 11:00"))

    told = unreminded(released(asked, late), now=oslo("2026-11-24 11:30"))

    assert [(each.id, why) for each, why in told] == [("a2", "booked_too_late")]
    alone = replace(released(asked), consents=())
    assert [why for _, why in unreminded(alone, now=now)] == ["no_consent"]
    assert unreminded(alone, now=oslo("2026-11-25 09:00")) == [], "it is over"


def test_a_release_typed_in_before_the_message_makes_no_difference() -> None:
    assert wanted(released(appointment(), recorded_at=oslo("2026-11-24 13:59"))) == wanted(
        released(appointment())
    )


def test_an_appointment_without_a_time_of_confirmation_counts_from_its_booking() -> None:
    assert only(released(appointment(confirmed_at=None))).rung == "day_before"


@given(
    starts_at=minutes("2026-11-20 00:00", 75),
    confirmed_at=minutes("2026-10-20 00:00", 105),
    recorded=st.timedeltas(timedelta(0), timedelta(days=5)),
)
def test_a_message_always_goes_after_the_booking_before_the_start_and_in_follow_up(
    starts_at: datetime, confirmed_at: datetime, recorded: timedelta
) -> None:
    case = released(
        appointment(starts_at, confirmed_at=confirmed_at), recorded_at=RELEASED + recorded
    )

    for message in wanted(case):
        assert max(RELEASED, confirmed_at) < message.send_at
        assert message.send_at < message.expires_at <= starts_at
        assert message.expires_at <= message.send_at + 3 * HOUR
        assert local_date(message.send_at) <= date(2027, 1, 4)
        assert time(8) <= local(message.send_at).time() <= time(20)
        assert still_wanted(case, message.about) is None


@given(st.lists(minutes("2026-11-20 00:00", 75), max_size=6))
def test_messages_come_in_the_order_of_sending_and_are_about_different_things(
    starts: list[datetime],
) -> None:
    case = released(*(appointment(start, id=f"a{n}") for n, start in enumerate(starts)))

    messages = wanted(case)

    assert [m.send_at for m in messages] == sorted(m.send_at for m in messages)
    assert len({m.about for m in messages}) == len(messages)


# To whom, and about what


@pytest.mark.parametrize("kind", AppointmentKind)
def test_what_the_appointment_is_for_makes_no_difference(kind: AppointmentKind) -> None:
    assert wanted(released(appointment(kind=kind))) == wanted(released(appointment()))


@pytest.mark.parametrize("protection", [Protection.UNGRADED, Protection.CONFIDENTIAL])
def test_address_protection_up_to_code_7_allows_messages(protection: Protection) -> None:
    assert wanted(replace(released(appointment()), protection=protection))


def test_home_detention_is_handled_like_a_release() -> None:
    assert wanted(replace(released(appointment()), destination=Destination.HOME_DETENTION))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"consents": ()}, "no_consent"),
        ({"reachable": False}, "no_number"),
        ({"protection": Protection.STRICTLY_CONFIDENTIAL}, "protected"),
        ({"protection": Protection.STRICTLY_CONFIDENTIAL_ABROAD}, "protected"),
        ({"phase": Phase.IN_PRISON, "released_at": None}, "not_released"),
        ({"destination": Destination.DEPORTED}, "deported"),
        ({"participation": Participation.WITHDRAWN}, "withdrawn"),
        ({"phase": Phase.CLOSED}, "closed"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.COMPLETED}, "closed"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.DIED}, "died"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.REIMPRISONED}, "reimprisoned"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.WITHDRAWN}, "withdrawn"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.DEPORTED}, "deported"),
        ({"phase": Phase.CLOSED, "close_reason": CloseReason.REGISTERED_IN_ERROR}, "closed"),
    ],
)
def test_nothing_is_wanted_and_it_says_why(change: dict, reason: str) -> None:
    before = released(appointment())
    about = only(before).about
    after = replace(before, **change)

    assert wanted(after) == ()
    assert why_none(after) == reason
    assert still_wanted(after, about) == reason


@pytest.mark.parametrize(
    ("consents", "allowed"),
    [
        ((sms(True), sms(False, seq=2, at=RELEASED)), False),
        ((sms(False), sms(True, seq=2, at=RELEASED)), True),
        # Typed in later, but given earlier: the withdrawal is the latest.
        ((sms(False, seq=1, at=RELEASED), sms(True, seq=2, at=RELEASED - HOUR)), False),
        # In the same moment the later record is the later one.
        ((sms(True, seq=2, at=RELEASED), sms(False, seq=1, at=RELEASED)), True),
        (
            (
                Consent(1, ConsentPurpose.RESEARCH, None, True, RELEASED, RELEASED, "NURSE"),
                Consent(
                    2,
                    ConsentPurpose.SHARING,
                    Receiver.HEALTH,
                    True,
                    RELEASED,
                    RELEASED,
                    "NURSE",
                ),
            ),
            False,
        ),
    ],
)
def test_the_latest_consent_to_sms_decides(consents: tuple[Consent, ...], allowed: bool) -> None:
    assert bool(wanted(released(appointment(), consents=consents))) is allowed


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (AppointmentStatus.REQUESTED, "not_confirmed"),
        (AppointmentStatus.CANCELLED, "appointment_cancelled"),
        (AppointmentStatus.MOVED, "moved"),
        (AppointmentStatus.ATTENDED, "appointment_over"),
        (AppointmentStatus.NO_SHOW, "appointment_over"),
        (AppointmentStatus.UNKNOWN, "appointment_over"),
    ],
)
def test_only_confirmed_appointments_are_reminded_of(
    status: AppointmentStatus, reason: str
) -> None:
    about = only(released(appointment())).about
    case = released(appointment(status=status))

    assert wanted(case) == ()
    assert why_none(case) == reason
    assert still_wanted(case, about) == reason


def test_a_moved_start_replaces_the_message_by_another() -> None:
    before = released(appointment())
    after = released(appointment(START + 24 * HOUR))

    assert only(after).about != only(before).about
    assert still_wanted(after, only(before).about) == "moved"
    assert still_wanted(after, only(after).about) is None


def test_another_rung_of_the_same_appointment_replaces_the_first() -> None:
    before = released(appointment())
    after = released(appointment(confirmed_at=oslo("2026-11-24 15:00")))

    assert only(after).rung == "same_day"
    assert still_wanted(after, only(before).about) == "replaced"


def test_an_appointment_nobody_knows_is_no_reason_to_write() -> None:
    assert why_not(released(), "CASE/a9/day_before/2026-11-25T10:00:00+01:00") == "no_appointment"
    assert why_not(released(appointment()), "nonsense") == "no_appointment"
    assert why_none(released()) == "no_appointment"


def test_the_appointment_touched_last_says_why_there_is_no_message() -> None:
    case = released(
        appointment(id="a1", status=AppointmentStatus.CANCELLED, outcome_at=RELEASED),
        appointment(id="a2", status=AppointmentStatus.MOVED, outcome_at=RELEASED + HOUR),
        appointment(id="a3", status=AppointmentStatus.REQUESTED, confirmed_at=None),
    )

    assert why_none(case) == "moved"


def test_one_refused_appointment_does_not_hold_back_the_others() -> None:
    case = released(
        appointment(id="a1", status=AppointmentStatus.CANCELLED),
        appointment(START + 48 * HOUR, id="a2"),
    )

    assert [message.about.split("/")[1] for message in wanted(case)] == ["a2"]


def test_the_rules_have_the_agreed_numbers() -> None:
    assert rules.PATIENCE == 3 * HOUR
    assert rules.HOURS_BEFORE == 2 * HOUR

"""Every indicator against figures reckoned by hand, on both databases.

`counted` counts twice, by queries and by folding the events, and both must agree in every cell.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, event, insert, update

from cases import release, service, store, transfers
from cases.access import OPERATOR, SYSTEM
from cases.model import Destination, ReleaseKind, Source
from cases.package import national
from cases.settling import finish
from cases.store import Verb
from cases.tables import unit_version
from core.db import Database
from reports.indicators import count_now
from reports.tertial import Period, Question
from tests.people import at, complete, make_case, make_person, make_units
from tests.reports.counts import counted, number, share, where

BEFORE_RELEASE = (
    "brief_info",
    "naloxone_training",
    "talk_booked",
    "talk_held",
    "requests_sent",
    "card_printed",
)


def move(tx: Connection, ref: str, unit: str, when: str) -> None:
    """A transfer proposed and accepted at once."""
    case = transfers.propose_transfer(tx, OPERATOR, ref, unit, now=at(when))
    assert case.open_transfer is not None
    transfers.answer_transfer(tx, OPERATOR, case.open_transfer.id, "accept", now=at(when))


# --- I1 and I2 -----------------------------------------------------------------------------------


def test_a_participant_counts_in_every_period_the_acceptance_stands_in(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-04-20 09:00", answer="accepted")
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-09-02 10:00"))
    now = "2027-01-10 08:00"

    assert [number(counted(tx, f"2026-T{n}", now), "I1") for n in (1, 2, 3)] == [1, 1, 1]
    assert number(counted(tx, "2025-T3", now), "I1") == 0
    assert number(counted(tx, "2027-T1", now), "I1") == 0
    assert [number(counted(tx, p, now), "I2") for p in ("2025-T3", "2026-T1", "2027-T1")] == [
        0,
        1,
        1,
    ]


def test_a_withdrawal_at_midnight_ends_the_acceptance_with_the_period(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-08-20 09:00", answer="accepted")
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-09-01 00:00"))

    report = counted(tx, "2026-T3", "2026-09-02 08:00")

    assert (number(report, "I1"), number(report, "I2")) == (0, 1)


def test_an_undone_acceptance_never_was(tx: Connection) -> None:
    case = make_case(tx, answer="accepted")
    service.undo_task(
        tx, OPERATOR, case.ref, "offer_answered", "wrong_person", now=at("2026-09-03 10:00")
    )

    report = counted(tx, "2026-T3", "2026-09-04 08:00")

    assert (number(report, "I1"), number(report, "I2")) == (0, 0)
    assert share(report, "I3") == (0, 1)


def test_an_acceptance_taken_back_in_the_same_minute_is_one_to_date(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", answered="2026-09-02 10:00")
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-09-02 10:00"))

    report = counted(tx, "2026-T3", "2026-09-04 08:00")

    assert (number(report, "I1"), number(report, "I2")) == (0, 1)
    assert share(report, "I20.withdrawn") == (1, 1)


def test_one_person_in_two_cases_counts_once(tx: Connection) -> None:
    person = make_person(tx)
    make_case(tx, person=person, answer="accepted", released="2026-09-20 10:00")
    make_case(tx, person=person, admitted="2026-10-20 09:00", answer="accepted")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert (number(report, "I1"), number(report, "I1", "A")) == (1, 1)
    assert share(report, "I3") == (2, 2)


def test_a_person_in_two_units_counts_in_each_and_once_nationally(tx: Connection) -> None:
    make_units(tx, D="Vest")
    person = make_person(tx)
    for unit, admitted in (("A", "2026-09-02 09:00"), ("D", "2026-10-02 09:00")):
        make_case(tx, unit=unit, person=person, admitted=admitted, answer="accepted")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I1") == {"Vest": 1, "A": 1, "D": 1}
    assert number(report, "I1") == 1


def test_a_transfer_in_mid_period_makes_a_participant_of_both_units(tx: Connection) -> None:
    case = make_case(tx, answer="accepted")
    move(tx, case.ref, "B", "2026-10-01 12:00")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I1") == {"Vest": 1, "Øst": 1, "A": 1, "B": 1}
    assert number(report, "I1") == 1
    assert number(counted(tx, "2026-T2", "2026-11-01 08:00"), "I1") == 0


def test_accepted_after_the_transfer_the_sending_unit_has_no_participant(tx: Connection) -> None:
    case = make_case(tx)
    move(tx, case.ref, "B", "2026-10-01 12:00")
    service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-10-01 12:00"))

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I1") == where(report, "I2") == {"Øst": 1, "B": 1}
    assert where(report, "I3") == {"Vest": 1, "A": 1}


def test_transferred_before_the_period_only_the_new_owner_has_the_participant(
    tx: Connection,
) -> None:
    case = make_case(tx, admitted="2026-08-01 09:00", answer="accepted")
    move(tx, case.ref, "B", "2026-08-15 12:00")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I1") == {"Øst": 1, "B": 1}
    assert where(report, "I2") == {"Vest": 1, "Øst": 1, "A": 1, "B": 1}


def test_a_unit_that_had_the_case_for_no_time_had_no_participant(tx: Connection) -> None:
    case = make_case(tx, answer="accepted")
    move(tx, case.ref, "B", "2026-10-01 12:00")
    move(tx, case.ref, "A", "2026-10-01 12:00")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I1") == where(report, "I2") == {"Vest": 1, "A": 1}


def test_all_in_one_instant_still_was_an_acceptance(tx: Connection) -> None:
    now = "2026-09-02 08:00"
    case = make_case(tx, admitted=now, opened=now, answer="accepted", answered=now)
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at(now))

    report = counted(tx, "2026-T3", now)

    assert (number(report, "I1", "A"), number(report, "I2", "A")) == (0, 1)


# --- I3, I4, I20 ---------------------------------------------------------------------------------


def test_offers_and_answers_by_the_latest_answer(tx: Connection) -> None:
    make_case(tx)
    make_case(tx, answer="not_now")
    make_case(tx, answer="accepted")
    declined = make_case(tx)
    service.answer_offer(
        tx, OPERATOR, declined.ref, "declined", reason="no_trust", now=at("2026-09-02 10:00")
    )
    make_case(tx, answer="declined")
    persuaded = make_case(tx, answer="declined")
    service.answer_offer(tx, OPERATOR, persuaded.ref, "accepted", now=at("2026-09-05 10:00"))
    left = make_case(tx, answer="accepted")
    service.answer_offer(
        tx, OPERATOR, left.ref, "withdrawn", reason="other", now=at("2026-09-09 10:00")
    )

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert share(report, "I3") == (6, 7)
    assert share(report, "I4") == (2, 6)
    assert share(report, "I20") == (2, 6)
    assert share(report, "I20.no_trust") == (1, 6)
    assert share(report, "I20.not_stated") == (1, 6)
    assert share(report, "I20.other") == (0, 6)
    assert share(report, "I20.withdrawn") == (1, 3)
    assert report.nation["I3"].value == 0.8571


def test_an_earlier_answer_entered_late_does_not_become_the_latest(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", answered="2026-09-05 10:00")
    service.answer_offer(
        tx,
        OPERATOR,
        case.ref,
        "declined",
        happened_at=at("2026-09-02 10:00"),
        now=at("2026-09-08 10:00"),
    )

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert share(report, "I4") == (1, 1)
    assert share(report, "I20") == (0, 1)


def test_the_reason_is_that_of_the_latest_answer(tx: Connection) -> None:
    twice = make_case(tx)
    for status, reason, when in (
        ("declined", "no_trust", "2026-09-02 10:00"),
        ("accepted", None, "2026-09-03 10:00"),
        ("declined", "no_time", "2026-09-04 10:00"),
    ):
        service.answer_offer(tx, OPERATOR, twice.ref, status, reason=reason, now=at(when))
    late = make_case(tx)
    service.answer_offer(
        tx, OPERATOR, late.ref, "declined", reason="no_need", now=at("2026-09-04 10:00")
    )
    service.answer_offer(
        tx,
        OPERATOR,
        late.ref,
        "accepted",
        happened_at=at("2026-09-02 10:00"),
        now=at("2026-09-05 10:00"),
    )

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    reasons = ("no_need", "no_trust", "no_time", "other", "not_stated")
    assert [share(report, f"I20.{reason}")[0] for reason in reasons] == [1, 0, 1, 0, 0]


def test_an_admission_belongs_to_the_unit_that_admitted(tx: Connection) -> None:
    case = make_case(tx)
    move(tx, case.ref, "B", "2026-09-01 20:00")
    service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-09-02 10:00"))

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert where(report, "I4") == {"Vest": 1, "A": 1}


# --- New Year's Eve ------------------------------------------------------------------------------


def test_new_years_eve_belongs_to_the_old_year_until_local_midnight(tx: Connection) -> None:
    for admitted in ("2026-12-31 23:30", "2027-01-01 00:30"):
        case = make_case(tx, admitted=admitted, opened="2027-01-01 01:00")
        service.answer_offer(
            tx, OPERATOR, case.ref, "accepted", happened_at=at(admitted), now=at("2027-01-01 03:00")
        )
        complete(tx, case, "brief_info", at(admitted), recorded_at=at("2027-01-01 03:00"))
        release.release(
            tx,
            OPERATOR,
            case.ref,
            released_at=at(admitted) + timedelta(minutes=15),
            now=at("2027-01-01 09:00"),
        )
    now = "2027-01-02 08:00"

    for period in ("2026-T3", "2027-T1"):
        report = counted(tx, period, now)
        assert share(report, "I3") == (1, 1)
        assert share(report, "I6") == share(report, "I16") == (1, 1)
        assert number(report, "tasks_done.brief_info") == 1
    assert [number(counted(tx, period, now), "I1") for period in ("2026-T3", "2027-T1")] == [1, 2]


def test_an_answer_after_a_closing_that_is_learned_later_was_given_but_never_in_force(
    tx: Connection,
) -> None:
    case = make_case(tx, answer="accepted", answered="2026-09-03 10:00")
    release.release(
        tx, OPERATOR, case.ref, released_at=at("2026-09-02 10:00"), now=at("2026-09-04 10:00")
    )

    report = counted(tx, "2026-T3", "2026-09-05 08:00")

    assert (number(report, "I1"), number(report, "I2")) == (0, 1)


# --- I5 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "part"),
    [
        ("2026-09-02 06:00", "le_24h"),
        ("2026-09-02 06:00:00.000001", "d2_3"),
        ("2026-09-04 06:00", "d2_3"),
        ("2026-09-04 06:00:00.000001", "d4_7"),
        ("2026-09-08 06:00", "d4_7"),
        ("2026-09-08 06:00:00.000001", "gt_7d"),
        (None, "not_held"),
    ],
)
def test_the_intake_talk_falls_in_one_class_by_elapsed_hours(
    tx: Connection, held: str | None, part: str
) -> None:
    make_case(tx, done={"intake_talk": held} if held else ())

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    parts = {
        code: share(report, f"I5.{code}")
        for code in ("le_24h", "d2_3", "d4_7", "gt_7d", "not_held")
    }
    assert parts == {code: (int(code == part), 1) for code in parts}
    assert share(report, "I5") == parts["le_24h"]


def test_the_hours_to_the_talk_are_elapsed_ones_over_a_daylight_saving_night(
    tx: Connection,
) -> None:
    make_case(tx, admitted="2026-10-24 12:00", done={"intake_talk": "2026-10-25 12:00"})
    make_case(tx, admitted="2026-10-24 12:00", done={"intake_talk": "2026-10-25 11:00"})

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I5") == (1, 2)


def test_who_stayed_less_than_a_day_needs_no_talk_in_time(tx: Connection) -> None:
    make_case(tx, released="2026-09-02 05:59", done={"intake_talk"})
    make_case(tx, released="2026-09-02 06:00")
    died = make_case(tx)
    release.close(tx, OPERATOR, died.ref, "died", now=at("2026-09-01 18:00"))
    make_case(tx, admitted="2026-09-19 09:00")

    report = counted(tx, "2026-T3", "2026-09-20 08:59")

    assert share(report, "I5") == (0, 1)
    assert share(report, "I3") == (0, 4)
    assert share(counted(tx, "2026-T3", "2026-09-20 09:00"), "I5") == (0, 2)


def test_a_talk_waived_because_done_elsewhere_is_held_and_other_waivers_are_not(
    tx: Connection,
) -> None:
    for reason in ("done_elsewhere", "absent"):
        case = make_case(tx)
        service.waive_task(
            tx, OPERATOR, case.ref, "intake_talk", reason, now=at("2026-09-01 12:00")
        )

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert share(report, "I5") == (1, 2)
    assert share(report, "I5.not_held") == (1, 2)
    assert number(report, "tasks_done.intake_talk") == 1


# --- I6, I7, I8, I10, I13 ------------------------------------------------------------------------


def test_what_was_done_before_the_release_counts_also_when_entered_after_it(
    tx: Connection,
) -> None:
    case = make_case(tx, answer="accepted", release_on=date(2026, 12, 1))
    complete(tx, case, "brief_info", at("2026-12-01 10:00"), form="group")
    release.release(tx, OPERATOR, case.ref, now=at("2026-12-01 10:00"))
    complete(
        tx, case, "naloxone_training", at("2026-11-30 09:00"), recorded_at=at("2026-12-03 09:00")
    )
    complete(
        tx,
        case,
        "talk_held",
        at("2026-11-30 09:00"),
        recorded_at=at("2026-12-03 09:00"),
        form="individual",
    )

    report = counted(tx, "2026-T3", "2026-12-10 08:00")

    assert [share(report, code) for code in ("I6", "I7", "I10")] == [(1, 1)] * 3
    assert share(report, "I10.individual") == (1, 1)
    assert share(report, "I10.group") == (0, 1)
    assert share(report, "I13") == (0, 1)
    assert share(report, "I8") == (0, 1)


@pytest.mark.parametrize(
    ("answer", "out_of_the_gate"), [("card_and_spray", 1), ("spray_only", 1), ("card_only", 0)]
)
def test_naloxone_is_out_of_the_gate_with_a_spray(
    tx: Connection, answer: str, out_of_the_gate: int
) -> None:
    case = make_case(tx, answer="accepted", released="2026-10-06 10:00")
    complete(tx, case, "handed_over", at("2026-10-06 10:05"), answer=answer)

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I8") == (out_of_the_gate, 1)


def test_a_whole_package_has_every_required_task_before_the_release(tx: Connection) -> None:
    for waived_as in ("done_elsewhere", "not_relevant"):
        case = make_case(tx, answer="accepted", release_on=date(2026, 12, 1), done=BEFORE_RELEASE)
        service.waive_task(
            tx,
            OPERATOR,
            case.ref,
            "appointments_confirmed",
            waived_as,
            now=at("2026-11-20 10:00"),
        )
        release.release(tx, OPERATOR, case.ref, now=at("2026-12-01 12:00"))

    report = counted(tx, "2026-T3", "2026-12-10 08:00")

    assert share(report, "I13") == (1, 2)
    assert share(report, "I13.planned") == (1, 2)


def test_the_planned_part_leaves_unplanned_releases_out(tx: Connection) -> None:
    make_case(tx, answer="accepted", release_on=date(2026, 12, 1), released="2026-12-01 12:00")
    make_case(tx, answer="accepted", released="2026-12-01 12:00")

    report = counted(tx, "2026-T3", "2026-12-10 08:00")

    assert share(report, "I13") == (0, 2)
    assert share(report, "I13.planned") == (0, 1)


def test_what_was_done_for_somebody_who_did_not_accept_is_no_part_of_the_package(
    tx: Connection,
) -> None:
    case = make_case(tx, answer="accepted", release_on=date(2026, 12, 1), done=BEFORE_RELEASE[:-1])
    for code in ("appointments_confirmed", "card_printed"):
        service.waive_task(
            tx, OPERATOR, case.ref, code, "done_elsewhere", now=at("2026-11-20 10:00")
        )
    service.answer_offer(tx, OPERATOR, case.ref, "withdrawn", now=at("2026-11-21 10:00"))
    release.release(tx, OPERATOR, case.ref, now=at("2026-12-01 12:00"))

    report = counted(tx, "2026-T3", "2026-12-10 08:00")

    for code in ("I6", "I7", "I8", "I10", "I10.group", "I13", "I13.planned"):
        assert share(report, code) == (0, 0)
    assert share(report, "I16") == (0, 1)


def test_a_release_of_a_case_registered_in_error_was_none(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", done={"brief_info"}, released="2026-10-06 10:00")
    release.close(tx, OPERATOR, case.ref, "registered_in_error", now=at("2026-10-07 10:00"))

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I6") == share(report, "I16") == share(report, "I17") == (0, 0)


def test_accepted_is_the_answer_at_the_release(tx: Connection) -> None:
    withdrew_after = make_case(tx, answer="accepted", released="2026-10-06 10:00")
    service.answer_offer(tx, OPERATOR, withdrew_after.ref, "withdrawn", now=at("2026-10-08 10:00"))
    late_yes = make_case(tx, released="2026-10-06 10:00")
    service.answer_offer(
        tx,
        OPERATOR,
        late_yes.ref,
        "accepted",
        happened_at=at("2026-10-05 10:00"),
        now=at("2026-10-08 10:00"),
    )
    withdrew_before = make_case(tx, answer="accepted")
    service.answer_offer(tx, OPERATOR, withdrew_before.ref, "withdrawn", now=at("2026-10-01 10:00"))
    release.release(tx, OPERATOR, withdrew_before.ref, now=at("2026-10-06 10:00"))
    make_case(tx, answer="declined", released="2026-10-06 10:00")

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I6") == (0, 2)
    assert share(report, "I16") == (4, 4)


# --- REL, I16, I17 -------------------------------------------------------------------------------


def test_a_release_belongs_to_the_releasing_unit(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-08-25 09:00", answer="accepted", done={"brief_info"})
    move(tx, case.ref, "B", "2026-09-10 12:00")
    release.release(tx, OPERATOR, case.ref, now=at("2026-10-06 10:00"))

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert where(report, "I6") == where(report, "I16") == {"Øst": 1, "B": 1}
    assert number(counted(tx, "2026-T2", "2026-11-01 08:00"), "tasks_done.brief_info", "A") == 1


@pytest.mark.parametrize("to", ["home_detention", "deported"])
def test_only_a_release_to_liberty_is_one(tx: Connection, to: str) -> None:
    case = make_case(tx, answer="accepted")
    release.release(tx, OPERATOR, case.ref, to=to, now=at("2026-10-06 10:00"))

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I16") == share(report, "I6") == (0, 0)
    assert report.nation["I6"].value is None


def test_a_release_is_unplanned_by_flag_or_by_short_notice(tx: Connection) -> None:
    planned = make_case(tx, release_on=date(2026, 10, 6))
    release.release(tx, OPERATOR, planned.ref, now=at("2026-10-06 10:00"))
    flagged = make_case(tx, release_on=date(2026, 10, 6))
    release.release(tx, OPERATOR, flagged.ref, unplanned="court", now=at("2026-10-06 10:00"))
    another_day = make_case(tx, release_on=date(2026, 10, 7))
    release.release(tx, OPERATOR, another_day.ref, now=at("2026-10-06 10:00"))
    for dated in ("2026-10-04 10:00", "2026-10-04 10:01"):
        case = make_case(tx)
        release.set_release_date(
            tx, OPERATOR, case.ref, date(2026, 10, 6), kind="confirmed", now=at(dated)
        )
        release.release(tx, OPERATOR, case.ref, now=at("2026-10-06 10:00"))

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I16") == (3, 5)
    assert share(report, "I16.notice_unknown") == (0, 5)


@pytest.mark.parametrize("dated_too", [False, True])
def test_a_release_learned_from_a_later_roster_has_unknown_notice(
    tx: Connection, dated_too: bool
) -> None:
    told_at = at("2026-10-13 08:00")
    case = make_case(tx, answer="accepted")
    after = case
    if dated_too:
        after = release.with_release_date(
            case, date(2026, 10, 8), ReleaseKind.CONFIRMED, Source.ROSTER, "roster", now=told_at
        )
    after = release.released(
        after,
        released_at=at("2026-10-08 12:00"),
        destination=Destination.LIBERTY,
        unplanned=None,
        source=Source.ROSTER,
        now=told_at,
    )
    after = finish(case, after, national(), now=told_at)
    store.write_changes(tx, case, after, Verb.RELEASED, SYSTEM, now=told_at)

    report = counted(tx, "2026-T3", "2026-11-01 08:00")

    assert share(report, "I16") == (0, 1)
    assert share(report, "I16.notice_unknown") == (1, 1)
    assert share(report, "I13.planned") == (0, 1)


@pytest.mark.parametrize(
    ("released", "before_closed_day"),
    [
        ("2026-10-09 10:00", 1),  # a Friday
        ("2026-10-08 10:00", 0),
        ("2026-10-10 10:00", 0),  # a Saturday: Sunday is no weekday
        ("2026-12-23 10:00", 1),  # the day before Christmas Eve, a Thursday
        ("2026-12-31 10:00", 1),
        ("2026-12-28 10:00", 0),
    ],
)
def test_a_release_on_a_friday_or_before_a_closed_weekday(
    tx: Connection, released: str, before_closed_day: int
) -> None:
    make_case(tx, released=released)

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    assert share(report, "I17") == (before_closed_day, 1)


# --- I19 -----------------------------------------------------------------------------------------


def test_open_tasks_past_due_are_overdue_by_step(tx: Connection) -> None:
    make_case(tx, admitted="2026-09-01 06:00", done={"brief_info"})

    report = counted(tx, "2026-T3", "2026-09-05 08:00")

    # intake_talk 2 Sep 06:00 and offer_answered 4 Sep 15:00 are past; naloxone_training is not.
    assert share(report, "I19") == (2, 3)
    assert share(report, "I19.INTAKE_TALK") == (2, 2)
    assert share(report, "I19.OVERDOSE_INFO") == (0, 1)
    assert share(report, "I19.RELEASE_TALK") == (0, 0)


def test_the_due_instant_itself_is_not_overdue(tx: Connection) -> None:
    make_case(tx, admitted="2026-09-01 06:00")

    assert share(counted(tx, "2026-T3", "2026-09-02 06:00"), "I19")[0] == 0
    assert share(counted(tx, "2026-T3", "2026-09-02 06:00:00.000001"), "I19")[0] == 1


def test_the_end_of_the_period_is_looked_at_from_later(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-20 06:00")
    settled = {
        "intake_talk": ("2026-12-31 23:59", "2027-01-04 09:00"),  # before the end, entered late
        "brief_info": ("2027-01-02 09:00", "2027-01-02 09:00"),  # after the end
    }
    for code, (done_at, recorded_at) in settled.items():
        complete(tx, case, code, at(done_at), recorded_at=at(recorded_at))

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    # At the end: offer_answered (23 Dec) and brief_info (23 Dec) overdue, naloxone_training not.
    assert share(report, "I19") == (2, 3)
    assert share(report, "I19.OVERDOSE_INFO") == (1, 2)


def test_a_plan_changed_after_the_end_does_not_change_what_was_due_then(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-01 06:00", release_on=date(2027, 1, 20))
    due_then = share(counted(tx, "2026-T3", "2026-12-31 23:59:59.999999"), "I19")
    release.set_release_date(
        tx, OPERATOR, case.ref, date(2027, 6, 1), kind="confirmed", now=at("2027-01-03 10:00")
    )
    release.set_release_date(
        tx, OPERATOR, case.ref, date(2027, 1, 12), kind="confirmed", now=at("2027-01-05 10:00")
    )
    service.answer_offer(tx, OPERATOR, case.ref, "declined", now=at("2027-01-06 10:00"))

    assert share(counted(tx, "2026-T3", "2027-01-10 08:00"), "I19") == due_then


def test_overdue_tasks_stand_where_the_case_was_then(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-01 06:00")
    move(tx, case.ref, "B", "2026-12-20 10:00")
    move(tx, case.ref, "C", "2027-01-02 10:00")
    move(tx, case.ref, "A", "2027-01-03 10:00")

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    assert set(where(report, "I19")) == {"Øst", "B"}


def test_a_closing_or_release_before_the_end_settles_also_when_recorded_later(
    tx: Connection,
) -> None:
    died = make_case(tx, admitted="2026-12-01 06:00")
    release.close(
        tx, OPERATOR, died.ref, "died", closed_at=at("2026-12-30 10:00"), now=at("2027-01-04 10:00")
    )
    gone = make_case(tx, admitted="2026-12-01 06:00", answer="accepted", done={"intake_talk"})
    release.release(
        tx, OPERATOR, gone.ref, released_at=at("2026-12-30 10:00"), now=at("2027-01-04 10:00")
    )

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    # handed_over had no due time in the plan of the old year: the release was not recorded yet.
    assert share(report, "I19") == (0, 0)


def test_what_happens_at_the_last_instant_has_happened(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-01 06:00")
    move(tx, case.ref, "B", "2026-12-20 10:00")
    release.set_release_date(
        tx, OPERATOR, case.ref, date(2027, 3, 1), kind="confirmed", now=at("2026-12-20 10:00")
    )

    report = counted(tx, "2026-T3", "2026-12-20 10:00")

    # With a date all ten tasks have a due time.
    assert share(report, "I19", "A") == (0, 0)
    assert share(report, "I19", "B") == (3, 10)


def test_a_case_that_had_ended_had_nothing_open_whatever_was_recorded_first(
    tx: Connection,
) -> None:
    case = make_case(tx, admitted="2026-12-01 06:00", done={"intake_talk"})
    service.answer_offer(tx, OPERATOR, case.ref, "declined", now=at("2027-01-02 10:00"))
    release.close(
        tx, OPERATOR, case.ref, "died", closed_at=at("2026-12-30 10:00"), now=at("2027-01-04 10:00")
    )
    mistake = make_case(tx, admitted="2026-12-01 06:00")
    release.close(tx, OPERATOR, mistake.ref, "registered_in_error", now=at("2027-01-04 10:00"))

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    assert share(report, "I19") == (0, 0)


def test_a_completion_undone_after_the_end_was_open_then(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-20 06:00", done={"intake_talk"})
    before = share(counted(tx, "2026-T3", "2026-12-31 23:59:59.999999"), "I19")
    service.undo_task(
        tx, OPERATOR, case.ref, "intake_talk", "wrong_person", now=at("2027-01-03 10:00")
    )

    after = share(counted(tx, "2026-T3", "2027-01-10 08:00"), "I19")

    assert (before, after) == ((2, 3), (3, 4))


def test_a_case_opened_after_the_end_had_no_tasks_then(tx: Connection) -> None:
    make_case(tx, admitted="2026-12-31 06:00", opened="2027-01-01 08:00")

    report = counted(tx, "2026-T3", "2027-01-10 08:00")

    assert share(report, "I19") == (0, 0)
    assert share(report, "I3") == (0, 1)


def test_a_case_opened_before_its_admission_has_an_owner(tx: Connection) -> None:
    make_case(tx, admitted="2026-09-02 06:00", opened="2026-09-01 20:00")

    report = counted(tx, "2026-T3", "2026-09-01 21:00")

    assert share(report, "I19", "A") == (0, 4)
    assert share(report, "I3", "A") == (0, 1)


# --- tasks_done ----------------------------------------------------------------------------------


def test_credit_goes_to_where_a_task_was_done(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", done={"brief_info"})
    move(tx, case.ref, "B", "2026-09-10 12:00")
    complete(tx, case, "naloxone_training", at("2026-09-12 12:00"))

    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert where(report, "tasks_done.brief_info") == {"Vest": 1, "A": 1}
    assert where(report, "tasks_done.naloxone_training") == {"Øst": 1, "B": 1}
    assert number(report, "tasks_done.offer_answered") == 1
    assert number(report, "tasks_done.talk_held") == 0


def test_an_undone_task_is_not_done(tx: Connection) -> None:
    case = make_case(tx, done={"brief_info"})
    service.undo_task(tx, OPERATOR, case.ref, "brief_info", "not_done", now=at("2026-09-03 10:00"))

    assert number(counted(tx, "2026-T3", "2026-10-01 08:00"), "tasks_done.brief_info") == 0


# --- what concerns all ---------------------------------------------------------------------------


def test_a_case_registered_in_error_stands_in_no_count(tx: Connection) -> None:
    wrong = make_case(
        tx, answer="accepted", done={"intake_talk", "brief_info"}, release_on=date(2026, 12, 1)
    )
    before = counted(tx, "2026-T3", "2026-10-01 08:00")
    release.close(tx, OPERATOR, wrong.ref, "registered_in_error", now=at("2026-10-02 10:00"))

    after = counted(tx, "2026-T3", "2026-10-03 08:00")

    assert number(before, "I1") == 1
    of_cases = [figure for code, figure in after.nation.items() if not code.startswith("I18")]
    assert all(figure.numerator == 0 for figure in of_cases)
    assert not any(figure.denominator for figure in of_cases)


def test_the_region_is_that_of_the_day_that_matters(tx: Connection) -> None:
    tx.execute(
        update(unit_version).where(unit_version.c.unit == "A").values(valid_to=date(2026, 10, 15))
    )
    tx.execute(
        insert(unit_version),
        {
            "unit": "A",
            "valid_from": date(2026, 10, 15),
            "name": "A fengsel",
            "kind": "prison",
            "region": "Sør",
        },
    )
    early = make_case(tx, admitted="2026-10-14 23:30", answer="accepted", done={"brief_info"})
    make_case(tx, admitted="2026-10-15 00:30", answer="accepted", done={"brief_info"})
    left = make_case(tx, admitted="2026-09-10 09:00", answer="accepted")
    service.answer_offer(tx, OPERATOR, left.ref, "withdrawn", now=at("2026-10-15 00:00"))
    release.release(tx, OPERATOR, early.ref, now=at("2026-10-20 10:00"))

    report = counted(tx, "2026-T3", "2026-10-25 08:00")

    assert where(report, "I3") == {"Vest": 2, "Sør": 1, "A": 3}
    assert where(report, "I16") == {"Sør": 1, "A": 1}
    assert where(report, "I1") == {"Vest": 1, "Sør": 2, "A": 3}
    assert where(report, "tasks_done.brief_info") == {"Sør": 2, "A": 2}
    assert set(where(report, "I19")) == {"Sør", "A"}


def test_units_outside_the_project_are_counted_too(tx: Connection) -> None:
    make_units(tx, E="Annet")
    make_case(tx, unit="E")

    assert where(counted(tx, "2026-T3", "2026-10-01 08:00"), "I5.not_held") == {"Annet": 1, "E": 1}


def test_every_place_shows_every_indicator_zeros_included(tx: Connection) -> None:
    report = counted(tx, "2026-T3", "2026-10-01 08:00")

    assert set(report.units) == {"A", "B", "C"}
    assert set(report.regions) == {"Nord", "Vest", "Sør", "Sørvest", "Øst", "Annet"}
    for place in (report.nation, *report.regions.values(), *report.units.values()):
        assert list(place) == list(report.nation)
        counted_of_cases = (code for code in place if not code.startswith("I18"))
        assert all(place[code].numerator == 0 for code in counted_of_cases)


def test_counting_never_reads_health_answers(db: Database) -> None:
    asked: list[str] = []
    with db.write() as tx:
        make_case(tx, done={"intake_talk"})
        event.listen(
            tx, "before_cursor_execute", lambda *about: asked.append(about[2])
        )  # the statement
        question = Question(Period.parse("2026-T3"), at("2026-10-01 08:00"))
        count_now(tx, question)
        counted(tx, "2026-T3", question.as_of)

    assert len(asked) > 5
    assert not any("health_answer" in statement for statement in asked)


def test_what_is_answered_after_a_period_changes_nothing_in_it(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-04-01 09:00", answer=None)
    service.answer_offer(tx, OPERATOR, case.ref, "not_now", now=at("2026-04-02 10:00"))
    before = counted(tx, "2026-T1", "2026-05-10 08:00")
    service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-05-20 10:00"))

    after = counted(tx, "2026-T1", "2026-05-25 08:00")

    assert share(after, "I19") == share(before, "I19")
    assert number(after, "tasks_done.offer_answered") == 1
    assert number(counted(tx, "2026-T2", "2026-05-25 08:00"), "tasks_done.offer_answered") == 0

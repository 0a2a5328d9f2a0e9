"""The recount: the same figures from the events, also as of a past instant."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from cases import release, service
from cases.access import OPERATOR
from cases.tables import case_, task
from core.db import Database
from reports.figures import Report, as_json, compare
from reports.indicators import changed_after, count_now
from reports.recount import recount
from reports.report import whole_report
from reports.tertial import Period, Question
from tests.people import at, complete, make_case
from tests.reports.counts import same
from tests.reports.histories import ACTS, ACTS_OF_FOLLOW_UP, BEGUN_AT, Act, History

MANY = 30 if "OVERLEV_TEST_SEQUENCES" in os.environ else 10
"""Histories to a test: the random lives compare with the recount too."""

T3 = Period.parse("2026-T3")
PERIODS = (T3, Period.parse("2027-T1"))


class NothingHappened(Exception):
    """Raised to take a whole example back."""


@settings(
    max_examples=MANY,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=ACTS)
def test_the_queries_equal_the_recount_at_every_moment_and_for_ever(
    db: Database, acts: list[Act]
) -> None:
    with pytest.raises(NothingHappened), db.write() as tx:
        _live_and_compare(tx, acts)


@settings(
    max_examples=MANY,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    begun_at=st.sampled_from([BEGUN_AT, at("2026-10-12 10:00")]),
    kinds=st.lists(st.integers(0, 100), min_size=1, max_size=4),
    released=st.sampled_from([timedelta(hours=2), timedelta(days=2), timedelta(days=13)]),
    acts=ACTS_OF_FOLLOW_UP,
)
def test_what_came_of_appointments_and_sprays_equals_the_recount(
    db: Database, begun_at: datetime, kinds: list[int], released: timedelta, acts: list[Act]
) -> None:
    first = Act("release", released, timedelta(hours=1), (0, 0, 1))
    with pytest.raises(NothingHappened), db.write() as tx:
        _follow_and_compare(tx, begun_at, kinds, [first, *acts])


def _live_and_compare(tx: Connection, acts: list[Act]) -> None:
    _compare_each_day(History(tx), acts)


def _follow_and_compare(
    tx: Connection, begun_at: datetime, kinds: list[int], acts: list[Act]
) -> None:
    history = History(tx, begun_at)
    history.accept_and_book(kinds)
    _compare_each_day(history, acts)


def _compare_each_day(history: History, acts: list[Act]) -> None:
    tx = history.tx
    reported: list[tuple[Question, Report]] = []
    for act in acts:
        history.act(act)
        for period in PERIODS:
            if history.now >= period.first_at:
                question = Question(period, history.now)
                reported.append((question, count_now(tx, question).report(question)))
    # What was reported on each day is found again from the events, whatever came later.
    for question, report in reported:
        same(report, recount(tx, question.period, question.as_of))
    raise NothingHappened


def test_a_report_as_of_before_a_late_entry_is_unchanged(tx: Connection) -> None:
    case = make_case(tx, answer="accepted", release_on=date(2026, 12, 1))
    release.release(tx, OPERATOR, case.ref, now=at("2026-12-01 12:00"))
    before = whole_report(tx, T3, now=at("2026-12-02 08:00"))
    complete(
        tx, case, "naloxone_training", at("2026-11-30 10:00"), recorded_at=at("2026-12-03 09:00")
    )

    again = whole_report(tx, T3, now=at("2026-12-05 08:00"), as_of=at("2026-12-02 08:00"))
    after = whole_report(tx, T3, now=at("2026-12-05 08:00"))

    assert as_json(again) == as_json(before)
    assert before.nation["I7"].numerator == 0
    assert after.nation["I7"].numerator == 1


def test_as_of_counts_what_was_recorded_at_that_very_instant(tx: Connection) -> None:
    make_case(tx, admitted="2026-09-01 06:00", opened="2026-09-01 08:00")
    opened_at = at("2026-09-01 08:00")

    assert recount(tx, T3, opened_at).nation["I3"].denominator == 1
    assert recount(tx, T3, opened_at - timedelta(microseconds=1)).nation["I3"].denominator == 0


def test_a_clock_that_went_back_does_not_tell_the_future(tx: Connection) -> None:
    case = make_case(tx)
    service.answer_offer(tx, OPERATOR, case.ref, "accepted", now=at("2026-09-10 10:00"))

    report = whole_report(tx, T3, now=at("2026-09-05 08:00"))

    assert changed_after(tx, Question(T3, at("2026-09-05 08:00")))
    assert report.nation["I3"].numerator == 0
    assert whole_report(tx, T3, now=at("2026-09-10 10:00")).nation["I3"].numerator == 1


def test_what_was_written_after_a_clock_went_back_does_not_break_the_story(
    tx: Connection,
) -> None:
    case = make_case(tx)
    complete(tx, case, "brief_info", at("2026-09-10 10:00"))
    complete(tx, case, "intake_talk", at("2026-09-02 10:00"))

    report = recount(tx, T3, at("2026-09-05 08:00"))

    assert report.nation["tasks_done.intake_talk"].numerator == 0
    assert recount(tx, T3, at("2026-09-10 10:00")).nation["tasks_done.intake_talk"].numerator == 1


def test_what_was_due_on_a_day_is_agreed_upon_though_a_clock_went_back_and_forth(
    tx: Connection,
) -> None:
    case = make_case(tx, admitted="2026-12-01 06:00", release_on=date(2027, 3, 1))
    complete(tx, case, "intake_talk", at("2027-01-10 10:00"))
    # The clock is set back into the tertial before, and the release moved earlier.
    release.set_release_date(
        tx, OPERATOR, case.ref, date(2026, 12, 30), kind="confirmed", now=at("2026-12-20 10:00")
    )

    asked = Question(T3, at("2027-01-20 08:00"))

    same(count_now(tx, asked).report(asked), recount(tx, T3, asked.as_of))


@pytest.mark.parametrize(
    ("change", "cell"),
    [
        (
            update(task).where(task.c.code == "brief_info").values(state="missed", done_at=None),
            "I6",
        ),
        (update(case_).values(accepted_at_release=False), "I6"),
        (update(case_).values(release_notice="unplanned"), "I16"),
        (update(task).where(task.c.code == "intake_talk").values(settled_at=None), "I19"),
    ],
    ids=["task", "answer", "notice", "settled"],
)
def test_the_recount_sees_a_row_that_was_changed_behind_the_events(
    tx: Connection, change: object, cell: str
) -> None:
    make_case(
        tx,
        answer="accepted",
        release_on=date(2026, 10, 6),
        done={"brief_info", "intake_talk"},
        released="2026-10-06 12:00",
    )
    question = Question(T3, at("2026-10-10 08:00"))
    same(count_now(tx, question).report(question), recount(tx, T3, question.as_of))

    tx.execute(change)  # type: ignore[call-overload]

    differences = compare(count_now(tx, question).report(question), recount(tx, T3, question.as_of))
    assert {d.indicator for d in differences if d.indicator.startswith(cell)}
    assert {d.level for d in differences} == {"nation", "region", "unit"}

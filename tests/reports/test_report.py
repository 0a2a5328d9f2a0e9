"""Who gets which report, and what is refused."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DatabaseError

from core.db import Database
from core.errors import Refused
from reports.report import snapshot, unit_report, whole_report
from reports.tables import experience_report, published_cell, report
from reports.tertial import Period
from tests.people import at, make_case

T3 = Period.parse("2026-T3")
NOW = at("2026-10-01 08:00")


def test_a_unit_sees_itself_and_nothing_else(tx: Connection) -> None:
    make_case(tx, unit="A")
    make_case(tx, unit="B")

    seen = unit_report(tx, T3, "A", now=NOW)

    assert (seen.view, seen.state, seen.revision, seen.as_of) == ("unit", "open", 0, NOW)
    assert (seen.nation, seen.regions, list(seen.units)) == ({}, {}, ["A"])
    assert seen.units["A"]["I3"].denominator == 1


def test_a_period_that_has_not_begun_is_refused(tx: Connection) -> None:
    with pytest.raises(Refused, match="begins on 2027-01-01"):
        whole_report(tx, Period.parse("2027-T1"), now=at("2026-12-31 23:59"))
    with pytest.raises(Refused, match="begins on 2026-09-01"):
        whole_report(tx, T3, now=NOW, as_of=at("2026-08-31 08:00"))
    assert whole_report(tx, Period.parse("2027-T1"), now=at("2027-01-01 00:00")).period == "2027-T1"


def test_as_of_later_than_now_means_now(tx: Connection) -> None:
    assert whole_report(tx, T3, now=NOW, as_of=at("2026-11-01 08:00")).as_of == NOW


def test_the_figures_of_a_report_come_from_one_instant(db: Database) -> None:
    with snapshot(db) as tx:
        before = whole_report(tx, T3, now=NOW)
        with db.write() as other:
            make_case(other)
        assert whole_report(tx, T3, now=NOW) == before
    with snapshot(db) as tx:
        assert whole_report(tx, T3, now=NOW).nation["I3"].denominator == 1


def test_a_published_cell_never_changes_and_a_hidden_one_holds_no_number(
    tx: Connection,
) -> None:
    tx.execute(
        insert(report),
        {
            "period": "2026-T3",
            "scope": "nation",
            "revision": 1,
            "state": "open",
            "as_of": NOW,
            "definitions": "1",
            "software": "0",
            "changed_at": NOW,
            "changed_by": "operator",
        },
    )
    cell = {
        "report_id": tx.execute(select(report.c.id)).scalar_one(),
        "level": "unit",
        "place": "A",
        "indicator": "I3",
        "hidden": True,
    }
    with pytest.raises(DatabaseError), tx.begin_nested():
        tx.execute(insert(published_cell), cell | {"numerator": 2, "denominator": 3})
    tx.execute(insert(published_cell), cell)

    for change in (
        update(published_cell).values(hidden=False),
        published_cell.delete(),
    ):
        with pytest.raises(DatabaseError), tx.begin_nested():
            tx.execute(change)


def test_a_frozen_report_has_a_body_and_its_hash(tx: Connection) -> None:
    frozen = {
        "period": "2026-T3",
        "scope": "nation",
        "revision": 1,
        "state": "frozen",
        "as_of": NOW,
        "definitions": "1",
        "software": "0",
        "changed_at": NOW,
        "changed_by": "operator",
    }
    for body, sha256 in ((None, None), ("{}", None)):
        with pytest.raises(DatabaseError), tx.begin_nested():
            tx.execute(insert(report), frozen | {"body": body, "sha256": sha256})
    tx.execute(insert(report), frozen | {"body": "{}", "sha256": "0" * 64})


def test_what_a_unit_told_stays_as_it_was_told(tx: Connection) -> None:
    tx.execute(
        insert(experience_report),
        {
            "period": "2026-T3",
            "unit": "A",
            "revision": 1,
            "body": "{}",
            "recorded_at": NOW,
            "by": "lead",
        },
    )
    with pytest.raises(DatabaseError), tx.begin_nested():
        tx.execute(update(experience_report).values(body="[]"))

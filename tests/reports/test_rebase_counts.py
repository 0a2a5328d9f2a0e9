"""A rebase moves deadlines, and no figure of a tertial that is over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from cases import release
from cases.access import OPERATOR
from cases.package_saving import put_in_force, save_overlay
from cases.rebase import rebase
from reports.figures import as_json
from tests.people import at, make_case
from tests.reports.counts import counted

OVERLAY = (Path(__file__).parents[1] / "data" / "overlay-a-1.toml").read_text("utf-8")


def _cases(tx: Connection) -> None:
    make_case(tx, release_on=date(2027, 3, 1), answer="accepted", done={"intake_talk"})
    make_case(tx, answer="not_now")
    gone = make_case(
        tx, release_on=date(2026, 12, 10), answer="accepted", done={"brief_info", "talk_held"}
    )
    release.release(tx, OPERATOR, gone.ref, now=at("2026-12-10 12:00"))


def test_a_rebase_after_the_turn_of_the_year_changes_no_figure_of_the_old_one(
    tx: Connection,
) -> None:
    _cases(tx)
    before = counted(tx, "2026-T3", "2027-01-10 07:00")
    save_overlay(tx, OPERATOR, "A", OVERLAY, now=at("2027-01-10 08:00"))

    moves = rebase(tx, OPERATOR, "A", now=at("2027-01-10 08:00"))

    # One added task was due in September: nobody owed it then.
    assert any(task.task == "risk_reviewed" for move in moves for task in move.tasks)
    after = counted(tx, "2026-T3", "2027-01-10 09:00")
    assert as_json(after)["nation"] == as_json(before)["nation"]
    counted(tx, "2027-T1", "2027-01-11 09:00")


def test_a_rebase_back_leaves_what_is_gone_out_of_the_counts(tx: Connection) -> None:
    save_overlay(tx, OPERATOR, "A", OVERLAY, now=at("2026-09-01 07:00"))
    _cases(tx)
    before = counted(tx, "2026-T3", "2027-01-10 07:00")
    put_in_force(tx, OPERATOR, "A", "national-1", now=at("2027-01-10 08:00"))

    assert len(rebase(tx, OPERATOR, "A", now=at("2027-01-10 08:00"))) == 3

    after = counted(tx, "2026-T3", "2027-01-10 09:00")
    assert as_json(after)["nation"] == as_json(before)["nation"]
    counted(tx, "2027-T1", "2027-01-11 09:00")

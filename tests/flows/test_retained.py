"""Retention: what has to go goes, whatever else is wrong."""

from __future__ import annotations

import os
import time

from sqlalchemy import update

from cases import retention
from cases.installation import Installation
from cases.journal import AccessRow, append
from cases.look_index import LONG
from cases.tables import access_log
from tests.cases.test_tamper import disarm


def test_a_damaged_row_of_the_log_keeps_nothing_else_from_being_taken_out(
    house: Installation,
) -> None:
    now = house.now()
    seen = tuple(f"case{number}" for number in range(LONG + 1))
    row = AccessRow("A", now, "somebody", "health", "cases_listed", subjects=seen)
    house.db.transact(lambda tx: append(tx, [row], now=now))
    with house.db.write() as tx:
        disarm(tx, access_log)
        tx.execute(update(access_log).values(subjects='["case0"'))
    uploads = house.settings.data / retention.UPLOADS
    uploads.mkdir(exist_ok=True)
    roster = uploads / "roster"
    roster.write_bytes(b"x")
    three_days_ago = time.time() - 3 * 86_400
    os.utime(roster, (three_days_ago, three_days_ago))

    retention.retain(house, now=now)

    assert not roster.exists()

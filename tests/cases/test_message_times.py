"""When messages and digests go, against a table made by hand: DST nights, Easter, 17 May, New Year.

`tests/data/message_times.csv`: of a reminder `known` is the release, and the appointment was
confirmed before it; of a digest `known` is the moment at which somebody looks.
"""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from cases.digests import slot_now
from cases.wanted import wanted, why_none
from core.clock import iso_local, parse_instant
from tests.cases.test_wanted import appointment, released

TABLE: Final = Path(__file__).parents[1] / "data" / "message_times.csv"
ROWS: Final = list(csv.DictReader(TABLE.read_text("utf-8").splitlines(), delimiter=";"))


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 60


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['kind']} {row['known']} {row['starts']}"
)
def test_every_time_is_that_of_the_table(row: dict[str, str]) -> None:
    known = parse_instant(row["known"])
    if row["kind"] == "digest":
        slot = slot_now(known)
        found = iso_local(slot) if slot is not None else "none"
    else:
        booked = appointment(parse_instant(row["starts"]), confirmed_at=known - timedelta(days=1))
        case = released(booked, at=known)
        messages = wanted(case)
        found = iso_local(messages[0].send_at) if messages else str(why_none(case))

    expected = row["expected"]
    assert found == (iso_local(parse_instant(expected)) if "T" in expected else expected)

"""`overlev audit verify`: whoever changes a log is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.app.databases import behind, scalar, url_of
from tests.app.shell import Shell

ROSTER = Path(__file__).parents[1] / "data" / "roster-2026-09-01.csv"
NOW = "2026-09-01T08:00+02:00"


def work(shell: Shell) -> Shell:
    """People work for two months."""
    shell("complete", "101000", "brief_info", now="2026-09-02T09:00")
    shell("complete", "101000", "talk_booked", now="2026-10-02T09:00")
    shell("cases", "--unit", "bergen", now="2026-10-02T09:00")
    return shell


@pytest.fixture
def used(any_house: Shell) -> Shell:
    return work(any_house)


def test_logs_that_nobody_touched_verify_with_their_counts(used: Shell) -> None:
    answer = used("audit", "verify", "--json").json

    assert answer["ok"] is True
    assert answer["findings"] == []
    assert answer["rows"]["case_event"] == 122
    # 120 openings, two completions, one list, and the making of the house.
    assert answer["rows"]["access_log"] == 124
    assert answer["rows"]["access_subject"] == 3
    assert used("audit", "verify").out.endswith("OK\n")


TAMPERED = {
    "a payload changed": "UPDATE case_event SET payload = replace(payload, 'done', 'open')"
    " WHERE verb = 'task_completed'",
    "an actor changed": "UPDATE access_log SET actor = 'somebody' WHERE verb = 'cases_listed'",
    "a row deleted": "DELETE FROM case_event WHERE verb = 'task_completed'"
    " AND chain_month = '2026-09'",
    "the last row deleted": "DELETE FROM access_log WHERE verb = 'cases_listed'",
    "a head turned back": "UPDATE chain SET seq = seq - 1 WHERE seq > 1",
    "a subject added": "INSERT INTO access_subject SELECT min(id), 'aaaaaaaaaa' FROM access_log",
    "a subject taken away": "DELETE FROM access_subject",
    "a whole chain gone": "DELETE FROM chain WHERE scope = 'system'",
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_found(house: Shell, how: str) -> None:
    used = work(house)
    statements = [TAMPERED[how]]
    if "listed" in TAMPERED[how] and "DELETE" in TAMPERED[how]:
        statements.insert(0, "DELETE FROM access_subject")
    behind(used, *statements)

    answer = used("audit", "verify", code=1)

    assert "OK" not in answer.out
    assert "findings" in answer.err
    assert used("audit", "verify", "--json", code=1).json["ok"] is False


def test_two_rows_swapped_are_found(used: Shell) -> None:
    place = "UPDATE case_event SET chain_seq = {} WHERE unit = 'bergen' AND chain_month = '2026-09'"
    behind(
        used,
        f"{place.format(-1)} AND chain_seq = 1",
        f"{place.format(1)} AND chain_seq = 2",
        f"{place.format(2)} AND chain_seq = -1",
    )

    assert "bergen/2026-09 row 1: altered" in used("audit", "verify", code=1).out


def test_the_database_itself_refuses_to_change_a_log(used: Shell) -> None:
    engine = create_engine(url_of(used))
    for table in ("case_event", "access_log", "access_subject"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET case_ref = 'x'"):
            with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
                connection.execute(text(statement))
    engine.dispose()


def test_every_look_at_a_case_and_every_list_is_logged_before_it_is_shown(used: Shell) -> None:
    ref = used.case("101000", now="2026-10-03T09:00")["ref"]

    assert scalar(
        used, f"SELECT count(*) FROM access_log WHERE verb = 'case_read' AND case_ref = '{ref}'"
    ) == 1  # fmt: skip
    assert scalar(
        used, f"SELECT count(*) FROM access_subject WHERE case_ref = '{ref}'"
    ) == 1  # fmt: skip
    assert scalar(used, "SELECT actor FROM access_log WHERE verb = 'case_read'") == "operator"

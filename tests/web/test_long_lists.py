"""A list that takes long is read beside those who write."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cases import worklist
from tests.people import make_case
from tests.web.conftest import Desk


@pytest.mark.parametrize(
    "path",
    [
        "/overdue?sort=release",
        "/overdue?sort=unit",
        "/overdue?page=9",
        "/overdue?whose=me",
        "/overdue?step=TIME_IN_HAND",
        "/overdue?snoozed=only",
    ],
)
def test_a_list_that_takes_long_keeps_nobody_from_writing(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Sorted otherwise, or far down, a list reads every open case: half a second of 50,000."""
    desk, found = on_sqlite, worklist.task_lines
    with desk.db.write() as tx:
        make_case(tx, unit="A")
    coordinator, wrote = desk.of("coordinator"), threading.Event()

    def writes() -> None:
        with desk.db.write():
            wrote.set()

    def slowly(*given: Any, **how: Any) -> Any:
        threading.Thread(target=writes).start()
        assert wrote.wait(5), "who wants to write waits for the whole list"
        return found(*given, **how)

    monkeypatch.setattr(worklist, "task_lines", slowly)
    assert coordinator.get(path).status == 200

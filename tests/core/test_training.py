"""The clock of a demo's training day: moved ahead for everybody in the folder, and going on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import training
from core.training import FILE, TrainingClock

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 7, tzinfo=UTC)


class Wall:
    """A wall clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_an_ordinary_day_is_today(tmp_path: Path) -> None:
    assert TrainingClock(tmp_path, Wall())() == NOW


def test_a_training_day_begins_when_it_was_chosen_and_goes_on(tmp_path: Path) -> None:
    wall = Wall()
    clock = TrainingClock(tmp_path, wall)
    clock.move_to(MONDAY)
    assert clock() == MONDAY
    wall.now += timedelta(hours=3)
    assert clock() == MONDAY + timedelta(hours=3)


def test_another_process_of_the_folder_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, worker = TrainingClock(tmp_path, Wall()), TrainingClock(tmp_path, Wall())
    assert worker() == NOW
    web.move_to(MONDAY)
    monkeypatch.setattr(training, "LOOKED_EVERY", 0.0)
    assert worker() == MONDAY
    web.move_to(None)
    assert worker() == NOW


def test_the_day_outlives_a_restart(tmp_path: Path) -> None:
    TrainingClock(tmp_path, Wall()).move_to(MONDAY)
    assert TrainingClock(tmp_path, Wall())() == MONDAY


@pytest.mark.parametrize("written", ["", "{}", "[]", '{"moved_by": "x"}', '{"moved_by": null}'])
def test_a_file_that_says_nothing_sensible_moves_nothing(tmp_path: Path, written: str) -> None:
    (tmp_path / FILE).write_text(written, encoding="utf-8")
    assert TrainingClock(tmp_path, Wall())() == NOW

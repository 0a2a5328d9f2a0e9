"""How far the cases of a new demo are, told across processes by the mark in its folder."""

from __future__ import annotations

import os
from pathlib import Path

from app.demo.pending import MARK, making, percent_made, put_mark, take_mark, to_come


def _age(folder: Path) -> None:
    os.utime(folder / MARK, (0, 0))


def test_how_far_they_are_is_told_while_somebody_makes_them(tmp_path: Path) -> None:
    assert (to_come(tmp_path), percent_made(tmp_path)) == (False, None)
    put_mark(tmp_path)
    # Promised, and whoever makes them is still starting; or long ago, and nobody came.
    assert (to_come(tmp_path), percent_made(tmp_path)) == (True, 0)
    _age(tmp_path)
    assert (to_come(tmp_path), percent_made(tmp_path)) == (True, None)
    told = []
    with making(tmp_path) as made:
        for percent in (None, 7, 60, 100):
            if percent is not None:
                made(percent)
            told.append(percent_made(tmp_path))
    assert told == [0, 7, 60, 99]

    # Cut short: still to come, and nobody is at it.
    _age(tmp_path)
    assert (to_come(tmp_path), percent_made(tmp_path)) == (True, None)
    with making(tmp_path):
        assert percent_made(tmp_path) == 0
    take_mark(tmp_path)
    assert not (tmp_path / MARK).exists()

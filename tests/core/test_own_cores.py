"""A core of its own for each web process, where there is one to give."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core.processors import _numbers_in, cores_here, keep_to, one_for_each, shares_a_core


def alone(processor: int) -> frozenset[int]:
    return frozenset({processor})


def half_apart(processor: int) -> frozenset[int]:
    """Eight processors of four cores, numbered as most machines do."""
    return frozenset({processor % 4, processor % 4 + 4})


def side_by_side(processor: int) -> frozenset[int]:
    return frozenset({processor // 2 * 2, processor // 2 * 2 + 1})


@pytest.mark.parametrize(
    ("webs", "processors", "siblings", "chosen"),
    [
        (1, [0, 1], alone, [1]),
        (1, [0, 1], side_by_side, [1]),
        (2, [0, 1, 2, 3], alone, [3, 2]),
        (2, list(range(8)), half_apart, [7, 6]),
        (2, list(range(8)), side_by_side, [7, 5]),
        (3, [4, 5, 6, 7], side_by_side, [7, 5, 6]),
        (1, [3], alone, [None]),
        (2, [0, 1], alone, [None, None]),
        (4, [0, 1, 2, 3], alone, [None, None, None, None]),
    ],
)
def test_each_web_process_has_a_core_and_something_is_left_to_the_other_parts(
    webs: int, processors: list[int], siblings: object, chosen: list[int | None]
) -> None:
    assert one_for_each(webs, processors, siblings) == chosen  # type: ignore[arg-type]


def test_the_kernel_lists_processors_by_number_and_by_range() -> None:
    assert _numbers_in("0,4\n") == {0, 4}
    assert _numbers_in("2-3,6-7") == {2, 3, 6, 7}


def test_every_processor_here_shares_a_core_with_itself() -> None:
    for processor in cores_here():
        assert processor in shares_a_core(processor)
    assert shares_a_core(100_000) == {100_000}


def test_a_process_keeps_to_what_it_was_given_and_a_gone_one_is_left() -> None:
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        last = cores_here()[-1]
        keep_to(last, process.pid)
        assert os.sched_getaffinity(process.pid) == {last}
        keep_to(100_000, process.pid)
        assert os.sched_getaffinity(process.pid) == {last}, "as it was"
        process.communicate(b"\n")
    keep_to(last, process.pid)

"""What somebody who keeps to one processor starts beside themselves has all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.processors import ALL, as_text, let_go


@contextmanager
def on_the_first(processors: list[int]) -> Iterator[int]:
    """A child that was started on the first of them alone."""
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as child:
        os.sched_setaffinity(child.pid, {processors[0]})
        yield child.pid
        child.communicate(b"\n")


def test_a_child_may_compute_on_all_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = sorted(os.sched_getaffinity(0))
    with on_the_first(here) as pid:
        let_go(pid)
        assert os.sched_getaffinity(pid) == {here[0]}, "nobody named any"
        monkeypatch.setenv(ALL, as_text(here))
        let_go(pid)
        assert os.sched_getaffinity(pid) == set(here)


@pytest.mark.parametrize("named", ["", "none", "100000", "-1"])
def test_what_cannot_be_leaves_the_child_as_it_is(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = sorted(os.sched_getaffinity(0))
    monkeypatch.setenv(ALL, named)
    with on_the_first(here) as pid:
        let_go(pid)
        assert os.sched_getaffinity(pid) == {here[0]}
    let_go(pid)

"""Whose turn it is to write: among threads and processes nobody is left standing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import Busy
from core.turns import WriterQueue, waiting_since

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

WRITES = """
import sys, threading, time
from pathlib import Path
from core.turns import WriterQueue

name, place, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
queue, until = WriterQueue(place / "test.db", 10.0), time.monotonic() + seconds

def write():
    while time.monotonic() < until:
        with queue.turn():
            with (place / "turns").open("a") as turns:
                turns.write(name)
            time.sleep(0.003)

threads = [threading.Thread(target=write) for _ in range(4)]
print("ready", flush=True)
for each in threads:
    each.start()
for each in threads:
    each.join()
"""

HOLDS = """
import sys, time
from pathlib import Path
from core.turns import WriterQueue

with WriterQueue(Path(sys.argv[1]) / "test.db", 10.0).turn():
    print("ready", flush=True)
    time.sleep(60)
"""


@contextmanager
def process(program: str, *words: object, ready: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Another process on this machine, at work."""
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as made:
        assert made.stdout is not None
        try:
            if ready:
                assert made.stdout.readline() == "ready\n"
            yield made
        finally:
            made.kill()


def turn_at(place: Path, patience: float) -> float:
    """Seconds until one turn was had."""
    began = time.monotonic()
    with WriterQueue(place / "test.db", patience).turn():
        return time.monotonic() - began


def test_two_processes_that_always_want_to_write_take_turns(tmp_path: Path) -> None:
    with process(WRITES, "a", tmp_path, 2) as one, process(WRITES, "b", tmp_path, 2) as other:
        assert (one.wait(20), other.wait(20)) == (0, 0)
    # While one of them has not begun or has ended, the other is alone.
    turns = (tmp_path / "turns").read_text()
    both = turns[
        max(turns.index("a"), turns.index("b")) : min(turns.rindex("a"), turns.rindex("b"))
    ]
    runs = sorted(len(list(each)) for _, each in groupby(both))
    assert len(both) > 50
    # A busy machine may leave one of them standing for a moment; without the second file it is
    # left standing for sixty turns, again and again.
    assert runs[-1] <= 30, runs[-10:]
    assert runs[len(runs) * 9 // 10] == 1, "mostly it is one and then the other"


def test_whoever_sleeps_in_its_turn_is_not_waited_for_longer_than_the_patience(
    tmp_path: Path,
) -> None:
    with process(HOLDS, tmp_path) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Busy):
            turn_at(tmp_path, 0.3)
        assert 0.25 < time.monotonic() - began < 1.5
        holder.kill()
        holder.wait()
        assert turn_at(tmp_path, 2.0) < 1.0


def test_whoever_is_killed_while_it_waits_stands_in_nobodys_way(tmp_path: Path) -> None:
    with process(HOLDS, tmp_path) as holder, process(HOLDS, tmp_path, ready=False) as waiting:
        time.sleep(1.0)  # it has the second file by now, and waits
        waiting.kill()
        waiting.wait()
        holder.kill()
        holder.wait()
        assert turn_at(tmp_path, 2.0) < 1.0


def test_threads_of_one_process_write_one_after_the_other(tmp_path: Path) -> None:
    queue, inside, most = WriterQueue(tmp_path / "test.db", 5.0), [0], [0]

    def write() -> None:
        for _ in range(20):
            with queue.turn():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0002)
                inside[0] -= 1

    threads = [threading.Thread(target=write) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1]


def test_patience_is_for_the_line_before_it_too(tmp_path: Path) -> None:
    """Who waited elsewhere waits here for what is left; a turn that is free is taken."""
    queue = WriterQueue(tmp_path / "db", 1.0)
    told: list[float] = []

    def late() -> None:
        began = time.monotonic()
        with waiting_since(began - 0.9), pytest.raises(Busy), queue.turn():
            pass
        told.append(time.monotonic() - began)

    with queue.turn():
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(5)
    assert told[0] < 0.6
    with waiting_since(time.monotonic() - 100), queue.turn():
        pass

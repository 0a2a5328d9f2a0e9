"""The threads in which requests are worked on, while the loop reads and answers others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from core.errors import Busy
from core.turns import waiting_since

T = TypeVar("T")

AT_ONCE: Final = 40
"""Requests that are worked on at one time; further ones wait. `core.db` keeps as many connections
and some."""

WRITING: Final = 16
"""Of short writes on SQLite. One of them has the turn and does what the others have ready, in one
commit (`core.together`), which takes as many; were there more, they would only wake for nothing."""

_threads: Final = ThreadPoolExecutor(AT_ONCE, "web")
_line: Final = ThreadPoolExecutor(WRITING, "web-writes")


async def in_a_thread(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """Do it in one of the threads.

    The framework's own way to a thread takes more than twice the CPU of Python's.
    """
    if named:
        work = partial(work, **named)
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)


async def in_line(work: Callable[..., T], *, patience: float, **named: Any) -> T:
    """Do it after all that came before it and are done in line, as few at one time as is good.

    For what is short and writes: everybody else has the other threads. Raises `Busy` without
    having begun when its place in the line does not come within the patience, in seconds; what is
    left of that is for the turn to write.
    """
    came = time.monotonic()

    def begun() -> T:
        if time.monotonic() - came > patience:
            raise Busy("Others are writing. Try again in a moment.")
        with waiting_since(came):
            return work(**named)

    return await asyncio.get_running_loop().run_in_executor(_line, begun)

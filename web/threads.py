"""The threads in which requests are worked on, while the loop reads and answers others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 40
"""Requests that are worked on at one time; further ones wait. `core.db` keeps as many connections
and some."""

_threads: Final = ThreadPoolExecutor(AT_ONCE, "web")


async def in_a_thread(work: Callable[..., T], *given: Any, **named: Any) -> T:
    """Do it in one of the threads.

    The framework's own way to a thread takes more than twice the CPU of Python's.
    """
    if named:
        work = partial(work, **named)
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)

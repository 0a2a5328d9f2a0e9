"""The processors of a process that was told to keep to one of them (docs/adr/0108).

What such a process starts beside itself would keep to the same one, and take it away from whoever
it was to be a help to.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

ALL: Final = "OVERLEV_BOOTSTRAP_PROCESSORS"
"""Set in the environment of whoever keeps to one processor: all that its children may use."""


def as_text(processors: Iterable[int]) -> str:
    """Processors by number, as `ALL` holds them."""
    return ",".join(str(each) for each in sorted(processors))


def let_go(pid: int) -> None:
    """Let a child that was just started compute on every processor that `ALL` names.

    Without it, and where it cannot be, the child is left as it is: only speed depends on it.
    """
    with suppress(OSError, ValueError):
        if named := os.environ.get(ALL):
            os.sched_setaffinity(pid, {int(each) for each in named.split(",")})

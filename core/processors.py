"""A core of its own for each web process, and none for what it starts (docs/adr/0108).

A request goes from the thread that reads to one that works and back. Python computes in one of
them at a time, so a second core brings them next to nothing; woken on the other core each time,
they take up to half as much CPU again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final

ALL: Final = "OVERLEV_BOOTSTRAP_PROCESSORS"
"""Set in the environment of whoever keeps to one processor: all that its children may use."""

_SIBLINGS: Final = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def cores_here() -> list[int]:
    """The processors that this process may use, by number."""
    return sorted(os.sched_getaffinity(0))


def shares_a_core(processor: int) -> frozenset[int]:
    """The processors that are one core with this one, itself among them."""
    with suppress(OSError, ValueError):
        listed = Path(_SIBLINGS.format(processor)).read_text(encoding="ascii")
        return _numbers_in(listed) | {processor}
    return frozenset({processor})


def _numbers_in(listed: str) -> frozenset[int]:
    """What the kernel lists as `0,4` or `0-1`."""
    found: set[int] = set()
    for part in listed.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def one_for_each(
    webs: int,
    processors: Sequence[int],
    siblings: Callable[[int], frozenset[int]] = shares_a_core,
) -> list[int | None]:
    """Which processor each web process keeps to; None for all of them where they are too few.

    At least one is left to the other parts. The last come first: the machine's own work begins at
    the first. Two of one core only when there are no more cores.
    """
    if len(processors) <= webs:
        return [None] * webs
    chosen: list[int] = []
    taken: set[int] = set()
    for processor in sorted(processors, reverse=True):
        if processor not in taken:
            chosen.append(processor)
            taken |= siblings(processor)
    chosen += [each for each in sorted(processors, reverse=True) if each not in chosen]
    return list(chosen[:webs])


def keep_to(processor: int, pid: int) -> None:
    """Let a process that was just started compute on this processor alone, with all its threads.

    What cannot be is left as it is: it has ended already, or the machine has taken the processor
    away. Nothing but speed depends on it.
    """
    _restrict(pid, {processor})


def as_text(processors: Iterable[int]) -> str:
    """Processors by number, as `ALL` holds them and the kernel writes them."""
    return ",".join(str(each) for each in sorted(processors))


def let_go(pid: int) -> None:
    """Let a child that was just started compute on every processor that `ALL` names.

    For what a process starts that keeps to one itself: the child would keep to the same one, and
    take it away from whoever it was to be a help to.
    """
    with suppress(ValueError):
        if named := os.environ.get(ALL):
            _restrict(pid, _numbers_in(named))


def _restrict(pid: int, processors: AbstractSet[int]) -> None:
    with suppress(OSError):
        os.sched_setaffinity(pid, processors)

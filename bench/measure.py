"""Measuring: CPU of this process and wall time, batches whose median counts, and profiles."""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final


@dataclass(slots=True)
class Cost:
    """What a stretch of work took, in seconds; `cpu` is user and system of the whole process.

    `cpu` is exact; how it divides into `user` and `system` comes from the kernel's ticks and needs
    some hundred milliseconds to be worth anything.
    """

    cpu: float = 0.0
    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cpu + other.cpu,
            self.user + other.user,
            self.system + other.system,
            self.wall + other.wall,
        )


@contextmanager
def metered() -> Iterator[Cost]:
    """The cost of the block, filled in when it ends."""
    cost = Cost()
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.cpu, cost.wall = time.process_time() - cpu, time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_SELF)
    cost.user, cost.system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


@dataclass(slots=True)
class Batches:
    """The costs of batches of the same work, each of `size` actions."""

    size: int
    costs: list[Cost] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Meter one batch."""
        with metered() as cost:
            yield
        self.costs.append(cost)

    @property
    def cpu(self) -> float:
        """Seconds of CPU per action: the median of the batches."""
        return median(cost.cpu for cost in self.costs) / self.size

    @property
    def quickest(self) -> float:
        """Seconds of CPU per action in the quickest batch: the least disturbed one."""
        return min(cost.cpu for cost in self.costs) / self.size

    @property
    def wall(self) -> float:
        """Seconds of wall time per action: the median of the batches."""
        return median(cost.wall for cost in self.costs) / self.size

    @property
    def system(self) -> float:
        """Seconds of CPU per action that the kernel took: its share of all batches, of `cpu`."""
        total = sum(self.costs, Cost())
        ticks = total.user + total.system
        return self.cpu * (total.system / ticks if ticks else 0.0)

    @property
    def parts(self) -> str:
        """`cpu` divided into user and system, in microseconds, to be printed."""
        return f"user {1e6 * (self.cpu - self.system):.0f} + system {1e6 * self.system:.0f} µs"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: `ours`, the `limit` of the same run and the `goal` to hold, all in `unit`.

    Lower is better. `growth` is ours against the same with fewer cases.
    """

    what: str
    ours: float
    unit: str
    limit: float | None = None
    goal: float | None = None
    said: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the limit."""
        return self.ours / self.limit if self.limit else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is held; None where there is none."""
        return None if self.goal is None else self.ours <= self.goal


@dataclass(slots=True)
class Outcome:
    """What one benchmark found: its lines, and where the time of a missed goal went."""

    lines: list[Line] = field(default_factory=list)
    profiles: dict[str, str] = field(default_factory=dict)


def profile(work: Callable[[], object], *, actions: int, rows: int = 28) -> str:
    """Where the time of some work goes, by function itself, in µs per action.

    The profiler makes everything slower, small functions most: read it for proportions.
    """
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(work)
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text)
    found: list[tuple[float, float, float, str]] = [
        (own / actions, total / actions, calls / actions, _where(place))
        for place, (_, calls, own, total, _) in stats.stats.items()  # type: ignore[attr-defined]
    ]
    lines = [f"{'own µs':>8} {'with calls':>11} {'calls':>7}  function"]
    lines += [
        f"{1e6 * own:8.1f} {1e6 * total:11.1f} {calls:7.1f}  {where}"
        for own, total, calls, where in sorted(found, reverse=True)[:rows]
    ]
    return "\n".join(lines)


def _where(place: tuple[str, int, str]) -> str:
    file, line, name = place
    if file == "~":
        return name
    # Only what stands inside the environment or the project; the machine's folders are nobody's
    # business.
    short = re.sub(r"^.*(?:site-packages|lib/python3\.\d+)/", "", file)
    return f"{short.removeprefix(_PROJECT)}:{line} {name}"


_PROJECT: Final = f"{Path(__file__).resolve().parent.parent}/"

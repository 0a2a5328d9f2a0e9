"""Measuring: CPU of this process and wall time, batches whose median counts, and profiles.

A neighbour on the other core, or one that takes turns on this one, makes the same work cost up to
twice the CPU (cold caches). So a fixed piece of work is metered before and after every batch; how
much slower it runs than at its quickest in this run is the batch's *strain*, and what a batch cost
divided by its strain is what it costs *undisturbed*. Goals are held by that figure; the one that
was really measured stands beside it.
"""

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
    some hundred milliseconds to be worth anything. `server` is the CPU of a database server
    meanwhile, `pace` what the fixed piece of work took around it.
    """

    cpu: float = 0.0
    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0
    server: float = 0.0
    pace: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cpu + other.cpu,
            self.user + other.user,
            self.system + other.system,
            self.wall + other.wall,
            self.server + other.server,
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


def pace() -> float:
    """Seconds of CPU of a fixed piece of work, about a millisecond of it."""
    began = time.process_time()
    for _ in range(60):
        made = {number: (number, str(number)) for number in range(100)}
        made.clear()
    took = time.process_time() - began
    _paces.append(took)
    return took


def settle(*, looks: int = 150, pause: float = 0.01) -> None:
    """Find the quickest pace of this machine: looked for while nothing else of ours runs."""
    for _ in range(looks):
        pace()
        time.sleep(pause)


def strain_of_run() -> float:
    """How much slower the fixed piece of work ran in the middle of all looks than at its best."""
    return median(_paces) / min(_paces)


_paces: Final[list[float]] = []


@dataclass(slots=True)
class Batches:
    """The costs of batches of the same work, each of `size` actions.

    `server` tells the CPU seconds that a database server has used so far; its part is added.
    """

    size: int
    costs: list[Cost] = field(default_factory=list)
    server: Callable[[], float] | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        """Meter one batch."""
        before = pace()
        begun = self.server() if self.server else 0.0
        with metered() as cost:
            yield
        cost.server = self.server() - begun if self.server else 0.0
        cost.pace = (before + pace()) / 2
        self.costs.append(cost)

    @property
    def undisturbed(self) -> float:
        """Seconds of CPU per action, the server's included, at the machine's quickest pace."""
        best = min(_paces)
        return median((c.cpu + c.server) * best / c.pace for c in self.costs) / self.size

    @property
    def with_server(self) -> float:
        """Seconds of CPU per action, the server's included: the median of the batches."""
        return median(cost.cpu + cost.server for cost in self.costs) / self.size

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

    Lower is better. `undisturbed` is ours without the strain of others on the machine.
    """

    what: str
    ours: float
    unit: str
    limit: float | None = None
    goal: float | None = None
    said: str = ""
    undisturbed: float | None = None

    @classmethod
    def of(
        cls,
        what: str,
        ours: Batches,
        unit: str,
        *,
        limit: Batches | None = None,
        goal: float | None = None,
        said: str = "",
    ) -> Line:
        """The figure of batches, in a unit of time; the server's CPU included where it is known."""
        times = {"s": 1.0, "ms": 1e3, "µs": 1e6}[unit]
        return cls(
            what,
            times * ours.with_server,
            unit,
            None if limit is None else times * limit.with_server,
            goal,
            said,
            times * ours.undisturbed,
        )

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the limit."""
        return self.ours / self.limit if self.limit else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is held; None where there is none."""
        held = self.ours if self.undisturbed is None else self.undisturbed
        return None if self.goal is None else held <= self.goal


@dataclass(slots=True)
class Outcome:
    """What one benchmark found: its lines, and where the time of a missed goal went.

    `why` says in words why a goal is missed; it is told only where one is.
    """

    lines: list[Line] = field(default_factory=list)
    profiles: dict[str, str] = field(default_factory=dict)
    why: str = ""


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

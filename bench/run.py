"""What every benchmark is told: where to make databases, and how much to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bench.places import Places
from bench.stock import Stock

GARBAGE_AFTER: Final = 50_000
"""New objects after which garbage is looked for, as the command `overlev` sets it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of benchmarks. `quick` does a little of all, `full` goes up to a million cases."""

    places: Places
    quick: bool = False
    full: bool = False
    profile: bool = False
    engines: tuple[str, ...] = ("sqlite", "postgres")
    stock: Stock = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stock", Stock(self.places, few=self.quick))

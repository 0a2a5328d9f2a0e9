"""What every benchmark is told: where to make databases, and how much to do."""

from __future__ import annotations

from dataclasses import dataclass

from bench.places import Places


@dataclass(frozen=True, slots=True)
class Run:
    """One run of benchmarks. `quick` does a little of all, `full` goes up to a million cases."""

    places: Places
    quick: bool = False
    full: bool = False
    profile: bool = False
    engines: tuple[str, ...] = ("sqlite", "postgres")

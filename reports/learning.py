"""PURE: what a unit's staff can learn from their own figures, nothing hidden.

Where cases fall out of the funnel; how the unit has done over time against itself; and a
statistical process control chart (p-chart), which tells a change from chance. Also the interval
that a small number leaves open, for comparing a unit with the nation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from reports.figures import Cells, Figure

FUNNEL: Final = ("offered", "accepted", "trained", "talk", "appointment", "attended")
"""Stages from the offer to the first appointment attended."""

Z_95: Final = 1.959964
"""Standard deviations of a 95 % interval."""

SIGMAS: Final = 3.0
"""Width of a control limit: outside by chance about three times in a thousand."""

RUN: Final = 8
"""So many points in a row on one side of the centre line are no chance either."""

LEAST_POINTS: Final = 5
"""Fewer tertials than these say nothing about a process."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the funnel: how many came so far, of how many that could; None where hidden.

    The first two stages follow those admitted, the others those released who took part: each has
    its own base, because they are not the same persons.
    """

    name: str
    reached: int | None
    of: int | None
    lost: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """A tertial on a control chart. Limits are None where there is no denominator."""

    period: str
    numerator: int
    denominator: int
    value: float | None
    low: float | None
    high: float | None
    signal: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """A p-chart: the centre line over all points, and each tertial with its own limits."""

    centre: float | None
    points: tuple[Point, ...]
    enough: bool


def funnel(figures: Cells) -> list[Stage]:
    """Where cases fall out, by the figures of one place."""
    sources = (
        ("offered", figures["I3"]),
        ("accepted", figures["I4"]),
        ("trained", figures["I7"]),
        ("talk", figures["I10"]),
        ("appointment", figures["I11"]),
        ("attended", figures["I14"]),
    )
    return [_stage(name, figure) for name, figure in sources]


def _stage(name: str, figure: Figure) -> Stage:
    reached, of = figure.numerator, figure.denominator
    lost = None if reached is None or of is None else of - reached
    return Stage(name, reached, of, lost)


def wilson(numerator: int, denominator: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson): wide where there are few. Of nothing: 0 … 1."""
    if denominator == 0:
        return 0.0, 1.0
    share, n, square = numerator / denominator, denominator, Z_95 * Z_95
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def p_chart(told: Iterable[tuple[str, int, int]]) -> Chart:
    """A control chart of (period, numerator, denominator), the oldest first.

    A point beyond its limits is `above` or `below`; the last of eight in a row on one side is a
    `run`. Nothing is signalled from fewer than five tertials: that is no process yet.
    """
    rows = list(told)
    total = sum(denominator for _, _, denominator in rows)
    used = [row for row in rows if row[2]]
    enough = len(used) >= LEAST_POINTS
    if not total:
        return Chart(
            None, tuple(Point(p, n, d, None, None, None, None) for p, n, d in rows), enough
        )
    centre = sum(numerator for _, numerator, _ in rows) / total
    points: list[Point] = []
    for period, numerator, denominator in rows:
        if denominator == 0:
            points.append(Point(period, numerator, denominator, None, None, None, None))
            continue
        value = numerator / denominator
        spread = SIGMAS * sqrt(centre * (1 - centre) / denominator)
        low, high = max(0.0, centre - spread), min(1.0, centre + spread)
        beyond = "above" if value > high else "below" if value < low else None
        signal = beyond or _run([*points], value, centre)
        points.append(
            Point(period, numerator, denominator, value, low, high, signal if enough else None)
        )
    return Chart(centre, tuple(points), enough)


def _run(before: Sequence[Point], value: float, centre: float) -> str | None:
    values = [point.value for point in before if point.value is not None][-(RUN - 1) :]
    values.append(value)
    if len(values) < RUN:
        return None
    one_side = all(v > centre for v in values) or all(v < centre for v in values)
    return "run" if one_side else None

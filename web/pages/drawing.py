"""PURE: small charts for pages, as SVG in the page itself: they follow its colours, light and dark.

They need no drawing engine (docs/adr/0076). Each says in words what it shows; the page has the same
figures as a table beside it. Nothing carries a style of its own: `overlev.css` colours the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDE: Final = 640
HIGH: Final = 260
_LEFT: Final = 48
_RIGHT: Final = 20
_TOP: Final = 22
_BOTTOM: Final = 34
_STEPS: Final = (0, 0.25, 0.5, 0.75, 1)
_SPARK_WIDE: Final = 96
_SPARK_HIGH: Final = 24
_MOST_TICKS: Final = 15


@dataclass(frozen=True, slots=True)
class Dot:
    """A point over time: `label` below it, `text` above; without a `value` there is a gap.

    `low` and `high` are limits drawn around it, `marked` makes it stand out.
    """

    label: str
    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    marked: bool = False


def bar(share: float | None, mark: float | None = None) -> Markup:
    """A share as a bar; `mark` is a line across it to compare with. The number stands beside it."""
    drawn = ['<rect class="track" width="100" height="8"/>']
    if share is not None:
        drawn.append(f'<rect class="fill" width="{_n(100 * share)}" height="8"/>')
    if mark is not None:
        drawn.append(f'<rect class="mark" x="{_n(100 * mark - 0.5)}" width="1" height="8"/>')
    return _drawn(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(drawn)}</svg>"
    )


def spark(values: Sequence[float | None], says: str) -> Markup:
    """How a figure has moved, small: a line with a dot at its end. Gaps stay gaps."""
    known = [value for value in values if value is not None]
    most = max(known, default=0) or 1
    step = (_SPARK_WIDE - 8) / max(len(values) - 1, 1)
    places = [
        None if value is None else (4 + at * step, _SPARK_HIGH - 4 - 16 * value / most)
        for at, value in enumerate(values)
    ]
    drawn = [_line(part, "line") for part in _stretches(places)]
    drawn += [
        f'<circle class="dot" cx="{_n(place[0])}" cy="{_n(place[1])}" r="{3 if last else 1.5}"/>'
        for at, place in enumerate(places)
        if place is not None
        for last in [at == len(places) - 1]
    ]
    return _drawn(
        f'<svg class="spark" viewBox="0 0 {_SPARK_WIDE} {_SPARK_HIGH}" width="{_SPARK_WIDE}"'
        f' height="{_SPARK_HIGH}" role="img" aria-label="{escape(says)}">{"".join(drawn)}</svg>'
    )


def over_time(dots: Sequence[Dot], title: str, says: str, *, centre: float | None = None) -> Markup:
    """A share over tertials, from 0 to 100 %; with limits and a centre line: a control chart."""
    step = (WIDE - _LEFT - _RIGHT) / max(len(dots), 1)
    along = [_LEFT + step * (at + 0.5) for at in range(len(dots))]
    drawn = [
        f'<line class="grid" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{_n(_up(each))}"'
        f' y2="{_n(_up(each))}"/><text class="tick" x="{_LEFT - 8}" y="{_n(_up(each) + 4)}"'
        f' text-anchor="end">{round(100 * each)} %</text>'
        for each in _STEPS
    ]
    for side in ("low", "high"):
        for x, dot in zip(along, dots, strict=True):
            limit = getattr(dot, side)
            if limit is not None:
                at_limit = _n(_up(limit))
                drawn.append(
                    f'<line class="limit" x1="{_n(x - step / 2)}" x2="{_n(x + step / 2)}"'
                    f' y1="{at_limit}" y2="{at_limit}"/>'
                )
    if centre is not None:
        middle = _n(_up(centre))
        drawn.append(
            f'<line class="centre" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{middle}" y2="{middle}"/>'
        )
    places = [
        None if dot.value is None else (x, _up(dot.value))
        for x, dot in zip(along, dots, strict=True)
    ]
    drawn += [_line(part, "line") for part in _stretches(places)]
    for x, dot, place in zip(along, dots, places, strict=True):
        drawn.append(
            f'<text class="tick" x="{_n(x)}" y="{HIGH - 10}" text-anchor="middle">'
            f"{escape(dot.label)}</text>"
        )
        y = _up(0) - 8 if place is None else place[1] - 10
        if place is not None:
            kind = "dot marked" if dot.marked else "dot"
            drawn.append(f'<circle class="{kind}" cx="{_n(x)}" cy="{_n(place[1])}" r="5"/>')
        drawn.append(
            f'<text class="value" x="{_n(x)}" y="{_n(y)}" text-anchor="middle">'
            f"{escape(dot.text)}</text>"
        )
    return _picture(drawn, title, says)


def columns(numbers: Sequence[int], title: str, says: str, *, below: str) -> Markup:
    """How many on each whole number from 0 on; a number that nobody has is a gap in the row."""
    most = max(numbers, default=0) or 1
    step = (WIDE - _LEFT - _RIGHT) / max(len(numbers), 1)
    every = max(1, -(-len(numbers) // _MOST_TICKS))
    floor = _n(_up(0))
    drawn = [f'<line class="grid" x1="{_LEFT}" x2="{WIDE - _RIGHT}" y1="{floor}" y2="{floor}"/>']
    for at, number in enumerate(numbers):
        x, middle = _LEFT + step * at, _LEFT + step * (at + 0.5)
        top = _up(number / most)
        if number:
            drawn.append(
                f'<rect class="fill" x="{_n(x + step * 0.12)}" y="{_n(top)}"'
                f' width="{_n(step * 0.76)}" height="{_n(_up(0) - top)}"/><text class="value"'
                f' x="{_n(middle)}" y="{_n(top - 5)}" text-anchor="middle">{number}</text>'
            )
        if at % every == 0:
            drawn.append(
                f'<text class="tick" x="{_n(middle)}" y="{HIGH - 18}"'
                f' text-anchor="middle">{at}</text>'
            )
    drawn.append(
        f'<text class="tick" x="{(WIDE + _LEFT) // 2}" y="{HIGH - 3}" text-anchor="middle">'
        f"{escape(below)}</text>"
    )
    return _picture(drawn, title, says)


def _picture(drawn: Sequence[str], title: str, says: str) -> Markup:
    return _drawn(
        f'<svg class="chart" viewBox="0 0 {WIDE} {HIGH}" role="img"'
        f' aria-label="{escape(f"{title}. {says}")}">{"".join(drawn)}</svg>'
    )


def _drawn(written: str) -> Markup:
    return Markup(written)  # noqa: S704 - numbers, and texts that were escaped above


def _up(share: float) -> float:
    """Where a share stands on the upright axis."""
    return HIGH - _BOTTOM - share * (HIGH - _BOTTOM - _TOP)


def _stretches(
    places: Sequence[tuple[float, float] | None],
) -> list[list[tuple[float, float]]]:
    """Points that follow each other without a gap; a single one makes no line."""
    found: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            found.append([])
        else:
            found[-1].append(place)
    return [part for part in found if len(part) > 1]


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    told = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    return f'<polyline class="{kind}" points="{told}"/>'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

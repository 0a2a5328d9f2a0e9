"""PURE: which figures of a published tertial are hidden, so that small numbers give nobody away.

*Primary*: a figure whose numerator, denominator or their difference is 1 … threshold - 1, and what
is pending alike. *Complementary*: further figures, as few as can be found, until a reader with
linear programming (`attack`) recovers no hidden count from the tables, their margins and the
relations between indicators, and from every earlier publication of the period.

It goes hidden count by hidden count: the cheapest way in which it could have been another number
decides which figures are hidden with it. Afterwards each of these is shown again where nothing is
recovered by that. A figure of zero is the last to be hidden for the sake of others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from core.errors import BadInput
from core.settings import LEAST_THRESHOLD
from reports.attack import (
    Joint,
    Move,
    Puzzle,
    Tie,
    Unknown,
    joined,
    known,
    pieces,
    proven,
    secrets,
)
from reports.relations import Key, Published, Table

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many of how many groups of tables are decided."""

_WEIGHTS: Final[Mapping[str, float]] = {"nation": 2.0, "region": 1.3, "unit": 1.0}
_ZERO: Final = 40.0
_HIDDEN: Final = 0.001
"""What it costs to move a count that is hidden anyway: little, so that moves stay short."""


def primary(table: Table, threshold: int) -> frozenset[Key]:
    """The figures that show a number of 1 … threshold - 1. Raises `BadInput` below 3."""
    check_threshold(threshold)
    return frozenset(
        key
        for key, counts in table.figures.items()
        if any(0 < table.counts[count] < threshold for count in counts)
    )


def check_threshold(threshold: int) -> None:
    """Raise `BadInput` for a threshold that protects nobody."""
    if threshold < LEAST_THRESHOLD:
        raise BadInput(
            "threshold_too_low",
            f"the threshold for small numbers is at least {LEAST_THRESHOLD}, not {threshold}",
            "threshold",
        )


def decide(
    table: Table,
    *,
    threshold: int,
    earlier: Sequence[Published] = (),
    keep: Collection[Key] = (),
    progress: Progress | None = None,
) -> frozenset[Key]:
    """The figures of `table` to hide: a function of what is given, always the same.

    `earlier` are the publications of the period so far, the oldest first; `keep` what must be
    hidden in any case, because a revision hides at least what the first hid.
    """
    sure = primary(table, threshold) | (frozenset(keep) & table.figures.keys())
    joint = joined(earlier, table)
    movable = [count for count in joint.values if count not in joint.given]
    shown_by: dict[Unknown, list[Key]] = defaultdict(list)
    for key, counts in joint.figures.items():
        for count in counts:
            shown_by[count].append(key)
    groups = pieces(joint, movable)
    hidden = set(sure)
    for number, (group, relations) in enumerate(groups):
        if progress is not None:
            progress(number, len(groups))
        hidden |= _Group(joint, group, relations, shown_by, sure).decided()
    if progress is not None:
        progress(len(groups), len(groups))
    return frozenset(hidden)


class _Group:
    """Counts that hang together, while it is decided which of their figures are hidden."""

    def __init__(
        self,
        joint: Joint,
        counts: Sequence[Unknown],
        relations: Sequence[Tie],
        shown_by: Mapping[Unknown, Sequence[Key]],
        sure: frozenset[Key],
    ) -> None:
        self._joint = joint
        self._values = joint.values
        self._counts = tuple(counts)
        self._relations = relations
        self._shown_by = shown_by
        self._sure = sure
        keys = {key for count in counts for key in shown_by.get(count, ())}
        self._hidden = {key for key in keys if key in sure}
        self._added: dict[Key, None] = {}
        self._moves: dict[Unknown, Move] = {}

    def decided(self) -> set[Key]:
        if not self._targets():
            return self._hidden
        self._add()
        if self._added:
            self._take_back()
        return self._hidden

    # --- hiding more -----------------------------------------------------------------------------

    def _add(self) -> None:
        """Hide figures until every secret count has a move."""
        prices: dict[Unknown, float | None] = {c: self._price(c) for c in self._counts}
        puzzle = Puzzle(self._counts, self._values, self._relations, prices)
        waiting = self._targets()
        while waiting:
            for count in waiting:
                if count in self._moves:
                    continue
                move = self._cheapest(puzzle, count)
                if move is None:
                    # Nothing can hide it: it is settled by what earlier publications show.
                    self._moves[count] = {}
                    continue
                for moved in move:
                    for key in self._shown_by.get(moved, ()):
                        if key not in self._hidden:
                            self._hide(key, puzzle)
                for safe in proven(move):
                    self._moves.setdefault(safe, move)
            waiting = [count for count in self._targets() if count not in self._moves]

    def _cheapest(self, puzzle: Puzzle, count: Unknown) -> Move | None:
        more = puzzle.moves(count, 1)
        if more is not None and more[0] < 1:  # by what is hidden anyway
            return more[1]
        ways = [way for way in (more, puzzle.moves(count, -1)) if way is not None]
        return min(ways, key=lambda way: way[0])[1] if ways else None

    def _hide(self, key: Key, puzzle: Puzzle) -> None:
        self._hidden.add(key)
        self._added[key] = None
        for count in self._joint.figures[key]:
            if count not in self._joint.given:
                puzzle.price(count, self._price(count))

    def _price(self, count: Unknown) -> float:
        showing = [key for key in self._shown_by.get(count, ()) if key not in self._hidden]
        return sum(self._weight(key) for key in showing) if showing else _HIDDEN

    def _weight(self, key: Key) -> float:
        zero = self._values[self._joint.figures[key][0]] == 0
        return _WEIGHTS[key[0]] * (_ZERO if zero else 1.0)

    def _targets(self) -> list[Unknown]:
        mine = set(self._counts)
        return [each for each in secrets(self._joint, self._hidden) if each in mine]

    # --- showing again ---------------------------------------------------------------------------

    def _take_back(self) -> None:
        """Show again, one by one, what need not be hidden: the most valuable first."""
        shown = known(self._joint, self._hidden)
        free = [count for count in self._counts if count not in shown]
        puzzle = Puzzle(free, self._values, self._relations, dict.fromkeys(free, 1.0))
        for key in sorted(self._added, key=self._worth):
            opened = self._opened_by(key)
            for count in opened:
                puzzle.price(count, None)
            if self._all_safe_without(opened, puzzle):
                self._hidden.discard(key)
            else:
                for count in opened:
                    puzzle.price(count, 1.0)

    def _worth(self, key: Key) -> tuple[float, int, Key]:
        counts = self._joint.figures[key]
        return -self._weight(key), -max(self._values[count] for count in counts), key

    def _opened_by(self, key: Key) -> list[Unknown]:
        """The counts that nothing hides any more when this figure is shown again."""
        return [
            count
            for count in dict.fromkeys(self._joint.figures[key])
            if count not in self._joint.given
            and all(other in self._hidden for other in self._shown_by[count])
        ]

    def _all_safe_without(self, opened: Iterable[Unknown], puzzle: Puzzle) -> bool:
        gone = set(opened)
        found: dict[Unknown, Move] = {}
        for count in self._targets():
            if count in gone or count in found:
                continue
            move = self._moves.get(count)
            if move is not None and not (gone & move.keys()):
                continue
            way = puzzle.moves(count, 1) or puzzle.moves(count, -1)
            if way is None:
                return False
            found.update(dict.fromkeys(proven(way[1]), way[1]))
        self._moves.update(found)
        return True

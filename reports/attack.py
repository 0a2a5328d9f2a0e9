"""PURE: what a reader with linear programming can conclude from published tables.

The attacker knows every count that some figure shows, all relations between counts, that no count
is negative, and, where a period was published before, everything that was published then; of
counts that did not change in between he is even granted that he knows so. A hidden count is
*recovered* where only one whole number is left for it. Zeros are no secret (0 is shown wherever it
stands), so a hidden count of zero is not asked about.

A proof that a count is safe is a `Move`: other counts that fit everything published, in which this
one is at least 1 more or less. One move proves many counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import highspy
import numpy as np
from highspy._core import _Highs  # its public face greets on stdout before it can be silenced

from reports.relations import Count, Key, Published, Relation, Table

Unknown: TypeAlias = tuple[Count, int]
"""A count, and the number of the publication since which it has had its value."""

Tie: TypeAlias = tuple[tuple[tuple[Unknown, int], ...], bool]
"""A relation between such counts, and whether it says "at least"."""

Move: TypeAlias = Mapping[Unknown, float]
"""By how much counts differ from the true ones; what is not named does not."""

_TOLERANCE: Final = 1e-6
_WHOLE: Final = 1 - _TOLERANCE


@dataclass(frozen=True, slots=True)
class Joint:
    """All publications of a period laid together.

    `figures` are those of the last publication, `given` the counts that earlier ones show, and
    `secret` those that earlier ones hide.
    """

    values: Mapping[Unknown, int]
    figures: Mapping[Key, tuple[Unknown, ...]]
    relations: tuple[Tie, ...]
    given: frozenset[Unknown]
    secret: frozenset[Unknown]


def joined(earlier: Sequence[Published], last: Table) -> Joint:
    """Lay publications together: a count with the same value in two of them is one count."""
    values: dict[Unknown, int] = {}
    since: dict[Count, Unknown] = {}
    relations: dict[Tie, None] = {}
    given: set[Unknown] = set()
    met: set[Unknown] = set()
    figures: dict[Key, tuple[Unknown, ...]] = {}
    for number, (table, hidden) in enumerate(
        [*((each.table, each.hidden) for each in earlier), (last, None)]
    ):
        for count, value in table.counts.items():
            before = since.get(count)
            if before is None or values[before] != value:
                since[count] = (count, number)
                values[count, number] = value
        for relation in table.relations:
            relations[_placed(relation, since)] = None
        figures = {
            key: tuple(since[count] for count in counts) for key, counts in table.figures.items()
        }
        if hidden is not None:
            for key, counts in figures.items():
                (met if key in hidden else given).update(counts)
    return Joint(values, figures, tuple(relations), frozenset(given), frozenset(met - given))


def _placed(relation: Relation, since: Mapping[Count, Unknown]) -> Tie:
    return tuple((since[count], factor) for count, factor in relation.terms), relation.at_least


def known(joint: Joint, hidden: Collection[Key]) -> set[Unknown]:
    """The counts that some figure shows, when the last publication hides these figures."""
    found = set(joint.given)
    for key, counts in joint.figures.items():
        if key not in hidden:
            found.update(counts)
    return found


def secrets(joint: Joint, hidden: Collection[Key]) -> list[Unknown]:
    """The counts, not zero, that no figure shows: nobody must get them, in order."""
    shown = known(joint, hidden)
    met = set(joint.secret)
    for key in hidden:
        met.update(joint.figures.get(key, ()))
    return sorted(count for count in met - shown if joint.values[count] > 0)


class Puzzle:
    """Counts that hang together by relations, and what it costs to let each of them move.

    A count is a pair of columns: how much more and how much less than it truly is. A price of None
    means that it cannot move: it is known.
    """

    def __init__(
        self,
        counts: Sequence[Unknown],
        values: Mapping[Unknown, int],
        relations: Iterable[Tie],
        prices: Mapping[Unknown, float | None],
    ) -> None:
        self.counts: Final = tuple(counts)
        self._at = {count: 2 * number for number, count in enumerate(self.counts)}
        self._most = {count: float(values[count]) for count in self.counts}
        self._prices: dict[Unknown, float | None] = dict.fromkeys(self.counts)
        self._solver: Any = _Highs()
        self._solver.passOptions(_options())
        self._solver.passModel(self._model(values, relations))
        for count in self.counts:
            self.price(count, prices[count])

    def price(self, count: Unknown, cost: float | None) -> None:
        """Let a count move at a cost for each person, or (None) not at all."""
        if self._prices[count] == cost:
            return
        self._prices[count] = cost
        self._let_go(count)
        for column in (self._at[count], self._at[count] + 1):
            self._solver.changeColCost(column, cost or 0.0)

    def moves(self, count: Unknown, by: int) -> tuple[float, Move] | None:
        """The cheapest way in which a count is `by` more or less, with its cost; None: no way."""
        column = self._at[count] + (by < 0)
        if self._prices[count] is None or (by < 0 and self._most[count] < -by):
            return None
        self._solver.changeColBounds(column, abs(by), abs(by))
        other = self._at[count] + (by > 0)
        self._solver.changeColBounds(other, 0.0, 0.0)
        self._solver.run()
        found = None
        if self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            solution = self._solver.getSolution().col_value
            cost = self._solver.getInfo().objective_function_value
            found = cost, self._read(solution)
        self._let_go(count)
        return found

    def _read(self, solution: Sequence[float]) -> Move:
        columns = np.asarray(solution)
        by = columns[0::2] - columns[1::2]
        return {self.counts[at]: float(by[at]) for at in np.flatnonzero(np.abs(by) > _TOLERANCE)}

    def _let_go(self, count: Unknown) -> None:
        free = self._prices[count] is not None
        at = self._at[count]
        self._solver.changeColBounds(at, 0.0, highspy.kHighsInf if free else 0.0)
        self._solver.changeColBounds(at + 1, 0.0, self._most[count] if free else 0.0)

    def _model(
        self,
        values: Mapping[Unknown, int],
        relations: Iterable[Tie],
    ) -> Any:
        starts, index, factors, lower, upper = [0], [], [], [], []
        for terms, at_least in relations:
            for count, factor in terms:
                if count in self._at:
                    at = self._at[count]
                    index += [at, at + 1]
                    factors += [float(factor), -float(factor)]
            starts.append(len(index))
            slack = sum(values[count] * factor for count, factor in terms)
            lower.append(-float(slack) if at_least else 0.0)
            upper.append(highspy.kHighsInf if at_least else 0.0)
        model = highspy.HighsLp()
        model.num_col_ = 2 * len(self.counts)
        model.num_row_ = len(lower)
        model.col_cost_ = np.zeros(model.num_col_)
        model.col_lower_ = np.zeros(model.num_col_)
        model.col_upper_ = np.zeros(model.num_col_)
        model.row_lower_ = np.array(lower)
        model.row_upper_ = np.array(upper)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array(starts)
        model.a_matrix_.index_ = np.array(index)
        model.a_matrix_.value_ = np.array(factors)
        return model


def _options() -> Any:
    options = highspy.HighsOptions()
    options.output_flag = False
    # One thread and one seed: the same tables always give the same answer.
    options.threads = 1
    options.random_seed = 1
    options.presolve = "off"  # each question changes a few bounds of the one before
    options.solver = "simplex"
    return options


def proven(move: Move) -> list[Unknown]:
    """The counts that a move proves to be safe."""
    return [count for count, by in move.items() if abs(by) >= _WHOLE]


def pieces(joint: Joint, free: Collection[Unknown]) -> list[tuple[list[Unknown], list[Tie]]]:
    """The free counts, in groups that no relation joins, each with its relations."""
    of: dict[Unknown, Unknown] = {count: count for count in free}

    def root(count: Unknown) -> Unknown:
        while of[count] != count:
            of[count] = count = of[of[count]]
        return count

    held = []
    for relation in joint.relations:
        inside = [count for count, _ in relation[0] if count in of]
        if inside:
            held.append((inside[0], relation))
        for count in inside[1:]:
            of[root(count)] = root(inside[0])
    groups: dict[Unknown, list[Unknown]] = defaultdict(list)
    for count in sorted(of):
        groups[root(count)].append(count)
    ties: dict[Unknown, list[Tie]] = defaultdict(list)
    for first, relation in held:
        ties[root(first)].append(relation)
    return [(counts, ties[first]) for first, counts in groups.items()]


def recovered(earlier: Sequence[Published], last: Published) -> list[Count]:
    """The hidden counts, not zero, that the publications together give away."""
    joint = joined(earlier, last.table)
    shown = known(joint, last.hidden)
    targets = set(secrets(joint, last.hidden))
    lost: list[Unknown] = []
    for counts, relations in pieces(joint, [each for each in joint.values if each not in shown]):
        puzzle = Puzzle(counts, joint.values, relations, dict.fromkeys(counts, 1.0))
        safe: set[Unknown] = set()
        for count in counts:
            if count not in targets or count in safe:
                continue
            found = puzzle.moves(count, 1) or puzzle.moves(count, -1)
            if found is None:
                lost.append(count)
            else:
                safe.update(proven(found[1]))
    return [count for count, _ in lost]

"""No small number can be turned back: two attackers, written apart, find nothing."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from core.errors import BadInput
from reports.attack import recovered
from reports.body import cut
from reports.figures import Report, cells, share
from reports.relations import Count, Key, Published, Relation, Table, table_of
from reports.suppression import decide, primary
from tests.reports.attacker import Attacker, Cell
from tests.reports.national import Nation

TABLES = int(os.environ.get("OVERLEV_TEST_TABLES", "2"))
"""How many random national tables are attacked; the long form takes 200."""

THRESHOLD = 5


def small(seed: int) -> Nation:
    return Nation.of(seed, units=6, size=14)


def some(cells_: list[Cell]) -> list[Cell]:
    return random.Random(1).sample(cells_, min(len(cells_), 400 if TABLES > 50 else 25))


@pytest.mark.timeout(180 if TABLES < 50 else 3600)  # the long form's tables are national
@pytest.mark.parametrize("seed", range(TABLES))
def test_nothing_hidden_is_recovered_through_a_freeze_and_a_revision(seed: int) -> None:
    nation = Nation.of(seed, units=16 if TABLES > 50 else 8, size=5 + 5 * (seed % 5))
    before: list[Published] = []
    lost_by_primary_alone = 0
    for _ in range(2):
        table = table_of(nation.report(), nation.layout())
        kept = before[-1].hidden if before else frozenset()
        first = primary(table, THRESHOLD)
        lost_by_primary_alone += len(recovered((), Published(table, first)))

        hidden = decide(table, threshold=THRESHOLD, earlier=before, keep=kept)

        assert hidden >= first | kept
        assert recovered(before, Published(table, hidden)) == []
        before.append(Published(table, hidden))
        nation.later()
    # The proof that the attacker bites.
    assert lost_by_primary_alone > 10


@pytest.mark.parametrize("seed", range(max(1, TABLES // 50)))
def test_an_attacker_written_apart_recovers_nothing_either(seed: int) -> None:
    nation = small(seed)
    whole = nation.report()
    table = table_of(whole, nation.layout())

    alone = Attacker(nation, cut(whole, primary(table, THRESHOLD)))
    published = Attacker(nation, cut(whole, decide(table, threshold=THRESHOLD)))

    assert alone.recovers(whole, some), "primary suppression alone must lose something"
    assert published.recovers(whole, some) == []


def test_a_small_number_is_hidden_wherever_it_stands_and_a_zero_is_shown() -> None:
    whole = small(3).report()
    truth = {(level, place, code): figure for level, place, code, figure in cells(whole)}
    hidden = decide(table_of(whole, small(3).layout()), threshold=THRESHOLD)
    zeros = zeros_hidden = 0
    for level, place, code, figure in cells(cut(whole, hidden)):
        true = truth[level, place, code]
        over, under = true.numerator or 0, true.denominator
        numbers = [over] if under is None else [over, under, under - over]
        is_small = any(0 < number < THRESHOLD for number in numbers)
        assert figure.suppressed or not is_small, (level, place, code)
        assert figure.pending is None or not 0 < figure.pending < THRESHOLD
        if not figure.suppressed:
            assert figure == replace(true, pending=figure.pending)
        zeros += over == 0 and not is_small
        zeros_hidden += over == 0 and not is_small and figure.suppressed
    assert zeros > 50
    assert zeros_hidden <= zeros // 50, "a zero is the last to be hidden for the sake of others"


def test_the_same_tables_are_always_cut_alike() -> None:
    nation = small(5)
    table = table_of(nation.report(), nation.layout())
    backwards = replace(
        table,
        counts=dict(sorted(table.counts.items(), reverse=True)),
        figures=dict(sorted(table.figures.items(), reverse=True)),
        relations=tuple(reversed(table.relations)),
    )

    once = decide(table, threshold=THRESHOLD)

    assert decide(table, threshold=THRESHOLD) == once
    assert primary(backwards, THRESHOLD) == primary(table, THRESHOLD)
    assert recovered((), Published(backwards, once)) == []


@pytest.mark.parametrize("threshold", [2, 1, 0, -5])
def test_a_threshold_that_protects_nobody_is_refused(threshold: int) -> None:
    with pytest.raises(BadInput, match="at least 3"):
        decide(Table({}, {}, ()), threshold=threshold)


def test_a_cell_that_became_small_after_a_freeze_cannot_be_had_from_what_was_printed() -> None:
    """Unit a sinks from 5 to 4; everything else was printed and stands."""

    def table(a: int) -> Table:
        return grid({"a": {"x": a, "y": 20}, "b": {"x": 10, "y": 30}})

    frozen = Published(table(5), decide(table(5), threshold=THRESHOLD))
    assert not frozen.hidden

    hidden = decide(table(4), threshold=THRESHOLD, earlier=[frozen], keep=frozen.hidden)

    # By itself a and one neighbour would do; but the neighbours are known from the first print.
    assert ("unit", "a x", "n") in hidden
    assert recovered([frozen], Published(table(4), hidden)) == []
    assert {("unit", "a", "n"), ("unit", "x", "n"), ("nation", "", "n")} <= hidden


def grid(rows: Mapping[str, Mapping[str, int]]) -> Table:
    """A table of two ways with its margins, one count to a figure."""
    counts: dict[Count, int] = {}
    relations: list[Relation] = []
    columns = list(next(iter(rows.values())))

    def cell(level: str, place: str) -> Count:
        return (level, place, "n")

    for row, values in rows.items():
        for column, value in values.items():
            counts[cell("unit", f"{row} {column}")] = value
        counts[cell("unit", row)] = sum(values.values())
        parts = tuple((cell("unit", f"{row} {column}"), 1) for column in columns)
        relations.append(Relation((*parts, (cell("unit", row), -1))))
    for column in columns:
        counts[cell("unit", column)] = sum(values[column] for values in rows.values())
        parts = tuple((cell("unit", f"{row} {column}"), 1) for row in rows)
        relations.append(Relation((*parts, (cell("unit", column), -1))))
    counts[cell("nation", "")] = sum(sum(values.values()) for values in rows.values())
    for names in (list(rows), columns):
        parts = tuple((cell("unit", name), 1) for name in names)
        relations.append(Relation((*parts, (cell("nation", ""), -1))))
    return Table(counts, {count: (count,) for count in counts}, tuple(relations))


GRIDS = st.integers(2, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 12), min_size=width, max_size=width), min_size=2, max_size=4
    )
).map(
    lambda rows: grid(
        {f"r{n}": {f"c{m}": value for m, value in enumerate(row)} for n, row in enumerate(rows)}
    )
)  # fmt: skip


@given(table=GRIDS)
@settings(max_examples=40)
def test_a_table_of_two_ways_gives_nothing_back(table: Table) -> None:
    hidden = decide(table, threshold=THRESHOLD)
    assert hidden >= primary(table, THRESHOLD)
    assert recovered((), Published(table, hidden)) == []


@given(one=GRIDS, data=st.data())
@settings(max_examples=25)
def test_a_revision_hides_what_the_first_hid_and_both_together_give_nothing_back(
    one: Table, data: st.DataObject
) -> None:
    corners = [count for count in one.counts if " " in count[1]]
    changed = {count: one.counts[count] for count in corners}
    for count in data.draw(st.lists(st.sampled_from(corners), max_size=3, unique=True)):
        changed[count] = data.draw(st.integers(0, 12))
    rows: dict[str, dict[str, int]] = {}
    for (_, place, _), value in changed.items():
        row, column = place.split()
        rows.setdefault(row, {})[column] = value
    first = Published(one, decide(one, threshold=THRESHOLD))
    other = grid(rows)

    hidden = decide(other, threshold=THRESHOLD, earlier=[first], keep=first.hidden)

    assert hidden >= first.hidden | primary(other, THRESHOLD)
    assert recovered([first], Published(other, hidden)) == []


@pytest.mark.parametrize("shape", [(3, 3), (3, 4), (4, 4)])
def test_little_more_is_hidden_than_the_best_a_solver_finds(shape: tuple[int, int]) -> None:
    ours = best = 0
    for seed in range(3):
        chance = random.Random(seed)
        table = grid(
            {
                f"r{n}": {
                    f"c{m}": chance.choice([1, 2, 3, 6, 8, 12, 15, 30]) for m in range(shape[1])
                }
                for n in range(shape[0])
            }
        )
        ours += len(decide(table, threshold=THRESHOLD))
        best += fewest(table)
    assert ours <= 1.3 * best, (ours, best)


def fewest(table: Table) -> int:
    """The least number of figures that must be hidden, by a mixed integer program.

    For each count that would be hidden there must be another table that fits what is shown and in
    which it differs by at least one: its own movement, up or down, for every count at once.
    """
    counts = list(table.counts)
    at = {count: n for n, count in enumerate(counts)}
    size, relations = len(counts), table.relations
    sure = primary(table, THRESHOLD)
    secret = [count for count in counts if table.counts[count] > 0]
    most = 60.0
    # hide[c], then for each secret: down (0 or 1), and one movement for every count.
    wide = size + len(secret) * (size + 1)
    rows: list[np.ndarray] = []
    low: list[float] = []
    high: list[float] = []

    def row(terms: Mapping[int, float], least: float, greatest: float) -> None:
        line = np.zeros(wide)
        for column, by in terms.items():
            line[column] = by
        rows.append(line)
        low.append(least)
        high.append(greatest)

    lower, upper = np.full(wide, -most), np.full(wide, most)
    whole = np.zeros(wide)
    lower[:size], upper[:size], whole[:size] = 0, 1, 1
    for count in counts:
        if count in sure:
            lower[at[count]] = 1
    for n, count in enumerate(secret):
        down = size + n * (size + 1)
        lower[down], upper[down], whole[down] = 0, 1, 1
        moves = down + 1
        for relation in relations:
            row({moves + at[each]: by for each, by in relation.terms}, 0, 0)
        for each in counts:
            column = moves + at[each]
            lower[column] = max(-most, -table.counts[each])
            row({column: 1, at[each]: -most}, -np.inf, 0)
            row({column: 1, at[each]: most}, 0, np.inf)
        # Hidden and up: at least 1; hidden and down: at most -1; not hidden: free to stand still.
        mine = moves + at[count]
        row({mine: 1, at[count]: -1, down: 2 * most}, 0, np.inf)
        row({mine: 1, at[count]: 1, down: 2 * most}, -np.inf, 2 * most)
    found = milp(
        c=np.concatenate([np.ones(size), np.zeros(wide - size)]),
        constraints=LinearConstraint(np.array(rows), low, high),
        bounds=Bounds(lower, upper),
        integrality=whole,
        options={"time_limit": 20},
    )
    assert found.x is not None, found.message
    return round(float(found.mip_dual_bound if found.status == 1 else found.fun))


def test_hidden_figures_hold_no_number_at_all() -> None:
    report: Report = small(1).report()
    hidden: frozenset[Key] = decide(table_of(report, small(1).layout()), threshold=THRESHOLD)
    for level, place, code, figure in cells(cut(report, hidden)):
        if (level, place, code) in hidden:
            assert (figure.value, figure.numerator, figure.denominator) == (None, None, None)
            assert figure.suppressed
        else:
            assert figure.suppressed is False
            assert figure.value is not None or share(0, 0).value is None

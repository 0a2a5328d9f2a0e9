"""An attacker written apart from the product's: another solver front, other variables.

It knows a published report as printed, and what the definitions page says. Each figure has a
numerator and a denominator of its own; which of them are the same number is written down here
once more, by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from reports.definitions import COUNTS, TALK_CLASSES
from reports.figures import Report, cells
from tests.reports.national import Nation

Cell = tuple[str, str, str, str]  # level, place, indicator, "n" or "d"

RELEASED = ("I16", "I16.notice_unknown", "I17")
TOOK_PART = ("I6", "I7", "I8", "I10", "I10.group", "I10.individual", "I11", "I11b", "I13")
REASONS = tuple(f"I20.{why}" for why in ("no_need", "no_trust", "no_time", "other", "not_stated"))
ANSWERED = ("I4", "I20", *REASONS)
CLASSES = tuple(f"I5.{part}" for part in TALK_CLASSES)
STEPS = tuple(
    f"I19.{step}" for step in ("INTAKE_TALK", "OVERDOSE_INFO", "RELEASE_TALK", "TIME_IN_HAND")
)
UNITS = tuple(f"I18{part}" for part in ("", ".active", ".naloxone", ".distributor", ".in_time",
                                        ".experience"))  # fmt: skip


class Attacker:
    """What a reader of one published report can work out."""

    def __init__(self, nation: Nation, published: Report) -> None:
        self._at: dict[Cell, int] = {}
        self.hidden: list[Cell] = []
        bounds: list[tuple[float, float | None]] = []
        shown: set[int] = set()
        for level, place, code, figure in cells(published):
            for what, number in (("n", figure.numerator), ("d", figure.denominator)):
                if what == "d" and (code in COUNTS or code.startswith("tasks_done")):
                    continue
                cell = (level, place, code, what)
                self._at[cell] = len(bounds)
                if figure.suppressed:
                    self.hidden.append(cell)
                    bounds.append((0, None))
                else:
                    assert number is not None
                    shown.add(len(bounds))
                    bounds.append((number, number))
        self._bounds = bounds
        self._equal: list[dict[int, int]] = []
        self._most: list[dict[int, int]] = []
        self._write(nation, published)
        self.known = self._same_as(shown)
        self._lp = self._matrices()

    def _write(self, nation: Nation, published: Report) -> None:
        places = [("nation", ""), *(("region", r) for r in published.regions)]
        places += [("unit", u) for u in published.units]
        for place in places:
            for same in (RELEASED, TOOK_PART, ANSWERED, CLASSES, UNITS):
                for one, other in itertools.pairwise(same):
                    self._sum(place, [(one, "d")], [(other, "d")])
            self._sum(place, [("I3", "n")], [("I4", "d")])
            self._sum(place, [("I5", "n")], [("I5.le_24h", "n")])
            self._sum(place, [("I5", "d")], [("I5.le_24h", "d")])
            self._sum(place, [("I18", "n")], [("I18.active", "n")])
            self._sum(place, [("I5", "d")], [(part, "n") for part in CLASSES])
            self._sum(place, [("I20", "n")], [(why, "n") for why in REASONS])
            self._sum(place, [("I9", "n")], [("I9.first", "n"), ("I9.refill", "n")])
            for what in "nd":
                self._sum(place, [("I19", what)], [(step, what) for step in STEPS])
            self._sum(place, [("I14.unknown", "d")], [("I14", "d"), ("I14.unknown", "n")])
        for code, what in {cell[2:] for cell in self._at}:
            if what == "d":
                for place in places:
                    row = {self._at[*place, code, "n"]: 1, self._at[*place, code, "d"]: -1}
                    self._most.append(row)
            if code in ("I1", "I2"):
                continue
            total = [("nation", "", code, what)]
            regions = [("region", name, code, what) for name in published.regions]
            self._rows(total, regions)
            for region in published.regions:
                units = [u for u, r in nation.units.items() if r == region]
                self._rows(
                    [("region", region, code, what)], [("unit", u, code, what) for u in units]
                )

    def _sum(
        self,
        place: tuple[str, str],
        whole: Iterable[tuple[str, str]],
        parts: Iterable[tuple[str, str]],
    ) -> None:
        self._rows([(*place, *each) for each in whole], [(*place, *each) for each in parts])

    def _rows(self, whole: list[Cell], parts: list[Cell]) -> None:
        row = {self._at[cell]: 1 for cell in whole}
        row.update({self._at[cell]: -1 for cell in parts})
        self._equal.append(row)

    def _same_as(self, shown: set[int]) -> set[int]:
        """Cells that are the same number as a shown one: it is printed there, not hidden."""
        known = set(shown)
        pairs = [
            list(row)
            for row in self._equal
            if len(row) == 2 and sorted(row.values()) == [-1, 1] and self._in_one_place(row)
        ]
        for _ in range(len(RELEASED + TOOK_PART + ANSWERED)):
            for one, other in pairs:
                if (one in known) != (other in known):
                    known |= {one, other}
        return known

    def _in_one_place(self, row: dict[int, int]) -> bool:
        by = list(self._at)
        return len({by[at][:2] for at in row}) == 1

    def _matrices(self) -> tuple[csr_matrix, csr_matrix]:
        def matrix(rows: list[dict[int, int]]) -> csr_matrix:
            at = [(n, column, by) for n, row in enumerate(rows) for column, by in row.items()]
            row, column, by = zip(*at, strict=True)
            return csr_matrix((by, (row, column)), shape=(len(rows), len(self._bounds)))

        return matrix(self._equal), matrix(self._most)

    def range_of(self, cell: Cell) -> tuple[float, float]:
        """The least and the most that a cell can be."""
        equal, most = self._lp
        ends = []
        for sign in (1, -1):
            wanted = np.zeros(len(self._bounds))
            wanted[self._at[cell]] = sign
            found = linprog(
                wanted,
                A_ub=most,
                b_ub=np.zeros(most.shape[0]),
                A_eq=equal,
                b_eq=np.zeros(equal.shape[0]),
                bounds=self._bounds,
                method="highs",
            )
            assert found.status in (0, 3), found.message
            ends.append(sign * found.fun if found.status == 0 else sign * float("inf") * -1)
        return ends[0], ends[1] if ends[1] != float("-inf") else float("inf")

    def recovers(self, truth: Report, pick: Callable[[list[Cell]], list[Cell]]) -> list[Cell]:
        """Of the picked hidden cells those that have one value left, and that not zero."""
        values = {(level, place, code): figure for level, place, code, figure in cells(truth)}
        lost = []
        for cell in pick(self.hidden):
            figure = values[cell[:3]]
            true = figure.numerator if cell[3] == "n" else figure.denominator
            if not true or self._at[cell] in self.known:
                continue
            low, high = self.range_of(cell)
            assert low <= true + 1e-6, cell
            assert high >= true - 1e-6, cell
            if high - low < 1 - 1e-6:
                lost.append(cell)
        return lost

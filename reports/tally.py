"""Adding up: what was counted in a unit stands in its region and in the nation too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reports.definitions import WAITING, codes_with, is_count
from reports.figures import Cells, Figure, Report, count, share
from reports.regions import REGIONS
from reports.tertial import Question

NATION = ("nation", "")


class Tally:
    """Numbers by place and indicator; every place has every indicator, zeros included."""

    def __init__(self, units: Iterable[str]) -> None:
        self._units = tuple(units)
        self._numerators: dict[tuple[str, str], dict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._denominators: dict[tuple[str, str], dict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._pending: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._added: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._seen: set[str] = set()

    def add(
        self,
        code: str,
        unit: str,
        region: str,
        numerator: int,
        denominator: int = 0,
        *,
        pending: int = 0,
    ) -> None:
        """Add what a unit counted, to the unit, to the region it lay in then, and nationally."""
        self._seen.add(code)
        sums = self._added[unit, region, code]
        sums[0] += numerator
        sums[1] += denominator
        sums[2] += pending

    def add_at(self, code: str, level: str, place: str, number: int) -> None:
        """Add to one place alone what does not add up over places: persons met in several."""
        self._numerators[level, place][code] += number

    def report(self, question: Question) -> Report:
        """All of it as a report."""
        codes = codes_with(self._seen)
        self._spread()
        return Report(
            period=str(question.period),
            due_on=question.period.due_on,
            as_of=question.as_of,
            nation=self._cells(NATION, codes),
            regions={name: self._cells(("region", name), codes) for name in REGIONS},
            units={code: self._cells(("unit", code), codes) for code in self._units},
        )

    def _spread(self) -> None:
        """Put what was added to units into their regions and the nation, once."""
        for (unit, region, code), (numerator, denominator, pending) in self._added.items():
            for place in (("unit", unit), ("region", region), NATION):
                self._numerators[place][code] += numerator
                self._denominators[place][code] += denominator
                self._pending[place][code] += pending
        self._added.clear()

    def _cells(self, place: tuple[str, str], codes: tuple[str, ...]) -> Cells:
        numerators = self._numerators[place]
        denominators = self._denominators[place]
        pending = self._pending[place]
        cells: dict[str, Figure] = {}
        for code in codes:
            cells[code] = (
                count(numerators[code])
                if is_count(code)
                else share(
                    numerators[code],
                    denominators[code],
                    pending=pending[code] if code in WAITING else None,
                )
            )
        return cells

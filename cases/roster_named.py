"""What an import does, by person: for whoever brought the file to look at, never for a log.

The counts are `roster.ImportResult`. What is here of known cases was loaded as the system: who
shows it asks `queries.cases_by_refs` first which of them the importer may see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cases.model import Case
    from cases.people import PersonChange
    from cases.roster_age import Older
    from cases.roster_decide import Tally
    from cases.roster_rows import Reading, RosterRow
    from cases.vault import Identity


@dataclass(frozen=True, slots=True)
class Update:
    """A known case before and after a row, who it was until then, and what the row says anew."""

    line: int
    before: Case = field(repr=False)
    after: Case = field(repr=False)
    who: Identity | None = field(repr=False)
    said: PersonChange | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands in a rejected row: its inmate number and the cell that was not understood.

    Both "" in a row with more cells than columns: they may stand under the wrong names.
    """

    inmate_no: str = field(repr=False)
    cell: str = field(repr=False)


@dataclass(slots=True)
class Named:
    """The rows that opened a case, what became of known ones, and the faults by line.

    `planned` has the planned date of each row that is taken, says something new and tells of no
    release. `older` is the newer list that was taken in before this one.
    """

    opened: list[RosterRow] = field(default_factory=list)
    updated: list[Update] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    planned: list[date] = field(default_factory=list)
    older: Older | None = None

    def add(self, reading: Reading, tally: Tally, *, foreign: bool) -> None:
        """Note a row; of a `foreign` one, whose person is another unit's, nothing."""
        row, raw = reading.row, reading.raw
        if tally.rejected is not None:
            if not (foreign or raw.spilled):
                self.faults[raw.line] = Fault(
                    raw.cells.get("innsattnr", ""), raw.cells.get(tally.rejected.column, "")
                )
            return
        if row is None:
            return
        if tally.created:
            self.opened.append(row)
        if tally.created + tally.updated and row.planned_on is not None and row.released is None:
            self.planned.append(row.planned_on)

"""A prison's roster taken in: cases opened and updated, row by row, whole or not at all.

Reading the file and judging its rows is done by `roster_child` and `roster_rows`; here each good
row meets what is known. A cell acts only when it differs from what the roster last said for that
case, and an empty cell never erases, so the same file again changes nothing. Rows are written in
chunks, each a transaction of its own; an import that was cut short is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert

from cases import organisation, roster_age, roster_missing, rules
from cases.access import Viewer, acts_in
from cases.inmate_no import normal_inmate_no
from cases.model import Role
from cases.roster_age import UNDATED, Dated, Run
from cases.roster_child import parse_in_child
from cases.roster_columns import Column
from cases.roster_decide import Decider, Tally, unit_not_yours
from cases.roster_named import Named
from cases.roster_rejects import WHY, RejectsFile
from cases.roster_rows import (
    Reading,
    Remark,
    header_remarks,
    typed_rows,
    unit_index,
    unit_key,
)
from cases.tables import import_run
from cases.unit_moves import CHUNK as MOVED_AT_ONCE
from cases.unit_moves import follow_mergers, mergers_by
from core.chain import canonical
from core.clock import local_date
from core.db import Database

CHUNK: Final = 100
"""Rows to a transaction: about 50 ms of the write lock."""

IMPORTING: Final = frozenset({Role.COORDINATOR, Role.UNIT_LEAD})

Progress = Callable[[int, int | None], None]
"""Told (rows read, rows in all if known) after every chunk."""


@dataclass(slots=True)
class ImportResult:
    """What an import did; `rows` = created + updated + unchanged + rejected.

    `mended`: the file is one of rejected rows that comes back, it has their column of reasons.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    transfers_proposed: int = 0
    released: int = 0
    missing_from_roster: list[str] = field(default_factory=list)
    rejected: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    mended: bool = False

    def told(self) -> dict[str, Any]:
        """What programs are told: every field but `mended`, which is for people's eyes."""
        said = asdict(self)
        del said["mended"]
        return said

    def add(self, tally: Tally) -> None:
        """Count one row."""
        self.rows += 1
        self.created += tally.created
        self.updated += tally.updated
        self.unchanged += tally.unchanged
        self.transfers_proposed += tally.proposed
        self.released += tally.released
        self.warnings += tally.warnings
        if tally.rejected is not None:
            self.rejected.append(tally.rejected)


def import_roster(
    db: Database,
    path: Path,
    viewer: Viewer,
    *,
    now: datetime,
    demo: bool,
    dry_run: bool = False,
    progress: Progress | None = None,
    rejects: Path | None = None,
    name: str | None = None,
    worded: Callable[[str], str] = str,
    part: bool = False,
    named: Named | None = None,
    dated: Dated = UNDATED,
) -> ImportResult:
    """Import the roster at `path`. Raises `BadInput` for a file that cannot be read at all.

    With `dry_run` nothing is written and the counts are those that the import would give. Rejected
    rows go to the file `rejects`, to be mended and imported again, but none of another unit's
    persons; each reason in the words of `worded`. `name` is what the sender called the file, where
    `path` does not tell. Of a `part` of a roster, as mended rows are, nobody is missing. What is
    about persons is added to `named`, and what list goes before this one, whose days are `dated`,
    where it changes something.
    """
    rules.check_role(viewer, IMPORTING, "import a roster")
    result = ImportResult()
    # A row that names a merged unit means the new one: its cases should be there already.
    while not dry_run and _follow_mergers(db, now) == MOVED_AT_ONCE:
        pass
    with db.read() as tx:
        units = unit_index(organisation.names_of_units(tx, local_date(now)))
    decider = Decider(viewer, now=now, dry_run=dry_run)
    decider.updates = named.updated if named is not None else None
    with parse_in_child(path, name=name) as child:
        result.warnings += header_remarks(child.header, own={WHY})
        result.mended = WHY in child.header.unknown
        readings = typed_rows(child, units=units, now=now, demo=demo)
        for chunk in _chunks(readings):
            foreign = {reading.raw.line for reading in chunk if _is_foreign(viewer, reading, units)}
            tallies = _take(db, decider, chunk)
            for reading, tally in zip(chunk, tallies, strict=True):
                if tally.rejected is not None and reading.raw.line in foreign:
                    tally.rejected = unit_not_yours(reading.raw.line)
                result.add(tally)
                if named is not None:
                    named.add(reading, tally, foreign=reading.raw.line in foreign)
            if rejects is not None:
                rejected = RejectsFile(rejects, child.header, worded)
                _reject(rejected, chunk, result, foreign=foreign)
            if progress is not None:
                progress(result.rows, child.header.rows)
    with db.read() as tx:
        # A file of a few mended rows says nothing of whom it does not name.
        result.missing_from_roster = (
            []
            if part
            else roster_missing.missing_from_roster(
                tx,
                viewer,
                units=_with_merged(tx, decider.units_seen, now) if dry_run else decider.units_seen,
                cases_seen=decider.cases_seen,
                numbers_seen=decider.numbers_seen,
            )
        )
        sha256 = digest_of(path)
        if named is not None and result.created + result.updated:
            named.older = roster_age.older_than_taken(
                tx, decider.units_seen, sha256, dated, now=now
            )
    if not dry_run:
        held = Run(sha256, now, dated, frozenset(decider.units_seen))
        db.transact(lambda tx: _note_run(tx, viewer, result, held, now))
    return result


def digest_of(path: Path) -> str:
    """What a file is known by: SHA-256 of its bytes, as hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _follow_mergers(db: Database, now: datetime) -> int:
    return db.transact(lambda tx: follow_mergers(tx, now=now)).looked_at


def _with_merged(tx: Connection, units: Iterable[str], now: datetime) -> set[str]:
    """The units and those that became part of them, whose cases are theirs."""
    mergers, found = mergers_by(tx, local_date(now)), set(units)
    for code in mergers:
        above = code
        for _ in mergers:
            above = mergers[above].into if above in mergers else above
        if above in found:
            found.add(code)
    return found


def _chunks(readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    # A person met twice ends the chunk, so that the second row sees what the first one did.
    rest = iter(readings)
    while chunk := list(islice(rest, CHUNK)):
        met: set[str] = set()
        part: list[Reading] = []
        for reading in chunk:
            if reading.row is not None:
                number = normal_inmate_no(reading.row.inmate_no)
                if number in met:
                    yield part
                    met, part = set(), []
                met.add(number)
            part.append(reading)
        yield part


def _is_foreign(viewer: Viewer, reading: Reading, units: Mapping[str, str]) -> bool:
    """Whether a row, good or not, is about somebody of a unit that is not the importer's."""
    said = reading.raw.cells.get(Column.unit.value)
    unit = units.get(unit_key(said)) if said is not None and not reading.raw.spilled else None
    return unit is not None and not acts_in(viewer, unit)


def _take(db: Database, decider: Decider, chunk: list[Reading]) -> list[Tally]:
    if decider.dry_run:
        with db.read() as tx:
            return decider.take(tx, chunk)
    met = len(decider.updates or ())

    def take(tx: Connection) -> list[Tally]:
        if decider.updates is not None:
            del decider.updates[met:]  # of a try that came to nothing: it is run again
        return decider.take(tx, chunk)

    return db.transact(take)


def _reject(
    rejects: RejectsFile, chunk: list[Reading], result: ImportResult, *, foreign: AbstractSet[int]
) -> None:
    if not result.rejected:
        return
    lines = {remark.line: remark for remark in result.rejected}
    rows = [
        (reading.raw, lines[reading.raw.line]) for reading in chunk if reading.raw.line in lines
    ]
    if rows:
        rejects.add(rows, foreign=foreign)


def _note_run(
    tx: Connection, viewer: Viewer, result: ImportResult, held: Run, now: datetime
) -> None:
    counts = {
        name: getattr(result, name)
        for name in ("rows", "created", "updated", "unchanged", "transfers_proposed", "released")
    }
    counts["rejected"] = len(result.rejected)
    tx.execute(
        insert(import_run),
        {
            "file_sha256": held.sha256,
            "started_at": now,
            "ended_at": now,
            "actor": viewer.account,
            "counts": canonical(counts),
            "named_on": held.dated.named_on,
            "made_on": held.dated.made_on,
            "units": canonical(sorted(held.units or ())),
        },
    )

"""What each good row of a roster means for what is known, and the writing of it.

A row of a unit that is not the importer's is rejected. What the row leads to is loaded as the
system: the person may be another unit's, or hidden, and the importer is shown counts only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.dialects import postgresql, sqlite

from cases import people, queries, store, vault
from cases.access import SYSTEM, Viewer, acts_in
from cases.inmate_no import normal_inmate_no
from cases.merging import moved
from cases.model import (
    Case,
    CloseReason,
    Destination,
    Phase,
    Protection,
    ReleaseKind,
    Source,
)
from cases.package import Package
from cases.phase import with_phase
from cases.registry import package_for_new_cases, package_named
from cases.release import closed, released, with_release_date
from cases.replan import replan
from cases.roster_columns import Column
from cases.roster_named import Update
from cases.roster_rows import Reading, Remark, RosterRow
from cases.service import Admission, open_case
from cases.store import Change, Verb
from cases.tables import case_, person, person_identifier, roster_said
from cases.transfers import with_proposal, without_proposal
from cases.unit_moves import mergers_by
from cases.vault import Identity
from core.chain import canonical
from core.clock import local_date
from core.listed import one_of
from core.statement import Prepared

PERSONAL: Final = frozenset(
    {"first_name", "last_name", "born_on", "national_id", "phone", "language", "protection"}
)
"""Cells about the person: remembered as keyed hashes only."""

Cells = dict[str, str]


@dataclass(slots=True)
class Tally:
    """What became of one row, as 0 or 1 in each count."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    proposed: int = 0
    released: int = 0
    rejected: Remark | None = None
    warnings: list[Remark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """A case that the inmate number of a row leads to."""

    case_id: int
    ref: str
    person: str
    admitted_on: date
    admitted_at: datetime
    phase: str
    close_reason: str | None
    released_on: date | None
    row_digest: str | None
    cells: str | None


_KNOWN: Final = Prepared(
    select(
        person_identifier.c.digest,
        case_.c.id,
        case_.c.ref,
        person.c.ref,
        case_.c.admitted_on,
        case_.c.admitted_at,
        case_.c.phase,
        case_.c.close_reason,
        case_.c.released_on,
        roster_said.c.row_digest,
        roster_said.c.cells,
    )
    .join(person, person.c.id == person_identifier.c.person_id)
    .join(case_, case_.c.person_id == person.c.id)
    .outerjoin(roster_said, roster_said.c.case_id == case_.c.id)
    .where(
        person_identifier.c.kind == people.INMATE_NO,
        one_of(person_identifier.c.digest, "digests"),
    )
    .order_by(case_.c.admitted_at, case_.c.id)
)
_PERSONS: Final = Prepared(
    select(person_identifier.c.digest, person.c.ref, person.c.counted_as)
    .join(person, person.c.id == person_identifier.c.person_id)
    .where(
        person_identifier.c.kind == people.INMATE_NO,
        one_of(person_identifier.c.digest, "digests"),
    )
)


_IN_TURN: Final = text("SELECT pg_advisory_xact_lock(715518)")


def _remember(insert: Any) -> Prepared:
    said = ("row_digest", "cells", "said_at")
    adding = insert(roster_said).values({name: bindparam(name) for name in ("case_id", *said)})
    return Prepared(
        adding.on_conflict_do_update(
            index_elements=["case_id"], set_={name: adding.excluded[name] for name in said}
        )
    )


_REMEMBER: Final = {
    "sqlite": _remember(sqlite.insert),
    "postgresql": _remember(postgresql.insert),
}


@dataclass(slots=True)
class _Work:
    """One row on its way: what it changes, and what is to be remembered of it."""

    row: RosterRow
    tally: Tally
    cells: Cells
    digest: str
    known: _Known | None = None
    changes: list[Change] = field(default_factory=list)
    said: people.PersonChange | None = None


def unit_not_yours(line: int) -> Remark:
    """What is said of a row about somebody of another unit, and all that is."""
    return Remark(line, Column.unit.value, "unit_not_yours")


class Decider:
    """Takes chunks of readings; one per import. With `dry_run` it writes nothing."""

    def __init__(self, viewer: Viewer, *, now: datetime, dry_run: bool) -> None:
        self.viewer = viewer
        self.now = now
        self.dry_run = dry_run
        self.units_seen: set[str] = set()
        self.cases_seen: set[int] = set()
        self.numbers_seen: set[str] = set()
        self.updates: list[Update] | None = None
        """Where somebody asks for it: what the rows changed of the cases that were known."""
        # What a dry run would have written, for a later row of the same person.
        self._imagined: dict[str, list[_Known]] = {}

    def take(self, tx: Connection, readings: Sequence[Reading]) -> list[Tally]:
        """Decide and write a chunk in which no inmate number stands twice."""
        if not self.dry_run and tx.dialect.name == "postgresql":
            # Two imports at once would both find a person new; SQLite has one writer anyway.
            tx.execute(_IN_TURN)
        tallies: list[Tally] = []
        work: list[_Work] = []
        for reading in readings:
            tally = Tally(warnings=list(reading.warnings))
            tallies.append(tally)
            if reading.row is None:
                tally.rejected = reading.rejected
                tally.unchanged = int(reading.repeated)
                number = reading.raw.cells.get(Column.inmate_no)
                if number:
                    self.numbers_seen.add(normal_inmate_no(number))
            elif not acts_in(self.viewer, reading.row.unit):
                tally.rejected = unit_not_yours(reading.row.line)
                tally.warnings.clear()
                self.numbers_seen.add(normal_inmate_no(reading.row.inmate_no))
            else:
                self.units_seen.add(reading.row.unit)
                cells = _cells(tx, reading.row)
                digest = vault.digest(tx, "roster_row", canonical(cells))
                work.append(_Work(reading.row, tally, cells, digest))
        self._decide(tx, work)
        return tallies

    def _decide(self, tx: Connection, work: list[_Work]) -> None:
        digests = {
            each.row.inmate_no: vault.digest(
                tx, people.INMATE_NO, normal_inmate_no(each.row.inmate_no)
            )
            for each in work
        }
        known = _known(tx, digests.values())
        known |= {d: self._imagined[d] for d in digests.values() if d in self._imagined}
        new: list[_Work] = []
        old: list[_Work] = []
        for each in work:
            cases = known.get(digests[each.row.inmate_no], [])
            self.cases_seen.update(
                c.case_id for c in cases if c.admitted_on == each.row.admitted_on
            )
            each.known = _same_key(cases, each.row)
            if each.known is None:
                self._judge_new(each, cases)
                if each.tally.created:
                    new.append(each)
            elif each.known.row_digest == each.digest:
                each.tally.unchanged = 1
            else:
                old.append(each)
        self._update(tx, old)
        if self.dry_run:
            self.numbers_seen.update(normal_inmate_no(each.row.inmate_no) for each in new)
            for each in work:
                self._imagine(each, digests[each.row.inmate_no], known)
            return
        self._open(tx, new, digests, known)

    def _imagine(self, work: _Work, digest: str, known: dict[str, list[_Known]]) -> None:
        cases = known.get(digest, [])
        if work.tally.created:
            row = work.row
            opened = _Known(
                0, "", "", row.admitted_on, row.admitted_at, Phase.IN_PRISON.value, *[None] * 4
            )
            self._imagined[digest] = [*cases, opened]
        elif work.tally.released and work.known is not None and work.row.released is not None:
            ended = replace(work.known, phase=Phase.CLOSED.value, released_on=work.row.released.on)
            self._imagined[digest] = [ended if c is work.known else c for c in cases]

    # --- cases that are there --------------------------------------------------------------

    def _update(self, tx: Connection, work: list[_Work]) -> None:
        cases = self._cases(tx, [e.known.ref for e in work if e.known])
        known = (
            {}
            if self.updates is None
            else people.identities_of(tx, [case.person for case in cases.values()])
        )
        remembered: list[tuple[int, _Work]] = []
        for each in work:
            if each.known is None:
                continue
            before = cases[each.known.ref]
            if before.released_at is not None and each.row.admitted_at > before.released_at:
                # The same day, but another clock time: he was out before he came in.
                self._reject(each, "release_before_admission")
                continue
            last: Cells = json.loads(each.known.cells) if each.known.cells else {}
            changed = {n: v for n, v in each.cells.items() if last.get(n) != v}
            after = self._apply(tx, each, before, changed)
            if self.updates is not None and each.tally.updated:
                who = known.get(before.person)
                self.updates.append(Update(each.row.line, before, after, who, each.said))
            each.cells = last | each.cells
            remembered.append((each.known.case_id, each))
        if self.dry_run:
            return
        for each in work:
            if each.said is not None and each.known is not None:
                people.change(tx, each.known.person, each.said, now=self.now)
        store.write_many(
            tx, [change for each in work for change in each.changes], self.viewer, now=self.now
        )
        self._remember(tx, remembered)

    def _apply(self, tx: Connection, work: _Work, before: Case, changed: Cells) -> Case:
        """The case as it is when the cells that say something new about it are followed."""
        row, tally = work.row, work.tally
        after = before
        in_prison = before.phase is Phase.IN_PRISON
        if "admitted" in changed and row.admitted_at != before.admitted_at:
            after = _admitted_anew(after, row.admitted_at)
        if "unit" in changed and in_prison:
            after = self._moved(after, row.unit)
            tally.proposed = int(
                after.open_transfer is not None and after.open_transfer != before.open_transfer
            )
        if in_prison and ("planned" in changed or "kind" in changed):
            after = self._dated(after, row)
        if "released" in changed and in_prison and row.released_at is not None:
            after = released(
                after,
                released_at=max(row.released_at, after.admitted_at),
                destination=Destination.LIBERTY,
                unplanned=None,
                source=Source.ROSTER,
                now=self.now,
            )
            tally.released = 1
            tally.proposed = 0
        work.said = _person_change(row, changed)
        if work.said is not None:
            after = self._person_facts(tx, after, work.said)
        if after == before and work.said is None:
            tally.unchanged = 1
            return after
        tally.updated = 1
        if after != before:
            package = package_named(tx, before.package)
            after = replan(before, with_phase(after, now=self.now), package, now=self.now)
            verb = Verb.RELEASED if tally.released else Verb.ROSTER_UPDATED
            happened = after.released_at if tally.released else None
            work.changes.append(Change(before, after, verb, happened or self.now))
        return after

    def _moved(self, case: Case, unit: str) -> Case:
        if unit == case.unit:
            return without_proposal(case, by=self.viewer.account, now=self.now)
        return with_proposal(case, unit, Source.ROSTER, self.viewer.account, now=self.now)

    def _dated(self, case: Case, row: RosterRow) -> Case:
        """The planned date as a record of its kind; the roster's dates of other kinds withdrawn."""
        if row.planned_on is None or row.kind is None:
            return case
        kind = ReleaseKind(row.kind)
        latest = {record.kind: record for record in case.release_dates}
        for other, record in latest.items():
            if other is not kind and record.source is Source.ROSTER and record.on is not None:
                case = with_release_date(
                    case, None, other, Source.ROSTER, self.viewer.account, now=self.now
                )
        return with_release_date(
            case, row.planned_on, kind, Source.ROSTER, self.viewer.account, now=self.now
        )

    def _person_facts(self, tx: Connection, case: Case, said: people.PersonChange) -> Case:
        """What a change of the person does to the case: how it is counted, and messages."""
        facts: dict[str, Any] = {}
        if said.national_id is not None:
            facts["counted_as"] = people.counted_as(tx, said.national_id) or case.counted_as
        if said.language is not None:
            facts["language"] = said.language
        if said.protection is not None:
            facts["protection"] = said.protection
        if said.phone is not None:
            facts["reachable"] = True
        return replace(case, **facts)

    def _cases(self, tx: Connection, refs: Sequence[str]) -> dict[str, Case]:
        """The cases as they stand, locked: nobody else changes them before they are written."""
        if self.dry_run:
            # An import moves the cases of merged units first; here that is only thought.
            mergers = mergers_by(tx, local_date(self.now))
            found = queries.cases_by_refs(tx, SYSTEM, refs)
            return {ref: moved(case, mergers, now=self.now) for ref, case in found.items()}
        return queries.cases_for_update(tx, SYSTEM, refs)

    def _reject(self, work: _Work, reason: str) -> None:
        """Refuse a row for its admission."""
        work.tally.rejected = Remark(work.row.line, Column.admitted.value, reason)
        work.tally.warnings.clear()
        self.numbers_seen.add(normal_inmate_no(work.row.inmate_no))

    # --- new cases -------------------------------------------------------------------------

    def _judge_new(self, work: _Work, cases: Sequence[_Known]) -> None:
        row, tally = work.row, work.tally
        cases = _in_earnest(cases)
        if any(case.phase == Phase.IN_PRISON.value for case in cases):
            self._reject(work, "already_in_prison")
        elif any(
            case.admitted_on > row.admitted_on
            or (case.released_on is not None and case.released_on > row.admitted_on)
            for case in cases
        ):
            self._reject(work, "overlaps_earlier_case")
        elif row.released is not None:
            tally.unchanged = 1
            tally.warnings.append(Remark(row.line, Column.released.value, "released_without_case"))
        else:
            tally.created = 1

    def _open(
        self,
        tx: Connection,
        work: list[_Work],
        digests: dict[str, str],
        known: dict[str, list[_Known]],
    ) -> None:
        if not work:
            return
        earlier_refs = [
            cases[-1].ref
            for each in work
            if (cases := _in_earnest(known.get(digests[each.row.inmate_no], [])))
        ]
        # Cases are locked before persons, as by everybody else, so that nobody waits in a circle.
        earlier = {c.person: c for c in self._cases(tx, earlier_refs).values()}
        persons = self._persons(tx, work, digests)
        packages: dict[str, Package] = {}
        changes: list[Change] = []
        opened: list[tuple[_Work, Case]] = []
        for each in work:
            row = each.row
            who = persons[row.inmate_no]
            package = packages.get(row.unit)
            if package is None:
                package = packages[row.unit] = package_for_new_cases(tx, row.unit, on=self.now)
            before = earlier.get(who.ref)
            if before is not None and before.phase is Phase.FOLLOW_UP:
                changes.append(self._reimprisoned(tx, before, row.admitted_at))
            case = open_case(
                Admission(
                    person=who.ref,
                    counted_as=who.counted_as,
                    unit=row.unit,
                    admitted_at=row.admitted_at,
                    release_on=row.planned_on,
                    release_kind=ReleaseKind(row.kind) if row.kind else ReleaseKind.FULL_TERM,
                    earlier=before.ref if before is not None else None,
                    language=row.language or "nb",
                ),
                self.viewer,
                package,
                now=self.now,
            )
            opened.append((each, case))
            happened = min(row.admitted_at, self.now)
            changes.append(Change(None, case, Verb.CASE_OPENED, happened))
        stored = {
            case.ref: case for case in store.write_many(tx, changes, self.viewer, now=self.now)
        }
        remembered = []
        for each, case in opened:
            case_id = stored[case.ref].id
            if case_id is not None:
                self.cases_seen.add(case_id)
                remembered.append((case_id, each))
        self._remember(tx, remembered)

    def _persons(
        self, tx: Connection, work: list[_Work], digests: dict[str, str]
    ) -> dict[str, people.Registered]:
        wanted = {digests[each.row.inmate_no]: each for each in work}
        found = {
            digest: people.Registered(ref, counted)
            for digest, ref, counted in _PERSONS.rows(tx, {"digests": sorted(wanted)})
        }
        persons: dict[str, people.Registered] = {}
        fresh: list[_Work] = []
        for digest, each in wanted.items():
            registered = found.get(digest)
            if registered is None:
                fresh.append(each)
                continue
            said = _person_change(each.row, {n: v for n, v in each.cells.items() if n in PERSONAL})
            if said is not None:
                registered = people.change(tx, registered.ref, said, now=self.now)
            persons[each.row.inmate_no] = registered
        made = people.register_many(tx, [_new_person(e.row) for e in fresh], now=self.now)
        for each, registered in zip(fresh, made, strict=True):
            persons[each.row.inmate_no] = registered
        return persons

    def _reimprisoned(self, tx: Connection, before: Case, admitted_at: datetime) -> Change:
        at = min(max(admitted_at, before.released_at or admitted_at), self.now)
        after = closed(
            before, CloseReason.REIMPRISONED, closed_at=at, now=self.now, by=self.viewer.account
        )
        after = replan(before, after, package_named(tx, before.package), now=self.now)
        return Change(before, after, Verb.CLOSED, at)

    def _remember(self, tx: Connection, remembered: Iterable[tuple[int, _Work]]) -> None:
        rows = [
            {
                "case_id": case_id,
                "row_digest": each.digest,
                "cells": canonical(each.cells),
                "said_at": self.now,
            }
            for case_id, each in remembered
        ]
        if rows:
            _REMEMBER[tx.dialect.name].run_each(tx, rows)


def _known(tx: Connection, digests: Iterable[str]) -> dict[str, list[_Known]]:
    found: dict[str, list[_Known]] = {}
    for digest, *rest in _KNOWN.rows(tx, {"digests": sorted(set(digests))}):
        found.setdefault(digest, []).append(_Known(*rest))
    return found


def _in_earnest(cases: Sequence[_Known]) -> list[_Known]:
    """Without what was registered in error: such an imprisonment never was."""
    return [case for case in cases if case.close_reason != CloseReason.REGISTERED_IN_ERROR.value]


def _same_key(cases: Sequence[_Known], row: RosterRow) -> _Known | None:
    """The case of this imprisonment, by the local date of admission; the newest of equals."""
    for case in reversed(cases):
        if case.admitted_on == row.admitted_on:
            return case
    return None


def _admitted_anew(case: Case, admitted_at: datetime) -> Case:
    """The same admission with another clock time: T0 and the first stay follow."""
    first, *rest = case.stays
    # A transfer of the same day stands; the first stay then ends as it begins.
    from_at = admitted_at if first.to_at is None else min(admitted_at, first.to_at)
    return replace(case, admitted_at=admitted_at, stays=(replace(first, from_at=from_at), *rest))


def _cells(tx: Connection, row: RosterRow) -> Cells:
    """What the roster says in this row, empty cells left out; about the person as hashes."""
    said: dict[str, str | None] = {
        "unit": row.unit,
        "admitted": row.admitted_at.isoformat(),
        "planned": row.planned_on.isoformat() if row.planned_on else None,
        # A kind that was only assumed is no word of the roster: the cell is empty.
        "kind": row.kind if row.planned_on and not row.kind_assumed else None,
        "released": str(row.released) if row.released else None,
    }
    personal = {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "born_on": row.born_on.isoformat() if row.born_on else None,
        "national_id": row.national_id,
        "phone": row.phone,
        "language": row.language,
        "protection": row.protection,
    }
    for name, value in personal.items():
        if value:
            said[name] = vault.digest(tx, f"roster_{name}", value)
    return {name: value for name, value in said.items() if value is not None}


def _person_change(row: RosterRow, changed: Cells) -> people.PersonChange | None:
    if not PERSONAL & changed.keys():
        return None
    return people.PersonChange(
        first_name=row.first_name if "first_name" in changed else None,
        last_name=row.last_name if "last_name" in changed else None,
        born_on=row.born_on if "born_on" in changed else None,
        national_id=row.national_id if "national_id" in changed else None,
        language=row.language if "language" in changed else None,
        protection=Protection(row.protection)
        if "protection" in changed and row.protection
        else None,
        phone=row.phone if "phone" in changed else None,
    )


def _new_person(row: RosterRow) -> people.NewPerson:
    return people.NewPerson(
        identity=Identity(
            inmate_no=row.inmate_no,
            first_name=row.first_name,
            last_name=row.last_name,
            born_on=row.born_on,
            national_id=row.national_id,
        ),
        language=row.language or "nb",
        protection=Protection(row.protection) if row.protection else Protection.UNGRADED,
        phone=row.phone,
    )

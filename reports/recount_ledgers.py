"""The slow, obviously right count of I9 and I18, from the rows that were recorded by an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, select

from cases.naloxone_given import givings
from cases.naloxone_rows import recorded_by
from cases.tables import distributor, unit_project, unit_version
from core.clock import local_date
from reports.regions import Regions
from reports.tables import experience_report, report
from reports.tally import Tally
from reports.tertial import Question

IN_PROJECT: Final = ("contract_signed", "active", "paused")
STAGES: Final = ("interested", *IN_PROJECT, "withdrawn")
INTRODUCED: Final = "naloxone_introduced"


def count_sprays(
    tx: Connection, persons: Mapping[str, str], question: Question, regions: Regions, tally: Tally
) -> None:
    """I9: each giving of the ledger. `persons` are those of the cases that count, by reference."""
    for giving in givings(recorded_by(tx, question.as_of), persons.get):
        if not question.period.holds(giving.happened_at):
            continue
        where = giving.unit, regions.region_on(giving.unit, local_date(giving.happened_at))
        tally.add("I9", *where, giving.quantity)
        tally.add("I9.first", *where, giving.quantity if giving.first else 0)
        tally.add("I9.refill", *where, 0 if giving.first else giving.quantity)


@dataclass(frozen=True, slots=True)
class _Said:
    """A row about a unit in the project; `on` None means always."""

    id: int
    event: str
    on: date | None
    value: str | None
    recorded_at: datetime


def count_units(tx: Connection, question: Question, regions: Regions, tally: Tally) -> None:
    """I18: unit by unit, as the last word about the last day has it."""
    on = local_date(question.at_end)
    for unit in regions.units:
        said = [row for row in _said(tx, unit) if row.recorded_at <= question.as_of]
        stage = _last([row for row in said if row.event in STAGES], on)
        if stage is None or stage.event not in IN_PROJECT or not _stands(tx, unit, on):
            continue
        introduced = _last([row for row in said if row.event == INTRODUCED], on)
        has = {
            "active": stage.event == "active",
            "naloxone": introduced is not None and _by_then(introduced.value, on),
            "distributor": _has_distributor(tx, unit, on, question.as_of),
            "in_time": _in_time(tx, unit, question),
            "experience": _experience(tx, unit, question),
        }
        where = unit, regions.region_on(unit, on)
        tally.add("I18", *where, int(has["active"]), 1)
        for part, there in has.items():
            tally.add(f"I18.{part}", *where, int(there), 1)


def _said(tx: Connection, unit: str) -> list[_Said]:
    fields = [unit_project.c[name] for name in _Said.__dataclass_fields__]
    return [_Said(*row) for row in tx.execute(select(*fields).where(unit_project.c.unit == unit))]


def _last(said: list[_Said], on: date) -> _Said | None:
    """The last word about a day: by the day it is about, then by the order of recording."""
    until = [row for row in said if row.on is None or row.on <= on]
    return max(until, key=lambda row: (row.on or date.min, row.id), default=None)


def _by_then(value: str | None, on: date) -> bool:
    """Whether a day, a year, or a bare yes lies at or before a day."""
    said = value or ""
    if len(said) == len("2018-05-01"):
        return date.fromisoformat(said) <= on
    return int(said) <= on.year if said.isdecimal() else True


def _stands(tx: Connection, unit: str, on: date) -> bool:
    versions = tx.execute(
        select(unit_version.c.valid_from, unit_version.c.valid_to).where(
            unit_version.c.unit == unit
        )
    )
    return any((since or date.min) <= on < (until or date.max) for since, until in versions)


def _has_distributor(tx: Connection, unit: str, on: date, as_of: datetime) -> bool:
    for row in tx.execute(select(distributor).where(distributor.c.unit == unit)):
        if row.recorded_at is not None and row.recorded_at > as_of:
            continue
        ended = row.end_recorded_at is None or row.end_recorded_at <= as_of
        until = row.certified_to if ended else None
        if row.certified_from <= on < (until or date.max):
            return True
    return False


def _in_time(tx: Connection, unit: str, question: Question) -> bool:
    parts = tx.execute(
        select(report.c.state, report.c.as_of).where(
            report.c.scope == unit, report.c.period == str(question.period)
        )
    )
    return any(
        state != "open" and as_of <= question.as_of and local_date(as_of) <= question.period.due_on
        for state, as_of in parts
    )


def _experience(tx: Connection, unit: str, question: Question) -> bool:
    told = tx.execute(
        select(experience_report.c.recorded_at).where(
            experience_report.c.unit == unit, experience_report.c.period == str(question.period)
        )
    )
    return any(recorded_at <= question.as_of for (recorded_at,) in told)

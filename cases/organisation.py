"""Units, their versions and aliases, and the two controllers that meet in each.

The health service of the host municipality and the correctional service each answer for their own
part of the data. A unit is known by its code for ever; what it is called, where it belongs and
which controllers it has are versions with dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Date, and_, bindparam, delete, insert, or_, select, update

from cases.model import Unit
from cases.tables import (
    controller,
    unit,
    unit_alias,
    unit_controller,
    unit_project,
    unit_version,
)
from core.errors import BadInput

COLUMNS: Final = (
    "code",
    "name",
    "kind",
    "parent",
    "region",
    "host_municipality",
    "cohort_year",
    "naloxone_introduced",
    "aliases",
)
KINDS: Final = ("prison", "department", "halfway_house", "probation_office")
REGIONS: Final = ("Nord", "Vest", "Sør", "Sørvest", "Øst", "Annet")
CORRECTIONAL_SERVICE: Final = "Kriminalomsorgen"


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """What an import of units did."""

    rows: int
    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Said:
    code: str
    name: str
    kind: str
    parent: str | None
    region: str
    municipality: str | None
    cohort_year: str | None
    naloxone: str | None
    aliases: tuple[str, ...]


_ON: Final = bindparam("on", type_=Date)
_VALID: Final = and_(
    or_(unit_version.c.valid_from.is_(None), unit_version.c.valid_from <= _ON),
    or_(unit_version.c.valid_to.is_(None), unit_version.c.valid_to > _ON),
)
_UNITS: Final = (
    select(
        unit_version.c.unit,
        unit_version.c.name,
        unit_version.c.kind,
        unit_version.c.region,
        unit_version.c.parent,
        unit_version.c.municipality,
    )
    .where(_VALID)
    .order_by(unit_version.c.unit)
)
_ALIASES: Final = select(unit_alias.c.unit, unit_alias.c.alias).order_by(unit_alias.c.alias)
_OPEN_VERSION: Final = select(unit_version).where(
    unit_version.c.unit == bindparam("code"), unit_version.c.valid_to.is_(None)
)


def units(tx: Connection, on: date) -> list[Unit]:
    """Every unit as it is on a day, by code."""
    aliases: dict[str, list[str]] = {}
    for code, alias in tx.execute(_ALIASES):
        aliases.setdefault(code, []).append(alias)
    return [
        Unit(
            code=row.unit,
            name=row.name,
            kind=row.kind,
            region=row.region,
            parent=row.parent,
            municipality=row.municipality,
            aliases=tuple(aliases.get(row.unit, ())),
        )
        for row in tx.execute(_UNITS, {"on": on})
    ]


def names_of_units(tx: Connection, on: date) -> list[tuple[str, str]]:
    """Pairs (name, code) for finding a unit by code, name or alias."""
    pairs: list[tuple[str, str]] = []
    for each in units(tx, on):
        pairs += [(name, each.code) for name in (each.code, each.name, *each.aliases)]
    return pairs


def import_units(tx: Connection, rows: Iterable[Mapping[str, str]], *, now: datetime) -> UnitCounts:
    """Take units in the columns of `units.csv`; an upsert by `code`, whole or not at all.

    Raises `BadInput` at the first wrong row, naming its line (the header is line 1).
    """
    said = [_read(line, row) for line, row in enumerate(rows, start=2)]
    codes = {each.code for each in said}
    known = set(tx.execute(select(unit.c.code)).scalars())
    for line, each in enumerate(said, start=2):
        if each.parent is not None and each.parent not in codes | known:
            raise _wrong(line, "parent", f"there is no unit {each.parent!r}")
    new = [each for each in said if each.code not in known]
    if new:
        tx.execute(insert(unit), [{"code": each.code} for each in new])
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    for each in said:
        counts[_write(tx, each, is_new=each.code not in known, now=now)] += 1
    return UnitCounts(rows=len(said), **counts)


def _read(line: int, row: Mapping[str, str]) -> _Said:
    cells = {key: (row.get(key) or "").strip() for key in COLUMNS}
    for needed in ("code", "name", "kind", "region"):
        if not cells[needed]:
            raise _wrong(line, needed, "it is empty")
    if cells["kind"] not in KINDS:
        raise _wrong(line, "kind", f"it must be one of {', '.join(KINDS)}")
    if cells["region"] not in REGIONS:
        raise _wrong(line, "region", f"it must be one of {', '.join(REGIONS)}")
    year = cells["cohort_year"]
    if year and not (year.isascii() and year.isdigit() and len(year) == len("2016")):
        raise _wrong(line, "cohort_year", "it must be a year, like 2016")
    return _Said(
        code=cells["code"],
        name=cells["name"],
        kind=cells["kind"],
        parent=cells["parent"] or None,
        region=cells["region"],
        municipality=cells["host_municipality"] or None,
        cohort_year=year or None,
        naloxone=cells["naloxone_introduced"] or None,
        aliases=tuple(a.strip() for a in cells["aliases"].split("|") if a.strip()),
    )


def _wrong(line: int, column: str, what: str) -> BadInput:
    return BadInput("bad_unit", f"line {line}, {column}: {what}", column)


def _write(tx: Connection, said: _Said, *, is_new: bool, now: datetime) -> str:
    version = {
        "name": said.name,
        "kind": said.kind,
        "region": said.region,
        "parent": said.parent,
        "municipality": said.municipality,
    }
    changed = False
    if is_new:
        tx.execute(insert(unit_version), {"unit": said.code, **version})
    else:
        row = tx.execute(_OPEN_VERSION, {"code": said.code}).mappings().one()
        if any(row[name] != value for name, value in version.items()):
            tx.execute(update(unit_version).where(unit_version.c.id == row["id"]).values(**version))
            changed = True
    changed |= _write_aliases(tx, said)
    changed |= _write_controllers(tx, said)
    changed |= _write_project(tx, said, now)
    if is_new:
        return "created"
    return "updated" if changed else "unchanged"


def _write_aliases(tx: Connection, said: _Said) -> bool:
    known = set(
        tx.execute(select(unit_alias.c.alias).where(unit_alias.c.unit == said.code)).scalars()
    )
    wanted = set(said.aliases)
    if known == wanted:
        return False
    if gone := known - wanted:
        tx.execute(
            delete(unit_alias).where(
                unit_alias.c.unit == said.code, unit_alias.c.alias.in_(sorted(gone))
            )
        )
    if fresh := wanted - known:
        tx.execute(insert(unit_alias), [{"unit": said.code, "alias": a} for a in sorted(fresh)])
    return True


def _write_controllers(tx: Connection, said: _Said) -> bool:
    health = (
        f"{said.municipality} kommune, helsetjenesten"
        if said.municipality
        else f"Helsetjenesten ved {said.name}"
    )
    changed = False
    for kind, name in (("health", health), ("correctional", CORRECTIONAL_SERVICE)):
        wanted = controller_id(tx, kind, name)
        bound = tx.execute(
            select(unit_controller.c.id, unit_controller.c.controller_id).where(
                unit_controller.c.unit == said.code,
                unit_controller.c.kind == kind,
                unit_controller.c.valid_to.is_(None),
            )
        ).one_or_none()
        if bound is None:
            tx.execute(
                insert(unit_controller),
                {"unit": said.code, "kind": kind, "controller_id": wanted},
            )
            changed = True
        elif bound.controller_id != wanted:
            tx.execute(
                update(unit_controller)
                .where(unit_controller.c.id == bound.id)
                .values(controller_id=wanted)
            )
            changed = True
    return changed


def controller_id(tx: Connection, kind: str, name: str) -> int:
    """The id of a controller, made if it is new."""
    found: int | None = tx.execute(
        select(controller.c.id).where(controller.c.kind == kind, controller.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        made: int = tx.execute(
            insert(controller).values(kind=kind, name=name).returning(controller.c.id)
        ).scalar_one()
        return made
    return found


def _write_project(tx: Connection, said: _Said, now: datetime) -> bool:
    recorded = (
        select(unit_project.c.event, unit_project.c.value)
        .where(unit_project.c.unit == said.code)
        .order_by(unit_project.c.id)
    )
    known = {row.event: row.value for row in tx.execute(recorded)}
    rows: list[dict[str, Any]] = []
    if said.cohort_year is not None:
        if known.get("active") != said.cohort_year:
            rows.append(_project(said, "active", said.cohort_year, now))
    elif not known:
        rows.append(_project(said, "interested", None, now))
    if said.naloxone is not None and known.get("naloxone_introduced") != said.naloxone:
        rows.append(_project(said, "naloxone_introduced", said.naloxone, now))
    if rows:
        tx.execute(insert(unit_project), rows)
    return bool(rows)


def _project(said: _Said, event: str, value: str | None, now: datetime) -> dict[str, Any]:
    return {
        "unit": said.code,
        "event": event,
        "on": None,
        "value": value,
        "recorded_at": now,
        "by": "operator",
    }


def health_controllers(tx: Connection, codes: Iterable[str], on: date) -> frozenset[int]:
    """The health controllers of units on a day: what a nurse of these units belongs to."""
    return frozenset(
        tx.execute(
            select(unit_controller.c.controller_id).where(
                unit_controller.c.kind == "health",
                unit_controller.c.unit.in_(sorted(codes)),
                or_(unit_controller.c.valid_from.is_(None), unit_controller.c.valid_from <= on),
                or_(unit_controller.c.valid_to.is_(None), unit_controller.c.valid_to > on),
            )
        ).scalars()
    )

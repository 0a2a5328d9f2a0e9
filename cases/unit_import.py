"""Units from the columns of `units.csv`: an upsert by code, whole or not at all.

An import corrects: what a row says differently is changed in the version in force on the day of
the import, as if it had always been so, and history keeps no trace of it. What changes from a day
on (a new name, region, parent, municipality, a merger) is a verb of `cases.units`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Date, bindparam, delete, insert, or_, select, update

from cases import controllers
from cases.tables import unit, unit_alias, unit_project, unit_version
from core.clock import local_date
from core.errors import BadInput, Refused

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


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """What an import of units did."""

    rows: int
    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Said:
    line: int
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
_STANDING: Final = select(unit_version).where(
    unit_version.c.unit == bindparam("code"),
    or_(unit_version.c.valid_from.is_(None), unit_version.c.valid_from <= _ON),
    or_(unit_version.c.valid_to.is_(None), unit_version.c.valid_to > _ON),
)
_LAST: Final = (
    select(unit_version)
    .where(unit_version.c.unit == bindparam("code"))
    .order_by(unit_version.c.valid_to.is_(None).desc(), unit_version.c.valid_to.desc())
    .limit(1)
)


def import_units(tx: Connection, rows: Iterable[Mapping[str, str]], *, now: datetime) -> UnitCounts:
    """Take units in the columns of `units.csv`; an upsert by `code`, whole or not at all.

    Raises `BadInput` at the first wrong row, naming its line (the header is line 1).
    """
    said = [_read(line, row) for line, row in enumerate(rows, start=2)]
    codes = {each.code for each in said}
    known = set(tx.execute(select(unit.c.code)).scalars())
    for each in said:
        if each.parent is not None and each.parent not in codes | known:
            raise _wrong(each.line, "parent", f"there is no unit {each.parent!r}")
    new = {each.code for each in said if each.code not in known}
    if new:
        tx.execute(insert(unit), [{"code": code} for code in sorted(new)])
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    for each in said:
        counts[_write(tx, each, is_new=each.code in new, now=now)] += 1
        new.discard(each.code)
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
        line=line,
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
    on = local_date(now)
    version = {
        "name": said.name,
        "kind": said.kind,
        "region": said.region,
        "parent": said.parent,
        "municipality": said.municipality,
    }
    changed = False
    moved = is_new
    if is_new:
        tx.execute(insert(unit_version), {"unit": said.code, **version})
    else:
        row = tx.execute(_STANDING, {"code": said.code, "on": on}).mappings().one_or_none()
        if row is None:
            _check_ended(tx, said, version)
            return "unchanged"
        if any(row[name] != value for name, value in version.items()):
            tx.execute(update(unit_version).where(unit_version.c.id == row["id"]).values(**version))
            changed = True
        # By another name alone it keeps its health service, also one that is called after it.
        moved = row["municipality"] != said.municipality
    changed |= _write_aliases(tx, said)
    if moved:
        changed |= _write_health_service(tx, said, on)
    correctional = controllers.CORRECTIONAL_SERVICE
    changed |= controllers.correct(tx, said.code, controllers.CORRECTIONAL, correctional, on=on)
    changed |= _write_project(tx, said, now)
    if is_new:
        return "created"
    return "updated" if changed else "unchanged"


def _write_health_service(tx: Connection, said: _Said, on: date) -> bool:
    service = controllers.health_service_of(said.municipality, said.name)
    try:
        return controllers.correct(tx, said.code, controllers.HEALTH, service, on=on)
    except Refused as refused:
        raise _wrong(said.line, "host_municipality", str(refused)) from refused


def _check_ended(tx: Connection, said: _Said, version: Mapping[str, Any]) -> None:
    """A list that still holds a unit that has closed is no fault, unless it would change it."""
    last = tx.execute(_LAST, {"code": said.code}).mappings().one()
    if any(last[name] != value for name, value in version.items()):
        ended: date | None = last["valid_to"]
        raise _wrong(
            said.line,
            "code",
            f"the unit {said.code} does not stand today (its last day was before {ended}), so an "
            "import cannot change it: leave the row out",
        )


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

"""Units as they are on a day: their versions, names and what they became.

A unit is known by its code for ever; what it is called, where it belongs, which controllers it has
and how it ended are versions with dates (`cases.units` changes them, `cases.unit_import` corrects
them). Everybody who looks a unit up finds it by its code, by every name it has or had, and by its
aliases; a unit that was merged leads to the one it became part of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, Date, and_, bindparam, or_, select

from cases.controllers import health_controllers
from cases.model import Unit
from cases.roster_columns import matching_key
from cases.tables import unit_alias, unit_version
from cases.unit_import import COLUMNS, KINDS, REGIONS, UnitCounts, import_units
from core.errors import BadInput, Refused
from core.listed import one_of
from core.statement import Prepared

__all__ = [
    "COLUMNS",
    "KINDS",
    "REGIONS",
    "UnitClosed",
    "UnitCounts",
    "UnitVersion",
    "health_controllers",
    "import_units",
    "merged_into",
    "names_of_units",
    "standing_code",
    "successor",
    "units",
    "version_on",
    "versions",
]


class UnitClosed(Refused):
    """The unit does not stand on that day: it has closed, or has not opened yet."""

    message_key = "error.unit_closed"


@dataclass(frozen=True, slots=True)
class UnitVersion:
    """What a unit is from a day (None: always) until, not with, another (None: no end known).

    `merged_into` says what it became part of on its last day; None there is a closing, or the next
    version of the same unit.
    """

    id: int
    unit: str
    valid_from: date | None
    valid_to: date | None
    name: str
    kind: str
    region: str
    parent: str | None
    municipality: str | None
    merged_into: str | None

    def holds_on(self, day: date) -> bool:
        """Whether this version is in force on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


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
_NAMES: Final = Prepared(select(unit_version.c.unit, unit_version.c.name).where(_VALID))
_NAMES_OF: Final = Prepared(
    select(unit_version.c.unit, unit_version.c.name).where(
        one_of(unit_version.c.unit, "codes"), _VALID
    )
)
_ALIASES: Final = select(unit_alias.c.unit, unit_alias.c.alias).order_by(unit_alias.c.alias)
# NULL means always, and databases disagree on where it sorts.
_BY_TIME: Final = (
    unit_version.c.valid_from.is_not(None),
    unit_version.c.valid_from,
    unit_version.c.id,
)
_FIELDS: Final = [unit_version.c[name] for name in UnitVersion.__dataclass_fields__]
_EVERY_VERSION: Final = select(*_FIELDS).order_by(unit_version.c.unit, *_BY_TIME)
_VERSIONS: Final = (
    select(*_FIELDS).where(unit_version.c.unit == bindparam("code")).order_by(*_BY_TIME)
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


def unit_names(tx: Connection, on: date) -> dict[str, str]:
    """What every unit is called on a day, by code."""
    return dict(_NAMES.rows(tx, {"on": on}))


def names_of(tx: Connection, codes: Collection[str], on: date) -> dict[str, str]:
    """What these units are called on a day, by code; without those that are no units then."""
    return dict(_NAMES_OF.rows(tx, {"codes": sorted(codes), "on": on}))


def names_of_units(tx: Connection, on: date) -> list[tuple[str, str]]:
    """Pairs (name, code) for finding a unit by code, name or alias.

    Names that a unit had before find it too, and those of a merged unit what it became part of,
    as long as no unit is called that today.
    """
    there = units(tx, on)
    pairs: list[tuple[str, str]] = []
    for each in there:
        pairs += [(name, each.code) for name in (each.code, each.name, *each.aliases)]
    taken = {matching_key(name) for name, _ in pairs}
    every = [UnitVersion(*row) for row in tx.execute(_EVERY_VERSION)]
    by_unit: dict[str, list[UnitVersion]] = {}
    for version in every:
        by_unit.setdefault(version.unit, []).append(version)
    aliases = tx.execute(_ALIASES).all()
    for code, history in by_unit.items():
        leads_to = _follow(by_unit, code, on)
        if leads_to is None:
            continue
        names = [v.name for v in history if v.valid_from is None or v.valid_from <= on]
        if leads_to != code:
            names += [code, *(row.alias for row in aliases if row.unit == code)]
        pairs += [
            (name, leads_to) for name in dict.fromkeys(names) if matching_key(name) not in taken
        ]
    return pairs


def versions(tx: Connection, code: str) -> list[UnitVersion]:
    """Every version of a unit, the earliest first; none for an unknown unit."""
    return [UnitVersion(*row) for row in tx.execute(_VERSIONS, {"code": code})]


def version_on(tx: Connection, code: str, on: date) -> UnitVersion | None:
    """What a unit is on a day, or None where it does not stand that day."""
    return next((each for each in versions(tx, code) if each.holds_on(on)), None)


def successor(tx: Connection, code: str, on: date) -> str | None:
    """The unit that a code stands for on a day: itself, what it was merged into, or None."""
    return _follow({}, code, on, tx)


def _follow(
    known: Mapping[str, list[UnitVersion]], code: str, on: date, tx: Connection | None = None
) -> str | None:
    met: set[str] = set()
    current: str | None = code
    while current is not None and current not in met:
        met.add(current)
        history = known.get(current)
        if history is None:
            history = versions(tx, current) if tx is not None else []
        if any(each.holds_on(on) for each in history):
            return current
        ended = [each for each in history if each.valid_to is not None and each.valid_to <= on]
        current = ended[-1].merged_into if ended else None
    return None


def standing_code(tx: Connection, code: str, on: date, *, field: str = "unit") -> str:
    """The unit that takes what is meant for `code` on a day; a merged unit gives its successor.

    Raises `BadInput` for an unknown code, `UnitClosed` for a unit that closed or is yet to open.
    """
    history = versions(tx, code)
    if not history:
        raise BadInput("unknown_unit", f"There is no unit {code!r}.", field)
    found = _follow({code: history}, code, on, tx)
    if found is None:
        ends = [each.valid_to for each in history if each.valid_to is not None]
        if any(end <= on for end in ends):
            raise UnitClosed(f"The unit {code} closed on {max(ends)}: name another.")
        raise UnitClosed(f"The unit {code} opens on {history[0].valid_from}: name another.")
    return found


def merged_into(tx: Connection, code: str, on: date) -> frozenset[str]:
    """The unit and every unit that had become part of it by a day, however many steps ago."""
    every = [UnitVersion(*row) for row in tx.execute(_EVERY_VERSION)]
    found = {code}
    while True:
        more = {
            each.unit
            for each in every
            if each.merged_into in found
            and each.valid_to is not None
            and each.valid_to <= on
            and each.unit not in found
        }
        if not more:
            return frozenset(found)
        found |= more

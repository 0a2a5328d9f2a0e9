"""From the raw cells of a roster to typed rows: what is taken, what is remarked, what is refused.

Pure: time, units and mode come from the caller. Rules: "Roster file" of the interface description.
A row is taken whole or not at all; a refused row gives one remark, for its first bad column in the
order of `Column`, and no warnings.

Reasons of refused rows: `inmate_no_missing`, `inmate_no_unusable`, `date_impossible`,
`date_out_of_reach`, `born_in_future`, `unit_missing`, `unknown_unit`, `admission_missing`,
`admitted_in_future`, `release_before_admission`, `unknown_kind`, `released_in_future`,
`unknown_protection`, `more_cells_than_columns`, `same_key_differs`.
Reasons of warnings: `control_character`, `formula_like`, `name_shortened`, `national_id_invalid`,
`national_id_wrong_mode`, `leading_zero_restored`, `unknown_category`, `kind_assumed`,
`unknown_language`, `phone_not_usable`, `repeated_row`, `unknown_column`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b

from cases.roster_columns import Column, RawRow, RosterHeader, matching_key
from cases.roster_judging import Remark, RosterRow, typed_row
from cases.roster_values import Moment

__all__ = [
    "Column",
    "KeyState",
    "Moment",
    "RawRow",
    "Reading",
    "Remark",
    "RosterRow",
    "SeenKeys",
    "header_remarks",
    "typed_row",
    "typed_rows",
    "unit_index",
    "unit_key",
]

unit_key = matching_key


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one raw row: exactly one of `row`, `rejected`, or `repeated` is set.

    A repeated row says again what an earlier row of the file said; it counts as unchanged.
    """

    raw: RawRow
    row: RosterRow | None
    rejected: Remark | None
    warnings: list[Remark]
    repeated: bool = False


def unit_index(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The mapping `typed_row` looks units up in, from pairs (name, alias or code; unit code).

    A unit's own code always finds it. A name that two units share finds neither.
    """
    pairs = [(unit_key(name), code) for name, code in names]
    index: dict[str, str] = {}
    shared: set[str] = set()
    for key, code in pairs:
        if index.setdefault(key, code) != code:
            shared.add(key)
    for key in shared:
        del index[key]
    return index | {unit_key(code): code for _, code in pairs}


def header_remarks(header: RosterHeader, own: Container[str] = ()) -> list[Remark]:
    """One warning for all columns of the file that are not read, but for our `own`."""
    unknown = [column for column in header.unknown if column not in own]
    if not unknown:
        return []
    return [Remark(header.line, ", ".join(unknown), "unknown_column")]


def typed_rows(
    rows: Iterable[RawRow], *, units: Mapping[str, str], now: datetime, demo: bool
) -> Iterator[Reading]:
    """Judge every row of a file, also against the rows before it.

    `units` comes from `unit_index`. A second row with the key of one that was taken is `repeated`
    when it says the same, else refused. Memory: two digests of 16 bytes per row taken.
    """
    seen = SeenKeys()
    for raw in rows:
        row, rejected, warnings = typed_row(raw, units=units, now=now, demo=demo)
        if row is None:
            yield Reading(raw, None, rejected, warnings)
            continue
        state = seen.meet(row)
        if state is KeyState.NEW:
            yield Reading(raw, row, None, warnings)
        elif state is KeyState.REPEATED:
            repeat = Remark(raw.line, Column.inmate_no.value, "repeated_row")
            yield Reading(raw, None, None, [repeat], repeated=True)
        else:
            differs = Remark(raw.line, Column.inmate_no.value, "same_key_differs")
            yield Reading(raw, None, differs, [])


class KeyState(Enum):
    """How a row stands to those before it."""

    NEW = "new"
    REPEATED = "repeated"
    DIFFERS = "differs"


class SeenKeys:
    """The keys of the rows taken so far, as digests: small, and no person data kept."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] = {}

    def meet(self, row: RosterRow) -> KeyState:
        """Remember a row, and say whether its key was met before with the same content."""
        key = _digest(row.key)
        # How a thing was written makes no difference, nor does the line or the moment of import.
        content = _digest(
            (
                row.first_name,
                row.last_name,
                row.born_on,
                row.national_id,
                row.unit,
                row.admitted_at,
                row.admitted_has_clock,
                row.category,
                row.planned_on,
                row.kind,
                row.released,
                row.language,
                row.phone,
                row.protection,
            )
        )
        before = self._seen.setdefault(key, content)
        if before is content:
            return KeyState.NEW
        return KeyState.REPEATED if before == content else KeyState.DIFFERS


def _digest(value: tuple[object, ...]) -> bytes:
    return blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=16).digest()

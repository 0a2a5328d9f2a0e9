"""Judging one row of a roster by itself. Pure; the reasons are listed in `roster_rows`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from cases.identity_number import IdentityNumber, classify, with_leading_zero
from cases.inmate_no import normal_inmate_no
from cases.roster_columns import Column, RawRow, matching_key
from cases.roster_values import (
    CATEGORIES,
    KINDS,
    PROTECTIONS,
    DateFault,
    Moment,
    clean,
    in_ascii_digits,
    language_of,
    latest_birth_year,
    read_moment,
)
from core.clock import UTC, from_local, local_date
from notifications.phone import Phone, sms_number

# An admission is taken up to this long after the import: rosters are printed the day before.
ADMISSION_AHEAD: Final = timedelta(hours=24)
NOON: Final = time(12)
LONGEST_NAME: Final = 300
FALLBACK_LANGUAGE: Final = "nb"
ASSUMED_KIND: Final = "full_term"

_INMATE_NO: Final = re.compile(r"[0-9A-Za-zÆØÅæøå][0-9A-Za-zÆØÅæøå/-]{0,31}")
# What a spreadsheet would evaluate; a single sign alone is only an empty mark.
_FORMULA: Final = re.compile(r"[=+\-@].", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one cell: a refusal or a warning. `reason` is a stable code."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of a roster, understood. What is empty in the file is `None` (names: "").

    `admitted_at` is an instant in UTC: a date without clock time (`admitted_has_clock` False) is
    12:00 in Norway. `admitted_on` is its local date; with `inmate_no` the row's key. `kind` is a
    `ReleaseKind` value, set with `kind_assumed` when the file has a planned date only; without
    `planned_on` it means nothing. `released` is as the file says it, `released_at` the instant it
    stands for at the moment of import, never after that and never before `admitted_at`.
    `national_id` has eleven digits, `phone` is E.164.
    """

    line: int
    inmate_no: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    born_on: date | None = field(repr=False)
    national_id: str | None = field(repr=False)
    unit: str
    unit_text: str
    admitted_on: date
    admitted_at: datetime
    admitted_has_clock: bool
    category: str | None
    planned_on: date | None
    kind: str | None
    kind_assumed: bool
    released: Moment | None
    released_at: datetime | None
    language: str | None
    phone: str | None = field(repr=False)
    protection: str | None = field(repr=False)

    @property
    def key(self) -> tuple[str, date]:
        """What makes an imprisonment one: inmate number and local date of admission."""
        return normal_inmate_no(self.inmate_no), self.admitted_on


class _Refused(Exception):
    def __init__(self, column: Column, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def typed_row(
    raw: RawRow, *, units: Mapping[str, str], now: datetime, demo: bool
) -> tuple[RosterRow | None, Remark | None, list[Remark]]:
    """Judge one row by itself: the row, or the remark that refuses it, and its warnings.

    `now` is the moment of import (aware). `demo`: synthetic identity numbers are the right ones.
    """
    judge = _Judge(raw, now)
    try:
        return judge.row(units, demo=demo), None, judge.warnings
    except _Refused as refused:
        return None, Remark(raw.line, refused.column.value, refused.reason), []


class _Judge:
    """Reads the cells of one row in the order of `Column`; the first bad one refuses the row."""

    def __init__(self, raw: RawRow, now: datetime) -> None:
        self.raw = raw
        # In UTC: Python compares and adds within one zone by the wall clock, wrong across a change.
        self.now = now.astimezone(UTC)
        self.warnings: list[Remark] = []

    def row(self, units: Mapping[str, str], *, demo: bool) -> RosterRow:
        if self.raw.spilled:
            raise _Refused(Column.inmate_no, "more_cells_than_columns")
        inmate_no = self._inmate_no()
        first_name = self._name(Column.first_name)
        last_name = self._name(Column.last_name)
        born_on = self._born_on()
        national_id = self._national_id(demo=demo)
        unit, unit_text = self._unit(units)
        admitted, admitted_at = self._admitted()
        category = self._word(Column.category, CATEGORIES)
        if category is None and Column.category in self.raw.cells:
            self._warn(Column.category, "unknown_category")
        planned = self._moment(Column.planned)
        if planned is not None and planned.on < admitted.on:
            raise _Refused(Column.planned, "release_before_admission")
        kind = self._known(Column.basis, KINDS, "unknown_kind")
        kind_assumed = planned is not None and kind is None
        if kind_assumed:
            kind = ASSUMED_KIND
            self._warn(Column.basis, "kind_assumed")
        released = self._moment(Column.released)
        return RosterRow(
            line=self.raw.line,
            inmate_no=inmate_no,
            first_name=first_name,
            last_name=last_name,
            born_on=born_on,
            national_id=national_id,
            unit=unit,
            unit_text=unit_text,
            admitted_on=admitted.on,
            admitted_at=admitted_at,
            admitted_has_clock=admitted.clock is not None,
            category=category,
            planned_on=planned.on if planned is not None else None,
            kind=kind,
            kind_assumed=kind_assumed,
            released=released,
            released_at=self._released_at(released, admitted, admitted_at),
            language=self._language(),
            phone=self._phone(),
            protection=self._known(Column.protection, PROTECTIONS, "unknown_protection"),
        )

    def _warn(self, column: Column, reason: str) -> None:
        self.warnings.append(Remark(self.raw.line, column.value, reason))

    def _text(self, column: Column) -> str:
        """The cell as printable text, trimmed; "" when there is none."""
        cell = self.raw.cells.get(column)
        if cell is None:
            return ""
        text, had_control = clean(cell)
        if had_control:
            self._warn(column, "control_character")
        return text.strip()

    def _word(self, column: Column, words: Mapping[str, str]) -> str | None:
        text = self._text(column)
        return words.get(matching_key(text)) if text else None

    def _known(self, column: Column, words: Mapping[str, str], reason: str) -> str | None:
        text = self._text(column)
        if not text:
            return None
        code = words.get(matching_key(text))
        if code is None:
            raise _Refused(column, reason)
        return code

    def _moment(self, column: Column, latest_short_year: int | None = None) -> Moment | None:
        text = self._text(column)
        if not text:
            return None
        if latest_short_year is None:
            read = read_moment(text)
        else:
            read = read_moment(text, latest_short_year)
        if isinstance(read, DateFault):
            raise _Refused(column, read.value)
        return read

    def _inmate_no(self) -> str:
        text = in_ascii_digits("".join(self._text(Column.inmate_no).split()))
        if not text:
            raise _Refused(Column.inmate_no, "inmate_no_missing")
        if _INMATE_NO.fullmatch(text) is None:
            raise _Refused(Column.inmate_no, "inmate_no_unusable")
        return text

    def _name(self, column: Column) -> str:
        text = self._text(column)
        if _FORMULA.match(text):
            self._warn(column, "formula_like")
        if len(text) > LONGEST_NAME:
            self._warn(column, "name_shortened")
            text = text[:LONGEST_NAME].rstrip()
        return text

    def _born_on(self) -> date | None:
        read = self._moment(Column.born, latest_birth_year(self.now))
        if read is None:
            return None
        if read.on > local_date(self.now):
            raise _Refused(Column.born, "born_in_future")
        return read.on

    def _national_id(self, *, demo: bool) -> str | None:
        text = self._text(Column.national_id)
        if not text:
            return None
        identity = classify(text)
        restored = not identity.valid
        if restored:
            identity = with_leading_zero(text)
        fault = _identity_fault(identity, demo=demo)
        if fault is not None:
            self._warn(Column.national_id, fault)
            return None
        if restored:
            self._warn(Column.national_id, "leading_zero_restored")
        return identity.normalised

    def _unit(self, units: Mapping[str, str]) -> tuple[str, str]:
        text = self._text(Column.unit)
        if not text:
            raise _Refused(Column.unit, "unit_missing")
        code = units.get(matching_key(text))
        if code is None:
            raise _Refused(Column.unit, "unknown_unit")
        return code, text

    def _admitted(self) -> tuple[Moment, datetime]:
        read = self._moment(Column.admitted)
        if read is None:
            raise _Refused(Column.admitted, "admission_missing")
        at = from_local(read.on, NOON if read.clock is None else read.clock)
        if at > self.now + ADMISSION_AHEAD:
            raise _Refused(Column.admitted, "admitted_in_future")
        return read, at

    def _released_at(
        self, released: Moment | None, admitted: Moment, admitted_at: datetime
    ) -> datetime | None:
        """The instant of the release: without a clock time 12:00, or now if that is earlier."""
        if released is None:
            return None
        if released.on < admitted.on:
            raise _Refused(Column.released, "release_before_admission")
        at = from_local(released.on, NOON if released.clock is None else released.clock)
        if at > self.now:
            if released.clock is not None or released.on != local_date(self.now):
                raise _Refused(Column.released, "released_in_future")
            at = self.now
        if at < admitted_at:
            # On one day the file can say the order only if it gives both times; an assumed noon
            # gives way, but not into the future.
            if None not in (released.clock, admitted.clock) or admitted_at > self.now:
                raise _Refused(Column.released, "release_before_admission")
            at = admitted_at
        return at

    def _language(self) -> str | None:
        text = self._text(Column.language)
        if not text:
            return None
        code = language_of(text)
        if code is None:
            self._warn(Column.language, "unknown_language")
            return FALLBACK_LANGUAGE
        return code

    def _phone(self) -> str | None:
        text = self._text(Column.mobile)
        if not text:
            return None
        read = sms_number(text)
        if isinstance(read, Phone):
            return read.e164
        self._warn(Column.mobile, "phone_not_usable")
        return None


def _identity_fault(identity: IdentityNumber, *, demo: bool) -> str | None:
    if not identity.valid:
        return "national_id_invalid"
    return None if identity.synthetic is demo else "national_id_wrong_mode"

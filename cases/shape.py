"""PURE: a case as plain values, the difference of two cases, and folding differences again.

One description of the shape of a case serves three: the rows that are written, the payload of an
event, and the rebuild of a case from its events. Because the same difference makes the row and
the event, they cannot disagree.

Left out of events: what belongs to the person (language, protection, phone) and what only drives
the sweep (`wake_at`, `told_at`), which the rules can give again at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, get_args, get_type_hints

from cases import model
from cases.model import Case
from core.values import row_reader

Plain = str | int | bool | None
Diff = dict[str, Any]
"""``{"case": {field: value}, "tasks": {key: {field: value}}, …}`` with plain JSON values."""

MACHINERY: Final = frozenset({"wake_at", "told_at"})
OF_THE_PERSON: Final = frozenset({"language", "protection", "reachable"})


_Convert = Callable[[Any], Any]


def _kind_of(hint: Any) -> Any:
    """The class that a field's values have, None aside."""
    return next(kind for kind in (get_args(hint) or (hint,)) if kind is not type(None))


def _is_code(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime:
    # Remembered: most due times are 15:00 of one of few days, and what a case knows it mostly
    # came to know at one instant.
    return datetime.fromisoformat(text)


def _reader(kind: Any) -> _Convert | None:
    if kind is datetime:
        return _instant
    if kind is date:
        return date.fromisoformat
    if kind is bool:
        return bool
    if _is_code(kind):
        # A dictionary look-up is several times faster than calling the enumeration.
        return {member.value: member for member in kind}.__getitem__
    return None


@lru_cache(maxsize=4096)
def _plain_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _code(value: Any) -> Any:
    return value._value_


def _plainer(kind: Any) -> _Convert | None:
    """How a field's value is written in JSON: instants in UTC, codes by value."""
    if kind is datetime:
        return _plain_instant
    if kind is date:
        return date.isoformat
    return _code if _is_code(kind) else None


class Fields:
    """Some fields of a value class, taken all at once, which is quick."""

    __slots__ = ("_all", "_codes", "_plainers", "_take_written", "_written", "names", "take")

    def __init__(self, kind: type[Any], names: Iterable[str]) -> None:
        self.names: Final = tuple(names)
        self.take: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*self.names)
        hints = get_type_hints(kind)
        kinds = {name: _kind_of(hints[name]) for name in self.names}
        self._codes: Final = tuple(name for name in self.names if _is_code(kinds[name]))
        self._plainers: Final = {
            name: _plainer(kinds[name]) for name in self.names if name not in MACHINERY
        }
        defaults = {f.name: f.default for f in dataclasses.fields(kind)}
        self._all: Final = self.names == tuple(defaults)
        written = tuple(name for name in self.names if name not in MACHINERY)
        self._take_written: Final[Callable[[Any], tuple[Any, ...]]] = attrgetter(*written)
        self._written: Final = tuple(
            (name, defaults[name], self._plainers[name]) for name in written
        )

    def of(self, value: Any) -> dict[str, Any]:
        """All of them by name."""
        if self._all and value.__class__.__dictoffset__:
            known: dict[str, Any] = value.__dict__
            return known.copy()
        return dict(zip(self.names, self.take(value), strict=True))

    def changed(self, before: Any, after: Any) -> dict[str, Any]:
        """Those that differ, as they are after."""
        old, new = self.take(before), self.take(after)
        if old == new:
            return {}
        return {
            name: value
            for name, was, value in zip(self.names, old, new, strict=True)
            if value is not was and value != was
        }

    def stored(self, found: dict[str, Any]) -> dict[str, Any]:
        """The same fields as a row holds them: codes by value. Changes `found` itself."""
        for name in self._codes:
            value = found.get(name)
            if value is not None:
                found[name] = _code(value)
        return found

    def plain(self, found: Mapping[str, Any]) -> dict[str, Plain]:
        """The same fields as JSON holds them, the machinery left out."""
        written: dict[str, Plain] = {}
        for name, value in found.items():
            if name in self._plainers:
                write = self._plainers[name]
                written[name] = value if write is None or value is None else write(value)
        return written

    def whole(self, value: Any) -> dict[str, Plain]:
        """All of them that are not as a new value has them, as JSON holds them."""
        written: dict[str, Plain] = {}
        found = self._take_written(value)
        for (name, default, write), is_now in zip(self._written, found, strict=True):
            if is_now is not default and is_now != default:
                written[name] = is_now if write is None or is_now is None else write(is_now)
        return written


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One kind of row that belongs to a case: the attribute, its value class and its key."""

    attribute: str
    kind: type[Any]
    key: str
    columns: Fields
    readers: Mapping[str, _Convert]
    key_of: Callable[[Any], Any]
    read: Callable[[Sequence[Any]], Any]
    """A value from a row of JSON values in the order of `fields`."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the value class's fields, in order."""
        return self.columns.names


def readers_of(kind: type[Any], fields: tuple[str, ...]) -> dict[str, _Convert]:
    """How each field of a value class is read back from JSON, where that needs anything."""
    hints = get_type_hints(kind)
    found = {name: _reader(_kind_of(hints[name])) for name in fields}
    return {name: reader for name, reader in found.items() if reader is not None}


def _part(attribute: str, kind: type[Any], key: str) -> Part:
    fields = tuple(f.name for f in dataclasses.fields(kind))
    readers = readers_of(kind, fields)
    return Part(
        attribute,
        kind,
        key,
        Fields(kind, fields),
        readers,
        attrgetter(key),
        row_reader(kind, readers),
    )


PARTS: Final = (
    _part("tasks", model.Task, "code"),
    _part("answers", model.Answer, "seq"),
    _part("release_dates", model.ReleaseDate, "seq"),
    _part("stays", model.Stay, "seq"),
    _part("appointments", model.Appointment, "id"),
    _part("transfers", model.Transfer, "id"),
    _part("consents", model.Consent, "seq"),
    _part("due_changes", model.DueChange, "seq"),
    _part("absences", model.Absence, "seq"),
)

NOT_IN_HEAD: Final = frozenset({"id", "version"}) | OF_THE_PERSON | {p.attribute for p in PARTS}
HEAD_FIELDS: Final = tuple(f.name for f in dataclasses.fields(Case) if f.name not in NOT_IN_HEAD)
"""The fields of the case itself that are stored in its row."""

HEAD: Final = Fields(Case, HEAD_FIELDS)
_PARTS_OF: Final[Callable[[Case], tuple[tuple[Any, ...], ...]]] = attrgetter(
    *(part.attribute for part in PARTS)
)
_NOTHING: Final = ((),) * len(PARTS)

HEAD_READERS: Final = readers_of(Case, HEAD_FIELDS)


@dataclasses.dataclass(frozen=True, slots=True)
class PartDelta:
    """What became of the rows of one part: new values, and (key, changed fields) of others."""

    part: Part
    new: list[Any]
    changed: list[tuple[Any, dict[str, Any]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Delta:
    """How a case differs from what it was: changed fields of its row, and parts that changed.

    `whole` is the case itself where it is new; then `head` holds every field.
    """

    whole: Case | None
    head: dict[str, Any]
    parts: list[PartDelta]


def compare(before: Case | None, after: Case) -> Delta:
    """What must be written so that `before` becomes `after`; nothing is ever taken away.

    Raises `ValueError` when something that was there is gone, because no event could say so.
    """
    was = _PARTS_OF(before) if before is not None else _NOTHING
    parts = [
        _compare_part(part, old, new)
        for part, old, new in zip(PARTS, was, _PARTS_OF(after), strict=True)
        if old is not new and old != new
    ]
    if before is None:
        return Delta(after, HEAD.of(after), parts)
    return Delta(None, HEAD.changed(before, after), parts)


def _compare_part(part: Part, was: tuple[Any, ...], now: tuple[Any, ...]) -> PartDelta:
    delta = PartDelta(part, [], [])
    if not _compare_in_place(part, was, now, delta):
        _compare_by_key(part, was, now, delta)
    return delta


def _compare_in_place(
    part: Part, was: tuple[Any, ...], now: tuple[Any, ...], delta: PartDelta
) -> bool:
    """Row by row; False where a row does not stand where it stood. Then nothing is noted."""
    if len(was) != len(now):
        return False
    moved = [(old, new) for old, new in zip(was, now, strict=True) if old is not new]
    keys = [part.key_of(new) for _, new in moved]
    if keys != [part.key_of(old) for old, _ in moved]:
        return False
    for key, (old, new) in zip(keys, moved, strict=True):
        if changed := part.columns.changed(old, new):
            delta.changed.append((key, changed))
    return True


def _compare_by_key(
    part: Part, was: tuple[Any, ...], now: tuple[Any, ...], delta: PartDelta
) -> None:
    old = {part.key_of(value): value for value in was}
    for value in now:
        key = part.key_of(value)
        known = old.pop(key, None)
        if known is None:
            delta.new.append(value)
        elif known is not value and (changed := part.columns.changed(known, value)):
            delta.changed.append((key, changed))
    if old:
        msg = f"{part.attribute} {sorted(old)} disappeared from a case"
        raise ValueError(msg)


def difference(delta: Delta) -> Diff:
    """What an event must hold so that folding it over the case before gives the case after."""
    diff: Diff = {}
    if delta.whole is not None:
        diff["case"] = HEAD.whole(delta.whole)
    elif head := HEAD.plain(delta.head):
        diff["case"] = head
    for each in delta.parts:
        columns = each.part.columns
        rows: dict[str, Any] = {
            str(each.part.key_of(value)): columns.whole(value) for value in each.new
        }
        for key, changed in each.changed:
            if fields := columns.plain(changed):
                rows[str(key)] = fields
        if rows:
            diff[each.part.attribute] = rows
    return diff


def fold(before: Case | None, diff: Mapping[str, Any], *, seq: int) -> Case:
    """The case after an event: `difference` undone. `seq` becomes its version."""
    head = {
        name: HEAD_READERS[name](value) if value is not None and name in HEAD_READERS else value
        for name, value in diff.get("case", {}).items()
    }
    head["version"] = seq
    for part in PARTS:
        if part.attribute in diff:
            was = getattr(before, part.attribute) if before is not None else ()
            head[part.attribute] = _fold_part(was, diff[part.attribute], part)
    if before is None:
        return Case(**head)
    return dataclasses.replace(before, **head)


def _fold_part(was: tuple[Any, ...], rows: Mapping[str, Mapping[str, Any]], part: Part) -> Any:
    readers = part.readers
    left = {
        key: {
            name: readers[name](value) if value is not None and name in readers else value
            for name, value in fields.items()
        }
        for key, fields in rows.items()
    }
    folded = []
    for value in was:
        fields = left.pop(str(getattr(value, part.key)), None)
        folded.append(value if fields is None else dataclasses.replace(value, **fields))
    folded.extend(part.kind(**fields) for fields in left.values())
    return tuple(sorted(folded, key=attrgetter(part.key)))


def in_order(case: Case, before: Case | None = None) -> Case:
    """The case with the rows of every part in the order of their keys: its one written form.

    Parts that are those of `before`, which is in order, need not be looked at.
    """
    sorted_parts: dict[str, Any] = {}
    was = _PARTS_OF(before) if before is not None else _NOTHING
    for part, old, rows in zip(PARTS, was, _PARTS_OF(case), strict=True):
        if rows is not old and len(rows) > 1:
            ordered = tuple(sorted(rows, key=part.key_of))
            if ordered != rows:
                sorted_parts[part.attribute] = ordered
    return dataclasses.replace(case, **sorted_parts) if sorted_parts else case


def without_machinery(case: Case) -> Case:
    """The case as its events can know it: for comparing a fold with what is stored."""
    return dataclasses.replace(
        case,
        id=None,
        wake_at=None,
        told_at=None,
        language="nb",
        protection=model.Protection.UNGRADED,
        reachable=False,
        tasks=tuple(dataclasses.replace(t, wake_at=None, told_at=None) for t in case.tasks),
    )

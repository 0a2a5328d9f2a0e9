"""PURE: a case as plain values, the difference of two cases, and folding differences again.

One description of the shape of a case serves three: the rows that are written, the payload of an
event, and the rebuild of a case from its events. Because the same difference makes the row and
the event, they cannot disagree.

Left out of events: what belongs to the person (language, protection, phone) and what only drives
the sweep (`wake_at`, `told_at`), which the rules can give again at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from operator import attrgetter
from typing import Any, Final, get_args, get_type_hints

from cases import model
from cases.model import Case

Plain = str | int | bool | None
Diff = dict[str, Any]
"""``{"case": {field: value}, "tasks": {key: {field: value}}, …}`` with plain JSON values."""

MACHINERY: Final = frozenset({"wake_at", "told_at"})
OF_THE_PERSON: Final = frozenset({"language", "protection", "reachable"})


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One kind of row that belongs to a case: the attribute, its value class and its key."""

    attribute: str
    kind: type[Any]
    key: str
    fields: tuple[str, ...]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]

    def read(self, row: list[Any]) -> Any:
        """A value from a row of JSON values in the order of `fields`."""
        for position, convert in self.readers:
            if row[position] is not None:
                row[position] = convert(row[position])
        return self.kind(*row)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    kind = kinds[0]
    if kind is datetime:
        return _instant
    if kind is date:
        return date.fromisoformat
    if kind is bool:
        return bool
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        # A dictionary look-up is several times faster than calling the enumeration.
        return {member.value: member for member in kind}.__getitem__
    return None


def readers_of(kind: type[Any], fields: tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    """How each field of a value class is read back from JSON, where that needs anything."""
    hints = get_type_hints(kind)
    found = {name: _reader(hints[name]) for name in fields}
    return {name: reader for name, reader in found.items() if reader is not None}


def _part(attribute: str, kind: type[Any], key: str) -> Part:
    fields = tuple(f.name for f in dataclasses.fields(kind))
    readers = readers_of(kind, fields)
    return Part(
        attribute,
        kind,
        key,
        fields,
        tuple((fields.index(name), reader) for name, reader in readers.items()),
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
)

NOT_IN_HEAD: Final = frozenset({"id", "version"}) | OF_THE_PERSON | {p.attribute for p in PARTS}
HEAD_FIELDS: Final = tuple(f.name for f in dataclasses.fields(Case) if f.name not in NOT_IN_HEAD)
"""The fields of the case itself that are stored in its row."""

HEAD_READERS: Final = readers_of(Case, HEAD_FIELDS)


def plain(value: Any) -> Plain:
    """A field's value as JSON holds it: instants in UTC, codes by value."""
    if value is None or value.__class__ in (str, int, bool):
        return value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value  # type: ignore[no-any-return]


def _changed(
    before: Any, after: Any, fields: Iterable[str], *, leave_out: frozenset[str]
) -> dict[str, Plain]:
    changed: dict[str, Plain] = {}
    for name in fields:
        if name in leave_out:
            continue
        new = getattr(after, name)
        old = getattr(before, name)
        if new is not old and new != old:
            changed[name] = plain(new)
    return changed


_KINDS: Final[tuple[type[Any], ...]] = (Case, *(part.kind for part in PARTS))
_DEFAULTS: Final[dict[type[Any], dict[str, Any]]] = {
    kind: {
        f.name: f.default for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING
    }
    for kind in _KINDS
}


def _whole(value: Any, fields: Iterable[str], *, leave_out: frozenset[str]) -> dict[str, Plain]:
    defaults = _DEFAULTS[type(value)]
    nothing = object()
    return {
        name: plain(found)
        for name in fields
        if name not in leave_out and (found := getattr(value, name)) != defaults.get(name, nothing)
    }


def changed_rows(
    before: Case | None, after: Case, part: Part
) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The new values of one part, and the (old, changed) ones; nothing is ever taken away.

    Raises `ValueError` when something that was there is gone, because no event could say so.
    """
    now = getattr(after, part.attribute)
    was = getattr(before, part.attribute) if before is not None else ()
    if now is was:
        return [], []
    key = part.key
    old = {getattr(value, key): value for value in was}
    new: list[Any] = []
    changed: list[tuple[Any, Any]] = []
    for value in now:
        known = old.pop(getattr(value, key), None)
        if known is None:
            new.append(value)
        elif known is not value and known != value:
            changed.append((known, value))
    if old:
        msg = f"{part.attribute} {sorted(old)} disappeared from a case"
        raise ValueError(msg)
    return new, changed


def difference(before: Case | None, after: Case) -> Diff:
    """What an event must hold so that folding it over `before` gives `after`."""
    diff: Diff = {}
    if before is None:
        diff["case"] = _whole(after, HEAD_FIELDS, leave_out=MACHINERY)
    elif head := _changed(before, after, HEAD_FIELDS, leave_out=MACHINERY):
        diff["case"] = head
    for part in PARTS:
        new, changed = changed_rows(before, after, part)
        if not new and not changed:
            continue
        rows: dict[str, Any] = {}
        for value in new:
            rows[str(getattr(value, part.key))] = _whole(value, part.fields, leave_out=MACHINERY)
        for old, value in changed:
            fields = _changed(old, value, part.fields, leave_out=MACHINERY)
            if fields:
                rows[str(getattr(value, part.key))] = fields
        if rows:
            diff[part.attribute] = rows
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
    readers = {part.fields[position]: reader for position, reader in part.readers}
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


def in_order(case: Case) -> Case:
    """The case with the rows of every part in the order of their keys: its one written form."""
    sorted_parts: dict[str, Any] = {}
    for part in PARTS:
        rows = getattr(case, part.attribute)
        if len(rows) > 1:
            ordered = tuple(sorted(rows, key=attrgetter(part.key)))
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

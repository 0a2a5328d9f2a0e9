"""Loading a case whole, and writing exactly what a verb changed: rows, events, logs, messages.

`write_changes` compares two `Case` values and writes the difference, guarded by `version`; no verb
writes its own UPDATE. Statements are module constants, because building one costs more than
running it. The log chains are sealed last, since on Postgres that locks their heads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    select,
    update,
)

from cases import derived, journal, tables
from cases.access import SYSTEM, Viewer
from cases.model import Case, Protection
from cases.shape import (
    HEAD,
    HEAD_FIELDS,
    HEAD_READERS,
    PARTS,
    Delta,
    Part,
    PartDelta,
    compare,
    difference,
    in_order,
)
from cases.wanted import wanted, why_not
from core.clock import local_date
from core.errors import Conflict
from core.listed import one_of
from core.statement import Prepared
from core.values import filled, replaced
from notifications import outbox

case_ = tables.case_
person = tables.person

PART_TABLES: Final[dict[str, Table]] = {
    "tasks": tables.task,
    "answers": tables.answer,
    "release_dates": tables.release_date,
    "stays": tables.stay,
    "appointments": tables.appointment,
    "transfers": tables.transfer,
    "consents": tables.consent,
    "due_changes": tables.due_change,
    "absences": tables.absence,
}


class Verb(StrEnum):
    """What was done to a case: the name of an event and of its row in the access log."""

    CASE_OPENED = "case_opened"
    ROSTER_UPDATED = "roster_updated"
    TASK_COMPLETED = "task_completed"
    TASK_WAIVED = "task_waived"
    TASK_UNDONE = "task_undone"
    ANSWER_CORRECTED = "answer_corrected"
    ANSWERED = "answered"
    CONSENT_RECORDED = "consent_recorded"
    RELEASE_DATE_SET = "release_date_set"
    RELEASED = "released"
    RELEASE_UNDONE = "release_undone"
    CLOSED = "closed"
    TRANSFER_PROPOSED = "transfer_proposed"
    TRANSFER_ANSWERED = "transfer_answered"
    APPOINTMENT_BOOKED = "appointment_booked"
    APPOINTMENT_OUTCOME = "appointment_outcome"
    APPOINTMENT_MOVED = "appointment_moved"
    CONTACT_RECORDED = "contact_recorded"
    CONTACT_UNDONE = "contact_undone"
    PERSON_CHANGED = "person_changed"
    PERSON_MERGED = "person_merged"
    PERSON_UNMERGED = "person_unmerged"
    UNIT_MERGED = "unit_merged"
    SHORT_FORM = "short_form"
    ABSENCE_RECORDED = "absence_recorded"
    INFORMED_AGAIN = "informed_again"
    REBASED = "rebased"
    ADVANCED = "advanced"


class CaseChanged(Conflict):
    """Somebody else wrote the case between its reading and this writing."""

    message_key = "error.case_changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One verb's change of one case. `happened_at` is when the fact happened.

    `controller` is the kind of the controller the fact belongs to. `undone` says why completions
    were taken back (task → reason code): it stands in the event beside what it changed. A health
    answer is no part of a case's value: where one alone was taken back, `undone` is the change.
    """

    before: Case | None
    after: Case
    verb: Verb
    happened_at: datetime
    controller: str = "correctional"
    undone: Mapping[str, str] | None = None


# --- loading -----------------------------------------------------------------------------------

_HEAD_COLUMNS: Final = [
    (person.c.ref.label("person") if name == "person" else case_.c[name]) for name in HEAD_FIELDS
]


def _rows_of(part: Part, dialect: str) -> Any:
    table = PART_TABLES[part.attribute]
    columns = [table.c[name] for name in part.fields]
    if dialect == "sqlite":
        rows: Any = func.json_group_array(func.json_array(*columns))
    else:
        rows = cast(func.json_agg(func.json_build_array(*columns)), Text)
    return (
        select(rows)
        .where(table.c.case_id == case_.c.id)
        .correlate(case_)
        .scalar_subquery()
        .label(part.attribute)
    )


def _load_statement(dialect: str) -> Select[Any]:
    reachable = exists().where(
        tables.phone.c.person_id == person.c.id, tables.phone.c.state == "usable"
    )
    return select(
        *_HEAD_COLUMNS,
        case_.c.id,
        case_.c.version,
        person.c.language,
        person.c.protection,
        reachable.label("reachable"),
        *(_rows_of(part, dialect) for part in PARTS),
    ).join_from(case_, person)


LOAD: Final = {dialect: _load_statement(dialect) for dialect in ("sqlite", "postgresql")}
"""Selects whole cases; add a WHERE that starts in `visible_cases`."""

_READ_FIELDS: Final = (
    *HEAD_FIELDS,
    *("id", "version", "language", "protection", "reachable"),
    *(part.attribute for part in PARTS),
)
"""The fields of a `Case` in the order of `LOAD`."""

_CODES: Final = tuple(
    (name, HEAD_READERS[name])
    for name in HEAD_FIELDS
    if name in HEAD_READERS and case_.c[name].type.python_type is str
)
"""Codes come back as text; instants and dates are read by their column types."""


_decoded: Final = json.JSONDecoder().raw_decode
"""Without the look for white space around the text: there is none."""


def read_case(row: Sequence[Any]) -> Case:
    """A `Case` from one row of `LOAD`."""
    fields: dict[str, Any] = dict(zip(_READ_FIELDS, row, strict=True))
    for name, convert in _CODES:
        code = fields[name]
        if code is not None:
            fields[name] = convert(code)
    fields["protection"] = _PROTECTIONS[fields["protection"]]
    fields["reachable"] = bool(fields["reachable"])
    for part in PARTS:
        name = part.attribute
        text = fields[name]
        if text is None or text == "[]":
            fields[name] = ()
            continue
        rows = [part.read(values) for values in _decoded(text)[0]]
        if len(rows) > 1:
            rows.sort(key=part.key_of)
        fields[name] = tuple(rows)
    return filled(Case, fields)


_PROTECTIONS: Final = {one.value: one for one in Protection}


# --- writing -----------------------------------------------------------------------------------


def _insert_head() -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in HEAD_FIELDS if name != "person"}
    values["person_id"] = (
        select(person.c.id).where(person.c.ref == bindparam("person")).scalar_subquery()
    )
    for name in ("admitted_on", "released_on", *derived.COLUMNS, "version", "changed_seq"):
        values[name] = bindparam(name)
    return insert(case_).values(values)


_INSERT_HEAD: Final = Prepared(_insert_head())
_ALONG: Final = {"admitted_at": "admitted_on", "released_at": "released_on"}
"""Columns that follow from another: the local dates that counts are made by."""


@lru_cache(maxsize=256)
def _update_head(columns: tuple[str, ...]) -> Prepared:
    """The UPDATE of just these columns of a case; few sets of columns ever occur."""
    written = (*columns, *(_ALONG[name] for name in columns if name in _ALONG))
    return Prepared(
        update(case_)
        .where(case_.c.id == bindparam("b_id"), case_.c.version == bindparam("b_version"))
        .values(
            {name: bindparam(f"b_{name}") for name in written}
            | {"version": bindparam("b_next"), "changed_seq": bindparam("b_changed_seq")}
        )
    )


@lru_cache(maxsize=256)
def _update_part(attribute: str, columns: tuple[str, ...]) -> Prepared:
    """The UPDATE of just these columns of a part's row."""
    table = PART_TABLES[attribute]
    key = next(part.key for part in PARTS if part.attribute == attribute)
    return Prepared(
        update(table)
        .where(table.c.case_id == bindparam("b_case_id"), table.c[key] == bindparam("b_key"))
        .values({name: bindparam(f"b_{name}") for name in columns})
    )


_IDS_OF: Final = Prepared(select(case_.c.ref, case_.c.id).where(one_of(case_.c.ref, "refs")))
_INSERT_PART: Final = {
    part.attribute: Prepared(
        insert(PART_TABLES[part.attribute]).values(
            {name: bindparam(name) for name in ("case_id", *part.fields)}
        )
    )
    for part in PARTS
}


def _head_values(head: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in HEAD.stored(dict(head)).items():
        values[f"{prefix}{name}"] = value
        along = _ALONG.get(name)
        if along is not None:
            values[f"{prefix}{along}"] = local_date(value) if value is not None else None
    return values


def _stamp(now: datetime) -> int:
    """A number that grows with time, by which the newest changed cases are found."""
    return int(now.timestamp() * 1_000_000)


def write_changes(
    tx: Connection,
    before: Case | None,
    after: Case,
    verb: Verb,
    viewer: Viewer,
    *,
    now: datetime,
    happened_at: datetime | None = None,
    controller: str = "correctional",
    undone: Mapping[str, str] | None = None,
) -> Case:
    """Write what differs between two values of one case, its event, log row and messages.

    Returns the case as stored. Raises `CaseChanged` if the stored version is not `before`'s.
    An `after` that equals `before` writes nothing, unless something beside it was taken back.
    """
    change = Change(before, after, verb, happened_at or now, controller, undone)
    return write_many(tx, [change], viewer, now=now)[0]


def write_many(
    tx: Connection,
    changes: Sequence[Change],
    viewer: Viewer,
    *,
    now: datetime,
    also: Sequence[journal.AccessRow] = (),
) -> list[Case]:
    """`write_changes` for many cases at once, in few statements. One change per case.

    `also` are further rows for the access log, sealed together with those of the changes.
    """
    changes = [_ordered(change) for change in changes]
    real = [
        (change, compare(change.before, change.after))
        for change in changes
        if change.undone or change.before != change.after
    ]
    _write_heads(tx, real, now)
    ids = _ids(tx, real)
    _write_parts(tx, real, ids)
    stored = {
        change.after.ref: replaced(
            change.after,
            id=ids[change.after.ref],
            version=(change.before.version if change.before else 0) + 1,
        )
        for change, _ in real
    }
    entries: list[journal.EventRow | journal.AccessRow] = []
    for change, delta in real:
        _sync_messages(tx, change, now)
        diff = difference(delta)
        if change.undone:
            diff["undone"] = dict(change.undone)
        if diff:
            entries.append(_event(change, stored[change.after.ref], diff, viewer, now))
        if viewer is not SYSTEM or diff:
            entries.append(_access(change, viewer, now))
    journal.append(tx, [*entries, *also], now=now)
    return [stored.get(change.after.ref, change.after) for change in changes]


def _ordered(change: Change) -> Change:
    after = in_order(change.after, change.before)
    return change if after is change.after else replaced(change, after=after)


_Real: TypeAlias = Sequence[tuple[Change, Delta]]
"""Changes that change something, each with what it changes."""


def _write_heads(tx: Connection, changes: _Real, now: datetime) -> None:
    stamp = _stamp(now)
    new = [
        _head_values(delta.head)
        | derived.derived(change.after)._asdict()
        | {"version": 1, "changed_seq": stamp}
        for change, delta in changes
        if change.before is None
    ]
    if new:
        _INSERT_HEAD.run_each(tx, new)
    for change, delta in changes:
        if change.before is None:
            continue
        head = delta.head | derived.changed(change.before, change.after)
        values = _head_values(head, "b_")
        values["b_id"] = change.before.id
        values["b_version"] = change.before.version
        values["b_next"] = change.before.version + 1
        values["b_changed_seq"] = stamp
        if _update_head(tuple(head)).run(tx, values) != 1:
            raise CaseChanged(
                f"Case {change.after.ref} was changed by somebody else. Open it again and repeat."
            )


def _ids(tx: Connection, changes: _Real) -> dict[str, int]:
    ids = {c.after.ref: c.before.id for c, _ in changes if c.before is not None and c.before.id}
    new = [c.after.ref for c, _ in changes if c.before is None]
    if new:
        ids |= dict(_IDS_OF.rows(tx, {"refs": new}))
    return ids


def _write_parts(tx: Connection, changes: _Real, ids: Mapping[str, int]) -> None:
    touched: dict[str, list[tuple[int, PartDelta]]] = {}
    for change, delta in changes:
        for each in delta.parts:
            known = touched.setdefault(each.part.attribute, [])
            known.append((ids[change.after.ref], each))
    for part in PARTS:
        if part.attribute in touched:
            _write_part(tx, part, touched[part.attribute])


def _write_part(tx: Connection, part: Part, deltas: Iterable[tuple[int, PartDelta]]) -> None:
    inserts: list[dict[str, Any]] = []
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for case_id, delta in deltas:
        for value in delta.new:
            row = part.columns.stored(part.columns.of(value))
            row["case_id"] = case_id
            inserts.append(row)
        for key, changed in delta.changed:
            stored = part.columns.stored(dict(changed))
            row = {f"b_{name}": value for name, value in stored.items()}
            row["b_key"] = key
            row["b_case_id"] = case_id
            updates.setdefault(tuple(changed), []).append(row)
    # Changed rows first: a transfer must be closed before the next one may be proposed.
    for columns, rows in updates.items():
        _update_part(part.attribute, columns).run_each(tx, rows)
    if inserts:
        _INSERT_PART[part.attribute].run_each(tx, inserts)


def _sync_messages(tx: Connection, change: Change, now: datetime) -> None:
    after = wanted(change.after)
    before = wanted(change.before) if change.before is not None else ()
    if after != before:
        outbox.sync(tx, change.after.ref, after, now=now, why=partial(why_not, change.after))


def _event(
    change: Change, stored: Case, diff: dict[str, Any], viewer: Viewer, now: datetime
) -> journal.EventRow:
    # The unit is the owner when the fact was recorded; a transfer's acceptance belongs to the
    # unit that gave the case away, whose chain it closes.
    owner = change.before.unit if change.before is not None else stored.unit
    return journal.EventRow(
        case_ref=stored.ref,
        seq=stored.version,
        verb=change.verb.value,
        unit=owner,
        controller=change.controller,
        happened_at=change.happened_at,
        recorded_at=now,
        actor=viewer.account,
        payload=diff,
    )


def _access(change: Change, viewer: Viewer, now: datetime) -> journal.AccessRow:
    owner = change.before.unit if change.before is not None else change.after.unit
    return journal.AccessRow(
        scope=owner,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=change.verb.value,
        case_ref=change.after.ref,
    )

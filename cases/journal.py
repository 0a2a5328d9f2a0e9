"""The two append-only logs of the domain, each row sealed into its chain.

`case_event` says what happened to a case; `access_log` who read or did what. Both are chained per
unit and month; what concerns no unit stands in the chain `system`. The MAC covers the text that
`event_text` and `access_text` build from the stored columns, so that verifying needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, Table, insert, select

from cases import look_index
from cases.tables import access_log, case_event
from cases.vault import ring_of
from core import chain
from core.chain_check import StoredRow
from core.clock import local_date, month_of
from core.db import instant_text
from core.statement import Prepared

CASE_EVENT: Final = "case_event"
ACCESS_LOG: Final = "access_log"
SYSTEM_SCOPE: Final = "system"


class EventRow(NamedTuple):
    """A row for `case_event`; `payload` is a difference (`cases.shape`)."""

    case_ref: str
    seq: int
    verb: str
    unit: str
    controller: str
    happened_at: datetime
    recorded_at: datetime
    actor: str
    payload: Mapping[str, Any]


class AccessRow(NamedTuple):
    """A row for `access_log`: one act or one look; a list page names its `subjects`."""

    scope: str
    at: datetime
    actor: str
    role: str
    verb: str
    case_ref: str | None = None
    subjects: tuple[str, ...] = ()


def _but_id(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "id"]


_INSERT_EVENT: Final = Prepared(insert(case_event), columns=_but_id(case_event))
_INSERT_ACCESS: Final = Prepared(insert(access_log), columns=_but_id(access_log))
_INSERT_ACCESS_RETURNING: Final = Prepared(
    insert(access_log).returning(access_log.c.id), columns=_but_id(access_log)
)


def event_text(
    *,
    case_ref: str,
    seq: int,
    verb: str,
    unit: str,
    controller: str,
    local_on: date,
    happened_at: datetime,
    recorded_at: datetime,
    actor: str,
    payload: str,
) -> str:
    """The text of an event that its MAC covers."""
    return chain.canonical(
        [
            case_ref,
            seq,
            verb,
            unit,
            controller,
            local_on.isoformat(),
            instant_text(happened_at),
            instant_text(recorded_at),
            actor,
            payload,
        ]
    )


def access_text(
    *,
    scope: str,
    at: datetime,
    actor: str,
    role: str,
    verb: str,
    case_ref: str | None,
    subjects: str,
) -> str:
    """The text of an access row that its MAC covers; `subjects` as stored."""
    return chain.canonical([scope, instant_text(at), actor, role, verb, case_ref, subjects])


def append(tx: Connection, rows: Sequence[EventRow | AccessRow], *, now: datetime) -> None:
    """Seal and insert rows of both logs. The last act of a transaction, but for COMMIT."""
    if not rows:
        return
    events: list[dict[str, Any]] = []
    looks: list[dict[str, Any]] = []
    entries: list[chain.Entry] = []
    targets: list[dict[str, Any]] = []
    listed: list[tuple[dict[str, Any], tuple[str, ...]]] = []
    for row in rows:
        if isinstance(row, EventRow):
            stored: dict[str, Any] = {
                "case_ref": row.case_ref,
                "seq": row.seq,
                "verb": row.verb,
                "unit": row.unit,
                "controller": row.controller,
                "local_on": local_date(row.happened_at),
                "happened_at": row.happened_at,
                "recorded_at": row.recorded_at,
                "actor": row.actor,
                "payload": chain.canonical(row.payload),
            }
            entries.append(chain.Entry(CASE_EVENT, row.unit, event_text(**stored)))
            events.append(stored)
        else:
            stored = {
                "scope": row.scope,
                "at": row.at,
                "actor": row.actor,
                "role": row.role,
                "verb": row.verb,
                "case_ref": row.case_ref,
                "subjects": chain.canonical(sorted(row.subjects)) if row.subjects else "",
            }
            entries.append(chain.Entry(ACCESS_LOG, row.scope, access_text(**stored)))
            if row.subjects:
                listed.append((stored, row.subjects))
            else:
                looks.append(stored)
        targets.append(stored)
    seals = chain.seal(tx, entries, month=month_of(now), ring=ring_of(tx))
    for stored, sealed in zip(targets, seals, strict=True):
        stored["chain_month"] = sealed.month
        stored["chain_seq"] = sealed.seq
        stored["key_id"] = sealed.key_id
        stored["mac"] = sealed.mac
    if events:
        _INSERT_EVENT.run_each(tx, events)
    if looks:
        _INSERT_ACCESS.run_each(tx, looks)
    for stored, subjects in listed:
        ((access_id,),) = _INSERT_ACCESS_RETURNING.rows(tx, stored)
        look_index.enter(tx, access_id, subjects)


def stored_rows(tx: Connection) -> Iterator[StoredRow]:
    """Every row of both logs as the chain check wants it, streamed."""
    for row in _streamed(tx, _EVENTS_IN_ORDER):
        seal = _seal_of(row)
        yield _stored(CASE_EVENT, row["unit"], seal, event_text(**row))
    for row in _streamed(tx, _LOOKS_IN_ORDER):
        seal = _seal_of(row)
        yield _stored(ACCESS_LOG, row["scope"], seal, access_text(**row))


_EVENTS_IN_ORDER: Final = select(*(c for c in case_event.c if c.name != "id")).order_by(
    case_event.c.unit, case_event.c.chain_month, case_event.c.chain_seq
)
_LOOKS_IN_ORDER: Final = select(*(c for c in access_log.c if c.name != "id")).order_by(
    access_log.c.scope, access_log.c.chain_month, access_log.c.chain_seq
)
_SEAL: Final = ("chain_month", "chain_seq", "key_id", "mac")


def _streamed(tx: Connection, query: Select[Any]) -> Iterator[dict[str, Any]]:
    # Asked of the statement, not of the connection: the next query is not streamed.
    for row in tx.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield dict(row)


def _seal_of(row: dict[str, Any]) -> dict[str, Any]:
    """Take the seal out of a row, so that the text's columns are left."""
    return {name: row.pop(name) for name in _SEAL}


def _stored(log: str, scope: str, seal: Mapping[str, Any], text: str) -> StoredRow:
    return StoredRow(
        log=log,
        scope=scope,
        month=seal["chain_month"],
        seq=seal["chain_seq"],
        key_id=seal["key_id"],
        mac=seal["mac"],
        text=text,
    )

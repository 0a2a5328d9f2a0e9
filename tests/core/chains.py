"""A log for the tests of chains: rows sealed, stored beside their heads, and read back."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, insert, select

from core import chain as chains
from core.append_only import append_only_ddl, purge_permit
from core.chain import Entry, Head, Seal, seal
from core.chain_check import Finding, StoredRow, verify
from core.crypto import KeyRing
from core.db import metadata

RING = KeyRing.derive("a secret that is only good for tests of chains")

_tables = MetaData()
entry_log = Table(
    "entry_log",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("log", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("month", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("key_id", String, nullable=False),
    Column("mac", String, nullable=False),
    Column("text", String, nullable=False),
)


def make_tables(engine: Engine, *, append_only: bool = False) -> None:
    with engine.begin() as tx:
        metadata.create_all(tx, tables=[chains.chain, purge_permit])
        _tables.create_all(tx)
        if append_only:
            for statement in append_only_ddl("entry_log", engine.dialect.name):
                tx.exec_driver_sql(statement)


def write(
    tx: Connection, entries: Iterable[Entry], *, month: str = "2026-09", ring: KeyRing = RING
) -> list[Seal]:
    """Seal and store, as a verb does."""
    rows = list(entries)
    seals = seal(tx, rows, month=month, ring=ring)
    if rows:
        tx.execute(
            insert(entry_log),
            [
                {
                    "log": row.log,
                    "scope": row.scope,
                    "month": given.month,
                    "seq": given.seq,
                    "key_id": given.key_id,
                    "mac": given.mac,
                    "text": row.text,
                }
                for row, given in zip(rows, seals, strict=True)
            ],
        )
    return seals


def stored(tx: Connection) -> list[StoredRow]:
    columns = (
        entry_log.c.log,
        entry_log.c.scope,
        entry_log.c.month,
        entry_log.c.seq,
        entry_log.c.key_id,
        entry_log.c.mac,
        entry_log.c.text,
    )
    return [
        StoredRow(*row)
        for row in tx.execute(select(*columns).order_by(entry_log.c.seq, entry_log.c.id))
    ]


def check(tx: Connection, *, ring: KeyRing = RING) -> list[Finding]:
    return verify(stored(tx), chains.read_heads(tx), ring)


def head_of(heads: Iterable[Head], month: str) -> Head:
    return next(head for head in heads if head.month == month)

"""Tamper-evident logs: every row carries a MAC over its stored text and over the row before it.

A log has one chain per scope and month. The head of a chain is a row of table `chain`: how many
rows it has and the MAC of the last one, itself under a MAC. A closed month's head starts the next
month, so that a whole month may be purged and everything that stays still verifies. Who can write
the database but lacks the key cannot change, add, drop or swap a row, nor turn a head back,
unseen; putting back an older copy of rows *and* heads is only seen against a head kept elsewhere
(printed on reports, or in a backup).

Works on strings only; what a log or a scope means is the caller's business. Call `seal` as the
last act before COMMIT but for the inserts of the sealed rows: on Postgres it locks the heads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from core.crypto import KeyRing, keyed_hash
from core.db import metadata
from core.errors import OverlevError
from core.statement import Prepared

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


class BrokenChain(OverlevError):
    """The heads are not as `seal` left them; nothing can be added to that chain."""

    message_key = "error.broken_chain"


GENESIS: Final = "0" * 64
"""What stands before the first row of the first month of a chain."""

chain: Final = Table(
    "chain",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("log", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("month", String(7), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("start_mac", String(64), nullable=False),
    Column("seq", Integer, nullable=False, comment="number of rows so far; the first row is 1"),
    Column(
        "mac", String(64), nullable=False, comment="of the last row; start_mac if there is none"
    ),
    Column("key_id", String, nullable=False, comment="key of head_mac"),
    Column("head_mac", String(64), nullable=False, comment="over all of this row"),
    UniqueConstraint("log", "scope", "month"),
)
Index(
    "ux_chain_open",
    chain.c.log,
    chain.c.scope,
    unique=True,
    # SQLite uses a partial index only where the query says it in the same words.
    sqlite_where=text("open = 1"),
    postgresql_where=text("open"),
)


class Entry(NamedTuple):
    """A row to be sealed: `text` is exactly what will be stored."""

    log: str
    scope: str
    text: str


class Seal(NamedTuple):
    """What to store beside the row: its place in the chain and its MAC (64 hex characters).

    `month` may be later than asked for: a clock that went back does not reopen a month.
    """

    month: str
    seq: int
    key_id: str
    mac: str


@dataclass(frozen=True, slots=True)
class Head:
    """A row of table `chain`: the state of one month of a chain."""

    log: str
    scope: str
    month: str
    open: bool
    start_mac: str
    seq: int
    mac: str
    key_id: str
    head_mac: str


def canonical(value: Json) -> str:
    """The one way a value is written: JSON with sorted keys, no spaces, letters as themselves.

    Times must come as text (the caller knows the zone); dates, sets, bytes and NaN are refused
    with `TypeError` or `ValueError`.
    """
    return _CANONICAL.encode(value)


def row_mac(secret: bytes, before: str, entry: Entry, month: str, seq: int) -> str:
    """HMAC-SHA256 of a row behind the row whose MAC is `before`; lengths make it unambiguous."""
    log, scope, body = entry.log, entry.scope, entry.text
    framed = (
        f"row1 {len(before)}:{before}{len(log)}:{log}{len(scope)}:{scope}"
        f"{len(month)}:{month}{seq}:{body}"
    )
    return keyed_hash(secret, framed.encode()).hex()


def head_mac(
    secret: bytes,
    *,
    log: str,
    scope: str,
    month: str,
    is_open: bool,
    start_mac: str,
    seq: int,
    mac: str,
) -> str:
    """HMAC-SHA256 over a whole head, so that it cannot be turned back to an earlier row."""
    framed = (
        f"head1 {len(log)}:{log}{len(scope)}:{scope}{len(month)}:{month}"
        f"{len(start_mac)}:{start_mac}{len(mac)}:{mac}{int(is_open)}{seq}"
    )
    return keyed_hash(secret, framed.encode()).hex()


def seal(tx: Connection, entries: Sequence[Entry], *, month: str, ring: KeyRing) -> list[Seal]:
    """Give every entry its place and MAC, in order, and move the heads; `month` is `YYYY-MM`.

    Two statements when the open heads exist; a head of an earlier month is closed and the next
    month begins. A chain that has no head yet gets one. The caller inserts
    the sealed rows in the same transaction.
    """
    if _MONTH.fullmatch(month) is None:
        raise ValueError("a month is written YYYY-MM")
    if not entries:
        return []
    heads = _lock_heads(tx, sorted({(one.log, one.scope) for one in entries}), month, ring)
    written: list[dict[str, object]] = []
    for head in heads.values():
        if head.month < month:
            # Before the next month begins: only one head of a chain is open.
            written.append(head.row(ring, is_open=False))
            head.begin(month)
    seals: list[Seal] = []
    key_id, secret = ring.mac.id, ring.mac.secret
    for entry in entries:
        head = heads[entry.log, entry.scope]
        head.seq += 1
        head.mac = row_mac(secret, head.mac, entry, head.month, head.seq)
        seals.append(Seal(head.month, head.seq, key_id, head.mac))
    written += [head.row(ring, is_open=True) for head in heads.values()]
    begun = any(head.id is None for head in heads.values())
    statement = _MOVE_OR_BEGIN[tx.dialect.name] if begun else _MOVE
    if statement.run_each(tx, written) != len(written):
        raise BrokenChain("a month of a log is over and would begin: run `overlev audit verify`")
    return seals


def read_heads(tx: Connection) -> list[Head]:
    """Every head, in order of log, scope and month."""
    return [Head(*row) for row in tx.execute(_ALL_HEADS)]


@dataclass(slots=True)
class _MovingHead:
    """An open head while entries are added to it in memory; `id` is None until it is stored."""

    id: int | None
    log: str
    scope: str
    month: str
    start_mac: str
    seq: int
    mac: str

    def begin(self, month: str) -> None:
        """Become the head of the next month, which starts where this one ended."""
        self.id = None
        self.month = month
        self.start_mac = self.mac
        self.seq = 0

    def row(self, ring: KeyRing, *, is_open: bool) -> dict[str, object]:
        """The parameters of `_MOVE` and of `_MOVE_OR_BEGIN`."""
        key = ring.mac
        return {
            "head": self.id,
            "log": self.log,
            "scope": self.scope,
            "month": self.month,
            "is_open": is_open,
            "start_mac": self.start_mac,
            "last_seq": self.seq,
            "last_mac": self.mac,
            "signed_by": key.id,
            "signed": head_mac(
                key.secret,
                log=self.log,
                scope=self.scope,
                month=self.month,
                is_open=is_open,
                start_mac=self.start_mac,
                seq=self.seq,
                mac=self.mac,
            ),
        }


_Chain: TypeAlias = tuple[str, str]


def _lock_heads(
    tx: Connection, chains: list[_Chain], month: str, ring: KeyRing
) -> dict[_Chain, _MovingHead]:
    """The open heads of `chains` (sorted), locked on Postgres; missing ones are made first."""
    for _ in range(_LOOKS):
        heads = _open_heads(tx, chains)
        if len(heads) == len(chains):
            return heads
        missing = [
            _MovingHead(None, log, scope, month, GENESIS, 0, GENESIS).row(ring, is_open=True)
            for log, scope in chains
            if (log, scope) not in heads
        ]
        # Somebody else may make the same head, or the next month's, at this moment: theirs stands,
        # and a new statement sees and locks it, unless its month ends while it waits for the lock.
        tx.execute(_BEGIN_IF_NONE[tx.dialect.name], missing)
    raise BrokenChain("a log chain has lost its open head: run `overlev audit verify`")


def _open_heads(tx: Connection, chains: list[_Chain]) -> dict[_Chain, _MovingHead]:
    if len(chains) <= len(_OPEN_HEADS):
        asked: dict[str, object] = {}
        for at, (log, scope) in enumerate(chains):
            asked[f"log_{at}"] = log
            asked[f"scope_{at}"] = scope
        rows: Iterable[Sequence[Any]] = _OPEN_HEADS[len(chains) - 1].rows(tx, asked)
    else:
        rows = tx.execute(_OPEN_HEADS_OF_MANY, {"chains": chains})
    return {(row[1], row[2]): _MovingHead(*row) for row in rows}


_LOOKS: Final = 4
"""How often heads are looked for: each further look needs somebody else to make or end a month."""

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_CANONICAL: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)

_MOVING: Final = (
    chain.c.id,
    chain.c.log,
    chain.c.scope,
    chain.c.month,
    chain.c.start_mac,
    chain.c.seq,
    chain.c.mac,
)


def _select_open(count: int) -> Prepared:
    # Written out for few chains: a bound list is expanded anew at every call.
    wanted = or_(
        *(
            and_(chain.c.log == bindparam(f"log_{at}"), chain.c.scope == bindparam(f"scope_{at}"))
            for at in range(count)
        )
    )
    return Prepared(
        select(*_MOVING)
        .where(chain.c.open, wanted)
        .order_by(chain.c.log, chain.c.scope)
        .with_for_update()
    )


_OPEN_HEADS: Final = tuple(_select_open(count) for count in range(1, 5))
_OPEN_HEADS_OF_MANY: Final = (
    select(*_MOVING)
    .where(
        chain.c.open, tuple_(chain.c.log, chain.c.scope).in_(bindparam("chains", expanding=True))
    )
    .order_by(chain.c.log, chain.c.scope)
    .with_for_update()
)
# Where no month begins every head stays open: to say so anew would write the index of open ones.
_MOVE: Final = Prepared(
    update(chain)
    .where(chain.c.id == bindparam("head"))
    .values(
        seq=bindparam("last_seq"),
        mac=bindparam("last_mac"),
        key_id=bindparam("signed_by"),
        head_mac=bindparam("signed"),
    )
)
_MOVING_COLUMNS: Final = ("open", "seq", "mac", "key_id", "head_mac")
_BEGUN: Final[dict[str, Any]] = {
    "log": bindparam("log"),
    "scope": bindparam("scope"),
    "month": bindparam("month"),
    "open": bindparam("is_open"),
    "start_mac": bindparam("start_mac"),
    "seq": bindparam("last_seq"),
    "mac": bindparam("last_mac"),
    "key_id": bindparam("signed_by"),
    "head_mac": bindparam("signed"),
}
_CHAIN_OF_MONTH: Final = (chain.c.log, chain.c.scope, chain.c.month)


def _move_or_begin(begin: Any) -> Prepared:
    return Prepared(
        begin.on_conflict_do_update(
            index_elements=_CHAIN_OF_MONTH,
            set_={name: begin.excluded[name] for name in _MOVING_COLUMNS},
            where=chain.c.open,  # a month that is over does not begin again
        )
    )


_BEGINNING: Final[dict[str, Any]] = {
    "sqlite": sqlite.insert(chain).values(_BEGUN),
    "postgresql": postgresql.insert(chain).values(_BEGUN),
}
_MOVE_OR_BEGIN: Final = {name: _move_or_begin(begin) for name, begin in _BEGINNING.items()}
"""One statement for the last head of a month and the first of the next."""

_BEGIN_IF_NONE: Final = {name: begin.on_conflict_do_nothing() for name, begin in _BEGINNING.items()}
_ALL_HEADS: Final = select(
    chain.c.log,
    chain.c.scope,
    chain.c.month,
    chain.c.open,
    chain.c.start_mac,
    chain.c.seq,
    chain.c.mac,
    chain.c.key_id,
    chain.c.head_mac,
).order_by(chain.c.log, chain.c.scope, chain.c.month)

"""Verifying log chains: which rows and heads are not what was sealed, and where.

Pure: rows and heads come in, findings go out. Both must be read in one snapshot (one read
transaction), or a row that is written meanwhile looks like a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final, TypeAlias

from core.chain import GENESIS, Entry, Head, head_mac, row_mac
from core.crypto import KeyRing


class Fault(StrEnum):
    """What was found. Only `PURGED` is not a sign of tampering."""

    ALTERED = "altered"
    MISSING = "missing"
    OUT_OF_PLACE = "out_of_place"
    UNKNOWN_KEY = "unknown_key"
    HEAD_ALTERED = "head_altered"
    HEAD_MISSING = "head_missing"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it stands in its log table, with the seal beside it."""

    log: str
    scope: str
    month: str
    seq: int
    key_id: str
    mac: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `seq` is the row's place where it is about a row."""

    fault: Fault
    log: str
    scope: str
    month: str
    seq: int | None
    detail: str

    @property
    def tampered(self) -> bool:
        return self.fault is not Fault.PURGED

    def __str__(self) -> str:
        place = "" if self.seq is None else f" row {self.seq}"
        return f"{self.log}/{self.scope}/{self.month}{place}: {self.fault}: {self.detail}"


_ChainMonth: TypeAlias = tuple[str, str, str]
_UNKNOWABLE: Final = ""


def verify(rows: Iterable[StoredRow], heads: Iterable[Head], ring: KeyRing) -> list[Finding]:
    """Check every row against its chain and every chain against its head.

    `rows` come with `seq` ascending inside each (log, scope, month), chains mixed as they like;
    they are streamed, memory grows with the heads only. A month whose rows are all gone, but whose
    head stands and starts the next month, is reported as `purged`; the caller knows whether
    retention did that. A chain that lost all rows and all heads leaves nothing to find: the caller
    compares with the scopes it knows.
    """
    ordered = sorted(heads, key=attrgetter("log", "scope", "month"))
    walks = {(head.log, head.scope, head.month): _Walk(head, ring) for head in ordered}
    for row in rows:
        place = (row.log, row.scope, row.month)
        walk = walks.get(place)
        if walk is None:
            walk = walks[place] = _Walk(None, ring)
        walk.take(row)
    findings: list[Finding] = []
    following = _starts_of_next(ordered)
    for place, walk in sorted(walks.items()):
        findings += walk.finish(place, following.get(place))
    for _, months in groupby(ordered, key=attrgetter("log", "scope")):
        findings += _links(list(months), ring)
    return sorted(findings, key=lambda one: (one.log, one.scope, one.month, one.seq or 0))


class _Walk:
    """Follows one month of a chain, row by row."""

    def __init__(self, head: Head | None, ring: KeyRing) -> None:
        self._head = head
        self._ring = ring
        self._before = head.start_mac if head is not None else _UNKNOWABLE
        self._seq = 0
        self._rows = 0
        self._found: list[tuple[Fault, int | None, str]] = []

    def take(self, row: StoredRow) -> None:
        self._rows += 1
        if row.seq <= self._seq:
            self._add(Fault.OUT_OF_PLACE, row.seq, "a second row in this place, or out of order")
            return
        if self._head is not None and row.seq > self._head.seq:
            self._add(Fault.OUT_OF_PLACE, row.seq, "behind the last row the head knows")
        if row.seq > self._seq + 1:
            self._add(Fault.MISSING, self._seq + 1, f"rows {self._seq + 1} to {row.seq - 1} gone")
            # What stood before this row is gone with it, so this row's own MAC cannot be tried.
            self._before = _UNKNOWABLE
        if not self._ring.holds(row.key_id):
            self._add(Fault.UNKNOWN_KEY, row.seq, f"sealed with key {row.key_id}, not in the ring")
        elif self._before != _UNKNOWABLE and not self._holds(row):
            self._add(Fault.ALTERED, row.seq, "the text, its place or its seal was changed")
        self._seq = row.seq
        self._before = row.mac

    def _holds(self, row: StoredRow) -> bool:
        secret = self._ring.key(row.key_id).secret
        entry = Entry(row.log, row.scope, row.text)
        made = row_mac(secret, self._before, entry, row.month, row.seq)
        return made == row.mac

    def finish(self, place: _ChainMonth, next_start: str | None) -> Iterator[Finding]:
        head = self._head
        if head is None:
            self._add(Fault.HEAD_MISSING, None, f"{self._rows} rows without a head")
        elif self._rows == 0 and head.seq > 0:
            if not head.open and next_start == head.mac:
                self._add(Fault.PURGED, None, f"all {head.seq} rows gone, head kept")
            else:
                self._add(Fault.MISSING, 1, f"all {head.seq} rows gone")
        elif self._seq < head.seq:
            self._add(Fault.MISSING, self._seq + 1, f"rows {self._seq + 1} to {head.seq} gone")
        elif self._seq == head.seq and self._before != head.mac:
            self._add(Fault.HEAD_ALTERED, None, "the head is not that of the last row")
        for fault, seq, detail in self._found:
            yield Finding(fault, *place, seq, detail)

    def _add(self, fault: Fault, seq: int | None, detail: str) -> None:
        self._found.append((fault, seq, detail))


def _starts_of_next(ordered: list[Head]) -> dict[_ChainMonth, str]:
    """Where the month after each one starts, for heads that have a next month."""
    starts: dict[_ChainMonth, str] = {}
    for head, after in pairwise(ordered):
        if (head.log, head.scope) == (after.log, after.scope):
            starts[head.log, head.scope, head.month] = after.start_mac
    return starts


def _links(months: list[Head], ring: KeyRing) -> Iterator[Finding]:
    """Check the heads of one chain (in order of month) by themselves and against each other."""
    before = GENESIS
    for head in months:
        if not ring.holds(head.key_id):
            yield _about(head, Fault.UNKNOWN_KEY, f"signed with key {head.key_id}, not in the ring")
        elif not _signed(head, ring):
            yield _about(head, Fault.HEAD_ALTERED, "the head was changed")
        if head.start_mac != before:
            yield _about(head, Fault.HEAD_MISSING, "does not begin where the month before it ended")
        before = head.mac
        last = head is months[-1]
        if head.open and not last:
            yield _about(head, Fault.HEAD_ALTERED, "open, though a later month has begun")
        if last and not head.open:
            yield _about(head, Fault.HEAD_MISSING, "closed, and the month after it has no head")


def _signed(head: Head, ring: KeyRing) -> bool:
    made = head_mac(
        ring.key(head.key_id).secret,
        log=head.log,
        scope=head.scope,
        month=head.month,
        is_open=head.open,
        start_mac=head.start_mac,
        seq=head.seq,
        mac=head.mac,
    )
    return made == head.head_mac


def _about(head: Head, fault: Fault, detail: str) -> Finding:
    return Finding(fault, head.log, head.scope, head.month, None, detail)

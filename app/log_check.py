"""`audit verify`: both logs against their chains, and what else must be true of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, select

from cases import look_index
from cases.journal import ACCESS_LOG, CASE_EVENT, SYSTEM_SCOPE, stored_rows
from cases.tables import access_listed, access_log, access_subject, case_
from core.chain import Head, read_heads
from core.chain_check import Fault, Finding, StoredRow, verify
from core.crypto import KeyRing
from core.db import Database
from reports.report import snapshot

SUBJECTS: Final = "access_subject"


@dataclass(slots=True)
class Verified:
    """How many rows and chains were looked at, and what was found."""

    rows: Counter[str] = field(default_factory=Counter)
    chains: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def tampered(self) -> list[Finding]:
        """What is wrong; a month that retention purged is not."""
        return [finding for finding in self.findings if finding.tampered]


def verify_logs(db: Database, ring: KeyRing) -> Verified:
    """Check both logs over all their chains, in one snapshot, streaming the rows."""
    found = Verified()
    with snapshot(db) as tx:
        heads = read_heads(tx)
        found.chains = len({(head.log, head.scope) for head in heads})
        found.findings += verify(_counted(stored_rows(tx), found), heads, ring)
        found.findings += _lost_chains(tx, heads)
        found.findings += _subjects(tx, found)
    return found


def _counted(rows: Iterator[StoredRow], found: Verified) -> Iterator[StoredRow]:
    for row in rows:
        found.rows[row.log] += 1
        yield row


def _lost_chains(tx: Connection, heads: list[Head]) -> Iterator[Finding]:
    """Chains that must be there: of a chain that lost every row and head nothing else tells."""
    there = {(head.log, head.scope) for head in heads}
    admitting = tx.execute(select(case_.c.admitted_unit).distinct().order_by(case_.c.admitted_unit))
    wanted = [(ACCESS_LOG, SYSTEM_SCOPE)]
    wanted += [(log, unit) for unit in admitting.scalars() for log in (CASE_EVENT, ACCESS_LOG)]
    for log, scope in wanted:
        if (log, scope) not in there:
            yield Finding(Fault.HEAD_MISSING, log, scope, "", None, "the whole chain is gone")


def _subjects(tx: Connection, found: Verified) -> Iterator[Finding]:
    """The rows by which a person's log is found must say what the sealed text says."""
    listed: Iterator[Any] = iter(
        tx.execute(
            select(access_subject.c.access_id, access_subject.c.case_ref).order_by(
                access_subject.c.access_id, access_subject.c.case_ref
            ),
            execution_options={"yield_per": 1000},
        )
    )
    row = next(listed, None)
    up_to = tx.execute(select(access_listed.c.up_to)).scalar_one_or_none() or 0
    looks = tx.execute(
        select(
            access_log.c.id,
            access_log.c.scope,
            access_log.c.chain_month,
            access_log.c.chain_seq,
            access_log.c.subjects,
        ).order_by(access_log.c.id),
        execution_options={"yield_per": 1000},
    )
    for look in looks:
        named: set[str] = set()
        while row is not None and row.access_id <= look.id:
            found.rows[SUBJECTS] += 1
            named.add(row.case_ref)
            row = next(listed, None)
        sealed = _sealed(look.subjects)
        if sealed is None:
            said = "what is sealed is no list"
        else:
            # Entries are made for all of a list at once, so some of them are never waited for.
            waits = not named and look.id > up_to and look_index.is_for_later(tx, len(sealed))
            if named == sealed or waits:
                continue
            differ = len(sealed ^ named)
            said = f"{len(sealed)} cases are sealed, {len(named)} listed, {differ} differ"
        yield Finding(Fault.ALTERED, SUBJECTS, look.scope, look.chain_month, look.chain_seq, said)


def _sealed(subjects: str | None) -> set[str] | None:
    """The cases that a look names; None where nobody can read them."""
    try:
        return set(json.loads(subjects)) if subjects else set()
    except (TypeError, ValueError):
        return None

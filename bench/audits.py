"""Verifying the log chains: every row's MAC computed anew."""

from __future__ import annotations

import hmac
from typing import Final

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, profile
from bench.places import Place
from bench.run import Run
from cases import journal
from cases.access import OPERATOR
from cases.vault import ring_of
from core import chain, chain_check

LOOKS: Final = 20_000
TOGETHER: Final = 500
ROUNDS: Final = 5


def audits(run: Run) -> Outcome:
    """CPU a row, beside reading the rows and one bare MAC over each."""
    outcome = Outcome()
    for engine in run.engines:
        place = run.stock.open(engine)
        _look(place, 2_000 if run.quick else LOOKS)
        rows = _bare(place)
        ours, bare = Batches(rows), Batches(rows)
        for _ in range(ROUNDS):
            with ours.one():
                _verify(place)
            with bare.one():
                _bare(place)
        outcome.lines.append(
            Line.of(
                f"audit verify, {engine}, CPU a row",
                ours,
                "µs",
                limit=bare,
                said=f"{rows:,} rows, {1 / ours.wall:,.0f} rows/s",
            )
        )
        if run.profile:
            outcome.profiles[f"audit verify, {engine}"] = profile(
                lambda place=place: _verify(place),  # type: ignore[misc]
                actions=rows,
            )
        run.places.drop(place)
    return outcome


def _look(place: Place, number: int) -> None:
    for start in range(0, number, TOGETHER):
        looks = [
            journal.AccessRow("bergen", NOW, OPERATOR.account, "operator", "case_read", f"ref{n}")
            for n in range(start, start + TOGETHER)
        ]
        with place.db.write() as tx:
            journal.append(tx, looks, now=NOW)


def _verify(place: Place) -> None:
    with place.db.read() as tx:
        found = chain_check.verify(journal.stored_rows(tx), chain.read_heads(tx), ring_of(tx))
    if any(finding.tampered for finding in found):
        raise RuntimeError(f"the logs of a benchmark do not verify: {found[:3]}")


def _bare(place: Place) -> int:
    raw = place.raw()
    rows = 0
    for question in ("SELECT * FROM case_event", "SELECT * FROM access_log"):
        for row in raw.execute(question):
            hmac.digest(b"k" * 32, repr(row).encode(), "sha256")
            rows += 1
    raw.close()
    return rows

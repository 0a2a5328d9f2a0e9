"""A roster of a hundred thousand people imported: the first time, and again unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from bench.clock import NOW
from bench.measure import Batches, Line, Outcome, metered, profile
from bench.people import write_roster
from bench.places import Place
from bench.recording import Replay, recorded
from bench.run import Run
from cases.access import OPERATOR
from cases.roster import import_roster
from cases.tables import unit
from core.clock import local_date

ROWS: Final = 100_000
SECONDS: Final = 60.0
MEGABYTES: Final = 300.0
WHY: Final = """\
Why the time is missed: a new person is some twenty-two rows in the domain database, ten of them
tasks, and a key in the key store. The driver alone, given those rows ready, needs most of what the
goal allows. Beside it stand fourteen keyed hashes, three encryptions, the plan and the first rungs
of ten tasks, the event, and its place and the log row's in their chains; none of them has a tenth
of the time. Reading the file is no part of it: that is done beside, in the child."""

SAMPLE: Final = 2_000
"""Rows of which the driver alone writes what an import writes."""


def importing(run: Run) -> Outcome:
    """CPU and memory of an import, and the same file again."""
    outcome = Outcome(why=WHY)
    for engine in run.engines:
        rows = 2_000 if run.quick else ROWS if engine == "sqlite" and run.full else 20_000
        place = run.places.new(engine)
        roster = run.places.folder / f"{engine}-{rows}.csv"
        _write(place, roster, rows)
        share = _driver(run, engine, outcome, profiled=run.profile or engine == "sqlite")
        place.close()
        fresh = _import(place, roster)
        again = _import(place, roster)
        if (fresh["created"], again["unchanged"]) != (rows, rows):
            raise RuntimeError(f"of {rows} rows: first {fresh}, then {again}")
        _tell(outcome, f"import, {engine}, {rows:,} new rows", fresh, rows, share)
        _tell(outcome, f"import, {engine}, {rows:,} rows again", again, rows, None)
        run.places.drop(place)
    return outcome


def _tell(
    outcome: Outcome, name: str, took: dict[str, Any], rows: int, share: float | None
) -> None:
    outcome.lines += [
        Line(
            f"{name}, CPU",
            took["cpu"],
            "s",
            None if share is None else share * rows,
            SECONDS * rows / ROWS,
            f"beside it {took['child_cpu']:.1f} s in the parsing child; wall {took['wall']:.0f} s; "
            f"strain {took['strain']:.2f}",
            took["cpu"] / took["strain"],
        ),
        Line(
            f"{name}, peak memory",
            (took["peak"] + took["child_peak"]) / 1024,
            "MB",
            goal=MEGABYTES,
            said=f"parent {took['peak'] / 1024:.0f} MB, child {took['child_peak'] / 1024:.0f} MB",
        ),
    ]


def _driver(run: Run, engine: str, outcome: Outcome, *, profiled: bool) -> float:
    """Seconds of CPU a row for the driver writing the same rows to the domain database."""
    place = run.places.new(engine)
    roster = run.places.folder / f"{engine}-sample.csv"
    _write(place, roster, SAMPLE)
    empty = run.places.copy(place)
    place = run.places.reopened(place)
    with recorded(place.db) as recording, metered() as ours:
        import_roster(place.db, roster, OPERATOR, now=NOW, demo=True)
    bare = Batches(SAMPLE)
    replay = Replay(empty, recording)
    with bare.one():
        replay.run()
    replay.close()
    outcome.lines.append(
        Line(
            f"import, {engine}, CPU a row",
            1e6 * ours.cpu / SAMPLE,
            "µs",
            1e6 * bare.cpu,
            said="the parent; the limit writes the rows of the domain database",
        )
    )
    if profiled:
        more = run.places.folder / f"{engine}-more.csv"
        _write(place, more, SAMPLE + 1)
        fresh = run.places.new(engine)
        outcome.profiles[f"import, {engine}"] = profile(
            lambda: import_roster(fresh.db, more, OPERATOR, now=NOW, demo=True), actions=SAMPLE + 1
        )
    return bare.cpu


def _write(place: Place, roster: Path, rows: int) -> None:
    with place.db.read() as tx:
        units = list(tx.execute(select(unit.c.code).order_by(unit.c.code)).scalars())
    write_roster(roster, rows, units, today=local_date(NOW))


def _import(place: Place, roster: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.import_once", place.url, str(place.keys_file), str(roster)],
        check=True,
        capture_output=True,
        text=True,
    )
    took: dict[str, Any] = json.loads(done.stdout)
    return took

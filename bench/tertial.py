"""The figures of a tertial, nation with regions and units, among ten thousand cases a year.

CPU is that of this process and, on Postgres, of the server process that answers it.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, event, func, select

from bench.clock import NOW
from bench.measure import Line, Outcome, profile
from bench.places import Place
from bench.population import multiply, past_stays, play
from bench.run import Run
from cases.tables import case_
from reports.indicators import count_now
from reports.tertial import Period, Question

PERIODS: Final = ("2026-T2", "2026-T1")
"""The newest one that is over, and one further back, where more has changed since."""

GOALS: Final = {1: 150.0, 10: 2_000.0}
"""ms of CPU, by years of cases."""

A_YEAR: Final = {1: 10_000, 10: 100_000}
ROUNDS: Final = 7
WARMING: Final = 2


def tertial(run: Run) -> Outcome:
    """CPU of all indicators on both engines, beside the driver alone asking the same questions."""
    outcome = Outcome()
    for engine in run.engines:
        for years in (1, 10) if run.full else (1,):
            place = run.places.new(engine)
            chance = random.Random(1)
            play(place, past_stays(200 if run.quick else 1_000, chance, years=years), chance)
            _multiplied(place, years * A_YEAR[years])
            place = run.places.reopened(place)
            for period in PERIODS:
                _measure(run, place, Question(Period.parse(period), NOW), years, outcome)
            place.close()
    return outcome


def _multiplied(place: Place, wanted: int) -> None:
    with place.db.read() as tx:
        played = _cases(tx)
        still_open = tx.execute(
            select(func.count()).select_from(case_).where(case_.c.phase != "closed")
        ).scalar_one()
    multiply(place, round(still_open * wanted / played))


def _cases(tx: Connection) -> int:
    found: int = tx.execute(select(func.count()).select_from(case_)).scalar_one()
    return found


def _measure(run: Run, place: Place, question: Question, years: int, outcome: Outcome) -> None:
    with place.db.read() as tx:
        server = _server(tx)
        asked = _asked(tx, question)
        ours = [_cost(server, lambda: count_now(tx, question).report(question)) for _ in _rounds()]
        raw: Any = tx.connection.dbapi_connection
        bare = [_cost(server, lambda: _ask(raw, asked)) for _ in _rounds()]
        cpu = 1e3 * median(ours[WARMING:])
        name = f"tertial, {place.engine}, {_cases(tx):,} cases, {question.period}"
        outcome.lines.append(
            Line(
                f"{name}, CPU",
                cpu,
                "ms",
                1e3 * median(bare[WARMING:]),
                GOALS[years],
                f"{len(asked)} statements",
            )
        )
        if cpu > GOALS[years] or run.profile:
            outcome.profiles[name] = profile(
                lambda: count_now(tx, question).report(question), actions=1
            )


def _rounds() -> range:
    return range(WARMING + ROUNDS)


def _asked(tx: Connection, question: Question) -> list[tuple[str, Any]]:
    """The statements of a count with their parameters, as the driver gets them."""
    asked: list[tuple[str, Any]] = []

    def executed(_c: Any, _u: Any, statement: str, given: Any, *_more: Any) -> None:
        asked.append((statement, given))

    event.listen(tx, "before_cursor_execute", executed)
    count_now(tx, question)
    event.remove(tx, "before_cursor_execute", executed)
    return asked


def _ask(raw: Any, asked: list[tuple[str, Any]]) -> None:
    cursor = raw.cursor()
    for statement, given in asked:
        cursor.execute(statement, given)
        cursor.fetchall()
    cursor.close()


def _server(tx: Connection) -> Path | None:
    """Where the kernel tells the CPU of the server process that answers, None on SQLite."""
    if tx.dialect.name == "sqlite":
        return None
    return Path(f"/proc/{tx.exec_driver_sql('SELECT pg_backend_pid()').scalar_one()}/stat")


def _cost(server: Path | None, work: Any) -> float:
    """Seconds of CPU of some work, here and in the server process."""
    there, here = _ticks(server), time.process_time()
    work()
    return time.process_time() - here + _ticks(server) - there


def _ticks(server: Path | None) -> float:
    if server is None:
        return 0.0
    # The name of the process may hold spaces; user and system time are the 14th and 15th field.
    fields = server.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

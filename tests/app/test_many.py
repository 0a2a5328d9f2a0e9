"""Many machines: two workers and two webs on one Postgres, each with a data folder of its own.

What is due fires once, also where a worker sleeps in the middle of a batch and wakes up later; a
database that is killed comes back, and nothing that was acknowledged is lost.

`OVERLEV_TEST_RUNGS=10000` lets that many rungs be due, a worker sleep for 30 s, and the database be
killed ten times; without it some hundred, and once. There are more cases than a chunk has tasks:
who sweeps has its cases locked, and the other worker must find cases of its own.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from core.db import SLEEPING_AFTER
from tests import postgres
from tests.app.databases import scalar
from tests.app.serving import NO_PREFECT, Process, free_port, until
from tests.app.shell import Shell
from tests.app.test_survival import (
    HEADER,
    UNITS,
    Job,
    Programs,
    check_everything_acknowledged_is_there,
    completions,
    rosters,
    rows,
    sound,
)

LONG = "OVERLEV_TEST_RUNGS" in os.environ
RUNGS = int(os.environ.get("OVERLEV_TEST_RUNGS", "900"))
KILLS = 10 if LONG else 1
SLEEP = 30 if LONG else SLEEPING_AFTER + 2
BACK_WITHIN = 5.0
"""Seconds after the database takes connections again in which the service serves; the machines
that run the short form may be too busy to be held to it."""

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(0 if LONG else 400)]


class Cluster:
    """A Postgres of one's own that may be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = postgres.start(folder, postgres.DURABLE)

    def database(self, name: str, template: str = "template0") -> str:
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def connect(self, name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        url = make_url(self.url).set(drivername="postgresql", database=name)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def kill(self) -> None:
        """End the server with -9, and start it again."""
        pid = int((self.folder / "pg" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)

    def start_again(self) -> None:
        data = self.folder / "pg"

        def started() -> bool:
            try:
                postgres._run(
                    self.folder, "pg_ctl", "-D", str(data), "-l", str(data / "log"), "-w", "start"
                )
            except postgres.PostgresUnavailable:  # what is left of the killed one still ends
                return False
            return True

        until(started, what="Postgres")


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    del request
    folder = Path(os.environ["PYTEST_DEBUG_TEMPROOT"]) / f"c{os.getpid()}"
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    made = Cluster(folder)
    yield made
    postgres.stop(folder)


@pytest.fixture
def machines(cluster: Cluster, tmp_path: Path) -> list[Shell]:
    """Two data folders that share two databases, with rungs that are due."""
    names = (("OVERLEV_DATABASE_URL", "overlev"), ("OVERLEV_KEYS_URL", "keys"))
    env: dict[str, str | None] = {name: cluster.database(base) for name, base in names}
    env["OVERLEV_SECRET_KEY"] = "a-secret-that-both-machines-share-0123456789"
    made = [Shell(tmp_path / f"machine{number}", dict(env)) for number in (1, 2)]
    for each in made:
        each("init", "--demo", "--cases", 0)
    file = tmp_path / "roster.csv"
    lines = [
        f"M{n:06};Rolf{n};Prøve;01.02.1990;{UNITS[n % 3]};31.08.2026 08:30;dom;20.10.2026"
        for n in range(RUNGS // 6)
    ]
    file.write_text("\n".join([HEADER, *lines]))
    made[0]("import", file, now="2026-09-01T08:00+02:00")
    return made


def told(shell: Shell) -> list[tuple[object, ...]]:
    found = rows(shell, "SELECT case_id, task, rung, due_at FROM notice")
    return sorted(tuple(map(str, row)) for row in found)


@contextmanager
def running(machines: list[Shell]) -> Iterator[tuple[list[Process], list[str]]]:
    """A web and a worker on each machine: the workers, and where the webs are."""
    every: list[Process] = []
    workers: list[Process] = []
    bases: list[str] = []
    try:
        for shell in machines:
            env = {**shell.env, **NO_PREFECT}
            port = free_port()
            workers.append(Process(shell.folder, "worker", env=env))
            every += [workers[-1], Process(shell.folder, "web", "--port", port, env=env)]
            bases.append(f"http://127.0.0.1:{port}")
        yield workers, bases
        for each in every:
            assert each.stop() == 0, each.err
    finally:
        for each in every:
            each.kill()


def test_what_is_due_fires_once_though_a_worker_sleeps_and_the_database_is_killed(
    machines: list[Shell], cluster: Cluster, tmp_path: Path
) -> None:
    one = machines[0]
    copied = {"OVERLEV_DATABASE_URL": cluster.database("copied", "overlev")}
    reference = Shell(one.folder, {**one.env, **copied})
    reference("sweep")
    expected = told(reference)
    assert len(expected) >= RUNGS

    with cluster.connect("overlev") as held, running(machines) as (workers, bases):
        # Nobody can write a notice: both workers are held up in the middle of a batch.
        with held.transaction():
            held.execute("LOCK TABLE notice IN SHARE MODE")
            until(lambda: waiting(cluster) >= 2, what="both workers are in a batch")
            workers[0].send(signal.SIGSTOP)
        asleep = time.monotonic()
        until(lambda: scalar(one, "SELECT count(*) FROM notice"), what="the other goes on")
        time.sleep(max(0.0, SLEEP - (time.monotonic() - asleep)))
        until(
            lambda: scalar(one, "SELECT count(*) FROM notice") == len(expected),
            within=900 if LONG else 120,
            what="the other does the sleeper's part too",
        )
        workers[0].send(signal.SIGCONT)
        until(
            lambda: "the loop waits for the database" in workers[0].err, what="its write is refused"
        )
        assert told(one) == expected

        survive_the_database(machines, cluster, bases)

    assert len(told(one)) == len(set(told(one)))
    sound(one)


def waiting(cluster: Cluster) -> int:
    """How many wait for a lock."""
    with cluster.connect() as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'overlev'"
            " AND wait_event_type = 'Lock'"
        ).fetchone()
    assert found is not None
    return int(str(found[0]))


def survive_the_database(machines: list[Shell], cluster: Cluster, bases: list[str]) -> None:
    one = machines[0]
    units = (word for unit in UNITS for word in ("--unit", unit))
    token = one("token", "add", "--role", "coordinator", *units).out.split()[0]
    for base in bases:
        until(partial(serves, base), what=base)
    work = iter(list(completions(one)))
    programs = [Programs(base, token) for base in bases]
    for number, each in enumerate(programs):
        each.start(work_of(work), 0.05)
        each.start(itertools.islice(rosters(), number, None, 2), 2.0)
    took = []
    for _ in range(KILLS):
        time.sleep(2.0)
        cluster.kill()
        for base in bases:
            answer = httpx.get(f"{base}/readyz", timeout=60)
            assert answer.status_code == 503
            assert answer.json()["reason"] == ["database"]
        cluster.start_again()
        began = time.monotonic()
        for base in bases:
            until(partial(serves, base), what=base)
        took.append(time.monotonic() - began)
    time.sleep(2.0)
    for each in programs:
        each.stop()
    if LONG:
        assert max(took) <= BACK_WITHIN, took
    jobs = [job for each in programs for job in each.jobs]
    for job in jobs:
        if job.status == 200:
            assert programs[1].ask(job).content == job.body, "the other web gives the first answer"
    acknowledged = check_everything_acknowledged_is_there(one, jobs)
    print(  # noqa: T201 - with -s
        f"{KILLS} kills of Postgres, {acknowledged} acknowledged,"
        f" serving again after at most {max(took):.2f} s"
    )


def serves(base: str) -> bool:
    """The database answers, also where the heartbeats are old."""
    return "heartbeats" in httpx.get(f"{base}/readyz", timeout=60).json()


def work_of(shared: Iterator[Job]) -> Iterator[Job]:
    """Take from what another thread takes from too."""
    while True:
        try:
            yield next(shared)
        except (StopIteration, ValueError):
            return

"""The whole service under load, its parts killed with -9 at random moments.

Programs complete tasks and take in rosters over HTTP, each request under a key of its own, and ask
again until they are answered. Afterwards everything that was acknowledged is there, a repeated key
gives the first answer, nothing fired twice, and the logs, the events and the figures agree.

`OVERLEV_TEST_ROUNDS=60` kills that often, on both databases, Prefect's server too, and waits until
the runs that were left "Running" are settled; `OVERLEV_TEST_SEED` chooses other moments. Without
it: two kills, on SQLite, without Prefect.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.app.databases import scalar, url_of
from tests.app.serving import NO_PREFECT, Up, until, up
from tests.app.shell import Shell

LONG = "OVERLEV_TEST_ROUNDS" in os.environ
ROUNDS = int(os.environ.get("OVERLEV_TEST_ROUNDS", "2"))
SEED = int(os.environ.get("OVERLEV_TEST_SEED", "20261126"))
PARTS = ("web", "worker", "prefect") if LONG else ("web", "worker")
ASKING = 6 if LONG else 1
ANSWERED = (200, 403, 404, 409, 422)
UNITS = ("bergen", "ringerike", "bredtveit")
HEADER = "innsattnr;fornavn;etternavn;fødselsdato;enhet;innsatt;kategori;planlagt løslatelse"

pytestmark = pytest.mark.timeout(0 if LONG else 300)


@dataclass
class Job:
    """One request: what is asked, and the first answer."""

    path: str
    key: str
    ask: dict[str, Any]
    status: int = 0
    body: bytes = b""
    tries: int = 0


@dataclass
class Programs:
    """Those that ask: threads with a client of their own, until they are told to stop."""

    base: str
    token: str
    jobs: list[Job] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, work: Iterator[Job], pause: float) -> None:
        thread = threading.Thread(target=self._run, args=(work, pause))
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """What is under way is asked until it is answered."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _run(self, work: Iterator[Job], pause: float) -> None:
        for job in work:
            self.jobs.append(job)
            self.ask(job)
            if self.stopping.wait(pause):
                return

    def ask(self, job: Job) -> httpx.Response:
        """Ask until there is an answer; the first one stands in the job."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": job.key}
        while True:
            job.tries += 1
            try:
                answer = httpx.post(
                    f"{self.base}/api/v1{job.path}", headers=headers, timeout=60, **job.ask
                )
            except httpx.TransportError:
                time.sleep(0.2)  # the web was killed: nobody knows, so ask again
                continue
            if answer.status_code == 503:
                assert "retry-after" in answer.headers
                time.sleep(0.2)
                continue
            assert answer.status_code in ANSWERED, answer.text
            if not job.status:
                job.status, job.body = answer.status_code, answer.content
            return answer


def completions(shell: Shell) -> Iterator[Job]:
    refs = [each["ref"] for each in shell("cases", "--json").json if each["unit"] in UNITS]
    tasks = ("talk_booked", "requests_sent", "card_printed")
    for number, (ref, task) in enumerate(itertools.product(refs, tasks)):
        yield Job(f"/cases/{ref}/tasks/{task}", f"done-{number}", {"json": {"outcome": "done"}})


def rosters() -> Iterator[Job]:
    for number in itertools.count():
        unit = UNITS[number % 3]
        rows = [
            f"T{number:03}{row};Rolf{row};Prøve;01.02.1990;{unit};01.11.2026 08:30;dom;30.12.2026"
            for row in range(3)
        ]
        file = ("roster.csv", "\n".join([HEADER, *rows]).encode(), "text/csv")
        yield Job("/imports", f"roster-{number}", {"files": {"file": file}})


def rows(shell: Shell, query: str) -> list[Any]:
    engine = create_engine(url_of(shell))
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(query)).all())
    finally:
        engine.dispose()


def check_everything_acknowledged_is_there(shell: Shell, jobs: list[Job]) -> int:
    """How many completions and rosters were acknowledged."""
    acknowledged = [job for job in jobs if job.status == 200]
    done = {
        (row.ref, row.code)
        for row in rows(
            shell,
            "SELECT c.ref, t.code FROM task t JOIN case_ c ON c.id = t.case_id"
            " WHERE t.state = 'done'",
        )
    }
    completed = [job.path.split("/")[2::2] for job in acknowledged if "/tasks/" in job.path]
    assert {(ref, task) for ref, task in completed} <= done
    taken = sum("/imports" in job.path for job in acknowledged)
    cases = scalar(shell, "SELECT count(*) FROM case_ WHERE admitted_at > '2026-10-31'")
    assert isinstance(cases, int)
    assert cases >= 3 * taken > 0
    return len(acknowledged)


def check_nothing_happened_twice(shell: Shell) -> None:
    for what in (
        "SELECT case_id, task, rung, due_at, to_role FROM notice",
        "SELECT case_ref, seq FROM case_event",
        "SELECT person_id, admitted_at FROM case_",
    ):
        found = rows(shell, what)
        assert len(found) == len(set(found)) > 0, what
    completed = "SELECT count(*) FROM case_event WHERE verb = 'task_completed'"
    done = "SELECT count(*) FROM task WHERE state = 'done'"
    assert scalar(shell, completed) == scalar(shell, done), "one event for each completion"
    again = shell("sweep", "--json").json
    assert again["notices"] == again["missed"] == again["closed"] == 0, "nothing is left to fire"


def sound(shell: Shell) -> None:
    # Prefect's server of `up` has ended with it: the doctor is not to miss it.
    (shell.folder / "prefect" / "api-url").unlink(missing_ok=True)
    # Nor the loops of workers that were killed before each of them had begun.
    engine = create_engine(url_of(shell))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM heartbeat"))
    engine.dispose()
    assert "OK" in shell("audit", "verify").out
    assert " 0 differ" in shell("doctor", "--rebuild").out


def unsettled(service: Up, shell: Shell) -> list[str]:
    """The runs that Prefect calls running though nobody works on them."""
    home = shell.folder / "prefect"
    user, _, password = (home / "auth-string").read_text().strip().partition(":")
    answer = httpx.post(
        f"{(home / 'api-url').read_text().strip()}/flow_runs/filter",
        json={"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}},
        auth=(user, password),
        timeout=60,
    )
    answer.raise_for_status()
    return [each["name"] for each in answer.json()]


def survive(shell: Shell, more: dict[str, str | None]) -> None:
    made = ["token", "add", "--role", "coordinator", "--label", "programs"]
    token = shell(*made, *(word for unit in UNITS for word in ("--unit", unit))).out.split()[0]
    chance = random.Random(SEED)
    work = list(completions(shell))
    webs = {"OVERLEV_WEB_PROCESSES": "2"}  # which write beside each other and the worker
    with up(shell.folder, env={**shell.env, **webs, **more}) as service:
        programs = Programs(f"http://127.0.0.1:{service.port}", token)
        for number in range(ASKING):
            programs.start(iter(work[number::ASKING]), 0.1)
        programs.start(rosters(), 1.0)
        killed = []
        for number in range(ROUNDS):
            part = PARTS[number % len(PARTS)]
            until(partial(service.part, part), what=f"{part} runs")
            if LONG and part == "web":  # what dies often comes again late: some work first
                until(lambda: service.page.get("/healthz").is_success, what="it serves")
            time.sleep(chance.uniform(0.2, 3.0))
            killed.append(service.kill_part(part))
        assert len(set(killed)) == ROUNDS
        until(lambda: service.readyz()["code"] == 200, what="it heals")
        programs.stop()
        if LONG:
            until(lambda: service.readyz()["status"] == "ready", within=300, what="Prefect too")
            until(lambda: not unsettled(service, shell), within=600, what="runs are settled")
        until(lambda: not scalar_due(shell), what="what is due is done")
        answered = sum(job.tries > 1 for job in programs.jobs)
        for job in programs.jobs:
            if job.status == 200:
                assert programs.ask(job).content == job.body, "the first answer"
        assert service.stop() == 0
        assert service.left() == []
    acknowledged = check_everything_acknowledged_is_there(shell, programs.jobs)
    check_nothing_happened_twice(shell)
    sound(shell)
    answers = Counter(job.status for job in programs.jobs)
    print(f"{ROUNDS} kills, {acknowledged} acknowledged, {answered} asked more than once")  # noqa: T201 - with -s
    print(f"answers: {dict(answers)}")  # noqa: T201


def scalar_due(shell: Shell) -> bool:
    """Whether something is due still."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    cast = f"'{now}Z'" if "sqlite" in url_of(shell) else f"timestamptz '{now}Z'"
    found = scalar(shell, f"SELECT count(*) FROM task WHERE wake_at <= {cast}")
    return bool(found)


@pytest.mark.skipif(LONG, reason="the long form runs on both databases")
def test_killed_at_random_moments_the_service_loses_and_doubles_nothing(house: Shell) -> None:
    survive(house, dict(NO_PREFECT))


@pytest.mark.skipif(not LONG, reason="OVERLEV_TEST_ROUNDS=60 runs it")
def test_killed_many_times_prefect_too_on_both_databases(any_house: Shell, tmp_path: Path) -> None:
    del tmp_path
    survive(any_house, {})

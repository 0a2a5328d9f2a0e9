"""Two Prefect servers on one Postgres with a Redis between them; the long form only.

`OVERLEV_TEST_REDIS=1` runs it, where redis-server, a Postgres with `pg_trgm` and prefect-redis are
installed (`tests/flows/several.py`): three starts of a real server are half a minute of CPU. What
such a server is told, and that two may start together, is tested without them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cases.installation import Installation
from flows import environment
from tests.app.serving import free_port
from tests.flows import several
from tests.flows.conftest import PrefectServer, client_of, serving, started, wait_for
from tests.flows.test_prefect import in_loop, runs, settled, shown_once, some_case
from tests.people import at, complete

pytestmark = [
    pytest.mark.skipif("OVERLEV_TEST_REDIS" not in os.environ, reason="OVERLEV_TEST_REDIS=1"),
    # Prefect and what it brings warn of their own future.
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(600),
]

CALENDAR = 7
"""Flows with a schedule."""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[PrefectServer]]:
    """Two that share all they must share, not started."""
    if several.missing():
        pytest.skip(f"NOT INSTALLED: {'; '.join(several.missing())}")
    # Postgres runs as another user where the tests run as root.
    folder = Path(os.environ["PYTEST_DEBUG_TEMPROOT"]) / f"s{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o711)
    with several.database(folder) as database, several.messenger(folder) as messenger:
        yield [one_of_them(tmp_path / name, database, messenger) for name in ("a", "b")]


def one_of_them(folder: Path, database: str, messenger: str) -> PrefectServer:
    folder.mkdir()
    port = free_port()
    environ = {
        **os.environ,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        environment.MESSENGER_URL: messenger,
        "PREFECT_SERVER_API_AUTH_STRING": "overlev:shared",
        # Else whoever comes first schedules the calendar within a minute.
        "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "3",
        "OVERLEV_BOOTSTRAP_PARENT": "1",
    }
    environment.for_a_server_of_our_own(folder, port, environ)
    return PrefectServer(folder, port, environ)


@contextmanager
def worker_at(server: PrefectServer) -> Iterator[None]:
    """Make this process a worker of the server, until all is told."""
    from prefect.events.worker import EventsWorker

    with client_of(server):
        yield
        # A worker is a process and stays with its server; the next one here gets a line of its own.
        EventsWorker.drain_all(timeout=60, at_exit=False)


def scheduled(server: PrefectServer) -> list[tuple[Any, Any]]:
    """What the calendar has planned: each deployment with each time."""
    found = server.ask("flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}})
    return [(each["deployment_id"], each["expected_start_time"]) for each in found]


def planned(server: PrefectServer) -> None:
    """Wait for the next runs of every flow of the calendar, each once."""
    until = time.monotonic() + 90
    while len({deployment for deployment, _ in scheduled(server)}) < CALENDAR:
        assert time.monotonic() < until, scheduled(server)
        time.sleep(0.5)
    times = scheduled(server)
    assert len(times) == len(set(times))


def test_both_show_the_same_runs_and_one_goes_on_alone_until_the_other_comes_again(
    servers: list[PrefectServer], house: Installation
) -> None:
    one, other = servers
    case = some_case(house)
    first, second = f"case-{case.ref}-v2", f"case-{case.ref}-v3"
    with ExitStack() as running:
        # At the same moment, on a database without a table.
        processes = [running.enter_context(started(server)) for server in servers]
        for server, process in zip(servers, processes, strict=True):
            wait_for(server, process)

        with worker_at(one):
            in_loop(lambda: shown_once(house, worker="worker-a"))
        seen = [settled(server, first) for server in servers]
        assert seen[0]["id"] == seen[1]["id"]
        assert {each["name"]: each["state_name"] for each in seen[0]["tasks"]} == {
            each["name"]: each["state_name"] for each in seen[1]["tasks"]
        }

        processes[0].kill()
        with worker_at(other):
            in_loop(lambda: shown_once(house, worker="worker-b"))
            assert len(runs(other, first)) == 1, "shown once for each change"
            with house.db.write() as tx:
                complete(tx, case, "talk_booked", at("2026-09-01 11:00"))
            in_loop(lambda: shown_once(house, worker="worker-b"))
        settled(other, second)
        planned(other)

        with serving(one):
            for name in (first, second):
                assert settled(one, name)["state_type"] == "COMPLETED"
                assert len(runs(one, name)) == 1
            with worker_at(one):
                in_loop(lambda: shown_once(house, worker="worker-a"))
            assert len(runs(other, second)) == 1
            planned(one)

"""One real Prefect server for the whole session, shared by every worker of pytest-xdist.

Starting it takes 20 s of CPU, most of it the making of its database. Whoever asks first starts it;
it ends when the process that started it ends, since that holds its standard input.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection

from cases.installation import Installation
from core.settings import Settings
from tests.databases import SqliteFiles

ROOT = Path(__file__).parents[2]
START_WITHIN = 500


class PrefectServer:
    """Where it is, and what lies in its database."""

    def __init__(self, folder: Path, port: int, environ: dict[str, str]) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/api"
        self.environ = environ
        self.auth = environ["PREFECT_API_AUTH_STRING"]

    def ask(self, path: str, **body: object) -> list[dict[str, object]]:
        """POST to its interface, as a program outside would."""
        user, _, password = self.auth.partition(":")
        answer = httpx.post(f"{self.url}/{path}", json=body, auth=(user, password), timeout=30)
        answer.raise_for_status()
        found: list[dict[str, object]] = answer.json()
        return found


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The server, started as the supervisor starts it."""
    from flows import environment

    folder = tmp_path_factory.mktemp("prefect-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The calendar is planned by a round of its own; once a minute is a minute's wait for a test.
    soon = {"PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "3"}
    environ = {**os.environ, **soon}
    environment.for_a_server_of_our_own(folder, port, environ)
    environ["OVERLEV_BOOTSTRAP_PARENT"] = "1"
    server = PrefectServer(folder, port, environ)
    with serving(server):
        yield server


@contextmanager
def serving(server: PrefectServer) -> Iterator[subprocess.Popen[bytes]]:
    """Its process, from the first answer on; ended, if the test has not done so."""
    with started(server) as process:
        wait_for(server, process)
        yield process


@contextmanager
def started(server: PrefectServer) -> Iterator[subprocess.Popen[bytes]]:
    """Its process, which does not answer yet."""
    log = (server.folder / "log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "flows.server"],
        cwd=ROOT,
        env=server.environ,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        log.close()
        if process.stdin is not None:
            process.stdin.close()


def wait_for(server: PrefectServer, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    until = time.monotonic() + START_WITHIN
    while time.monotonic() < until:
        assert process.poll() is None, (server.folder / "log").read_text()
        try:
            if httpx.get(f"{server.url}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail((server.folder / "log").read_text())


@pytest.fixture
def prefect(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """The server, and this process as its client."""
    with client_of(prefect_server):
        yield prefect_server
    # Prefect leaves connections open. They warn when they are found, and must be found here, where
    # that is known, and not in whichever test comes next.
    gc.collect()


@contextmanager
def client_of(server: PrefectServer) -> Iterator[None]:
    """Make this process a client of the server."""
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_API_URL,
        PREFECT_LOGGING_TO_API_ENABLED,
        PREFECT_RESULTS_PERSIST_BY_DEFAULT,
        temporary_settings,
    )

    with temporary_settings(
        {
            PREFECT_API_URL: server.url,
            PREFECT_API_AUTH_STRING: server.auth,
            PREFECT_API_REQUEST_TIMEOUT: 30,
            PREFECT_LOGGING_TO_API_ENABLED: False,
            PREFECT_RESULTS_PERSIST_BY_DEFAULT: False,
        }
    ):
        yield


@pytest.fixture
def house(sqlite_files: SqliteFiles, tmp_path: Path) -> Iterator[Installation]:
    """An installation of its own with units A, B and C, open, and the one that flows work with."""
    from app.installation import create_installation
    from flows import house as of_flows
    from tests.people import make_units

    def furnish(tx: Connection, at: object) -> None:
        del at
        make_units(tx)

    made = create_installation(Settings(data=tmp_path / "data"), demo=True, fill=furnish)
    of_flows.use(made, page="http://127.0.0.1:8000")
    yield made
    made.close()
